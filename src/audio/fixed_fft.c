// As fft.c, the real numbers are taken as half as many complex ones. Their transform is by decimation in time, stages
// of four and at last perhaps one of two; before each stage every number is divided by its size, so that none
// overflows. Products are rounded to 15 bits: (a b + 2^14) >> 15. Sums wrap around.
#include "audio/fixed_fft.h"

#include "base/base.h"

#include <math.h>

enum { ONE = 32767 };

struct cv_fixed_fft {
    size_t half;
    cv_fixed *split; // [half/2] turns that separate even from odd samples
    cv_fixed turn[]; // [half] e^(-2 pi i k / half)
};

static int16_t narrow(int32_t x) {
    return (int16_t)(uint16_t)x; // modulo 2^16
}

static int16_t rounded(int32_t product) {
    return narrow((product + (1 << 14)) >> 15);
}

static cv_fixed divided(cv_fixed a, int by) {
    return (cv_fixed){rounded(a.re * (ONE / by)), rounded(a.im * (ONE / by))};
}

static cv_fixed times(cv_fixed a, cv_fixed b) {
    return (cv_fixed){rounded(a.re * b.re - a.im * b.im), rounded(a.re * b.im + a.im * b.re)};
}

static cv_fixed plus(cv_fixed a, cv_fixed b) {
    return (cv_fixed){narrow(a.re + b.re), narrow(a.im + b.im)};
}

static cv_fixed minus(cv_fixed a, cv_fixed b) {
    return (cv_fixed){narrow(a.re - b.re), narrow(a.im - b.im)};
}

static cv_fixed turned(double angle) {
    return (cv_fixed){(int16_t)floor(0.5 + ONE * cos(angle)), (int16_t)floor(0.5 + ONE * sin(angle))};
}

cv_fixed_fft *cv_fixed_fft_new(size_t size) {
    const size_t half = size / 2;
    cv_fixed_fft *fft = cv_alloc(1, sizeof *fft + (half + half / 2) * sizeof *fft->turn);
    if (!fft) return NULL;
    fft->half = half;
    fft->split = fft->turn + half;
    for (size_t k = 0; k < half; k++) fft->turn[k] = turned(-2 * M_PI * (double)k / (double)half);
    for (size_t k = 0; k < half / 2; k++) fft->split[k] = turned(-M_PI * ((double)(k + 1) / (double)half + 0.5));
    return fft;
}

const cv_fixed *cv_fixed_fft_turns(const cv_fixed_fft *fft) {
    return fft->turn;
}

// Two transforms of `part` numbers, one behind the other, become one of twice as many.
static void join_two(const cv_fixed_fft *fft, size_t part, size_t step, cv_fixed *z) {
    for (size_t k = 0; k < part; k++) {
        const cv_fixed a = divided(z[k], 2), b = times(divided(z[part + k], 2), fft->turn[k * step]);
        z[part + k] = minus(a, b);
        z[k] = plus(a, b);
    }
}

static void join_four(const cv_fixed_fft *fft, size_t part, size_t step, cv_fixed *z) {
    for (size_t k = 0; k < part; k++) {
        const cv_fixed a = divided(z[k], 4), b = times(divided(z[part + k], 4), fft->turn[k * step]);
        const cv_fixed c = times(divided(z[2 * part + k], 4), fft->turn[2 * k * step]);
        const cv_fixed d = times(divided(z[3 * part + k], 4), fft->turn[3 * k * step]);
        const cv_fixed even = plus(a, c), odd = plus(b, d), across = minus(a, c), turn = minus(b, d);
        z[k] = plus(even, odd);
        z[2 * part + k] = minus(even, odd);
        z[part + k] = (cv_fixed){narrow(across.re + turn.im), narrow(across.im - turn.re)}; // across - i turn
        z[3 * part + k] = (cv_fixed){narrow(across.re - turn.im), narrow(across.im + turn.re)};
    }
}

// The transform of every `step`-th of the complex numbers x, `count` of them. The first stage of all is the last to be
// joined, so a factor of two, if there is one, joins the smallest parts.
static void transform_fixed(const cv_fixed_fft *fft, const int16_t *x, size_t step, size_t count, cv_fixed *z) {
    const size_t parts = count % 4 ? count : 4, part = count / parts;
    for (size_t j = 0; j < parts && part > 1; j++)
        transform_fixed(fft, x + 2 * j * step, step * parts, part, z + j * part);
    for (size_t j = 0; j < parts && part == 1; j++) z[j] = (cv_fixed){x[2 * j * step], x[2 * j * step + 1]};
    if (parts == 4)
        join_four(fft, part, step, z);
    else if (parts == 2)
        join_two(fft, part, step, z);
}

void cv_fixed_fft_real(const cv_fixed_fft *fft, const int16_t *x, cv_fixed *out, cv_fixed *work) {
    const size_t half = fft->half;
    transform_fixed(fft, x, 1, half, work);
    const cv_fixed first = divided(work[0], 2);
    out[0] = (cv_fixed){narrow(first.re + first.im), 0};
    out[half] = (cv_fixed){narrow(first.re - first.im), 0};
    for (size_t k = 1; k <= half / 2; k++) {
        const cv_fixed mirror = {work[half - k].re, narrow(-work[half - k].im)};
        const cv_fixed a = divided(work[k], 2), b = divided(mirror, 2);
        const cv_fixed even = plus(a, b), odd = times(minus(a, b), fft->split[k - 1]);
        out[k] = (cv_fixed){narrow((even.re + odd.re) >> 1), narrow((even.im + odd.im) >> 1)};
        out[half - k] = (cv_fixed){narrow((even.re - odd.re) >> 1), narrow((odd.im - even.im) >> 1)};
    }
}
