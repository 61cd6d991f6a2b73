// Convolution of one example: LANES output channels are in the lanes.
//
//   y[m][p] = b[m] + sum_t w[t][m] x[tap_t + pixel_p]        m = LANES channels at once, x[...] one number for all
//
// It is the sum of conv.c with the roles of its two factors exchanged: weights are the vectors, pixels the numbers.
// Where the channels of a vector belong to several groups, each reads other channels than its neighbours: x is a vector
// as well then, of what each lane reads. In a depthwise convolution that is the layout of x anyway.
#include "op/layers/conv_single.h"

// Channels of a group that come in and go out.
static int64_t depth_of(const single_conv *l) {
    return l->single.in.c / l->layer.groups;
}
static int64_t maps_of(const single_conv *l) {
    return l->layer.out / l->layer.groups;
}

static int64_t taps_of(const single_conv *l) {
    return depth_of(l) * l->layer.kernel[0] * l->layer.kernel[1];
}

// Whether x is read as vectors.
static bool is_by_lane(const single_conv *l) {
    return l->layer.groups > 1 && maps_of(l) % LANES;
}

// How many channels lie beside each other for every pixel of x; of what a tile reads.
static int64_t unit_of(const single_conv *l) {
    return l->single.plain ? 1 : LANES;
}
static int64_t width_of(const single_conv *l) {
    return is_by_lane(l) ? LANES : unit_of(l);
}

// The channels of what a tile reads, for a block of output channels.
static cv_span channels_of(const single_conv *l, int64_t block) {
    const int64_t first = is_by_lane(l) ? 0 : block * LANES / maps_of(l) * depth_of(l);
    return (cv_span){first, first + depth_of(l)};
}

// Two blocks of output channels at a time, where they read the same: every number of x that is loaded is used twice.
static int64_t blocks_at(const single_conv *l, int64_t block) {
    const bool last = block + 1 == lane_blocks(l->layer.out);
    return !last && !is_by_lane(l) && channels_of(l, block).first == channels_of(l, block + 1).first ? 2 : 1;
}

static int single_conv_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const single_conv *l = config;
    const int64_t blocks = lane_blocks(l->layer.out);
    (void)in;
    out[0] = (cv_tensor){.name = "weight", .dims = 3, .dim = {blocks, taps_of(l), LANES}};
    out[1] = (cv_tensor){.name = "bias", .dims = 2, .dim = {blocks, LANES}};
    return 2;
}

// Does `body` for every tap t of the channels `read`: channel c, at row and column of the kernel. In the order in which
// the numbers lie in x.
#define FOR_EACH_TAP(l, read, body)                                                                                    \
    for (int64_t t = 0, unit = is_by_lane(l) ? 1 : unit_of(l), first = (read).first / unit * unit; first < (read).end; \
         first += unit)                                                                                                \
        for (int64_t row = 0; row < (l)->layer.kernel[0]; row++)                                                       \
            for (int64_t column = 0; column < (l)->layer.kernel[1]; column++)                                          \
                for (int64_t c = (read).first > first ? (read).first : first; c < first + unit && c < (read).end;      \
                     c++, t++)                                                                                         \
    body

// to[one or two blocks][tap][block][LANES]
static void single_conv_arrange(const void *config, const void *const *from, void *const *to) {
    const single_conv *l = config;
    const int64_t out = l->layer.out, taps = taps_of(l), depth = depth_of(l), *kernel = l->layer.kernel;
    const real *weight = from[0];
    for (int64_t b = 0, width; b < lane_blocks(out); b += width) {
        const cv_span read = channels_of(l, b);
        width = blocks_at(l, b);
        for (int64_t m = b * LANES; m < (b + width) * LANES && m < out; m++) {
            real *column_of = (real *)to[0] + (b * taps + m / LANES - b) * LANES + m % LANES;
            FOR_EACH_TAP(l, read,
                         column_of[t * width * LANES] =
                             weight[((m * depth + c - read.first) * kernel[0] + row) * kernel[1] + column]);
        }
    }
    if (from[1]) memcpy(to[1], from[1], (size_t)out * sizeof(real));
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

// Whether a tile reads x itself, or else a copy with its padding, or with the channels that each lane reads.
static bool is_own_channel(const single_conv *l) {
    return is_by_lane(l) && depth_of(l) == 1 && maps_of(l) == 1 && !l->single.plain;
}
static bool reads_x_itself(const single_conv *l) {
    return !is_padded(&l->layer) && (!is_by_lane(l) || is_own_channel(l));
}

// Maps in a copy: of all channels, or of those that one block reads.
static int64_t copied_maps(const single_conv *l) {
    return is_by_lane(l) ? depth_of(l) : (l->single.in.c + unit_of(l) - 1) / unit_of(l);
}

// Work memory of a part, as much as the last one needs, which is never smaller than the others: where the taps lie, and
// the copy.
static int64_t room_of(cv_pass p) {
    const single_conv *l = p.config;
    if (p.share.parts) p.share.part = p.share.parts - 1;
    const piece s = piece_of(&p);
    const size_t map = reads_x_itself(l) ? 0 : in_lanes(copied_maps(l) * s.h * s.w * width_of(l), sizeof(real));
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

// Pixels of a row of x, from (y, column) on: all channels of map `map` or, where lanes read other channels, what those
// of block `block` read.
static void copy_pixels(const single_conv *l, const real *x, int64_t block, int64_t map, int64_t y, int64_t column,
                        int64_t count, real *line) {
    const cv_shape in = l->single.in;
    const int64_t unit = unit_of(l), most = l->layer.out - 1;
    if (!is_by_lane(l) || is_own_channel(l)) {
        const real *from = x + (((is_by_lane(l) ? block : map) * in.h + y) * in.w + column) * unit;
        if (unit == LANES)
            copy_row((lanes *)line, (const lanes *)from, count);
        else
            for (int64_t i = 0; i < count; i++) line[i] = from[i];
        return;
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        const int64_t m = block * LANES + lane, c = (m < most ? m : most) / maps_of(l) * depth_of(l) + map;
        const real *from = x + ((c / unit * in.h + y) * in.w + column) * unit + c % unit;
        for (int64_t i = 0; i < count; i++) line[i * LANES + lane] = from[i * unit];
    }
}

// Row `row` of the padded input from column `first` on.
static void copy_padded_row(const single_conv *l, const real *x, int64_t block, int64_t map, int64_t row, int64_t first,
                            int64_t width, real *line) {
    const int64_t unit = width_of(l), *padding = l->layer.padding, w = l->single.in.w, y = row - padding[0];
    const int64_t begin = first > padding[1] ? first : padding[1],
                  end = first + width < w + padding[1] ? first + width : w + padding[1];
    const int64_t count = y >= 0 && y < l->single.in.h && end > begin ? end - begin : 0,
                  before = count ? begin - first : width;
    for (int64_t i = 0; i < before * unit; i++) line[i] = 0;
    if (count) copy_pixels(l, x, block, map, y, begin - padding[1], count, line + before * unit);
    for (int64_t i = (before + count) * unit; i < width * unit; i++) line[i] = 0;
}

// The numbers that a piece of a block is computed from: the input, or a copy.
typedef struct single_source {
    const real *x;
    int64_t h, w;
} single_source;

static single_source single_source_of(const single_conv *l, const piece *s, int64_t block, const real *x, real *copy) {
    const cv_shape in = l->single.in;
    const int64_t unit = width_of(l), top = s->rows.first * l->layer.stride[0],
                  left = s->columns.first * l->layer.stride[1];
    if (reads_x_itself(l))
        return (single_source){x + (((is_by_lane(l) ? block : 0) * in.h + top) * in.w + left) * unit, in.h, in.w};
    for (int64_t m = 0; m < copied_maps(l); m++)
        for (int64_t row = 0; row < s->h; row++)
            copy_padded_row(l, x, block, m, top + row, left, s->w, copy + (m * s->h + row) * s->w * unit);
    return (single_source){copy, s->h, s->w};
}

typedef struct tiling {
    int64_t rows, width;      // of the output that are computed
    int64_t pitch, plane;     // lanes from one of its rows, one of its blocks to the next
    int64_t taps, line, step; // numbers of the input from one output row, one output pixel to the next
    const int64_t *tap;
} tiling;

// What weights are multiplied with: a number, or where x is read `by_lane`, a vector.
ALWAYS_INLINE lanes factor(const bool by_lane, const real *x) {
    return by_lane ? *(const lanes *)x : lanes_of(*x);
}

// All rows of one or two blocks of output channels, `columns` pixels at a time. The last tile of a row begins earlier
// where a row is no multiple: a few pixels are computed twice.
ALWAYS_INLINE void single_correlate(const int blocks, const int columns, const int64_t step, const bool by_lane,
                                    lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
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
                    for (int j = 0; j < blocks; j++) sum[j][i] += factor(by_lane, v + i * step) * w[t * blocks + j];
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
static const int widths[] = {12, 10, 8, 6, 4, 2, 1};

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

#define CALL(blocks, columns, step, by_lane) single_correlate(blocks, columns, step, by_lane, y, bias, w, x, g)
#define STEPS(blocks, columns)                                                                                         \
    if (g->step == LANES)                                                                                              \
        CALL(blocks, columns, LANES, false);                                                                           \
    else if (g->step == 1)                                                                                             \
        CALL(blocks, columns, 1, false);                                                                               \
    else                                                                                                               \
        CALL(blocks, columns, g->step, false);                                                                         \
    break
#define STEPS_BY_LANE(columns)                                                                                         \
    if (g->step == LANES)                                                                                              \
        CALL(1, columns, LANES, true);                                                                                 \
    else                                                                                                               \
        CALL(1, columns, g->step, true);                                                                               \
    break

typedef void single_pass(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g);

static void one_block(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    switch (best_width(g->width, 1)) {
    case 12: STEPS(1, 12);
    case 10: STEPS(1, 10);
    case 8: STEPS(1, 8);
    case 6: STEPS(1, 6);
    case 4: STEPS(1, 4);
    case 2: STEPS(1, 2);
    default: STEPS(1, 1);
    }
}

static void one_block_by_lane(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    switch (best_width(g->width, 1)) {
    case 12: STEPS_BY_LANE(12);
    case 10: STEPS_BY_LANE(10);
    case 8: STEPS_BY_LANE(8);
    case 6: STEPS_BY_LANE(6);
    case 4: STEPS_BY_LANE(4);
    case 2: STEPS_BY_LANE(2);
    default: STEPS_BY_LANE(1);
    }
}

static void two_blocks(lanes *y, const lanes *bias, const lanes *w, const real *x, const tiling *g) {
    switch (best_width(g->width, 2)) {
#if TILE_ROWS * TILE_COLUMNS >= 24
    case 12: STEPS(2, 12);
    case 10: STEPS(2, 10);
    case 8: STEPS(2, 8);
#endif
    case 6: STEPS(2, 6);
    case 4: STEPS(2, 4);
    case 2: STEPS(2, 2);
    default: STEPS(2, 1);
    }
}

// Where a piece's pixels lie one behind the other, in the output as in the input, its rows are one.
static void join_rows(tiling *g) {
    if (g->pitch != g->width || g->line != g->width * g->step) return;
    g->width *= g->rows;
    g->rows = 1;
}

// What the tiles of a piece have in common, but for the taps.
static tiling tiling_of(const cv_pass *p, const piece *s, single_source from, int64_t *tap) {
    const single_conv *l = p->config;
    tiling g = {.rows = s->rows.end - s->rows.first,
                .width = s->columns.end - s->columns.first,
                .pitch = p->out.w,
                .plane = cv_shape_pixels(p->out),
                .taps = taps_of(l),
                .line = l->layer.stride[0] * from.w * width_of(l),
                .step = l->layer.stride[1] * width_of(l),
                .tap = tap};
    join_rows(&g);
    return g;
}

static void single_conv_forward(const cv_pass *p) {
    const single_conv *l = p->config;
    const piece s = piece_of(p);
    if (s.rows.first == s.rows.end || s.columns.first == s.columns.end) return;
    const int64_t taps = taps_of(l), plane = cv_shape_pixels(p->out), *dilation = l->layer.dilation;
    const lanes *w = p->tensor[0], *bias = p->tensor[1];
    lanes *room = (lanes *)p->scratch[0] + p->share.part * room_of(*p),
          *y = (lanes *)p->y + s.rows.first * p->out.w + s.columns.first;
    int64_t *tap = (int64_t *)room, group = -1;
    single_source from = {0};
    for (int64_t b = 0, width; b < p->out.c; b += width) {
        const cv_span read = channels_of(l, b);
        if (b == 0 || is_by_lane(l))
            from = single_source_of(l, &s, b, p->x[0], (real *)(room + in_lanes(taps, sizeof(int64_t))));
        if (read.first != group)
            FOR_EACH_TAP(l, read,
                         tap[t] = ((first / unit * from.h + row * dilation[0]) * from.w + column * dilation[1]) *
                                      width_of(l) +
                                  c - first);
        group = read.first;
        width = blocks_at(l, b);
        const tiling g = tiling_of(p, &s, from, tap);
        single_pass *const pass = width == 2 ? two_blocks : is_by_lane(l) ? one_block_by_lane : one_block;
        pass(y + b * plane, bias + b, w + b * taps, from.x, &g);
    }
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
    .infer = single_infer,
    .tensors = single_conv_tensors,
    .arrange = single_conv_arrange,
    .cost = single_conv_cost,
    .scratch = single_conv_scratch,
    .forward = single_conv_forward,
};
