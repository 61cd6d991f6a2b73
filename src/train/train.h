// Training: optimiser, schedule, loop, checkpoints. Knows nets and arrays; recipes and model files are above it.
#pragma once

#include "base/option.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "net/run.h"

// --- optimisers: PyTorch's defaults and order of operations (torch.optim, single tensor) --------------------------

typedef struct cv_optimizer_config {
    double lr, momentum, dampening, weight_decay, beta1, beta2, eps;
    bool nesterov;
    int decays; // CV_DECAYS_ALL, ...: what weight_decay acts on
} cv_optimizer_config;

enum { CV_DECAYS_ALL, CV_DECAYS_WEIGHTS };

typedef struct cv_optimizer {
    const char *name, *help; // "sgd", "adam", "adamw"
    const cv_option *schema; // over cv_optimizer_config
    int moments;             // arrays of state, each as long as the parameters, at most: see cv_optimizer_moments
    // Performs one step on part of the arrays: updates w and m[k]; g is the gradient. step counts from 1.
    void (*update)(const cv_optimizer_config *config, double lr, int64_t step, size_t count, float *w, const float *g,
                   float *const *m);
} cv_optimizer;

// Returns the number of moments with these options: SGD without momentum has none.
int cv_optimizer_moments(const cv_optimizer *optimizer, const cv_optimizer_config *config);
const cv_optimizer *cv_optimizer_at(size_t k); // NULL at the end

// --- schedules: factor of the learning rate, as torch.optim.lr_scheduler has them -----------------------------------

typedef struct cv_schedule_config {
    int64_t every, warmup, epochs, cooldown;        // all in epochs
    int64_t longer;                                 // warm_restarts
    double gamma, minimum;                          // factor of a cut; lowest rate, as a fraction of lr
    double power, threshold;                        // polynomial; on_plateau
    bool each_step;                                 // else the rate moves at every epoch
    double start, end;                              // linear
    char milestones[CV_LIST_SIZE];                  // see CV_NUMBERS
    double pct_start, div_factor, final_div_factor; // one_cycle
} cv_schedule_config;

// A point of a training, counted from the end of the warm-up.
typedef struct cv_instant {
    double epoch, epochs; // now, whole unless the rate moves at every step; of the training
    int64_t step, steps;
} cv_instant;

typedef struct cv_schedule {
    const char *name, *help; // "constant", "step", "cosine", ...
    const cv_option *schema; // over cv_schedule_config
    double (*factor)(const cv_schedule_config *config, cv_instant at);
    bool watches; // the factor also depends on how the training goes: see cv_plateau_step
} cv_schedule;

const cv_schedule *cv_schedule_at(size_t k); // NULL at the end
// Returns the factor at step 0, 1, ... of `steps`, with `per_epoch` steps per epoch, warm-up included.
double cv_schedule_factor(const cv_schedule *schedule, const cv_schedule_config *config, int64_t step, int64_t steps,
                          int64_t per_epoch);

// What torch.optim.lr_scheduler.ReduceLROnPlateau knows.
typedef struct cv_plateau {
    double factor, best;  // of the learning rate so far; score, not finite before the first epoch
    int64_t bad, cooling; // epochs without a gain; left of the cool-down
} cv_plateau;

// After an epoch. highest: a higher score is better, as of an accuracy.
void cv_plateau_step(const cv_schedule_config *config, double lr, bool highest, double score, cv_plateau *plateau);

// --- the loop -----------------------------------------------------------------------------------------------------

typedef struct cv_train_config {
    int64_t batch, epochs, seed, patience; // patience: epochs without a better validation score; 0: never stop early
    int order;                             // CV_SHUFFLE, ...
    int keep;                              // CV_KEEP_BEST, ...
    int watch;                             // CV_WATCH_LOSS, ...: what tells which epoch is better
    int precision;                         // CV_PRECISION_FP32, ...
    int quantize;                          // CV_QUANTIZE_NONE, ...
    int64_t record_every;                  // steps; 0: only epochs are recorded
    bool record_full, record_validation, test_each_epoch, drop_last, balance;
    int64_t accumulate;               // batches of a step
    double clip_norm, clip_value;     // of the gradient; 0: not clipped
    double ema;                       // decay of the moving average of the parameters; 0: none
    bool ema_warmup;                  // the decay rises at the beginning
    char class_weights[CV_LIST_SIZE]; // see cv_class_weights
} cv_train_config;

enum { CV_SHUFFLE, CV_FIXED, CV_REPLACEMENT };
enum { CV_KEEP_BEST, CV_KEEP_LAST };
enum { CV_WATCH_LOSS, CV_WATCH_ACCURACY };
enum { CV_PRECISION_FP32, CV_PRECISION_BF16 };
enum { CV_QUANTIZE_NONE, CV_QUANTIZE_INT8 };

extern const cv_option cv_train_schema[]; // over cv_train_config

// Everything a training needs to continue with the same bits: the content of a checkpoint.
typedef struct cv_train_state {
    int64_t epoch, step;    // epochs done, steps done in the next one
    int64_t steps;          // steps done ever
    cv_random random;       // now
    cv_random epoch_random; // as the running epoch began: its order is drawn from it again
    double loss_sum;        // of the running epoch
    double weight_sum;      // of its examples, by which their losses are divided
    int64_t correct, seen;  // of the running epoch
    double best_score;      // of validation, as it is watched; not finite: none yet
    double seconds;         // of all calls together
    int64_t best_epoch;     // 0: none yet
    cv_plateau plateau;
    float *moment[2]; // [net->trained] each, as many as the optimiser has
    float *average;   // [net->total] moving average of all values, NULL without one
    float *best;      // [net->total] the best on validation, NULL where the last epoch's weights are kept
} cv_train_state;

// Results of one epoch.
typedef struct cv_epoch {
    int epoch;
    convo_score score[3]; // train (while it was trained), validation, test
    double learning_rate, examples_per_second, seconds;
    bool best; // so far, on validation, where the best is kept
} cv_epoch;

// Results of one step: on the batch it trained on, or with record_full on the whole training part after it.
typedef struct cv_step_record {
    int64_t step; // from 1
    convo_score train, validation;
    double learning_rate;
} cv_step_record;

typedef struct cv_training {
    cv_train_config config;
    const cv_op *loss;
    const void *loss_config;
    const float *class_weight; // [classes], how much the examples of each count in training; NULL: all the same
    const cv_optimizer *optimizer;
    cv_optimizer_config optimizer_config;
    const cv_schedule *schedule;
    cv_schedule_config schedule_config;
    // A second part of the loss, from what another net says of the same examples: see op/layers/distillation.c.
    struct cv_teacher {
        cv_net *net; // of the same inputs and outputs; NULL: no teacher
        double temperature, weight;
        cv_normal normal, again; // its normalisation: of examples as they come; as the trained net sees them
    } teacher;
    cv_net *net;             // trained in place, and left as the kept model
    const cv_source *source; // of the examples
    const cv_split *split;
    cv_pool *pool;
    convo_ranks *ranks; // that share the training; NULL: none
    // Callbacks for code that writes files; each may be NULL.
    convo_status (*step_done)(void *user, const cv_step_record *record, convo_error *err);
    convo_status (*epoch_done)(void *user, const cv_epoch *epoch, convo_error *err);
    convo_status (*checkpoint)(void *user, const cv_train_state *state, convo_error *err);
    void *user;
} cv_training;

// Returns the number of batches, and of steps, in an epoch over so many examples; drop_last leaves out a last batch
// that is not full. The last step of an epoch may have fewer batches than the others.
int64_t cv_batches_of_epoch(const cv_train_config *config, int64_t examples);
int64_t cv_steps_of_epoch(const cv_train_config *config, int64_t examples);
// Makes *weight, [classes], of a list as in recipes: "balanced", a number for each class, or "class=number", 1 for the
// others; NULL of "". For the examples rows[0..count] of the source. The caller frees it. by_output: "balanced" is, for
// each class, the examples without it over those with it.
convo_status cv_class_weights(const char *list, char *const *labels, int classes, bool by_output,
                              const cv_source *source, const int32_t *rows, size_t count, float **weight,
                              convo_error *err);
// Draws the order of an epoch of n training rows with replacement, each class equally often. label: by row. order: [n].
// Returns false if memory runs out.
bool cv_balanced_order(const int32_t *label, const int32_t *rows, size_t n, cv_random *random, int32_t *order);
// Checks whether this training is possible: refuses before the first step, naming the layer if one is the cause.
convo_status cv_train_check(const cv_training *training, convo_error *err);
// Makes the state before the first step. random: the generator after the initial weights were drawn.
convo_status cv_train_state_new(const cv_training *training, const cv_random *random, cv_train_state *state,
                                convo_error *err);
void cv_train_state_free(cv_train_state *state);
// With ranks: gives all the state and the net of rank 0. Call it on all of them, before cv_train_run.
convo_status cv_train_spread(const cv_training *training, cv_train_state *state, convo_error *err);
// Trains from state on. Uses options->stop, progress and user, with ranks those of rank 0. Fills the result except
// seed, isa and threads.
convo_status cv_train_run(const cv_training *training, cv_train_state *state, const convo_train_options *options,
                          convo_train_result *result, convo_error *err);

// Returns the batch that was loaded, for a runner.
static inline cv_batch cv_batch_of(const cv_loaded *loaded) {
    return (cv_batch){.values = loaded->values,
                      .index = loaded->index,
                      .label = loaded->label,
                      .other = loaded->other,
                      .share = loaded->share,
                      .count = loaded->count};
}

// A net and examples prepared for scoring. trainer: whose memory it may use between steps; NULL: none.
typedef struct cv_scorer cv_scorer;
convo_status cv_scorer_new(const cv_runner *trainer, cv_net *net, const cv_op *loss, const void *loss_config,
                           const cv_source *source, cv_pool *pool, cv_scorer **scorer, convo_error *err);
void cv_scorer_free(cv_scorer *scorer);
// Shares the examples of each cv_score with other ranks, all of which call it alike.
void cv_scorer_share(cv_scorer *scorer, convo_ranks *ranks);
// Who is told by cv_score how many examples are done: NULL: nobody.
void cv_scorer_tell(cv_scorer *scorer, void (*tell)(int64_t done, int64_t total, void *user), void *user);
// Computes mean loss and accuracy of the net over the examples index[0..count]. outputs: receives the net's outputs;
// may be NULL.
convo_status cv_score(cv_scorer *scorer, const int32_t *index, size_t count, float *outputs /* [count][outputs] */,
                      convo_score *score, convo_error *err);
// Returns the class that a net's outputs stand for: the largest or, with one output, the second class if it is
// positive.
int32_t cv_class_of(const float *outputs, int count);
// Returns whether a net's outputs are right for a label: they stand for it or, with truth, the positive ones are those
// that are true.
bool cv_is_right(const float *outputs, int count, int32_t label, const uint8_t *truth);
