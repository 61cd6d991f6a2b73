// Frames of a clip.
#pragma once

#include "device/front.h"

// Sample i of the clip, [count], with what lies around it.
static float cv_f32_sample(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t i) {
    if (f->mirror && i < 0) i = -i;
    if (f->mirror && i >= f->samples) i = 2 * (f->samples - 1) - i;
    return i >= 0 && i < count && i < f->samples ? (float)sample[i] : 0.0f;
}

// Sample `at` of the frame that begins at place `first`, as the transform takes it: less a share of the one before it
// (behind the last place of a clip nothing is taken off), in the window's shape.
static float cv_f32_shaped(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t first, int32_t at) {
    const int32_t i = first + at;
    float v = cv_f32_sample(f, sample, count, i);
    if (f->preemphasis != 0.0f && i < f->samples) v = v - f->preemphasis * cv_f32_sample(f, sample, count, i - 1);
    return f->shape ? v * f->shape[at] : v;
}

// Frame number t, zeros behind its window. x: [fft].
static void cv_f32_frame(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t t, float *x) {
    const int32_t first = t * f->hop - f->before;
    int32_t at = 0;
    if (first > 0 && first + f->window <= count && first + f->window <= f->samples) { // the quick way
        const float share = f->preemphasis;
        const int16_t *from = sample + first;
        float last = (float)from[-1];
        for (; at + 1 < f->window; at += 2) {
            const float even = (float)from[at], odd = (float)from[at + 1];
            x[at] = even - share * last;
            x[at + 1] = odd - share * even;
            last = odd;
        }
        for (int32_t k = 0; f->shape && k < at; k++) x[k] *= f->shape[k];
    }
    for (; at < f->window; at++) x[at] = cv_f32_shaped(f, sample, count, first, at);
    memset(x + at, 0, (size_t)(f->fft - at) * sizeof *x);
}
