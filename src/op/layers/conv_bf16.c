// Convolution in bf16: the three sums of conv.c as products of tiles. Inputs of the products are rounded to bf16, sums
// are fp32.
//
//                a                                              b
//   y[m][p]      weights: 16 output channels, 16 pairs of taps  x as cells [pixel][pair of channels], 16 samples each
//   dx[c][p]     the same, kernel flipped and roles exchanged    dy likewise, in its larger grid
//   dw[m][t]     dy: 16 output channels, 2 pixels of 16         x transposed: cells [pixel][pair of samples], 16
//   channels
//                samples                                        each
//
// With the channels of a pixel side by side, the taps of one kernel row are one run of cells, whatever the number of
// channels. The last tile of a run reads past its end; the weights there are zero. Where channels are FEW, tiles would
// be mostly empty: there a kernel row (for y and dx) or column (for dw) counts as a channel of its own.
#include "op/layers/conv_bf16.h"

#include "op/layers/tile_bf16.h"

enum { FEW = TILE / 2 };

// What one product of tiles costs, in multiply-adds of a vector of floats. It takes the time of 32 where loads keep up.
enum { TILE_COST = 64 };

// --- y and dx -----------------------------------------------------------------------------------------------------

// A bf16_correlation of one group: `rows` results at every pixel from `depth` channels on a grid of h x w.
typedef struct bf16_correlation {
    int64_t h, w, depth, rows;
    int64_t lines, channels, pairs; // kernel rows that are channels; those with them; cells of a pixel
    int64_t runs, points;           // of cells side by side; kernel points in one
    int64_t run_steps, steps;       // tiles of a run; of all
    int64_t heights;                // tiles one below the other
} bf16_correlation;

static bf16_correlation correlation_of(const conv *c, int64_t h, int64_t w, int64_t depth, int64_t rows) {
    bf16_correlation g = {.h = h, .w = w, .depth = depth, .rows = rows, .lines = depth < FEW ? c->kernel[0] : 1};
    g.channels = depth * g.lines;
    g.pairs = divide_up(g.channels, 2);
    g.points = c->dilation[1] == 1 ? c->kernel[1] : 1;
    g.runs = c->kernel[0] / g.lines * (c->kernel[1] / g.points);
    g.run_steps = divide_up(g.points * g.pairs, TILE);
    g.steps = g.runs * g.run_steps;
    g.heights = divide_up(rows, TILE);
    return g;
}

static bf16_correlation bf16_forward_of(const conv *c, cv_shape in) {
    return correlation_of(c, padded_size(c->padding, 0, in.h), padded_size(c->padding, 1, in.w), in.c / c->groups,
                          c->out / c->groups);
}

static bf16_correlation bf16_backward_of(const conv *c, cv_shape in) {
    return correlation_of(c, in.h + reach_of(c, 0), in.w + reach_of(c, 1), c->out / c->groups, in.c / c->groups);
}

static bool correlation_pays(const bf16_correlation *g) {
    return g->rows * g->channels * g->runs * g->points >= TILE_COST * g->heights * g->steps;
}

// Work memory: where tiles of a sum begin, the weights as tiles, the map and a tile's length of zeros behind it.
typedef struct room {
    int32_t *offset;
    uint32_t *weight; // [heights][steps][TILE][TILE] pairs
    lanes *map;       // [h][w][pairs]
    size_t lanes;
} room;

static int64_t map_cells(const bf16_correlation *g) {
    return g->h * g->w * g->pairs;
}

static room room_for(void *scratch, const bf16_correlation *g) {
    lanes *at = scratch;
    room k;
    k.offset = (int32_t *)at, at += in_lanes(g->steps, sizeof(int32_t));
    k.weight = (uint32_t *)at, at += g->heights * g->steps * TILE;
    k.map = at, at += map_cells(g) + TILE;
    k.lanes = (size_t)(at - (lanes *)scratch);
    return k;
}

static void bf16_fill_offsets(int32_t *offset, const bf16_correlation *g, const conv *c) {
    const int64_t columns = c->kernel[1] / g->points; // runs in one row of the kernel
    for (int64_t r = 0; r < g->runs; r++)
        for (int64_t k = 0; k < g->run_steps; k++) {
            const int64_t y = r / columns * c->dilation[0], x = r % columns * c->dilation[1];
            *offset++ = (int32_t)((y * g->w + x) * g->pairs + k * TILE);
        }
}

// Maps, and how they lie in the grid.
typedef struct bf16_source {
    const lanes *from;
    cv_shape shape;
    spacing at;
} bf16_source;

// The line of a map that comes to lie in a row of the grid, or NULL.
static const lanes *line_at(const bf16_source *p, int64_t channel, int64_t row) {
    const int64_t at = row - p->at.shift[0], y = at / p->at.step[0];
    const bool inside = at >= 0 && at % p->at.step[0] == 0 && y < p->shape.h;
    return inside ? p->from + (channel * p->shape.h + y) * p->shape.w : NULL;
}

static void fill_map(lanes *map, const bf16_correlation *g, const conv *c, const bf16_source *p) {
    const cv_shape s = p->shape;
    const bool whole = g->lines == 1 && s.h == g->h && s.w == g->w && p->at.shift[0] == 0 && p->at.shift[1] == 0;
    const int64_t first = whole ? map_cells(g) : 0;
    memset(map + first, 0, (size_t)(map_cells(g) + TILE - first) * sizeof *map);
    for (int64_t row = 0; row < g->h; row++)
        for (int64_t pair = 0; pair < g->pairs; pair++) {
            const lanes *line[2] = {NULL, NULL};
            for (int64_t i = 0, d = 2 * pair; i < 2 && d < g->channels; i++, d++)
                line[i] = line_at(p, d / g->lines, row + d % g->lines * c->dilation[0]);
            if (!line[0] && !line[1]) continue;
            lanes *to = map + row * g->w * g->pairs + pair;
            for (int64_t x = 0, column = p->at.shift[1]; x < s.w && column < g->w; x++, column += p->at.step[1])
                if (column >= 0)
                    to[column * g->pairs] =
                        pair_lanes(line[0] ? line[0][x] : (lanes){0}, line[1] ? line[1][x] : (lanes){0});
        }
}

// Weight (row, channel, kernel point) is at w[row * row_stride + channel * channel_stride + point].
typedef struct weights {
    const real *w;
    int64_t row_stride, channel_stride;
    bool flipped; // the kernel is read from its last point to its first
} weights;

static void fill_weights(uint32_t *to, const bf16_correlation *g, const weights *from) {
    const int64_t points = g->runs * g->points, kernel = g->lines * points, next = from->flipped ? -1 : 1;
    memset(to, 0, (size_t)(g->heights * g->steps * TILE) * sizeof(lanes));
    for (int64_t row = 0; row < g->rows; row++)
        for (int64_t pair = 0; pair < g->pairs; pair++) {
            const real *w[2];
            for (int64_t i = 0, d = 2 * pair; i < 2; i++, d++)
                w[i] = from->w + row * from->row_stride + d / g->lines * from->channel_stride +
                       (from->flipped ? kernel - 1 : 0) + next * (d % g->lines * points);
            const bool both = 2 * pair + 1 < g->channels;
            for (int64_t point = 0; point < points; point++) {
                const int64_t cell = point % g->points * g->pairs + pair; // of the run
                const int64_t tile = row / TILE * g->steps + point / g->points * g->run_steps + cell / TILE;
                to[(tile * TILE + row % TILE) * TILE + cell % TILE] =
                    pair_of(w[0][next * point], both ? w[1][next * point] : 0);
            }
        }
}

// A tile of sums, 16 channels of one pixel, into maps of `pixels` pixels.
static void store_pixel(lanes *y, int64_t pixels, const lanes sum[TILE], const real *bias, int64_t rows) {
    for (int64_t i = 0; i < rows && i < TILE; i++) y[i * pixels] = sum[i] + (bias ? bias[i] : 0);
}

// y[rows][pixels of out] of one group.
static void bf16_correlate(lanes *y, cv_shape out, const int64_t stride[2], const real *bias, const bf16_correlation *g,
                           const room *k) {
    const int64_t pixels = cv_shape_pixels(out);
    product p = {.row = 1, .step = TILE, .offset = k->offset, .steps = g->steps};
    for (int64_t m = 0, high; m < g->heights; m += high) {
        high = g->heights - m > 1 ? 2 : 1;
        const int64_t wide = TILE_SUMS / high;
        for (int64_t i = 0; i < high; i++) p.a[i] = (const lanes *)k->weight + (m + i) * g->steps * TILE;
        for (int64_t at = 0; at < pixels; at += wide) {
            lanes sum[TILE_SUMS][TILE];
            for (int64_t j = 0; j < wide; j++) { // past the last pixel it repeats, to no effect
                const int64_t pixel = at + j < pixels ? at + j : pixels - 1;
                p.b[j] = k->map + (pixel / out.w * stride[0] * g->w + pixel % out.w * stride[1]) * g->pairs;
            }
            multiply_tiles(&p, (int)high, sum);
            for (int64_t i = 0; i < high; i++)
                for (int64_t j = 0; j < wide && at + j < pixels; j++) {
                    const int64_t row = (m + i) * TILE;
                    store_pixel(y + row * pixels + at + j, pixels, sum[i * wide + j], bias ? bias + row : NULL,
                                g->rows - row);
                }
        }
    }
}

bool cv_bf16_forward(const cv_pass *p) {
    const conv *c = p->config;
    const bf16_correlation g = bf16_forward_of(c, p->in);
    if (!correlation_pays(&g)) return false;
    const room k = room_for(p->scratch[0], &g);
    const real *weight = p->tensor[0], *bias = c->bias ? p->tensor[1] : NULL;
    const int64_t kernel = c->kernel[0] * c->kernel[1], in = cv_shape_pixels(p->in), out = cv_shape_pixels(p->out);
    bf16_fill_offsets(k.offset, &g, c);
    tiles_begin();
    for (int64_t group = 0; group < c->groups; group++) {
        const int64_t row = group * g.rows;
        const lanes *x = (const lanes *)p->x[0] + group * g.depth * in;
        fill_weights(k.weight, &g, &(weights){weight + row * g.depth * kernel, g.depth * kernel, kernel, false});
        fill_map(k.map, &g, c, &(bf16_source){x, p->in, {{1, 1}, {c->padding[0], c->padding[1]}}});
        bf16_correlate((lanes *)p->y + row * out, p->out, c->stride, bias ? bias + row : NULL, &g, &k);
    }
    tiles_end();
    return true;
}

bool cv_bf16_input_gradient(const cv_pass *p) {
    const conv *c = p->config;
    const bf16_correlation g = bf16_backward_of(c, p->in);
    if (!correlation_pays(&g)) return false;
    const room k = room_for(p->scratch[1], &g);
    const real *weight = p->tensor[0];
    const spacing at = {{c->stride[0], c->stride[1]}, {reach_of(c, 0) - c->padding[0], reach_of(c, 1) - c->padding[1]}};
    const int64_t kernel = c->kernel[0] * c->kernel[1], in = cv_shape_pixels(p->in), out = cv_shape_pixels(p->out);
    bf16_fill_offsets(k.offset, &g, c);
    tiles_begin();
    for (int64_t group = 0; group < c->groups; group++) {
        const int64_t channel = group * g.depth; // of dy
        const lanes *dy = (const lanes *)p->dy + channel * out;
        fill_weights(k.weight, &g, &(weights){weight + channel * g.rows * kernel, kernel, g.rows * kernel, true});
        fill_map(k.map, &g, c, &(bf16_source){dy, p->out, at});
        bf16_correlate((lanes *)p->dx[0] + group * g.rows * in, p->in, (int64_t[]){1, 1}, NULL, &g, &k);
    }
    tiles_end();
    return true;
}

// --- dw -----------------------------------------------------------------------------------------------------------

// The products for dw of one group: at every kernel point, tiles of 16 output by 16 input channels.
typedef struct outer {
    int64_t h, w, depth, rows;
    int64_t kernel[2];
    int64_t out_h, out_w; // the grid of dy, of stride 1, its width even
    int64_t steps, heights, widths;
} outer;

static outer outer_of(const conv *c, cv_shape in) {
    outer g = {.h = padded_size(c->padding, 0, in.h), .w = padded_size(c->padding, 1, in.w)};
    g.depth = in.c / c->groups;
    g.rows = c->out / c->groups;
    g.kernel[0] = c->kernel[0];
    g.kernel[1] = c->kernel[1];
    g.out_h = g.h - reach_of(c, 0);
    g.out_w = divide_up(g.w - reach_of(c, 1), 2) * 2;
    g.steps = g.out_h * g.out_w / 2;
    g.heights = divide_up(g.rows, TILE);
    g.widths = divide_up(g.depth, TILE);
    return g;
}

static int64_t points_of(const outer *g) {
    return g->kernel[0] * g->kernel[1];
}

// Besides the products, x is transposed: about 200 operations on vectors for a pixel of 16 channels.
static bool outer_pays(const outer *g, cv_shape out) {
    enum { TRANSPOSE_COST = 200 };
    const int64_t products = TILE_COST * g->heights * points_of(g) * g->steps,
                  transposing = TRANSPOSE_COST * g->h * g->w;
    return g->rows * g->depth * points_of(g) * cv_shape_pixels(out) >= g->widths * (products + transposing);
}

enum { SAMPLE_PAIRS = TILE / 2 }; // cells of a pixel: pairs of samples

typedef struct outer_room {
    int32_t *offset; // [steps]
    halves *dy;      // [heights][TILE][out_h][out_w]
    lanes *x;        // [widths][h * w + 1][SAMPLE_PAIRS]
    size_t lanes;
} outer_room;

static int64_t transposed_cells(const outer *g) {
    return (g->h * g->w + 1) * SAMPLE_PAIRS;
}

static outer_room outer_room_for(void *scratch, const outer *g) {
    lanes *at = scratch;
    outer_room k;
    k.offset = (int32_t *)at, at += in_lanes(g->steps, sizeof(int32_t));
    k.dy = (halves *)at, at += g->heights * TILE * g->steps;
    k.x = at, at += g->widths * transposed_cells(g);
    k.lanes = (size_t)(at - (lanes *)scratch);
    return k;
}

static void fill_gradients(halves *to, const outer *g, const lanes *dy, cv_shape out, const int64_t stride[2]) {
    const bool whole = out.h == g->out_h && out.w == g->out_w;
    if (!whole) memset(to, 0, (size_t)(g->rows * g->out_h * g->out_w) * sizeof *to);
    for (int64_t m = 0; m < g->rows; m++)
        for (int64_t y = 0; y < out.h; y++)
            for (int64_t x = 0; x < out.w; x++)
                to[(m * g->out_h + y * stride[0]) * g->out_w + x * stride[1]] = half_lanes(*dy++);
}

// The cells of all pixels for up to 16 channels, [channels]: samples lie below each other, two in a cell.
static void transpose_channels(lanes *to, const outer *g, const int64_t padding[2], const lanes *from, cv_shape s,
                               int64_t channels) {
    for (int64_t y = 0; y < g->h; y++)
        for (int64_t x = 0; x < g->w; x++) {
            const int64_t row = y - padding[0], column = x - padding[1];
            const bool inside = row >= 0 && row < s.h && column >= 0 && column < s.w;
            lanes square[TILE];
            for (int64_t j = 0; j < TILE; j++)
                square[j] = inside && j < channels ? from[(j * s.h + row) * s.w + column] : (lanes){0};
            transpose_lanes(square);
            for (int i = 0; i < SAMPLE_PAIRS; i++) *to++ = pair_lanes(square[2 * i], square[2 * i + 1]);
        }
    memset(to, 0, SAMPLE_PAIRS * sizeof *to); // the last pixel of an odd row has a neighbour, times zero
}

static void fill_outer_offsets(int32_t *offset, const outer *g) {
    for (int64_t y = 0; y < g->out_h; y++)
        for (int64_t x = 0; x < g->out_w; x += 2) *offset++ = (int32_t)((y * g->w + x) * SAMPLE_PAIRS);
}

// A tile of sums into the gradients of one kernel point.
static void add_gradients(real *dw, bool set, const lanes sum[TILE], int64_t rows, int64_t columns, const outer *g) {
    for (int64_t i = 0; i < rows && i < TILE; i++)
        for (int64_t j = 0; j < columns && j < TILE; j++) {
            real *to = dw + (i * g->depth + j) * points_of(g);
            *to = (set ? 0 : *to) + sum[i][j];
        }
}

// dw[rows][depth][points] of one group. The kernel points of 16 input channels are numbered, then those of the next.
static void multiply_outer(real *dw, bool set, const outer *g, const int64_t dilation[2], const outer_room *k) {
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
                const int64_t y = point / g->kernel[1] * dilation[0], x = point % g->kernel[1] * dilation[1];
                p.b[j] = k->x + at / points * transposed_cells(g) + (y * g->w + x) * SAMPLE_PAIRS;
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

bool cv_bf16_weight_gradient(const cv_pass *p) {
    const conv *c = p->config;
    const outer g = outer_of(c, p->in);
    if (!outer_pays(&g, p->out)) return false;
    const outer_room k = outer_room_for(p->scratch[1], &g);
    const int64_t in = cv_shape_pixels(p->in), out = cv_shape_pixels(p->out);
    fill_outer_offsets(k.offset, &g);
    tiles_begin();
    for (int64_t group = 0; group < c->groups; group++) {
        const lanes *x = (const lanes *)p->x[0] + group * g.depth * in;
        fill_gradients(k.dy, &g, (const lanes *)p->dy + group * g.rows * out, p->out, c->stride);
        for (int64_t i = 0; i < g.widths; i++)
            transpose_channels(k.x + i * transposed_cells(&g), &g, c->padding, x + i * TILE * in, p->in,
                               g.depth - i * TILE);
        multiply_outer((real *)p->grad[0] + group * g.rows * g.depth * points_of(&g), p->set, &g, c->dilation, &k);
    }
    tiles_end();
    return true;
}

// --- work memory --------------------------------------------------------------------------------------------------

size_t cv_bf16_scratch(const conv *c, cv_shape in, cv_shape out) {
    static const lanes base[1];
    const bf16_correlation side[2] = {bf16_forward_of(c, in), bf16_backward_of(c, in)};
    const outer o = outer_of(c, in);
    size_t most = outer_pays(&o, out) ? outer_room_for((void *)(uintptr_t)base, &o).lanes : 0;
    for (int i = 0; i < 2; i++) {
        const size_t size = correlation_pays(&side[i]) ? room_for((void *)(uintptr_t)base, &side[i]).lanes : 0;
        if (size > most) most = size;
    }
    return most;
}
