// Convolution (as cross-correlation), 1-d and 2-d.    torch.nn.Conv1d, torch.nn.Conv2d
//
//   y[m][p]  = b[m] + sum_t w[m][t] x[tap_t + pixel_p]       t = (input channel, kernel row, kernel column)
//   dw[m][t] = sum_p dy[m][p] x[tap_t + pixel_p]             summed over the samples as well
//   dx[c][p] = sum_t' w'[c][t'] dy[tap'_t' + pixel'_p]       t' = (output channel, row, column), kernel flipped
//
// Padding is made once by copying the maps into a larger grid: it costs 1/(kernel * output channels) of the work and
// leaves three plain sums over offsets. conv_input.h has that of dx, conv_weight.h that of dw.
#include "op/layers/conv_bf16.h"
#include "op/layers/conv_input.h"
#include "op/layers/conv_weight.h"

static bool conv_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    conv *c = config;
    const int64_t size[2] = {in->h, in->w};
    int64_t result[2];
    if (!groups_divide(c, in->c, why, why_size)) return false;
    for (int d = 0; d < 2; d++) {
        const int64_t reach = reach_of(c, d) + 1;
        side_numbers(c->padding, d, size[d], reach, c->stride[d]);
        const int64_t padded = padded_size(c->padding, d, size[d]);
        if (reach > padded) {
            cv_print(why, why_size, "kernel %lld%s is larger than the padded input %lld", (long long)reach,
                     c->dilation[d] > 1 ? " (dilated)" : "", (long long)padded);
            return false;
        }
        result[d] = (padded - reach) / c->stride[d] + 1;
    }
    *out = (cv_shape){in->dims, c->out, result[0], result[1]};
    return true;
}

static int conv_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const conv *c = config;
    const int64_t depth = in.c / c->groups, fan_in = depth * c->kernel[0] * c->kernel[1];
    out[0] =
        (cv_tensor){.name = "weight", .dims = 4, .dim = {c->out, depth, c->kernel[0], c->kernel[1]}, .fan_in = fan_in};
    if (in.dims == 2) out[0].dims = 3, out[0].dim[2] = c->kernel[1];
    out[1] = (cv_tensor){.name = "bias", .dims = 1, .dim = {c->out}, .init = CV_INIT_UNIFORM, .fan_in = fan_in};
    return c->bias ? 2 : 1;
}

static int64_t conv_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const conv *c = config;
    const int64_t depth = in.c / c->groups;
    formula[0] = 0;
    if (in.dims == 3) cv_append(formula, size, "%lld*", (long long)c->kernel[0]);
    cv_append(formula, size, "%lld*%lld*%lld", (long long)c->kernel[1], (long long)depth, (long long)c->out);
    if (c->bias) cv_append(formula, size, " + %lld", (long long)c->out);
    return c->kernel[0] * c->kernel[1] * depth * cv_shape_size(out);
}

static cv_window conv_window(const void *config, cv_shape in) {
    const conv *c = config;
    (void)in;
    return (cv_window){{c->kernel[0], c->kernel[1]},
                       {c->stride[0], c->stride[1]},
                       {c->padding[0], c->padding[1]},
                       {c->dilation[0], c->dilation[1]}};
}

// --- the passes ---------------------------------------------------------------------------------------------------

// What `rows` rows of the output from `first` on are computed from.
static source input_from(const shapes *s, const correlation *k, const opening *x, int64_t first, int64_t rows) {
    return source_of(k, x, first * s->c.stride[0], rows_under(s, rows));
}

// A tile of the output: rows m.., pixels p...
typedef struct correlate_tile {
    const correlation *k;
    const real *bias, *weight; // of row m
    const lanes *x;
    const int32_t *tap, *pixel;
    lanes *y; // at (m, p)
    int64_t columns;
} correlate_tile;

ALWAYS_INLINE void correlate_columns(const bool paired, const int rows, const correlate_tile *t) {
    const int64_t taps = t->k->g.taps, pixels = t->k->pixels;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_start(rows, sum, t->bias);
    tile_correlate_terms(paired, rows, TILE_COLUMNS, sum, t->weight, taps, NULL, t->x, t->tap, taps, t->pixel);
    tile_store(rows, t->y, pixels, sum, t->columns);
}

ALWAYS_INLINE void correlate_rows(const int rows, const void *work) {
    correlate_columns(false, rows, work);
}
ALWAYS_INLINE void correlate_paired_rows(const int rows, const void *work) {
    correlate_columns(true, rows, work);
}

// Maps of `pixels` pixels in rows of the correlation's width.
static void correlate(lanes *y, int64_t maps, const real *bias, const real *weight, source from, const correlation *k,
                      int64_t pixels) {
    const int64_t alone = maps - row_alone(k->pairs, maps), taps = k->g.taps;
    for (int64_t p = 0; p < pixels && alone > 0; p += TILE_COLUMNS) {
        int32_t pixel[TILE_COLUMNS];
        tile_offsets(pixel, k->pixel, p, pixels);
        for (int64_t m = 0; m < alone; m += TILE_ROWS) {
            const correlate_tile tile = {k,     bias ? bias + m : NULL, weight + m * taps, from.x, from.tap,
                                         pixel, y + m * k->pixels + p,  pixels - p};
            if (PAIRS && k->pairs.of)
                tile_of_height(alone - m, correlate_paired_rows, &tile);
            else
                tile_of_height(alone - m, correlate_rows, &tile);
        }
    }
    if (alone < maps)
        row_correlate((row_map){.y = y + alone * k->pixels,
                                .pitch = k->width,
                                .across = 1,
                                .height = pixels / k->width,
                                .width = k->width,
                                .x = from.x,
                                .line = k->line,
                                .step = k->step,
                                .tap = from.tap,
                                .weight = weight + alone * taps,
                                .taps = taps,
                                .start = bias ? bias[alone] : 0});
}

static correlation forward_pass_of(const shapes *s, lanes *scratch) {
    return forward_of(s, s->training ? pairing_forward(&s->c, s->in, s->out) : unpaired(), forward_band(s), scratch);
}

// Of a group, as they are or in pairs.
static const real *weights_forward(const shapes *s, const correlation *k, const real *weight, int64_t group) {
    const int64_t points = points_of_kernel(&s->c), row = s->in.c * points, lines = k->pairs.lines;
    weight += group * s->out.c * row;
    if (PAIRS && k->pairs.of) {
        uint16_t *const rounded = rounded_weights(k, s->out.c);
        round_numbers(rounded, weight, s->out.c * row);
        pair_weights(k->weight, rounded,
                     &(weight_order){s->out.c, row, s->in.c * lines, points / lines, points / lines, false});
        return k->weight;
    }
    return weight;
}

// A part of a forward pass is some rows of the output.
static void conv_forward(const cv_pass *p) {
    if (p->training && cv_bf16_forward(p)) {
        say_done(p, 0, p->out.c, (cv_span){0, cv_shape_pixels(p->out)});
        return;
    }
    const shapes s = shapes_of_pass(p);
    const int64_t band = forward_band(&s), width = s.out.w;
    const cv_span rows = cv_part(&p->share, s.out.h, width == 1 ? TILE_COLUMNS : 1);
    const correlation k = forward_pass_of(&s, p->scratch[0]);
    fill_offsets(&k, &s.c, band);
    for (int64_t group = 0; group < s.c.groups; group++) {
        const real *weight = weights_forward(&s, &k, p->tensor[0], group),
                   *bias = s.c.bias ? (const real *)p->tensor[1] + group * s.out.c : NULL;
        const opening x = input_opening(p, &s, group);
        lanes *y = (lanes *)p->y + group * cv_shape_size(s.out);
        for (int64_t first = rows.first; first < rows.end; first += band) {
            const int64_t count = first + band < rows.end ? band : rows.end - first;
            correlate(y + first * width, s.out.c, bias, weight, input_from(&s, &k, &x, first, count), &k,
                      count * width);
            say_done(p, group * s.out.c, s.out.c, (cv_span){first * width, (first + count) * width});
        }
    }
}

typedef struct bias_tile {
    const lanes *dy; // of row m
    int64_t pixels, first, end;
    real *db;
    bool set;
} bias_tile;

ALWAYS_INLINE void bias_rows(const int rows, const void *work) {
    const bias_tile *t = work;
    lanes sum[TILE_ROWS] = {{0}};
    for (int64_t p = t->first; p < t->end; p++) {
        UNROLL
        for (int i = 0; i < rows; i++) sum[i] += t->dy[i * t->pixels + p];
    }
    for (int i = 0; i < rows; i++) t->db[i] = (t->set ? 0 : t->db[i]) + sum_lanes(sum[i]);
}

static void bias_gradient(const gradients *b, int64_t first, int64_t end) {
    const int64_t pixels = b->of_weights.pixels;
    for (int64_t m = b->biases.first; m < b->biases.end; m += TILE_ROWS) {
        const bias_tile tile = {b->dy + m * pixels, pixels, first, end, b->db + m, b->pass->set && first == 0};
        tile_of_height(b->s.out.c - m, bias_rows, &tile);
    }
}

// w'[c][m][k] = w[m][c][last - k]: weights with the roles of the channels exchanged and the kernel flipped, for some of
// the input's maps.
static void flip_weights(real *to, const real *from, cv_span maps, int64_t in, int64_t out, int64_t kernel) {
    to += maps.first * out * kernel;
    for (int64_t c = maps.first; c < maps.end; c++)
        for (int64_t m = 0; m < out; m++)
            for (int64_t k = 0; k < kernel; k++) *to++ = from[(m * in + c) * kernel + kernel - 1 - k];
}

static void weights_backward(const gradients *b) {
    const shapes *s = &b->s;
    const correlation *k = &b->of_input;
    const int64_t points = points_of_kernel(&s->c);
    if (PAIRS && k->pairs.of) {
        uint16_t *const rounded = rounded_weights(k, s->in.c);
        round_numbers(rounded, b->w, s->out.c * s->in.c * points);
        pair_weights(k->weight + b->maps.first * k->g.taps, rounded + b->maps.first * points,
                     &(weight_order){b->maps.end - b->maps.first, points, s->out.c, s->in.c * points, points, true});
        return;
    }
    flip_weights(k->weight, b->w, b->maps, s->in.c, s->out.c, points);
}

// Rows first..end of dx.
static void input_gradient(const gradients *b, int64_t first, int64_t end) {
    const correlation *k = &b->of_input;
    const int64_t top = input_top(&b->s, first), rows = (end - 1 + b->s.c.padding[0]) / b->s.c.stride[0] + 1 - top;
    if (first >= end) return;
    correlate_input(&(input_work){.s = &b->s,
                                  .k = k,
                                  .weight = k->weight,
                                  .from = source_of(k, &(opening){.maps = b->dy}, top + k->at.shift[0], rows),
                                  .top = top,
                                  .dx = b->dx,
                                  .maps = b->maps,
                                  .add = b->pass->share.add},
                    (cv_span){first, end});
}

// Bands of dx begin at multiples of so many rows: in a column, at whole tiles.
static int64_t input_unit(const shapes *s) {
    return s->in.w == 1 ? TILE_COLUMNS : 1;
}

// The row of dx that goes with a row of dy: what lies between two of them is done with the first.
static int64_t input_row(const shapes *s, int64_t row) {
    const int64_t unit = input_unit(s);
    return row == s->out.h ? s->in.h : row * s->in.h / s->out.h / unit * unit;
}

static gradients backward_plan(shapes s, lanes *scratch) {
    gradients b = {.s = s};
    const pairing of_weights = s.training ? pairing_of_weights(&s.c, s.in, s.out) : unpaired();
    b.band = backward_band(&b.s);
    if (of_weights.of == ROW_PAIRS && b.band < s.out.h) b.band += b.band % 2; // whole pairs
    b.of_weights = forward_of(&b.s, of_weights, b.band, scratch);
    const int64_t rows = b.band * b.s.in.h / b.s.out.h + input_unit(&b.s);
    b.of_input = input_correlation(&b.s, s.training ? pairing_of_input(&s.c, s.in, s.out) : unpaired(),
                                   rows < b.s.in.h ? rows : b.s.in.h, b.of_weights.end);
    b.pairs = b.of_input.end;
    b.sum = b.pairs + (b.of_weights.pairs.of ? s.out.c * halved(b.band) * s.out.w : 0);
    return b;
}

static void use_group(gradients *b, int64_t group) {
    const cv_pass *p = b->pass;
    const int64_t in = group * cv_shape_size(b->s.in), out = group * cv_shape_size(b->s.out), map = group * b->s.out.c;
    b->x = input_opening(p, &b->s, group);
    b->dy = (const lanes *)p->dy + out;
    b->w = (const real *)p->tensor[0] + map * b->of_weights.g.taps;
    if (p->dx[0]) b->dx = (lanes *)p->dx[0] + in;
    if (p->grad[0]) b->dw = (real *)p->grad[0] + map * b->of_weights.g.taps;
    if (p->grad[1]) b->db = (real *)p->grad[1] + map;
}

// A part of a backward pass is some maps of dx, or some rows of them where maps are few; and some tiles of dw and db,
// each summed over all pixels.
static void take_part(gradients *b, const cv_share *share) {
    const shapes *s = &b->s;
    const bool by_maps = s->c.groups == 1 && s->in.c >= TILE_ROWS * share->parts;
    b->maps = by_maps ? cv_part(share, s->in.c, TILE_ROWS) : (cv_span){0, s->in.c};
    b->rows = by_maps ? (cv_span){0, s->in.h} : cv_part(share, s->in.h, input_unit(s));
    b->tiles = cv_part(share, s->c.groups * weight_tiles(s, &b->of_weights), 1);
    b->biases = cv_part(share, s->out.c, TILE_ROWS);
}

static bool has_tiles(const gradients *b, int64_t count) {
    return b->tiles.first < b->tile + count && b->tile < b->tiles.end;
}

static void conv_backward(const cv_pass *p) {
    const bool weights = p->grad[0] && !cv_bf16_weight_gradient(p),
               input = p->dx[0] && !(p->training && cv_bf16_input_gradient(p));
    gradients b = backward_plan(shapes_of_pass(p), p->scratch[1]);
    const shapes *s = &b.s;
    const int64_t height = s->out.h, width = s->out.w, tiles = weight_tiles(s, &b.of_weights);
    b.pass = p;
    take_part(&b, &p->share);
    if (weights) fill_offsets(&b.of_weights, &s->c, b.band);
    for (int64_t group = 0; group < s->c.groups; group++) {
        use_group(&b, group);
        if (input) weights_backward(&b);
        b.tile = group * tiles;
        for (int64_t first = 0; first < height; first += b.band) {
            const int64_t end = first + b.band < height ? first + b.band : height;
            const cv_span rows = {input_row(s, first), input_row(s, end)};
            if (input)
                input_gradient(&b, rows.first > b.rows.first ? rows.first : b.rows.first,
                               rows.end < b.rows.end ? rows.end : b.rows.end);
            if (weights && has_tiles(&b, tiles))
                weight_gradient(&b, input_from(s, &b.of_weights, &b.x, first, end - first), first * width, end * width);
            if (s->c.bias) bias_gradient(&b, first * width, end * width);
            say_done(p, group * s->in.c, s->in.c, (cv_span){rows.first * s->in.w, rows.end * s->in.w});
        }
    }
}

static size_t scratch_for(const void *config, cv_shape in, cv_shape out, bool opened) {
    static const lanes base[1]; // nothing is written: only distances from it are asked for
    lanes *const none = (lanes *)(uintptr_t)base;
    shapes s = shapes_of(config, in, out, opened);
    size_t most = cv_bf16_scratch(config, in, out);
    for (int training = 0; training < 2; training++) {
        s.training = training;
        const gradients b = backward_plan(s, none);
        const int64_t sums = b.band < s.out.h ? weight_tiles(&b.s, &b.of_weights) * KEPT : 0;
        const size_t forward = (size_t)(forward_pass_of(&s, none).end - base), backward = (size_t)(b.sum + sums - base);
        if (forward > most) most = forward;
        if (backward > most) most = backward;
    }
    return most;
}
static size_t conv_scratch(const void *config, cv_shape in, cv_shape out) {
    return scratch_for(config, in, out, false);
}
static size_t opened_scratch(const void *config, cv_shape in, cv_shape out) {
    return scratch_for(config, in, out, true);
}

// --- the ops ------------------------------------------------------------------------------------------------------

static const cv_case conv1d_cases[] = {
    {{2, 1, 1, 9}, "{out: 1, kernel: 1}", 1},
    {{2, 3, 1, 11}, "{out: 5, kernel: 3, padding: 1}", 7},
    {{2, 4, 1, 23}, "{out: 6, kernel: 5}", 33},
    {{2, 2, 1, 17}, "{out: 3, kernel: 4, stride: 3, padding: 2}", 16},
    {{2, 3, 1, 20}, "{out: 4, kernel: 3, dilation: 4}", 15},
    {{2, 6, 1, 13}, "{out: 9, kernel: 3, groups: 3, bias: false}", 17},
    {{2, 5, 1, 8}, "{out: 2, kernel: 8}", 8},
    {{2, 2, 1, 4}, "{out: 3, kernel: 2, padding: 3}", 8},
    {{2, 4, 1, 14}, "{out: 6, kernel: 3, stride: 2, padding: 1, dilation: 2, groups: 2}", 7},
    {{2, 2, 1, 1100}, "{out: 2, kernel: 5}", 1}, // from here on maps of several bands
    {{2, 2, 1, 1500}, "{out: 4, kernel: 3, stride: 2, padding: 2, groups: 2}", 1},
    {{2, 2, 1, 160}, "{out: 103, kernel: 5}", 1},                       // many weights: longer bands
    {{2, 6, 1, 1100}, "{out: 6, kernel: 5, padding: 1, groups: 2}", 1}, // bands that lie inside the maps
    {{2, 3, 1, 11}, "{out: 4, kernel: 4, padding: [0, 3], dilation: 2}", 17},
    {{2, 3, 1, 10}, "{out: 2, kernel: 4, padding: same}", 7},
    {{2, 2, 1, 13}, "{out: 3, kernel: 6, stride: 4, padding: same}", 8},
    {{2, 5, 1, 9}, "{out: channels, kernel: 3, padding: causal, dilation: 3, groups: channels}", 16},
    {{2, 2, 1, 1100}, "{out: 2, kernel: 5, padding: [4, 0]}", 1},
    {.batch = 0},
};

static const cv_case conv2d_cases[] = {
    {{3, 1, 1, 1}, "{out: 1, kernel: 1}", 1},
    {{3, 2, 7, 5}, "{out: 3, kernel: 3}", 8},
    {{3, 3, 9, 6}, "{out: 5, kernel: [5, 3], padding: [2, 1]}", 15},
    {{3, 1, 8, 11}, "{out: 7, kernel: 5}", 16},
    {{3, 4, 7, 9}, "{out: 6, kernel: 3, stride: 2, padding: 1}", 17},
    {{3, 2, 10, 7}, "{out: 4, kernel: [3, 2], stride: [3, 2], padding: [0, 1]}", 7},
    {{3, 3, 9, 11}, "{out: 2, kernel: 3, dilation: [2, 3], padding: 3}", 33},
    {{3, 6, 5, 7}, "{out: 6, kernel: 3, padding: 1, groups: 6}", 16},
    {{3, 4, 6, 5}, "{out: 8, kernel: [1, 3], groups: 2, bias: false}", 15},
    {{3, 2, 3, 4}, "{out: 3, kernel: 2, padding: 2, stride: 2, dilation: 2}", 1},
    {{3, 3, 4, 3}, "{out: 2, kernel: 2, stride: 3}", 7},
    {{3, 6, 7, 5}, "{out: 9, kernel: 3, stride: 2, padding: 1, groups: 3}", 17},
    {{3, 2, 3, 5}, "{out: 3, kernel: [1, 2], stride: [2, 3], padding: [2, 3]}", 16},
    {{3, 2, 41, 30}, "{out: 2, kernel: [3, 2], padding: [2, 1]}", 1}, // from here on maps of several bands
    {{3, 1, 63, 66}, "{out: 3, kernel: 3, stride: 2, padding: 1, dilation: 2}", 1},
    {{3, 1, 35, 80}, "{out: 2, kernel: [2, 1], stride: [1, 2], padding: [0, 3]}", 1},
    {{3, 2, 90, 30}, "{out: 2, kernel: [3, 1], padding: [1, 0]}", 1}, // one that lies inside the maps
    {{3, 2, 5, 6}, "{out: 3, kernel: 3, padding: [0, 1, 2, 3]}", 17},
    {{3, 2, 7, 8}, "{out: 3, kernel: [4, 3], stride: [2, 3], padding: same}", 8},
    {{3, 3, 6, 5}, "{out: 6, kernel: [2, 3], padding: causal, groups: channels}", 15},
    {{3, 2, 41, 30}, "{out: 2, kernel: [3, 2], padding: [2, 0, 0, 1]}", 1},
    {{3, 1, 63, 66}, "{out: 3, kernel: 3, stride: 2, padding: [0, 1, 0, 1], dilation: 2}", 1},
    {{3, 4, 3, 2}, "{out: 4, kernel: 5, stride: 30000, padding: 2, groups: 4}", 7}, // at once
    {.batch = 0},
};

#define CONV_OPTIONS(pair, sides)                                                                                      \
    CV_OPTIONS(                                                                                                        \
        CV_OPTION("out", CV_INT, conv, out, "output feature maps; 'channels': as many as come in", .required = true,   \
                  CV_RANGE(1, 1 << 20), .words = "channels"),                                                          \
        CV_OPTION("kernel", pair, conv, kernel, "kernel size", .required = true, CV_RANGE(1, 1 << 20), .unit = 1),     \
        CV_OPTION("stride", pair, conv, stride, "step of the kernel", .fallback = 1, CV_RANGE(1, 1 << 20), .unit = 1), \
        CV_OPTION("padding", sides, conv, padding, SIDES_HELP("zeros around the input"), CV_RANGE(0, 1 << 20),         \
                  .words = SIDES_WORDS),                                                                               \
        CV_OPTION("dilation", pair, conv, dilation, "distance between kernel points", .fallback = 1,                   \
                  CV_RANGE(1, 1 << 20), .unit = 1),                                                                    \
        CV_OPTION("groups", CV_INT, conv, groups, "independent groups of channels; 'channels': one for each",          \
                  .fallback = 1, CV_RANGE(1, 1 << 20), .words = "channels"),                                           \
        CV_OPTION("bias", CV_BOOL, conv, bias, "add a bias", .fallback = true))

#define CONV(pair, sides, dims_)                                                                                       \
    .name = "conv" #dims_ "d", .help = #dims_ "-d convolution", .dims = dims_ + 1,                                     \
    .schema = CONV_OPTIONS(pair, sides), .config_size = sizeof(conv), .reads_x = true, .linear = true,                 \
    .splits = CONV_ADDS_DX, .adds_dx = CONV_ADDS_DX, .infer = conv_infer, .tensors = conv_tensors, .cost = conv_cost,  \
    .window = conv_window, .scratch = conv_scratch, .opened = opened_scratch, .along = true, .forward = conv_forward,  \
    .backward = conv_backward, .single = &CV_JOIN(cv_single_conv, CV_ISA),                                             \
    .onnx = "y = Conv(x, weight, bias?) kernel_shape=[{kernel}] strides=[{stride}] pads=[{padding}] "                  \
            "dilations=[{dilation}] group={groups}"

CV_OP(conv1d) = {
    CONV(CV_LENGTH, CV_ENDS, 1),
    .torch = "F.conv1d(F.pad(x, {padding}), weight, bias, {stride}, 0, {dilation}, {groups})",
    .cases = conv1d_cases,
};
CV_OP(conv2d) = {
    CONV(CV_PAIR, CV_SIDES, 2),
    .torch = "F.conv2d(F.pad(x, {padding}), weight, bias, {stride}, 0, {dilation}, {groups})",
    .cases = conv2d_cases,
};
