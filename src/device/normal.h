#pragma once

#include "device/front.h"

// Feature number i of the clip as the net reads it.
static inline float cv_f32_normalised(const cv_f32_front *f, float v, int32_t i) {
    const float *pair = f->normal ? f->normal + 2 * (i % f->period) : NULL;
    return pair ? (v - pair[0]) * pair[1] : (v - f->mean) * f->factor;
}
