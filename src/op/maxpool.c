// y = the largest value under the window; the gradient goes to where it came from, the first one of equals, as in
// PyTorch. Padding never wins.    torch.nn.MaxPool1d, torch.nn.MaxPool2d
#include "op/pool.h"

static const cv_option maxpool1d_schema[] = {POOL_OPTIONS(CV_LENGTH), {.name = NULL}};
static const cv_option maxpool2d_schema[] = {POOL_OPTIONS(CV_PAIR), {.name = NULL}};

// Where each maximum came from (row * w + column), kept from forward to backward.
static size_t maxpool_saved(const void *config, cv_shape in, cv_shape out) {
    (void)config, (void)in;
    return (size_t)cv_shape_size(out);
}

ALWAYS_INLINE void forward(const cv_pass *p, const pool c) {
    const int64_t h = p->in.h, w = p->in.w;
    mask *from = p->saved;
    lanes *y = p->y;
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes *x = (const lanes *)p->x[0] + k * h * w;
        for (int64_t oy = 0; oy < p->out.h; oy++)
            for (int64_t ox = 0; ox < p->out.w; ox++) {
                const span rows = pool_span(&c, 0, oy, h), columns = pool_span(&c, 1, ox, w);
                lanes best = lanes_of(-INFINITY);
                mask place = (mask){0} + (int32_t)(rows.first * w + columns.first);
                for (int64_t iy = rows.first; iy < rows.end; iy++)
                    for (int64_t ix = columns.first; ix < columns.end; ix++) {
                        const lanes v = x[iy * w + ix];
                        const mask better = (v > best) | (v != v); // a NaN wins and stays, as in PyTorch
                        best = select_lanes(better, v, best);
                        place = (better & (int32_t)(iy * w + ix)) | (~better & place);
                    }
                *y++ = best;
                if (from) *from++ = place;
            }
    }
}

static void maxpool_forward(const cv_pass *p) {
#define BODY(c) forward(p, c)
    POOL_SIZES(p->config, BODY);
#undef BODY
}

// Windows side by side: every gradient is written once, and what no window covers is zero.
ALWAYS_INLINE void backward_apart(const cv_pass *p, const pool c) {
    const int64_t h = p->in.h, w = p->in.w, rows = p->out.h * c.kernel[0], columns = p->out.w * c.kernel[1];
    const mask *from = p->saved;
    const lanes *dy = p->dy, zero = {0};
    for (int64_t k = 0; k < p->in.c; k++) {
        lanes *dx = (lanes *)p->dx[0] + k * h * w;
        for (int64_t y = 0; y < rows; y += c.kernel[0]) {
            for (int64_t x = 0; x < columns; x += c.kernel[1], dy++, from++)
                for (int64_t i = y; i < y + c.kernel[0]; i++)
                    for (int64_t j = x; j < x + c.kernel[1]; j++)
                        dx[i * w + j] = select_lanes(*from == (int32_t)(i * w + j), *dy, zero);
            for (int64_t i = y; i < y + c.kernel[0]; i++)
                memset(dx + i * w + columns, 0, (size_t)(w - columns) * sizeof *dx);
        }
        memset(dx + rows * w, 0, (size_t)((h - rows) * w) * sizeof *dx);
    }
}

static void backward_overlapping(const cv_pass *p, const pool *c) {
    const int64_t h = p->in.h, w = p->in.w;
    const mask *from = p->saved;
    const lanes *dy = p->dy;
    const lanes zero = {0};
    memset(p->dx[0], 0, (size_t)cv_shape_size(p->in) * sizeof(lanes));
    for (int64_t k = 0; k < p->in.c; k++) {
        lanes *dx = (lanes *)p->dx[0] + k * h * w;
        for (int64_t oy = 0; oy < p->out.h; oy++)
            for (int64_t ox = 0; ox < p->out.w; ox++, dy++, from++) {
                const span rows = pool_span(c, 0, oy, h), columns = pool_span(c, 1, ox, w);
                for (int64_t iy = rows.first; iy < rows.end; iy++)
                    for (int64_t ix = columns.first; ix < columns.end; ix++)
                        dx[iy * w + ix] += select_lanes(*from == (int32_t)(iy * w + ix), *dy, zero);
            }
    }
}

static void maxpool_backward(const cv_pass *p) {
#define BODY(c) backward_apart(p, c)
    if (pool_is_apart(p->config))
        POOL_SIZES(p->config, BODY);
    else
        backward_overlapping(p, p->config);
#undef BODY
}

static const cv_case maxpool1d_cases[] = {
    {{2, 3, 1, 9}, "{kernel: 2}", 16},
    {{2, 2, 1, 11}, "{kernel: 3, stride: 2, padding: 1}", 7},
    {{2, 1, 1, 10}, "{kernel: 4, stride: 1, padding: 2}", 33},
    {.batch = 0},
};
static const cv_case maxpool2d_cases[] = {
    {{3, 3, 7, 5}, "{kernel: 2}", 17},
    {{3, 2, 9, 8}, "{kernel: 3, stride: 2, padding: 1}", 8},
    {{3, 2, 6, 7}, "{kernel: [3, 2], stride: [1, 3]}", 15},
    {{3, 1, 5, 5}, "{kernel: 5, stride: 1, padding: 2}", 1},
    {{3, 2, 4, 9}, "{kernel: [2, 4], stride: [3, 1], padding: [1, 2]}", 16},
    {.batch = 0},
};

#define MAXPOOL_COMMON                                                                                                 \
    .config_size = sizeof(pool), .traits = CV_MAXIMUM | CV_BY_CHANNEL, .infer = pool_infer, .window = pool_window,     \
    .saved = maxpool_saved, .forward = maxpool_forward, .backward = maxpool_backward,                                  \
    .onnx = "y = MaxPool(x) " POOL_ONNX

CV_OP(maxpool1d) = {
    .name = "maxpool1d",
    .help = "largest value under a window, 1-d",
    .schema = maxpool1d_schema,
    .dims = 2,
    MAXPOOL_COMMON,
    .torch = "F.max_pool1d(x, {kernel}, {stride}, {padding})",
    .cases = maxpool1d_cases,
};

CV_OP(maxpool2d) = {
    .name = "maxpool2d",
    .help = "largest value under a window, 2-d",
    .schema = maxpool2d_schema,
    .dims = 3,
    MAXPOOL_COMMON,
    .torch = "F.max_pool2d(x, {kernel}, {stride}, {padding})",
    .cases = maxpool2d_cases,
};
