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
    lanes *sum;   // of every tile of the weights' gradient, over the bands so far
    const real *w;
    opening x;
    const lanes *dy;
    lanes *dx;
    real *dw, *db;
    cv_span maps, rows, tiles, biases; // that this part does: of dx, of the tiles of dw in all groups, of db
    int64_t tile;                      // the first of this group's
} gradients;

enum { KEPT = TILE_ROWS * TILE_COLUMNS > ROW_TAPS ? TILE_ROWS *TILE_COLUMNS : ROW_TAPS }; // sums of a tile

// A tile of the weight gradient: rows m.., taps t.., over some pixels.
typedef struct weight_tile {
    const correlation *k;
    const lanes *dy, *x; // dy: of row m, from the first of the pixels on
    int64_t apart;       // from one map of dy to the next
    const int32_t *tap;
    int64_t pixels, columns;
    lanes *kept; // [KEPT] the sums over the bands so far
    real *dw;    // and where they go, across the lanes
    bool begin, finish, set;
} weight_tile;

ALWAYS_INLINE void weight_columns(const bool paired, const int rows, const int width, const weight_tile *t) {
    const int64_t taps = t->k->g.taps;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_outer_columns(paired, rows, width, sum, t->dy, t->apart, t->x, t->k->pixel, t->pixels, t->tap);
    if (!t->begin) tile_add(rows, sum, t->kept, TILE_COLUMNS, TILE_COLUMNS);
    if (t->finish)
        tile_total(rows, sum, t->dw, taps, t->columns, t->set);
    else
        tile_store(rows, t->kept, TILE_COLUMNS, sum, TILE_COLUMNS);
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

// So many tiles have at most `most` taps each.
static inline int64_t tiles_of(int64_t taps, int64_t most) {
    return (taps + most - 1) / most;
}

// Tiles of a group's weight gradient.
static inline int64_t weight_tiles(const shapes *s, const correlation *k) {
    const int64_t taps = k->g.taps, alone = row_alone(k->pairs, s->out.c),
                  heights = (s->out.c + TILE_ROWS - 1) / TILE_ROWS - alone;
    return heights * tiles_of(taps, TILE_COLUMNS) + alone * tiles_of(taps, ROW_TAPS);
}

// The pixels first..end, which `from` is for. The sums over all of them go to dw, across the lanes.
typedef struct weight_work {
    const gradients *b;
    source from;
    int64_t first, end;
    const lanes *dy; // of these pixels, paired where the sums are
    int64_t apart, pixels;
} weight_work;

static inline bool is_own(const gradients *b, int64_t number) {
    return b->tile + number >= b->tiles.first && b->tile + number < b->tiles.end;
}

// Tile `number` of the group: row m, taps t..t + columns.
static inline weight_tile tile_at(const weight_work *w, int64_t number, int64_t m, int64_t t, int64_t columns,
                                  const int32_t *tap) {
    const gradients *b = w->b;
    const correlation *k = &b->of_weights;
    return (weight_tile){.k = k,
                         .dy = w->dy + m * w->apart,
                         .apart = w->apart,
                         .x = w->from.x,
                         .tap = tap,
                         .pixels = w->pixels,
                         .columns = columns,
                         .kept = b->sum + number * KEPT,
                         .dw = b->dw + m * k->g.taps + t,
                         .begin = w->first == 0,
                         .finish = w->end == k->pixels,
                         .set = b->pass->set};
}

static inline void weight_rows_of(bool paired, int64_t rows, const weight_tile *tile) {
    if (PAIRS && paired && tile->columns < TILE_COLUMNS)
        tile_of_height(rows, fewer_paired_weight_rows, tile);
    else if (PAIRS && paired)
        tile_of_height(rows, paired_weight_rows, tile);
    else if (tile->columns < TILE_COLUMNS)
        tile_of_height(rows, fewer_weight_rows, tile);
    else
        tile_of_height(rows, weight_rows, tile);
}

// Rows that are not alone come four at a time; the taps, which every one of them needs, stay in the cache meanwhile.
// Every tile has about as many taps: of 25, five tiles have five, and need not have six.
static inline void weight_tiles_of(const weight_work *w) {
    const gradients *b = w->b;
    const correlation *k = &b->of_weights;
    const int64_t taps = k->g.taps, out = b->s.out.c, rows = row_alone(k->pairs, out) ? out - 1 : out;
    const int64_t tiles = tiles_of(taps, TILE_COLUMNS), single = tiles_of(taps, ROW_TAPS);
    int64_t number = 0;
    for (int64_t i = 0; i < tiles && rows > 0; i++) {
        const int64_t t = taps * i / tiles, columns = taps * (i + 1) / tiles - t;
        int32_t tap[TILE_COLUMNS];
        tile_offsets(tap, w->from.tap, t, taps);
        for (int64_t m = 0; m < rows; m += TILE_ROWS, number++) {
            const weight_tile tile = tile_at(w, number, m, t, columns, tap);
            if (is_own(b, number)) weight_rows_of(k->pairs.of, rows - m, &tile);
        }
    }
    for (int64_t i = 0; i < single && rows < out; i++, number++) {
        const int64_t t = taps * i / single, columns = taps * (i + 1) / single - t;
        const weight_tile tile = tile_at(w, number, rows, t, columns, w->from.tap + t);
        if (is_own(b, number)) weight_row(&tile);
    }
}

static inline void weight_gradient(const gradients *b, source from, int64_t first, int64_t end) {
    const correlation *k = &b->of_weights;
    weight_work w = {b, from, first, end, b->dy + first, k->pixels, end - first};
    if (PAIRS && k->pairs.of) {
        const int64_t height = w.pixels / k->width;
        pair_two_rows(b->pairs, w.dy, b->s.out.c, k->pixels, k->width, height);
        w.dy = b->pairs;
        w.apart = w.pixels = halved(height) * k->width;
    }
    weight_tiles_of(&w);
}
