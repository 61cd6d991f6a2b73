// convo: train, explain, check and ship small convolutional networks for speech and pictures, in C, on CPUs.
//
// Three ways in, simplest first:
//   convo_train            a recipe in, a run folder with a tested model out
//   convo_model_*          load a model, ask it about a recording or an array
//   convo_recipe_*, ...    look at what a recipe, a net or a data set is made of
//
// Every function that can fail returns a convo_status and fills a convo_error that the caller owns; NULL is allowed for
// the error. No function prints, exits, reads the environment or keeps global state. Handles may be used from one thread
// at a time; different handles from different threads. `_free` accepts NULL.
#ifndef CONVO_H
#define CONVO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CONVO_VERSION_MAJOR 0
#define CONVO_VERSION_MINOR 1
#define CONVO_VERSION_PATCH 0

#if defined(__GNUC__)
#define CONVO_API __attribute__((visibility("default")))
#else
#define CONVO_API
#endif

// "0.1.0", the version of the library that is running.
CONVO_API const char *convo_version(void);

// --- errors -----------------------------------------------------------------------------------------------------

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

typedef struct convo_error {
    convo_status code;
    char where[512];   // file, file:line:column, file@byte or a layer's name; "" when there is no place to name
    char message[512]; // one sentence: what is wrong and what to do
} convo_error;

// "FORMAT" for CONVO_FORMAT, and so on.
CONVO_API const char *convo_status_name(convo_status status);

// --- training ---------------------------------------------------------------------------------------------------

// Figures of one pass over a part of the data. loss is the mean over examples; NaN and count 0 when the part is empty.
typedef struct convo_score {
    double loss, accuracy;
    int64_t correct, count;
} convo_score;

typedef struct convo_progress {
    int epoch, epochs;            // 1-based
    int step, steps;              // within the epoch; step == steps when the epoch and its evaluation are done
    convo_score train;            // so far in this epoch
    convo_score validation, test; // of the epoch, when it is done; test only where the recipe asks for it each epoch
    double learning_rate;
    double examples_per_second;   // training only, this epoch
    double seconds, seconds_left; // since the start of this call; an estimate
} convo_progress;

typedef struct convo_train_options {
    const char *data;          // folder of the data set; NULL: looked for in `search`
    const char *const *search; // NULL-ended list of folders that hold data sets by name; may be NULL
    const char *out;           // run folder, made if missing; NULL: nothing is written
    int threads;               // 0: one per processor. The result does not depend on it.
    const char *isa;           // highest instruction set to use: "baseline", "avx2", "avx512"; NULL: the best there is
    bool resume;               // go on from out/last.checkpoint
    const volatile int *stop;  // when it becomes nonzero: finish the step, save, return with interrupted set; may be NULL
    void (*progress)(const convo_progress *progress, void *user); // may be NULL
    void *user;
} convo_train_options;

typedef struct convo_train_result {
    convo_score train, validation, test; // of the model that is kept: the best on validation, or the last without one
    int epochs;                          // done
    int best_epoch;
    int64_t steps;
    int64_t parameters;
    double seconds, examples_per_second;
    uint64_t seed;
    int threads;
    char isa[16];
    bool interrupted, stopped_early;
    int64_t examples[3]; // train, validation, test
} convo_train_result;

typedef struct convo_recipe convo_recipe;
typedef struct convo_model convo_model;

// Trains what the recipe says. With options->out: recipe.yaml, metrics.jsonl, best.safetensors, last.checkpoint and
// result.json are written there, each atomically. model (may be NULL) receives the kept model; free it.
// Errors: whatever the recipe, the data or the files are guilty of; NUMERIC when the loss is not finite, naming the step
// and the first layer whose output is not finite.
CONVO_API convo_status convo_train(const convo_recipe *recipe, const convo_train_options *options,
                                   convo_train_result *result, convo_model **model, convo_error *err);

// --- models -----------------------------------------------------------------------------------------------------

// A trained net with its front end, normalisation and labels. path: a .safetensors file, or a run folder (its best.safetensors).
CONVO_API convo_status convo_model_load(const char *path, convo_model **model, convo_error *err);
CONVO_API convo_status convo_model_save(const convo_model *model, const char *path, convo_error *err);
CONVO_API void convo_model_free(convo_model *model);

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

typedef struct convo_evaluation {
    convo_score score;
    int classes;
    int64_t *confusion;   // [classes][classes]: row is the truth, column the prediction
    char **labels;        // [classes]
    double seconds;
} convo_evaluation;

typedef enum convo_part { CONVO_TRAIN = 0, CONVO_VALIDATION = 1, CONVO_TEST = 2, CONVO_ALL = 3 } convo_part;

// Runs the model over a part of its data set, split as in training. Of options, data, search, threads and isa count.
CONVO_API convo_status convo_evaluate(convo_model *model, convo_part part, const convo_train_options *options,
                                      convo_evaluation *evaluation, convo_error *err);
CONVO_API void convo_evaluation_free(convo_evaluation *evaluation);

// --- recipes ----------------------------------------------------------------------------------------------------

CONVO_API convo_status convo_recipe_load(const char *path, convo_recipe **recipe, convo_error *err);
// text: YAML; name: what errors call it, and the name of the run.
CONVO_API convo_status convo_recipe_parse(const char *text, size_t size, const char *name, convo_recipe **recipe,
                                          convo_error *err);
// assignment: "train.epochs=5"; a last part that occurs once may stand alone: "epochs=5". The whole recipe is checked again.
CONVO_API convo_status convo_recipe_set(convo_recipe *recipe, const char *assignment, convo_error *err);
// File name without folder and ending.
CONVO_API const char *convo_recipe_name(const convo_recipe *recipe);
// The test accuracy somebody else published for it, or NaN; *source (may be NULL) says who.
CONVO_API double convo_recipe_published(const convo_recipe *recipe, const char **source);
CONVO_API uint64_t convo_recipe_seed(const convo_recipe *recipe);
// The recipe as YAML, settings included. Free it with free().
CONVO_API convo_status convo_recipe_text(const convo_recipe *recipe, char **text, convo_error *err);
CONVO_API void convo_recipe_free(convo_recipe *recipe);

// --- what a net is made of --------------------------------------------------------------------------------------

typedef struct convo_layer {
    char path[64];         // "0", "3.body.0": as PyTorch names it
    char type[32];         // "conv2d"
    char options[128];     // "out 16, kernel 5"
    char shape[48];        // "(16, 44, 14)"
    char formula[96];      // "5*5*32*16 + 16 = 12816"; "" without parameters
    int64_t parameters, multiply_adds; // per example
    int64_t field[2], jump[2]; // receptive field and stride of one output pixel in input pixels, rows and columns; 0: all of it
} convo_layer;

typedef struct convo_summary {
    char input[48]; // "(13, 74)"
    convo_layer *layers;
    int count;
    int64_t parameters, multiply_adds;
    int64_t flattened; // values after the first flatten; 0 without one
} convo_summary;

CONVO_API convo_status convo_summarize(const convo_recipe *recipe, convo_summary *summary, convo_error *err);
CONVO_API void convo_summary_free(convo_summary *summary);

// --- what the net sees ------------------------------------------------------------------------------------------

typedef struct convo_array {
    int dims;
    int64_t dim[4];
    float *value; // row-major
} convo_array;

// Features of one recording by the recipe's front end, before the normalisation that training measures.
CONVO_API convo_status convo_features(const convo_recipe *recipe, const char *path, convo_array *features,
                                      convo_error *err);
CONVO_API void convo_array_free(convo_array *array);
// Writes a NumPy .npy file (float32, C order).
CONVO_API convo_status convo_array_save(const convo_array *array, const char *path, convo_error *err);

// --- data sets --------------------------------------------------------------------------------------------------

// Data set k that convo knows by name (NULL at the end), with one line about it.
CONVO_API const char *convo_data_name(int k, const char **help);
// Folder of the data set `name` under one of `search` (NULL-ended), as convo_train would find it. Free with free().
CONVO_API convo_status convo_data_find(const char *name, const char *const *search, char **folder, convo_error *err);

typedef struct convo_group {
    char name[64];
    int64_t count;
    double seconds;
} convo_group;

typedef struct convo_data_info {
    int64_t files;
    convo_group *classes, *groups, *rates; // groups: speakers; rates: name is "8000 Hz"
    int class_count, group_count, rate_count;
    double seconds, shortest, longest, median; // durations
    int64_t clipped;       // recordings with two or more neighbouring samples at full scale
    int64_t duplicates;    // recordings whose samples equal an earlier one's
    int64_t unreadable;
    char first_problem[512];
} convo_data_info;

CONVO_API convo_status convo_data_describe(const char *name, const char *folder, int threads, convo_data_info *info,
                                           convo_error *err);
CONVO_API void convo_data_info_free(convo_data_info *info);

#ifdef __cplusplus
}
#endif

#endif
