// Linear layers in pairs of bf16 (bf16.h), training only: the three products of linear.c with half as many terms.
//
//   y    two inputs in a cell
//   dx   two outputs
//   dW   two samples
//
// Numbers are rounded a run at a time, so that their cells stay in the first cache.
#pragma once

#include "op/layers/product.h"
#include "op/layers/tile.h"

// Inputs are rounded for all outputs, and outputs for all inputs: few of them do not pay.
static inline bool linear_in_pairs(const cv_pass *p) {
    enum { FEW = 16 };
    return PAIRS && p->training && p->in.c >= FEW && p->out.c >= FEW;
}

enum { RUN = 256, RUN_CELLS = RUN / 2, MOST_BLOCKS = 4, WEIGHT_ROWS = SUMS, INPUT_RUN = 64 };

// Up to RUN numbers of each of up to MOST_BLOCKS blocks, two in a cell.
typedef struct run_of_cells {
    lanes cell[MOST_BLOCKS][RUN_CELLS];
} run_of_cells;

static inline void pair_run(run_of_cells *to, const lanes *x, int64_t count, int blocks, size_t apart) {
    for (int b = 0; b < blocks; b++, x += apart)
        for (int64_t i = 0; i < count; i += 2)
            to->cell[b][i / 2] = pair_lanes(x[i], i + 1 < count ? x[i + 1] : (lanes){0});
}

// The first `count` numbers, and zeros.
static inline lanes some_numbers(const real *from, int64_t count) {
    if (count >= LANES) return *(const lanes_anywhere *)from;
    lanes v = {0};
    for (int64_t i = 0; i < count; i++) v[i] = from[i];
    return v;
}

// Cells of `count` numbers that lie side by side.
static inline void pair_along(real *to, const real *from, int64_t count) {
    for (int64_t i = 0; i < count; i += 2 * LANES, to += LANES)
        *(lanes_anywhere *)to =
            cells_along(some_numbers(from + i, count - i), some_numbers(from + i + LANES, count - i - LANES));
}

// Cells of `count` numbers of two rows; second: NULL for zeros.
static inline void pair_across(real *to, const real *first, const real *second, int64_t count) {
    for (int64_t i = 0; i < count; i += LANES)
        *(lanes_anywhere *)(to + i) =
            pair_lanes(some_numbers(first + i, count - i), second ? some_numbers(second + i, count - i) : (lanes){0});
}

// `rows` results of a run of each block, set or added to.
static inline void multiply_run(int blocks, lanes *y, size_t apart, int64_t rows, const real *bias, bool add,
                                const real *w, int64_t row, int64_t column, const run_of_cells *x, int64_t cells) {
    const factors f = {w, row, column, x->cell[0], RUN_CELLS, cells};
#define MULTIPLY(count)                                                                                                \
    if (add)                                                                                                           \
        multiply(true, count, y, apart, rows, NULL, true, f);                                                          \
    else                                                                                                               \
        multiply(true, count, y, apart, rows, bias, false, f)
    if (blocks == 4) {
        MULTIPLY(4);
    } else if (blocks == 2) {
        MULTIPLY(2);
    } else {
        MULTIPLY(1);
    }
#undef MULTIPLY
}

// As many blocks of those left as go together.
static inline int blocks_together(int left) {
    return left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

// Some outputs.
static inline void paired_forward(const cv_pass *p, cv_span outputs, const real *bias) {
    const size_t apart = p->share.apart;
    const int64_t n = p->in.c;
    const real *w = p->tensor[0];
    run_of_cells x;
    real weight[WEIGHT_ROWS * RUN_CELLS];
    for (int b = 0, blocks; b < p->share.blocks; b += blocks) {
        blocks = blocks_together(p->share.blocks - b);
        lanes *y = (lanes *)p->y + (size_t)b * apart;
        for (int64_t first = 0; first < n; first += RUN) {
            const int64_t count = n - first < RUN ? n - first : RUN;
            pair_run(&x, (const lanes *)p->x[0] + (size_t)b * apart + first, count, blocks, apart);
            for (int64_t o = outputs.first; o < outputs.end; o += WEIGHT_ROWS) {
                const int64_t rows = outputs.end - o < WEIGHT_ROWS ? outputs.end - o : WEIGHT_ROWS;
                for (int64_t i = 0; i < rows; i++) pair_along(weight + i * RUN_CELLS, w + (o + i) * n + first, count);
                multiply_run(blocks, y + o, apart, rows, bias ? bias + o : NULL, first > 0, weight, RUN_CELLS, 1, &x,
                             (count + 1) / 2);
            }
        }
    }
}

// dx of some inputs.
static inline void paired_input_gradient(const cv_pass *p, cv_span inputs) {
    const size_t apart = p->share.apart;
    const int64_t n = p->in.c, m = p->out.c;
    const real *w = p->tensor[0];
    run_of_cells dy;
    real weight[RUN_CELLS * INPUT_RUN];
    for (int b = 0, blocks; b < p->share.blocks; b += blocks) {
        blocks = blocks_together(p->share.blocks - b);
        lanes *dx = (lanes *)p->dx[0] + (size_t)b * apart;
        for (int64_t first = 0; first < m; first += RUN) {
            const int64_t count = m - first < RUN ? m - first : RUN;
            pair_run(&dy, (const lanes *)p->dy + (size_t)b * apart + first, count, blocks, apart);
            for (int64_t k = inputs.first; k < inputs.end; k += INPUT_RUN) {
                const int64_t some = inputs.end - k < INPUT_RUN ? inputs.end - k : INPUT_RUN;
                for (int64_t i = 0; i < count; i += 2) {
                    const real *row = w + (first + i) * n + k;
                    pair_across(weight + i / 2 * INPUT_RUN, row, i + 1 < count ? row + n : NULL, some);
                }
                multiply_run(blocks, dx + k, apart, some, NULL, first > 0, weight, 1, INPUT_RUN, &dy, (count + 1) / 2);
            }
        }
    }
}

// Cells of two samples, of inputs first..end of a block: vectors of LANES inputs, those of one pair of samples behind
// those of another. Idle lanes hold numbers, and their dy is zero.
static inline void transpose_pairs(lanes *transposed, const lanes *x, cv_span inputs) {
    for (int64_t k = inputs.first; k < inputs.end; k += LANES) {
        lanes pairs[LANES / 2];
        for (int64_t i = 0; i < LANES; i += 2)
            pairs[i / 2] = cells_along(k + i < inputs.end ? x[k + i] : (lanes){0},
                                       k + i + 1 < inputs.end ? x[k + i + 1] : (lanes){0});
        shuffle_rows(LANES / 2, pairs);
        memcpy(transposed + k / 2, pairs, sizeof pairs);
    }
}

// Rows of LANES / 2 cells: two samples of dy each.
ALWAYS_INLINE void pair_samples(const int rows, lanes pairs[TILE_ROWS], const lanes *dy) {
    UNROLL
    for (int i = 0; i < rows; i += 2) pairs[i / 2] = cells_along(dy[i], i + 1 < rows ? dy[i + 1] : dy[i]);
}
