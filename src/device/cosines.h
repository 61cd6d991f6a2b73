#pragma once

#include "device/front.h"

// Coefficients first, first + 1, ... of the cosine transform of mel, [filters], which are lost. Even coefficients are
// the same for the filters read backwards, odd ones change their signs: sums of two filters, and their differences
// behind them, are all that is needed.
static void cv_f32_cosines(const cv_f32_front *f, float *mel, int32_t first, float *y) {
    const float *cosine = f->cosine;
    const int32_t both = f->filters / 2, sums = f->filters - both;
    for (int32_t j = 0; j < both; j++) {
        const float a = mel[j], b = mel[f->filters - 1 - j];
        mel[j] = a + b;
        mel[f->filters - 1 - j] = a - b;
    }
    for (int32_t k = first; k < first + f->cosines; k++) {
        const float *v = k % 2 ? mel + sums : mel, *end = v + (k % 2 ? both : sums);
        float sum = 0.0f;
        while (v < end) sum += *cosine++ * *v++;
        *y++ = sum;
    }
}
