// Batches of examples, in order. Examples that are made anew in every epoch are made ahead of their use, by threads of
// the loader's own, while the net computes; all others are used where they lie.
#pragma once

#include "base/values.h"

// Examples: values and labels by row. All is borrowed.
typedef struct cv_source {
    const cv_values *values; // [rows][size], as they are scored
    size_t size;             // numbers of an example
    const int32_t *label;    // [rows]
    const uint8_t *truth;    // [labels][outputs]: see cv_pass; NULL: none
    // Makes example `row` as it is trained on in an epoch, 0, 1, ... Called from several threads. NULL: as it is
    // scored.
    convo_status (*make)(const void *context, int64_t epoch, int32_t row, float *out /* [size] */, convo_error *err);
    // Mixes the examples of a batch once they are made: changes their values, [count][size], and gives the place of the
    // second example of each in the batch and the first one's share in the label. NULL: none is mixed. False: no
    // memory.
    bool (*mix)(const void *context, int64_t epoch, const int32_t *row, int count, float *values, int32_t *partner,
                float *share);
    const void *context;
    bool large; // examples are also made to be scored: their values may exceed memory
} cv_source;

// Until the next call for the same loader.
typedef struct cv_loaded {
    const cv_values *values;
    const int32_t *index; // [count] rows of values
    const int32_t *label; // by row
    const int32_t *other; // by row: the second label of mixed examples; NULL: none is
    const float *share;   // by row: of `label`, at least a half
    int count;
} cv_loaded;

// How well a loader keeps up, in seconds.
typedef struct cv_loader_times {
    double busy;   // of all its threads together
    double waited; // by the caller of cv_loader_next
    int threads;   // 0: nothing had to be made
} cv_loader_times;

typedef struct cv_loader cv_loader;

// threads: that make examples, if some are made: 1 makes them within cv_loader_next. source is copied.
convo_status cv_loader_new(const cv_source *source, int batch, int threads, cv_loader **loader, convo_error *err);
void cv_loader_free(cv_loader *loader);
// Starts on rows index[0..count], in this order, from example `first` on, a multiple of the batch size. index must stay
// until the last batch is loaded or the loader is freed. All batches of the preceding call must have been loaded.
// epoch: for `make`; -1: examples are loaded as they are scored.
void cv_loader_begin(cv_loader *loader, int64_t epoch, const int32_t *index, size_t count, size_t first);
// Loads the next batch: full, but for the last.
convo_status cv_loader_next(cv_loader *loader, cv_loaded *loaded, convo_error *err);
cv_loader_times cv_loader_spent(cv_loader *loader);
