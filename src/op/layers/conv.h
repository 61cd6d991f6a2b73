// What the passes of a convolution share: its options, and the grids that their sums run over.
#pragma once

#include "op/layers/conv_plain.h" // the options
#include "op/layers/lanes.h"
#include "op/layers/sides.h"

extern const cv_op CV_JOIN(cv_single_conv, CV_ISA); // see conv_single.c

// Where the terms of a correlation lie: `taps` of them for each result, on a grid of h x w per channel.
typedef struct grid {
    int64_t h, w, depth, taps;
} grid;

static inline int64_t reach_of(const conv *c, int d) {
    return c->dilation[d] * (c->kernel[d] - 1);
}

static inline bool is_padded(const conv *c) {
    return has_padding(c->padding);
}

// How maps lie in a grid of zeros: pixel (y, x) at (y * step + shift), what falls outside is left out.
typedef struct spacing {
    int64_t step[2], shift[2];
} spacing;

// from: NULL for a row of zeros.
static inline void space_row(lanes *line, int64_t width, const lanes *from, int64_t count, int64_t step,
                             int64_t shift) {
    const int64_t skipped = shift < 0 ? (step - 1 - shift) / step : 0, first = skipped * step + shift;
    int64_t fit = from && first < width ? (width - first + step - 1) / step : 0;
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

// Whether all rows of a map then lie one behind the other, as in the map itself.
static inline bool is_one_run(grid g, cv_shape s, spacing p) {
    return p.step[0] == 1 && p.step[1] == 1 && p.shift[1] == 0 && g.w == s.w;
}

// Rows top..top + g.h of the maps so laid out, with the zeros around and between them.
static inline void space_maps(lanes *to, grid g, const lanes *from, cv_shape s, spacing p, int64_t top) {
    const bool one_run = is_one_run(g, s, p);
    for (int64_t c = 0; c < s.c; c++, from += s.h * s.w) {
        if (one_run) {
            space_row(to, g.h * g.w, from, s.h * s.w, 1, (p.shift[0] - top) * g.w);
            to += g.h * g.w;
            continue;
        }
        for (int64_t row = top; row < top + g.h; row++, to += g.w) {
            const int64_t y = row - p.shift[0];
            const bool hit = y >= 0 && y % p.step[0] == 0 && y / p.step[0] < s.h;
            space_row(to, g.w, hit ? from + y / p.step[0] * s.w : NULL, s.w, p.step[1], p.shift[1]);
        }
    }
}
