// y = the mean under the window (avgpool), its sum (sumpool), or the mean of the whole map (globalavgpool).
// As in PyTorch, padding counts as zeros in the mean unless count_padding is off.
// torch.nn.AvgPool1d, torch.nn.AvgPool2d, torch.nn.AdaptiveAvgPool2d(1) and a Flatten
#include "op/pool.h"

#define AVGPOOL_OPTIONS(pair)                                                                                          \
    POOL_OPTIONS(pair),                                                                                                \
        {.name = "count_padding",                                                                                      \
         .type = CV_BOOL,                                                                                              \
         .offset = offsetof(pool, count_padding),                                                                      \
         .fallback = true,                                                                                             \
         .help = "padding counts in the mean"},                                                                        \
    {                                                                                                                  \
        .name = NULL                                                                                                   \
    }

static const cv_option avgpool1d_schema[] = {AVGPOOL_OPTIONS(CV_LENGTH)};
static const cv_option avgpool2d_schema[] = {AVGPOOL_OPTIONS(CV_PAIR)};
static const cv_option sumpool1d_schema[] = {POOL_OPTIONS(CV_LENGTH), {.name = NULL}};
static const cv_option sumpool2d_schema[] = {POOL_OPTIONS(CV_PAIR), {.name = NULL}};

// What one window's sum is multiplied by.
static real avg_factor(const pool *c, span rows, span columns) {
    const int64_t count =
        c->count_padding ? c->kernel[0] * c->kernel[1] : (rows.end - rows.first) * (columns.end - columns.first);
    return (real)1 / (real)count;
}

ALWAYS_INLINE void forward(const cv_pass *p, const pool c, const bool mean) {
    const int64_t h = p->in.h, w = p->in.w;
    lanes *y = p->y;
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes *x = (const lanes *)p->x[0] + k * h * w;
        for (int64_t oy = 0; oy < p->out.h; oy++) {
            const span rows = pool_span(&c, 0, oy, h);
            for (int64_t ox = 0; ox < p->out.w; ox++) {
                const span columns = pool_span(&c, 1, ox, w);
                lanes sum = {0};
                for (int64_t iy = rows.first; iy < rows.end; iy++)
                    for (int64_t ix = columns.first; ix < columns.end; ix++) sum += x[iy * w + ix];
                if (mean) sum *= avg_factor(&c, rows, columns);
                *y++ = sum;
            }
        }
    }
}

// Windows side by side: every gradient is written once, and what no window covers is zero.
ALWAYS_INLINE void backward_apart(const cv_pass *p, const pool c, const bool mean) {
    const int64_t h = p->in.h, w = p->in.w, rows = p->out.h * c.kernel[0], columns = p->out.w * c.kernel[1];
    const real factor = mean ? (real)1 / (real)(c.kernel[0] * c.kernel[1]) : 1;
    const lanes *dy = p->dy;
    for (int64_t k = 0; k < p->in.c; k++) {
        lanes *dx = (lanes *)p->dx[0] + k * h * w;
        for (int64_t y = 0; y < rows; y += c.kernel[0]) {
            for (int64_t x = 0; x < columns; x += c.kernel[1]) {
                const lanes d = *dy++ * factor;
                for (int64_t i = y; i < y + c.kernel[0]; i++)
                    for (int64_t j = x; j < x + c.kernel[1]; j++) dx[i * w + j] = d;
            }
            for (int64_t i = y; i < y + c.kernel[0]; i++)
                memset(dx + i * w + columns, 0, (size_t)(w - columns) * sizeof *dx);
        }
        memset(dx + rows * w, 0, (size_t)((h - rows) * w) * sizeof *dx);
    }
}

static void backward_overlapping(const cv_pass *p, const pool *c, const bool mean) {
    const int64_t h = p->in.h, w = p->in.w;
    const lanes *dy = p->dy;
    memset(p->dx[0], 0, (size_t)cv_shape_size(p->in) * sizeof(lanes));
    for (int64_t k = 0; k < p->in.c; k++) {
        lanes *dx = (lanes *)p->dx[0] + k * h * w;
        for (int64_t oy = 0; oy < p->out.h; oy++) {
            const span rows = pool_span(c, 0, oy, h);
            for (int64_t ox = 0; ox < p->out.w; ox++) {
                const span columns = pool_span(c, 1, ox, w);
                lanes d = *dy++;
                if (mean) d *= avg_factor(c, rows, columns);
                for (int64_t iy = rows.first; iy < rows.end; iy++)
                    for (int64_t ix = columns.first; ix < columns.end; ix++) dx[iy * w + ix] += d;
            }
        }
    }
}

ALWAYS_INLINE void backward(const cv_pass *p, const bool mean) {
#define BODY(c) backward_apart(p, c, mean)
    if (pool_is_apart(p->config))
        POOL_SIZES(p->config, BODY);
    else
        backward_overlapping(p, p->config, mean);
#undef BODY
}

#define MEAN(c) forward(p, c, true)
#define SUM(c)  forward(p, c, false)
static void avgpool_forward(const cv_pass *p) {
    POOL_SIZES(p->config, MEAN);
}
static void avgpool_backward(const cv_pass *p) {
    backward(p, true);
}
static void sumpool_forward(const cv_pass *p) {
    POOL_SIZES(p->config, SUM);
}
static void sumpool_backward(const cv_pass *p) {
    backward(p, false);
}

static bool global_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    *out = (cv_shape){1, in->c, 1, 1};
    if (in->dims > 1) return true;
    cv_print(why, why_size, "globalavgpool wants feature maps, its input is a vector of %lld", (long long)in->c);
    return false;
}

static void global_forward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->in);
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t k = 0; k < p->in.c; k++) {
        lanes sum = {0};
        for (int64_t i = 0; i < pixels; i++) sum += x[k * pixels + i];
        y[k] = sum / (real)pixels;
    }
}

static void global_backward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->in);
    const lanes *dy = p->dy;
    lanes *dx = p->dx[0];
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes d = dy[k] / (real)pixels;
        for (int64_t i = 0; i < pixels; i++) dx[k * pixels + i] = d;
    }
}

static const cv_case avgpool1d_cases[] = {
    {{2, 3, 1, 9}, "{kernel: 2}", 16},
    {{2, 2, 1, 11}, "{kernel: 3, stride: 2, padding: 1}", 7},
    {{2, 2, 1, 10}, "{kernel: 4, stride: 3, padding: 2, count_padding: false}", 15},
    {.batch = 0},
};
static const cv_case avgpool2d_cases[] = {
    {{3, 3, 7, 5}, "{kernel: 2}", 17},
    {{3, 2, 9, 8}, "{kernel: [3, 2], stride: 2, padding: 1}", 8},
    {{3, 2, 6, 7}, "{kernel: 3, padding: 1, count_padding: false}", 33},
    {{3, 1, 5, 8}, "{kernel: [2, 5], stride: [1, 3], padding: [1, 2]}", 1},
    {.batch = 0},
};
static const cv_case sumpool1d_cases[] = {{{2, 3, 1, 9}, "{kernel: 3, stride: 2, padding: 1}", 8}, {.batch = 0}};
static const cv_case sumpool2d_cases[] = {{{3, 2, 7, 6}, "{kernel: [2, 3], padding: [1, 0]}", 17}, {.batch = 0}};
static const cv_case global_cases[] = {{{3, 3, 4, 5}, NULL, 17}, {{2, 4, 1, 7}, NULL, 7}, {.batch = 0}};

#define AVGPOOL_COMMON .config_size = sizeof(pool), .traits = CV_BY_CHANNEL, .infer = pool_infer, .window = pool_window

CV_OP(avgpool1d) = {
    .name = "avgpool1d",
    .help = "mean under a window, 1-d",
    .schema = avgpool1d_schema,
    .dims = 2,
    AVGPOOL_COMMON,
    .forward = avgpool_forward,
    .backward = avgpool_backward,
    .torch = "F.avg_pool1d(x, {kernel}, {stride}, {padding}, False, {count_padding})",
    .onnx = "y = AveragePool(x) " POOL_ONNX " count_include_pad={count_padding}",
    .cases = avgpool1d_cases,
};

CV_OP(avgpool2d) = {
    .name = "avgpool2d",
    .help = "mean under a window, 2-d",
    .schema = avgpool2d_schema,
    .dims = 3,
    AVGPOOL_COMMON,
    .forward = avgpool_forward,
    .backward = avgpool_backward,
    .torch = "F.avg_pool2d(x, {kernel}, {stride}, {padding}, False, {count_padding})",
    .onnx = "y = AveragePool(x) " POOL_ONNX " count_include_pad={count_padding}",
    .cases = avgpool2d_cases,
};

CV_OP(sumpool1d) = {
    .name = "sumpool1d",
    .help = "sum under a window, 1-d",
    .schema = sumpool1d_schema,
    .dims = 2,
    AVGPOOL_COMMON,
    .forward = sumpool_forward,
    .backward = sumpool_backward,
    .torch = "F.avg_pool1d(x, {kernel}, {stride}, {padding}) * {kernel}",
    .onnx = "mean = AveragePool(x) " POOL_ONNX " count_include_pad=1; y = Mul(mean, #{kernel*})",
    .cases = sumpool1d_cases,
};

CV_OP(sumpool2d) = {
    .name = "sumpool2d",
    .help = "sum under a window, 2-d",
    .schema = sumpool2d_schema,
    .dims = 3,
    AVGPOOL_COMMON,
    .forward = sumpool_forward,
    .backward = sumpool_backward,
    .torch = "F.avg_pool2d(x, {kernel}, {stride}, {padding}, divisor_override=1)",
    .onnx = "mean = AveragePool(x) " POOL_ONNX " count_include_pad=1; y = Mul(mean, #{kernel*})",
    .cases = sumpool2d_cases,
};

CV_OP(globalavgpool) = {
    .name = "globalavgpool",
    .help = "mean of each feature map, as a vector",
    .traits = CV_BY_CHANNEL,
    .infer = global_infer,
    .forward = global_forward,
    .backward = global_backward,
    .torch = "x.flatten(2).mean(2)",
    .onnx = "mean = GlobalAveragePool(x); y = Flatten(mean) axis=1",
    .cases = global_cases,
};
