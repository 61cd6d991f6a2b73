// The samples of a clip. With n of them, S their sum and Q that of their squares, those of zero mean and unit variance
// are (n x - S) / sqrt(n Q - S^2): whole numbers up to the last step.
#pragma once

#include "device/front.h"
#include "device/sqrt.h"

// What a sample is multiplied by, and the sum that is taken from n times the sample; *sum is 0 where n is left out.
typedef struct cv_loudness {
    float gain;
    int32_t times;
    int64_t sum;
} cv_loudness;

static cv_loudness cv_waveform_loudness(const cv_f32_front *f, const int16_t *sample, int32_t count) {
    const int32_t n = f->samples, used = count < n ? count : n;
    cv_loudness loud = {f->gain, 1, 0};
    int64_t squares = 0;
    if (f->gain != 0.0f) return loud;
    for (int32_t t = 0; t < used; t++) {
        loud.sum += sample[t];
        squares += (int32_t)sample[t] * sample[t];
    }
    squares = n * squares - loud.sum * loud.sum;
    loud.gain = squares > 0 ? 1.0f / cv_f32_sqrt((float)squares) : 0.0f; // a constant clip gives zeros
    loud.times = n;
    return loud;
}

// Sample t, normalised.
static float cv_waveform_value(const cv_f32_front *f, const cv_loudness *loud, const int16_t *sample, int32_t count,
                               int32_t t) {
    const int64_t x = t < count ? sample[t] : 0;
    return ((float)(x * loud->times - loud->sum) * loud->gain - f->mean) * f->factor;
}
