// Convolution in bf16: the three sums of conv.c as products of tiles. Inputs of the products are rounded to bf16, sums
// are fp32.
//
//            a                                              b
//   y[m][p]  weights: 16 output channels, 16 pairs of taps  x as cells [pixel][pair of channels] of 16 samples
//   dx[c][p] the same, kernel flipped and roles exchanged   dy likewise
//   dw[m][t] dy: 16 output channels, 2 pixels of 16 samples x transposed: cells [pixel][pair of samples] of 16 channels
//
// With the channels of a pixel side by side, the taps of one kernel row are one run of cells, whatever the number of
// channels. The last tile of a run reads past its end; the weights there are zero. Where channels are FEW, tiles would
// be mostly empty: there a kernel row counts as a channel of its own. A stride parts dx into planes (conv_input.h).
//
// Maps are read through the norm in front of the convolution, if there is one, as in conv.c.
#include "op/layers/conv_bf16.h"

#include "op/layers/conv_bf16_weight.h"
#include "op/layers/conv_pairs.h"

enum { FEW = TILE / 2 };

// --- y and dx -----------------------------------------------------------------------------------------------------

// A correlation of one group: `rows` results at every pixel from `depth` channels on a grid of h x w.
typedef struct bf16_correlation {
    int64_t h, w, depth, rows;
    int64_t kernel[2], apart[2];    // points of the kernel; rows and columns of the grid from one to the next
    int64_t lines, channels, pairs; // kernel rows that are channels; those with them; cells of a pixel
    int64_t runs, points;           // of cells side by side; kernel points in one
    int64_t run_steps, steps;       // tiles of a run; of all
    int64_t heights;                // tiles one below the other
} bf16_correlation;

static bf16_correlation correlation_of(bf16_correlation g, bool in_lines) {
    g.lines = in_lines && g.depth < FEW ? g.kernel[0] : 1;
    g.channels = g.depth * g.lines;
    g.pairs = divide_up(g.channels, 2);
    g.points = g.apart[1] == 1 ? g.kernel[1] : 1;
    g.runs = g.points ? g.kernel[0] / g.lines * (g.kernel[1] / g.points) : 0;
    g.run_steps = divide_up(g.points * g.pairs, TILE);
    g.steps = g.runs * g.run_steps;
    g.heights = divide_up(g.rows, TILE);
    return g;
}

static bf16_correlation bf16_forward_of(const conv *c, cv_shape in) {
    return correlation_of((bf16_correlation){.h = padded_size(c->padding, 0, in.h),
                                             .w = padded_size(c->padding, 1, in.w),
                                             .depth = in.c / c->groups,
                                             .rows = c->out / c->groups,
                                             .kernel = {c->kernel[0], c->kernel[1]},
                                             .apart = {c->dilation[0], c->dilation[1]}},
                          true);
}

// Of one plane of dx. All planes read one grid: only where there is a single one may it be in lines.
static bf16_correlation bf16_backward_of(const conv *c, cv_shape in, const axis plane[2]) {
    return correlation_of((bf16_correlation){.h = gradient_size(c, 0, in.h),
                                             .w = gradient_size(c, 1, in.w),
                                             .depth = c->out / c->groups,
                                             .rows = in.c / c->groups,
                                             .kernel = {plane[0].count, plane[1].count},
                                             .apart = {plane[0].drop, plane[1].drop}},
                          c->stride[0] == 1 && c->stride[1] == 1);
}

static int64_t weights_of_group(const conv *c, cv_shape in) {
    return c->out / c->groups * (in.c / c->groups) * c->kernel[0] * c->kernel[1];
}

static int64_t planes_of(const conv *c, cv_shape in) {
    return rests_of(c, in, 0) * rests_of(c, in, 1);
}

static void plane_axes(axis plane[2], const conv *c, cv_shape in, cv_shape out, int64_t number) {
    plane[0] = axis_of(c, out, 0, number / rests_of(c, in, 1));
    plane[1] = axis_of(c, out, 1, number % rests_of(c, in, 1));
}

// What a correlation multiplies for one pixel, beyond what its tiles cost.
static int64_t gain_of(const bf16_correlation *g) {
    return g->rows * g->channels * g->runs * g->points - TILE_COST * g->heights * g->steps;
}

// Whether dx pays in tiles, over all planes. largest: the one with most tiles.
static bool bf16_backward_pays(const conv *c, cv_shape in, cv_shape out, bf16_correlation *largest) {
    int64_t gain = 0;
    *largest = (bf16_correlation){.h = 0};
    for (int64_t i = 0; i < planes_of(c, in); i++) {
        axis plane[2];
        plane_axes(plane, c, in, out, i);
        const bf16_correlation g = bf16_backward_of(c, in, plane);
        gain += gain_of(&g);
        if (g.steps > largest->steps) *largest = g;
    }
    return gain >= 0;
}

// Work memory: where tiles of a sum begin, the weights as tiles, the map and a tile's length of zeros behind it.
typedef struct room {
    int32_t *offset;
    uint16_t *rounded; // the weights of the group
    uint32_t *weight;  // [heights][steps][TILE][TILE] pairs
    lanes *map;        // [h][w][pairs]
    size_t lanes;
} room;

static int64_t map_cells(const bf16_correlation *g) {
    return g->h * g->w * g->pairs;
}

static room room_for(void *scratch, const bf16_correlation *g, int64_t weights) {
    lanes *at = scratch;
    room k;
    k.offset = (int32_t *)at, at += in_lanes(g->steps, sizeof(int32_t));
    k.rounded = (uint16_t *)at, at += in_lanes(weights, sizeof(uint16_t));
    k.weight = (uint32_t *)at, at += g->heights * g->steps * TILE;
    k.map = at, at += map_cells(g) + TILE;
    k.lanes = (size_t)(at - (lanes *)scratch);
    return k;
}

static void bf16_fill_offsets(int32_t *offset, const bf16_correlation *g) {
    for (int64_t r = 0; r < g->runs; r++)
        for (int64_t k = 0; k < g->run_steps; k++) {
            const int64_t columns = g->kernel[1] / g->points; // runs in one row of the kernel
            const int64_t y = r / columns * g->apart[0], x = r % columns * g->apart[1];
            *offset++ = (int32_t)((y * g->w + x) * g->pairs + k * TILE);
        }
}

// Maps of a shape, and which row and column of the grid the first pixel has.
typedef struct bf16_source {
    opening o;
    cv_shape shape;
    int64_t shift[2];
} bf16_source;

// The line of a map that comes to lie in a row of the grid, or NULL.
static const lanes *line_at(const bf16_source *p, int64_t channel, int64_t row) {
    const int64_t y = row - p->shift[0];
    return y >= 0 && y < p->shape.h ? p->o.maps + (channel * p->shape.h + y) * p->shape.w : NULL;
}

// One row of the cells of two channels.
static void fill_line(lanes *to, const bf16_correlation *g, const bf16_source *p, int64_t row, int64_t pair) {
    const int64_t skipped = p->shift[1] < 0 ? -p->shift[1] : 0, first = p->shift[1] + skipped;
    const int64_t there = p->shape.w - skipped, most = g->w - first;
    const lanes *line[2] = {NULL, NULL};
    norm n[2];
    for (int64_t i = 0, d = 2 * pair; i < 2 && d < g->channels; i++, d++) {
        const lanes *from = line_at(p, d / g->lines, row + d % g->lines * g->apart[0]);
        if (from) line[i] = from + skipped;
        if (from && p->o.norm) n[i] = norm_of_channel(p->o.norm, NULL, p->o.channel + d / g->lines);
    }
    if (line[0] || line[1])
        pair_opened(to + first * g->pairs, g->pairs, p->o.norm ? n : NULL, line, there < most ? there : most);
}

static void fill_map(lanes *map, const bf16_correlation *g, const bf16_source *p) {
    const cv_shape s = p->shape;
    const bool whole = g->lines == 1 && s.h == g->h && s.w == g->w && p->shift[0] == 0 && p->shift[1] == 0;
    const int64_t first = whole ? map_cells(g) : 0;
    memset(map + first, 0, (size_t)(map_cells(g) + TILE - first) * sizeof *map);
    for (int64_t row = 0; row < g->h; row++)
        for (int64_t pair = 0; pair < g->pairs; pair++) fill_line(map + row * g->w * g->pairs + pair, g, p, row, pair);
}

// Weight (row, channel, kernel row, kernel column) is at w[row * row + channel * channel + ...].
typedef struct weight_places {
    const uint16_t *w;
    int64_t row, channel, kernel[2];
} weight_places;

// Pair `pair` of the channels of a row: a cell of every point, in the tile of the row that has its place in the run.
static void pair_points(uint32_t *to, const bf16_correlation *g, const weight_places *from, const uint16_t *row,
                        int64_t pair) {
    const uint16_t *w[2];
    for (int64_t i = 0, d = 2 * pair; i < 2; i++, d++)
        w[i] = row + d / g->lines * from->channel + d % g->lines * from->kernel[0];
    const bool both = 2 * pair + 1 < g->channels;
    const int64_t columns = g->kernel[1] / g->points; // runs in one row of the kernel
    for (int64_t run = 0; run < g->runs; run++, to += g->run_steps * TILE * TILE) {
        const int64_t first = run / columns * from->kernel[0] + run % columns * from->kernel[1];
        for (int64_t point = 0, cell = pair; point < g->points; point++, cell += g->pairs) {
            const int64_t at = first + point * from->kernel[1];
            to[cell / TILE * TILE * TILE + cell % TILE] = w[0][at] | (both ? (uint32_t)w[1][at] << 16 : 0);
        }
    }
}

static void fill_weights(uint32_t *to, const bf16_correlation *g, const weight_places *from) {
    memset(to, 0, (size_t)(g->heights * g->steps * TILE) * sizeof(lanes));
    for (int64_t row = 0; g->steps && row < g->rows; row++)
        for (int64_t pair = 0; pair < g->pairs; pair++)
            pair_points(to + (row / TILE * g->steps * TILE + row % TILE) * TILE, g, from, from->w + row * from->row,
                        pair);
}

// The pixels of some maps that one correlation makes: h x w of them, the first at `y`.
typedef struct bf16_target {
    lanes *y;
    int64_t h, w, pitch, across, map; // from one row, one pixel, one map to the next
    int64_t origin, stride[2];        // of what they are made of, on the grid: the first point, pixels
    const real *bias;
} bf16_target;

// A tile of sums: 16 channels of one pixel.
static void store_pixel(lanes *y, int64_t map, const lanes sum[TILE], const real *bias, int64_t rows) {
    for (int64_t i = 0; i < rows && i < TILE; i++) y[i * map] = sum[i] + (bias ? bias[i] : 0);
}

static void bf16_correlate(const bf16_target *t, const bf16_correlation *g, const room *k) {
    const int64_t pixels = t->h * t->w;
    product p = {.row = 1, .step = TILE, .offset = k->offset, .steps = g->steps};
    for (int64_t m = 0, high; m < g->heights; m += high) {
        high = g->heights - m > 1 ? 2 : 1;
        const int64_t wide = TILE_SUMS / high;
        int64_t row = 0, column = 0;
        for (int64_t i = 0; i < high; i++) p.a[i] = (const lanes *)k->weight + (m + i) * g->steps * TILE;
        for (int64_t at = 0; at < pixels; at += wide) {
            lanes sum[TILE_SUMS][TILE], *to[TILE_SUMS];
            for (int64_t j = 0; j < wide; j++) { // past the last pixel it repeats, to no effect
                p.b[j] = k->map + (t->origin + row * t->stride[0] * g->w + column * t->stride[1]) * g->pairs;
                to[j] = t->y + row * t->pitch + column * t->across;
                if (at + j + 1 < pixels && ++column == t->w) column = 0, row++;
            }
            multiply_tiles(&p, (int)high, sum);
            for (int64_t i = 0, first = m * TILE; i < high; i++, first += TILE)
                for (int64_t j = 0; j < wide && at + j < pixels; j++)
                    store_pixel(to[j] + first * t->map, t->map, sum[i * wide + j], t->bias ? t->bias + first : NULL,
                                g->rows - first);
        }
    }
}

// `depth` channels of a group.
static opening bf16_input(const cv_pass *p, int64_t depth, int64_t group) {
    return (opening){(const lanes *)p->x[0] + group * depth * cv_shape_pixels(p->in), p->share.x_norm, group * depth};
}

bool cv_bf16_forward(const cv_pass *p) {
    const conv *c = p->config;
    const bf16_correlation g = bf16_forward_of(c, p->in);
    if (gain_of(&g) < 0) return false;
    const real *weight = p->tensor[0], *bias = c->bias ? p->tensor[1] : NULL;
    const int64_t kernel = c->kernel[0] * c->kernel[1], out = cv_shape_pixels(p->out);
    const room k = room_for(p->scratch[0], &g, weights_of_group(c, p->in));
    bf16_fill_offsets(k.offset, &g);
    tiles_begin();
    for (int64_t group = 0; group < c->groups; group++) {
        const int64_t row = group * g.rows;
        const opening x = bf16_input(p, g.depth, group);
        round_numbers(k.rounded, weight + row * g.depth * kernel, weights_of_group(c, p->in));
        fill_weights(k.weight, &g, &(weight_places){k.rounded, g.depth * kernel, kernel, {c->kernel[1], 1}});
        fill_map(k.map, &g, &(bf16_source){x, p->in, {c->padding[0], c->padding[1]}});
        bf16_correlate(&(bf16_target){.y = (lanes *)p->y + row * out,
                                      .h = p->out.h,
                                      .w = p->out.w,
                                      .pitch = p->out.w,
                                      .across = 1,
                                      .map = out,
                                      .stride = {c->stride[0], c->stride[1]},
                                      .bias = bias ? bias + row : NULL},
                       &g, &k);
    }
    tiles_end();
    return true;
}

// One plane of the maps of a group.
static void correlate_plane(const cv_pass *p, int64_t number, lanes *dx, const room *k) {
    const conv *c = p->config;
    axis plane[2];
    plane_axes(plane, c, p->in, p->out, number);
    const bf16_correlation g = bf16_backward_of(c, p->in, plane);
    const int64_t points = c->kernel[0] * c->kernel[1];
    int64_t last[2] = {0}, first[2] = {0}; // point of the kernel, and where the grid is read for it
    for (int d = 0; g.steps && d < 2; d++) {
        last[d] = plane[d].first + (plane[d].count - 1) * plane[d].step;
        first[d] = plane[d].at - (plane[d].count - 1) * plane[d].drop + gradient_spacing(c).shift[d];
    }
    bf16_fill_offsets(k->offset, &g);
    fill_weights(k->weight, &g,
                 &(weight_places){k->rounded + last[0] * c->kernel[1] + last[1],
                                  points,
                                  g.rows * points,
                                  {-plane[0].step * c->kernel[1], -plane[1].step}});
    bf16_correlate(&(bf16_target){.y = dx + plane[0].rest * p->in.w + plane[1].rest,
                                  .h = below(&plane[0], p->in.h),
                                  .w = below(&plane[1], p->in.w),
                                  .pitch = c->stride[0] * p->in.w,
                                  .across = c->stride[1],
                                  .map = cv_shape_pixels(p->in),
                                  .origin = first[0] * g.w + first[1],
                                  .stride = {1, 1}},
                   &g, k);
}

bool cv_bf16_input_gradient(const cv_pass *p) {
    const conv *c = p->config;
    bf16_correlation largest;
    if (!bf16_backward_pays(c, p->in, p->out, &largest)) return false;
    const spacing at = gradient_spacing(c);
    const int64_t weights = weights_of_group(c, p->in);
    const room k = room_for(p->scratch[1], &largest, weights);
    tiles_begin();
    for (int64_t group = 0; group < c->groups; group++) {
        const lanes *dy = (const lanes *)p->dy + group * largest.depth * cv_shape_pixels(p->out);
        round_numbers(k.rounded, (const real *)p->tensor[0] + group * weights, weights);
        fill_map(k.map, &largest, &(bf16_source){{.maps = dy}, p->out, {at.shift[0], at.shift[1]}});
        for (int64_t i = 0; i < planes_of(c, p->in); i++)
            correlate_plane(p, i, (lanes *)p->dx[0] + group * largest.rows * cv_shape_pixels(p->in), &k);
    }
    tiles_end();
    return true;
}

// --- dw -----------------------------------------------------------------------------------------------------------

bool cv_bf16_weight_gradient(const cv_pass *p) {
    const conv *c = p->config;
    const outer g = outer_of(c, p->in, p->out);
    if (!outer_pays(&g, p->out)) return false;
    const outer_room k = outer_room_for(p->scratch[1], &g);
    const int64_t out = cv_shape_pixels(p->out);
    fill_outer_offsets(k.offset, &g);
    tiles_begin();
    for (int64_t group = 0; group < c->groups; group++) {
        const opening x = bf16_input(p, g.depth, group);
        fill_gradients(k.dy, &g, (const lanes *)p->dy + group * g.rows * out, p->out.w);
        for (int64_t i = 0; i < g.widths; i++)
            transpose_channels(k.x + i * transposed_cells(&g), &g, c->padding, &x, p->in, i * TILE);
        multiply_outer((real *)p->grad[0] + group * g.rows * g.depth * points_of(&g), p->set, &g, &k);
    }
    tiles_end();
    return true;
}

// --- work memory --------------------------------------------------------------------------------------------------

size_t cv_bf16_scratch(const conv *c, cv_shape in, cv_shape out) {
    static const lanes base[1];
    void *const none = (void *)(uintptr_t)base;
    const bf16_correlation forward = bf16_forward_of(c, in);
    const int64_t weights = weights_of_group(c, in);
    const outer o = outer_of(c, in, out);
    bf16_correlation backward;
    const size_t size[] = {gain_of(&forward) >= 0 ? room_for(none, &forward, weights).lanes : 0,
                           bf16_backward_pays(c, in, out, &backward) ? room_for(none, &backward, weights).lanes : 0,
                           outer_pays(&o, out) ? outer_room_for(none, &o).lanes : 0};
    size_t most = 0;
    for (int i = 0; i < 3; i++)
        if (size[i] > most) most = size[i];
    return most;
}
