// Convolution in pairs of bf16: maps and weights as cells (bf16.h), from which conv.c computes its sums as it does from
// floats. A cell is two terms of a sum, so there are half as many:
//
//   y, dx   two channels of a pixel. Where channels are few, a row of the kernel counts as a channel of its own.
//   dw      the pixels of two rows of dy, and those of x that they are multiplied by
//
// Training only. Rounding a cell takes time: where the sums are short, they stay in fp32.
#pragma once

#include "op/layers/bf16.h"
#include "op/layers/conv.h"

typedef struct pairing {
    enum { UNPAIRED, CHANNEL_PAIRS, ROW_PAIRS } of;
    int64_t lines; // rows of the kernel that are channels, or 1
    int64_t step;  // from one such row to the next; from the first row of a pair to the second
    int64_t every; // of so many rows one is read: with a kernel of one row, none between those of a pair
} pairing;

// Vectors of cells are made in the time of so many multiply-adds of a vector.
enum { CELL_COST = 6, FEW_CHANNELS = 8 };

static inline int64_t halved(int64_t n) {
    return (n + 1) / 2;
}

// Cells of a pixel.
static inline int64_t paired_depth(pairing p, int64_t channels) {
    return p.of == CHANNEL_PAIRS ? halved(channels * p.lines) : channels;
}

static inline pairing unpaired(void) {
    return (pairing){UNPAIRED, 1, 0, 1};
}

// sums: results of a term; terms: of one result in fp32; cells: that its terms are made of.
static inline bool pairing_pays(int64_t sums, int64_t terms, int64_t paired_terms, int64_t cells) {
    return PAIRS && sums * paired_terms + CELL_COST * cells < sums * terms;
}

static inline int64_t points_of_kernel(const conv *c) {
    return c->kernel[0] * c->kernel[1];
}

static inline int64_t padded_pixels(const conv *c, cv_shape in) {
    return padded_size(c->padding, 0, in.h) * padded_size(c->padding, 1, in.w);
}

// Of one group, as all shapes below.
static inline pairing pairing_forward(const conv *c, cv_shape in, cv_shape out) {
    const pairing p = {CHANNEL_PAIRS, in.c % 2 && in.c < FEW_CHANNELS ? c->kernel[0] : 1, c->dilation[0], 1};
    const int64_t points = points_of_kernel(c), cells = paired_depth(p, in.c);
    return pairing_pays(cv_shape_size(out), in.c * points, cells * points / p.lines, cells * padded_pixels(c, in))
               ? p
               : unpaired();
}

static inline pairing pairing_of_input(const conv *c, cv_shape in, cv_shape out) {
    const pairing p = {CHANNEL_PAIRS, 1, 0, 1};
    const int64_t points = points_of_kernel(c), cells = paired_depth(p, out.c);
    return pairing_pays(in.c * cv_shape_pixels(out), out.c * points, cells * points, cells * cv_shape_pixels(out))
               ? p
               : unpaired();
}

static inline pairing pairing_of_weights(const conv *c, cv_shape in, cv_shape out) {
    const pairing p = {ROW_PAIRS, 1, c->stride[0], c->kernel[0] == 1 ? 2 * c->stride[0] : 1};
    const int64_t pixels = halved(out.h) * out.w;
    return pairing_pays(out.c * in.c * points_of_kernel(c), cv_shape_pixels(out), pixels,
                        in.c * padded_pixels(c, in) / p.every + out.c * pixels)
               ? p
               : unpaired();
}

// --- maps ---------------------------------------------------------------------------------------------------------

// One number of each cell: the map it comes from, and how many rows further down.
typedef struct half {
    int64_t channel, down;
} half;

static inline half half_of(pairing p, int64_t plane, int which) {
    const int64_t line = 2 * plane + which;
    return p.of == ROW_PAIRS ? (half){plane, which * p.step} : (half){line / p.lines, line % p.lines * p.step};
}

// to[i step] = a[i] and b[i], or 0 where there is none
static inline void pair_pixels(lanes *to, int64_t step, const lanes *a, const lanes *b, int64_t count) {
    static const lanes zero;
    const int64_t step_a = a ? 1 : 0, step_b = b ? 1 : 0;
    if (!a) a = &zero;
    if (!b) b = &zero;
    for (int64_t i = 0; i < count; i++, a += step_a, b += step_b) to[i * step] = pair_lanes(*a, *b);
}

// The same of what a norm makes of the pixels. n: NULL, as they are.
static inline void pair_opened(lanes *to, int64_t step, const norm n[2], const lanes *const from[2], int64_t count) {
    enum { RUN = 32 };
    if (!n) {
        pair_pixels(to, step, from[0], from[1], count);
        return;
    }
    lanes opened[2][RUN];
    for (int64_t done = 0; done < count; done += RUN) {
        const int64_t size = count - done < RUN ? count - done : RUN;
        for (int i = 0; i < 2; i++)
            if (from[i]) norm_maps(n[i], opened[i], 1, from[i] + done, size);
        pair_pixels(to + done * step, step, from[0] ? opened[0] : NULL, from[1] ? opened[1] : NULL, size);
    }
}

// A run of cells with zeros around them. from: NULL where the row lies outside the map.
static inline void pair_row(lanes *line, int64_t width, const opening *o, const norm n[2], const lanes *const from[2],
                            int64_t count, int64_t shift) {
    const int64_t skipped = shift < 0 ? -shift : 0, first = shift < 0 ? 0 : shift;
    const int64_t fit = count - skipped < width - first ? count - skipped : width - first;
    if (fit <= 0 || (!from[0] && !from[1])) {
        clear_row(line, width);
        return;
    }
    const lanes *const at[2] = {from[0] ? from[0] + skipped : NULL, from[1] ? from[1] + skipped : NULL};
    clear_row(line, first);
    pair_opened(line + first, 1, o->norm ? n : NULL, at, fit);
    clear_row(line + first + fit, width - first - fit);
}

// The rows of the grid that a half of a cell has a pixel in.
static inline cv_span rows_of_half(half h, grid g, cv_shape s, spacing p, int64_t top) {
    const int64_t first = p.shift[0] - top - h.down, end = h.channel < s.c ? first + s.h : first;
    return (cv_span){first > 0 ? first : 0, end < g.h ? end : g.h};
}

// space_maps of cells, of stride 1.
static inline void pair_maps(lanes *to, grid g, pairing pairs, const opening *o, cv_shape s, spacing p, int64_t top) {
    const bool one_run = is_one_run(g, s, p) && pairs.every == 1;
    for (int64_t plane = 0; plane < g.depth; plane++, to += g.h * g.w) {
        const lanes *map[2];
        cv_span rows[2];
        norm n[2];
        for (int i = 0; i < 2; i++) {
            const half h = half_of(pairs, plane, i), next = half_of(pairs, plane + 1, i);
            rows[i] = rows_of_half(h, g, s, p, top);
            map[i] = o->maps + (h.channel * s.h + h.down + top - p.shift[0]) * s.w;
            if (o->norm && h.channel < s.c) n[i] = norm_of_channel(o->norm, NULL, o->channel + h.channel);
            if (next.channel != h.channel && next.channel < s.c)
                fetch_rows(o, map[i] - o->maps + (next.channel * s.h + rows[i].first) * s.w - h.channel * s.h * s.w,
                           (rows[i].end - rows[i].first) * s.w);
        }
        for (int64_t row = 0, end; row < g.h; row = end) {
            const lanes *from[2] = {NULL, NULL};
            end = one_run ? g.h : row + 1;
            if (row % pairs.every) continue;
            for (int i = 0; i < 2; i++) {
                const bool inside = row >= rows[i].first && row < rows[i].end;
                const int64_t change = row < rows[i].first ? rows[i].first : inside ? rows[i].end : g.h;
                if (inside) from[i] = map[i] + row * s.w;
                if (change < end) end = change;
            }
            pair_row(to + row * g.w, (end - row) * g.w, o, n, from, (end - row) * s.w, p.shift[1]);
        }
    }
}

// `rows` rows of maps of `pixels` pixels, two in a cell.
static inline void pair_two_rows(lanes *to, const lanes *from, int64_t maps, int64_t pixels, int64_t width,
                                 int64_t rows) {
    for (int64_t m = 0; m < maps; m++, from += pixels)
        for (int64_t y = 0; y < rows; y += 2, to += width)
            pair_pixels(to, 1, from + y * width, y + 1 < rows ? from + (y + 1) * width : NULL, width);
}

// --- weights ------------------------------------------------------------------------------------------------------

// Weight (row, channel, point) is at w[row * row + channel * channel + point]; flipped: the points from the last on.
typedef struct weight_order {
    int64_t rows, row, channels, channel, points;
    bool flipped;
} weight_order;

// Cells [rows][pairs of channels][points]
static inline void pair_weights(real *to, const uint16_t *w, const weight_order *o) {
    const int64_t last = o->points - 1;
    for (int64_t row = 0; row < o->rows; row++)
        for (int64_t c = 0; c < o->channels; c += 2) {
            const uint16_t *first = w + row * o->row + c * o->channel, *second = first + o->channel;
            for (int64_t k = 0; k < o->points; k++) {
                const int64_t at = o->flipped ? last - k : k;
                const uint32_t cell = first[at] | (c + 1 < o->channels ? (uint32_t)second[at] << 16 : 0);
                memcpy(to++, &cell, sizeof cell);
            }
        }
}
