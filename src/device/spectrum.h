// Frames of a clip, their spectrum, mel filters, logarithms and (MFCC) a cosine transform.
#pragma once

#include "device/exp.h"
#include "device/fft.h"
#include "device/front.h"
#include "device/log.h"

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

static float cv_f32_log_of(const cv_f32_front *f, float x) {
    const float sum = x + f->offset;
    return f->unit * cv_f32_log(sum > f->floor ? sum : f->below);
}

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

// The logarithms of the filters' sums over the spectrum z. What a bin does not give to the filter that rises there goes
// to the one that falls. Returns the sum of all bins.
static float cv_f32_filters(const cv_f32_front *f, const float *z, float *mel) {
    const float *weight = f->bank, *behind = z + f->fft / 2;
    float falling = 0.0f, energy = 0.0f;
    for (int32_t k = 0; k < f->first_bin; k++) energy += *z++;
    for (int32_t j = 0; j <= f->filters; j++) {
        float rising = 0.0f;
        for (const float *end = z + f->bins[j]; z < end; z++) {
            const float part = *weight++ * *z;
            rising += part;
            falling += *z - part;
        }
        energy += falling;
        if (j > 0) mel[j - 1] = cv_f32_log_of(f, f->peak ? falling * f->peak[j - 1] * f->scale : falling * f->scale);
        falling = rising;
    }
    energy += falling;
    while (z <= behind) energy += *z++;
    return energy;
}

// The features of the frame whose spectrum is in z; mel: [filters].
static void cv_f32_row(const cv_f32_front *f, const float *z, float *mel, float *y) {
    const int32_t first = f->row - f->cosines; // 1 if feature 0 is the logarithm of the frame's energy
    const float energy = cv_f32_filters(f, z, mel);
    if (first) y[0] = cv_f32_log_of(f, energy * f->scale);
    if (f->cosine)
        cv_f32_cosines(f, mel, first, y + first);
    else
        memcpy(y, mel, (size_t)f->filters * sizeof *y);
}

// The features of frame t, before they are normalised. work: [2 fft]; y may be its beginning.
static void cv_f32_features(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t t, float *work,
                            float *y) {
    float *x = work + f->fft;
    cv_f32_frame(f, sample, count, t, x);
    cv_f32_fft_power(x, work, f->turn, f->fft);
    if (f->exponent != 1.0f)
        for (int32_t k = 0; k <= f->fft / 2; k++)
            work[k] = work[k] > 0.0f ? cv_f32_exp(f->exponent * cv_f32_log(work[k])) : 0.0f;
    cv_f32_row(f, work, x, y);
}
