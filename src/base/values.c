#include "base/values.h"

#include <stdlib.h>

bool cv_values_any(const cv_values *v) {
    return v->value || v->byte;
}

static void decode(const cv_values *v, size_t first, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = v->of_byte[v->byte[first + i]];
}

const float *cv_values_row(const cv_values *v, size_t row, size_t size, float *scratch) {
    if (!v->byte) return v->value + row * size;
    decode(v, row * size, size, scratch);
    return scratch;
}

bool cv_values_grow(cv_values *v, size_t rows, size_t size, bool bytes) {
    const bool narrow = v->byte || (bytes && !v->value);
    size_t total;
    if (!cv_mul(rows, size, &total) || !cv_mul(total, narrow ? 1 : sizeof *v->value, &total)) return false;
    void *grown = realloc(narrow ? (void *)v->byte : (void *)v->value, total);
    if (!grown) return false;
    if (narrow)
        v->byte = grown;
    else
        v->value = grown;
    return true;
}

bool cv_values_widen(cv_values *v, size_t rows, size_t size) {
    size_t total;
    if (!v->byte) return true;
    if (!cv_mul(rows, size, &total) || !(v->value = cv_alloc_aligned(total, sizeof *v->value))) return false;
    decode(v, 0, total, v->value);
    free(v->byte);
    v->byte = NULL;
    return true;
}

void cv_values_normalize(cv_values *v, size_t rows, size_t size, float mean, float std) {
    float *x = v->byte ? v->of_byte : v->value;
    const size_t count = v->byte ? CV_COUNT(v->of_byte) : rows * size;
    for (size_t i = 0; i < count; i++) x[i] = (x[i] - mean) / std;
}

void cv_values_free(cv_values *v) {
    free(v->value);
    free(v->byte);
    *v = (cv_values){0};
}
