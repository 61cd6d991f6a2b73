// Which examples hold the same, bit for bit.
#ifndef CV_CONTENTS_H
#define CV_CONTENTS_H

#include "data/dataset.h"

typedef struct cv_contents {
    uint64_t *hash;   // [count] of each example
    bool *unreadable; // [count]; NULL: none is
    size_t count;
    // where they come from: rows of numbers, or files
    const cv_values *values;
    size_t size; // of a row
    const cv_dataset *dataset;
    const cv_data_kind *kind;
} cv_contents;

// Of numbers in memory, [count][size]. Freed with cv_contents_free; borrows.
convo_status cv_contents_of_values(const cv_values *values, size_t count, size_t size, cv_pool *pool,
                                   cv_contents *contents, convo_error *err);
// Of files: the samples of recordings, the pixels of pictures.
convo_status cv_contents_of_files(const cv_dataset *dataset, const cv_data_kind *kind, cv_pool *pool,
                                  cv_contents *contents, convo_error *err);
// Whether two examples of one hash are the same, which is not by chance.
bool cv_contents_same(const cv_contents *contents, size_t a, size_t b);
void cv_contents_free(cv_contents *contents);

#endif
