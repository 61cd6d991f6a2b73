// Fast Fourier transform of real signals of any length.
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CV_FFT_FACTORS = 64 };

typedef struct cv_fft {
    size_t size;                             // n
    size_t half;                             // of the complex transform: n/2, or n if n is odd
    size_t factor[CV_FFT_FACTORS], factors;  // of half
    double *turn;                            // cos(2 pi k / n) for k < n, then sin(2 pi k / n)
    struct cv_fft *chirp;                    // of a convolution, where half has a large prime factor; else NULL
    double *chirp_re, *chirp_im, *kernel_re; // [half], [half], [chirp->half]
    double *kernel_im;
} cv_fft;

// size: at least 2. Returns NULL if memory runs out. Free it with cv_fft_free.
cv_fft *cv_fft_new(size_t size);
void cv_fft_free(cv_fft *fft);
// Computes re + i im = sum over t of x[t] e^(-2 pi i k t / n), for k = 0 ... n/2, rounded down.
void cv_fft_real(const cv_fft *fft, const double *x /* [n] */, double *re /* [n/2 + 1] */, double *im /* [n/2 + 1] */,
                 double *work /* [cv_fft_work] */);
// Computes re^2 + im^2 of the same.
void cv_fft_power(const cv_fft *fft, const double *x /* [n] */, double *power /* [n/2 + 1] */,
                  double *work /* [cv_fft_work] */);
// Returns how many doubles of work memory a transform needs.
size_t cv_fft_work(const cv_fft *fft);
