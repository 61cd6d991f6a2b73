// The bands of a convolution, and where the terms of its sums lie.
#pragma once

#include "op/layers/conv_pairs.h"
#include "op/layers/tile_row.h"

// A map larger than the cache is worked on in bands of rows, so that what is made of it (its copy with padding) or done
// with it (two sums over a gradient) finds it there. A 1-d map is one row: seen as a column it has as many rows as it
// has pixels.
enum { BAND_LANES = 2048, SECOND_CACHE_LANES = 16384 };

// Of one group of channels: each is a convolution by itself.
typedef struct shapes {
    conv c;
    cv_shape in, out;
    bool opened; // the input is copied to be opened
    bool banded; // there is a use for bands where nothing is copied, too
    bool training;
} shapes;

static inline void exchange(int64_t pair[2]) {
    const int64_t first = pair[0];
    pair[0] = pair[1];
    pair[1] = first;
}

static inline shapes shapes_of(const void *config, cv_shape in, cv_shape out, bool opened) {
    shapes s = {*(const conv *)config, in, out, opened, false, false};
    conv *c = &s.c;
    s.in.c /= c->groups;
    s.out.c /= c->groups;
    if (in.h != 1 || out.h != 1 || c->kernel[0] != 1 || c->padding[0] || c->padding[2]) return s;
    exchange(c->kernel), exchange(c->stride), exchange(c->dilation), exchange(c->padding), exchange(c->padding + 2);
    s.in = (cv_shape){in.dims, s.in.c, in.w, 1};
    s.out = (cv_shape){out.dims, s.out.c, out.w, 1};
    return s;
}

static inline shapes shapes_of_pass(const cv_pass *p) {
    shapes s = shapes_of(p->config, p->in, p->out, p->share.x_norm);
    s.banded = p->share.done;
    s.training = p->training;
    return s;
}

static inline bool is_copied(const shapes *s) {
    return is_padded(&s->c) || s->opened;
}

// Rows of the padded input that `rows` rows of the output are computed from.
static inline int64_t rows_under(const shapes *s, int64_t rows) {
    return (rows - 1) * s->c.stride[0] + reach_of(&s->c, 0) + 1;
}

// Rows of the output in bands of about `size` lanes of a map with `channels`. Neighbouring bands need some rows of the
// input both: where it is copied for its padding, no more than a quarter is copied twice.
static inline int64_t band_of(const shapes *s, int64_t channels, int64_t size) {
    const int64_t rows = size / (channels * s->out.w) + 1,
                  least = is_copied(s) ? 4 * reach_of(&s->c, 0) / s->c.stride[0] : 0;
    const int64_t band = rows > least ? rows : least;
    return band < s->out.h ? band : s->out.h;
}

static inline int64_t forward_band(const shapes *s) {
    return (is_copied(s) || s->banded) && cv_shape_size(s->in) > BAND_LANES ? band_of(s, s->in.c, BAND_LANES)
                                                                            : s->out.h;
}

// Weight gradients are sums over all bands and wait in memory meanwhile. Where they are many, bands are longer, and
// only what does not fit into the second cache is parted.
static inline int64_t backward_band(const shapes *s) {
    enum { FEW = 1024, MANY = 8192 };
    const int64_t sums = s->out.c * s->in.c * s->c.kernel[0] * s->c.kernel[1];
    const int64_t out = cv_shape_size(s->out), both = out + cv_shape_size(s->in);
    if (sums <= FEW && out > BAND_LANES) return band_of(s, s->out.c, BAND_LANES);
    if (sums <= MANY && both > SECOND_CACHE_LANES) return band_of(s, s->out.c, SECOND_CACHE_LANES / 4);
    return s->out.h;
}

// A correlation, `taps` terms for each result, on a grid that has as many rows as a band needs. A band whose rows all
// lie inside the maps takes them from there, where nothing lies around or between pixels.
typedef struct correlation {
    grid g;
    cv_shape from;                     // the maps that lie on the grid
    spacing at;                        // and how
    int64_t pixels;                    // of the whole result: from one of its maps to the next
    int64_t width;                     // of a row of the result
    int64_t line, step;                // on the grid, from one row, one pixel of the result to the next
    pairing pairs;                     // what the cells of the grid are
    int32_t *tap, *tap_inside, *pixel; // tap_inside: of maps as they lie; of the input's gradient, see fill_terms
    real *weight;                      // in another order: flipped, in pairs
    lanes *map;                        // a copy of the maps on the grid
    lanes *end;
} correlation;

// Cells, and behind them the weights that they are made of.
static inline int64_t paired_weights(const shapes *s, int64_t cells) {
    return cells + halved(s->out.c * s->in.c * points_of_kernel(&s->c));
}

static inline uint16_t *rounded_weights(const correlation *k, int64_t results) {
    return (uint16_t *)(k->weight + results * k->g.taps);
}

// In scratch from `free` on: offsets, weights, the copy.
static inline correlation lay_out(lanes *free, grid g, pairing pairs, cv_shape from, spacing at, cv_shape to,
                                  const int64_t stride[2], int64_t rows, bool copied, int64_t weights) {
    correlation k = {.g = g, .from = from, .at = at, .pixels = cv_shape_pixels(to), .width = to.w, .pairs = pairs};
    k.line = stride[0] * g.w;
    k.step = stride[1];
    k.tap = (int32_t *)free, free += in_lanes(g.taps, sizeof(int32_t));
    k.tap_inside = (int32_t *)free, free += in_lanes(g.taps, sizeof(int32_t));
    k.pixel = (int32_t *)free, free += in_lanes(rows * to.w, sizeof(int32_t));
    k.weight = (real *)free, free += in_lanes(weights, sizeof(real));
    k.map = free, free += copied ? g.depth * g.h * g.w : 0;
    k.end = free;
    return k;
}

// Of a band of `rows` rows of the output.
static inline correlation forward_of(const shapes *s, pairing pairs, int64_t rows, lanes *scratch) {
    const conv *c = &s->c;
    const int64_t depth = paired_depth(pairs, s->in.c), taps = depth * points_of_kernel(c) / pairs.lines;
    const grid g = {rows_under(s, rows) - (pairs.lines > 1 ? reach_of(c, 0) : 0), padded_size(c->padding, 1, s->in.w),
                    depth, taps};
    const spacing at = {{1, 1}, {c->padding[0], c->padding[1]}};
    return lay_out(scratch, g, pairs, s->in, at, s->out, c->stride, rows, is_copied(s) || pairs.of,
                   pairs.of == CHANNEL_PAIRS ? paired_weights(s, s->out.c * taps) : 0);
}

static inline void fill_offsets(const correlation *k, const conv *c, int64_t rows) {
    int32_t *tap = k->tap, *tap_inside = k->tap_inside, *pixel = k->pixel;
    for (int64_t d = 0; d < k->g.depth; d++)
        for (int64_t y = 0; y < c->kernel[0] / k->pairs.lines; y++)
            for (int64_t x = 0; x < c->kernel[1]; x++) {
                const int64_t within = y * c->dilation[0] * k->g.w + x * c->dilation[1];
                *tap++ = (int32_t)(d * k->g.h * k->g.w + within);
                *tap_inside++ = (int32_t)(d * cv_shape_pixels(k->from) + within);
            }
    for (int64_t y = 0; y < rows; y += k->pairs.of == ROW_PAIRS ? 2 : 1)
        for (int64_t x = 0; x < k->width; x++) *pixel++ = (int32_t)(y * k->line + x * k->step);
}

// Of the maps that come four at a time, one may be left; pairs of it are a low tile.
static inline int64_t row_alone(pairing p, int64_t maps) {
    return maps % TILE_ROWS == 1 && !p.of;
}

// What a band is computed from.
typedef struct source {
    const lanes *x;
    const int32_t *tap;
    int64_t apart; // from one channel to the next
} source;

// `rows` rows of the grid from `top` on. Maps that are opened are copied.
static inline source source_of(const correlation *k, const opening *o, int64_t top, int64_t rows) {
    const int64_t first = top - k->at.shift[0];
    if (PAIRS && k->pairs.of) {
        pair_maps(k->map, k->g, k->pairs, o, k->from, k->at, top);
        return (source){k->map, k->tap, k->g.h * k->g.w};
    }
    if (!o->norm && is_one_run(k->g, k->from, k->at) && first >= 0 && first + rows <= k->from.h)
        return (source){o->maps + first * k->g.w, k->tap_inside, cv_shape_pixels(k->from)};
    space_maps(k->map, k->g, o, k->from, k->at, top);
    return (source){k->map, k->tap, k->g.h * k->g.w};
}

// Of one group's input.
static inline opening input_opening(const cv_pass *p, const shapes *s, int64_t group) {
    return (opening){(const lanes *)p->x[0] + group * cv_shape_size(s->in), p->share.x_norm, group * s->in.c};
}

// Says of `count` maps from map `first` on that these pixels are done.
static inline void say_done(const cv_pass *p, int64_t first, int64_t count, cv_span pixels) {
    if (p->share.done && pixels.first < pixels.end)
        p->share.done(p->share.follower, (cv_region){{first, first + count}, pixels});
}
