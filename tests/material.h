// The numbers of a material, whatever they are stored as.
#pragma once

#include "model/material.h"

#include <stdlib.h>

// [rows][size], which the caller frees.
static inline float *material_numbers(const cv_material *m) {
    const size_t size = (size_t)cv_shape_size(m->shape);
    float *out = calloc(m->rows * size, sizeof *out);
    for (size_t row = 0; out && row < m->rows; row++) {
        const float *x = cv_values_row(&m->values, row, size, out + row * size);
        for (size_t i = 0; i < size; i++) out[row * size + i] = x[i];
    }
    return out;
}
