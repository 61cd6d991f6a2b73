// y = the largest value under the window; the gradient goes to where it came from, the first one of equals, as in
// PyTorch. Padding never wins.    torch.nn.MaxPool1d, torch.nn.MaxPool2d
#include "op/layers/pool.h"

// Where each maximum came from (row * w + column), kept from forward to backward.
static size_t maxpool_saved(const void *config, cv_shape in, cv_shape out) {
    (void)config, (void)in;
    return (size_t)cv_shape_size(out);
}

ALWAYS_INLINE lanes window_maximum(const cv_pass *p, const pool *c, const window *w, const lanes *map) {
    (void)c;
    lanes best = lanes_of(-INFINITY);
    mask from = (mask){0} + (int32_t)(w->rows.first * w->width + w->columns.first);
    for (int64_t i = w->rows.first; i < w->rows.end; i++)
        for (int64_t j = w->columns.first; j < w->columns.end; j++) {
            const lanes v = map[i * w->width + j];
            const mask better = (v > best) | (v != v); // a NaN wins and stays, as in PyTorch
            best = select_lanes(better, v, best);
            from = (better & (int32_t)(i * w->width + j)) | (~better & from);
        }
    if (p->saved) ((mask *)p->saved)[w->n] = from;
    return best;
}

ALWAYS_INLINE lanes maximum_share(const cv_pass *p, const pool *c, const window *w, lanes dy, int64_t pixel) {
    (void)c;
    const lanes zero = {0};
    return select_lanes(((const mask *)p->saved)[w->n] == (int32_t)pixel, dy, zero);
}

static void maxpool_forward(const cv_pass *p) {
    pool_forward(p, window_maximum);
}
static void maxpool_backward(const cv_pass *p) {
    pool_backward(p, maximum_share);
}

#define MAXPOOL(pair, sides, dims)                                                                                     \
    POOL_OP(dims, CV_OPTIONS(POOL_OPTIONS(pair, sides))),                                                              \
        .name = "maxpool" #dims "d", .help = "largest value under a window, " #dims "-d", .maximum = true,             \
        .saved = maxpool_saved, .forward = maxpool_forward, .backward = maxpool_backward,                              \
        .onnx = "y = MaxPool(x) " POOL_ONNX

CV_OP(maxpool1d) = {
    MAXPOOL(CV_LENGTH, CV_ENDS, 1),
    .torch = "F.max_pool1d(F.pad(x, {padding}, value=-float('inf')), {kernel}, {stride})",
    .cases = CV_CASES({{2, 3, 1, 9}, "{kernel: 2}", 16}, {{2, 2, 1, 11}, "{kernel: 3, stride: 2, padding: 1}", 7},
                      {{2, 1, 1, 10}, "{kernel: 4, stride: 1, padding: 2}", 33}),
};
CV_OP(maxpool2d) = {
    MAXPOOL(CV_PAIR, CV_SIDES, 2),
    .torch = "F.max_pool2d(F.pad(x, {padding}, value=-float('inf')), {kernel}, {stride})",
    .cases = CV_CASES({{3, 3, 7, 5}, "{kernel: 2}", 17}, {{3, 2, 9, 8}, "{kernel: 3, stride: 2, padding: 1}", 8},
                      {{3, 2, 6, 7}, "{kernel: [3, 2], stride: [1, 3]}", 15},
                      {{3, 1, 5, 5}, "{kernel: 5, stride: 1, padding: 2}", 1},
                      {{3, 2, 4, 9}, "{kernel: [2, 4], stride: [3, 1], padding: [1, 2]}", 16}),
};

// --- the largest of the whole map ---------------------------------------------------------------------------------

static bool globalmax_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    *out = (cv_shape){1, in->c, 1, 1};
    if (in->dims > 1) return true;
    cv_print(why, why_size, "globalmaxpool needs feature maps; its input is a vector of %lld", (long long)in->c);
    return false;
}

static pool whole_map(const cv_pass *p) {
    return (pool){{p->in.h, p->in.w}, {p->in.h, p->in.w}, {0}, true};
}
// The maximum of a map as that of its one window: p->out has a pixel a map, whatever its dims.
static void globalmax_forward(const cv_pass *p) {
    pool_forward_of(p, whole_map(p), window_maximum);
}
static void globalmax_backward(const cv_pass *p) {
    pool_backward_apart(p, whole_map(p), maximum_share);
}

CV_OP(globalmaxpool) = {
    .name = "globalmaxpool",
    .help = "largest value of each feature map, as a vector",
    .by_channel = true,
    .maximum = true,
    .infer = globalmax_infer,
    .saved = maxpool_saved,
    .forward = globalmax_forward,
    .backward = globalmax_backward,
    .torch = "x.flatten(2).max(2)[0]",
    .onnx = "largest = GlobalMaxPool(x); y = Flatten(largest) axis=1",
    .cases = CV_CASES({{3, 3, 4, 5}, NULL, 17}, {{2, 4, 1, 7}, NULL, 7}),
};
