// The plan: what one block does, in which order, and where each value lies in its arena. All sizes are known before the
// first step.
#pragma once

#include "net/net.h"

#define CV_NOWHERE SIZE_MAX

// The actions of a block. At a MERGE, and at a FORWARD or BACKWARD of a joint step, all blocks meet; between two
// meetings, actions run depth-first, block by block.
typedef enum cv_verb {
    CV_LOAD, // samples into lanes
    CV_FORWARD,
    CV_UNLOAD,        // outputs and losses out of the lanes
    CV_LOAD_GRADIENT, // the gradient of the outputs, given by the caller
    CV_BACKWARD,
    CV_UNLOAD_GRADIENT, // the gradient of the input
    CV_GATHER,          // statistics of this block, before FORWARD
    CV_GATHER_BACKWARD, // the same before BACKWARD
    CV_MERGE,
    CV_MERGE_BACKWARD,
} cv_verb;

// Adjacent actions whose ops are .by_channel form a chain if their maps are too large for the cache: all of them run
// for the first channel, then for the second, so that each reads what the previous one wrote from the cache. A value
// that is used only within a chain is brief: it has memory for one channel, which stays in the cache.
typedef struct cv_action {
    cv_verb verb;
    int step;
    int chain;    // number of actions in the chain that begins here; 1: this one alone
    bool meeting; // of all blocks
} cv_action;

// A node of the net in the plan, or the loss, which is the last step. Offsets are in lanes; CV_NOWHERE: not needed.
typedef struct cv_step {
    const cv_node *node;
    size_t y, dy; // the step's output and its gradient
    size_t x[CV_MAX_INPUTS];
    bool brief_y, brief_x[CV_MAX_INPUTS];
    size_t dx[CV_MAX_INPUTS];     // where backward writes
    size_t add_to[CV_MAX_INPUTS]; // and what that is then added to, when an input has several readers
    bool add;                     // or backward adds itself to what is there: .adds_dx
    size_t saved, noise;
    size_t scratch[2]; // of the forward and the backward pass
    bool joint;        // one call for all blocks, in parts that threads share: of a layer with many parameters
    bool split[2];     // the forward, the backward pass of each block in parts that threads share
    // Steps of norms, see norms.c; -1: none.
    int x_norm;     // that x[0] is opened through
    int gathers[2]; // whose statistics are gathered as y, or dx[0], gets done
    cv_norm norm;   // of a norm
    int cut;        // the step behind a norm whose work it does; else this step
    bool merged;    // that is this one: it has no actions
    bool done;      // the forward pass, by others: it has no action
} cv_step;

typedef struct cv_plan {
    cv_node *node; // of the net, in the order the plan runs them
    cv_step *step;
    int steps;
    cv_action *action;
    int actions;
    size_t input, input_gradient, output, output_gradient;
    size_t lanes;  // of an arena
    bool barriers; // blocks meet, so that each needs an arena of its own
} cv_plan;

// loss: a node whose input is the net's last one; may be NULL. blocks: of the largest batch.
convo_status cv_plan_make(const cv_net *net, const cv_node *loss, int blocks, unsigned flags, cv_plan *plan,
                          convo_error *err);
void cv_plan_free(cv_plan *plan);
