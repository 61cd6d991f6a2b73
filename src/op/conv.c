// Convolution (as cross-correlation), 1-d and 2-d.    torch.nn.Conv1d, torch.nn.Conv2d
//
//   y[m][p]  = b[m] + sum_t w[m][t] x[tap_t + pixel_p]       t = (input channel, kernel row, kernel column)
//   dw[m][t] = sum_p dy[m][p] x[tap_t + pixel_p]             summed over the samples as well
//   dx[c][p] = sum_t' w'[c][t'] dy[tap'_t' + pixel'_p]       t' = (output channel, row, column), kernel turned
//
// Padding, and the zeros that a stride leaves between the gradients, are made once by copying the maps into a larger
// grid: it costs 1/(kernel * output channels) of the work and leaves three plain sums over offsets.
#include "op/conv_bf16.h"
#include "op/tile.h"

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

// --- the passes ---------------------------------------------------------------------------------------------------

// The input with its padding; without padding it serves as it is.
static const lanes *padded(const conv *c, const lanes *x, cv_shape in, grid g, lanes *map) {
    if (!is_padded(c)) return x;
    place(map, g, x, in, (placing){{1, 1}, {c->padding[0], c->padding[1]}}, 0, in.h);
    return map;
}

// y[rows][first..end] of one group.
static void correlate(lanes *y, int64_t rows, const real *bias, const real *weight, const lanes *x, grid g,
                      const work *k, int64_t first, int64_t end) {
    for (int64_t p = first; p < end; p += TILE_COLUMNS) {
        int32_t pixel[TILE_COLUMNS];
        tile_offsets(pixel, k->pixel, p, end);
        for (int64_t m = 0; m < rows; m += TILE_ROWS) {
            lanes sum[TILE_ROWS][TILE_COLUMNS];
#define BODY(n)                                                                                                        \
    tile_start(n, sum, bias ? bias + m : NULL);                                                                        \
    tile_correlate(n, sum, weight + m * g.taps, g.taps, x, k->tap, g.taps, pixel);                                     \
    tile_store(n, y + m * g.pixels + p, g.pixels, sum, end - p);
            TILE_HEIGHT(rows - m, BODY)
#undef BODY
        }
    }
}

static void conv_forward(const cv_pass *p) {
    if (p->training && cv_bf16_forward(p)) return;
    const conv *c = p->config;
    const grid g = forward_grid(c, p->in, p->out);
    const work k = forward_work(c, p->in, p->out, p->scratch);
    const int64_t rows = c->out / c->groups;
    const real *weight = p->tensor[0], *bias = c->bias ? p->tensor[1] : NULL;
    fill_taps(k.tap, g, c);
    fill_pixels(k.pixel, g, p->out, c->stride);
    const lanes *x = padded(c, p->x[0], p->in, g, k.map);
    lanes *y = p->y;
    for (int64_t group = 0; group < c->groups; group++)
        correlate(y + group * rows * g.pixels, rows, bias ? bias + group * rows : NULL, weight + group * rows * g.taps,
                  x + group * g.depth * g.h * g.w, g, &k, 0, g.pixels);
}

// What a backward pass has made ready.
typedef struct gradients {
    const cv_pass *pass;
    conv c;
    cv_shape in, out;
    grid forward, backward;
    work of_weights, of_input;
    const lanes *x; // padded
    lanes *sum;     // [out][taps] of the weights' gradient, over the bands so far
} gradients;

// sum[rows][taps] of one group over the pixels first..end; over all of them it goes to dw, across the lanes.
static void weight_gradient(const gradients *b, int64_t group, int64_t first, int64_t end) {
    const grid g = b->forward;
    const work *k = &b->of_weights;
    const int64_t rows = b->c.out / b->c.groups;
    const lanes *dy = (const lanes *)b->pass->dy + group * rows * g.pixels + first;
    const lanes *x = b->x + group * g.depth * g.h * g.w;
    lanes *kept = b->sum + group * rows * g.taps;
    real *dw = (real *)b->pass->grad[0] + group * rows * g.taps;
    const bool begin = first == 0, finish = end == g.pixels, set = b->pass->set;
    for (int64_t m = 0; m < rows; m += TILE_ROWS)
        for (int64_t t = 0; t < g.taps; t += TILE_COLUMNS) {
            int32_t tap[TILE_COLUMNS];
            tile_offsets(tap, k->tap, t, g.taps);
            const int64_t columns = g.taps - t < TILE_COLUMNS ? g.taps - t : TILE_COLUMNS;
            lanes sum[TILE_ROWS][TILE_COLUMNS];
#define BODY(n)                                                                                                        \
    tile_outer(n, sum, dy + m * g.pixels, g.pixels, x, k->pixel + first, end - first, tap);                            \
    for (int i = 0; i < n; i++)                                                                                        \
        for (int64_t j = 0; j < columns; j++) {                                                                        \
            const int64_t at = (m + i) * g.taps + t + j;                                                               \
            lanes all = sum[i][j];                                                                                     \
            if (!begin) all += kept[at];                                                                               \
            if (finish)                                                                                                \
                dw[at] = (set ? 0 : dw[at]) + sum_lanes(all);                                                          \
            else                                                                                                       \
                kept[at] = all;                                                                                        \
        }
            TILE_HEIGHT(rows - m, BODY)
#undef BODY
        }
}

static void bias_gradient(const gradients *b, int64_t first, int64_t end) {
    real *db = b->pass->grad[1];
    for (int64_t m = 0; m < b->c.out; m++) {
        const lanes *dy = (const lanes *)b->pass->dy + m * b->forward.pixels;
        lanes sum = {0};
        for (int64_t i = first; i < end; i++) sum += dy[i];
        db[m] = (b->pass->set && first == 0 ? 0 : db[m]) + sum_lanes(sum);
    }
}

// w'[c][m][k] = w[m][c][last - k]: one group's weights with the roles of the channels exchanged and the kernel turned.
static void turn_weights(real *to, const real *from, int64_t in, int64_t out, int64_t kernel) {
    for (int64_t c = 0; c < in; c++)
        for (int64_t m = 0; m < out; m++)
            for (int64_t k = 0; k < kernel; k++) *to++ = from[(m * in + c) * kernel + kernel - 1 - k];
}

static void prepare_input_gradient(const gradients *b) {
    const conv *c = &b->c;
    const work *k = &b->of_input;
    const int64_t in = b->in.c / c->groups, taps = b->backward.taps;
    for (int64_t group = 0; group < c->groups; group++)
        turn_weights(k->weight + group * in * taps, (const real *)b->pass->tensor[0] + group * in * taps, in,
                     b->backward.depth, c->kernel[0] * c->kernel[1]);
    fill_taps(k->tap, b->backward, c);
    fill_pixels(k->pixel, b->backward, b->in, (int64_t[]){1, 1});
}

// From rows first..end of dy, the rows of dx from `done` on that need no more than these; returns where they end.
static int64_t input_gradient(const gradients *b, int64_t first, int64_t end, int64_t done) {
    const conv *c = &b->c;
    const grid g = b->backward;
    const work *k = &b->of_input;
    const int64_t reach[2] = {c->dilation[0] * (c->kernel[0] - 1), c->dilation[1] * (c->kernel[1] - 1)};
    const placing p = {{c->stride[0], c->stride[1]}, {reach[0] - c->padding[0], reach[1] - c->padding[1]}};
    const int64_t in = b->in.c / c->groups;
    int64_t ready = end < b->out.h ? end * p.step[0] + p.shift[0] - reach[0] : b->in.h;
    if (ready > b->in.h) ready = b->in.h;
    place(k->map, g, b->pass->dy, b->out, p, first, end);
    for (int64_t group = 0; group < c->groups && ready > done; group++)
        correlate((lanes *)b->pass->dx[0] + group * in * g.pixels, in, NULL, k->weight + group * in * g.taps,
                  k->map + group * g.depth * g.h * g.w, g, k, done * b->in.w, ready * b->in.w);
    return ready > done ? ready : done;
}

static void exchange(int64_t pair[2]) {
    const int64_t first = pair[0];
    pair[0] = pair[1];
    pair[1] = first;
}

// Bands are rows of a map. A 1-d map is one row: seen as a column it has as many rows as it has pixels.
static void turn_to_column(conv *c, cv_shape *in, cv_shape *out) {
    if (in->h != 1 || out->h != 1 || c->kernel[0] != 1 || c->padding[0]) return;
    exchange(c->kernel), exchange(c->stride), exchange(c->padding), exchange(c->dilation);
    *in = (cv_shape){in->dims, in->c, in->w, 1};
    *out = (cv_shape){out->dims, out->c, out->w, 1};
}

// All that is done with dy is done band by band, so that a map larger than the cache is fetched once. Sums of weight
// gradients wait in memory meanwhile: too many of them are not worth it, and then there is enough to do for each pixel.
enum { BAND_LANES = 2048, MOST_KEPT = 1024 };

static int64_t kept_sums(const gradients *b) {
    const int64_t count = b->c.out * b->forward.taps;
    return b->c.out * cv_shape_pixels(b->out) > BAND_LANES && count <= MOST_KEPT ? count : 0;
}

static gradients backward_plan(const void *config, cv_shape in, cv_shape out, lanes *scratch) {
    gradients b = {.c = *(const conv *)config, .in = in, .out = out};
    turn_to_column(&b.c, &b.in, &b.out);
    b.forward = forward_grid(&b.c, b.in, b.out);
    b.backward = backward_grid(&b.c, b.in, b.out);
    b.of_weights = forward_work(&b.c, b.in, b.out, scratch);
    b.of_input = backward_work(&b.c, b.in, b.out, b.of_weights.end);
    b.sum = b.of_input.end;
    return b;
}

static void conv_backward(const cv_pass *p) {
    const bool weights = !cv_bf16_weight_gradient(p), input = p->dx[0] && !cv_bf16_input_gradient(p);
    gradients b = backward_plan(p->config, p->in, p->out, p->scratch);
    const int64_t height = b.out.h, row = b.c.out * b.out.w;
    const int64_t band = kept_sums(&b) ? BAND_LANES / row + 1 : height;
    b.pass = p;
    fill_taps(b.of_weights.tap, b.forward, &b.c);
    fill_pixels(b.of_weights.pixel, b.forward, b.out, b.c.stride);
    if (weights) b.x = padded(&b.c, p->x[0], b.in, b.forward, b.of_weights.map);
    if (input) prepare_input_gradient(&b);
    for (int64_t first = 0, done = 0; first < height; first += band) {
        const int64_t end = first + band < height ? first + band : height;
        if (b.c.bias) bias_gradient(&b, first * b.out.w, end * b.out.w);
        for (int64_t group = 0; weights && group < b.c.groups; group++)
            weight_gradient(&b, group, first * b.out.w, end * b.out.w);
        if (input) done = input_gradient(&b, first, end, done);
    }
}

static size_t conv_scratch(const void *config, cv_shape in, cv_shape out) {
    static const lanes base[1]; // nothing is written: only distances from it are asked for
    const gradients b = backward_plan(config, in, out, (lanes *)(uintptr_t)base);
    const size_t fp32 = (size_t)(b.sum + kept_sums(&b) - base), bf16 = cv_bf16_scratch(config, in, out);
    return fp32 > bf16 ? fp32 : bf16;
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
    {.batch = 0},
};

#define CONV_COMMON                                                                                                    \
    .config_size = sizeof(conv), .traits = CV_READS_X | CV_LINEAR, .infer = conv_infer, .tensors = conv_tensors,       \
    .cost = conv_cost, .window = conv_window, .scratch = conv_scratch, .forward = conv_forward,                        \
    .backward = conv_backward, .lone = &CV_JOIN(cv_lone_conv, CV_ISA),                                                 \
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
