// bf16: the upper half of a float. Rounding to it, and pairs of it.
//
// A cell is a pair of bf16 in 32 bits, the first in the low half. A vector of cells has as many lanes as one of floats,
// with two terms of a sum in each: AVX512_BF16 multiplies both and adds both products, in one instruction.
#pragma once

#include "op/layers/lanes.h"

// The build sets CV_PAIRS for the tables of ops that multiply in pairs. One without the instructions does in C what
// they do, for tests; the one for AMX rounds by them.
#ifdef CV_PAIRS
enum { PAIRS = 1 };
#else
enum { PAIRS = 0 };
#endif

#if !CV_DOUBLE
typedef uint32_t cell_lanes __attribute__((vector_size(sizeof(lanes)), may_alias));
typedef uint16_t halves __attribute__((vector_size(sizeof(lanes) / 2), may_alias));

// The nearest bf16, ties to even, in the upper half of each lane. What overflows becomes infinite, a NaN stays one.
ALWAYS_INLINE cell_lanes round_lanes(lanes x) {
    const cell_lanes u = (cell_lanes)x;
    return (cell_lanes)select_lanes(x == x, (lanes)(u + 0x7fff + (u >> 16 & 1)), (lanes)(u | 0x400000));
}

ALWAYS_INLINE halves half_lanes(lanes x) {
    return __builtin_convertvector(round_lanes(x) >> 16, halves);
}
#endif

#if defined(__AVX512BF16__)
#include <immintrin.h>

typedef uint16_t words __attribute__((vector_size(sizeof(lanes)), may_alias));
#if defined(__clang__)
#define SHUFFLE_WORDS(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
#else
#define SHUFFLE_WORDS(v, ...) __builtin_shuffle(v, (words){__VA_ARGS__})
#endif

// The numbers of `first`, then those of `second`: neighbours are a cell.
ALWAYS_INLINE lanes cells_along(lanes first, lanes second) {
    return (lanes)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}

// Cells of the numbers of two vectors, lane by lane.
ALWAYS_INLINE lanes pair_lanes(lanes first, lanes second) {
    return (lanes)SHUFFLE_WORDS((words)cells_along(first, second), 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7,
                                23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// sum + both products of each cell
ALWAYS_INLINE lanes add_pairs(lanes sum, lanes a, lanes b) {
    return (lanes)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#elif !CV_DOUBLE
ALWAYS_INLINE lanes cells_along(lanes first, lanes second) {
    const halves half[2] = {half_lanes(first), half_lanes(second)};
    lanes v;
    memcpy(&v, half, sizeof v);
    return v;
}

ALWAYS_INLINE lanes pair_lanes(lanes first, lanes second) {
    return (lanes)(round_lanes(first) >> 16 | (round_lanes(second) & 0xffff0000));
}

ALWAYS_INLINE lanes add_pairs(lanes sum, lanes a, lanes b) {
    sum += (lanes)((cell_lanes)a & 0xffff0000) *
           (lanes)((cell_lanes)b & 0xffff0000); // the processor adds the second first
    return sum + (lanes)((cell_lanes)a << 16) * (lanes)((cell_lanes)b << 16);
}
#else // in doubles nothing is paired
ALWAYS_INLINE lanes cells_along(lanes first, lanes second) {
    (void)second;
    return first;
}

ALWAYS_INLINE lanes pair_lanes(lanes first, lanes second) {
    return cells_along(first, second);
}

ALWAYS_INLINE lanes add_pairs(lanes sum, lanes a, lanes b) {
    return sum + a * b;
}
#endif

// The cell at an address, in all lanes.
ALWAYS_INLINE lanes cells_of(const real *cell) {
#if CV_DOUBLE
    return lanes_of(*cell);
#else
    uint32_t u;
    memcpy(&u, cell, sizeof u);
    return (lanes)(u - (cell_lanes){0});
#endif
}

// Numbers that lie side by side.
static inline void round_numbers(uint16_t *to, const real *from, int64_t count) {
    enum { RUN = 2 * LANES };
    int64_t i = 0;
    for (; i + RUN <= count; i += RUN) {
        const lanes v = cells_along(*(const lanes_anywhere *)(from + i), *(const lanes_anywhere *)(from + i + LANES));
        memcpy(to + i, &v, sizeof v);
    }
    real rest[RUN] = {0};
    for (int64_t k = i; k < count; k++) rest[k - i] = from[k];
    const lanes v = cells_along(*(const lanes_anywhere *)rest, *(const lanes_anywhere *)(rest + LANES));
    memcpy(to + i, &v, (size_t)(count - i) * sizeof *to);
}
