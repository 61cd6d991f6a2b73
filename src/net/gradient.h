// The gradient of a batch: copies for the shards at work, and their sum in a fixed binary tree.
//
//     shards    0   1   2   3   4   5   6
//               0 + 1   2 + 3   4 + 5   6        two neighbours; the last one alone if it has none
//               0  ..  3        4  ..  6
//               0      ..       6
//
// The tree depends on the number of shards only, so its sum has the same bits whoever adds what, and when. Copies are
// the memory it takes: with one for each shard, two threads would hold 64 times the parameters of a net. Shards are
// begun in order, and whoever wants a copy where none is left first adds two neighbours that are done. Of the shards
// before the first one at work at most log2(shards) sums are left then, so threads + log2(shards) copies are enough
// for nobody to wait for ever. What is not added by the end of the pass is added by slices, by all threads, as the
// gradient is used: with as many copies as shards, everything.
#pragma once

#include "base/ranks.h"
#include "base/threads.h"
#include "net/plan.h"

#include <pthread.h>

enum { CV_MOST_SHARDS = 64, CV_SUM_PIECE = 256 }; // numbers that are summed at a time at most

// How the gradient of a tensor is kept.
typedef enum cv_keeping {
    CV_IN_SHARDS, // a copy for each shard at work
    CV_AT_ONCE,   // one: batch norm makes it of all blocks as it merges their statistics; or nobody, of what is frozen
    CV_JOINT,     // one, by a joint step; none where it is handed over
    CV_KEEPINGS
} cv_keeping;

// Trained numbers first..end, which start at `at` in every copy of their kind.
typedef struct cv_stretch {
    size_t first, end, at;
    cv_keeping keeping;
    int region; // whose actions make them: how many meetings come before
} cv_stretch;

// The sum of shards from this one up to `end`, in a copy; -1: there is none.
typedef struct cv_partial_sum {
    int16_t copy, end;
} cv_partial_sum;

typedef struct cv_gradient {
    const cv_isa *isa;
    cv_stretch *stretch; // in the order of the net
    int stretches;
    cv_stretch **of; // [tensors of the net]
    const cv_net *net;
    void *memory[CV_KEEPINGS]; // [copies][size], [size], [size]
    size_t size[CV_KEEPINGS];  // reals
    int copies;                // of CV_IN_SHARDS
    int shards;                // of the batch at hand
    int begin, end;            // those of this rank
    int regions;
    size_t *slice;                         // [regions + 1] where those of each region begin in a copy
    cv_partial_sum (*sum)[CV_MOST_SHARDS]; // [regions]
    pthread_mutex_t lock;                  // of what follows, and of the sums where there are fewer copies than shards
    pthread_cond_t news;                   // a shard is done, or a copy is free
    int next;                              // shard of this region to be begun
    int free[CV_MOST_SHARDS], frees;
    // With ranks (gradient_ranks.c): the sums of others, and that of all.
    convo_ranks *ranks;
    char *received; // [sums of other ranks][room]
    size_t room;    // reals: this rank's slices of all regions
    void *whole;    // [size of CV_IN_SHARDS]
    int *cut;       // [ranks + 1] slices of a region, in lanes
} cv_gradient;

// Allocates everything, for batches of at most `shards` shards, which `ranks` share (NULL: one process has them all).
// Returns false if memory runs out; call cv_gradient_free all the same.
bool cv_gradient_new(cv_gradient *gradient, const cv_net *net, const cv_plan *plan, int shards, int threads,
                     convo_ranks *ranks);
void cv_gradient_free(cv_gradient *gradient);
size_t cv_gradient_bytes(const cv_gradient *gradient);
// Begins a region's pass over the blocks of a batch. begin, end: the shards of this rank.
void cv_gradient_begin(cv_gradient *gradient, int region, int shards, int begin, int end);
// Finds a shard to be done, and a copy for its gradient. Call it once for each shard, with another one of this rank in
// *shard each time: it is that one if there are as many copies as shards, else the next in order. By any thread.
void cv_gradient_next(cv_gradient *gradient, int region, int *shard, int *copy);
// The gradient of this shard is complete in this copy. By any thread.
void cv_gradient_done(cv_gradient *gradient, int region, int shard, int copy);
// As if all shards were done, each in the copy of its number: for those that are not done shard by shard.
void cv_gradient_all_done(cv_gradient *gradient, int shards);
// Returns where the gradient of a tensor of the net lies, NULL: it is not trained.
void *cv_gradient_of(const cv_gradient *gradient, int tensor, int copy);
// Returns the stretch of a trained number.
const cv_stretch *cv_gradient_stretch(const cv_gradient *gradient, size_t number);
// Returns [count] numbers of the gradient, from `first` on: in place, or in room, [count], if they had to be summed.
const void *cv_gradient_sum(const cv_gradient *gradient, size_t first, size_t count, void *room);
// Forgets joint gradients, which are handed over from now on.
void cv_gradient_hand_over(cv_gradient *gradient);

// --- for gradient_ranks.c -------------------------------------------------------------------------------------------

// Where a shard range of rank `rank` begins; that of `size` is the number of shards.
static inline int cv_rank_begin(int shards, int rank, int size) {
    return (int)((int64_t)shards * rank / size);
}
// Allocates what ranks need. Returns false if memory runs out.
bool cv_gradient_share(cv_gradient *gradient, int shards);
// Where `at` of a sum lies that another rank sent, in copy `copy` >= copies of the region.
char *cv_gradient_received(const cv_gradient *gradient, int region, int copy, size_t at);
// Adds the shards of all ranks in a region whose pass is done.
void cv_gradient_exchange(cv_gradient *gradient, int region, cv_pool *pool);
// Returns [count] numbers of the sum of `width` shards from `first` on, from `at` on in the copies: where they lie, or
// made in room.
const void *cv_gradient_tree(const cv_gradient *gradient, int region, size_t at, size_t count, int first, int width,
                             void *room);
char *cv_gradient_memory(const cv_gradient *gradient, cv_keeping keeping, int copy, size_t at);
// Returns the smallest power of two that is not below n.
static inline int cv_power_above(int n) {
    int power = 1;
    while (power < n) power *= 2;
    return power;
}
