// The n real values are taken as n/2 complex ones, x[2t] + i x[2t+1]; one complex transform of half the length and one
// pass that separates the even from the odd samples give the spectrum (Press et al., Numerical Recipes, 12.3).
#include "audio/fft.h"

#include "base/base.h"

#include <math.h>

cv_fft *cv_fft_new(size_t size) {
    cv_fft *fft = cv_alloc(1, sizeof(cv_fft) + size * sizeof(double));
    if (!fft) return NULL;
    fft->size = size;
    for (size_t k = 0; k < size / 2; k++) {
        double angle = 2 * M_PI * (double)k / (double)size;
        fft->twiddle[k] = cos(angle);
        fft->twiddle[size / 2 + k] = sin(angle);
    }
    return fft;
}

// One stage of Stockham's transform: `count` transforms of length 2 half, interleaved at distance `count`, become 2
// count transforms of length `half`. The order comes out right without a bit reversal and the inner loop is contiguous.
static void stage(const cv_fft *fft, size_t half, size_t count, const double *restrict x_re,
                  const double *restrict x_im, double *restrict y_re, double *restrict y_im) {
    for (size_t p = 0; p < half; p++) {
        double c = fft->twiddle[2 * p * count], s = fft->twiddle[fft->size / 2 + 2 * p * count];
        const double *a_re = x_re + p * count, *a_im = x_im + p * count;
        const double *b_re = a_re + half * count, *b_im = a_im + half * count;
        double *sum_re = y_re + 2 * p * count, *sum_im = y_im + 2 * p * count;
        for (size_t q = 0; q < count; q++) {
            double d_re = a_re[q] - b_re[q], d_im = a_im[q] - b_im[q];
            sum_re[q] = a_re[q] + b_re[q];
            sum_im[q] = a_im[q] + b_im[q];
            sum_re[count + q] = d_re * c + d_im * s; // (a - b) e^(-i angle)
            sum_im[count + q] = d_im * c - d_re * s;
        }
    }
}

void cv_fft_real(const cv_fft *fft, const double *x, double *re, double *im, double *work) {
    size_t half = fft->size / 2;
    double *z_re = work, *z_im = work + half, *y_re = work + 2 * half, *y_im = work + 3 * half;
    for (size_t t = 0; t < half; t++) {
        z_re[t] = x[2 * t];
        z_im[t] = x[2 * t + 1];
    }
    for (size_t n = half, count = 1; n > 1; n /= 2, count *= 2) {
        stage(fft, n / 2, count, z_re, z_im, y_re, y_im);
        double *swap_re = z_re, *swap_im = z_im;
        z_re = y_re, z_im = y_im;
        y_re = swap_re, y_im = swap_im;
    }
    re[0] = z_re[0] + z_im[0], im[0] = 0;
    re[half] = z_re[0] - z_im[0], im[half] = 0;
    for (size_t k = 1; k < half; k++) {
        // E + e^(-i angle) O with the spectra of the even samples E = (Z[k] + conj Z[half-k]) / 2 and of the odd ones
        // O = (Z[k] - conj Z[half-k]) / 2i.
        double even_re = (z_re[k] + z_re[half - k]) / 2, even_im = (z_im[k] - z_im[half - k]) / 2;
        double odd_re = (z_im[k] + z_im[half - k]) / 2, odd_im = (z_re[half - k] - z_re[k]) / 2;
        double c = fft->twiddle[k], s = fft->twiddle[half + k];
        re[k] = even_re + odd_re * c + odd_im * s;
        im[k] = even_im + odd_im * c - odd_re * s;
    }
}

void cv_fft_power(const cv_fft *fft, const double *x, double *power, double *work) {
    size_t bins = fft->size / 2 + 1;
    double *im = work + 2 * fft->size;
    cv_fft_real(fft, x, power, im, work);
    for (size_t k = 0; k < bins; k++) power[k] = power[k] * power[k] + im[k] * im[k];
}
