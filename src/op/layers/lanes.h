// The vector type that ops compute with. Included by src/op/*.c only: LANES, CV_REAL and the register tile are set per
// instruction set by the build.
#pragma once

#include "op/isa.h"

#include <math.h>
#include <string.h>

typedef CV_REAL real;
#define CV_DOUBLE (LANES == 2)

typedef real lanes __attribute__((vector_size(LANES * sizeof(real)), may_alias));
#if CV_DOUBLE
typedef int64_t mask __attribute__((vector_size(LANES * sizeof(real)), may_alias)); // 0 or -1, what a comparison gives
#else
typedef int32_t mask __attribute__((vector_size(LANES * sizeof(real)), may_alias));
#endif
// The same at an address that need not be aligned: rows of parameters.
typedef real lanes_anywhere __attribute__((vector_size(LANES * sizeof(real)), aligned(sizeof(real)), may_alias));

#define CV_JOIN_(a, b) a##_##b
#define CV_JOIN(a, b)  CV_JOIN_(a, b)
#define CV_OP(name)                                                                                                    \
    extern const cv_op CV_JOIN(cv_op_##name, CV_ISA);                                                                  \
    const cv_op CV_JOIN(cv_op_##name, CV_ISA)

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define ALWAYS_INLINE static inline __attribute__((always_inline))

static inline lanes lanes_of(real x) {
    return x - (lanes){0};
}

static inline lanes select_lanes(mask m, lanes yes, lanes no) {
    return (lanes)((m & (mask)yes) | (~m & (mask)no));
}

// As many lanes as hold `count` things of a size.
static inline size_t in_lanes(int64_t count, size_t size) {
    return ((size_t)count * size + sizeof(lanes) - 1) / sizeof(lanes);
}

// 1 in the first `active` lanes, 0 in the idle ones.
static inline lanes active_lanes(int active) {
    lanes v;
    for (int l = 0; l < LANES; l++) v[l] = l < active ? (real)1 : (real)0;
    return v;
}

// Sum across lanes, as a tree: the order is fixed.
static inline real sum_lanes(lanes v) {
    real a[LANES];
    memcpy(a, &v, sizeof v);
    UNROLL
    for (int n = LANES / 2; n > 0; n /= 2) {
        UNROLL
        for (int i = 0; i < n; i++) a[i] += a[i + n];
    }
    return a[0];
}

// The elements of a and b in turn: a0 b0 a1 b1 ..., first and second half.
#if LANES == 2
#define ZIP_LOW  0, 2
#define ZIP_HIGH 1, 3
#elif LANES == 4
#define ZIP_LOW  0, 4, 1, 5
#define ZIP_HIGH 2, 6, 3, 7
#elif LANES == 8
#define ZIP_LOW  0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif LANES == 16
#define ZIP_LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (mask){__VA_ARGS__})
#endif

// log2(LANES) perfect shuffles of the rows of a matrix.
ALWAYS_INLINE void shuffle_rows(const int rows, lanes *v) {
    UNROLL
    for (int stage = 1; stage < LANES; stage *= 2) {
        lanes t[LANES] = {{0}};
        UNROLL
        for (int i = 0; i < rows / 2; i++) {
            t[2 * i] = SHUFFLE(v[i], v[i + rows / 2], ZIP_LOW);
            t[2 * i + 1] = SHUFFLE(v[i], v[i + rows / 2], ZIP_HIGH);
        }
        memcpy(v, t, (size_t)rows * sizeof *t);
    }
}

// Transposes a square of numbers.
ALWAYS_INLINE void transpose_lanes(lanes v[LANES]) {
    shuffle_rows(LANES, v);
}

// sum_lanes of every row of a square, to the bit: two rows, their elements in turn, are added up together. Not inlined:
// its shuffles' indices would take registers from the loop around it.
__attribute__((noinline, unused)) static lanes sum_square(lanes v[LANES]) {
    UNROLL
    for (int n = LANES / 2; n > 0; n /= 2) {
        UNROLL
        for (int i = 0; i < n; i++) v[i] = SHUFFLE(v[i], v[i + n], ZIP_LOW) + SHUFFLE(v[i], v[i + n], ZIP_HIGH);
    }
    return v[0];
}

// --- functions of a vector ----------------------------------------------------------------------------------------

#if CV_DOUBLE
static inline lanes exp_lanes(lanes x) {
    for (int l = 0; l < LANES; l++) x[l] = exp(x[l]);
    return x;
}

static inline lanes tanh_lanes(lanes x) {
    for (int l = 0; l < LANES; l++) x[l] = tanh(x[l]);
    return x;
}

static inline lanes expm1_lanes(lanes x) {
    for (int l = 0; l < LANES; l++) x[l] = expm1(x[l]);
    return x;
}
#else
// exp to about 1 ulp, as in Cephes' expf (S. Moshier): x = n ln 2 + r, a polynomial for e^r, n into the exponent.
static inline lanes exp_lanes(lanes x) {
    const float shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to a whole number, found in the low bits
    const lanes low = lanes_of(-87.0f), high = lanes_of(88.0f);
    lanes c = select_lanes(x < low, low, x);
    c = select_lanes(c > high, high, c);
    lanes shifted = c * 1.44269504088896341f + shift;
    lanes n = shifted - shift;
    lanes r = c - n * 0.693359375f + n * 2.12194440e-4f;
    lanes p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    lanes power = (lanes)(((mask)shifted << 23) + (mask)lanes_of(1.0f));
    lanes y = p * power;
    y = select_lanes(x > 88.7f, lanes_of(INFINITY), y);
    return select_lanes(x < -87.3f, lanes_of(0.0f), y);
}

// tanh as in Cephes' tanhf: a polynomial near 0, where 1 - 2/(e^2x + 1) would cancel.
static inline lanes tanh_lanes(lanes x) {
    lanes size = (lanes)((mask)x & 0x7fffffff);
    lanes far = 1.0f - 2.0f / (exp_lanes(2.0f * size) + 1.0f);
    far = (lanes)((mask)far | ((mask)x & (int32_t)0x80000000));
    lanes z = x * x;
    lanes p = -5.70498872745e-3f * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    lanes near = p * z * x + x;
    return select_lanes(size < 0.625f, near, far);
}

// e^x - 1 without cancellation near 0.
static inline lanes expm1_lanes(lanes x) {
    return tanh_lanes(0.5f * x) * (exp_lanes(x) + 1);
}
#endif

static inline lanes sigmoid_lanes(lanes x) {
    return 1 / (1 + exp_lanes(-x));
}
