// A float as a whole number: v / scale + zero, halves to the even one, within -128 ... 127.
#pragma once

#include "device/layer_i8.h"

// per_scale: 1 / scale
static inline int8_t cv_i8_quantized(float v, float per_scale, int32_t zero) {
    const float step = 12582912.0f; // 1.5 * 2^23: what is added to it is rounded to whole numbers
    float q = v * per_scale;
    int32_t whole;
    if (!(q > -1024.0f)) q = -1024.0f; // a NaN too
    if (q > 1024.0f) q = 1024.0f;
    q = q + step;
    whole = (int32_t)(q - step) + zero;
    return (int8_t)(whole < -128 ? -128 : whole > 127 ? 127 : whole);
}
