// Finds examples with identical content, bit for bit.
#pragma once

#include "base/threads.h"
#include "data/dataset.h"

typedef struct cv_contents {
    uint64_t *hash;   // [count] of each example
    bool *unreadable; // [count]; NULL: none is
    size_t count;
    // the source: rows of numbers, or files
    const cv_values *values;
    size_t size; // of a row
    const cv_dataset *dataset;
    const cv_data_kind *kind;
    cv_tally tally; // while files are read
} cv_contents;

// Hashes numbers in memory, [count][size]. Borrows its arguments. Freed with cv_contents_free.
convo_status cv_contents_of_values(const cv_values *values, size_t count, size_t size, cv_pool *pool,
                                   cv_contents *contents, convo_error *err);
// Hashes files: the samples of recordings, the pixels of pictures. Uses options->reading.
convo_status cv_contents_of_files(const cv_dataset *dataset, const cv_data_kind *kind, cv_pool *pool,
                                  const convo_train_options *options, cv_contents *contents, convo_error *err);
// Tells whether two examples with the same hash are equal, and not by coincidence of their hashes.
bool cv_contents_same(const cv_contents *contents, size_t a, size_t b);
void cv_contents_free(cv_contents *contents);
