// Resampling for changes: a twentieth of the time that libsamplerate takes, for ratios near 1, by 32 taps. Recordings
// are brought to the rate of the front end by audio/sound.h.
#pragma once

#include "base/base.h"

typedef struct cv_resampler cv_resampler;

// Tables for factors up to `most`, at least 1. NULL if memory runs out. Freed with free().
cv_resampler *cv_resampler_new(double most);
// Reads the signal `factor` times as fast: out[t] is the signal at t * factor, without what is above the new Nyquist
// frequency. factor: above 0, at most the resampler's. Returns a new array of max(1, round(count / factor)) samples;
// NULL if memory runs out.
float *cv_resampler_run(const cv_resampler *resampler, const float *sample, size_t count, double factor,
                        size_t *out_count);
// Sum of x[i] y[i], in an order that compilers can vectorise.
float cv_dot(const float *x, const float *y, size_t count);
