// A matrix times a vector of each of a few blocks: linear layers, and the steps of recurrent ones.
#pragma once

#include "op/layers/lanes.h"
#include "op/share.h"

// Sums kept in registers. One block has no second index to share loads over: its tile is tall, to hide the latency of
// the multiply-add. Of several blocks fewer rows are taken.
enum { SUMS = TILE_COLUMNS > 3 ? 16 : 8 };

// sum[i][b] = bias[i] + sum over k of w[i * row + k * column] x[b][k]: `rows` sums of each of `blocks` blocks.
ALWAYS_INLINE void sums(const int rows, const int blocks, lanes *y, const real *bias, const real *w, int64_t row,
                        int64_t column, const lanes *x, int64_t n, size_t apart) {
    lanes sum[SUMS];
    UNROLL
    for (int i = 0; i < rows * blocks; i++) sum[i] = lanes_of(bias ? bias[i / blocks] : 0);
    for (int64_t k = 0; k < n; k++) {
        lanes v[SUMS];
        UNROLL
        for (int b = 0; b < blocks; b++) v[b] = x[(size_t)b * apart + (size_t)k];
        if (row == 1) __builtin_prefetch(w + k * column + rows); // down a column: no prefetcher sees that pattern
        UNROLL
        for (int i = 0; i < rows * blocks; i++) sum[i] += w[i / blocks * row + k * column] * v[i % blocks];
    }
    UNROLL
    for (int i = 0; i < rows * blocks; i++) y[(size_t)(i % blocks) * apart + (size_t)(i / blocks)] = sum[i];
}

// y[b] = bias + W x[b] for the rows first..end of W, which lie `row` numbers apart, its columns `column` apart.
ALWAYS_INLINE void multiply_rows(const int blocks, lanes *y, cv_span rows, const real *bias, const real *w,
                                   int64_t row, int64_t column, const lanes *x, int64_t n, size_t apart) {
    enum { FEW = 4 };
    const int tall = SUMS / blocks;
    int64_t o = rows.first;
    for (; o + tall <= rows.end; o += tall)
        sums(tall, blocks, y + o, bias ? bias + o : NULL, w + o * row, row, column, x, n, apart);
    for (; o + FEW <= rows.end && FEW < tall; o += FEW)
        sums(FEW, blocks, y + o, bias ? bias + o : NULL, w + o * row, row, column, x, n, apart);
    for (; o < rows.end; o++) sums(1, blocks, y + o, bias ? bias + o : NULL, w + o * row, row, column, x, n, apart);
}
