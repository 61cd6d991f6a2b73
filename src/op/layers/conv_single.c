// Convolution of one example: LANES output channels are in the lanes.
//
//   y[m][p] = b[m] + sum_t w[t][m] x[tap_t + pixel_p]        m = LANES channels at once, x[...] one number for all
//
// It is the sum of conv.c with the roles of its two factors exchanged: weights are the vectors, pixels the numbers.
#include "op/layers/conv.h"
#include "op/layers/single.h"

typedef struct single_conv {
    cv_single single;
    conv layer;
} single_conv;

static int64_t taps_of(const single_conv *l) {
    return l->single.in.c * l->layer.kernel[0] * l->layer.kernel[1];
}

// How many channels lie beside each other for every pixel of x.
static int64_t unit_of(const single_conv *l) {
    return l->single.plain ? 1 : LANES;
}

static bool single_conv_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const single_conv *l = config;
    if (l->layer.groups > 1) cv_print(why, why_size, "channels of several groups cannot share a vector");
    return l->layer.groups == 1 && single_infer(config, in, out, why, why_size);
}

// Two blocks of output channels at a time, where there are two: every number of x that is loaded is used twice.
static int64_t blocks_at(int64_t block, int64_t blocks) {
    return block + 1 < blocks ? 2 : 1;
}

static int single_conv_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const single_conv *l = config;
    const int64_t blocks = lane_blocks(l->layer.out);
    (void)in;
    out[0] = (cv_tensor){.name = "weight", .dims = 3, .dim = {blocks, taps_of(l), LANES}};
    out[1] = (cv_tensor){.name = "bias", .dims = 2, .dim = {blocks, LANES}};
    return 2;
}

// Does `body` for every tap t: channel c, at row and column of the kernel. In the order in which the numbers lie in x.
#define FOR_EACH_TAP(l, body)                                                                                          \
    for (int64_t t = 0, unit = unit_of(l), first = 0; first < (l)->single.in.c; first += unit)                         \
        for (int64_t row = 0; row < (l)->layer.kernel[0]; row++)                                                       \
            for (int64_t column = 0; column < (l)->layer.kernel[1]; column++)                                          \
                for (int64_t c = first; c < first + unit && c < (l)->single.in.c; c++, t++) body

// to[two blocks][tap][block][LANES]
static void single_conv_arrange(const void *config, const void *const *from, void *const *to) {
    const single_conv *l = config;
    const int64_t out = l->layer.out, taps = taps_of(l), blocks = lane_blocks(out), *kernel = l->layer.kernel;
    const real *weight = from[0];
    real *packed = to[0];
    for (int64_t m = 0; m < out; m++) {
        const int64_t pair = m / LANES / 2 * 2, width = blocks_at(pair, blocks);
        real *column_of = packed + (pair * taps + m / LANES - pair) * LANES + m % LANES;
        FOR_EACH_TAP(l, column_of[t * width * LANES] =
                            weight[((m * l->single.in.c + c) * kernel[0] + row) * kernel[1] + column]);
    }
    if (from[1]) memcpy(to[1], from[1], (size_t)out * sizeof *packed);
}

// --- the forward pass ---------------------------------------------------------------------------------------------

// A part of a pass is some rows of the output or, where there is but one row, some of its columns.
typedef struct piece {
    cv_span rows, columns;
    int64_t h, w; // of the padded input it is computed from
} piece;

static piece piece_of(const cv_pass *p) {
    const conv *c = &((const single_conv *)p->config)->layer;
    piece s = {.rows = {0, p->out.h}, .columns = {0, p->out.w}};
    if (p->out.h > 1)
        s.rows = cv_part(&p->share, p->out.h, 1);
    else
        s.columns = cv_part(&p->share, p->out.w, 1);
    s.h = (s.rows.end - s.rows.first - 1) * c->stride[0] + reach_of(c, 0) + 1;
    s.w = (s.columns.end - s.columns.first - 1) * c->stride[1] + reach_of(c, 1) + 1;
    return s;
}

static int64_t maps_of(const single_conv *l) {
    return (l->single.in.c + unit_of(l) - 1) / unit_of(l);
}

// Work memory of a part, as much as the last one needs, which is never smaller than the others: where the taps lie, and
// the padded input.
static int64_t room_of(cv_pass p) {
    const single_conv *l = p.config;
    if (p.share.parts) p.share.part = p.share.parts - 1;
    const piece s = piece_of(&p);
    const size_t map = is_padded(&l->layer) ? in_lanes(maps_of(l) * s.h * s.w * unit_of(l), sizeof(real)) : 0;
    return (int64_t)(in_lanes(taps_of(l), sizeof(int64_t)) + map);
}

static size_t single_conv_scratch(const void *config, cv_shape in, cv_shape out) {
    int64_t most = 0;
    for (int parts = 1; parts <= CV_MOST_PARTS; parts++) {
        const int64_t size = parts * room_of((cv_pass){.config = config, .in = in, .out = out, .share.parts = parts});
        if (size > most) most = size;
    }
    return (size_t)most;
}

// Row `row` of the padded input from column `first` on.
static void copy_padded_row(const single_conv *l, const real *x, int64_t map, int64_t row, int64_t first, int64_t width,
                            real *line) {
    const int64_t unit = unit_of(l), *padding = l->layer.padding, h = l->single.in.h, w = l->single.in.w;
    const int64_t y = row - padding[0], begin = first > padding[1] ? first : padding[1],
                  end = first + width < w + padding[1] ? first + width : w + padding[1];
    memset(line, 0, (size_t)(width * unit) * sizeof *line);
    if (y >= 0 && y < h && end > begin)
        memcpy(line + (begin - first) * unit, x + ((map * h + y) * w + begin - padding[1]) * unit,
               (size_t)((end - begin) * unit) * sizeof *line);
}

// The numbers that a piece is computed from: the input, or a copy with its padding.
typedef struct single_source {
    const real *x;
    int64_t h, w;
} single_source;

static single_source single_source_of(const single_conv *l, const piece *s, const real *x, real *copy) {
    const int64_t unit = unit_of(l), top = s->rows.first * l->layer.stride[0],
                  left = s->columns.first * l->layer.stride[1];
    if (!is_padded(&l->layer))
        return (single_source){x + (top * l->single.in.w + left) * unit, l->single.in.h, l->single.in.w};
    for (int64_t m = 0; m < maps_of(l); m++)
        for (int64_t row = 0; row < s->h; row++)
            copy_padded_row(l, x, m, top + row, left, s->w, copy + (m * s->h + row) * s->w * unit);
    return (single_source){copy, s->h, s->w};
}

typedef struct tiling {
    int64_t rows, width;      // of the output that are computed
    int64_t pitch, plane;     // lanes from one of its rows, one of its blocks to the next
    int64_t taps, line, step; // numbers of the input from one output row, one output pixel to the next
    const int64_t *tap;
} tiling;

// All rows of one or two blocks of output channels, `columns` pixels at a time. The last tile of a row begins earlier
// where a row is no multiple: a few pixels are computed twice.
ALWAYS_INLINE void single_correlate(const int blocks, const int columns, const int64_t step, lanes *y,
                                    const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    for (int64_t row = 0; row < g->rows; row++)
        for (int64_t next = 0; next < g->width; next += columns) {
            const int64_t first = next + columns > g->width ? g->width - columns : next;
            const real *at = x + row * g->line + first * step;
            lanes sum[2][12], *to = y + row * g->pitch + first;
            UNROLL
            for (int j = 0; j < blocks; j++) {
                UNROLL
                for (int i = 0; i < columns; i++) sum[j][i] = bias[j];
            }
            for (int64_t t = 0; t < g->taps; t++) {
                const real *v = at + g->tap[t];
                UNROLL
                for (int i = 0; i < columns; i++) {
                    UNROLL
                    for (int j = 0; j < blocks; j++) sum[j][i] += v[i * step] * w[t * blocks + j];
                }
            }
            UNROLL
            for (int j = 0; j < blocks; j++) {
                UNROLL
                for (int i = 0; i < columns; i++) to[j * g->plane + i] = sum[j][i];
            }
        }
}

// Widths of a tile that are compiled; how wide one of two blocks may be is a matter of registers.
static const int widths[] = {12, 8, 6, 4, 2, 1};

// The width that costs least: of sums that wait for themselves, fewer than eight take as long as eight.
static int best_width(int64_t width, int blocks) {
    int64_t least = INT64_MAX;
    int best = 1;
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        const int sums = widths[k] * blocks;
        if (widths[k] > width || sums > TILE_ROWS * TILE_COLUMNS) continue;
        const int64_t cost = (width + widths[k] - 1) / widths[k] * (sums > 8 ? sums : 8);
        if (cost < least) least = cost, best = widths[k];
    }
    return best;
}

#define CALL(blocks, columns, step) single_correlate(blocks, columns, step, y, bias, w, x, g)
#define STEPS(blocks, columns)                                                                                         \
    if (g->step == LANES)                                                                                              \
        CALL(blocks, columns, LANES);                                                                                  \
    else if (g->step == 1)                                                                                             \
        CALL(blocks, columns, 1);                                                                                      \
    else                                                                                                               \
        CALL(blocks, columns, g->step);                                                                                \
    break

static void one_block(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    switch (best_width(g->width, 1)) {
    case 12: STEPS(1, 12);
    case 8: STEPS(1, 8);
    case 6: STEPS(1, 6);
    case 4: STEPS(1, 4);
    case 2: STEPS(1, 2);
    default: STEPS(1, 1);
    }
}

static void two_blocks(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    switch (best_width(g->width, 2)) {
#if TILE_ROWS * TILE_COLUMNS >= 24
    case 12: STEPS(2, 12);
    case 8: STEPS(2, 8);
#endif
    case 6: STEPS(2, 6);
    case 4: STEPS(2, 4);
    case 2: STEPS(2, 2);
    default: STEPS(2, 1);
    }
}

static void single_conv_forward(const cv_pass *p) {
    const single_conv *l = p->config;
    const piece s = piece_of(p);
    if (s.rows.first == s.rows.end || s.columns.first == s.columns.end) return;
    const int64_t blocks = p->out.c, taps = taps_of(l), plane = cv_shape_pixels(p->out), *dilation = l->layer.dilation;
    lanes *room = (lanes *)p->scratch[0] + p->share.part * room_of(*p),
          *y = (lanes *)p->y + s.rows.first * p->out.w + s.columns.first;
    const single_source from = single_source_of(l, &s, p->x[0], (real *)(room + in_lanes(taps, sizeof(int64_t))));
    int64_t *tap = (int64_t *)room;
    FOR_EACH_TAP(l, tap[t] = ((first / unit * from.h + row * dilation[0]) * from.w + column * dilation[1]) * unit + c -
                             first);
    const tiling g = {.rows = s.rows.end - s.rows.first,
                      .width = s.columns.end - s.columns.first,
                      .pitch = p->out.w,
                      .plane = plane,
                      .taps = taps,
                      .line = l->layer.stride[0] * from.w * unit_of(l),
                      .step = l->layer.stride[1] * unit_of(l),
                      .tap = tap};
    const lanes *w = p->tensor[0], *bias = p->tensor[1];
    for (int64_t b = 0; b < blocks; b += 2)
        (blocks_at(b, blocks) == 2 ? two_blocks : one_block)(y + b * plane, bias + b, w + b * taps, from.x, &g);
}

static int64_t single_conv_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const single_conv *l = config;
    (void)in, (void)formula, (void)size;
    return taps_of(l) * cv_shape_size(out) * LANES;
}

const cv_op CV_JOIN(cv_single_conv, CV_ISA) = {
    .name = "conv",
    .config_size = sizeof(single_conv),
    .plain_input = true,
    .in_parts = true,
    .infer = single_conv_infer,
    .tensors = single_conv_tensors,
    .arrange = single_conv_arrange,
    .cost = single_conv_cost,
    .scratch = single_conv_scratch,
    .forward = single_conv_forward,
};
