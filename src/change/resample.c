// A sinc of 32 taps under a Kaiser window, in a table of 256 phases; between two phases the results are interpolated.
// Julius O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample
#include "change/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TAPS = 32, PHASES = 256, BEFORE = TAPS / 2 - 1, STEPS = 8, LANES = 8 };

// Where the filter's transition ends is the Nyquist frequency: its width is (A - 8) / (2.285 TAPS) with A = 70 dB,
// which is the Kaiser window's with beta = 0.1102 (A - 8.7).
static const double attenuation = 70;

struct cv_resampler {
    size_t sets;                   // set k is for factors up to 1 + k / STEPS
    float tap[][PHASES + 1][TAPS]; // [sets]
};

// The modified Bessel function I0.
static double bessel_i0(double x) {
    double sum = 1, term = 1;
    for (int k = 1; term > 1e-12 * sum; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

static void fill_set(float tap[PHASES + 1][TAPS], double factor) {
    const double beta = 0.1102 * (attenuation - 8.7);
    const double width = (attenuation - 8) / (2.285 * TAPS) / M_PI; // of Nyquist
    const double cut = 1 / factor - width / 2;
    for (int p = 0; p <= PHASES; p++) {
        double sum = 0, value[TAPS];
        for (int k = 0; k < TAPS; k++) {
            const double t = k - BEFORE - (double)p / PHASES, u = t / (TAPS / 2);
            const double window = fabs(u) < 1 ? bessel_i0(beta * sqrt(1 - u * u)) : 0;
            value[k] = window * (t == 0 ? cut : sin(M_PI * cut * t) / (M_PI * t));
            sum += value[k];
        }
        for (int k = 0; k < TAPS; k++) tap[p][k] = (float)(value[k] / sum); // a constant stays what it is
    }
}

cv_resampler *cv_resampler_new(double most) {
    const size_t sets = 1 + (size_t)ceil((most - 1) * STEPS);
    cv_resampler *resampler = cv_alloc(1, sizeof *resampler + sets * sizeof *resampler->tap);
    if (!resampler) return NULL;
    resampler->sets = sets;
    for (size_t k = 0; k < sets; k++) fill_set(resampler->tap[k], 1 + (double)k / STEPS);
    return resampler;
}

float cv_dot(const float *x, const float *y, size_t count) {
    float lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++) lane[k] += x[i + k] * y[i + k];
    for (; i < count; i++) sum += x[i] * y[i];
    for (size_t k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

float *cv_resampler_run(const cv_resampler *resampler, const float *sample, size_t count, double factor,
                        size_t *out_count) {
    const size_t needed = factor > 1 ? (size_t)ceil((factor - 1) * STEPS) : 0;
    const float(*tap)[TAPS] = resampler->tap[needed < resampler->sets ? needed : resampler->sets - 1];
    const size_t length = (size_t)fmax(1, round((double)count / factor));
    float *padded = cv_alloc(count + 2 * TAPS + (size_t)ceil(factor), sizeof *padded);
    float *out = cv_alloc(length, sizeof *out);
    if (padded && out) {
        memcpy(padded + BEFORE, sample, count * sizeof *sample);
        for (size_t t = 0; t < length; t++) {
            const double at = (double)t * factor, phase = (at - floor(at)) * PHASES;
            const float *x = padded + (size_t)at, part = (float)(phase - floor(phase));
            const float *low = tap[(size_t)phase], *high = tap[(size_t)phase + 1];
            float mixed[TAPS];
            for (size_t k = 0; k < TAPS; k++) mixed[k] = low[k] + part * (high[k] - low[k]);
            out[t] = cv_dot(x, mixed, TAPS);
        }
    } else {
        free(out);
        out = NULL;
    }
    free(padded);
    *out_count = length;
    return out;
}
