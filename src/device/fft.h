// The squared magnitudes of the Fourier transform of n real numbers, n a power of two, as one complex transform of half
// the length (Press et al., Numerical Recipes, 12.3).
#pragma once

#include "device/layer.h"

// One stage: transforms of `half` points become those of twice as many. Real and imaginary parts lie apart: side by
// side, GCC 12 fuses the products of the butterflies whatever -ffp-contract says (its vectors of sums and differences).
static void cv_f32_fft_stage(float *re, float *im, const float *turn, int32_t n, int32_t half) {
    const int32_t step = n / half / 2; // of the table
    for (int32_t first = 0; first < n / 2; first += 2 * half)
        for (int32_t k = first; k < first + half; k++) {
            const int32_t at = step * (k - first), other = k + half;
            const float c = turn[at], s = turn[n / 2 + at];
            const float x = re[other] * c + im[other] * s, y = im[other] * c - re[other] * s; // times e^-i angle
            re[other] = re[k] - x;
            im[other] = im[k] - y;
            re[k] += x;
            im[k] += y;
        }
}

// Where complex number k of n / 2 goes before the first stage: its bits reversed.
static int32_t cv_fft_place(int32_t k, int32_t half) {
    int32_t place = 0;
    for (int32_t bit = 1; bit < half; bit *= 2) {
        place = 2 * place + (k & 1);
        k >>= 1;
    }
    return place;
}

// z: [n], number k of the first half and of the second one together the numbers 2 k' and 2 k' + 1, where k is the place
// of k'. Afterwards z[k] is bin k of 0 ... n / 2. turn: cos, then sin of 2 pi k / n, [n / 2] each.
static void cv_f32_fft_power(float *z, const float *turn, int32_t n) {
    const int32_t half = n / 2;
    float *re = z, *im = z + half;
    float sum, difference;
    for (int32_t size = 1; size < half; size *= 2) cv_f32_fft_stage(re, im, turn, n, size);
    sum = re[0] + im[0];
    difference = re[0] - im[0];
    re[0] = sum * sum;
    im[0] = difference * difference;
    for (int32_t k = 1; 2 * k <= half; k++) {
        // E + e^-i angle O, with E of the even numbers and O of the odd ones; bin half - k is E - e^-i angle O,
        // conjugated
        const int32_t m = half - k;
        const float even_re = (re[k] + re[m]) * 0.5f, even_im = (im[k] - im[m]) * 0.5f;
        const float odd_re = (im[k] + im[m]) * 0.5f, odd_im = (re[m] - re[k]) * 0.5f;
        const float c = turn[k], s = turn[half + k];
        const float turned_re = odd_re * c + odd_im * s, turned_im = odd_im * c - odd_re * s;
        const float a = even_re + turned_re, b = even_im + turned_im, u = even_re - turned_re, v = even_im - turned_im;
        re[k] = a * a + b * b;
        re[m] = u * u + v * v;
    }
}
