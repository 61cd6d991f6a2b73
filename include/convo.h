// convo: trains, explains, checks and exports small convolutional networks for speech and pictures, in C, on CPUs.
//
// The API has three parts, simplest first:
//   convo_train            turns a recipe into a run folder with a tested model
//   convo_model_*          loads a model and predicts the class of a recording or an array
//   convo_recipe_*, ...    inspect a recipe, a net or a data set
//
// Every function that can fail returns a convo_status and, on failure, fills the convo_error of the caller. The error
// may be NULL. NULL for another pointer that is needed is refused with ARGUMENT. Functions that do not return a
// convo_status need valid pointers, unless their comment says otherwise. Errors are named below without the prefix
// CONVO_.
//
// No function prints, exits, reads the environment or keeps global state. A handle may be used by one thread at a time;
// different handles may be used by different threads at once. The `_free` functions accept NULL. The caller frees what
// a function returns through a pointer argument, with the `_free` function of its type or as the comment says. Every
// `const char *` is a string that ends in 0. docs/stability.md says what stays the same from version to version.
#ifndef CONVO_H
#define CONVO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVO_VERSION_MAJOR 0 // version of this header
#define CONVO_VERSION_MINOR 1 // version of this header
#define CONVO_VERSION_PATCH 0 // version of this header

#if defined(__GNUC__)
// Marks the symbols that the library exports.
#define CONVO_API __attribute__((visibility("default")))
#else
#define CONVO_API
#endif

// "0.1.0", the version of the library that is running.
CONVO_API const char *convo_version(void);

// --- errors -----------------------------------------------------------------------------------------------------

// Result of a call.
typedef enum convo_status {
    CONVO_OK = 0,
    CONVO_ARGUMENT = 1,    // an argument or an option is invalid
    CONVO_MEMORY = 2,      // there is not enough memory
    CONVO_IO = 3,          // a file cannot be opened, read or written
    CONVO_FORMAT = 4,      // the content of a file is invalid
    CONVO_SHAPE = 5,       // sizes do not fit together
    CONVO_UNSUPPORTED = 6, // valid, but not supported by this build or version
    CONVO_LIMIT = 7,       // a stated limit is exceeded
    CONVO_NUMERIC = 8,     // a result is not finite
    CONVO_STATE = 9,       // not possible in the present state
} convo_status;

// Why a call failed. Filled only when it did.
typedef struct convo_error {
    convo_status code; // equal to the returned status
    char where[512];   // file, file:line:column, file@byte or a layer's name; "" if the error has no place
    char message[512]; // one sentence: what is wrong and what to do
} convo_error;

// Returns the name of a status without its prefix: "FORMAT" for CONVO_FORMAT.
CONVO_API const char *convo_status_name(convo_status status);

// Escapes a string from outside, such as a file name, for display in a terminal: control characters, marks that change
// the direction of writing and bytes that are not UTF-8 become a backslash followed by n, x1b, u202e, xff or the like,
// as in C; all other characters are copied. Writes at most `size` bytes including the final 0, in whole characters, and
// returns the length of the complete result without the 0, as snprintf does. Both strings of a convo_error have this
// form.
CONVO_API size_t convo_text_show(const char *text, char *out, size_t size);

// Returns how many letters of `a` have to be inserted, dropped, changed or swapped with their neighbour to make `b`,
// upper and lower case being equal: how near a misspelt word is to another. SIZE_MAX for words of 64 letters or more.
CONVO_API size_t convo_text_distance(const char *a, const char *b);

// Writes a file atomically: the bytes go into the new file PATH.part, which replaces PATH once it is on the disk. A
// device or pipe is written directly. On error the old file stays. Errors: IO if the file cannot be written.
CONVO_API convo_status convo_file_write(const char *path, const void *data, size_t size, convo_error *err);

// --- training ---------------------------------------------------------------------------------------------------

// Scores of one pass over a part of the data. If the part is empty, count is 0 and loss is NaN.
typedef struct convo_score {
    double loss, accuracy;  // mean over the examples; share of correct predictions, from 0 to 1
    int64_t correct, count; // examples
} convo_score;

// Progress of a training, passed to the callback after steps and epochs.
typedef struct convo_progress {
    int epoch, epochs;            // 1-based
    int step, steps;              // within the epoch; step == steps once the epoch and its evaluation are done
    convo_score train;            // of this epoch so far
    convo_score validation, test; // of the finished epoch; test only if the recipe requests it every epoch
    double learning_rate;         // of the last step
    double examples_per_second;   // of training alone, in this epoch
    double seconds, seconds_left; // since the start of the call; estimated
} convo_progress;

// How many examples a part of a split has, and of how many groups (speakers) they are.
typedef struct convo_part_count {
    int64_t examples, groups; // groups 0: the data set has none
} convo_part_count;

// Counts of one class in the training, validation and test part.
typedef struct convo_class_parts {
    char name[64];            // its label; "" for all classes together
    convo_part_count part[3]; // indexed by convo_part
} convo_class_parts;

// What a split puts into each part.
typedef struct convo_parts {
    convo_class_parts all, *classes; // of all classes together; [class_count] of each
    int class_count;                 // the data set's classes
    int64_t left_out;                // examples in no part
    int64_t unlisted;                // names on the list files of a split `by: list` that no example has
    int largest;                     // class with the most examples in the training part (if empty, in the next)
    int smallest;                    // class with the fewest
    double imbalance;                // quotient of their numbers; 0 if the smallest has none
    int scored;      // the part that `majority` is about: test, or validation or training if there is none
    double majority; // accuracy on it of always answering `largest`
} convo_parts;

// Frees what is in it.
CONVO_API void convo_parts_free(convo_parts *parts);

// A part of the data.
typedef enum convo_part {
    CONVO_TRAIN = 0,      // for training
    CONVO_VALIDATION = 1, // for choosing the epoch to keep
    CONVO_TEST = 2,       // used for neither
    CONVO_ALL = 3,        // all three parts
    CONVO_HELD_OUT = 4,   // the test part, or validation if there is none
} convo_part;

// Examples of a program, to be trained and scored on without a file. Zero: what is not given.
typedef struct convo_dataset_spec {
    int64_t count;  // examples, 1 to 2^31 - 1
    int dims;       // of an example: 1 (channels), 2 (channels, columns) or 3 (channels, rows, columns)
    int64_t dim[3]; // [dims] their sizes
    // [count][dim...], finite, not normalised; borrowed: they must stay until the data set is freed.
    const float *values;
    // Instead of values: fills example `index`, out[dim...]. Called once for each example whenever the data set is
    // read, from several threads at once; what it fills is kept in memory. Returns false if it cannot: the call of the
    // library then fails with IO.
    bool (*fill)(void *user, int64_t index, float *out);
    void *user;               // passed to fill
    const int32_t *labels;    // [count] classes, 0 to classes - 1; copied
    const uint8_t *truth;     // instead of labels, where several may be true of an example, or none: [count][classes],
                              // 1 or 0; copied
    int classes;              // at least 1
    const char *const *names; // [classes] of the classes; copied; NULL: "0", "1", ...
    const int32_t *groups;    // [count] speakers or the like, from 0, for `split: {by: group}`; copied; NULL: none
    const convo_part *parts;  // [count] CONVO_TRAIN, _VALIDATION or _TEST, for `split: {by: official}`; copied; NULL:
                              // the recipe splits the data set
} convo_dataset_spec;

// A data set of a program.
typedef struct convo_dataset convo_dataset;

// Checks a specification and makes a data set of it, for convo_train_options.dataset. Free *dataset with
// convo_dataset_free. Errors: ARGUMENT if a size, a label, a group or a part is not possible; NUMERIC if a value is not
// finite.
CONVO_API convo_status convo_dataset_new(const convo_dataset_spec *spec, convo_dataset **dataset, convo_error *err);
// Frees the data set, but not its values.
CONVO_API void convo_dataset_free(convo_dataset *dataset);

// The processes that mpirun started as one job, its ranks, which share one training: each computes a part of every
// batch, and all have the same bits, those of one process alone.
typedef struct convo_ranks convo_ranks;
// Joins the others. All ranks call it, once each; a process that mpirun did not start is a job of one. Calls
// convo_ranks_leave last. Errors: UNSUPPORTED if the library was built without MPI, or if MPI is not installed on this
// machine; STATE if the process already uses MPI; IO if a rank is lost meanwhile.
CONVO_API convo_status convo_ranks_join(convo_ranks **ranks, convo_error *err);
// Returns the number of this process among the ranks, from 0; 0 for NULL.
CONVO_API int convo_ranks_rank(const convo_ranks *ranks);
// Returns the number of ranks; 1 for NULL.
CONVO_API int convo_ranks_size(const convo_ranks *ranks);
// Returns how many threads each rank of this machine may have where they share its processors; 0 for NULL.
CONVO_API int convo_ranks_threads(const convo_ranks *ranks);
// Returns 0, 1, 2, ...: each number to one rank only, whichever asks first; -1 if a rank was lost, or for NULL.
CONVO_API int64_t convo_ranks_take(convo_ranks *ranks);
// Tells the other ranks that this one cannot go on, so that they do not wait for it. err: its error, to which its rank
// is added. Returns whether this rank is to report it: not if one with a lower number fails, too, within a second.
CONVO_API bool convo_ranks_fail(convo_ranks *ranks, convo_error *err);
// Waits for the others, unless convo_ranks_fail was called, and leaves them. NULL is allowed.
CONVO_API void convo_ranks_leave(convo_ranks *ranks);

// Options of convo_train and of other functions that read a recipe's data. If all fields are zero, the defaults apply.
typedef struct convo_train_options {
    const char *data; // folder of the data set; NULL: that of the run which the model or `resume` belongs to; without a
                      // run the recipe's data.path, else the one found in `search`
    const convo_dataset *dataset; // examples of the program, in place of files, for a recipe with `data: {set:
                                  // arrays}`; NULL: none
    const char *const *search;    // NULL-terminated list of folders that contain data sets by name; may be NULL
    const char *cache;            // folder in which computed features are cached; NULL: they are kept in memory
    const char *out;              // run folder, created if missing; NULL: nothing is written
    int threads;                  // 0: one per processor that this process may use, by its affinity mask and by the
                                  // quota of its container. No more run. The result does not depend on the number.
    convo_ranks *ranks;           // share the training with these, all of which call with the same recipe and options;
                                  // rank 0 alone writes files and calls progress, parts and note. NULL: with nobody.
                                  // Errors: IO if one of them is lost, naming it.
    const char *isa;  // highest instruction set to use: "baseline", "avx2", "avx512"; NULL: the best available
    bool resume;      // continue from out/last.checkpoint; start anew if the run in `out` has none yet. The recipe may
                      // differ from the run's in train.epochs, schedule, patience, clip_norm, clip_value,
                      // test_each_epoch and in lr, weight_decay and decays of the optimiser.
    const char *from; // model, run folder or weights file to start from; tensors that match by name and shape are
                      // taken; NULL: none
    const char *freeze;    // layers that are not trained, "0-4" or "0,3.body"; NULL: none. Their batch norm uses its
                           // running estimates and does not update them; their dropout stays active.
    const char *in_floats; // layers, as for `freeze`, that stay in floats where the rest of the net is in 8-bit
                           // numbers: for convo_model_quantize, and convo_train with train.quantize; NULL: those
                           // that the model or the run names, none otherwise
    void (*note)(const char *sentence, void *user); // receives what was taken from `from` and what was not, the
                                                    // findings of convo_data_check, with what other settings a run
                                                    // goes on, why the recipe's precision is not available, and that
                                                    // a model's data set has more or fewer examples than at training;
                                                    // may be NULL
    bool skip_unreadable; // leave out recordings and pictures that cannot be read, and note their names, instead of
                          // failing at the first
    void (*reading)(int64_t done, int64_t total, void *user); // called now and then while recordings or pictures are
                                                              // read, from any thread, never twice at once; may be NULL
    void (*scoring)(int64_t done, int64_t total, void *user); // called now and then while convo_evaluate runs the model
                                                              // over examples; may be NULL
    void (*parts)(const convo_parts *parts, void *user); // receives, before the first step, what the split puts into
                                                         // each part; may be NULL
    const volatile int *stop; // when it becomes nonzero, training finishes the step, saves and returns with
                              // `interrupted` set; may be NULL
    void (*progress)(const convo_progress *progress, void *user); // may be NULL
    void *user;                                                   // passed to the callbacks
} convo_train_options;

// What it took to read examples from their files: recordings or pictures whose features the cache did not have yet.
typedef struct convo_reading {
    int64_t examples;           // read, once for their features and once for samples that are changed; 0: none
    double seconds;             // on the clock
    double decoding, computing; // seconds of the processors, all threads together: of reading, decoding and resampling
                                // the files; of computing the features and storing them
    int threads;                // the share of them that was at work is (decoding + computing) / (threads * seconds)
} convo_reading;

// Result of a training.
typedef struct convo_train_result {
    convo_score train, validation, test; // of the kept model: the best on validation, or the last (train.keep); empty if
                                         // interrupted
    int epochs;                          // done
    int best_epoch;     // with the best validation score (train.watch); the last epoch if there is no validation part
    int64_t steps;      // done
    int64_t parameters; // of the net
    double seconds, examples_per_second; // of the whole training; of the training steps alone
    uint64_t seed;                       // of all random numbers
    int threads;                         // used
    char isa[16];                        // instruction set used
    bool interrupted, stopped_early;     // through options->stop; by train.patience
    bool diverged;           // the loss was not finite: the call failed with NUMERIC; ignore all other fields
    int64_t examples[3];     // train, validation, test
    double loading, waiting; // where examples are changed anew in every epoch: seconds that the loader's threads
                             // worked, all together, and seconds that training waited for a batch; else 0
    int loaders;             // threads of the loader; 0: there was nothing to change
    int ranks;               // that shared the training; 1: none but this
    double stepping;         // seconds of the training steps in this call
    double exchanging;       // of these, what this rank waited for others
    int64_t exchanged;       // bytes that this rank sent meanwhile
    int64_t exchanges;       // times that it exchanged something
    convo_reading reading;   // before the training began
} convo_train_result;

// A recipe: data, features, layers and training, read from YAML and checked.
typedef struct convo_recipe convo_recipe;
// A model: a net with its weights, front end, normalisation and labels.
typedef struct convo_model convo_model;

// Trains the net of the recipe. options: NULL for the defaults. With options->out, recipe.yaml, data.txt,
// metrics.jsonl, best.safetensors, last.checkpoint and result.json are written there, each atomically; only one
// training at a time may use the folder (STATE). result may be NULL. *model (model may be NULL) receives the kept
// model; free it with convo_model_free. Errors: any error of the recipe, the data or the files; NUMERIC if the loss is
// not finite, naming the step and the first layer whose output is not finite.
CONVO_API convo_status convo_train(const convo_recipe *recipe, const convo_train_options *options,
                                   convo_train_result *result, convo_model **model, convo_error *err);

// --- models -----------------------------------------------------------------------------------------------------

// Creates the model that convo_train starts from: labels and normalisation of the data, random initial weights, no
// training. Uses options->data, search, cache and threads; options may be NULL. Free *model with convo_model_free.
CONVO_API convo_status convo_model_new(const convo_recipe *recipe, const convo_train_options *options,
                                       convo_model **model, convo_error *err);

// Loads a model. path: a .safetensors file, or a run folder (its best.safetensors). Free *model with convo_model_free.
// Errors: IO if there is no such file; LIMIT if the model exceeds a stated limit.
CONVO_API convo_status convo_model_load(const char *path, convo_model **model, convo_error *err);
// Writes the model to a .safetensors file, atomically.
CONVO_API convo_status convo_model_save(const convo_model *model, const char *path, convo_error *err);
// Frees the model and everything it owns.
CONVO_API void convo_model_free(convo_model *model);

// Returns the number of classes.
CONVO_API int convo_model_classes(const convo_model *model);
// Returns the label of class k, owned by the model; NULL if there is no such class.
CONVO_API const char *convo_model_label(const convo_model *model, int k);
// Returns the sample rate that the model hears, in hertz; 0 if it has no front end.
CONVO_API int convo_model_rate(const convo_model *model);
// Returns the recipe the model was trained with, owned by the model.
CONVO_API const convo_recipe *convo_model_recipe(const convo_model *model);

// Computes the class probabilities of one recording. samples: [count], mono, in [-1, 1), at `rate` hertz; the rate may
// differ from the model's. probabilities: [classes], filled. Errors: STATE if the model has no front end or its loss
// gives no probabilities; NUMERIC if a sample or an output of the net is not finite.
CONVO_API convo_status convo_model_predict(convo_model *model, const float *samples, size_t count, int rate,
                                           float *probabilities /* [classes] */, convo_error *err);
// Does the same for a sound file (WAV, FLAC, OGG, MP3; any sample rate and number of channels).
CONVO_API convo_status convo_model_predict_file(convo_model *model, const char *path,
                                                float *probabilities /* [classes] */, convo_error *err);
// How much of a recording the net reads: of a recording longer than its front end's `samples`, only the beginning.
typedef struct convo_heard {
    double seconds, used; // of the whole recording; of its beginning that the net reads
} convo_heard;
// Does the same as convo_model_predict_file and fills *heard (heard may be NULL).
CONVO_API convo_status convo_model_predict_heard(convo_model *model, const char *path,
                                                 float *probabilities /* [classes] */, convo_heard *heard,
                                                 convo_error *err);
// Does the same for arrays, for a model whose loss gives probabilities. values: [count][size of the net's input], not
// normalised. probabilities: [count][classes]. Errors: NUMERIC if an output of the net is not finite.
CONVO_API convo_status convo_model_predict_arrays(convo_model *model, const float *values, int64_t count,
                                                  float *probabilities, convo_error *err);

// Sets the number of threads that share the work of the larger layers in each later prediction: initially 1; 0: one per
// processor. The probabilities do not depend on it, bit for bit. The threads live as long as the model. Errors:
// ARGUMENT if the number is invalid; the previous setting then remains.
CONVO_API convo_status convo_model_threads(convo_model *model, int threads, convo_error *err);

// What computes the predictions and evaluations of a model.
typedef enum convo_machine {
    CONVO_HOST,        // this computer's vector instructions
    CONVO_DEVICE,      // the C code for small processors that convo_export writes: the same bits as on such a processor
    CONVO_DEVICE_INT8, // the same with the net in 8-bit numbers
} convo_machine;
// Measures what an 8-bit form of the net needs to know, on at most 256 examples of the training part; of several ways
// to cut off outliers it takes the one whose probabilities are nearest to those in floats, on at most 256 examples of
// the validation part, else of the training part. Uses options->data, search, cache and threads; options may be NULL.
// The weights remain as they are. options->in_floats names layers that stay in floats. convo_model_save keeps what was
// measured and those names, and a model that was saved with them, as one trained with train.quantize, is not measured
// again, nor needs the data. Errors: any error of the data, or of what the file keeps; ARGUMENT for a layer of
// in_floats that is not there; those of convo_model_run_on.
CONVO_API convo_status convo_model_quantize(convo_model *model, const convo_train_options *options, convo_error *err);
// The layers that stay in floats by what the model keeps of 8-bit numbers, as in in_floats: *layers, which the caller
// frees; NULL: none, or it keeps nothing of them.
CONVO_API convo_status convo_model_in_floats(const convo_model *model, char **layers, convo_error *err);
// Sets where each later prediction and evaluation runs: initially CONVO_HOST. As on a device, samples are rounded to 16
// bits first, and one thread computes. Errors: LIMIT if a map or a clip is too large for a device; STATE for 8-bit
// numbers before convo_model_quantize; that of convo_export
// for a layer or a front end without a form for devices. The previous setting then remains.
CONVO_API convo_status convo_model_run_on(convo_model *model, convo_machine machine, convo_error *err);

// Outputs of a model for every example of a part, with the scores.
typedef struct convo_evaluation {
    convo_part part;       // that was evaluated, never HELD_OUT
    convo_score score;     // loss and accuracy
    int classes;           // number of classes
    int64_t *confusion;    // [classes][classes]: row is the truth, column the prediction
    char **labels;         // [classes]
    double seconds;        // of the evaluation
    convo_reading reading; // part of that
    double scoring;        // seconds of the net, on the clock: part of that as well
    // One row per example of the part, [score.count] rows each:
    int64_t *index;             // number of the example in the data set, whose files are sorted by name
    int64_t *truth, *predicted; // classes
    // Where several labels may be true of an example, or none, instead of truth, predicted and confusion:
    uint8_t *truths, *answers; // [score.count][classes] 1 or 0: what is true, and what has a probability above 0.5;
                               // an example is right if the two are the same
    int outputs;               // of the net, per example
    float *logits;             // [score.count][outputs]: the net's outputs
    float *probabilities;      // [score.count][classes]; NULL if the loss gives none
    char **file;               // [score.count] paths; each NULL if the data set has its values in memory
    int64_t *group;            // group of the example, such as its speaker; -1: none
    int groups;                // number of groups; 0: none
    char **group_name;         // [groups]
} convo_evaluation;

// Runs the model over a part of its data set, split as in training. Uses options->data, search, threads and isa;
// options may be NULL. Free the result with convo_evaluation_free. Errors: ARGUMENT if the part is empty.
CONVO_API convo_status convo_evaluate(convo_model *model, convo_part part, const convo_train_options *options,
                                      convo_evaluation *evaluation, convo_error *err);
// Frees what is in it.
CONVO_API void convo_evaluation_free(convo_evaluation *evaluation);
// Writes index, truth, predicted (tables where several labels may be true), logits and probabilities as NumPy arrays.
// path: an .npz file, else a folder of .npy files.
CONVO_API convo_status convo_evaluation_save(const convo_evaluation *evaluation, const char *path, convo_error *err);

// --- figures of an evaluation ------------------------------------------------------------------------------------

// An interval of shares.
typedef struct convo_interval {
    double low, high; // from 0 to 1
} convo_interval;

// Returns Wilson's 95 % confidence interval of the true share if `correct` of `count` examples were right; [0, 1] if
// count is 0.
CONVO_API convo_interval convo_accuracy_interval(int64_t correct, int64_t count);
// Returns the share of the examples whose true class is among the `k` classes with the largest outputs; NaN where
// several labels may be true.
CONVO_API double convo_top_accuracy(const convo_evaluation *evaluation, int k);
// Returns the accuracy and the number of examples of a group, numbered from 0; accuracy is NaN if the group has none.
CONVO_API convo_score convo_group_score(const convo_evaluation *evaluation, int group); // loss is always NaN

// Scores of one class against the rest. A ratio 0 / 0 counts as 0, as in scikit-learn.
typedef struct convo_class_score {
    int64_t hits, predicted, count; // correctly predicted; predicted as the class; examples of the class
    double precision, recall, f1;   // hits / predicted; hits / count; 2 / (1 / precision + 1 / recall)
} convo_class_score;

enum { CONVO_MACRO = -1 }; // in place of a class: the mean over the classes that occur as truth or as prediction
// Returns the scores of class k; k may be CONVO_MACRO.
CONVO_API convo_class_score convo_class_figures(const convo_evaluation *evaluation, int k);

enum { CONVO_BINS = 15 }; // of a convo_calibration
// Confidence of a model against its accuracy, in bins of equal width of the largest probability; bin k covers
// (k/15, (k + 1)/15]. Guo et al., On calibration of modern neural networks, ICML 2017.
typedef struct convo_calibration {
    int64_t count[CONVO_BINS];                           // examples
    double confidence[CONVO_BINS], accuracy[CONVO_BINS]; // means; NaN in an empty bin
    double error; // expected calibration error (ECE): mean distance of the two, weighted by count
} convo_calibration;

// Computes the calibration of a model. Errors: STATE if the evaluation has no probabilities, or several labels may be
// true.
CONVO_API convo_status convo_calibration_find(const convo_evaluation *evaluation, convo_calibration *calibration,
                                              convo_error *err);

// ROC curve of one class against the rest, as the threshold on the probability of the class falls. ROC plots found
// against false_alarm; DET plots 1 - found.
typedef struct convo_roc {
    int count;                               // points of the curve
    double *threshold, *false_alarm, *found; // [count]; the first threshold is infinite, the last accepts all examples
    double area;                             // under the ROC curve
    double eer;                              // equal error rate: where the rate of misses equals that of false alarms
} convo_roc;

// Computes the ROC curve of class k. Free it with convo_roc_free. Errors: ARGUMENT if there is no class k, or if all or
// none of the examples belong to it; STATE if the evaluation has no probabilities.
CONVO_API convo_status convo_roc_find(const convo_evaluation *evaluation, int k, convo_roc *roc, convo_error *err);
// Frees what is in it.
CONVO_API void convo_roc_free(convo_roc *roc);

// --- listening --------------------------------------------------------------------------------------------------

// What smoothing makes of the probabilities of several hops.
typedef enum convo_smoothing {
    CONVO_MEAN = 0,    // their mean
    CONVO_LARGEST = 1, // the largest
} convo_smoothing;

// When a class counts as heard.
typedef struct convo_listening_class {
    double threshold; // of the smoothed probability, above 0 and up to 1
    double reset;     // after an event, the smoothed probability must have been below this before the next one; 0: no
                      // such condition
    bool silent;      // it never counts as heard, as "_unknown_" or "_silence_"
} convo_listening_class;

// How a model listens to a stream: every hop, the net hears the window of samples that ends there; the probabilities
// are smoothed; a class is heard where they reach its threshold and no event of it fell within the gap before. Part of
// a model and of its file.
typedef struct convo_listening {
    double hop;                // seconds from a window to the next, 0.001 to 10; 0.02 by default
    double smooth;             // seconds of probabilities that are smoothed, up to 60; 0: one hop; 0.3 by default
    convo_smoothing smoothing; // the mean by default; hops before the first window count as 0
    double gap;                // seconds from an event of a class to the next, up to 3600; 1 by default
    double gate;               // decibels of full scale, down to -200: a window none of whose hops is as loud (root
                               // mean square) has probabilities of 0; 0: there is no gate, as by default
    bool carry;  // recurrent layers keep their state from hop to hop, as if the stream were one clip, where the layers
                 // allow it; false, as by default: each window is heard for itself
    int classes; // the model's
    convo_listening_class *of; // [classes]; by default: threshold 0.5, no reset level; silent are classes called
                               // unknown, silence, background, background_noise, noise, other, nothing, negative or
                               // none, in letters of any size, with or without _ around them, and those of the
                               // recipe's data.none
} convo_listening;

// Fills *listening with a copy of the settings of a model, or with the defaults if it has none. Free it with
// convo_listening_free.
CONVO_API convo_status convo_model_listening(const convo_model *model, convo_listening *listening, convo_error *err);
// Changes one setting, as "hop=0.01", "smooth=0.5", "smoothing=max" (or mean), "gap=2", "gate=-50", "carry=true",
// "threshold=0.7" or "reset=0.3" of all classes, or of one: "threshold.yes=0.9", "reset.yes=0.5", "silent.yes=true".
// Errors: ARGUMENT if there is no such setting or class, or the value is not possible.
CONVO_API convo_status convo_listening_set(convo_listening *listening, const convo_model *model, const char *setting,
                                           convo_error *err);
// Gives a model a copy of these settings, which convo_model_save and convo_export write. Streams that are open keep
// theirs. Errors: ARGUMENT if a setting is not possible; the previous ones then remain.
CONVO_API convo_status convo_model_listen_with(convo_model *model, const convo_listening *listening, convo_error *err);
// Frees what is in it.
CONVO_API void convo_listening_free(convo_listening *listening);

// How a stream is opened. If all fields are zero, the defaults apply.
typedef struct convo_stream_options {
    const convo_listening *listening; // NULL: the model's
    int rate;                         // of the samples in hertz; 0: the model's
    bool scores;                      // convo_stream_next also reports every hop
    bool whole;                       // each window is computed from its first sample on, though the model could do
                                      // with less: for comparison
} convo_stream_options;

// What convo_stream_next found.
typedef enum convo_event_kind {
    CONVO_NOTHING = 0, // the samples are used up
    CONVO_HEARD = 1,   // a class is heard
    CONVO_SCORED = 2,  // a hop is over, before what is heard in it; only with options->scores
} convo_event_kind;

// An event of a stream.
typedef struct convo_event {
    convo_event_kind kind; // what it is
    int64_t hop;           // number of the window, from 0: the samples from hop * listening.hop on
    double time;           // seconds from the first sample of the stream to the end of the window
    int heard;             // CONVO_HEARD: the class
    double score;          // CONVO_HEARD: its smoothed probability
    double level;          // of the loudest hop of the window, in decibels of full scale; -200 at least
    int classes;           // the model's

    const float *probabilities, *smoothed; // [classes] of the hop, of the stream: good until its next call
} convo_event;

// A model that listens.
typedef struct convo_stream convo_stream;

// Opens a stream, on one thread. The model must stay and must not be changed as long as the stream is open; several
// streams may share it. It is heard where convo_model_run_on says at that time. Free *stream with convo_stream_free.
// Errors: STATE if the model has no front end or its loss gives no probabilities; ARGUMENT if a setting is not
// possible; UNSUPPORTED if the rates differ by more than a factor of 256; LIMIT if smoothing needs too much memory.
CONVO_API convo_status convo_stream_new(const convo_model *model, const convo_stream_options *options,
                                        convo_stream **stream, convo_error *err);
// Gives a stream its next samples, any number of them: [count], mono, in [-1, 1). They are borrowed until
// convo_stream_next returns CONVO_NOTHING, or convo_stream_clear. The events of a stream do not depend on how its
// samples are divided. Allocates nothing. Errors: NUMERIC if a sample is not finite, none is taken then; STATE if the
// last ones are not used up.
CONVO_API convo_status convo_stream_push(convo_stream *stream, const float *samples, size_t count, convo_error *err);
// Listens to the samples up to the next event, and fills *event; its kind is CONVO_NOTHING once they are used up.
// Allocates nothing. Errors: that of convo_model_predict where an output of the net is not finite.
CONVO_API convo_status convo_stream_next(convo_stream *stream, convo_event *event, convo_error *err);
// Forgets all samples, as if the stream were new.
CONVO_API void convo_stream_clear(convo_stream *stream);
// Frees the stream, but not its model.
CONVO_API void convo_stream_free(convo_stream *stream);
// Seconds of sound that the net hears at once.
CONVO_API double convo_stream_window(const convo_stream *stream);

// How well a model spots words in recordings of hours. If all fields are zero, the defaults apply.
typedef struct convo_spot_options {
    double at;      // false accepts an hour, of all words together: thresholds are chosen that keep to it, and given to
                    // the model; 0: its own are used
    int64_t packet; // samples that the stream is given at once, up to 4096; 0: 4096. The result does not depend on it
    void (*progress)(const char *recording, double seconds, void *user); // heard of a recording; may be NULL
    void *user;                                                          // passed to progress
} convo_spot_options;

// What would be at a threshold.
typedef struct convo_spot_point {
    double threshold;              // of the smoothed probability
    int64_t missed, false_accepts; // words, events
} convo_spot_point;

// How well one word is spotted. A word is hit by its first event between its start and half a second after its end;
// every other event is a false accept.
typedef struct convo_spot_word {
    int label;                   // its class
    double threshold;            // that counts
    int64_t said, missed;        // times
    int64_t false_accepts;       // events
    double hours;                // in which an event is a false accept: all but those of the word
    convo_interval misses;       // Wilson's 95 % interval of the share that is missed
    convo_interval per_hour;     // of the false accepts in an hour: convo_rate_interval
    double delay_p50, delay_p95; // seconds from the end of the word to the event, of the words that are hit; NaN: none
    int points;                  // of the curve
    convo_spot_point *curve;     // [points] as the threshold falls
} convo_spot_word;

// A word that was heard.
typedef struct convo_spotted {
    int recording; // of convo_spotting.recording
    int label;     // its class
    double time;   // seconds from the beginning of the recording
    double score;  // smoothed probability
    bool hit;      // it was said; else a false accept
} convo_spotted;

// What a model heard in recordings in which it is known what is said.
typedef struct convo_spotting {
    int words;             // classes that may be heard
    convo_spot_word *word; // [words]
    int64_t heard_count;   // events
    convo_spotted *heard;  // [heard_count] word by word, in the order in which they were heard
    int recordings;        // in the list
    char **recording;      // [recordings] paths
    int labels;            // classes of the model
    char **label;          // [labels] what they are called
    double seconds;        // of sound
    double share;          // processor time of listening, as a share of real time
} convo_spotting;

// Lets a model listen to recordings, and compares what it hears with what is said. list: a recording, with a list
// `start,end,word` beside it (NAME.csv for NAME.wav) or without one, if nothing is said that the model should hear; a
// folder of such recordings; or a CSV file `path,start,end,word`. Free the result with convo_spotting_free. Errors:
// those of convo_stream_new, of the list and of recordings; STATE if all classes of the model are silent.
CONVO_API convo_status convo_spot(convo_model *model, const char *list, const convo_spot_options *options,
                                  convo_spotting *result, convo_error *err);
// Frees what is in it.
CONVO_API void convo_spotting_free(convo_spotting *result);
// Returns the exact 95 % interval of a rate if `count` events occurred in `hours` (Poisson's law; Garwood, Biometrika
// 28, 1936). Of none, it reaches from 0 to 3 / hours: the rule of three, one-sided. Of no time, it is [0, infinity].
CONVO_API convo_interval convo_rate_interval(int64_t count, double hours);

// What a layer costs in a stream.
typedef struct convo_stream_layer {
    char path[64], type[32]; // as in convo_layer
    bool moves;              // only what is new in a window is computed
    const char *why;         // the reason if not: "it is padded in time", owned by the library; NULL
    int64_t columns, fresh;  // along the time, of its output in a window; those computed for each window
    int64_t multiply_adds;   // per second
} convo_stream_layer;

// What a net costs in a stream.
typedef struct convo_stream_cost {
    double hop, window;           // seconds
    bool moves;                   // the front end computes only new frames
    const char *why;              // the reason if not, owned by the library; NULL
    int64_t frames, fresh;        // of a window; those computed for each window; samples where there are no frames
    convo_stream_layer *layers;   // [count]
    int count;                    // of the layers
    int64_t multiply_adds, whole; // of the net, per second; if each window were computed from its first sample on
} convo_stream_cost;

// Finds what a recipe's net costs in a stream with a window every `hop` seconds, and which of its layers compute only
// what is new. Free *cost with convo_stream_cost_free. Errors: STATE if the recipe has no front end.
CONVO_API convo_status convo_stream_cost_find(const convo_recipe *recipe, double hop, convo_stream_cost *cost,
                                              convo_error *err);
// Frees what is in it.
CONVO_API void convo_stream_cost_free(convo_stream_cost *cost);

// A device that records.
typedef struct convo_microphone_info {
    char name[128]; // for convo_microphone_open
    char host[64];  // of the system's interfaces, the one that offers it: "ALSA"
    int channels;   // at most
    double rate;    // its own, in hertz
    bool usual;     // it is opened where no name is given
} convo_microphone_info;

// Lists the devices that record. The caller frees *list with free(). Fails if this build has no PortAudio, if it is not
// installed, or if it finds no sound system.
CONVO_API convo_status convo_microphone_list(convo_microphone_info **list, int *count, convo_error *err);

// A device that is recording.
typedef struct convo_microphone convo_microphone;

// Opens a device and starts to record. name: its name or the beginning of it; NULL: the usual one. rate: in hertz;
// where the device has another one, that is taken. Free *microphone with convo_microphone_free. Fails as the above, and
// if there is no such device or it cannot be opened.
CONVO_API convo_status convo_microphone_open(const char *name, int rate, convo_microphone **microphone,
                                             convo_error *err);
// Its samples per second.
CONVO_API int convo_microphone_rate(const convo_microphone *microphone);
// Waits for samples, a tenth of a second at most, and reads at most `most` of them. *lost, if it is not NULL, receives
// how often so far samples came sooner than they were read. Fails if the device is gone, or gives no samples for two
// seconds.
CONVO_API convo_status convo_microphone_read(convo_microphone *microphone, float *samples, size_t most, size_t *count,
                                             int64_t *lost, convo_error *err);
// Stops recording.
CONVO_API void convo_microphone_free(convo_microphone *microphone);

// --- export and import ------------------------------------------------------------------------------------------

// How a model is exported. If all fields are zero, the defaults apply.
typedef struct convo_export_options {
    bool fold;          // ONNX: batch norm is folded into the layer before it where possible
    bool features;      // ONNX: includes the front end; the input is then the samples of a recording, mono, in [-1, 1)
    bool probabilities; // ONNX: the output is the probabilities, not the net's outputs ("logits")
    const char *name;   // C: what its functions' names begin with; NULL: the name of the file
    bool int8;          // C, ONNX: the net in 8-bit numbers, after convo_model_quantize
    bool stream;        // C: also listens to a stream, with the model's settings (convo_model_listening)
} convo_export_options;

// Writes the model atomically in the format given by the extension of the path: .onnx (opset 17, IR version 8;
// normalisation is part of the graph; labels, recipe and the rest are in metadata_props), .safetensors (as
// convo_model_save), or .c: C99 for small processors, front end and net, with its header beside it. Errors: ARGUMENT
// for another extension; UNSUPPORTED if the build has no ONNX, or if ONNX, or a device, cannot express the model.
CONVO_API convo_status convo_export(const convo_model *model, const char *path, const convo_export_options *options,
                                    convo_error *err);

// What a file from another program does not contain itself. If all fields are zero, the defaults apply.
typedef struct convo_import_options {
    const convo_recipe *recipe; // weights: the recipe whose net they belong to. ONNX: the recipe whose data, features
                                // and training the model gets; NULL: the file's own if convo wrote it, else none
    const char *const *map;     // weights: NULL-terminated list of "old=new", whole names or prefixes; may be NULL
    const char *const *labels;  // NULL-terminated; NULL: those of the file or of the recipe's data set, else numbers
    const double *mean, *std;   // normalisation, (x - mean) / std: one number, or one for each channel of the input
    int means, stds;            // how many are given; both 0: that of the file or of the recipe
    const char *output;         // ONNX: name of the output to import, or of any value in it; NULL: the first output
    const char *data, *cache;   // of the recipe's data set, as in convo_train_options
    const char *const *search;  // of the recipe's data set, as in convo_train_options
    void (*note)(const char *sentence, void *user); // receives what had to be assumed; may be NULL
    void *user;                                     // passed to note
} convo_import_options;

// Reads a model from another program: an .onnx file (opset 1 to 25; its numbers may be in files beside it), or the
// weights of a recipe's net, a PyTorch state_dict as .safetensors or as the .index.json of several. F16, BF16 and F64
// are converted to floats. Free *model with convo_model_free. Errors: UNSUPPORTED, naming every operator that convo has
// no layer for, and why others cannot be read; SHAPE, naming the tensors that do not fit, that are missing, and that
// are superfluous.
CONVO_API convo_status convo_import(const char *path, const convo_import_options *options, convo_model **model,
                                    convo_error *err);

// --- recipes ----------------------------------------------------------------------------------------------------

// Reads and checks a YAML file. Free *recipe with convo_recipe_free. Errors: IO if the file cannot be read, FORMAT with
// the line and column, SHAPE with the layer.
CONVO_API convo_status convo_recipe_load(const char *path, convo_recipe **recipe, convo_error *err);
// Does the same for a string. text: [size], YAML. name: what errors call it, and the name of the run.
CONVO_API convo_status convo_recipe_parse(const char *text, size_t size, const char *name, convo_recipe **recipe,
                                          convo_error *err);
// Copies a recipe, so that settings can change the copy. name: as above. The copy of a model's recipe also remembers
// the data set of the run. Free *copy with convo_recipe_free.
CONVO_API convo_status convo_recipe_copy(const convo_recipe *recipe, const char *name, convo_recipe **copy,
                                         convo_error *err);
// Changes one setting. assignment: "train.epochs=5"; a last part that occurs once suffices: "epochs=5". The whole
// recipe is checked again. Errors: ARGUMENT if there is no such setting or it is ambiguous; those of
// convo_recipe_parse.
CONVO_API convo_status convo_recipe_set(convo_recipe *recipe, const char *assignment, convo_error *err);
// Makes a group of the data set (a speaker) the test part: `data.split` becomes {by: group, leave_out: GROUP}. A recipe
// that is already split by group keeps its other split settings.
CONVO_API convo_status convo_recipe_leave_out(convo_recipe *recipe, const char *group, convo_error *err);
// Makes part `fold` (from 1) of `folds` the test part, for cross-validation: `data.split` becomes {by: random,
// stratified: true, folds: FOLDS, fold: FOLD}, or stays by group; a fraction for validation is kept.
CONVO_API convo_status convo_recipe_fold(convo_recipe *recipe, int folds, int fold, convo_error *err);
// Returns the name of the recipe, the file name without folder and extension, owned by the recipe.
CONVO_API const char *convo_recipe_name(const convo_recipe *recipe);
// Returns the accuracy that others published for the recipe, on the test part or, without one, on validation; NaN if
// there is none. *source (may be NULL) receives who published it, owned by the recipe.
CONVO_API double convo_recipe_published(const convo_recipe *recipe, const char **source);
// Returns the name of the data set that has to be found (convo_data_find), owned by the library; NULL if the recipe has
// none or gives its path (convo_recipe_find_data).
CONVO_API const char *convo_recipe_data(const convo_recipe *recipe);
// Finds the recipe's data as convo_train does: by options->data, by `path` in the recipe (as it stands, then in the
// folders of options->search) or by the name of the data set; "" for a data set that is generated. options: may be
// NULL. The caller frees *folder with free(). Errors: ARGUMENT if there is nothing to look for, IO if it is not there.
CONVO_API convo_status convo_recipe_find_data(const convo_recipe *recipe, const convo_train_options *options,
                                              char **folder, convo_error *err);
// Lists the groups (speakers) of the recipe's data set. *groups: [*count] names, sorted; *count is 0 if the data set
// has no groups. Uses options->data and search; options may be NULL. The caller frees each name, and the list, with
// free().
CONVO_API convo_status convo_recipe_groups(const convo_recipe *recipe, const convo_train_options *options,
                                           char ***groups, int *count, convo_error *err);
// Recipes for arrays (`arrays`, `mat`) may leave out `input`, the shape of an example, which is then taken from the
// data. *measured receives a copy of such a recipe with the `input` of its data, to be freed with convo_recipe_free;
// NULL if the recipe gives its `input`. Uses options->data, search, resume and out; options may be NULL. convo_train,
// convo_model_new and convo_import do this themselves; functions without data (convo_summarize, ...) need `input`.
CONVO_API convo_status convo_recipe_measure(const convo_recipe *recipe, const convo_train_options *options,
                                            convo_recipe **measured, convo_error *err);
// Returns train.seed.
CONVO_API uint64_t convo_recipe_seed(const convo_recipe *recipe);
// Returns train.epochs.
CONVO_API int convo_recipe_epochs(const convo_recipe *recipe);
// Writes the recipe as YAML, with the settings applied. The caller frees *text with free().
CONVO_API convo_status convo_recipe_text(const convo_recipe *recipe, char **text, convo_error *err);
// Frees the recipe and everything it owns.
CONVO_API void convo_recipe_free(convo_recipe *recipe);
// Describes everything a recipe may contain, in Markdown, from the tables that the reader of recipes uses: blocks,
// layers, losses, optimisers, schedules, front ends and data sets, each with its options. word: only what has this name
// ("conv1d"); NULL: everything. The caller frees *text with free(). Errors: ARGUMENT if nothing has this name, with the
// nearest one.
CONVO_API convo_status convo_recipe_reference(const char *word, char **text, convo_error *err);

// --- what a net is made of --------------------------------------------------------------------------------------

// One layer of a net.
typedef struct convo_layer {
    char path[64];                     // "0", "3.body.0": PyTorch's name of the module
    char type[32];                     // "conv2d"
    char options[128];                 // "out 16, kernel 5"
    char shape[48];                    // "(16, 44, 14)"
    char formula[96];                  // "5*5*32*16 + 16 = 12816"; "" if it has none
    int64_t parameters, multiply_adds; // per example
    int64_t field[2]; // receptive field of one output pixel, rows and columns in input pixels; 0: the whole input
    int64_t jump[2];  // distance of neighbouring output pixels in input pixels; 0: there is only one
    int64_t start[2]; // first input pixel that output pixel 0 sees; negative: in the padding
} convo_layer;

// A net and its layers.
typedef struct convo_summary {
    char input[48];                    // "(13, 74)"
    char front_end[32];                // "mfcc"; "" for a net that reads pictures or arrays
    char whole_clip[128];              // why its features can only be computed of a whole clip; "" if frame by frame
    convo_layer *layers;               // [count], in the order of computation
    int count;                         // of layers
    int64_t parameters, multiply_adds; // of the net; per example
    int64_t flattened;                 // number of values after the first flatten; 0: no flatten
} convo_summary;

// Summarises the net of a recipe. Free the result with convo_summary_free.
CONVO_API convo_status convo_summarize(const convo_recipe *recipe, convo_summary *summary, convo_error *err);

// One call of a kernel in a net's form for devices.
typedef struct convo_device_call {
    char layers[128];      // the layers that it stands for: "0 1"
    char kernel[32];       // "conv"
    char output[48];       // rows x columns x channels: "1 x 74 x 16"
    bool int8;             // whether it is of 8-bit numbers
    int64_t multiply_adds; // of convolutions and linear layers
    int64_t constants;     // bytes of its tables
    int64_t memory;        // bytes of all values that are needed during the call
} convo_device_call;
// What a net needs on a device.
typedef struct convo_device {
    convo_device_call *calls; // [count], in the order in which they run
    int count;                // of calls, the front end's included
    int64_t constants;        // bytes of all tables; the code is a few kilobytes more
    int64_t memory;           // bytes of the state
    int64_t multiply_adds;    // of one example
} convo_device;
// Summarises what the net of a recipe needs on a device. machine: CONVO_DEVICE or CONVO_DEVICE_INT8; of the latter,
// in_floats names layers that stay in floats, or is NULL. Free the result with convo_device_free. Errors: that of
// convo_export for a layer or a front end without a form for devices; ARGUMENT for a layer of in_floats that is not
// there.
CONVO_API convo_status convo_device_find(const convo_recipe *recipe, convo_machine machine, const char *in_floats,
                                         convo_device *device, convo_error *err);
// Frees what the summary owns.
CONVO_API void convo_device_free(convo_device *device);
// Frees what is in it.
CONVO_API void convo_summary_free(convo_summary *summary);

// --- receptive fields -------------------------------------------------------------------------------------------

// What one output pixel sees of one value below it: of the net's input or of a layer's output.
typedef struct convo_field_grid {
    char path[64], type[32]; // of the layer; "" and "input" for the net's input
    char shape[48];          // "(16, 44, 14)"
    bool moves; // the layer is a kernel, a pooling window or a sum of branches, not an operation on single pixels
    int64_t size[2], jump[2], start[2]; // receptive field of this value's own pixels, as field, jump and start in
                                        // convo_layer
    int64_t rows, columns;              // size of this value
    int64_t first[2], last[2];          // corners of the bounding box of what the output pixel sees
    int64_t seen;                       // pixels that the output pixel sees
    double *share; // [rows][columns]: 0: not seen; else 1, or with `heat` the gradient as a share of the largest
} convo_field_grid;

// What one output pixel of a layer sees.
typedef struct convo_field {
    convo_field_grid *grid; // [count]; that of the net's input first, that of the layer last
    int count;              // of grids
    int dims;               // 1: columns only; 2: rows and columns
    int64_t at[2];          // the output pixel
    int64_t parameters;     // of the net up to the layer
} convo_field;

// Finds what one output pixel of a layer sees. layer: a path as in convo_layer; NULL: the last layer with pixels. at:
// row and column of its output; NULL: the middle, (n - 1) / 2 rounded down in each direction. heat:
// convo_field_grid.share holds the gradient with all weights equal to one, pooling that sums and every other layer
// passing values on; else 1 for what is seen. Free the result with convo_field_free. Errors: ARGUMENT if there is no
// such layer or pixel, SHAPE if the layer has no pixels.
CONVO_API convo_status convo_field_find(const convo_recipe *recipe, const char *layer, const int64_t at[2], bool heat,
                                        convo_field *field, convo_error *err);
// Frees what is in it.
CONVO_API void convo_field_free(convo_field *field);

// --- gradient check ---------------------------------------------------------------------------------------------

// The element of a parameter tensor whose two gradients differ most.
typedef struct convo_gradient {
    char tensor[96];          // "0.weight"
    char element[64];         // "[2][0][1]"
    int64_t size, checked;    // elements
    double analytic, numeric; // derivatives of the loss with respect to that element
    double error;             // |analytic - numeric| as a share of the tensor's largest gradient
} convo_gradient;

// Result of a gradient check.
typedef struct convo_gradcheck {
    convo_gradient *gradient; // [count]
    int count, worst;         // worst: index of the tensor with the largest error
    int64_t checked;          // elements of all tensors
    double mean_difference;   // mean of |analytic - numeric| over these elements
    double tolerance;         // for the errors
    bool passed;              // no error above the tolerance, and mean_difference below 1e-6
} convo_gradcheck;

// Options of a gradient check. If all fields are zero, the defaults apply.
typedef struct convo_gradcheck_options {
    int batch;        // examples; 0: 17
    int64_t elements; // at most so many of each tensor are checked, drawn at random; 0: 5; negative: all
    int64_t random; // 0: uses the weights as they are; else repeats so many times with new standard normal weights and
                    // one new example, checking all elements
    double tolerance; // 0: 1e-5
    uint64_t seed;    // of inputs, labels, weights and elements
} convo_gradcheck_options;

// Compares the gradient that training computes with central differences of the loss, in doubles, on random inputs and
// labels. The loss is cross_entropy if the recipe has no training. model: whose weights are checked; NULL: the recipe's
// initial weights, moved by up to 0.1. options: NULL for the defaults. Free the result with convo_gradcheck_free. A
// check that does not pass returns CONVO_OK with `passed` false.
CONVO_API convo_status convo_gradcheck_run(const convo_recipe *recipe, const convo_model *model,
                                           const convo_gradcheck_options *options, convo_gradcheck *check,
                                           convo_error *err);
// Frees what is in it.
CONVO_API void convo_gradcheck_free(convo_gradcheck *check);

// --- speed ------------------------------------------------------------------------------------------------------

// Options of a speed measurement. If all fields are zero, the defaults apply.
typedef struct convo_bench_options {
    int threads;     // 0: one per processor
    int batch;       // examples per batch; 0: as in the recipe
    const char *isa; // highest instruction set to use; NULL: the best available
    double seconds;  // spent on each measurement, after warming up; 0: 1
} convo_bench_options;

// One measured speed.
typedef struct convo_bench_rate {
    double examples_per_second; // median of the repetitions
    double slowest, fastest;    // of the repetitions
    double gflops;              // 1e9 floating-point operations per second
} convo_bench_rate;

// One layer in a training pass on one thread. Seconds are per example, as medians.
typedef struct convo_bench_layer {
    char path[64], type[32], shape[48];    // as in convo_layer; path "": the loss
    double forward, backward;              // seconds
    int64_t forward_flops, backward_flops; // per example
} convo_bench_layer;

// Result of a speed measurement. A multiply-add counts as two floating-point operations; only those of convolutions and
// linear layers count. Training counts three times those of the forward pass, twice for layers that read the input.
typedef struct convo_bench {
    char isa[16];                          // instruction set used
    const char *note;                      // a sentence that says why the recipe's precision was not used; NULL: it was
    int threads, batch;                    // used
    int64_t forward_flops, training_flops; // per example
    double peak, peak_of_one;   // GFLOP/s of multiply-adds between registers: on `threads` threads, on one thread
    convo_bench_rate training;  // complete steps: forward, loss, backward, optimiser
    convo_bench_rate inference; // batch by batch
    double p50, p99;            // latency of a single example in seconds, 50th and 99th percentile
    convo_bench_layer *layer;   // [layers], in the order of computation
    int layers;                 // number of entries of `layer`
    double other;               // seconds per example that the training pass spends outside all layers
    int64_t plan_bytes;         // bytes of activations, gradients and work memory in training
    int64_t memory_bytes;       // peak of the whole process after the training measurement; 0: unknown
    int64_t data_bytes;         // of these, the random examples
    double load;                // load average at the start; NaN: unknown
    double others;              // number of processors that other programs kept busy meanwhile; NaN: unknown
    double seconds;             // of the whole measurement
    double peak_share; // share of its time in which `peak` had its processors; below 1: other programs had them, or
                       // there are too few
} convo_bench;

// Measures training and inference of the recipe's net on random examples in memory. model: whose weights are used;
// NULL: the recipe's initial weights. The weights do not change: training runs with a learning rate of 0. options: NULL
// for the defaults. Free the result with convo_bench_free.
CONVO_API convo_status convo_bench_run(const convo_recipe *recipe, const convo_model *model,
                                       const convo_bench_options *options, convo_bench *bench, convo_error *err);
// Frees what is in it.
CONVO_API void convo_bench_free(convo_bench *bench);

// --- recordings -------------------------------------------------------------------------------------------------

// A recording as front ends read it: its channels mixed down to their mean.
typedef struct convo_recording {
    int rate;      // hertz
    int64_t count; // of samples
    float *sample; // [count] -1 to 1, as a rule
} convo_recording;

// Reads a recording, or its first `seconds` if that is not 0, at its own rate. path: a file, or a part of a tar file
// ("words.tar@1536+32044/cat/1.wav", docs/files.md). Free it with convo_recording_free. Errors: those of reading files.
CONVO_API convo_status convo_recording_read(const char *path, double seconds, convo_recording *recording,
                                            convo_error *err);
// Frees what is in it.
CONVO_API void convo_recording_free(convo_recording *recording);

// A sound file that is read piece by piece, of any length.
typedef struct convo_sound convo_sound;

// Opens a sound file as convo_recording_read does. Free *sound with convo_sound_free. Errors: IO if there is no such
// file; FORMAT if it is no sound file.
CONVO_API convo_status convo_sound_open(const char *path, convo_sound **sound, convo_error *err);
// Its samples per second.
CONVO_API int convo_sound_rate(const convo_sound *sound);
// Reads its next samples, mixed down to mono: at most `most`, to samples. *count receives how many; 0: it is at its
// end. Fails if the file is damaged.
CONVO_API convo_status convo_sound_read(convo_sound *sound, float *samples, size_t most, size_t *count,
                                        convo_error *err);
// Closes it.
CONVO_API void convo_sound_free(convo_sound *sound);

// --- what the net sees ------------------------------------------------------------------------------------------

// An array of at most four dimensions.
typedef struct convo_array {
    int dims;       // number of dimensions
    int64_t dim[4]; // size of each
    float *value;   // row-major
} convo_array;

// Computes the features of one recording with the recipe's front end, before the normalisation that training measures.
// Free them with convo_array_free. Errors: STATE if the recipe has no front end.
CONVO_API convo_status convo_features(const convo_recipe *recipe, const char *path, convo_array *features,
                                      convo_error *err);
// Frees what is in it.
CONVO_API void convo_array_free(convo_array *array);

// What a recipe's changes make of one recording.
typedef struct convo_versions {
    int64_t count;        // of the versions
    int rate;             // of the samples, in hertz
    convo_array features; // [count][channels][...], as convo_features gives those of the recording
    convo_array *samples; // [count] the changed recordings, [samples]
} convo_versions;

// Makes the versions of a recording that a training would see in its first `count` epochs, with the file's name in the
// place of the number that an example has in its data set: other files are changed otherwise. Uses options->data and
// search to find the data set, where `noise` without a path finds its recordings; options may be NULL. Free the result
// with convo_versions_free. Errors: STATE if the recipe has no front end, or no changes of recordings or features.
CONVO_API convo_status convo_features_changed(const convo_recipe *recipe, const convo_train_options *options,
                                              const char *path, int64_t count, convo_versions *versions,
                                              convo_error *err);
// Frees what is in it.
CONVO_API void convo_versions_free(convo_versions *versions);
// Writes a NumPy .npy file (float32, C order), atomically.
CONVO_API convo_status convo_array_save(const convo_array *array, const char *path, convo_error *err);

// Reads what the net sees of a recording (its features) or of a picture (its pixels in [0, 1]), normalised as the
// recipe says or, with a model (may be NULL), as in its training. A picture whose size differs from the net's is kept
// if the net is fully convolutional, else resized; *resized (may be NULL) tells whether it was. Free *input with
// convo_array_free.
CONVO_API convo_status convo_input_read(const convo_recipe *recipe, const convo_model *model, const char *path,
                                        convo_array *input, bool *resized, convo_error *err);
// What an artificial input is filled with.
typedef enum convo_filling {
    CONVO_ONES,   // 1
    CONVO_NORMAL, // standard normal numbers
} convo_filling;
// Creates an input of the recipe's input shape. seed: of the random numbers. Free it with convo_array_free.
CONVO_API convo_status convo_input_make(const convo_recipe *recipe, convo_filling filling, uint64_t seed,
                                        convo_array *input, convo_error *err);

// Values of one layer. Free them with convo_array_free(&map.values).
typedef struct convo_map {
    char path[64], type[32]; // of the layer
    convo_array values;      // its output, or its weights
} convo_map;

// Computes the output of a layer, [maps, rows, columns] or [maps, columns], for one input. layer: a path as in
// convo_layer; NULL: the last layer with pixels. model: whose weights are used; NULL: those that training starts from.
// Errors: ARGUMENT if there is no such layer.
CONVO_API convo_status convo_map_find(const convo_recipe *recipe, const convo_model *model, const convo_array *input,
                                      const char *layer, convo_map *map, convo_error *err);
// Gets the weights of the first layer that has any, [out, in, rows, columns] or [out, in, columns]. Those of a linear
// layer over flattened pixels have the shape of these pixels. model: as above. Errors: SHAPE if no layer has weights.
CONVO_API convo_status convo_filters(const convo_recipe *recipe, const convo_model *model, convo_map *filters,
                                     convo_error *err);

// --- data sets --------------------------------------------------------------------------------------------------

// Returns the name of data set k that convo knows, owned by the library; NULL if k is past the last one. *help (may be
// NULL) receives a one-line description.
CONVO_API const char *convo_data_name(int k, const char **help);
// Finds the folder of the data set `name` in one of the folders `search` (NULL-terminated; may be NULL), as convo_train
// does; "" for a data set that is generated. The caller frees *folder with free(). Errors: ARGUMENT if there is no such
// data set or nowhere to search, IO if it is not found.
CONVO_API convo_status convo_data_find(const char *name, const char *const *search, char **folder, convo_error *err);

// A data set that convo knows by name. All strings are owned by the library.
typedef struct convo_data_set {
    const char *name, *help; // one line
    const char *missing;     // what this build needs in order to read it ("libcsv-dev, and build again"); NULL: nothing
    bool generated;          // it is computed: there is nothing to find or to download
    bool published;          // convo_data_get downloads it; the others are layouts for one's own recordings or pictures
    int64_t download;        // bytes; 0: unknown
    const char *get_missing; // what this build needs in order to download it; NULL: nothing
} convo_data_set;

// Fills *set with data set k, numbered as in convo_data_name. Returns false if k is past the last one.
CONVO_API bool convo_data_set_at(int k, convo_data_set *set);

// Progress of a download.
typedef struct convo_get_progress {
    const char *stage;                     // "downloading", "checking", "unpacking"
    const char *file;                      // name of the file at hand
    int64_t done, total;                   // bytes of this stage; total 0: unknown
    double bytes_per_second, seconds_left; // NaN: unknown
    char trouble[512];                     // why the transfer is being retried; "": it is not
} convo_get_progress;

// Options of convo_data_get.
typedef struct convo_get_options {
    const char *folder;   // folder that contains data sets; the new one becomes folder/NAME
    const char *from;     // "http://host/path": a folder that contains the same files; NULL: where they are published
    bool force;           // replace what is there
    int timeout;          // seconds without a connection or below 100 bytes per second until a transfer fails; 0: 30
    int attempts;         // number of attempts for a transfer; 0: 5
    bool skip_unreadable; // leave out recordings and pictures that cannot be read, and note their names, instead of
                          // failing at the first
    void (*reading)(int64_t done, int64_t total, void *user); // called now and then while recordings or pictures are
                                                              // read, from any thread, never twice at once; may be NULL
    const volatile int *stop; // when it becomes nonzero, the call returns with `interrupted` set; may be NULL
    void (*progress)(const convo_get_progress *progress, void *user); // may be NULL
    void *user;                                                       // passed to progress
} convo_get_options;

// Result of a download.
typedef struct convo_get_result {
    bool there;           // the data set was already there: nothing was done
    bool interrupted;     // stopped; what was downloaded is kept in folder/NAME.part, where the next call continues
    int64_t files, bytes; // unpacked
    double seconds;       // of the call
} convo_get_result;

// Downloads a published data set, verifies it, unpacks it and places it in folder/NAME: completely, or not at all. Only
// one process at a time may do so. An interrupted transfer continues where it ended, in this call or a later one.
// libcurl reads the proxy from the usual environment variables (https_proxy). Errors: IO for the network and the disk;
// FORMAT if a file is not the published one; UNSUPPORTED if this build has no libcurl, libarchive or nettle.
CONVO_API convo_status convo_data_get(const char *name, const convo_get_options *options, convo_get_result *result,
                                      convo_error *err);

// Examples of a recipe's data set, as its net reads them but not normalised.
typedef struct convo_examples {
    convo_part part;         // that the examples are from, never HELD_OUT
    int64_t count;           // of examples
    int64_t *index, *truth;  // [count] numbers in the data set; [count] classes
    char **file;             // [count] paths; each NULL if the data set has its values in memory
    double *start, *seconds; // [count] which part of the file the example is; seconds 0: from there to its end
    int classes;             // of the data set
    char **labels;           // [classes]
    convo_array values;      // [count][channels][...]
} convo_examples;

// Reads examples of a recipe's data set. index: [count] numbers of examples in the data set; NULL: `count` examples of
// the part, evenly spaced, or all if it has fewer; a count of -1: all. Uses options->data, search, threads and note;
// options may be NULL. Free the result with convo_examples_free.
CONVO_API convo_status convo_examples_read(const convo_recipe *recipe, const convo_train_options *options,
                                           convo_part part, const int64_t *index, int64_t count,
                                           convo_examples *examples, convo_error *err);
// Changes the values of each example as a training does in epoch[i], which counts from 0; one with an epoch below 0 is
// left as it is. Mixed examples (mixup, cutmix) are not made. options: as for convo_features_changed. Errors: STATE if
// the recipe has a front end, or no changes.
CONVO_API convo_status convo_examples_change(const convo_recipe *recipe, const convo_train_options *options,
                                             const int64_t *epoch, convo_examples *examples, convo_error *err);
// Frees what is in it.
CONVO_API void convo_examples_free(convo_examples *examples);

// A class, a speaker or a sample rate, and how much of the data belongs to it.
typedef struct convo_group {
    char name[64];  // its label
    int64_t count;  // examples
    double seconds; // of recordings
} convo_group;

// Number of files that a finding names at most.
enum { CONVO_NAMED = 3 };
// A fact about a data set that matters before training, such as files that were skipped.
typedef struct convo_finding {
    const char *kind;        // "format", ...: stable across versions
    bool fault;              // an error in the data; false: only a remark
    int64_t count;           // of files, folders, columns, ...
    char *name[CONVO_NAMED]; // the first of them; NULL if there are fewer
    char sentence[640];      // "skipped 2 files of a format that is not read: no/1.m4a, no/2.webm"
} convo_finding;

// All findings about a data set.
typedef struct convo_findings {
    convo_finding *finding; // [count], at most one of each kind
    int count;              // number of findings
} convo_findings;

// Frees what is in it.
CONVO_API void convo_findings_free(convo_findings *findings);

// Contents of a data set. Of pictures only files, classes, groups, found and the unreadable files are filled; of
// arrays, the same but the last.
typedef struct convo_data_info {
    int64_t files;                             // examples
    convo_group *classes, *groups, *rates;     // groups: speakers; rates: named as in "8000 Hz"
    int class_count, group_count, rate_count;  // of the lists above
    double seconds, shortest, longest, median; // in seconds: the sum, and the shortest, longest and median recording
    int64_t clipped;                           // recordings with two or more neighbouring samples at full scale
    int64_t duplicates;                        // recordings whose samples equal an earlier one's
    int64_t unreadable;                        // files that cannot be read
    char first_problem[512];                   // why the first of them cannot be read
    convo_findings found;                      // what was skipped when the files were listed
    bool recordings;                           // whether the examples are recordings
    int64_t silent;                            // recordings without a sample at -60 dB of full scale or louder
    int64_t shifted;                           // recordings whose mean differs from 0 by at least 1 % of full scale
    char **problems;                           // [unreadable], why each of these files cannot be read: "PATH: SENTENCE"
    convo_parts parts; // of the official split, if every example has a part; else all are in the training part
} convo_data_info;

// Reads every example of the data set `name` in a folder and fills *info. Uses options->threads and reading; options
// may be NULL. Free it with convo_data_info_free.
CONVO_API convo_status convo_data_describe(const char *name, const char *folder, const convo_train_options *options,
                                           convo_data_info *info, convo_error *err);
// Frees what is in it.
CONVO_API void convo_data_info_free(convo_data_info *info);
// Counts what the split of a recipe puts into each part. Uses options->data and search; options may be NULL. Free
// *parts with convo_parts_free. Errors: those of the split, as before a training.
CONVO_API convo_status convo_data_parts(const convo_recipe *recipe, const convo_train_options *options,
                                        convo_parts *parts, convo_error *err);
// Finds what is wrong with a recipe's data, as its net reads it: skipped files, the same features or the same speaker
// in two parts of the split or in two classes, and classes that a part lacks. convo_train reports the same through
// `note`. Uses options->data, search, cache and threads; options may be NULL. Free *found with convo_findings_free.
CONVO_API convo_status convo_data_check(const convo_recipe *recipe, const convo_train_options *options,
                                        convo_findings *found, convo_error *err);
// Does the same for the data set `name` in a folder, whose split is the official one if it has one. Compares samples,
// pixels or numbers, and also finds files that cannot be read. Uses options->threads and reading; options may be NULL.
CONVO_API convo_status convo_data_check_folder(const char *name, const char *folder, const convo_train_options *options,
                                               convo_findings *found, convo_error *err);
// Writes the examples that a recipe's net is trained and scored on as NumPy arrays. path: an .npz file, else a folder
// of .npy files, which must be new or empty. For each part that has examples: X_train, float32, features as the net
// reads them, normalised; y_train, classes; index_train, numbers of the examples in the data set, whose files are
// sorted by name; likewise for _validation and _test. The data set kind `arrays` reads them back. Uses options->data,
// search, cache and threads; options may be NULL.
CONVO_API convo_status convo_data_export(const convo_recipe *recipe, const convo_train_options *options,
                                         const char *path, convo_error *err);
// Returns the name of the kind of recordings or pictures that a folder or file looks like ("audiofolder"), owned by the
// library; NULL if it looks like none.
CONVO_API const char *convo_data_guess(const char *path);

// --- streams of recordings ---------------------------------------------------------------------------------------

// How recordings become a stream.
typedef struct convo_mix_options {
    const char *out;   // where the stream is written: NAME.wav or NAME.flac, 16 bits, mono
    const char *noise; // folder of recordings that are heard all the time, one after the other; NULL: silence
    const char *rooms; // folder of impulse responses, one of which each recording is heard in; NULL: none
    convo_part part;   // which recordings, by the parts that the data set has itself; CONVO_ALL: all
    double snr[2];     // dB: power of what is said against that of the noise beneath it, from a range
    double gap[2];     // seconds before each recording, and at the end, from a range
    double level[2];   // dB of full scale: of a piece of noise, from a range
    double trim;    // what is said lies within the frames at most so many dB below the loudest; 0: the whole recording
    int64_t rounds; // how often each recording is heard
    int rate;       // of the stream, in hertz
    uint64_t seed;  // of everything that is drawn: the same one makes the same stream
    const volatile int *stop; // when it becomes nonzero, the stream is given up: see convo_mix.interrupted; may be NULL
    void (*progress)(int64_t done, int64_t total, void *user); // recordings so far, and all; may be NULL
    void *user;                                                // passed to progress
} convo_mix_options;

// A recording in a stream.
typedef struct convo_spoken {
    double start, end; // seconds: from where to where something is said
    char *word, *clip; // its class, and its path
    double snr; // dB, as it is in the stream: less than was drawn where the sum would not have fit; NaN: no noise
} convo_spoken;

// What a stream holds.
typedef struct convo_mix {
    convo_spoken *spoken; // [count] in the order in which it is heard
    int64_t count;        // of the recordings
    double seconds;       // of the whole stream
    bool interrupted;     // through options->stop: no file was written
} convo_mix;

// Puts the recordings of the data set `name` in a folder (or file) one after the other, in random order, over noise.
// The stream is written as it is made and may last for hours. Free the result with convo_mix_free. Errors: those of the
// data set, of recordings and of writing; ARGUMENT if the part has no recording, or options->out is one of them.
CONVO_API convo_status convo_mix_write(const char *name, const char *path, const convo_mix_options *options,
                                       convo_mix *mix, convo_error *err);
// Frees what is in it.
CONVO_API void convo_mix_free(convo_mix *mix);

// --- cache of features ------------------------------------------------------------------------------------------

// A file of convo_train_options.cache.
typedef struct convo_cached {
    char *path;      // of the file
    char about[176]; // what it holds: "logmel, 1 x 101 x 40, 5188 examples of data/gsc3"
    int64_t bytes;   // its size
    int64_t used;    // when it was last used, in seconds since 1970
} convo_cached;

// The files in a cache folder, the most recently used first.
typedef struct convo_cache {
    convo_cached *file; // [count]
    int count;          // of the files
    int64_t limit;      // bytes: beyond it, the least recently used files are removed
} convo_cache;

// Lists the files in a cache folder. A folder that does not exist is empty. Free *cache with convo_cache_free.
CONVO_API convo_status convo_cache_list(const char *folder, convo_cache *cache, convo_error *err);
// Removes the files that convo_cache_list lists, and no others.
CONVO_API convo_status convo_cache_clear(const char *folder, convo_error *err);
// Frees what is in it.
CONVO_API void convo_cache_free(convo_cache *cache);

#ifdef __cplusplus
}
#endif

#endif
