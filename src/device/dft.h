// The squared magnitudes of the Fourier transform of n real numbers, n even but no power of two, as one complex
// transform of half the length with a stage for each prime factor (Stockham). An exported file has this only where it
// needs it.
#pragma once

#include "device/layer.h"

#define CV_ANY_FFT

// `count` transforms of r part numbers, interleaved, become r count transforms of `part`: x and y, [half] real and
// [half] imaginary parts. turn: cos, then sin of 2 pi k / n, [n] each.
static void cv_f32_dft_stage(const float *x, float *y, const float *turn, int32_t half, int32_t r, int32_t part) {
    const int32_t count = half / r / part;
    for (int32_t p = 0; p < part; p++)
        for (int32_t k = 0; k < r; k++)
            for (int32_t q = 0; q < count; q++) {
                const int32_t to = (r * p + k) * count + q;
                int32_t angle = p * k * count;
                float re = 0.0f, im = 0.0f;
                for (int32_t j = 0; j < r; j++, angle += k * (half / r)) {
                    const int32_t from = (p + j * part) * count + q;
                    const float a = x[from], b = x[half + from];
                    float c, s;
                    angle %= half;
                    c = turn[2 * angle];
                    s = turn[2 * half + 2 * angle];
                    re += a * c + b * s;
                    im += b * c - a * s;
                }
                y[to] = re;
                y[half + to] = im;
            }
}

// x: [n], lost. y: [n]; afterwards its beginning is four times bin 0 ... n / 2, as fft.h has them.
static void cv_f32_dft_power(float *x, float *y, const float *turn, int32_t n) {
    const int32_t half = n / 2;
    float *from = y, *to = x, sum, difference;
    for (int32_t k = 0; k < half; k++) {
        y[k] = x[2 * k];
        y[half + k] = x[2 * k + 1];
    }
    for (int32_t part = half, r = 2; part > 1;) {
        if (part % r) {
            r++;
            continue;
        }
        part /= r;
        cv_f32_dft_stage(from, to, turn, half, r, part);
        from = to;
        to = from == x ? y : x;
    }
    sum = 2.0f * (from[0] + from[half]);
    difference = 2.0f * (from[0] - from[half]);
    y[0] = sum * sum;
    y[half] = difference * difference;
    for (int32_t k = 1; 2 * k <= half; k++) { // from an even and an odd half: the bins k and half - k
        const int32_t m = half - k;
        const float even_re = from[k] + from[m], even_im = from[half + k] - from[half + m];
        const float odd_re = from[half + k] + from[half + m], odd_im = from[m] - from[k];
        const float c = turn[k], s = turn[n + k];
        const float re = odd_re * c + odd_im * s, im = odd_im * c - odd_re * s;
        const float a = even_re + re, b = even_im + im, u = even_re - re, v = even_im - im;
        y[k] = a * a + b * b;
        y[m] = u * u + v * v;
    }
}
