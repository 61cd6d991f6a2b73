// Data sets: a list of labelled examples, recordings or arrays. One file per kind, src/data/NAME.c.
#pragma once

#include "audio/augment.h"
#include "audio/feature.h"
#include "audio/sound.h"
#include "base/threads.h"
#include "base/values.h"
#include "data/findings.h"

typedef struct cv_example {
    char *path; // of the recording; NULL where the values are in memory
    int32_t label;
    int32_t group;  // speaker; -1 without
    int32_t index;  // of the recording within (label, group); -1 without
    int32_t part;   // the official split: CONVO_TRAIN, _VALIDATION, _TEST; -1 without one
    cv_piece piece; // of a recording: what of it is the example; all 0: the whole. Read with cv_front_compute_piece
} cv_example;

// A data set has one of three sorts: recordings (paths, read through a front end), pictures (paths, read by the kind),
// arrays (values in memory).
typedef struct cv_dataset {
    char *folder; // or file
    cv_example *example;
    size_t count;
    char **labels, **groups; // sorted, but for arrays whose labels are numbers
    int label_count, group_count;
    // Where a label says several things or none (see several.h): what its outputs are called, sorted but for arrays,
    // and which of them are true, [label_count][output_count]. NULL: every label is an output.
    char **outputs;
    int output_count;
    uint8_t *truth;
    cv_shape shape;   // of one example that is not a recording; dims 0: recordings
    cv_values values; // of arrays, [count][size of shape]
    // Examples that a program fills, each by its `index`; NULL: none. See convo_dataset_spec.
    bool (*fill)(void *user, int64_t index, float *out);
    void *user;
    cv_findings found; // what was skipped when the examples were listed
} cv_dataset;

typedef struct cv_data_kind {
    const char *name;        // as recipes write it in data.set
    const char *help;        // one line
    const char *missing;     // what to install for this build to read it ("libcsv-dev, and build again"); NULL: it can
    bool recordings;         // it needs a front end
    bool generated;          // it is computed: its path is ""
    bool mixed;              // its official split, as published, has speakers in several parts
    int rate;                // of recordings, nominal, in hertz; 0: any
    const cv_option *schema; // options of `data:` besides set, path and split; NULL: none
    size_t config_size;
    // Shape of one picture or array as far as it is known without reading; NULL or false: the recipe's `input` gives
    // it.
    bool (*shape)(const void *config, cv_shape *shape);
    // Pictures: whether they are rotated according to their EXIF data; NULL: no.
    bool (*orient)(const void *config);
    // Lists the examples, sorted by file name; reads arrays completely. path: a folder, or a file if the kind is one.
    convo_status (*scan)(const char *path, const void *config, cv_dataset *dataset, convo_error *err);
    // Pictures: reads one example into out, [size of dataset->shape]. Called from several threads.
    convo_status (*read)(const char *path, const void *config, cv_shape shape, float *out, convo_error *err);
} cv_data_kind;

extern const cv_data_kind cv_data_fsdd, cv_data_audiofolder, cv_data_speech_commands_v1, cv_data_speech_commands_v2,
    cv_data_manifest, cv_data_arrays, cv_data_mat, cv_data_moons, cv_data_cifar_10, cv_data_cifar_100, cv_data_mnist,
    cv_data_fashion_mnist, cv_data_emnist, cv_data_svhn, cv_data_imagefolder, cv_data_webdataset;

const cv_data_kind *cv_data_kind_at(size_t k); // NULL past the last one
const cv_data_kind *cv_data_kind_find(const char *name);

// Lists the examples. A folder without any is an error. config: of kind->schema, NULL if it has none.
convo_status cv_dataset_open(const cv_data_kind *kind, const char *path, const void *config, cv_dataset **dataset,
                             convo_error *err);
// With the default options. Pictures may have any size.
convo_status cv_dataset_open_plain(const cv_data_kind *kind, const char *path, cv_dataset **dataset, convo_error *err);
void cv_dataset_free(cv_dataset *dataset);
// Lists what is said where in recordings: of a recording with NAME.csv (start,end,word) beside it, or without one,
// where nothing is said; of a folder of such; or of a CSV file path,start,end,word. Every word is an example, a piece
// of its recording; an empty label, "", says no more than that there is the recording.
convo_status cv_spoken_open(const char *list, cv_dataset **dataset, convo_error *err);
// For scan: adds text[0..length] to a sorted list of distinct names, unless it is there. Returns false if memory runs
// out.
bool cv_names_add(char ***names, int *count, const char *text, size_t length);
// Names and number of what a net tells apart: labels, or outputs.
static inline char *const *cv_dataset_outputs(const cv_dataset *dataset, int *count) {
    *count = dataset->truth ? dataset->output_count : dataset->label_count;
    return dataset->truth ? dataset->outputs : dataset->labels;
}
// Returns the index in the list, or -1.
int32_t cv_names_find(char *const *names, int count, const char *text, size_t length);

// --- split ------------------------------------------------------------------------------------------------------

typedef struct cv_split_config {
    enum { CV_BY_RANDOM, CV_BY_OFFICIAL, CV_BY_GROUP, CV_BY_LIST } by;
    double train, validation, test;      // fractions
    bool stratified;                     // examples that are dealt out at random: each class in the same proportions
    int64_t folds, fold;                 // k-fold cross-validation: the test set is part `fold` (from 1) of `folds`
    int64_t seed;                        // -1: that of the training
    char leave_out[CV_TEXT_SIZE];        // by group: the group that is the test set
    char validation_group[CV_TEXT_SIZE]; // by group: the group that is the validation set; "": the fraction
    char list[3][CV_TEXT_SIZE];          // by list: the files that name the examples of each part; "": none
} cv_split_config;

extern const cv_option cv_split_schema[];

typedef struct cv_split {
    int32_t *index[3]; // of train, validation, test
    size_t count[3];
    size_t unlisted; // by list: names on the lists that no example has
} cv_split;

// Random: torch.utils.data.random_split(examples, [train, validation, test], torch.Generator().manual_seed(seed)).
convo_status cv_split_make(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, cv_split *split,
                           convo_error *err);
// Does the same but allows empty parts: for data that are scored, not trained on.
convo_status cv_split_deal(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, cv_split *split,
                           convo_error *err);
// Returns the part that CONVO_HELD_OUT stands for here; other parts are returned unchanged.
convo_part cv_split_part(const cv_split *split, convo_part part);
// Returns "training", "validation" or "test", for sentences.
const char *cv_part_name(convo_part part);
void cv_split_free(cv_split *split);
