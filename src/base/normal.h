// How examples are normalised: (x - mean) / std, with one pair of numbers for all values, or one for each channel, each
// column, ...: mean and std are broadcast over an example as in NumPy.
#pragma once

#include "base/base.h"

typedef struct cv_normal {
    size_t row[3];     // sizes of an example: channels, rows, columns
    size_t dim[3];     // of mean and std: the same, or 1 where all share a pair
    float *mean, *std; // [dim]; one allocation, at mean. NULL: x stays as it is
} cv_normal;

// Makes one whose means are 0 and deviations 1; dim[k] is row[k] or 1. Returns false if memory runs out. Free it with
// cv_normal_free.
bool cv_normal_new(const size_t row[3], const size_t dim[3], cv_normal *normal);
// Makes one pair for all values.
bool cv_normal_one(const size_t row[3], float mean, float std, cv_normal *normal);
bool cv_normal_copy(const cv_normal *from, cv_normal *to);
void cv_normal_free(cv_normal *normal);
// Returns the number of pairs; 0 if x stays as it is.
size_t cv_normal_count(const cv_normal *normal);
// Returns whether both have the same pairs, bit for bit, for examples of any size.
bool cv_normal_equal(const cv_normal *a, const cv_normal *b);
// Returns whether it can normalise examples of other sizes.
bool cv_normal_fits(const cv_normal *normal, const size_t row[3]);
// Returns how many values from `first` on have pairs *pair, *pair + *step, *pair + 2 *step, ...
size_t cv_normal_run(const cv_normal *normal, size_t first, size_t *pair, size_t *step);
// Normalises x, which are `count` values of an example from `first` on.
void cv_normal_apply(const cv_normal *normal, size_t first, size_t count, float *x);
// Writes "mean 0.5 and standard deviation 0.25", or the same with three pairs and "..." of those that there are.
void cv_normal_text(const cv_normal *normal, char *text, size_t size);
