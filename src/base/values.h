// Values of examples, one row each: floats, or bytes with a table of what each byte stands for. Pixels are kept as
// bytes, which take a quarter of the memory.
#ifndef CV_VALUES_H
#define CV_VALUES_H

#include "base/base.h"

typedef struct cv_values {
    float *value;       // [rows][size]; NULL: bytes, or none
    uint8_t *byte;      // [rows][size]; NULL: floats, or none
    float of_byte[256]; // what a byte stands for
} cv_values;

bool cv_values_any(const cv_values *values);
// Returns row `row` of `size` numbers: in place, or converted to scratch, [size].
const float *cv_values_row(const cv_values *values, size_t row, size_t size, float *scratch);
// Makes room for rows * size numbers of the type in use; bytes: the type if there are none yet. Keeps existing values.
bool cv_values_grow(cv_values *values, size_t rows, size_t size, bool bytes);
// Converts the bytes of rows * size numbers to floats.
bool cv_values_widen(cv_values *values, size_t rows, size_t size);
// Replaces x by (x - mean) / std in rows * size numbers.
void cv_values_normalize(cv_values *values, size_t rows, size_t size, float mean, float std);
void cv_values_free(cv_values *values);

#endif
