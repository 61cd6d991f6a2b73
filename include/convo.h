// convo: train, explain, check and ship small convolutional networks for speech and pictures, in C, on CPUs.
//
// Three ways in, simplest first:
//   convo_train            a recipe in, a run folder with a tested model out
//   convo_model_*          load a model, ask it about a recording or an array
//   convo_recipe_*, ...    look at what a recipe, a net or a data set is made of
//
// Every function that can fail returns a convo_status and fills a convo_error that the caller owns. NULL is allowed for
// the error; NULL where something is needed is the error ARGUMENT. No function prints, exits, reads the environment or
// keeps global state. Handles may be used from one thread at a time; different handles from different threads. `_free`
// accepts NULL. docs/stability.md says what stays as it is from version to version.
#ifndef CONVO_H
#define CONVO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVO_VERSION_MAJOR 0 // of the header
#define CONVO_VERSION_MINOR 1 // of the header
#define CONVO_VERSION_PATCH 0 // of the header

#if defined(__GNUC__)
// What the library shows of itself.
#define CONVO_API __attribute__((visibility("default")))
#else
#define CONVO_API
#endif

// "0.1.0", the version of the library that is running.
CONVO_API const char *convo_version(void);

// --- errors -----------------------------------------------------------------------------------------------------

// What became of a call.
typedef enum convo_status {
    CONVO_OK = 0,
    CONVO_ARGUMENT = 1,    // a call or an option that makes no sense
    CONVO_MEMORY = 2,      // not enough memory
    CONVO_IO = 3,          // a file cannot be opened, read or written
    CONVO_FORMAT = 4,      // a file does not hold what it should
    CONVO_SHAPE = 5,       // sizes that do not fit together
    CONVO_UNSUPPORTED = 6, // right, but this build or version cannot do it
    CONVO_LIMIT = 7,       // larger than a stated limit
    CONVO_NUMERIC = 8,     // a result that is not finite
    CONVO_STATE = 9,       // not possible at this point
} convo_status;

// Why a call failed. Filled when it did.
typedef struct convo_error {
    convo_status code; // what the call returned
    char where[512];   // file, file:line:column, file@byte or a layer's name; "" when there is no place to name
    char message[512]; // one sentence: what is wrong and what to do
} convo_error;

// "FORMAT" for CONVO_FORMAT, and so on.
CONVO_API const char *convo_status_name(convo_status status);

// Text from anywhere, a file's name say, in a form that a terminal shows and does not obey: control characters, marks
// that turn the direction of writing and bytes that are not UTF-8 become \n, \x1b, \u202e, \xff; all else stays as it
// is. Writes what fits into `size` bytes with the 0 at their end, in whole characters, and returns the length of the
// whole, as snprintf does. Both texts of a convo_error have this form.
CONVO_API size_t convo_text_show(const char *text, char *out, size_t size);

// Writes a whole file, or leaves what was there: the bytes go into PATH.part, which is new, and takes the file's place
// when the disk has it. A device or pipe is written to as it is. IO: why it cannot be written.
CONVO_API convo_status convo_file_write(const char *path, const void *data, size_t size, convo_error *err);

// --- training ---------------------------------------------------------------------------------------------------

// Figures of one pass over a part of the data. loss is the mean over examples; NaN and count 0 when the part is empty.
typedef struct convo_score {
    double loss, accuracy;  // mean over the examples; share that is right
    int64_t correct, count; // examples
} convo_score;

// How far a training is: given to the callback after steps and epochs.
typedef struct convo_progress {
    int epoch, epochs;            // 1-based
    int step, steps;              // within the epoch; step == steps when the epoch and its evaluation are done
    convo_score train;            // so far in this epoch
    convo_score validation, test; // of the epoch, when it is done; test only where the recipe asks for it each epoch
    double learning_rate;         // of the last step
    double examples_per_second;   // training only, this epoch
    double seconds, seconds_left; // since the start of this call; an estimate
} convo_progress;

// How to train what a recipe says. All zero: with every default.
typedef struct convo_train_options {
    const char *data;          // folder of the data set; NULL: that of the run which a model, or `resume`, is of; of no
                               // run: the recipe's data.path, else looked for in `search`
    const char *const *search; // NULL-ended list of folders that hold data sets by name; may be NULL
    const char *cache;         // folder for computed features, so that they are computed once; NULL: none
    const char *out;           // run folder, made if missing; NULL: nothing is written
    int threads;               // 0: one per processor. The result does not depend on it.
    const char *isa;           // highest instruction set to use: "baseline", "avx2", "avx512"; NULL: the best there is
    bool resume;               // go on from out/last.checkpoint; from the start where a run in `out` had none yet
    const char *from;          // model, run folder or weights to start from: what fits by name and shape; NULL: none
    const char *freeze;        // layers that stay as they are, "0-4" or "0,3.body"; NULL: none. Their batch norm uses
                               // its running estimates, which do not move; their dropout goes on.
    void (*note)(const char *sentence, void *user); // what was taken of `from` and what not, what convo_data_check
                                                    // finds, a precision that cannot be had; may be NULL
    const volatile int
        *stop; // when it becomes nonzero: finish the step, save, return with interrupted set; may be NULL
    void (*progress)(const convo_progress *progress, void *user); // may be NULL
    void *user;                                                   // handed to the callbacks
} convo_train_options;

// What came out of a training.
typedef struct convo_train_result {
    convo_score train, validation, test; // of the model that is kept: the best on validation, or the last (train.keep)
    int epochs;                          // done
    int best_epoch;                      // with the lowest loss on validation; the last without that part
    int64_t steps;                       // done
    int64_t parameters;                  // of the net
    double seconds, examples_per_second; // of the whole training; while it trained
    uint64_t seed;                       // of everything random
    int threads;                         // used
    char isa[16];                        // instruction set used
    bool interrupted, stopped_early;     // by options->stop; by train.patience
    bool diverged;       // the loss was not finite; the call failed with NUMERIC, and nothing else here is filled
    int64_t examples[3]; // train, validation, test
} convo_train_result;

// Data, features, layers and training, read from YAML and checked.
typedef struct convo_recipe convo_recipe;
// A net with its weights, front end, normalisation and labels.
typedef struct convo_model convo_model;

// Trains what the recipe says. With options->out: recipe.yaml, data.txt, metrics.jsonl, best.safetensors,
// last.checkpoint and result.json are written there, each atomically, and one training at a time may (STATE). model
// (may be NULL) receives the kept model; free it. Errors: whatever the recipe, the data or the files are guilty of;
// NUMERIC when the loss is not finite, naming the step and the first layer whose output is not finite.
CONVO_API convo_status convo_train(const convo_recipe *recipe, const convo_train_options *options,
                                   convo_train_result *result, convo_model **model, convo_error *err);

// --- models -----------------------------------------------------------------------------------------------------

// The model that convo_train starts from: labels and normalisation of the data, initial weights drawn, nothing trained.
// Of options, data, search, cache and threads count; NULL is allowed.
CONVO_API convo_status convo_model_new(const convo_recipe *recipe, const convo_train_options *options,
                                       convo_model **model, convo_error *err);

// A trained net with its front end, normalisation and labels. path: a .safetensors file, or a run folder (its
// best.safetensors).
CONVO_API convo_status convo_model_load(const char *path, convo_model **model, convo_error *err);
// Writes a .safetensors file, whole or not at all.
CONVO_API convo_status convo_model_save(const convo_model *model, const char *path, convo_error *err);
// Frees the model and everything it owns.
CONVO_API void convo_model_free(convo_model *model);

// Number of classes.
CONVO_API int convo_model_classes(const convo_model *model);
// Label of class k, owned by the model; NULL when there is no such class.
CONVO_API const char *convo_model_label(const convo_model *model, int k);
// The recipe it was trained by, owned by the model.
CONVO_API const convo_recipe *convo_model_recipe(const convo_model *model);

// Probabilities of one recording. samples: mono, in [-1, 1), at `rate` hertz. probabilities: [classes], filled.
CONVO_API convo_status convo_model_predict(convo_model *model, const float *samples, size_t count, int rate,
                                           float *probabilities /* [classes] */, convo_error *err);
// The same for a sound file (WAV, FLAC, OGG, MP3; any rate and channel count).
CONVO_API convo_status convo_model_predict_file(convo_model *model, const char *path,
                                                float *probabilities /* [classes] */, convo_error *err);
// The same, and how much of the recording the net reads: a recording that is longer than its front end's `samples` is
// heard only in its beginning.
typedef struct convo_heard {
    double seconds, used; // of the recording; of these, from its beginning, those that the net reads
} convo_heard;
CONVO_API convo_status convo_model_predict_heard(convo_model *model, const char *path,
                                                 float *probabilities /* [classes] */, convo_heard *heard,
                                                 convo_error *err);
// The same for arrays of the net's input size, not normalised: [count][size] to [count][classes].
CONVO_API convo_status convo_model_predict_arrays(convo_model *model, const float *values, int64_t count,
                                                  float *probabilities, convo_error *err);

// How many threads share the work of the larger layers of each prediction from now on: 1 until told, 0: one per
// processor. The probabilities are the same to the bit. The threads live as long as the model. Errors: ARGUMENT for a
// count that is none. What was set before then stays.
CONVO_API convo_status convo_model_threads(convo_model *model, int threads, convo_error *err);

// A part of the data.
typedef enum convo_part {
    CONVO_TRAIN = 0,      // what is learned from
    CONVO_VALIDATION = 1, // what chooses the epoch that is kept
    CONVO_TEST = 2,       // what neither has seen
    CONVO_ALL = 3,        // all three
    CONVO_HELD_OUT = 4,   // test, or validation where there is no test part
} convo_part;

// What a model says of every example of a part.
typedef struct convo_evaluation {
    convo_part part;    // never HELD_OUT
    convo_score score;  // loss and accuracy
    int classes;        // how many
    int64_t *confusion; // [classes][classes]: row is the truth, column the prediction
    char **labels;      // [classes]
    double seconds;     // it took
    // Of the part's examples, [score.count] rows:
    int64_t *index;             // number of the example in the data set, whose files are sorted by name
    int64_t *truth, *predicted; // classes
    int outputs;                // of the net
    float *logits;              // [score.count][outputs]: the net's outputs
    float *probabilities;       // [score.count][classes]; NULL where the loss has none
    char **file;                // [score.count] paths; NULL each where the data set has the values in memory
    int64_t *group;             // of groups, the speaker for instance; -1 without
    int groups;                 // how many; 0 without
    char **group_name;          // [groups]
} convo_evaluation;

// Runs the model over a part of its data set, split as in training. Of options, data, search, threads and isa count.
CONVO_API convo_status convo_evaluate(convo_model *model, convo_part part, const convo_train_options *options,
                                      convo_evaluation *evaluation, convo_error *err);
// Frees what is in it.
CONVO_API void convo_evaluation_free(convo_evaluation *evaluation);
// Writes index, truth, predicted, logits and probabilities as NumPy arrays: an .npz file, or a folder of .npy files.
CONVO_API convo_status convo_evaluation_save(const convo_evaluation *evaluation, const char *path, convo_error *err);

// --- figures of an evaluation ------------------------------------------------------------------------------------

// From low to high.
typedef struct convo_interval {
    double low, high; // shares, from 0 to 1
} convo_interval;

// Where the true share lies with 95 % confidence when `correct` of `count` examples were right: Wilson's interval.
CONVO_API convo_interval convo_accuracy_interval(int64_t correct, int64_t count);
// Share of the examples whose class is among the `k` with the largest outputs.
CONVO_API double convo_top_accuracy(const convo_evaluation *evaluation, int k);
// Share of the right predictions and number of the examples of a group.
CONVO_API convo_score convo_group_score(const convo_evaluation *evaluation, int group); // its loss is NaN

// One class against the rest. A ratio of nothing to nothing is 0, as scikit-learn has it.
typedef struct convo_class_score {
    int64_t hits, predicted, count; // right; said to be of the class; of the class
    double precision, recall, f1;   // hits / predicted; hits / count; 2 / (1 / precision + 1 / recall)
} convo_class_score;

enum { CONVO_MACRO = -1 }; // in place of a class: the mean over those that occur as truth or as prediction
// k: a class, or CONVO_MACRO.
CONVO_API convo_class_score convo_class_figures(const convo_evaluation *evaluation, int k);

enum { CONVO_BINS = 15 }; // of a calibration
// How sure the model is against how often it is right, in bins of equal width of the largest probability; bin k holds
// those in (k/15, (k + 1)/15]. Guo et al., On calibration of modern neural networks, ICML 2017.
typedef struct convo_calibration {
    int64_t count[CONVO_BINS];                           // examples
    double confidence[CONVO_BINS], accuracy[CONVO_BINS]; // means; NaN of an empty bin
    double error;                                        // mean distance of the two, by count: ECE
} convo_calibration;

// STATE for a model without probabilities; so do the curves below.
CONVO_API convo_status convo_calibration_find(const convo_evaluation *evaluation, convo_calibration *calibration,
                                              convo_error *err);

// Class k against the rest, by its probability: what happens as the threshold falls from above the largest. ROC draws
// found against false_alarm; DET draws 1 - found.
typedef struct convo_roc {
    int count;                               // points of the curve
    double *threshold, *false_alarm, *found; // [count]; the first threshold is infinite, the last takes all
    double area;                             // under the ROC curve
    double eer;                              // where as many are missed as are false alarms; both are a share
} convo_roc;

// ARGUMENT when all or none of the examples are of the class: there is no curve then.
CONVO_API convo_status convo_roc_find(const convo_evaluation *evaluation, int k, convo_roc *roc, convo_error *err);
// Frees what is in it.
CONVO_API void convo_roc_free(convo_roc *roc);

// --- files that travel ------------------------------------------------------------------------------------------

// What of a model is written, and how.
typedef struct convo_export_options {
    bool fold;          // ONNX: batch norm becomes part of the layer before it, where that can be
    bool features;      // ONNX: with the front end: the samples of a recording go in, mono, in [-1, 1)
    bool probabilities; // ONNX: probabilities come out, not the net's outputs ("logits")
} convo_export_options;

// Writes the model in the format that the ending of the path says: .onnx (opset 17, IR version 8; normalisation is part
// of the graph; labels, recipe and the rest are in metadata_props) or .safetensors (as convo_model_save). Errors:
// UNSUPPORTED for a build without ONNX and for what ONNX cannot say.
CONVO_API convo_status convo_export(const convo_model *model, const char *path, const convo_export_options *options,
                                    convo_error *err);

// What a file of others does not say itself.
typedef struct convo_import_options {
    const convo_recipe *recipe; // weights: the recipe whose net they are for. ONNX: one whose data, features and
                                // training the model gets; NULL: the file's own recipe where convo wrote it, else none
    const char *const *map;     // weights: NULL-ended names "old=new", whole ones or what they begin with; may be NULL
    const char *const *labels;  // NULL-ended; NULL: those of the file or of the recipe's data set, else numbers
    double mean, std;           // normalisation; std 0: that of the file, or as the recipe says
    const char *data, *cache;   // of the recipe's data set, as in convo_train_options
    const char *const *search;  // of the recipe's data set, as in convo_train_options
    void (*note)(const char *sentence, void *user); // what had to be assumed; may be NULL
    void *user;                                     // handed to note
} convo_import_options;

// Reads a model of others: an .onnx file (a chain of layers with residual blocks, opset 1 to 21), or the weights of a
// recipe's net, a PyTorch state_dict as .safetensors or its .index.json of several. F16, BF16 and F64 become floats.
// Free *model with convo_model_free. Errors: UNSUPPORTED naming every operator that convo has no layer for; SHAPE
// naming the tensors that do not fit, that are missing, and that are too many.
CONVO_API convo_status convo_import(const char *path, const convo_import_options *options, convo_model **model,
                                    convo_error *err);

// --- recipes ----------------------------------------------------------------------------------------------------

// Reads and checks a YAML file. Free *recipe with convo_recipe_free. Errors: FORMAT with the line and column, SHAPE
// with the layer.
CONVO_API convo_status convo_recipe_load(const char *path, convo_recipe **recipe, convo_error *err);
// text: YAML; name: what errors call it, and the name of the run.
CONVO_API convo_status convo_recipe_parse(const char *text, size_t size, const char *name, convo_recipe **recipe,
                                          convo_error *err);
// A recipe of its own, to change by settings. name: as above. A copy of a model's recipe knows the run's data set, too.
CONVO_API convo_status convo_recipe_copy(const convo_recipe *recipe, const char *name, convo_recipe **copy,
                                         convo_error *err);
// assignment: "train.epochs=5"; a last part that occurs once may stand alone: "epochs=5". The whole recipe is checked
// again.
CONVO_API convo_status convo_recipe_set(convo_recipe *recipe, const char *assignment, convo_error *err);
// Makes a group of the data set (a speaker) the test part: `data.split` becomes {by: group, leave_out: GROUP}. A recipe
// that is split by group already keeps its other settings of that.
CONVO_API convo_status convo_recipe_leave_out(convo_recipe *recipe, const char *group, convo_error *err);
// File name without folder and ending.
CONVO_API const char *convo_recipe_name(const convo_recipe *recipe);
// The accuracy on the test part, or on validation where there is none, that somebody else published for it, or NaN;
// *source (may be NULL) says who.
CONVO_API double convo_recipe_published(const convo_recipe *recipe, const char **source);
// Name of the data set that has to be found (convo_data_find); NULL when it has none, or says itself where it is.
CONVO_API const char *convo_recipe_data(const convo_recipe *recipe);
// Names of the groups (speakers) of its data set, sorted, `*count` of them, none where nothing is known of groups. Of
// options, data and search are used. Free each, and the list, with free().
CONVO_API convo_status convo_recipe_groups(const convo_recipe *recipe, const convo_train_options *options,
                                           char ***groups, int *count, convo_error *err);
// Recipes for arrays (`arrays`, `mat`) may leave out `input`, the shape of an example, which is then that of the data.
// *measured: a copy of such a recipe with the `input` that its data have, to free with convo_recipe_free; NULL where the
// recipe says it. Of options (may be NULL), data, search, resume and out are used. convo_train, convo_model_new and
// convo_import do this themselves; what has no data (convo_summarize, ...) needs `input`.
CONVO_API convo_status convo_recipe_measure(const convo_recipe *recipe, const convo_train_options *options,
                                            convo_recipe **measured, convo_error *err);
// train.seed
CONVO_API uint64_t convo_recipe_seed(const convo_recipe *recipe);
// train.epochs
CONVO_API int convo_recipe_epochs(const convo_recipe *recipe);
// The recipe as YAML, settings included. Free it with free().
CONVO_API convo_status convo_recipe_text(const convo_recipe *recipe, char **text, convo_error *err);
// Frees the recipe and everything it owns.
CONVO_API void convo_recipe_free(convo_recipe *recipe);
// Everything a recipe may hold, in Markdown, from the tables that read recipes: blocks, layers, losses, optimisers,
// schedules, front ends, data sets, each with its options. word: only what is called so ("conv1d"); NULL: all.
// Free *text with free(). Errors: ARGUMENT when nothing is called so, naming what is near.
CONVO_API convo_status convo_recipe_reference(const char *word, char **text, convo_error *err);

// --- what a net is made of --------------------------------------------------------------------------------------

// One layer of a net.
typedef struct convo_layer {
    char path[64];                     // "0", "3.body.0": as PyTorch names it
    char type[32];                     // "conv2d"
    char options[128];                 // "out 16, kernel 5"
    char shape[48];                    // "(16, 44, 14)"
    char formula[96];                  // "5*5*32*16 + 16 = 12816"; "" without parameters
    int64_t parameters, multiply_adds; // per example
    int64_t field[2];                  // receptive field of one output pixel in input pixels, rows and columns; 0: all
    int64_t jump[2];                   // from one output pixel to the next in input pixels; 0: there is one
    int64_t start[2];                  // where the field of output pixel 0 starts; negative: in the padding
} convo_layer;

// A net, layer by layer.
typedef struct convo_summary {
    char input[48];                    // "(13, 74)"
    convo_layer *layers;               // [count], in the order in which they compute
    int count;                         // of layers
    int64_t parameters, multiply_adds; // of the net; per example
    int64_t flattened;                 // values after the first flatten; 0 without one
} convo_summary;

// What a recipe's net is made of. Free with convo_summary_free.
CONVO_API convo_status convo_summarize(const convo_recipe *recipe, convo_summary *summary, convo_error *err);
// Frees what is in it.
CONVO_API void convo_summary_free(convo_summary *summary);

// --- receptive fields -------------------------------------------------------------------------------------------

// What one output pixel sees of one value below it: of the net's input, or of a layer's output.
typedef struct convo_field_grid {
    char path[64], type[32];            // of the layer; "" and "input" for the net's input
    char shape[48];                     // "(16, 44, 14)"
    bool moves;                         // a kernel, a pool or a sum of branches, not pixel by pixel
    int64_t size[2], jump[2], start[2]; // of this value's own pixels, in the net's input: as in convo_layer
    int64_t rows, columns;              // of this value
    int64_t first[2], last[2];          // corners of the box around what the output pixel sees of it
    int64_t seen;                       // pixels
    double *share; // [rows][columns]: 0 not seen, else 1, or the gradient as a share of the largest
} convo_field_grid;

// What one output pixel of a layer sees.
typedef struct convo_field {
    convo_field_grid *grid; // the input's first, the layer's own last
    int count;              // of grids
    int dims;               // 1: columns only; 2: rows and columns
    int64_t at[2];          // the output pixel
    int64_t parameters;     // of the net up to the layer
} convo_field;

// layer: a path as in convo_layer; NULL: the last one that has pixels. at: row and column of its output; NULL: the
// middle, (n - 1) / 2 rounded down in each direction. heat: shares are the gradient with all weights one, pools summing
// and everything else passing values on; else what is seen is 1.
CONVO_API convo_status convo_field_find(const convo_recipe *recipe, const char *layer, const int64_t at[2], bool heat,
                                        convo_field *field, convo_error *err);
// Frees what is in it.
CONVO_API void convo_field_free(convo_field *field);

// --- gradient check ---------------------------------------------------------------------------------------------

// One parameter tensor, and its element whose two gradients are furthest apart.
typedef struct convo_gradient {
    char tensor[96];          // "0.weight"
    char element[64];         // "[2][0][1]"
    int64_t size, checked;    // elements
    double analytic, numeric; // gradients of the loss with respect to that element
    double error;             // |analytic - numeric| as a share of the tensor's largest gradient
} convo_gradient;

// What a gradient check found.
typedef struct convo_gradcheck {
    convo_gradient *gradient; // [count]
    int count, worst;         // worst: the tensor with the largest error
    int64_t checked;          // elements of all tensors
    double mean_difference;   // of |analytic - numeric| over them
    double tolerance;         // of the errors
    bool passed;              // no error above the tolerance, and mean_difference below 1e-6
} convo_gradcheck;

// What a gradient check compares. All zero: the usual.
typedef struct convo_gradcheck_options {
    int batch;        // examples; 0: 17
    int64_t elements; // checked of each tensor at most, drawn at random; 0: 5; negative: all
    int64_t random; // 0: the weights as they are. Else: so many times new standard normal weights and one new example,
                    // all elements each time
    double tolerance; // 0: 1e-5
    uint64_t seed;    // of inputs, labels, weights and elements
} convo_gradcheck_options;

// Compares the gradient that training computes with central differences of the loss (of cross_entropy, where the recipe
// does not train), in doubles, on random inputs and labels. model: whose weights are checked; NULL: the recipe's own
// start, moved by up to 0.1. options: NULL for the usual ones. A failed check is CONVO_OK with passed false.
CONVO_API convo_status convo_gradcheck_run(const convo_recipe *recipe, const convo_model *model,
                                           const convo_gradcheck_options *options, convo_gradcheck *check,
                                           convo_error *err);
// Frees what is in it.
CONVO_API void convo_gradcheck_free(convo_gradcheck *check);

// --- speed ------------------------------------------------------------------------------------------------------

// How speed is measured. All zero: the usual.
typedef struct convo_bench_options {
    int threads;     // 0: one per processor
    int batch;       // 0: the recipe's
    const char *isa; // highest instruction set to use; NULL: the best there is
    double seconds;  // to spend on each of the figures, after warming up; 0: 1
} convo_bench_options;

// A figure of speed.
typedef struct convo_bench_rate {
    double examples_per_second; // median of the repetitions
    double slowest, fastest;    // of them
    double gflops;              // 1e9 floating point operations a second
} convo_bench_rate;

// One step of a training pass on one thread; seconds are per example, medians.
typedef struct convo_bench_layer {
    char path[64], type[32], shape[48];    // as in convo_layer; path "": the loss
    double forward, backward;              // seconds
    int64_t forward_flops, backward_flops; // per example
} convo_bench_layer;

// A multiply-add is two floating point operations, and only those of convolutions and linear layers count: in training
// three times those of the forward pass, twice for layers that read the input.
typedef struct convo_bench {
    char isa[16];                          // instruction set used
    const char *note;                      // why it is not in the recipe's precision, a sentence; NULL: it is
    int threads, batch;                    // used
    int64_t forward_flops, training_flops; // per example
    double peak, peak_of_one;              // GFLOP/s of multiply-adds between registers: `threads` threads, one thread
    convo_bench_rate training;             // whole steps: forward, loss, backward, optimiser
    convo_bench_rate inference;            // batch by batch
    double p50, p99;                       // seconds that one example alone takes
    convo_bench_layer *layer;              // [layers], in the order in which they compute
    int layers;                            // how many
    double other;                          // seconds per example of that pass outside all layers
    int64_t plan_bytes;                    // activations, gradients and work of a training run
    int64_t memory_bytes;                  // peak of the whole process when the training figure was done; 0: not known
    int64_t data_bytes;                    // of them, the random examples
    double load;                           // load average as it began; NaN: not known
    double others;                         // processors that other programs kept busy meanwhile; NaN: not known
    double seconds;                        // that all of it took
    double peak_share; // of its time that `peak` had its processors; below 1: others had them, or there are too few
} convo_bench;

// Trains and runs the recipe's net on random examples in memory. model: whose weights; NULL: the recipe's own start.
// The weights do not move while it is timed: training runs with a learning rate of 0.
CONVO_API convo_status convo_bench_run(const convo_recipe *recipe, const convo_model *model,
                                       const convo_bench_options *options, convo_bench *bench, convo_error *err);
// Frees what is in it.
CONVO_API void convo_bench_free(convo_bench *bench);

// --- what the net sees ------------------------------------------------------------------------------------------

// Numbers in up to four dimensions.
typedef struct convo_array {
    int dims;       // how many
    int64_t dim[4]; // size of each
    float *value;   // row-major
} convo_array;

// Features of one recording by the recipe's front end, before the normalisation that training measures.
CONVO_API convo_status convo_features(const convo_recipe *recipe, const char *path, convo_array *features,
                                      convo_error *err);
// Frees what is in it.
CONVO_API void convo_array_free(convo_array *array);
// Writes a NumPy .npy file (float32, C order).
CONVO_API convo_status convo_array_save(const convo_array *array, const char *path, convo_error *err);

// What the net reads of a recording (its features) or of a picture (its pixels in [0, 1]), normalised as the recipe or,
// with a model, as its training has it. A picture of another size than the net's is kept where the net is fully
// convolutional, else it is resized (*resized, which may be NULL, says so).
CONVO_API convo_status convo_input_read(const convo_recipe *recipe, const convo_model *model, const char *path,
                                        convo_array *input, bool *resized, convo_error *err);
// What an input is filled with.
typedef enum convo_filling {
    CONVO_ONES,   // 1
    CONVO_NORMAL, // standard normal numbers
} convo_filling;
// An input of the recipe's size.
CONVO_API convo_status convo_input_make(const convo_recipe *recipe, convo_filling filling, uint64_t seed,
                                        convo_array *input, convo_error *err);

// Values of one layer; free them with convo_array_free(&map.values).
typedef struct convo_map {
    char path[64], type[32]; // of the layer
    convo_array values;      // its output, or its weights
} convo_map;

// The output of a layer, [maps, rows, columns] or [maps, columns], for one input. layer: a path as in convo_layer;
// NULL: the last one that has pixels. model: whose weights; NULL: those that training starts from.
CONVO_API convo_status convo_map_find(const convo_recipe *recipe, const convo_model *model, const convo_array *input,
                                      const char *layer, convo_map *map, convo_error *err);
// The weights of the first layer that has any, [out, in, rows, columns] or [out, in, columns]. Those of a linear layer
// over flattened pixels are laid out as these pixels.
CONVO_API convo_status convo_filters(const convo_recipe *recipe, const convo_model *model, convo_map *filters,
                                     convo_error *err);

// --- data sets --------------------------------------------------------------------------------------------------

// Data set k that convo knows by name (NULL at the end), with one line about it.
CONVO_API const char *convo_data_name(int k, const char **help);
// Folder of the data set `name` under one of `search` (NULL-ended), as convo_train would find it. Free with free().
CONVO_API convo_status convo_data_find(const char *name, const char *const *search, char **folder, convo_error *err);

// A data set that convo knows by name.
typedef struct convo_data_set {
    const char *name, *help; // one line
    const char *missing;     // what this build lacks to read it ("libcsv-dev, and build again"); NULL: nothing
    bool generated;          // made up: there is nothing to find or to get
    bool published;          // convo_data_get gets it; others are ways to lay out recordings or pictures of one's own
    int64_t download;        // bytes; 0: not known
    const char *get_missing; // what this build lacks to get it; NULL: nothing
} convo_data_set;

// Data set k of convo_data_name; false at the end.
CONVO_API bool convo_data_set_at(int k, convo_data_set *set);

// How far a download is.
typedef struct convo_get_progress {
    const char *stage;                     // "downloading", "checking", "unpacking"
    const char *file;                      // which one
    int64_t done, total;                   // bytes of this stage; total 0: not known
    double bytes_per_second, seconds_left; // NaN: not known
    char trouble[512];                     // why the transfer is tried again; "": it is not
} convo_get_progress;

// How a data set is got.
typedef struct convo_get_options {
    const char *folder;       // where data sets are kept: it becomes folder/NAME
    const char *from;         // "http://host/path": a folder that holds the same files; NULL: where they are published
    bool force;               // replace what is there
    int timeout;              // seconds without a connection, and of less than 100 bytes a second; 0: 30
    int attempts;             // tries of a transfer; 0: 5
    const volatile int *stop; // when it becomes nonzero: return with interrupted set; may be NULL
    void (*progress)(const convo_get_progress *progress, void *user); // may be NULL
    void *user;                                                       // handed to progress
} convo_get_options;

// What came of a download.
typedef struct convo_get_result {
    bool there;           // already: nothing was done
    bool interrupted;     // what was downloaded is kept in folder/NAME.part; the next call goes on from there
    int64_t files, bytes; // unpacked
    double seconds;       // it took
} convo_get_result;

// Downloads a published data set, checks it, unpacks it and puts it to folder/NAME: whole, or not at all. A transfer
// that breaks goes on where it ended, now or in a later call. libcurl reads the proxy from the usual variables
// (https_proxy). Errors: IO for the network and the disk, FORMAT for what is not the published file, UNSUPPORTED when
// this build has no libcurl, libarchive or nettle.
CONVO_API convo_status convo_data_get(const char *name, const convo_get_options *options, convo_get_result *result,
                                      convo_error *err);

// Some examples of a recipe's data set, as its net reads them but for the normalisation.
typedef struct convo_examples {
    convo_part part;        // never HELD_OUT
    int64_t count;          // of examples
    int64_t *index, *truth; // number in the data set, class
    char **file;            // paths; NULL each where the data set has the values in memory
    int classes;            // of the data set
    char **labels;          // [classes]
    convo_array values;     // [count][channels][...]
} convo_examples;

// index: numbers of examples in the data set, `count` of them; NULL: `count` of the part, evenly spaced, or all where
// it has fewer; -1: all. Of options, data, search and threads count; NULL is allowed.
CONVO_API convo_status convo_examples_read(const convo_recipe *recipe, const convo_train_options *options,
                                           convo_part part, const int64_t *index, int64_t count,
                                           convo_examples *examples, convo_error *err);
// Frees what is in it.
CONVO_API void convo_examples_free(convo_examples *examples);

// A class, a speaker, a sample rate: how much there is of it.
typedef struct convo_group {
    char name[64];  // its label
    int64_t count;  // examples
    double seconds; // of recordings
} convo_group;

// Something about a data set that is worth knowing before a training, such as files that were skipped.
enum { CONVO_NAMED = 3 };
typedef struct convo_finding {
    const char *kind;        // "format", ...: a word that stays the same
    bool fault;              // something to mend; else only worth knowing
    int64_t count;           // of files, folders, columns, ...
    char *name[CONVO_NAMED]; // the first of them; NULL where there are fewer
    char sentence[640];      // "skipped 2 files of a format that is not read: no/1.m4a, no/2.webm"
} convo_finding;

// All that was found.
typedef struct convo_findings {
    convo_finding *finding; // [count], one of each kind
    int count;              // of the list above
} convo_findings;

// Frees what is in it.
CONVO_API void convo_findings_free(convo_findings *findings);

// Of pictures, only files, classes, groups, what was found, and which files cannot be read; of arrays, less these.
typedef struct convo_data_info {
    int64_t files;                             // examples
    convo_group *classes, *groups, *rates;     // groups: speakers; rates: name is "8000 Hz"
    int class_count, group_count, rate_count;  // of the lists above
    double seconds, shortest, longest, median; // durations
    int64_t clipped;                           // recordings with two or more neighbouring samples at full scale
    int64_t duplicates;                        // recordings whose samples equal an earlier one's
    int64_t unreadable;                        // files that cannot be read
    char first_problem[512];                   // why the first of them cannot
    convo_findings found;                      // when the files were listed: what was skipped
    bool recordings;                           // whether the examples are recordings
    int64_t silent;                            // recordings with no sample 60 dB below full scale or louder
    int64_t shifted;                           // recordings whose mean is 1 % of full scale or more from 0
    char **problems;                           // [unreadable], why each of these files cannot be read: "PATH: SENTENCE"
} convo_data_info;

// Reads every example of the data set `name` in a folder, on `threads` threads (0: one per processor), and counts. Free
// *info with convo_data_info_free.
CONVO_API convo_status convo_data_describe(const char *name, const char *folder, int threads, convo_data_info *info,
                                           convo_error *err);
// Frees what is in it.
CONVO_API void convo_data_info_free(convo_data_info *info);
// What is wrong with a recipe's data, as its net reads it: what was skipped, the same features or speaker in two parts
// of the split or in two classes, classes that a part lacks. convo_train says it through `note`. Of options, data,
// search, cache and threads count; NULL is allowed. Free *found with convo_findings_free.
CONVO_API convo_status convo_data_check(const convo_recipe *recipe, const convo_train_options *options,
                                        convo_findings *found, convo_error *err);
// The same of the data set `name` in a folder, whose split is the official one if it has one. Compared are samples,
// pixels or numbers; files that cannot be read are found as well.
CONVO_API convo_status convo_data_check_folder(const char *name, const char *folder, int threads, convo_findings *found,
                                               convo_error *err);
// Writes what the net of a recipe is trained and scored on as NumPy arrays: an .npz file, or a folder of .npy files,
// new or empty. For each part that has examples: X_train, float32, features as the net reads them, normalised; y_train,
// classes; index_train, numbers of the examples in the data set, whose files are sorted by name; and so for _validation
// and _test. The data set `arrays` reads them back. Of options, data, search, cache and threads count; NULL is allowed.
CONVO_API convo_status convo_data_export(const convo_recipe *recipe, const convo_train_options *options,
                                         const char *path, convo_error *err);
// Name of the data set with recordings or pictures that a folder or file looks like ("audiofolder"), or NULL.
CONVO_API const char *convo_data_guess(const char *path);

#ifdef __cplusplus
}
#endif

#endif
