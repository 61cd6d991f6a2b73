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
    return i >= 0 && i < count && i < f->samples ? (float)sample[i] * f->gain : 0.0f;
}

// The same less a share of the sample before it; behind the last place of a clip nothing is taken off.
static float cv_f32_emphasised(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t i) {
    const float v = cv_f32_sample(f, sample, count, i);
    if (f->preemphasis == 0.0f || i >= f->samples) return v;
    return v - f->preemphasis * cv_f32_sample(f, sample, count, i - 1);
}

// Frame number t into z, each sample where the transform starts from: even ones in the first half, odd ones in the
// second.
static void cv_f32_frame(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t t, float *z) {
    const int32_t first = t * f->hop - f->before, half = f->fft / 2;
    const int inside = first > 0 && first + f->window <= count && first + f->window <= f->samples;
    int32_t k = 0, place = 0;
    if (inside) { // two by two, the quick way
        const int16_t *from = sample + first;
        float last = (float)from[-1] * f->gain;
        for (; 2 * k + 1 < f->window; k++, place = cv_fft_next_place(place, half)) {
            const float even = (float)from[2 * k] * f->gain, odd = (float)from[2 * k + 1] * f->gain;
            float u = even - f->preemphasis * last, v = odd - f->preemphasis * even;
            if (f->shape) {
                u *= f->shape[2 * k];
                v *= f->shape[2 * k + 1];
            }
            z[place] = u;
            z[half + place] = v;
            last = odd;
        }
    }
    for (; k < half; k++, place = cv_fft_next_place(place, half))
        for (int32_t side = 0; side < 2; side++) {
            const int32_t at = 2 * k + side;
            float v = at < f->window ? cv_f32_emphasised(f, sample, count, first + at) : 0.0f;
            if (f->shape && at < f->window) v *= f->shape[at];
            z[side * half + place] = v;
        }
}

static float cv_f32_log_of(const cv_f32_front *f, float x) {
    return f->unit * cv_f32_log(x > f->floor ? x : f->below);
}

// The features of the frame whose spectrum is in z; mel: [filters].
static void cv_f32_row(const cv_f32_front *f, const float *z, float *mel, float *y) {
    const float *weight = f->bank;
    const int32_t first = f->row - f->cosines; // 1 if feature 0 is the logarithm of the frame's energy
    for (int32_t j = 0; j < f->filters; j++) {
        float sum = 0.0f;
        for (int32_t k = f->bins[2 * j]; k < f->bins[2 * j] + f->bins[2 * j + 1]; k++) sum += *weight++ * z[k];
        mel[j] = cv_f32_log_of(f, sum * f->scale);
    }
    if (!f->cosine) {
        memcpy(y, mel, (size_t)f->filters * sizeof *y);
        return;
    }
    if (first) {
        float energy = 0.0f;
        for (int32_t k = 0; k <= f->fft / 2; k++) energy += z[k];
        y[0] = cv_f32_log_of(f, energy * f->scale);
    }
    for (int32_t k = 0; k < f->cosines; k++) {
        float sum = 0.0f;
        for (int32_t j = 0; j < f->filters; j++) sum += f->cosine[k * f->filters + j] * mel[j];
        y[first + k] = sum;
    }
}

// The features of frame t, before they are normalised. work: [fft + filters].
static void cv_f32_features(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t t, float *work,
                            float *y) {
    cv_f32_frame(f, sample, count, t, work);
    cv_f32_fft_power(work, f->turn, f->fft);
    if (f->exponent != 1.0f)
        for (int32_t k = 0; k <= f->fft / 2; k++)
            work[k] = work[k] > 0.0f ? cv_f32_exp(f->exponent * cv_f32_log(work[k])) : 0.0f;
    cv_f32_row(f, work, work + f->fft, y);
}
