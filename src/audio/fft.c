// An even number n of real values is taken as n/2 complex ones, x[2t] + i x[2t+1]; one complex transform of half the
// length and one pass that separates the even from the odd samples give the spectrum (Press et al., Numerical Recipes,
// 12.3). The complex transform is Stockham's, one stage for each prime factor; a length with a large one becomes a
// convolution with a chirp (Bluestein, A linear filtering approach to the computation of discrete Fourier transform,
// 1970).
#include "audio/fft.h"

#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// From here on a stage, whose cost grows with its factor, costs more than the convolution.
enum { LARGEST_FACTOR = 61 };

// --- complex transforms -------------------------------------------------------------------------------------------

// One stage: `count` transforms of length 2 half, interleaved at distance `count`, become 2 count transforms of length
// `half`. The order comes out right without a bit reversal and the inner loop is contiguous.
static void stage(const cv_fft *fft, size_t half, size_t count, const double *restrict x_re,
                  const double *restrict x_im, double *restrict y_re, double *restrict y_im) {
    const size_t step = fft->size / fft->half * count;
    const double *cosine = fft->turn, *sine = fft->turn + fft->size;
    for (size_t p = 0; p < half; p++) {
        const double c = cosine[p * step], s = sine[p * step];
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

// The same for any factor r: `count` transforms of length r part become r count transforms of length `part`.
// y[k] = e^(-i angle k p) sum over j of x[j] e^(-2 pi i j k / r)
static void stage_of(const cv_fft *fft, size_t r, size_t part, size_t count, const double *restrict x_re,
                     const double *restrict x_im, double *restrict y_re, double *restrict y_im) {
    const size_t m = fft->half, step = fft->size / m;
    const double *cosine = fft->turn, *sine = fft->turn + fft->size;
    for (size_t p = 0; p < part; p++)
        for (size_t k = 0; k < r; k++) {
            double *out_re = y_re + (r * p + k) * count, *out_im = y_im + (r * p + k) * count;
            size_t turn = p * k * count; // below m
            for (size_t q = 0; q < count; q++) out_re[q] = out_im[q] = 0;
            for (size_t j = 0; j < r; j++, turn += k * (m / r)) {
                if (turn >= m) turn -= m;
                const double c = cosine[step * turn], s = sine[step * turn];
                const double *a_re = x_re + (p + j * part) * count, *a_im = x_im + (p + j * part) * count;
                for (size_t q = 0; q < count; q++) {
                    out_re[q] += a_re[q] * c + a_im[q] * s;
                    out_im[q] += a_im[q] * c - a_re[q] * s;
                }
            }
        }
}

// A signal of `half` complex numbers, and the room that its transform goes through.
typedef struct spiral {
    double *re, *im, *other_re, *other_im;
} spiral;

static void flip(spiral *z) {
    const spiral was = *z;
    *z = (spiral){was.other_re, was.other_im, was.re, was.im};
}

static void transform_stages(const cv_fft *fft, spiral *z) {
    size_t left = fft->half, count = 1;
    for (size_t f = 0; f < fft->factors; f++) {
        const size_t r = fft->factor[f];
        left /= r;
        if (r == 2)
            stage(fft, left, count, z->re, z->im, z->other_re, z->other_im);
        else
            stage_of(fft, r, left, count, z->re, z->im, z->other_re, z->other_im);
        count *= r;
        flip(z);
    }
}

// With c[t] = e^(-i pi t^2 / m): X[k] = c[k] sum over t of (x[t] c[t]) conj(c[k - t]), since 2 k t = k^2 + t^2 -
// (k - t)^2. The sum is a circular convolution, which has room if it is at least 2 m - 1 long. work: [4 chirp->half]
static void transform_chirp(const cv_fft *fft, spiral *z, double *work) {
    const size_t m = fft->half, n = fft->chirp->half;
    spiral w = {work, work + n, work + 2 * n, work + 3 * n};
    memset(work, 0, 2 * n * sizeof *work);
    for (size_t t = 0; t < m; t++) {
        w.re[t] = z->re[t] * fft->chirp_re[t] - z->im[t] * fft->chirp_im[t];
        w.im[t] = z->re[t] * fft->chirp_im[t] + z->im[t] * fft->chirp_re[t];
    }
    transform_stages(fft->chirp, &w);
    for (size_t k = 0; k < n; k++) { // conjugated: its transform is then the inverse one, conjugated
        const double re = w.re[k] * fft->kernel_re[k] - w.im[k] * fft->kernel_im[k];
        w.im[k] = -(w.re[k] * fft->kernel_im[k] + w.im[k] * fft->kernel_re[k]);
        w.re[k] = re;
    }
    transform_stages(fft->chirp, &w);
    for (size_t k = 0; k < m; k++) {
        const double re = w.re[k] / (double)n, im = -w.im[k] / (double)n;
        z->re[k] = re * fft->chirp_re[k] - im * fft->chirp_im[k];
        z->im[k] = re * fft->chirp_im[k] + im * fft->chirp_re[k];
    }
}

// --- tables -------------------------------------------------------------------------------------------------------

static bool factorise(cv_fft *fft) {
    size_t left = fft->half;
    for (size_t r = 2; r <= LARGEST_FACTOR; r++)
        for (; left % r == 0; left /= r) fft->factor[fft->factors++] = r;
    return left == 1;
}

static bool prepare_chirp(cv_fft *fft) {
    const size_t m = fft->half;
    size_t n = 1;
    while (n < 2 * m - 1) n *= 2;
    fft->chirp = cv_fft_new(2 * n);
    fft->chirp_re = cv_alloc(2 * (m + n), sizeof *fft->chirp_re);
    double *work = cv_alloc(4 * n, sizeof *work);
    if (fft->chirp && fft->chirp_re && work) {
        fft->chirp_im = fft->chirp_re + m;
        fft->kernel_re = fft->chirp_im + m;
        fft->kernel_im = fft->kernel_re + n;
        spiral w = {work, work + n, work + 2 * n, work + 3 * n};
        for (size_t t = 0; t < m; t++) {
            const double angle = M_PI * (double)(t * t % (2 * m)) / (double)m;
            fft->chirp_re[t] = cos(angle);
            fft->chirp_im[t] = -sin(angle);
            w.re[t] = w.re[(n - t) % n] = cos(angle); // also for t < 0
            w.im[t] = w.im[(n - t) % n] = sin(angle);
        }
        transform_stages(fft->chirp, &w);
        memcpy(fft->kernel_re, w.re, n * sizeof *w.re);
        memcpy(fft->kernel_im, w.im, n * sizeof *w.im);
    }
    free(work);
    return fft->chirp_im;
}

cv_fft *cv_fft_new(size_t size) {
    cv_fft *fft = cv_alloc(1, sizeof *fft);
    if (!fft) return NULL;
    fft->size = size;
    fft->half = size % 2 ? size : size / 2;
    fft->turn = cv_alloc(2 * size, sizeof *fft->turn);
    for (size_t k = 0; fft->turn && k < size; k++) {
        double angle = 2 * M_PI * (double)k / (double)size;
        fft->turn[k] = cos(angle);
        fft->turn[size + k] = sin(angle);
    }
    if (fft->turn && (factorise(fft) || prepare_chirp(fft))) return fft;
    cv_fft_free(fft);
    return NULL;
}

void cv_fft_free(cv_fft *fft) {
    if (!fft) return;
    cv_fft_free(fft->chirp);
    free(fft->chirp_re);
    free(fft->turn);
    free(fft);
}

// --- real signals -------------------------------------------------------------------------------------------------

size_t cv_fft_work(const cv_fft *fft) {
    return 4 * fft->half + fft->size / 2 + 1 + (fft->chirp ? 4 * fft->chirp->half : 0);
}

static void split_even_odd(const cv_fft *fft, const double *z_re, const double *z_im, double *re, double *im) {
    const size_t half = fft->half;
    const double *cosine = fft->turn, *sine = fft->turn + fft->size;
    re[0] = z_re[0] + z_im[0], im[0] = 0;
    re[half] = z_re[0] - z_im[0], im[half] = 0;
    for (size_t k = 1; k < half; k++) {
        // E + e^(-i angle) O with the spectra of the even samples E = (Z[k] + conj Z[half-k]) / 2 and of the odd ones
        // O = (Z[k] - conj Z[half-k]) / 2i.
        double even_re = (z_re[k] + z_re[half - k]) / 2, even_im = (z_im[k] - z_im[half - k]) / 2;
        double odd_re = (z_im[k] + z_im[half - k]) / 2, odd_im = (z_re[half - k] - z_re[k]) / 2;
        double c = cosine[k], s = sine[k];
        re[k] = even_re + odd_re * c + odd_im * s;
        im[k] = even_im + odd_im * c - odd_re * s;
    }
}

void cv_fft_real(const cv_fft *fft, const double *x, double *re, double *im, double *work) {
    const size_t half = fft->half;
    const bool odd = fft->size % 2;
    spiral z = {work, work + half, work + 2 * half, work + 3 * half};
    for (size_t t = 0; t < half; t++) {
        z.re[t] = odd ? x[t] : x[2 * t];
        z.im[t] = odd ? 0 : x[2 * t + 1];
    }
    if (fft->chirp)
        transform_chirp(fft, &z, work + 4 * half);
    else
        transform_stages(fft, &z);
    if (!odd) {
        split_even_odd(fft, z.re, z.im, re, im);
        return;
    }
    memcpy(re, z.re, (half / 2 + 1) * sizeof *re);
    memcpy(im, z.im, (half / 2 + 1) * sizeof *im);
}

void cv_fft_power(const cv_fft *fft, const double *x, double *power, double *work) {
    size_t bins = fft->size / 2 + 1;
    double *im = work + cv_fft_work(fft) - bins;
    cv_fft_real(fft, x, power, im, work);
    for (size_t k = 0; k < bins; k++) power[k] = power[k] * power[k] + im[k] * im[k];
}
