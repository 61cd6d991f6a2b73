// y = the mean under the window (avgpool), its sum (sumpool), or the mean of the whole map (globalavgpool).
// As in PyTorch, padding counts as zeros in the mean unless count_padding is off.
// torch.nn.AvgPool1d, torch.nn.AvgPool2d, torch.nn.AdaptiveAvgPool2d(1) and a Flatten
#include "op/layers/pool.h"

// What one window's sum is multiplied by.
ALWAYS_INLINE real mean_factor(const pool *c, const window *w) {
    const int64_t there = (w->rows.end - w->rows.first) * (w->columns.end - w->columns.first);
    return (real)1 / (real)(c->count_padding ? c->kernel[0] * c->kernel[1] : there);
}

ALWAYS_INLINE lanes window_sum(const cv_pass *p, const pool *c, const window *w, const lanes *map) {
    (void)p, (void)c;
    lanes sum = {0};
    for (int64_t i = w->rows.first; i < w->rows.end; i++)
        for (int64_t j = w->columns.first; j < w->columns.end; j++) sum += map[i * w->width + j];
    return sum;
}
ALWAYS_INLINE lanes sum_share(const cv_pass *p, const pool *c, const window *w, lanes dy, int64_t pixel) {
    (void)p, (void)c, (void)w, (void)pixel;
    return dy;
}

ALWAYS_INLINE lanes window_mean(const cv_pass *p, const pool *c, const window *w, const lanes *map) {
    return window_sum(p, c, w, map) * mean_factor(c, w);
}
ALWAYS_INLINE lanes mean_share(const cv_pass *p, const pool *c, const window *w, lanes dy, int64_t pixel) {
    (void)p, (void)pixel;
    return dy * mean_factor(c, w);
}

static void avgpool_forward(const cv_pass *p) {
    pool_forward(p, window_mean);
}
static void avgpool_backward(const cv_pass *p) {
    pool_backward(p, mean_share);
}
static void sumpool_forward(const cv_pass *p) {
    pool_forward(p, window_sum);
}
static void sumpool_backward(const cv_pass *p) {
    pool_backward(p, sum_share);
}

static bool global_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    *out = (cv_shape){1, in->c, 1, 1};
    if (in->dims > 1) return true;
    cv_print(why, why_size, "globalavgpool needs feature maps; its input is a vector of %lld", (long long)in->c);
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

#define AVGPOOL(pair, sides, dims)                                                                                     \
    POOL_OP(dims, CV_OPTIONS(POOL_OPTIONS(pair, sides), CV_OPTION("count_padding", CV_BOOL, pool, count_padding,       \
                                                                  "padding counts in the mean", .fallback = true))),   \
        .name = "avgpool" #dims "d", .help = "mean under a window, " #dims "-d", .forward = avgpool_forward,           \
        .backward = avgpool_backward, .onnx = "y = AveragePool(x) " POOL_ONNX " count_include_pad={count_padding}"
#define SUMPOOL(pair, sides, dims)                                                                                     \
    POOL_OP(dims, CV_OPTIONS(POOL_OPTIONS(pair, sides))),                                                              \
        .name = "sumpool" #dims "d", .help = "sum under a window, " #dims "-d", .forward = sumpool_forward,            \
        .backward = sumpool_backward,                                                                                  \
        .onnx = "mean = AveragePool(x) " POOL_ONNX " count_include_pad=1; y = Mul(mean, #{kernel*})"

CV_OP(avgpool1d) = {
    AVGPOOL(CV_LENGTH, CV_ENDS, 1),
    .torch = "F.avg_pool1d(F.pad(x, {padding}), {kernel}, {stride}) / (1 if {count_padding} else "
             "F.avg_pool1d(F.pad(torch.ones_like(x), {padding}), {kernel}, {stride}))",
    .cases = CV_CASES({{2, 3, 1, 9}, "{kernel: 2}", 16}, {{2, 2, 1, 11}, "{kernel: 3, stride: 2, padding: 1}", 7},
                      {{2, 2, 1, 10}, "{kernel: 4, stride: 3, padding: 2, count_padding: false}", 15},
                      {{2, 2, 1, 10}, "{kernel: 3, stride: 2, padding: [0, 2], count_padding: false}", 16},
                      {{2, 3, 1, 7}, "{kernel: 4, stride: 1, padding: causal}", 8}),
};
CV_OP(avgpool2d) = {
    AVGPOOL(CV_PAIR, CV_SIDES, 2),
    .torch = "F.avg_pool2d(F.pad(x, {padding}), {kernel}, {stride}) / (1 if {count_padding} else "
             "F.avg_pool2d(F.pad(torch.ones_like(x), {padding}), {kernel}, {stride}))",
    .cases = CV_CASES({{3, 3, 7, 5}, "{kernel: 2}", 17}, {{3, 2, 9, 8}, "{kernel: [3, 2], stride: 2, padding: 1}", 8},
                      {{3, 2, 6, 7}, "{kernel: 3, padding: 1, count_padding: false}", 33},
                      {{3, 1, 5, 8}, "{kernel: [2, 5], stride: [1, 3], padding: [1, 2]}", 1},
                      {{3, 2, 5, 7}, "{kernel: [3, 2], stride: [2, 1], padding: same, count_padding: false}", 17}),
};
CV_OP(sumpool1d) = {
    SUMPOOL(CV_LENGTH, CV_ENDS, 1),
    .torch = "F.avg_pool1d(F.pad(x, {padding}), {kernel}, {stride}) * {kernel}",
    .cases = CV_CASES({{2, 3, 1, 9}, "{kernel: 3, stride: 2, padding: 1}", 8}),
};
CV_OP(sumpool2d) = {
    SUMPOOL(CV_PAIR, CV_SIDES, 2),
    .torch = "F.avg_pool2d(F.pad(x, {padding}), {kernel}, {stride}, divisor_override=1)",
    .cases = CV_CASES({{3, 2, 7, 6}, "{kernel: [2, 3], padding: [1, 0]}", 17},
                      {{3, 2, 5, 6}, "{kernel: 2, padding: [0, 1, 1, 1]}", 7}),
};

CV_OP(globalavgpool) = {
    .name = "globalavgpool",
    .help = "mean of each feature map, as a vector",
    .by_channel = true,
    .infer = global_infer,
    .forward = global_forward,
    .backward = global_backward,
    .torch = "x.flatten(2).mean(2)",
    .onnx = "mean = GlobalAveragePool(x); y = Flatten(mean) axis=1",
    .cases = CV_CASES({{3, 3, 4, 5}, NULL, 17}, {{2, 4, 1, 7}, NULL, 7}),
};
