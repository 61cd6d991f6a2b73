// dw of a convolution in bf16, as products of tiles (conv_bf16.c).
#pragma once

#include "op/layers/conv.h"
#include "op/layers/tile_bf16.h"

// What one product of tiles costs, in multiply-adds of a vector of floats. It takes the time of 32 where loads keep up.
enum { TILE_COST = 64 };

// The products for dw of one group: at every kernel point, tiles of 16 output by 16 input channels.
//
// In the grid of x, rows and columns with the same rest by the stride lie together: what neighbours of dy are
// multiplied by are then neighbours, too.
typedef struct outer {
    int64_t depth, rows;
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pixels;   // of x
    int64_t h, w;     // of dy, its width made even
    int64_t rests[2]; // that kernel points may meet
    int64_t size[2];  // rows, and columns, of the grid of x that have one rest
    int64_t steps, heights, widths;
} outer;

static inline outer outer_of(const conv *c, cv_shape in, cv_shape out) {
    outer g = {.depth = in.c / c->groups, .rows = c->out / c->groups, .pixels = cv_shape_pixels(in)};
    g.h = out.h, g.w = divide_up(out.w, 2) * 2;
    for (int d = 0; d < 2; d++) {
        g.kernel[d] = c->kernel[d];
        g.stride[d] = c->stride[d];
        g.dilation[d] = c->dilation[d];
        g.rests[d] = c->stride[d] <= reach_of(c, d) ? c->stride[d] : reach_of(c, d) + 1;
        g.size[d] = (d ? g.w : g.h) + reach_of(c, d) / c->stride[d];
    }
    g.steps = g.h * g.w / 2;
    g.heights = divide_up(g.rows, TILE);
    g.widths = divide_up(g.depth, TILE);
    return g;
}

static inline int64_t points_of(const outer *g) {
    return g->kernel[0] * g->kernel[1];
}

// Whether a kernel point meets rows, or columns, with this rest.
static inline bool is_met(const outer *g, int d, int64_t rest) {
    for (int64_t k = 0; k < g->kernel[d]; k++)
        if (k * g->dilation[d] % g->stride[d] == rest) return true;
    return false;
}

static inline int64_t met_size(const outer *g, int d) {
    int64_t size = 0;
    for (int64_t rest = 0; rest < g->rests[d]; rest++) size += is_met(g, d, rest) ? g->size[d] : 0;
    return size;
}

// Where row, or column, `at` of the padded map lies in the grid.
static inline int64_t grid_at(const outer *g, int d, int64_t at) {
    return at % g->stride[d] * g->size[d] + at / g->stride[d];
}

// Besides the products, x is transposed: about 200 operations on vectors for a pixel of 16 channels.
static inline bool outer_pays(const outer *g, cv_shape out) {
    enum { TRANSPOSE_COST = 200 };
    const int64_t products = TILE_COST * g->heights * points_of(g) * g->steps, met = met_size(g, 0) * met_size(g, 1),
                  transposing = TRANSPOSE_COST * (met < g->pixels ? met : g->pixels);
    return g->rows * g->depth * points_of(g) * cv_shape_pixels(out) >= g->widths * (products + transposing);
}

enum { SAMPLE_PAIRS = TILE / 2 }; // cells of a pixel: pairs of samples

typedef struct outer_room {
    int32_t *offset; // [steps]
    halves *dy;      // [heights][TILE][h][w]
    lanes *x;        // [widths][rests * size][rests * size][SAMPLE_PAIRS]
    size_t lanes;
} outer_room;

static inline int64_t grid_width(const outer *g) {
    return g->rests[1] * g->size[1];
}

static inline int64_t transposed_cells(const outer *g) {
    return g->rests[0] * g->size[0] * grid_width(g) * SAMPLE_PAIRS;
}

static inline outer_room outer_room_for(void *scratch, const outer *g) {
    lanes *at = scratch;
    outer_room k;
    k.offset = (int32_t *)at, at += in_lanes(g->steps, sizeof(int32_t));
    k.dy = (halves *)at, at += g->heights * TILE * g->steps;
    k.x = at, at += g->widths * transposed_cells(g);
    k.lanes = (size_t)(at - (lanes *)scratch);
    return k;
}

// The column that makes a width even is zero.
static inline void fill_gradients(halves *to, const outer *g, const lanes *dy, int64_t width) {
    for (int64_t line = 0; line < g->rows * g->h; line++) {
        for (int64_t x = 0; x < width; x++) *to++ = half_lanes(*dy++);
        for (int64_t x = width; x < g->w; x++) *to++ = (halves){0};
    }
}

// Up to 16 channels of a map.
typedef struct outer_channels {
    const lanes *from; // the first
    int64_t pixels, count;
    const norm *norm; // [count]; NULL: as they are
} outer_channels;

// The cells of a pixel: samples lie below each other, two in a cell.
ALWAYS_INLINE void transpose_pixel(lanes *to, const outer_channels *o, const lanes *from, const enum norm_cut cut) {
    lanes square[TILE] = {{0}};
    for (int64_t j = 0; j < o->count; j++) square[j] = from[j * o->pixels];
    for (int64_t j = 0; o->norm && j < o->count; j++) square[j] = norm_value(o->norm[j], square[j], cut);
    transpose_lanes(square);
    for (int i = 0; i < SAMPLE_PAIRS; i++) to[i] = pair_lanes(square[2 * i], square[2 * i + 1]);
}

// The pixels with one rest.
ALWAYS_INLINE void transpose_plane(lanes *to, const outer *g, const int64_t rest[2], const int64_t padding[2],
                                   const outer_channels *o, cv_shape s, const enum norm_cut cut) {
    for (int64_t u = 0; u < g->size[0]; u++)
        for (int64_t v = 0; v < g->size[1]; v++) {
            const int64_t row = u * g->stride[0] + rest[0] - padding[0],
                          column = v * g->stride[1] + rest[1] - padding[1];
            lanes *cells = to + ((rest[0] * g->size[0] + u) * grid_width(g) + rest[1] * g->size[1] + v) * SAMPLE_PAIRS;
            if (row >= 0 && row < s.h && column >= 0 && column < s.w)
                transpose_pixel(cells, o, o->from + row * s.w + column, cut);
            else
                memset(cells, 0, SAMPLE_PAIRS * sizeof *cells);
        }
}

// first: channel of x.
static inline void transpose_channels(lanes *to, const outer *g, const int64_t padding[2], const opening *x, cv_shape s,
                                      int64_t first) {
    const int64_t left = g->depth - first;
    norm n[TILE];
    outer_channels o = {x->maps + first * g->pixels, g->pixels, left < TILE ? left : TILE, x->norm ? n : NULL};
    for (int64_t j = 0; x->norm && j < o.count; j++) n[j] = norm_of_channel(x->norm, NULL, x->channel + first + j);
    if (!x->norm) n[0].cut = CUTS_NOTHING;
    for (int64_t row = 0; row < g->rests[0]; row++)
        for (int64_t column = 0; is_met(g, 0, row) && column < g->rests[1]; column++) {
            if (!is_met(g, 1, column)) continue;
            const int64_t rest[2] = {row, column};
#define TRANSPOSE(cut) transpose_plane(to, g, rest, padding, &o, s, cut)
            NORM_BY_CUT(n[0], TRANSPOSE)
#undef TRANSPOSE
        }
}

static inline void fill_outer_offsets(int32_t *offset, const outer *g) {
    for (int64_t y = 0; y < g->h; y++)
        for (int64_t x = 0; x < g->w; x += 2) *offset++ = (int32_t)((y * grid_width(g) + x) * SAMPLE_PAIRS);
}

// A tile of sums into the gradients of one kernel point.
static inline void add_gradients(real *dw, bool set, const lanes sum[TILE], int64_t rows, int64_t columns,
                                 const outer *g) {
    for (int64_t i = 0; i < rows && i < TILE; i++)
        for (int64_t j = 0; j < columns && j < TILE; j++) {
            real *to = dw + (i * g->depth + j) * points_of(g);
            *to = (set ? 0 : *to) + sum[i][j];
        }
}

// dw[rows][depth][points] of one group. The kernel points of 16 input channels are numbered, then those of the next.
static inline void multiply_outer(real *dw, bool set, const outer *g, const outer_room *k) {
    const int64_t points = points_of(g), count = g->widths * points;
    product p = {.row = g->steps, .step = 1, .offset = k->offset, .steps = g->steps};
    for (int64_t m = 0, high; m < g->heights; m += high) {
        high = g->heights - m > 1 ? 2 : 1;
        const int64_t wide = TILE_SUMS / high;
        for (int64_t i = 0; i < high; i++) p.a[i] = (const lanes *)k->dy + (m + i) * TILE * g->steps;
        for (int64_t n = 0; n < count; n += wide) {
            lanes sum[TILE_SUMS][TILE];
            for (int64_t j = 0; j < wide; j++) {
                const int64_t at = n + j < count ? n + j : count - 1, point = at % points;
                const int64_t y = grid_at(g, 0, point / g->kernel[1] * g->dilation[0]),
                              x = grid_at(g, 1, point % g->kernel[1] * g->dilation[1]);
                p.b[j] = k->x + at / points * transposed_cells(g) + (y * grid_width(g) + x) * SAMPLE_PAIRS;
            }
            multiply_tiles(&p, (int)high, sum);
            for (int64_t i = 0; i < high; i++)
                for (int64_t j = 0; j < wide && n + j < count; j++) {
                    const int64_t row = (m + i) * TILE, column = (n + j) / points * TILE;
                    add_gradients(dw + (row * g->depth + column) * points + (n + j) % points, set, sum[i * wide + j],
                                  g->rows - row, g->depth - column, g);
                }
        }
    }
}
