// One block of a batch: what a runner does with it between two points at which all blocks meet. See plan.h for the
// actions.
#pragma once

#include "net/runner.h"

// Input of the tasks of one region.
typedef struct job {
    cv_runner *runner;
    const cv_batch *batch;
    float *outputs, *losses;
    double *wide; // losses
    int blocks, shards;
    int begin, finish; // the shards of this rank
    int region, first, end; // of actions
    bool adds, sums;        // gradients; shards of this region have some
    int *not_finite;        // [blocks] first step whose output is not finite; NULL: do not look
} job;

typedef struct block {
    int number, slot, first, active; // first: of its samples in the batch
} block;

static inline cv_pass *pass_of(const cv_runner *r, int slot, int step) {
    return r->pass + (size_t)slot * (size_t)r->plan.steps + step;
}

static inline int samples_of(const job *j, int number) {
    const int lanes = j->runner->isa->lanes, left = j->batch->count - number * lanes;
    return left < lanes ? left : lanes;
}

// Runs the actions first..end of the job on `count` blocks in lockstep: each action on all blocks, then the next.
void cv_run_blocks(const job *j, const block *b, int count);
// Finishes a block after the pass of a joint step.
void cv_after_joint(const job *j, const block *b, cv_action action);
// Adds the time since `began` to the action's step, if the runner is profiled.
void cv_count_time(const cv_runner *r, cv_action action, double began);
