// Fast Fourier transform of real 16-bit numbers in 16-bit arithmetic, bit for bit that of kissfft with FIXED_POINT=16.
#pragma once

#include <stdint.h>
#include <stddef.h>

typedef struct cv_fixed {
    int16_t re, im;
} cv_fixed;

typedef struct cv_fixed_fft cv_fixed_fft;

// size: a power of two, at least 4. Returns NULL if memory runs out. Free it with free().
cv_fixed_fft *cv_fixed_fft_new(size_t size);
// Computes the transform divided by `size`, bins 0 ... size/2. work: [size/2].
void cv_fixed_fft_real(const cv_fixed_fft *fft, const int16_t *x /* [size] */, cv_fixed *out /* [size/2 + 1] */,
                       cv_fixed *work);
// Its tables: size/2 turns e^(-2 pi i k / (size/2)), then size/4 that separate even from odd samples.
const cv_fixed *cv_fixed_fft_turns(const cv_fixed_fft *fft);
