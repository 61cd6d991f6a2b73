// What the passes of a convolution share: its options, and the grids that their sums run over.
#pragma once

#include "op/layers/conv_plain.h" // the options
#include "op/layers/norm.h"
#include "op/layers/sides.h"

extern const cv_op CV_JOIN(cv_single_conv, CV_ISA); // see conv_single.c

// Where the terms of a correlation lie: `taps` of them for each result, on a grid of h x w per channel.
typedef struct grid {
    int64_t h, w, depth, taps;
} grid;

// `channels` become their number; groups must divide them.
static inline bool groups_divide(conv *c, int64_t channels, char *why, size_t why_size) {
    if (c->groups == ALL_CHANNELS) c->groups = channels;
    if (c->out == ALL_CHANNELS) c->out = channels;
    if (channels % c->groups == 0 && c->out % c->groups == 0) return true;
    cv_print(why, why_size, "groups %lld must divide the input channels (%lld) and the output channels (%lld)",
             (long long)c->groups, (long long)channels, (long long)c->out);
    return false;
}

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

// Rows, or columns, of a plane of the input's gradient (conv_input.h): r = rest + u stride. Point n, which is kernel
// point first + n step, reads dy at u + at - n drop.
typedef struct axis {
    int64_t rest, stride, size; // size: of dy
    int64_t first, step, count;
    int64_t at, drop;
} axis;

static inline int64_t common_divisor(int64_t a, int64_t b) {
    for (int64_t rest; b; a = b, b = rest) rest = a % b;
    return a;
}

// How many planes there are: of a stride that exceeds the map, most rests have no pixel.
static inline int64_t rests_of(const conv *c, cv_shape in, int d) {
    const int64_t size = d ? in.w : in.h;
    return c->stride[d] < size ? c->stride[d] : size;
}

static inline axis axis_of(const conv *c, cv_shape out, int d, int64_t rest) {
    const int64_t stride = c->stride[d], dilation = c->dilation[d], before = rest + c->padding[d];
    axis a = {.rest = rest, .stride = stride, .size = d ? out.w : out.h};
    while (a.first < c->kernel[d] && (before - a.first * dilation) % stride) a.first++;
    a.step = stride / common_divisor(stride, dilation);
    a.count = a.first < c->kernel[d] ? (c->kernel[d] - a.first - 1) / a.step + 1 : 0;
    a.at = (before - a.first * dilation) / stride;
    a.drop = a.step * dilation / stride;
    return a;
}

// How many u there are below `end` rows or columns.
static inline int64_t below(const axis *a, int64_t end) {
    return end > a->rest ? (end - a->rest - 1) / a->stride + 1 : 0;
}

// How dy lies in the grid that all planes read: rows and columns that no plane reaches are left out.
static inline spacing gradient_spacing(const conv *c) {
    spacing at = {.step = {1, 1}};
    for (int d = 0; d < 2; d++) {
        const int64_t stride = c->stride[d], more = reach_of(c, d) - c->padding[d];
        at.shift[d] = more < 0 ? -((stride - 1 - more) / stride) : more / stride;
    }
    return at;
}

// Its rows (d: 0) or columns (1) for so many of dx.
static inline int64_t gradient_size(const conv *c, int d, int64_t count) {
    return (count - 1 + reach_of(c, d)) / c->stride[d] + 1;
}

// Rows are short, and a call of memcpy or memset takes longer than the loop. Compilers make a call of a loop that
// stores one vector at a time; so it stores two.
static inline void copy_row(lanes *to, const lanes *from, int64_t count) {
    for (int64_t x = 0; x + 1 < count; x += 2) {
        const lanes first = from[x], second = from[x + 1];
        to[x] = first;
        to[x + 1] = second;
    }
    if (count % 2) to[count - 1] = from[count - 1];
}
static inline void clear_row(lanes *to, int64_t count) {
    for (int64_t x = 0; x + 1 < count; x += 2) to[x] = to[x + 1] = (lanes){0};
    if (count % 2) to[count - 1] = (lanes){0};
}

// Maps to be laid out: as they are, or what a norm makes of them.
typedef struct opening {
    const lanes *maps;
    const cv_norm *norm; // NULL: as they are
    int64_t channel;     // of the norm that is the first of the maps
} opening;

// Pixels of one channel.
ALWAYS_INLINE void open_pixels(lanes *to, int64_t step, const opening *o, const norm n, int64_t from, int64_t count) {
    const lanes *maps = o->maps + from;
    if (o->norm)
        norm_maps(n, to, step, maps, count);
    else if (step == 1)
        copy_row(to, maps, count);
    else
        for (int64_t i = 0; i < count; i++) to[i * step] = maps[i];
}

// count: of the pixels from `from` on; 0 for a row of zeros.
static inline void space_row(lanes *line, int64_t width, const opening *o, const norm n, int64_t from, int64_t count,
                             int64_t step, int64_t shift) {
    const int64_t skipped = shift < 0 ? (step - 1 - shift) / step : 0, first = skipped * step + shift;
    int64_t fit = first < width ? (width - first + step - 1) / step : 0;
    if (fit > count - skipped) fit = count - skipped;
    if (fit <= 0 || step > 1) clear_row(line, width);
    if (fit <= 0) return;
    if (step > 1) {
        open_pixels(line + first, step, o, n, from + skipped, fit);
        return;
    }
    clear_row(line, first);
    open_pixels(line + first, 1, o, n, from + skipped, fit);
    clear_row(line + first + fit, width - first - fit);
}

// Whether all rows of a map then lie one behind the other, as in the map itself.
static inline bool is_one_run(grid g, cv_shape s, spacing p) {
    return p.step[0] == 1 && p.step[1] == 1 && p.shift[1] == 0 && g.w == s.w;
}

// Rows top..top + g.h of a map of height h, of those that lie on the grid.
static inline cv_span rows_hit(grid g, int64_t h, spacing p, int64_t top) {
    const int64_t before = top - p.shift[0], end = before + g.h;
    const int64_t first = before <= 0 ? 0 : (before + p.step[0] - 1) / p.step[0],
                  last = end <= 0 ? 0 : (end + p.step[0] - 1) / p.step[0];
    return (cv_span){first < h ? first : h, last < h ? last : h};
}

// A band is a short run of each map: the processor does not foresee the next one by itself.
static inline void fetch_rows(const opening *o, int64_t from, int64_t count) {
    for (int64_t i = from; i < from + count; i++) __builtin_prefetch(o->maps + i);
}

// Rows top..top + g.h of the maps so laid out, with the zeros around and between them.
static inline void space_maps(lanes *to, grid g, const opening *o, cv_shape s, spacing p, int64_t top) {
    const bool one_run = is_one_run(g, s, p);
    const cv_span rows = rows_hit(g, s.h, p, top);
    for (int64_t c = 0, from = 0; c < s.c; c++, from += s.h * s.w) {
        const norm n = o->norm ? norm_of_channel(o->norm, NULL, o->channel + c) : (norm){0};
        if (c + 1 < s.c) fetch_rows(o, from + (s.h + rows.first) * s.w, (rows.end - rows.first) * s.w);
        if (one_run) {
            space_row(to, g.h * g.w, o, n, from, s.h * s.w, 1, (p.shift[0] - top) * g.w);
            to += g.h * g.w;
            continue;
        }
        for (int64_t row = top; row < top + g.h; row++, to += g.w) {
            const int64_t y = row - p.shift[0];
            const bool hit = y >= 0 && y % p.step[0] == 0 && y / p.step[0] < s.h;
            space_row(to, g.w, o, n, from + y / p.step[0] * s.w, hit ? s.w : 0, p.step[1], p.shift[1]);
        }
    }
}
