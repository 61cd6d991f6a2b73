// The register tile that convolutions and linear layers spend their time in.
//
// A tile of TILE_ROWS x TILE_COLUMNS sums stays in registers while one loop runs over the terms of the sum; each
// step loads a few vectors and multiplies all pairs. Where the vectors lie is said by offsets ("taps" and "pixels",
// counted in lanes), so kernel size, stride, dilation and channel count are the caller's business and cost nothing
// here. Every index into a tile must be a constant once loops are unrolled: otherwise clang keeps it in memory, at half
// the speed.
#pragma once

#include "op/layers/bf16.h"

// sum[i][j] = start[i], or 0
ALWAYS_INLINE void tile_start(const int rows, lanes sum[TILE_ROWS][TILE_COLUMNS], const real *start) {
    UNROLL
    for (int i = 0; i < rows; i++) {
        const lanes first = lanes_of(start ? start[i] : 0);
        UNROLL
        for (int j = 0; j < TILE_COLUMNS; j++) sum[i][j] = first;
    }
}

// sum[i][j] += sum over t of weight[i][term[t]] * x[tap[t] + pixel[j]], of `width` columns; term NULL: of weight[i][t].
// paired: weights and x are pairs of bf16.
ALWAYS_INLINE void tile_correlate_terms(const bool paired, const int rows, const int width,
                                        lanes sum[TILE_ROWS][TILE_COLUMNS], const real *weight, int64_t weight_stride,
                                        const int32_t *term, const lanes *x, const int32_t *tap, int64_t taps,
                                        const int32_t *pixel) {
    const lanes *at[TILE_COLUMNS];
    UNROLL
    for (int j = 0; j < width; j++) at[j] = x + pixel[j];
    for (int64_t t = 0; t < taps; t++) {
        const int32_t offset = tap[t];
        lanes v[TILE_COLUMNS];
        UNROLL
        for (int j = 0; j < width; j++) v[j] = at[j][offset];
        UNROLL
        for (int i = 0; i < rows; i++) {
            const real *w = &weight[i * weight_stride + (term ? term[t] : t)];
            UNROLL
            for (int j = 0; j < width; j++) {
                if (paired)
                    sum[i][j] = add_pairs(sum[i][j], cells_of(w), v[j]);
                else
                    sum[i][j] += *w * v[j];
            }
        }
    }
}

// sum[i][j] += sum over t of weight[i][t] * x[tap[t] + pixel[j]]
ALWAYS_INLINE void tile_correlate(const int rows, lanes sum[TILE_ROWS][TILE_COLUMNS], const real *weight,
                                  int64_t weight_stride, const lanes *x, const int32_t *tap, int64_t taps,
                                  const int32_t *pixel) {
    tile_correlate_terms(false, rows, TILE_COLUMNS, sum, weight, weight_stride, NULL, x, tap, taps, pixel);
}

// sum[i][j] = sum over p of dy[i][p] * x[pixel[p] + tap[j]], lane by lane, of `width` columns; 0 in the others. paired:
// dy and x are pairs of bf16.
ALWAYS_INLINE void tile_outer_columns(const bool paired, const int rows, const int width,
                                      lanes sum[TILE_ROWS][TILE_COLUMNS], const lanes *dy, int64_t dy_stride,
                                      const lanes *x, const int32_t *pixel, int64_t pixels, const int32_t *tap) {
    const lanes *at[TILE_COLUMNS];
    UNROLL
    for (int j = 0; j < width; j++) at[j] = x + tap[j];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < TILE_COLUMNS; j++) sum[i][j] = (lanes){0};
    }
    for (int64_t p = 0; p < pixels; p++) {
        const int32_t offset = pixel[p];
        lanes v[TILE_COLUMNS];
        UNROLL
        for (int j = 0; j < width; j++) v[j] = at[j][offset];
        UNROLL
        for (int i = 0; i < rows; i++) {
            const lanes d = dy[i * dy_stride + p];
            UNROLL
            for (int j = 0; j < width; j++) {
                if (paired)
                    sum[i][j] = add_pairs(sum[i][j], d, v[j]);
                else
                    sum[i][j] += d * v[j];
            }
        }
    }
}

ALWAYS_INLINE void tile_outer(const int rows, lanes sum[TILE_ROWS][TILE_COLUMNS], const lanes *dy, int64_t dy_stride,
                              const lanes *x, const int32_t *pixel, int64_t pixels, const int32_t *tap) {
    tile_outer_columns(false, rows, TILE_COLUMNS, sum, dy, dy_stride, x, pixel, pixels, tap);
}

// The tile in memory, where its numbers may be taken one by one.
ALWAYS_INLINE void tile_copy(const int rows, lanes to[TILE_ROWS][TILE_COLUMNS], lanes sum[TILE_ROWS][TILE_COLUMNS]) {
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < TILE_COLUMNS; j++) to[i][j] = sum[i][j];
    }
}

// y[i][j] = sum[i][j] for the columns that count. The whole tile is the common case and is stored without a loop.
ALWAYS_INLINE void tile_store(const int rows, lanes *y, int64_t y_stride, lanes sum[TILE_ROWS][TILE_COLUMNS],
                              int64_t columns) {
    if (columns >= TILE_COLUMNS) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int j = 0; j < TILE_COLUMNS; j++) y[i * y_stride + j] = sum[i][j];
        }
        return;
    }
    lanes all[TILE_ROWS][TILE_COLUMNS];
    tile_copy(rows, all, sum);
    for (int i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) y[i * y_stride + j] = all[i][j];
}

// y[i][to[j]] = sum[i][j], or added to it, for the columns that count
ALWAYS_INLINE void tile_scatter(const int rows, lanes *y, int64_t y_stride, lanes sum[TILE_ROWS][TILE_COLUMNS],
                                const int32_t to[TILE_COLUMNS], int64_t columns, bool add) {
    if (columns >= TILE_COLUMNS && !add) {
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int j = 0; j < TILE_COLUMNS; j++) y[i * y_stride + to[j]] = sum[i][j];
        }
        return;
    }
    lanes all[TILE_ROWS][TILE_COLUMNS];
    tile_copy(rows, all, sum);
    for (int i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns && j < TILE_COLUMNS; j++) {
            lanes *at = &y[i * y_stride + to[j]];
            if (add) all[i][j] += *at;
            *at = all[i][j];
        }
}

// sum[i][j] += y[i][j] for the columns that count
ALWAYS_INLINE void tile_add(const int rows, lanes sum[TILE_ROWS][TILE_COLUMNS], const lanes *y, int64_t y_stride,
                            int64_t columns) {
    lanes all[TILE_ROWS][TILE_COLUMNS] = {{{0}}};
    if (columns < TILE_COLUMNS) {
        for (int i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) all[i][j] = y[i * y_stride + j];
        y = all[0];
        y_stride = TILE_COLUMNS;
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < TILE_COLUMNS; j++) sum[i][j] += y[i * y_stride + j];
    }
}

// total[i][j] = sum[i][j] across the lanes, set or added, for the columns that count
ALWAYS_INLINE void tile_total(const int rows, lanes sum[TILE_ROWS][TILE_COLUMNS], real *total, int64_t stride,
                              int64_t columns, bool set) {
    enum { SQUARES = (TILE_ROWS * TILE_COLUMNS + LANES - 1) / LANES };
    const int count = rows * TILE_COLUMNS, squares = (count + LANES - 1) / LANES;
    lanes square[SQUARES * LANES];
    _Alignas(lanes) real sums[SQUARES * LANES];
    UNROLL
    for (int k = count; k < squares * LANES; k++) square[k] = (lanes){0};
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < TILE_COLUMNS; j++) square[i * TILE_COLUMNS + j] = sum[i][j];
    }
    for (int s = 0; s < squares; s++) *(lanes *)&sums[s * LANES] = sum_square(&square[s * LANES]);
    for (int i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns && j < TILE_COLUMNS; j++) {
            real *to = &total[i * stride + j];
            *to = (set ? 0 : *to) + sums[i * TILE_COLUMNS + j];
        }
}

// A tile of the 1..TILE_ROWS rows that are left. `rows` is a constant in each call, so that each height has its own
// registers; work: whatever the body needs.
typedef void tile_body(const int rows, const void *work);
ALWAYS_INLINE void tile_of_height(int64_t rows, tile_body body, const void *work) {
    if (rows >= TILE_ROWS)
        body(TILE_ROWS, work);
    else if (rows == 3)
        body(3, work);
    else if (rows == 2)
        body(2, work);
    else
        body(1, work);
}

// The next TILE_COLUMNS offsets from `first`; past the last one it repeats, and the sum is computed again to no effect.
ALWAYS_INLINE void tile_offsets(int32_t out[TILE_COLUMNS], const int32_t *offset, int64_t first, int64_t count) {
    UNROLL
    for (int j = 0; j < TILE_COLUMNS; j++) out[j] = offset[first + j < count ? first + j : count - 1];
}
