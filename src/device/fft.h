// The squared magnitudes of the Fourier transform of n real numbers, n a power of two of 16 or more, as one complex
// transform of half the length (Press et al., Numerical Recipes, 12.3). Stages are done two at a time, the last one
// with what makes bins of it: every step loads and stores a number once.
//
// Real and imaginary parts lie apart: side by side, GCC 12 fuses the products of the butterflies whatever
// -ffp-contract says (its vectors of sums and differences). turn: sin 2 pi k / n for k in 0 ... n / 4, and the cosine
// of k is the sine of n / 4 - k.
#pragma once

#include "device/layer.h"

// b becomes a - t b, a becomes a + t b, with t = c - i s: one butterfly.
#define CV_BUTTERFLY(a, b, c, s)                                                                                       \
    do {                                                                                                               \
        const float x_ = b##_re * (c) + b##_im * (s), y_ = b##_im * (c)-b##_re * (s);                                  \
        b##_re = a##_re - x_;                                                                                          \
        b##_im = a##_im - y_;                                                                                          \
        a##_re += x_;                                                                                                  \
        a##_im += y_;                                                                                                  \
    } while (0)

// Complex number k of `half` goes to its bits reversed before the first stage: from the place of k to that of k + 1.
static inline int32_t cv_fft_next_place(int32_t place, int32_t half) {
    int32_t bit = half / 2;
    while (place & bit) {
        place -= bit;
        bit /= 2;
    }
    return place + bit;
}

// The first two stages, whose turns are quarters, of numbers as they come: x[2 k] and x[2 k + 1] are number k. Four
// that stand a quarter of the numbers apart go to one place, the second and third one the other way round.
static void cv_f32_fft_begin(const float *x, float *re, float *im, int32_t half) {
    const int32_t quarter = half / 2; // in floats
    for (int32_t k = 0, place = 0; k < half / 4; k++, x += 2, place = cv_fft_next_place(place, half)) {
        const float *y = x + quarter, *u = y + quarter, *v = u + quarter;
        const float a_re = x[0] + u[0], a_im = x[1] + u[1], b_re = x[0] - u[0], b_im = x[1] - u[1];
        const float c_re = y[0] + v[0], c_im = y[1] + v[1], d_re = y[0] - v[0], d_im = y[1] - v[1];
        re[place] = a_re + c_re;
        im[place] = a_im + c_im;
        re[place + 1] = b_re + d_im;
        im[place + 1] = b_im - d_re;
        re[place + 2] = a_re - c_re;
        im[place + 2] = a_im - c_im;
        re[place + 3] = b_re - d_im;
        im[place + 3] = b_im + d_re;
    }
}

// Groups of `size` points become those of twice as many.
static void cv_f32_fft_stage(float *re, float *im, const float *turn, int32_t n, int32_t size) {
    const int32_t step = n / size / 2, quarter = n / 4; // step: of the table
    for (int32_t k = 0; k < size; k++) {
        const int32_t at = step * k, behind = at > quarter; // a quarter of a turn
        const float c = behind ? -turn[at - quarter] : turn[quarter - at], s = turn[behind ? 2 * quarter - at : at];
        for (int32_t p = k; p < n / 2; p += 2 * size) {
            float a_re = re[p], a_im = im[p], b_re = re[p + size], b_im = im[p + size];
            CV_BUTTERFLY(a, b, c, s);
            re[p] = a_re, im[p] = a_im;
            re[p + size] = b_re, im[p + size] = b_im;
        }
    }
}

// The stages of `size` and of twice as many points at once.
static void cv_f32_fft_two_stages(float *re, float *im, const float *turn, int32_t n, int32_t size) {
    const int32_t step = n / size / 4; // of the table, for the second stage
    for (int32_t k = 0; k < size; k++) {
        const float c = turn[n / 4 - step * k], s = turn[step * k];
        const float c2 = c * c - s * s, s2 = 2.0f * c * s; // of the first stage, twice the angle
        for (int32_t p = k; p < n / 2; p += 4 * size) {
            const int32_t q = p + size, r = q + size, t = r + size;
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

// Numbers a and b of the complex transform, at k and as far from the end, become bins k and half - k: E + t O and the
// conjugate of E - t O, with E twice the transform of the even numbers, O that of the odd ones, t = c - i s.
#define CV_TWO_BINS(a, b, c, s, bin, other)                                                                            \
    do {                                                                                                               \
        const float even_re = a##_re + b##_re, even_im = a##_im - b##_im;                                              \
        const float odd_re = a##_im + b##_im, odd_im = b##_re - a##_re;                                                \
        const float x_ = odd_re * (c) + odd_im * (s), y_ = odd_im * (c)-odd_re * (s);                                  \
        const float u_ = even_re + x_, v_ = even_im + y_, w_ = even_re - x_, z_ = even_im - y_;                        \
        bin = u_ * u_ + v_ * v_;                                                                                       \
        other = w_ * w_ + z_ * z_;                                                                                     \
    } while (0)

// The last stage and the bins. Of two butterflies at k and as far from its end, the four results belong together.
static void cv_f32_fft_end(float *re, float *im, const float *turn, int32_t n) {
    const int32_t half = n / 2, m = n / 4;
    const float sum = re[0] + re[m], sum_im = im[0] + im[m], u = re[0] - re[m], v = im[0] - im[m];
    re[m] = 4.0f * (u * u + v * v);
    re[0] = 4.0f * ((sum + sum_im) * (sum + sum_im));
    im[0] = 4.0f * ((sum - sum_im) * (sum - sum_im));
    for (int32_t k = 1; 2 * k <= m; k++) {
        const int32_t j = m - k;
        const float c = turn[m - k], s = turn[k], c2 = turn[m - 2 * k], s2 = turn[2 * k];
        float a_re = re[k], a_im = im[k], b_re = re[m + k], b_im = im[m + k];
        float d_re = re[j], d_im = im[j], e_re = re[m + j], e_im = im[m + j];
        CV_BUTTERFLY(a, b, c2, s2);
        CV_BUTTERFLY(d, e, -c2, s2);
        CV_TWO_BINS(a, e, c, s, re[k], re[half - k]);
        CV_TWO_BINS(d, b, s, c, re[j], re[half - j]);
    }
}

// x: [n]. z: [n], real parts, then imaginary ones on the way; in the end z[k] is 4 times bin k
// of 0 ... n / 2.
static void cv_f32_fft_power(const float *x, float *z, const float *turn, int32_t n) {
    float *re = z, *im = z + n / 2;
    int32_t size = 4;
    cv_f32_fft_begin(x, re, im, n / 2);
    for (; 16 * size <= n; size *= 4) cv_f32_fft_two_stages(re, im, turn, n, size);
    if (8 * size <= n) cv_f32_fft_stage(re, im, turn, n, size);
    cv_f32_fft_end(re, im, turn, n);
}
