// What the kernels of 8-bit numbers share.
//
// A value q stands for scale (q - zero). Weights are symmetric, zero 0, with a scale for each output; sums are exact,
// in 32 bits; what comes out is rounded once, halves upwards:
//     y = clamp((sum factor + 2^(shift + 32)) >> (shift + 33)) + zero_y,
//     factor / 2^(shift + 33) = scale of the sums / scale of y, less than 1/4
// All of it is whole numbers: the same on every processor.
#pragma once

#include "device/layer.h"

// Negative numbers are shifted with their sign, which C leaves to the compiler: another one is refused here.
typedef char cv_shifts_keep_signs[(-3 >> 1) == -2 ? 1 : -1];

typedef struct cv_i8_layer {
    cv_geometry g;
    int32_t zero, zero1, zero_y;    // of x, x1, y
    int32_t least, most;            // y is clamped to these, zero_y included
    int32_t factor, factor1, shift; // where there is one for all: of x, of x1, of both
    float scale, a, b;              // floats become numbers: 1 / scale of y; numbers become floats: scale of x
    const int8_t *weight;
    const int32_t *bias, *factors; // for each output; bias: -zero times the sum of the weights is in it
    const uint8_t *shifts;
} cv_i8_layer;
