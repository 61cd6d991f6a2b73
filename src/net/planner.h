// A plan under construction: plan.c decides what happens and which values share memory, arena.c where they lie.
#pragma once

#include "net/plan.h"
#include "net/run.h"

// A piece of the arena and the span of actions in which it is used. Pieces whose spans do not overlap share memory.
typedef struct piece {
    size_t size, offset;
    int first, last;
} piece;

// A value is the net's input (0) or the output of step i (i + 1). Values that an op changes in place form a group whose
// root owns the memory; the same holds for gradients.
typedef struct planner {
    cv_plan *plan;
    unsigned flags;
    int values;
    int *root, *slope;       // [values] of the group of the value, of that of its gradient
    int *readers;            // [values] how many steps read it
    bool *needed;            // [values] its gradient is needed
    bool *brief;             // [values] of a root: see cv_action
    bool *kept;              // [values] of a root: some op of the group reads y in its backward pass
    int *back;               // [steps] in the order of the backward pass
    bool *reached;           // [steps] in back already
    int *forward, *backward; // [steps] when, as an index of actions
    piece *piece;
    int pieces;
    size_t **slot; // [pieces] who wants to know the offset
} planner;

static inline int inputs_of(const cv_step *s) {
    return cv_node_inputs(s->node);
}
static inline int value_read(const cv_step *s, int k) {
    return s->node->input[k] + 1;
}
static inline bool training(const planner *d) {
    return d->flags & CV_TRAINING;
}

// Finds out which norms are done by their neighbours; readers, needed and back are known.
void cv_plan_norms(planner *d, const cv_net *net);
// Returns whether the step of a node cuts what a norm in front of it makes, for nobody else.
bool cv_plan_cuts(const planner *d, int i);

// Assigns offsets to everything that a block needs memory for; returns false if memory for the search runs out.
bool cv_arena_assign(planner *d, const cv_net *net);
