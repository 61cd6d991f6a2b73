#include "base/normal.h"

#include <stdlib.h>
#include <string.h>

size_t cv_normal_count(const cv_normal *n) {
    return n->mean ? n->dim[0] * n->dim[1] * n->dim[2] : 0;
}

bool cv_normal_new(const size_t row[3], const size_t dim[3], cv_normal *n) {
    *n = (cv_normal){0};
    memcpy(n->row, row, sizeof n->row);
    memcpy(n->dim, dim, sizeof n->dim);
    const size_t count = dim[0] * dim[1] * dim[2]; // no more than an example has
    n->mean = cv_alloc(count, 2 * sizeof *n->mean);
    if (!n->mean) return false;
    n->std = n->mean + count;
    for (size_t k = 0; k < count; k++) n->std[k] = 1;
    return true;
}

bool cv_normal_one(const size_t row[3], float mean, float std, cv_normal *n) {
    if (!cv_normal_new(row, (const size_t[3]){1, 1, 1}, n)) return false;
    *n->mean = mean;
    *n->std = std;
    return true;
}

bool cv_normal_copy(const cv_normal *from, cv_normal *to) {
    *to = (cv_normal){0};
    if (!from->mean) return true;
    if (!cv_normal_new(from->row, from->dim, to)) return false;
    memcpy(to->mean, from->mean, cv_normal_count(from) * 2 * sizeof *to->mean);
    return true;
}

void cv_normal_free(cv_normal *n) {
    free(n->mean);
    *n = (cv_normal){0};
}

bool cv_normal_equal(const cv_normal *a, const cv_normal *b) {
    const size_t count = cv_normal_count(a);
    if (count != cv_normal_count(b)) return false;
    return count == 0 ||
           (memcmp(a->dim, b->dim, sizeof a->dim) == 0 && memcmp(a->mean, b->mean, count * 2 * sizeof *a->mean) == 0);
}

bool cv_normal_fits(const cv_normal *n, const size_t row[3]) {
    bool fits = true;
    for (int k = 0; n->mean && k < 3; k++) fits = fits && (n->dim[k] == 1 || n->dim[k] == row[k]);
    return fits;
}

size_t cv_normal_run(const cv_normal *n, size_t first, size_t *pair, size_t *step) {
    const size_t *row = n->row, *dim = n->dim, pixels = row[1] * row[2];
    *pair = *step = 0;
    if (dim[0] * dim[1] * dim[2] == 1) return row[0] * pixels - first;
    if (pixels == 1) { // a vector: its channels are neighbours
        *pair = first;
        *step = 1;
        return row[0] - first;
    }
    const size_t place[3] = {first / pixels, first / row[2] % row[1], first % row[2]};
    for (int k = 0; k < 3; k++) *pair = *pair * dim[k] + (dim[k] > 1 ? place[k] : 0);
    *step = dim[2] > 1;
    return row[2] - place[2];
}

void cv_normal_apply(const cv_normal *n, size_t first, size_t count, float *x) {
    while (n->mean && count > 0) {
        size_t pair, step, run = cv_normal_run(n, first, &pair, &step);
        const float *mean = n->mean + pair, *std = n->std + pair;
        if (run > count) run = count;
        if (step)
            for (size_t i = 0; i < run; i++) x[i] = (x[i] - mean[i]) / std[i];
        else
            for (size_t i = 0; i < run; i++) x[i] = (x[i] - *mean) / *std;
        first += run;
        count -= run;
        x += run;
    }
}

void cv_normal_text(const cv_normal *n, char *text, size_t size) {
    enum { SHOWN = 3 };
    const size_t count = cv_normal_count(n);
    cv_print(text, size, "mean ");
    for (size_t k = 0; k < count && k < SHOWN; k++) cv_append(text, size, "%s%g", k ? ", " : "", (double)n->mean[k]);
    cv_append(text, size, "%s and standard deviation ", count > SHOWN ? ", ..." : "");
    for (size_t k = 0; k < count && k < SHOWN; k++) cv_append(text, size, "%s%g", k ? ", " : "", (double)n->std[k]);
    if (count > SHOWN) cv_append(text, size, ", ... (%zu of each)", count);
}
