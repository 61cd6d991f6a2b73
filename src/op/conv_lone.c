// Convolution of one example: LANES output channels are in the lanes.
//
//   y[m][p] = b[m] + sum_t w[t][m] x[tap_t + pixel_p]        m = LANES channels at once, x[...] one number for all
//
// It is the sum of conv.c with the roles of its two factors exchanged: weights are the vectors, pixels the numbers.
#include "op/conv.h"
#include "op/lone.h"

typedef struct lone_conv {
    cv_alone alone;
    conv layer;
} lone_conv;

// Where the numbers of x lie, with padding: `unit` channels beside each other for every pixel of h x w.
typedef struct source {
    int64_t unit, maps, h, w, taps;
} source;

static source source_of(const lone_conv *l) {
    const conv *c = &l->layer;
    const cv_shape in = l->alone.in;
    const int64_t unit = l->alone.plain ? 1 : LANES;
    return (source){unit, (in.c + unit - 1) / unit, in.h + 2 * c->padding[0], in.w + 2 * c->padding[1],
                    in.c * c->kernel[0] * c->kernel[1]};
}

static bool conv_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const lone_conv *l = config;
    if (l->layer.groups > 1) cv_print(why, why_size, "channels of several groups cannot share a vector");
    return l->layer.groups == 1 && lone_infer(config, in, out, why, why_size);
}

// Two blocks of output channels at a time, where there are two: every number of x that is loaded is used twice.
static int64_t blocks_at(int64_t block, int64_t blocks) {
    return block + 1 < blocks ? 2 : 1;
}

static int conv_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const lone_conv *l = config;
    const int64_t blocks = lane_blocks(l->layer.out);
    (void)in;
    out[0] = (cv_tensor){.name = "weight", .dims = 3, .dim = {blocks, source_of(l).taps, LANES}};
    out[1] = (cv_tensor){.name = "bias", .dims = 2, .dim = {blocks, LANES}};
    return 2;
}

// Does `body` for every tap t: channel c, at row and column of the kernel. In the order in which the numbers lie in x.
#define FOR_EACH_TAP(l, s, body)                                                                                       \
    for (int64_t t = 0, first = 0; first < (l)->alone.in.c; first += (s).unit)                                         \
        for (int64_t row = 0; row < (l)->layer.kernel[0]; row++)                                                       \
            for (int64_t column = 0; column < (l)->layer.kernel[1]; column++)                                          \
                for (int64_t c = first; c < first + (s).unit && c < (l)->alone.in.c; c++, t++) body

// to[two blocks][tap][block][LANES]
static void conv_turn(const void *config, const void *const *from, void *const *to) {
    const lone_conv *l = config;
    const source s = source_of(l);
    const int64_t out = l->layer.out, blocks = lane_blocks(out), *kernel = l->layer.kernel;
    const real *weight = from[0];
    real *turned = to[0];
    for (int64_t m = 0; m < out; m++) {
        const int64_t pair = m / LANES / 2 * 2, width = blocks_at(pair, blocks);
        real *column_of = turned + (pair * s.taps + m / LANES - pair) * LANES + m % LANES;
        FOR_EACH_TAP(l, s,
                     column_of[t * width * LANES] =
                         weight[((m * l->alone.in.c + c) * kernel[0] + row) * kernel[1] + column]);
    }
    if (from[1]) memcpy(to[1], from[1], (size_t)out * sizeof *turned);
}

// --- the forward pass ---------------------------------------------------------------------------------------------

static size_t conv_scratch(const void *config, cv_shape in, cv_shape out) {
    const lone_conv *l = config;
    const source s = source_of(l);
    (void)in, (void)out;
    return in_lanes(s.taps, sizeof(int64_t)) +
           (is_padded(&l->layer) ? in_lanes(s.maps * s.h * s.w * s.unit, sizeof(real)) : 0);
}

// The input with its padding; without padding it serves as it is.
static const real *padded(const lone_conv *l, source s, const real *x, real *map) {
    const int64_t *padding = l->layer.padding, h = l->alone.in.h, line = l->alone.in.w * s.unit;
    if (!is_padded(&l->layer)) return x;
    memset(map, 0, (size_t)(s.maps * s.h * s.w * s.unit) * sizeof *map);
    for (int64_t m = 0; m < s.maps; m++)
        for (int64_t y = 0; y < h; y++)
            memcpy(map + ((m * s.h + y + padding[0]) * s.w + padding[1]) * s.unit, x + (m * h + y) * line,
                   (size_t)line * sizeof *map);
    return map;
}

typedef struct tiling {
    cv_shape out;
    int64_t taps, line, step; // numbers from one output row, one output pixel to the next
    const int64_t *tap;
} tiling;

// All rows of one or two blocks of output channels, `columns` pixels at a time. The last tile of a row begins earlier
// where a row is no multiple: a few pixels are computed twice.
ALWAYS_INLINE void correlate(const int blocks, const int columns, const int64_t step, lanes *y, const lanes *bias,
                             const lanes *w, const real *x, const tiling *g) {
    const int64_t width = g->out.w, pixels = g->out.h * width;
    for (int64_t row = 0; row < g->out.h; row++)
        for (int64_t next = 0; next < width; next += columns) {
            const int64_t first = next + columns > width ? width - columns : next;
            const real *at = x + row * g->line + first * step;
            lanes sum[2][12], *to = y + row * width + first;
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
                for (int i = 0; i < columns; i++) to[j * pixels + i] = sum[j][i];
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

#define CALL(blocks, columns, step) correlate(blocks, columns, step, y, bias, w, x, g)
#define STEPS(blocks, columns)                                                                                         \
    if (g->step == LANES)                                                                                              \
        CALL(blocks, columns, LANES);                                                                                  \
    else if (g->step == 1)                                                                                             \
        CALL(blocks, columns, 1);                                                                                      \
    else                                                                                                               \
        CALL(blocks, columns, g->step);                                                                                \
    break

static void one_block(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    switch (best_width(g->out.w, 1)) {
    case 12: STEPS(1, 12);
    case 8: STEPS(1, 8);
    case 6: STEPS(1, 6);
    case 4: STEPS(1, 4);
    case 2: STEPS(1, 2);
    default: STEPS(1, 1);
    }
}

static void two_blocks(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    switch (best_width(g->out.w, 2)) {
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

static void conv_forward(const cv_pass *p) {
    const lone_conv *l = p->config;
    const source s = source_of(l);
    const int64_t blocks = p->out.c, pixels = cv_shape_pixels(p->out), *dilation = l->layer.dilation;
    const lanes *w = p->tensor[0], *bias = p->tensor[1];
    int64_t *tap = p->scratch[0];
    lanes *y = p->y;
    const real *x = padded(l, s, p->x[0], (real *)((lanes *)p->scratch[0] + in_lanes(s.taps, sizeof(int64_t))));
    FOR_EACH_TAP(l, s,
                 tap[t] =
                     (((first / s.unit * s.h + row * dilation[0]) * s.w + column * dilation[1]) * s.unit + c - first));
    const tiling g = {p->out, s.taps, l->layer.stride[0] * s.w * s.unit, l->layer.stride[1] * s.unit, tap};
    for (int64_t b = 0; b < blocks; b += 2)
        (blocks_at(b, blocks) == 2 ? two_blocks : one_block)(y + b * pixels, bias + b, w + b * s.taps, x, &g);
}

const cv_op CV_JOIN(cv_lone_conv, CV_ISA) = {
    .name = "conv",
    .config_size = sizeof(lone_conv),
    .traits = CV_PLAIN,
    .infer = conv_infer,
    .tensors = conv_tensors,
    .turn = conv_turn,
    .scratch = conv_scratch,
    .forward = conv_forward,
};
