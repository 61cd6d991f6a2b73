// The inside of a runner: set up by runner.c, run by run.c.
#pragma once

#include "net/gradient.h"
#include "net/race.h"
#include "net/run.h"

enum { MAX_LANES = CV_MAX_LANES };

// Each of so many threads has a shard of its own before blocks go in lockstep.
enum { FEW_SHARDS = 8 };

// Blocks of a net of mostly linear layers run in lockstep if their values together fit in this much cache, so that
// weights that exceed the cache are read once for all of them.
enum { MAX_LOCKSTEP = 4, LOCKSTEP_BYTES = 5 << 19 };

// What the passes of a slot are set to. They are updated only on a change, since a step of a small net takes half a
// microsecond.
typedef struct target {
    double weight;             // of the batch: its losses are divided by it
    const float *class_weight; // the batch's
    const uint8_t *truth;
    int copy, active;        // of the gradient; samples of the block
    int blocks, last_active; // that it leads in lockstep, 0 where it follows; samples of the last of them
    int64_t set;             // wide, since targets are compared byte by byte: nothing lies between
} target;

struct cv_runner {
    cv_net *net;
    cv_net *single;   // of its own, for one example; net is this one then
    cv_shape in, out; // of the net that was given
    const cv_isa *isa;
    cv_node loss; // the node the plan ends with; .op NULL without a loss
    cv_plan plan;
    cv_pool *pool;
    convo_ranks *ranks; // that share its batches; NULL: none
    int *first_block;   // [ranks + 1] of the batch at hand
    unsigned flags;
    int max_batch;
    int lockstep; // blocks that go through the net together
    int slots;    // arenas: one per thread and block in lockstep, or one per block where blocks meet
    void *arena;  // [slots][plan.lanes]
    bool borrows; // the arena is another runner's
    void *work;   // [threads][work_lanes], scratch of parts of a pass
    size_t work_lanes;
    float *rounded; // [net->trained] the weights of nodes that are .rounded; NULL: there are none
    double *steps;  // [threads][widest] of the outputs of a node
    size_t widest;
    cv_pass *pass;   // [slots][steps], pointers filled in
    target *aimed;   // [slots]
    int32_t *labels; // [slots][MAX_LANES]
    int32_t *others; // [slots][MAX_LANES], for mixed examples, and the shares of their first labels
    float *shares;   // [slots][MAX_LANES]
    void *second;    // [slots][outputs] lanes: losses, or their gradients, for the second labels or from the teacher
    cv_node lesson;  // what is learnt from a teacher; .op NULL: nothing
    double taught;   // its share in the loss
    void *teacher;   // [slots][outputs] lanes of its outputs
    cv_gradient gradient;
    cv_use_gradient *use; // receives the gradients of joint layers; NULL: they are kept
    void *user;
    float **noise;      // [steps][max_batch * noise of the step], NULL where a step draws none
    double **partial;   // [steps][2] -> [blocks][size]
    double **merged;    // [steps][2] -> [size]
    int *block_samples; // [blocks]
    float *zero;        // a row of zeros, the output gradient of idle lanes
    race race;
    double *seconds;    // [steps][2] spent forward and backward; NULL unless profiled
    size_t bytes;
};

// The tensor that holds a node's weights, -1: it has none.
int cv_node_weight(const cv_net *net, const cv_node *node);
// Rounds the weights of nodes that are .rounded, as they are now.
void cv_round_weights(const cv_runner *r);
// Shards of so many blocks: by the batch and the net alone, since sums need the same ones for any number of threads.
int cv_shards_of(const cv_runner *r, int blocks);
// The first block of a shard.
int cv_shard_begin(const cv_runner *r, int blocks, int shards, int shard);
static inline int blocks_of(const cv_runner *r, int count) {
    return (count + r->isa->lanes - 1) / r->isa->lanes;
}
static inline int64_t input_size(const cv_runner *r) {
    return cv_shape_size(r->in);
}
static inline int64_t output_size(const cv_runner *r) {
    return cv_shape_size(r->out);
}
static inline size_t lane_bytes(const cv_runner *r) {
    return (size_t)r->isa->lanes * r->isa->real;
}
static inline char *arena_of(const cv_runner *r, int slot) {
    return (char *)r->arena + (size_t)slot * r->plan.lanes * lane_bytes(r);
}

static inline void *work_of(const cv_runner *r, int worker) {
    return (char *)r->work + (size_t)worker * r->work_lanes * lane_bytes(r);
}

static inline void *at(const cv_runner *r, int slot, size_t offset) {
    return offset == CV_NOWHERE ? NULL : arena_of(r, slot) + offset * lane_bytes(r);
}
