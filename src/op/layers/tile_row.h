// Sums of a single map: the tile of a group of one channel, where there is no second row to share loads with (tile.h).
// Every multiply-add loads its vector of x, which a processor does as fast as it multiplies, as long as the loads are
// beside each other: so these tiles run along the rows of a map and leave the lists of pixels alone.
#pragma once

#include "op/layers/tile.h"

enum { ROW_COLUMNS = 12, ROW_TAPS = 9 }; // sums at a time, in registers

// y[row * pitch + column * across] = start + sum over t of weight[term[t]] * x[tap[t] + row * line + column * step], or
// added to y; term NULL: of weight[t]
typedef struct row_map {
    lanes *y;
    int64_t pitch, across;
    int64_t height, width;
    const lanes *x;
    int64_t line, step;
    const int32_t *tap, *term;
    const real *weight;
    int64_t taps;
    real start;
    bool add;
} row_map;

ALWAYS_INLINE void row_tile(const int rows, const int columns, const bool dense, const row_map *m, int64_t row,
                            int64_t column) {
    const int64_t step = dense ? 1 : m->step, across = dense ? 1 : m->across, line = m->line, pitch = m->pitch;
    const lanes *x = m->x + row * m->line + column * step;
    lanes *y = m->y + row * pitch + column * across, sum[4][ROW_COLUMNS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < columns; j++) sum[i][j] = lanes_of(m->start);
    }
    for (int64_t t = 0; t < m->taps; t++) {
        const lanes *v = x + m->tap[t];
        const lanes w = lanes_of(m->weight[m->term ? m->term[t] : t]);
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int j = 0; j < columns; j++) sum[i][j] += w * v[i * line + j * step];
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < columns; j++) {
            if (m->add) sum[i][j] += y[i * pitch + j * across];
            y[i * pitch + j * across] = sum[i][j];
        }
    }
}

// `columns` columns of all rows. Fewer than eight sums would wait for themselves: of narrow columns, several rows.
ALWAYS_INLINE void row_columns(const int columns, const bool dense, const row_map *m, int64_t column) {
    const int rows = columns <= 3 ? 4 : columns <= 6 ? 2 : 1;
    int64_t row = 0;
    for (; row + rows <= m->height; row += rows) row_tile(rows, columns, dense, m, row, column);
    for (; row < m->height; row++) row_tile(1, columns, dense, m, row, column);
}

#define ROW_CASES(columns)                                                                                             \
    case columns:                                                                                                      \
        if (m.step == 1 && m.across == 1)                                                                              \
            row_columns(columns, true, &m, first);                                                                     \
        else                                                                                                           \
            row_columns(columns, false, &m, first);                                                                    \
        break

__attribute__((unused)) static void row_correlate(row_map m) {
    if (m.line == m.width * m.step && m.pitch == m.width * m.across) m.width *= m.height, m.height = 1; // one row
    const int64_t tiles = (m.width + ROW_COLUMNS - 1) / ROW_COLUMNS;
    for (int64_t k = 0; k < tiles; k++) {
        const int64_t first = m.width * k / tiles;
        switch (m.width * (k + 1) / tiles - first) {
            ROW_CASES(12);
            ROW_CASES(11);
            ROW_CASES(10);
            ROW_CASES(9);
            ROW_CASES(8);
            ROW_CASES(7);
            ROW_CASES(6);
            ROW_CASES(5);
            ROW_CASES(4);
            ROW_CASES(3);
            ROW_CASES(2);
        default: row_columns(1, false, &m, first); break;
        }
    }
}

// sum[j] = sum over all rows and columns of dy[row][column] * x[tap[j] + row * line + column * step], lane by lane
typedef struct row_sums {
    const lanes *dy; // [height][width]
    int64_t height, width;
    const lanes *x;
    int64_t line, step;
    const int32_t *tap;
    lanes *sum;
} row_sums;

ALWAYS_INLINE void row_sum(const int taps, const row_sums *m) {
    const int apart = taps <= 2 ? 4 : taps <= 4 ? 2 : 1; // pixels with sums of their own
    lanes sum[4][ROW_TAPS];
    UNROLL
    for (int i = 0; i < apart; i++) {
        UNROLL
        for (int j = 0; j < taps; j++) sum[i][j] = (lanes){0};
    }
    const lanes *dy = m->dy;
    for (int64_t row = 0; row < m->height; row++) {
        const lanes *x = m->x + row * m->line;
        int64_t left = m->width;
        for (; left >= apart; left -= apart, dy += apart, x += apart * m->step) {
            UNROLL
            for (int i = 0; i < apart; i++) {
                UNROLL
                for (int j = 0; j < taps; j++) sum[i][j] += dy[i] * x[m->tap[j] + i * m->step];
            }
        }
        for (; left > 0; left--, dy++, x += m->step) {
            UNROLL
            for (int j = 0; j < taps; j++) sum[0][j] += *dy * x[m->tap[j]];
        }
    }
    UNROLL
    for (int j = 0; j < taps; j++) {
        UNROLL
        for (int i = 1; i < apart; i++) sum[0][j] += sum[i][j];
        m->sum[j] = sum[0][j];
    }
}

// For 1..ROW_TAPS taps.
__attribute__((unused)) static void row_outer(int64_t taps, row_sums m) {
    if (m.line == m.width * m.step) m.width *= m.height, m.height = 1;
    switch (taps) {
    case 9: row_sum(9, &m); break;
    case 8: row_sum(8, &m); break;
    case 7: row_sum(7, &m); break;
    case 6: row_sum(6, &m); break;
    case 5: row_sum(5, &m); break;
    case 4: row_sum(4, &m); break;
    case 3: row_sum(3, &m); break;
    case 2: row_sum(2, &m); break;
    default: row_sum(1, &m); break;
    }
}
