// y = clamp(((sum factor) >> (32 + shift) + 1) >> 1 + zero): (sum factor + 2^(32 + shift)) >> (33 + shift), rounded
// once, halves upwards, since the lower 32 bits of the product do not matter. shift: 0 to 29.
#pragma once

#include "device/layer_i8.h"

static inline int8_t cv_i8_rounded(const cv_i8_layer *l, int64_t product, int32_t shift) {
    const int32_t y = (((int32_t)(product >> 32) >> shift) + 1 + 2 * l->zero_y) >> 1;
    return (int8_t)(y < l->least ? l->least : y > l->most ? l->most : y);
}
