// From the files of a data set to the rows of a store.
#pragma once

#include "data/dataset.h"
#include "data/store.h"

#include <stdatomic.h>

// What the tasks of a store read (see cv_store_plan): its `context`.
typedef struct cv_reading {
    const cv_dataset *dataset;
    const cv_data_kind *kind;
    const void *config;    // of the kind
    const cv_front *front; // for recordings; NULL for pictures
    // Augmented versions:
    const cv_augment_config *augment;
    uint64_t seed;
    const int32_t *index; // the examples
    // What has been done so far; nanoseconds of the threads' processors:
    atomic_llong decoding;  // files were read, decoded and resampled
    atomic_llong computing; // features were computed and stored
    atomic_llong examples;  // read from their files
} cv_reading;

// Puts what the net sees of example `task`, before normalisation, as row `task`.
convo_status cv_read_features(void *reading, size_t task, cv_store_writer *writer, convo_error *err);
// Puts the samples of recording `task`, at the front end's rate and whole, as row `task`.
convo_status cv_read_samples(void *reading, size_t task, cv_store_writer *writer, convo_error *err);
// Puts the features of the augmented versions of example index[task], rows task * copies and the following. A version
// depends only on the seed and the numbers of its example and of the copy.
convo_status cv_read_versions(void *reading, size_t task, cv_store_writer *writer, convo_error *err);
// Reads what the net sees of every recording or picture of the data set, before normalisation, into memory, in
// parallel. The caller frees *values, [count][size].
convo_status cv_dataset_read(const cv_dataset *dataset, const cv_data_kind *kind, const void *config,
                             const cv_front *front, cv_pool *pool, float **values, convo_error *err);
