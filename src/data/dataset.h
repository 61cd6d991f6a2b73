// Data sets: a list of labelled examples, recordings or arrays. One file per kind, src/data/NAME.c.
#ifndef CV_DATASET_H
#define CV_DATASET_H

#include "audio/feature.h"
#include "base/threads.h"

typedef struct cv_example {
    char *path;  // of the recording; NULL where the values are in memory
    int32_t label;
    int32_t group; // speaker; -1 without
    int32_t index; // of the recording within (label, group); -1 without
    int32_t part;  // the official split: CONVO_TRAIN, _VALIDATION, _TEST; -1 without one
} cv_example;

typedef struct cv_dataset {
    char *folder;
    cv_example *example;
    size_t count;
    char **labels, **groups; // sorted
    int label_count, group_count;
    int rate; // hertz of its recordings, 0 when it can be anything
} cv_dataset;

typedef struct cv_data_kind {
    const char *name; // as recipes write it in data.set
    const char *help; // one line
    int rate;         // nominal, 0 when it can be anything
    convo_status (*scan)(const char *folder, cv_dataset *dataset, convo_error *err);
} cv_data_kind;

extern const cv_data_kind cv_data_fsdd;

const cv_data_kind *cv_data_kind_at(size_t k); // NULL at the end
const cv_data_kind *cv_data_kind_find(const char *name);

// Lists the examples, sorted by file name. A folder without any is an error.
convo_status cv_dataset_open(const cv_data_kind *kind, const char *folder, cv_dataset **dataset, convo_error *err);
void cv_dataset_free(cv_dataset *dataset);
// For scan: a sorted list of distinct names. Adds text[0..length] unless it is there; false: no memory.
bool cv_names_add(char ***names, int *count, const char *text, size_t length);
// Its place in the list, or -1.
int32_t cv_names_find(char *const *names, int count, const char *text, size_t length);
// The features of every example, [count][size of the front end's shape], in parallel. Freed by the caller.
convo_status cv_dataset_features(const cv_dataset *dataset, const cv_front *front, cv_pool *pool, float **values,
                                 convo_error *err);

// --- split ------------------------------------------------------------------------------------------------------

typedef struct cv_split_config {
    int by;                             // 0 random, 1 official, 2 group
    double train, validation, test;     // fractions; `by: official` and `by: group` use validation only
    int64_t seed;                       // -1: the training's
    char leave_out[CV_TEXT_SIZE];       // by group: the group that is the test set
    char validation_group[CV_TEXT_SIZE]; // by group: the group that is the validation set; "": the fraction
} cv_split_config;

extern const cv_option cv_split_schema[];

typedef struct cv_split {
    int32_t *index[3]; // of train, validation, test
    size_t count[3];
} cv_split;

// Random: torch.utils.data.random_split(examples, [train, validation, test], torch.Generator().manual_seed(seed)).
convo_status cv_split_make(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, cv_split *split,
                           convo_error *err);
void cv_split_free(cv_split *split);

#endif
