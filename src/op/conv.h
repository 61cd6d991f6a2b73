// What the passes of a convolution share: its options, and the grids that their sums run over.
#ifndef CV_CONV_H
#define CV_CONV_H

#include "op/lanes.h"

typedef struct conv {
    int64_t out, kernel[2], stride[2], padding[2], dilation[2], groups;
    bool bias;
} conv;

extern const cv_op CV_JOIN(cv_lone_conv, CV_ISA); // see conv_lone.c

// A correlation over one group of channels: `taps` terms for each of `pixels` results, on a grid of h x w per channel.
typedef struct grid {
    int64_t h, w, depth, taps, pixels;
} grid;

static inline grid forward_grid(const conv *c, cv_shape in, cv_shape out) {
    const int64_t depth = in.c / c->groups;
    return (grid){in.h + 2 * c->padding[0], in.w + 2 * c->padding[1], depth, depth * c->kernel[0] * c->kernel[1],
                  cv_shape_pixels(out)};
}

static inline grid backward_grid(const conv *c, cv_shape in, cv_shape out) {
    const int64_t depth = out.c / c->groups;
    return (grid){in.h + c->dilation[0] * (c->kernel[0] - 1), in.w + c->dilation[1] * (c->kernel[1] - 1), depth,
                  depth * c->kernel[0] * c->kernel[1], cv_shape_pixels(in)};
}

static inline bool is_padded(const conv *c) {
    return c->padding[0] || c->padding[1];
}

// Work memory of one pass, laid out in scratch: offsets, turned weights, the enlarged grid.
typedef struct work {
    int32_t *tap, *pixel;
    real *weight;
    lanes *map, *end;
} work;

static inline size_t in_lanes(int64_t count, size_t size) {
    return ((size_t)count * size + sizeof(lanes) - 1) / sizeof(lanes);
}

static inline work lay_out(lanes *at, grid g, int64_t weights, int64_t channels) {
    work k;
    k.tap = (int32_t *)at, at += in_lanes(g.taps, sizeof(int32_t));
    k.pixel = (int32_t *)at, at += in_lanes(g.pixels, sizeof(int32_t));
    k.weight = (real *)at, at += in_lanes(weights, sizeof(real));
    k.map = at, at += channels * g.h * g.w;
    k.end = at;
    return k;
}

static inline work forward_work(const conv *c, cv_shape in, cv_shape out, lanes *scratch) {
    return lay_out(scratch, forward_grid(c, in, out), 0, is_padded(c) ? in.c : 0);
}

static inline work backward_work(const conv *c, cv_shape in, cv_shape out, lanes *scratch) {
    const grid g = backward_grid(c, in, out);
    return lay_out(scratch, g, in.c * g.taps, out.c);
}

static inline void fill_taps(int32_t *tap, grid g, const conv *c) {
    for (int64_t d = 0; d < g.depth; d++)
        for (int64_t y = 0; y < c->kernel[0]; y++)
            for (int64_t x = 0; x < c->kernel[1]; x++)
                *tap++ = (int32_t)((d * g.h + y * c->dilation[0]) * g.w + x * c->dilation[1]);
}

static inline void fill_pixels(int32_t *pixel, grid g, cv_shape out, const int64_t stride[2]) {
    for (int64_t y = 0; y < out.h; y++)
        for (int64_t x = 0; x < out.w; x++) *pixel++ = (int32_t)(y * stride[0] * g.w + x * stride[1]);
}

// How maps lie in a grid of zeros: pixel (y, x) at (y * step + shift), what falls outside is left out.
typedef struct placing {
    int64_t step[2], shift[2];
} placing;

static inline void place_row(lanes *line, int64_t width, const lanes *from, int64_t count, int64_t step,
                             int64_t shift) {
    const int64_t skipped = shift < 0 ? (step - 1 - shift) / step : 0, first = skipped * step + shift;
    int64_t fit = first < width ? (width - first + step - 1) / step : 0;
    if (fit > count - skipped) fit = count - skipped;
    if (fit <= 0 || step > 1) memset(line, 0, (size_t)width * sizeof *line);
    if (fit <= 0) return;
    if (step > 1) {
        for (int64_t x = 0; x < fit; x++) line[first + x * step] = from[skipped + x];
        return;
    }
    memset(line, 0, (size_t)first * sizeof *line);
    memcpy(line + first, from + skipped, (size_t)fit * sizeof *line);
    memset(line + first + fit, 0, (size_t)(width - first - fit) * sizeof *line);
}

// Rows first..end of every map, and the zeros around and between them.
static inline void place(lanes *to, grid g, const lanes *from, cv_shape s, placing p, int64_t first, int64_t end) {
    int64_t top = first ? first * p.step[0] + p.shift[0] : 0, bottom = end < s.h ? end * p.step[0] + p.shift[0] : g.h;
    if (top < 0) top = 0;
    if (bottom > g.h) bottom = g.h;
    const bool one_run = p.step[0] == 1 && p.step[1] == 1 && p.shift[1] == 0 && g.w == s.w;
    for (int64_t c = 0; c < s.c; c++) {
        if (one_run) {
            place_row(to + (c * g.h + top) * g.w, (bottom - top) * g.w, from + c * s.h * s.w, s.h * s.w, 1,
                      (p.shift[0] - top) * g.w);
            continue;
        }
        for (int64_t row = top; row < bottom; row++) {
            const int64_t y = row - p.shift[0];
            const bool hit = y >= 0 && y % p.step[0] == 0 && y / p.step[0] < s.h;
            place_row(to + (c * g.h + row) * g.w, g.w, hit ? from + (c * s.h + y / p.step[0]) * s.w : NULL,
                      hit ? s.w : 0, p.step[1], p.shift[1]);
        }
    }
}

#endif
