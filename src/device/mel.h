// The spectrum of a frame, and what mel filters add up of it.
#pragma once

#include "device/dft.h"
#include "device/exp.h"
#include "device/fft.h"
#include "device/front.h"
#include "device/log.h"

// The spectrum of the frame in the second half of work, [2 fft], goes to its beginning.
static void cv_f32_transform(const cv_f32_front *f, float *work) {
    float *x = work + f->fft;
#ifdef CV_ANY_FFT
    if (f->fft & (f->fft - 1))
        cv_f32_dft_power(x, work, f->turn, f->fft);
    else
#endif
        cv_f32_fft_power(x, work, f->turn, f->fft);
    if (f->exponent != 1.0f)
        for (int32_t k = 0; k <= f->fft / 2; k++)
            work[k] = work[k] > 0.0f ? cv_f32_exp(f->exponent * cv_f32_log(work[k])) : 0.0f;
}

// The filters' sums over the spectrum z. What a bin does not give to the filter that rises there goes
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
        if (j > 0) mel[j - 1] = f->peak ? falling * f->peak[j - 1] * f->scale : falling * f->scale;
        falling = rising;
    }
    energy += falling;
    while (z <= behind) energy += *z++;
    return energy;
}
