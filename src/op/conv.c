// Convolution (as cross-correlation), 1-d and 2-d.    torch.nn.Conv1d, torch.nn.Conv2d
//
//   y[m][p]  = b[m] + sum_t w[m][t] x[tap_t + pixel_p]       t = (input channel, kernel row, kernel column)
//   dw[m][t] = sum_p dy[m][p] x[tap_t + pixel_p]             summed over the samples as well
//   dx[c][p] = sum_t' w'[c][t'] dy[tap'_t' + pixel'_p]       t' = (output channel, row, column), kernel turned
//
// Padding, and the zeros that a stride leaves between the gradients, are made once by copying the maps into a larger
// grid: it costs 1/(kernel * output channels) of the work and leaves three plain sums over offsets.
#include "op/tile.h"

typedef struct conv {
    int64_t out, kernel[2], stride[2], padding[2], dilation[2], groups;
    bool bias;
} conv;

#define CONV_OPTIONS(pair)                                                                                             \
    {.name = "out",                                                                                                    \
     .type = CV_INT,                                                                                                   \
     .offset = offsetof(conv, out),                                                                                    \
     .required = true,                                                                                                 \
     .min = 1,                                                                                                         \
     .max = 1 << 20,                                                                                                   \
     .help = "output feature maps"},                                                                                   \
        {.name = "kernel",                                                                                             \
         .type = pair,                                                                                                 \
         .offset = offsetof(conv, kernel),                                                                             \
         .required = true,                                                                                             \
         .min = 1,                                                                                                     \
         .max = 1 << 20,                                                                                               \
         .unit = 1,                                                                                                    \
         .help = "kernel size"},                                                                                       \
        {.name = "stride",                                                                                             \
         .type = pair,                                                                                                 \
         .offset = offsetof(conv, stride),                                                                             \
         .fallback = 1,                                                                                                \
         .min = 1,                                                                                                     \
         .max = 1 << 20,                                                                                               \
         .unit = 1,                                                                                                    \
         .help = "step of the kernel"},                                                                                \
        {.name = "padding",                                                                                            \
         .type = pair,                                                                                                 \
         .offset = offsetof(conv, padding),                                                                            \
         .min = 0,                                                                                                     \
         .max = 1 << 20,                                                                                               \
         .help = "zeros around the input"},                                                                            \
        {.name = "dilation",                                                                                           \
         .type = pair,                                                                                                 \
         .offset = offsetof(conv, dilation),                                                                           \
         .fallback = 1,                                                                                                \
         .min = 1,                                                                                                     \
         .max = 1 << 20,                                                                                               \
         .unit = 1,                                                                                                    \
         .help = "distance between kernel points"},                                                                    \
        {.name = "groups",                                                                                             \
         .type = CV_INT,                                                                                               \
         .offset = offsetof(conv, groups),                                                                             \
         .fallback = 1,                                                                                                \
         .min = 1,                                                                                                     \
         .max = 1 << 20,                                                                                               \
         .help = "independent groups of channels"},                                                                    \
        {.name = "bias", .type = CV_BOOL, .offset = offsetof(conv, bias), .fallback = true, .help = "add a bias"}, {   \
        .name = NULL                                                                                                   \
    }

static const cv_option conv1d_schema[] = {CONV_OPTIONS(CV_LENGTH)};
static const cv_option conv2d_schema[] = {CONV_OPTIONS(CV_PAIR)};

static bool conv_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const conv *c = config;
    const int64_t size[2] = {in->h, in->w};
    int64_t result[2];
    if (in->c % c->groups || c->out % c->groups) {
        cv_print(why, why_size, "groups %lld must divide the input channels (%lld) and the output channels (%lld)",
                 (long long)c->groups, (long long)in->c, (long long)c->out);
        return false;
    }
    for (int d = 0; d < 2; d++) {
        const int64_t reach = c->dilation[d] * (c->kernel[d] - 1) + 1, padded = size[d] + 2 * c->padding[d];
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

// --- grids and offsets --------------------------------------------------------------------------------------------

// A correlation over one group of channels: `taps` terms for each of `pixels` results, on a grid of h x w per channel.
typedef struct grid {
    int64_t h, w, depth, taps, pixels;
} grid;

static grid forward_grid(const conv *c, cv_shape in, cv_shape out) {
    const int64_t depth = in.c / c->groups;
    return (grid){in.h + 2 * c->padding[0], in.w + 2 * c->padding[1], depth, depth * c->kernel[0] * c->kernel[1],
                  cv_shape_pixels(out)};
}

static grid backward_grid(const conv *c, cv_shape in, cv_shape out) {
    const int64_t depth = out.c / c->groups;
    return (grid){in.h + c->dilation[0] * (c->kernel[0] - 1), in.w + c->dilation[1] * (c->kernel[1] - 1), depth,
                  depth * c->kernel[0] * c->kernel[1], cv_shape_pixels(in)};
}

// Work memory of one pass, laid out in scratch: offsets, turned weights, the enlarged grid.
typedef struct work {
    int32_t *tap, *pixel;
    real *weight;
    lanes *map;
    size_t lanes;
} work;

static size_t in_lanes(int64_t count, size_t size) {
    return ((size_t)count * size + sizeof(lanes) - 1) / sizeof(lanes);
}

static work lay_out(void *scratch, grid g, int64_t weights, int64_t channels) {
    lanes *at = scratch;
    work k;
    k.tap = (int32_t *)at, at += in_lanes(g.taps, sizeof(int32_t));
    k.pixel = (int32_t *)at, at += in_lanes(g.pixels, sizeof(int32_t));
    k.weight = (real *)at, at += in_lanes(weights, sizeof(real));
    k.map = at, at += channels * g.h * g.w;
    k.lanes = (size_t)(at - (lanes *)scratch);
    return k;
}

static size_t conv_scratch(const void *config, cv_shape in, cv_shape out) {
    static const lanes base[1];
    const conv *c = config;
    const grid f = forward_grid(c, in, out), b = backward_grid(c, in, out);
    const size_t forward = lay_out((void *)(uintptr_t)base, f, 0, in.c).lanes;
    const size_t backward = lay_out((void *)(uintptr_t)base, b, in.c * b.taps, out.c).lanes;
    return forward > backward ? forward : backward;
}

static void fill_taps(int32_t *tap, grid g, const conv *c) {
    for (int64_t d = 0; d < g.depth; d++)
        for (int64_t y = 0; y < c->kernel[0]; y++)
            for (int64_t x = 0; x < c->kernel[1]; x++)
                *tap++ = (int32_t)((d * g.h + y * c->dilation[0]) * g.w + x * c->dilation[1]);
}

static void fill_pixels(int32_t *pixel, grid g, cv_shape out, const int64_t stride[2]) {
    for (int64_t y = 0; y < out.h; y++)
        for (int64_t x = 0; x < out.w; x++) *pixel++ = (int32_t)(y * stride[0] * g.w + x * stride[1]);
}

// Copies maps into a grid of zeros: pixel (y, x) goes to (y * step + shift); what falls outside is dropped.
static void place(lanes *to, grid g, const lanes *from, cv_shape s, const int64_t step[2], const int64_t shift[2]) {
    memset(to, 0, (size_t)(s.c * g.h * g.w) * sizeof *to);
    for (int64_t c = 0; c < s.c; c++)
        for (int64_t y = 0; y < s.h; y++) {
            const int64_t row = y * step[0] + shift[0];
            if (row < 0 || row >= g.h) continue;
            lanes *line = to + (c * g.h + row) * g.w;
            const lanes *source = from + (c * s.h + y) * s.w;
            for (int64_t x = 0, column = shift[1]; x < s.w && column < g.w; x++, column += step[1])
                if (column >= 0) line[column] = source[x];
        }
}

// The input with its padding; without padding it serves as it is.
static const lanes *padded(const conv *c, const cv_pass *p, grid g, lanes *map) {
    if (!c->padding[0] && !c->padding[1]) return p->x[0];
    place(map, g, p->x[0], p->in, (int64_t[]){1, 1}, c->padding);
    return map;
}

// --- the passes ---------------------------------------------------------------------------------------------------

// y[rows][pixels] of one group.
static void correlate(lanes *y, int64_t rows, const real *bias, const real *weight, const lanes *x, grid g,
                      const work *k) {
    for (int64_t p = 0; p < g.pixels; p += TILE_COLUMNS) {
        int32_t pixel[TILE_COLUMNS];
        tile_offsets(pixel, k->pixel, p, g.pixels);
        for (int64_t m = 0; m < rows; m += TILE_ROWS) {
            lanes sum[TILE_ROWS][TILE_COLUMNS];
#define BODY(n)                                                                                                        \
    tile_start(n, sum, bias ? bias + m : NULL);                                                                        \
    tile_correlate(n, sum, weight + m * g.taps, g.taps, x, k->tap, g.taps, pixel);                                     \
    tile_store(n, y + m * g.pixels + p, g.pixels, sum, g.pixels - p);
            TILE_HEIGHT(rows - m, BODY)
#undef BODY
        }
    }
}

static void conv_forward(const cv_pass *p) {
    const conv *c = p->config;
    const grid g = forward_grid(c, p->in, p->out);
    const work k = lay_out(p->scratch, g, 0, p->in.c);
    const int64_t rows = c->out / c->groups;
    const real *weight = p->tensor[0], *bias = c->bias ? p->tensor[1] : NULL;
    fill_taps(k.tap, g, c);
    fill_pixels(k.pixel, g, p->out, c->stride);
    const lanes *x = padded(c, p, g, k.map);
    lanes *y = p->y;
    for (int64_t group = 0; group < c->groups; group++)
        correlate(y + group * rows * g.pixels, rows, bias ? bias + group * rows : NULL, weight + group * rows * g.taps,
                  x + group * g.depth * g.h * g.w, g, &k);
}

// dw[rows][taps] of one group, summed over pixels in registers, then across lanes.
static void weight_gradient(real *dw, bool set, int64_t rows, const lanes *dy, const lanes *x, grid g, const work *k) {
    for (int64_t m = 0; m < rows; m += TILE_ROWS)
        for (int64_t t = 0; t < g.taps; t += TILE_COLUMNS) {
            int32_t tap[TILE_COLUMNS];
            tile_offsets(tap, k->tap, t, g.taps);
            const int64_t columns = g.taps - t < TILE_COLUMNS ? g.taps - t : TILE_COLUMNS;
            lanes sum[TILE_ROWS][TILE_COLUMNS];
#define BODY(n)                                                                                                        \
    tile_outer(n, sum, dy + m * g.pixels, g.pixels, x, k->pixel, g.pixels, tap);                                       \
    for (int i = 0; i < n; i++)                                                                                        \
        for (int64_t j = 0; j < columns; j++) {                                                                        \
            real *to = dw + (m + i) * g.taps + t + j;                                                                  \
            *to = (set ? 0 : *to) + sum_lanes(sum[i][j]);                                                              \
        }
            TILE_HEIGHT(rows - m, BODY)
#undef BODY
        }
}

static void bias_gradient(real *db, bool set, const lanes *dy, int64_t channels, int64_t pixels) {
    for (int64_t m = 0; m < channels; m++) {
        lanes sum = {0};
        for (int64_t i = 0; i < pixels; i++) sum += dy[m * pixels + i];
        db[m] = (set ? 0 : db[m]) + sum_lanes(sum);
    }
}

// w'[c][m][k] = w[m][c][last - k]: one group's weights with the roles of the channels exchanged and the kernel turned.
static void turn_weights(real *to, const real *from, int64_t in, int64_t out, int64_t kernel) {
    for (int64_t c = 0; c < in; c++)
        for (int64_t m = 0; m < out; m++)
            for (int64_t k = 0; k < kernel; k++) *to++ = from[(m * in + c) * kernel + kernel - 1 - k];
}

static void input_gradient(const cv_pass *p, const conv *c) {
    const grid g = backward_grid(c, p->in, p->out);
    const int64_t in = p->in.c / c->groups, out = g.depth, kernel = c->kernel[0] * c->kernel[1];
    const work k = lay_out(p->scratch, g, p->in.c * g.taps, p->out.c);
    const int64_t shift[2] = {c->dilation[0] * (c->kernel[0] - 1) - c->padding[0],
                              c->dilation[1] * (c->kernel[1] - 1) - c->padding[1]};
    lanes *dx = p->dx[0];
    const real *weight = p->tensor[0];
    fill_taps(k.tap, g, c);
    fill_pixels(k.pixel, g, p->in, (int64_t[]){1, 1});
    place(k.map, g, p->dy, p->out, c->stride, shift);
    for (int64_t group = 0; group < c->groups; group++) {
        real *turned = k.weight + group * in * g.taps;
        turn_weights(turned, weight + group * in * g.taps, in, out, kernel);
        correlate(dx + group * in * g.pixels, in, NULL, turned, k.map + group * out * g.h * g.w, g, &k);
    }
}

static void conv_backward(const cv_pass *p) {
    const conv *c = p->config;
    const grid g = forward_grid(c, p->in, p->out);
    const work k = lay_out(p->scratch, g, 0, p->in.c);
    const int64_t rows = c->out / c->groups;
    const lanes *dy = p->dy;
    if (c->bias) bias_gradient(p->grad[1], p->set, dy, c->out, g.pixels);
    fill_taps(k.tap, g, c);
    fill_pixels(k.pixel, g, p->out, c->stride);
    const lanes *x = padded(c, p, g, k.map);
    for (int64_t group = 0; group < c->groups; group++)
        weight_gradient((real *)p->grad[0] + group * rows * g.taps, p->set, rows, dy + group * rows * g.pixels,
                        x + group * g.depth * g.h * g.w, g, &k);
    if (p->dx[0]) input_gradient(p, c);
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
    {.batch = 0},
};

#define CONV_COMMON                                                                                                    \
    .config_size = sizeof(conv), .traits = CV_READS_X | CV_LINEAR, .infer = conv_infer, .tensors = conv_tensors,       \
    .cost = conv_cost, .window = conv_window, .scratch = conv_scratch, .forward = conv_forward,                        \
    .backward = conv_backward,                                                                                         \
    .onnx = "y = Conv(x, weight, bias?) kernel_shape=[{kernel}] strides=[{stride}] pads=[{padding}, {padding}] "       \
            "dilations=[{dilation}] group={groups}"

CV_OP(conv1d) = {
    .name = "conv1d",
    .help = "1-d convolution",
    .schema = conv1d_schema,
    .dims = 2,
    CONV_COMMON,
    .torch = "F.conv1d(x, weight, bias, {stride}, {padding}, {dilation}, {groups})",
    .cases = conv1d_cases,
};

CV_OP(conv2d) = {
    .name = "conv2d",
    .help = "2-d convolution",
    .schema = conv2d_schema,
    .dims = 3,
    CONV_COMMON,
    .torch = "F.conv2d(x, weight, bias, {stride}, {padding}, {dilation}, {groups})",
    .cases = conv2d_cases,
};
