#pragma once

#include "device/layer_i8.h"

static inline int8_t cv_i8_rounded(const cv_i8_layer *l, int64_t product, int32_t shift) {
    const int64_t half = (int64_t)1 << (shift - 1);
    const int64_t y = ((product + half) >> shift) + l->zero_y;
    return (int8_t)(y < l->least ? l->least : y > l->most ? l->most : y);
}
