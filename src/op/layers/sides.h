// Padding of convolutions and pools: zeros, or nothing, around the maps. Four numbers, as CV_SIDES has them, or a word:
//
//   same: as many outputs as steps fit, ceil(size / stride); of an odd number of zeros there is one more behind, as in
//   PyTorch (which knows it for stride 1) and TensorFlow
//   causal: same in rows; in columns all zeros are in front, so that an output depends on no later column
#pragma once

#include "op/shape.h"

enum { SAME = -1, CAUSAL = -2 };
#define SIDES_WORDS      "same|causal"
#define SIDES_HELP(what) what "; same: ceil(size / stride) outputs; causal: same, but in columns all are in front"

// Replaces a word by its numbers. d: 0 rows, 1 columns.
static inline void side_numbers(int64_t padding[4], int d, int64_t size, int64_t reach, int64_t stride) {
    const int64_t word = padding[d], outputs = (size + stride - 1) / stride;
    if (word >= 0) return;
    const int64_t missing = (outputs - 1) * stride + reach - size, all = missing > 0 ? missing : 0;
    padding[d] = word == CAUSAL && d == 1 ? reach - 1 : all / 2;
    padding[2 + d] = word == CAUSAL && d == 1 ? 0 : all - padding[d];
}

static inline int64_t padded_size(const int64_t padding[4], int d, int64_t size) {
    return padding[d] + size + padding[2 + d];
}

static inline bool has_padding(const int64_t padding[4]) {
    return padding[0] || padding[1] || padding[2] || padding[3];
}
