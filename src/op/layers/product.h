// A matrix times a vector of each of a few blocks: linear layers, and the steps of recurrent ones.
#pragma once

#include "op/layers/bf16.h"
#include "op/share.h"

// Sums kept in registers. One block has no second index to share loads over: its tile is tall, to hide the latency of
// the multiply-add. Of several blocks fewer rows are taken.
enum { SUMS = TILE_COLUMNS > 3 ? 16 : 8 };

// What is multiplied: a matrix of which number (i, k) is w[i * row + k * column], and vectors of `n` numbers that lie
// `apart` from block to block. paired: both are pairs of bf16, and n counts these.
typedef struct factors {
    const real *w;
    int64_t row, column;
    const lanes *x;
    size_t apart;
    int64_t n;
} factors;

// sum[i][b] = bias[i] + sum over k of w[i][k] x[b][k], or added to y: `rows` sums of each of `blocks` blocks.
ALWAYS_INLINE void sums(const bool paired, const int rows, const int blocks, lanes *y, size_t apart, const real *bias,
                        const bool add, const factors f) {
    lanes sum[SUMS];
    UNROLL
    for (int i = 0; i < rows * blocks; i++)
        sum[i] = add ? y[(size_t)(i % blocks) * apart + (size_t)(i / blocks)] : lanes_of(bias ? bias[i / blocks] : 0);
    for (int64_t k = 0; k < f.n; k++) {
        lanes v[SUMS];
        UNROLL
        for (int b = 0; b < blocks; b++) v[b] = f.x[(size_t)b * f.apart + (size_t)k];
        if (f.row == 1 && !paired) // down a column: no prefetcher sees that pattern
            __builtin_prefetch(f.w + k * f.column + rows);
        UNROLL
        for (int i = 0; i < rows * blocks; i++) {
            const real *w = &f.w[i / blocks * f.row + k * f.column];
            if (paired)
                sum[i] = add_pairs(sum[i], cells_of(w), v[i % blocks]);
            else
                sum[i] += *w * v[i % blocks];
        }
    }
    UNROLL
    for (int i = 0; i < rows * blocks; i++) y[(size_t)(i % blocks) * apart + (size_t)(i / blocks)] = sum[i];
}

// The same for `rows` rows.
ALWAYS_INLINE void multiply(const bool paired, const int blocks, lanes *y, size_t apart, int64_t rows, const real *bias,
                            const bool add, factors f) {
    enum { FEW = 4 };
    const int tall = SUMS / blocks;
    const real *w = f.w;
    int64_t o = 0;
#define SOME_ROWS(count) f.w = w + o * f.row, sums(paired, count, blocks, y + o, apart, bias ? bias + o : NULL, add, f)
    for (; o + tall <= rows; o += tall) SOME_ROWS(tall);
    for (; o + FEW <= rows && FEW < tall; o += FEW) SOME_ROWS(FEW);
    for (; o < rows; o++) SOME_ROWS(1);
#undef SOME_ROWS
}

// y[b] = bias + W x[b] for the rows first..end of W, which lie `row` numbers apart, its columns `column` apart.
ALWAYS_INLINE void multiply_rows(const int blocks, lanes *y, cv_span rows, const real *bias, const real *w, int64_t row,
                                 int64_t column, const lanes *x, int64_t n, size_t apart) {
    multiply(false, blocks, y + rows.first, apart, rows.end - rows.first, bias ? bias + rows.first : NULL, false,
             (factors){w + rows.first * row, row, column, x, apart, n});
}
