#pragma once

#include "device/front.h"

// No value further than range below the largest.
static void cv_f32_cut(const cv_f32_front *f, float *x, int32_t size) {
    float top = x[0];
    for (int32_t i = 1; i < size; i++) top = x[i] > top ? x[i] : top;
    for (int32_t i = 0; i < size; i++) {
        const float below = x[i] - top > -f->range ? x[i] - top : -f->range;
        x[i] = f->relative ? below : x[i] > top - f->range ? x[i] : top - f->range;
    }
}
