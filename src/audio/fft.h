// Fast Fourier transform of real signals whose length is a power of two.
#pragma once

#include <stddef.h>

typedef struct cv_fft {
    size_t size;      // n
    double twiddle[]; // cos(2 pi k / n) for k < n/2, then sin(2 pi k / n)
} cv_fft;

// size: a power of two, at least 2. Returns NULL if memory runs out. The caller frees it with free().
cv_fft *cv_fft_new(size_t size);
// Computes re + i im = sum over t of x[t] e^(-2 pi i k t / n), for k = 0 ... n/2.
void cv_fft_real(const cv_fft *fft, const double *x /* [n] */, double *re /* [n/2 + 1] */, double *im /* [n/2 + 1] */,
                 double *work /* [2 n] */);
// Computes re^2 + im^2 of the same.
void cv_fft_power(const cv_fft *fft, const double *x /* [n] */, double *power /* [n/2 + 1] */,
                  double *work /* [cv_fft_power_work] */);
static inline size_t cv_fft_power_work(size_t n) {
    return 2 * n + n / 2 + 1;
}
