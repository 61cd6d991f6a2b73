// The gradient of a convolution's input.
//
//   dx[c][r][s] = sum over m, i, j of w[m][c][i][j] dy[m][(r + padding - i dilation) / stride][(s + ...) / ...]
//
// over the terms whose divisions leave no rest. Which i these are depends on the rest of r by the stride alone: the
// pixels of one rest make a plane, and there dx is a correlation of stride 1 with some points of the flipped kernel.
// Near the border, points fall outside dy, where all is zero. In a map of 14 x 14 pixels made by a kernel of 5 x 5 that
// is half of them: so pixels are taken in an order in which neighbours lose the same points, and a tile leaves out what
// none of its pixels needs.
#pragma once

#include "op/layers/conv_band.h"

// The points that some u of first..last needs.
static inline cv_span points_for(const axis *a, int64_t first, int64_t last) {
    const int64_t past = first + a->at - a->size + 1, most = last + a->at;
    const cv_span n = {past > 0 ? (past + a->drop - 1) / a->drop : 0, most < 0 ? 0 : most / a->drop + 1};
    return (cv_span){n.first, n.end < a->count ? n.end : a->count};
}

// The part of u that needs all points.
static inline cv_span inner_part(const axis *a, cv_span u) {
    const int64_t least = (a->count - 1) * a->drop - a->at, end = a->size - a->at;
    const cv_span part = {least > u.first ? least : u.first, end < u.end ? end : u.end};
    return part.first < part.end ? part : (cv_span){u.end, u.end};
}

// Pixels of one plane, in a band of dx. First the rows inside, column by column, where columns differ in their points;
// then the other rows.
typedef struct plane {
    axis rows, columns;
    cv_span u, v, inside;
} plane;

static inline plane plane_of(const shapes *s, const int64_t rest[2], cv_span band) {
    plane p = {.rows = axis_of(&s->c, s->out, 0, rest[0]), .columns = axis_of(&s->c, s->out, 1, rest[1])};
    p.u = (cv_span){below(&p.rows, band.first), below(&p.rows, band.end)};
    p.v = (cv_span){0, below(&p.columns, s->in.w)};
    const cv_span same = inner_part(&p.columns, p.v);
    p.inside = same.end - same.first == p.v.end ? (cv_span){p.u.end, p.u.end} : inner_part(&p.rows, p.u);
    return p;
}

typedef struct place {
    int64_t u, v;
} place;

static inline place outside_from(const plane *p, int64_t u) {
    return (place){u == p->inside.first ? p->inside.end : u, 0};
}

static inline place first_place(const plane *p) {
    return p->inside.first < p->inside.end ? (place){p->inside.first, 0} : (place){p->u.first, 0};
}

static inline place next_place(const plane *p, place at) {
    if (at.u >= p->inside.first && at.u < p->inside.end) {
        if (++at.u < p->inside.end) return at;
        return at.v + 1 < p->v.end ? (place){p->inside.first, at.v + 1} : outside_from(p, p->u.first);
    }
    return at.v + 1 < p->v.end ? (place){at.u, at.v + 1} : outside_from(p, at.u + 1);
}

// Of a band of `rows` rows of the input's gradient, all planes together.
static inline correlation input_correlation(const shapes *s, pairing pairs, int64_t rows, lanes *scratch) {
    const conv *c = &s->c;
    const int64_t depth = paired_depth(pairs, s->out.c), taps = depth * points_of_kernel(c);
    grid g = {.depth = depth, .taps = taps};
    const spacing at = gradient_spacing(c);
    g.h = gradient_size(c, 0, rows), g.w = gradient_size(c, 1, s->in.w);
    return lay_out(scratch, g, pairs, s->out, at, s->in, (int64_t[]){1, 1}, 0, true, paired_weights(s, s->in.c * taps));
}

// The row of dy that the grid begins with, for a band of dx from `row` on.
static inline int64_t input_top(const shapes *s, int64_t row) {
    const int64_t most = row + s->c.padding[0] - reach_of(&s->c, 0), stride = s->c.stride[0];
    return most < 0 ? -(-most / stride) : (most + stride - 1) / stride;
}

// The terms of some points, in the order of the flipped weights, k->tap and k->tap_inside; returns their number. top:
// of the grid.
static inline int64_t fill_terms(const correlation *k, const conv *c, const plane *p, cv_span rows, cv_span columns,
                                 int64_t apart, int64_t top) {
    int64_t t = 0;
    for (int64_t m = 0; m < k->g.depth; m++)
        for (int64_t i = rows.end; i-- > rows.first;)
            for (int64_t j = columns.end; j-- > columns.first; t++) {
                const int64_t y = p->u.first + p->rows.at - i * p->rows.drop - top,
                              x = p->columns.at - j * p->columns.drop + k->at.shift[1];
                const int64_t point = (c->kernel[0] - 1 - p->rows.first - i * p->rows.step) * c->kernel[1] +
                                      c->kernel[1] - 1 - p->columns.first - j * p->columns.step;
                k->tap[t] = (int32_t)(m * apart + y * k->g.w + x);
                k->tap_inside[t] = (int32_t)(m * c->kernel[0] * c->kernel[1] + point);
            }
    return t;
}

// A tile of dx: rows c.., some pixels.
typedef struct dx_tile {
    const correlation *k;
    const real *weight; // of row c
    const lanes *x;
    int64_t terms;
    int32_t pixel[TILE_COLUMNS], to[TILE_COLUMNS]; // on the grid, and in a map of dx
    lanes *dx;                                     // of row c
    int64_t columns;
    bool add;
} dx_tile;

ALWAYS_INLINE void dx_columns(const bool paired, const int rows, const dx_tile *t) {
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_start(rows, sum, NULL);
    tile_correlate_terms(paired, rows, TILE_COLUMNS, sum, t->weight, t->k->g.taps, t->k->tap_inside, t->x, t->k->tap,
                         t->terms, t->pixel);
    tile_scatter(rows, t->dx, t->k->pixels, sum, t->to, t->columns, t->add);
}

ALWAYS_INLINE void dx_rows(const int rows, const void *work) {
    dx_columns(false, rows, work);
}
ALWAYS_INLINE void paired_dx_rows(const int rows, const void *work) {
    dx_columns(true, rows, work);
}

// Not inlined: beside the rest of the pass the innermost loop would not find registers for its pointers.
__attribute__((noinline, unused)) static void compute_tile(int64_t rows, const dx_tile *tile) {
    if (PAIRS && tile->k->pairs.of)
        tile_of_height(rows, paired_dx_rows, tile);
    else
        tile_of_height(rows, dx_rows, tile);
}

// What a plane of dx is computed from and written to.
typedef struct input_work {
    const shapes *s;
    const correlation *k;
    const real *weight; // flipped
    source from;
    int64_t top;
    lanes *dx;
    cv_span maps; // of dx
    bool add;
} input_work;

static inline bool is_same(cv_span a, cv_span b) {
    return a.first == b.first && a.end == b.end;
}

// The maps below `maps`: those that come four at a time, and what is left of them but for one.
static inline void input_tiles(const input_work *w, const plane *p, int64_t maps) {
    const int64_t left = (p->u.end - p->u.first) * p->v.end;
    cv_span rows = {-1, -1}, columns = {-1, -1};
    dx_tile tile = {.k = w->k, .x = w->from.x, .add = w->add};
    place at = first_place(p);
    for (int64_t done = 0; done < left && maps > w->maps.first; done += TILE_COLUMNS) {
        cv_span u = {at.u, at.u}, v = {at.v, at.v};
        tile.columns = left - done;
        for (int j = 0; j < TILE_COLUMNS; j++) {
            tile.pixel[j] = (int32_t)((at.u - p->u.first) * w->k->g.w + at.v);
            tile.to[j] = (int32_t)((p->rows.rest + at.u * p->rows.stride) * w->s->in.w + p->columns.rest +
                                   at.v * p->columns.stride);
            if (at.u < u.first) u.first = at.u;
            if (at.u > u.end) u.end = at.u;
            if (at.v < v.first) v.first = at.v;
            if (at.v > v.end) v.end = at.v;
            if (done + j + 1 < left) at = next_place(p, at);
        }
        const cv_span i = points_for(&p->rows, u.first, u.end), j = points_for(&p->columns, v.first, v.end);
        if (!is_same(i, rows) || !is_same(j, columns))
            tile.terms = fill_terms(w->k, &w->s->c, p, rows = i, columns = j, w->from.apart, w->top);
        for (int64_t c = w->maps.first; c < maps; c += TILE_ROWS) {
            tile.weight = w->weight + c * w->k->g.taps;
            tile.dx = w->dx + c * w->k->pixels;
            compute_tile(maps - c, &tile);
        }
    }
}

// A map by itself.
static inline void input_map(const input_work *w, const plane *p, int64_t map) {
    const cv_span rows = {0, p->rows.count}, columns = {0, p->columns.count};
    const int64_t width = w->s->in.w, terms = fill_terms(w->k, &w->s->c, p, rows, columns, w->from.apart, w->top);
    row_correlate((row_map){.y = w->dx + map * w->k->pixels + (p->rows.rest + p->u.first * p->rows.stride) * width +
                                 p->columns.rest,
                            .pitch = p->rows.stride * width,
                            .across = p->columns.stride,
                            .height = p->u.end - p->u.first,
                            .width = p->v.end,
                            .x = w->from.x,
                            .line = w->k->g.w,
                            .step = 1,
                            .tap = w->k->tap,
                            .term = terms < w->k->g.taps ? w->k->tap_inside : NULL, // all of them: one after the other
                            .weight = w->weight + map * w->k->g.taps,
                            .taps = terms,
                            .add = w->add});
}

// Rows `band` of some maps of dx, by weights that have changed the roles of their channels and are flipped.
static inline void correlate_input(const input_work *w, cv_span band) {
    const int64_t maps = w->s->in.c, alone = maps - row_alone(w->k->pairs, maps);
    for (int64_t row = 0; row < rests_of(&w->s->c, w->s->in, 0); row++)
        for (int64_t column = 0; column < rests_of(&w->s->c, w->s->in, 1); column++) {
            const plane p = plane_of(w->s, (int64_t[]){row, column}, band);
            if (p.u.first == p.u.end || !p.v.end) continue;
            input_tiles(w, &p, alone < w->maps.end ? alone : w->maps.end);
            if (alone < w->maps.end) input_map(w, &p, alone);
        }
}
