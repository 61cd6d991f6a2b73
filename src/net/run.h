// Runs a net over batches: blocks of samples depth-first, gradients in fixed shards.
#pragma once

#include "base/ranks.h"
#include "base/threads.h"
#include "base/values.h"
#include "net/net.h"

typedef struct cv_runner cv_runner;

typedef struct cv_batch {
    const cv_values *values; // [examples][size of the net's input]
    const int32_t *index;    // [count] rows of values
    const int32_t *label;    // [examples], by row; NULL if no loss is needed
    const int32_t *other;    // [examples], by row: the second label of mixed examples, whose loss is that of `label`
    const float *share;      // times share, [examples], plus that of `other` times 1 - share; NULL: none is mixed.
                             // For cv_runner_train, in float.
    int count;
    const uint8_t *truth;      // [labels][outputs], which outputs are true for each label; NULL: the label's alone
    const float *class_weight; // [classes], how much the loss of an example of each counts; NULL: all the same. Then
    double weight;        // the mean is the sum of the losses over this, the weights of the examples; 0: over count
    const float *teacher; // [count][outputs] of a teacher, for cv_runner_teach; NULL: none
    const float *output_gradient; // [count][outputs]: used instead of the gradient of the loss; NULL: not used
    float *input_gradient;        // [count][inputs]: filled by a runner with CV_INPUT_GRADIENT; NULL: not needed
} cv_batch;

enum {
    CV_TRAINING = 1,       // keep what the backward pass needs; without it the plan is for inference
    CV_INPUT_GRADIENT = 2, // also the gradient with respect to the net's input
    CV_ANY_SIZE = 4,       // chains and joint steps (see plan.h) however small, for tests
    CV_ONE_EXAMPLE = 8,    // batches of one, for inference without a loss, and the net's parameters stay as they are:
                           // with channels in the lanes where all layers can (cv_net_single)
    CV_SPLIT = 32,         // set by the runner: threads share passes of a block
    CV_UNDIVIDED = 64,     // threads do not: with ranks, which have the same plan for any number of threads
    CV_FEW_SHARDS = 16,    // so that a small batch has shards of several blocks, for tests
};

// loss: may be NULL if batches bring their own gradient, or for inference. flags: of those above. Allocates everything,
// for batches of at most max_batch.
convo_status cv_runner_new(cv_net *net, const cv_op *loss, const void *loss_config, int max_batch, unsigned flags,
                           cv_pool *pool, cv_runner **runner, convo_error *err);
// Does the same, but places its values in the memory of `lender` if they fit. The two must never run at the same time,
// and lender (may be NULL) must be freed last.
convo_status cv_runner_borrow(const cv_runner *lender, cv_net *net, const cv_op *loss, const void *loss_config,
                              int max_batch, unsigned flags, cv_pool *pool, cv_runner **runner, convo_error *err);
void cv_runner_free(cv_runner *runner);

// Computes outputs and losses of a batch. outputs: [count][outputs of the net], losses: [count]; either may be NULL.
void cv_runner_forward(cv_runner *runner, const cv_batch *batch, float *outputs, float *losses);
// Runs one training pass: forward with dropout drawn from random, and the gradient of the mean loss. outputs, losses:
// as above.
void cv_runner_train(cv_runner *runner, const cv_batch *batch, cv_random *random, float *outputs, float *losses);
// Computes the losses of a batch again, forward only, as doubles and with the dropout of the last cv_runner_train: for
// checks.
void cv_runner_losses(cv_runner *runner, const cv_batch *batch, double *losses /* [count] */);
// Makes the loss of batches with a teacher 1 - weight times the runner's own plus weight times that of `op`, a loss of
// two inputs that reads the net's outputs and the teacher's. The mean of the latter is over the examples. config is
// copied.
convo_status cv_runner_teach(cv_runner *runner, const cv_op *op, const void *config, double weight, convo_error *err);
// Shares the shards of each batch with other ranks, all of which call cv_runner_train with the same batch: of its
// outputs every rank has its own examples' only, but all losses and the whole gradient. Call it first. An exchange that
// fails leaves numbers that mean nothing: see cv_ranks_state.
convo_status cv_runner_share(cv_runner *runner, convo_ranks *ranks, convo_error *err);
// Returns the examples of a batch of `count` that are this rank's, first..*end.
int cv_runner_own(const cv_runner *runner, int count, int *end);
// Uses `count` numbers of a gradient; first: the index of the first one among the net's trained numbers. Called by
// several threads, each for other numbers.
typedef void cv_use_gradient(void *user, size_t first, size_t count, const float *gradient);
// Makes cv_runner_train pass the gradients of joint layers (see plan.h) to `use` as soon as they are known, instead of
// keeping them, which saves writing and reading them. `use` may change the parameters themselves. It is called after
// all losses are known, and not at all if one is not finite; so cv_runner_train must be given room for losses.
void cv_runner_use_gradients(cv_runner *runner, cv_use_gradient *use, void *user);
// Returns whether the gradient of this number of the net is kept, for cv_runner_gradient.
bool cv_runner_keeps_gradient(const cv_runner *runner, size_t number);
// Returns the gradient of the last cv_runner_train: [count] reals of the net, for its trained numbers from `first` on.
// It lies in the runner until the next pass, or in room, [count], if it had to be summed. Its bits do not depend on the
// number of threads.
const void *cv_runner_gradient(const cv_runner *runner, size_t first, size_t count, void *room);
// After a loss that is not finite: runs the batch forward again, with the same dropout, and returns the first node
// whose output is not finite; NULL if it is the loss itself.
const cv_node *cv_runner_first_not_finite(cv_runner *runner, const cv_batch *batch);
// Returns the bytes allocated for activations, gradients and work memory.
size_t cv_runner_bytes(const cv_runner *runner);
// For profiling: returns node k in the order of the plan, the loss last; NULL past it.
const cv_node *cv_runner_node(const cv_runner *runner, int k);
// Starts profiling: adds the seconds that each node takes forward and backward to seconds, [nodes][2]; NULL: stops it.
// For a pool of one thread.
void cv_runner_profile(cv_runner *runner, double *seconds);
