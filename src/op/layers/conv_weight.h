// The gradient of a convolution's weights.
//
//   dw[m][t] = sum_p dy[m][p] x[tap_t + pixel_p]             summed over the samples as well
#pragma once

#include "op/layers/conv_band.h"

// What a backward pass works with: the values of one group.
typedef struct gradients {
    const cv_pass *pass;
    shapes s;
    int64_t band;
    correlation of_weights, of_input;
    lanes *pairs; // of rows of dy
    lanes *sum;   // [out][taps] of the weights' gradient, over the bands so far
    const real *w;
    opening x;
    const lanes *dy;
    lanes *dx;
    real *dw, *db;
    cv_span maps, rows, tiles, biases; // that this part does: of dx, of the tiles of dw in all groups, of db
    int64_t tile;                      // the first of this group's
} gradients;

// A tile of the weight gradient: rows m.., taps t.., over some pixels.
typedef struct weight_tile {
    const correlation *k;
    const lanes *dy, *x; // dy: of row m, from the first of the pixels on
    int64_t apart;       // from one map of dy to the next
    const int32_t *tap;
    int64_t pixels, columns;
    lanes *kept; // at (m, t): the sums over the bands so far
    real *dw;    // and where they go, across the lanes
    bool begin, finish, set;
} weight_tile;

ALWAYS_INLINE void weight_columns(const bool paired, const int rows, const int width, const weight_tile *t) {
    const int64_t taps = t->k->g.taps;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_outer_columns(paired, rows, width, sum, t->dy, t->apart, t->x, t->k->pixel, t->pixels, t->tap);
    if (!t->begin) tile_add(rows, sum, t->kept, taps, t->columns);
    if (t->finish)
        tile_total(rows, sum, t->dw, taps, t->columns, t->set);
    else
        tile_store(rows, t->kept, taps, sum, t->columns);
}

ALWAYS_INLINE void weight_rows(const int rows, const void *work) {
    weight_columns(false, rows, TILE_COLUMNS, work);
}
ALWAYS_INLINE void fewer_weight_rows(const int rows, const void *work) {
    weight_columns(false, rows, TILE_COLUMNS - 1, work);
}
ALWAYS_INLINE void paired_weight_rows(const int rows, const void *work) {
    weight_columns(true, rows, TILE_COLUMNS, work);
}
ALWAYS_INLINE void fewer_paired_weight_rows(const int rows, const void *work) {
    weight_columns(true, rows, TILE_COLUMNS - 1, work);
}

// A map by itself.
static inline void weight_row(const weight_tile *t) {
    const correlation *k = t->k;
    lanes sum[(ROW_TAPS + LANES - 1) / LANES][LANES] = {{{0}}};
    row_outer(t->columns, (row_sums){.dy = t->dy,
                                     .height = t->pixels / k->width,
                                     .width = k->width,
                                     .x = t->x,
                                     .line = k->line,
                                     .step = k->step,
                                     .tap = t->tap,
                                     .sum = sum[0]});
    for (int64_t j = 0; !t->begin && j < t->columns; j++) sum[j / LANES][j % LANES] += t->kept[j];
    for (int64_t j = 0; !t->finish && j < t->columns; j++) t->kept[j] = sum[j / LANES][j % LANES];
    for (int64_t first = 0; t->finish && first < t->columns; first += LANES) {
        const lanes total = sum_square(sum[first / LANES]);
        for (int64_t j = first; j < first + LANES && j < t->columns; j++)
            t->dw[j] = (t->set ? 0 : t->dw[j]) + total[j - first];
    }
}

// sum[maps][taps] over the pixels first..end, which `from` is for; over all of them it goes to dw, across the lanes.
// Every tile has about as many taps: of 25, five tiles have five, and need not have six.
static inline void weight_gradient(const gradients *b, source from, int64_t first, int64_t end) {
    const correlation *k = &b->of_weights;
    const int64_t rows = b->s.out.c, taps = k->g.taps;
    const lanes *dy = b->dy + first;
    int64_t number = b->tile, apart = k->pixels, pixels = end - first;
    if (PAIRS && k->pairs.of) {
        const int64_t height = pixels / k->width;
        pair_two_rows(b->pairs, dy, rows, apart, k->width, height);
        dy = b->pairs;
        apart = pixels = halved(height) * k->width;
    }
    for (int64_t m = 0; m < rows; m += TILE_ROWS) {
        const bool alone = rows - m == 1 && row_alone(k->pairs, rows);
        const int64_t most = alone ? ROW_TAPS : TILE_COLUMNS, tiles = (taps + most - 1) / most;
        for (int64_t i = 0; i < tiles; i++, number++) {
            if (number < b->tiles.first || number >= b->tiles.end) continue;
            const int64_t t = taps * i / tiles, columns = taps * (i + 1) / tiles - t;
            int32_t tap[TILE_COLUMNS];
            tile_offsets(tap, from.tap, t, taps);
            const weight_tile tile = {.k = k,
                                      .dy = dy + m * apart,
                                      .apart = apart,
                                      .x = from.x,
                                      .tap = alone ? from.tap + t : tap,
                                      .pixels = pixels,
                                      .columns = columns,
                                      .kept = b->sum + m * taps + t,
                                      .dw = b->dw + m * taps + t,
                                      .begin = first == 0,
                                      .finish = end == k->pixels,
                                      .set = b->pass->set};
            if (alone)
                weight_row(&tile);
            else if (PAIRS && k->pairs.of && columns < TILE_COLUMNS)
                tile_of_height(rows - m, fewer_paired_weight_rows, &tile);
            else if (PAIRS && k->pairs.of)
                tile_of_height(rows - m, paired_weight_rows, &tile);
            else if (columns < TILE_COLUMNS)
                tile_of_height(rows - m, fewer_weight_rows, &tile);
            else
                tile_of_height(rows - m, weight_rows, &tile);
        }
    }
}

// Tiles of a group's weight gradient.
static inline int64_t weight_tiles(const shapes *s, const correlation *k) {
    const int64_t taps = k->g.taps, alone = row_alone(k->pairs, s->out.c),
                  heights = (s->out.c + TILE_ROWS - 1) / TILE_ROWS - alone;
    return heights * ((taps + TILE_COLUMNS - 1) / TILE_COLUMNS) + alone * ((taps + ROW_TAPS - 1) / ROW_TAPS);
}
