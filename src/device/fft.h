// The squared magnitudes of the Fourier transform of n real numbers, n a power of two, as one complex transform of half
// the length (Press et al., Numerical Recipes, 12.3).
#pragma once

#include "device/layer.h"

// Stages of `half` points become those of twice as many. Real and imaginary parts lie apart: side by side, GCC 12 fuses
// the products of the butterflies whatever -ffp-contract says (its vectors of sums and differences).

// b becomes a - t b, a becomes a + t b, with t = c - i s: one butterfly.
#define CV_BUTTERFLY(a, b, c, s)                                                                                       \
    do {                                                                                                               \
        const float x_ = b##_re * (c) + b##_im * (s), y_ = b##_im * (c)-b##_re * (s);                                  \
        b##_re = a##_re - x_;                                                                                          \
        b##_im = a##_im - y_;                                                                                          \
        a##_re += x_;                                                                                                  \
        a##_im += y_;                                                                                                  \
    } while (0)

static void cv_f32_fft_stage(float *re, float *im, const float *turn, int32_t n, int32_t half) {
    const int32_t step = n / half / 2; // of the table
    for (int32_t first = 0; first < n / 2; first += 2 * half)
        for (int32_t k = first; k < first + half; k++) {
            const int32_t at = step * (k - first), other = k + half;
            float a_re = re[k], a_im = im[k], b_re = re[other], b_im = im[other];
            CV_BUTTERFLY(a, b, turn[at], turn[n / 2 + at]);
            re[k] = a_re;
            im[k] = a_im;
            re[other] = b_re;
            im[other] = b_im;
        }
}

// The first two stages, whose turns are quarters.
static void cv_f32_fft_first_stages(float *re, float *im, int32_t half) {
    for (int32_t p = 0; p < half; p += 4, re += 4, im += 4) {
        const float a_re = re[0] + re[1], a_im = im[0] + im[1], b_re = re[0] - re[1], b_im = im[0] - im[1];
        const float c_re = re[2] + re[3], c_im = im[2] + im[3], d_re = re[2] - re[3], d_im = im[2] - im[3];
        re[0] = a_re + c_re;
        im[0] = a_im + c_im;
        re[1] = b_re + d_im;
        im[1] = b_im - d_re;
        re[2] = a_re - c_re;
        im[2] = a_im - c_im;
        re[3] = b_re - d_im;
        im[3] = b_im + d_re;
    }
}

// The stages of `half` and of 2 half points at once: every number is loaded and stored once for both.
static void cv_f32_fft_two_stages(float *re, float *im, const float *turn, int32_t n, int32_t half) {
    const int32_t step = n / half / 4; // of the table, for the second stage
    for (int32_t k = 0; k < half; k++) {
        const float c = turn[step * k], s = turn[n / 2 + step * k];
        const float c2 = turn[2 * step * k], s2 = turn[n / 2 + 2 * step * k]; // of the first stage
        for (int32_t p = k; p < n / 2; p += 4 * half) {
            const int32_t q = p + half, r = q + half, t = r + half;
            float a_re = re[p], a_im = im[p], b_re = re[q], b_im = im[q];
            float d_re = re[r], d_im = im[r], e_re = re[t], e_im = im[t];
            CV_BUTTERFLY(a, b, c2, s2);
            CV_BUTTERFLY(d, e, c2, s2);
            CV_BUTTERFLY(a, d, c, s);
            CV_BUTTERFLY(b, e, -s, c); // a quarter turn further
            re[p] = a_re, im[p] = a_im;
            re[q] = b_re, im[q] = b_im;
            re[r] = d_re, im[r] = d_im;
            re[t] = e_re, im[t] = e_im;
        }
    }
}

// Complex number k of `half` goes to its bits reversed before the first stage: from the place of k to that of k + 1.
static int32_t cv_fft_next_place(int32_t place, int32_t half) {
    int32_t bit = half / 2;
    while (place & bit) {
        place -= bit;
        bit /= 2;
    }
    return place + bit;
}

// z: [n], number k of the first half and of the second one together the numbers 2 k' and 2 k' + 1, where k is the place
// of k'. Afterwards z[k] is bin k of 0 ... n / 2. turn: cos, then sin of 2 pi k / n, [n / 2] each.
static void cv_f32_fft_power(float *z, const float *turn, int32_t n) {
    const int32_t half = n / 2;
    float *re = z, *im = z + half;
    float sum, difference;
    int32_t size = half % 4 ? 1 : 4;
    if (size == 4) cv_f32_fft_first_stages(re, im, half);
    for (; 4 * size <= half; size *= 4) cv_f32_fft_two_stages(re, im, turn, n, size);
    for (; size < half; size *= 2) cv_f32_fft_stage(re, im, turn, n, size);
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
