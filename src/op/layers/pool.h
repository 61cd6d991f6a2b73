// What the pooling layers share: options and geometry, with PyTorch's defaults and edge rules.
#pragma once

#include "op/layers/lanes.h"
#include "op/layers/sides.h"

typedef struct pool {
    int64_t kernel[2], stride[2], padding[4];
    bool count_padding; // average pooling only
} pool;

#define POOL_OPTIONS(pair, sides)                                                                                      \
    CV_OPTION("kernel", pair, pool, kernel, "window size", .required = true, CV_RANGE(1, 1 << 20), .unit = 1),         \
        CV_OPTION("stride", pair, pool, stride, "step of the window; default: its size", CV_RANGE(1, 1 << 20),         \
                  .unit = 1),                                                                                          \
        CV_OPTION("padding", sides, pool, padding, SIDES_HELP("rows and columns added around"), CV_RANGE(0, 1 << 20),  \
                  .words = SIDES_WORDS)

// The options as ONNX has them.
#define POOL_ONNX "kernel_shape=[{kernel}] strides=[{stride}] pads=[{padding}]"

static inline bool pool_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    pool *c = config;
    const int64_t size[2] = {in->h, in->w};
    int64_t result[2];
    for (int d = 0; d < 2; d++) {
        if (c->stride[d] == 0) c->stride[d] = c->kernel[d];
        side_numbers(c->padding, d, size[d], c->kernel[d], c->stride[d]);
        const int64_t padded = padded_size(c->padding, d, size[d]);
        for (int side = d; side < 4; side += 2)
            if (c->padding[side] >= c->kernel[d]) { // a window that reaches no pixel has no mean and no maximum
                cv_print(why, why_size, "padding %lld must be smaller than the window of %lld",
                         (long long)c->padding[side], (long long)c->kernel[d]);
                return false;
            }
        if (c->kernel[d] > padded) {
            cv_print(why, why_size, "window %lld is larger than the padded input %lld", (long long)c->kernel[d],
                     (long long)padded);
            return false;
        }
        result[d] = (padded - c->kernel[d]) / c->stride[d] + 1;
    }
    *out = (cv_shape){in->dims, in->c, result[0], result[1]};
    return true;
}

static inline cv_window pool_window(const void *config, cv_shape in) {
    const pool *c = config;
    (void)in;
    return (cv_window){
        {c->kernel[0], c->kernel[1]}, {c->stride[0], c->stride[1]}, {c->padding[0], c->padding[1]}, {1, 1}};
}

// Windows side by side, without padding: each input pixel belongs to one of them at most.
static inline bool pool_is_apart(const pool *c) {
    return c->stride[0] == c->kernel[0] && c->stride[1] == c->kernel[1] && !has_padding(c->padding);
}

// The input rows (d = 0) or columns (d = 1) under output position `at`, cut to the input.
static inline cv_span pool_span(const pool *c, int d, int64_t at, int64_t size) {
    const int64_t first = at * c->stride[d] - c->padding[d], end = first + c->kernel[d];
    if (c->padding[d] == 0 && c->padding[2 + d] == 0) return (cv_span){first, end};
    return (cv_span){first > 0 ? first : 0, end < size ? end : size};
}

// The pixels of a map that one output is made of. n: its number among the outputs of all maps.
typedef struct window {
    int64_t n, width; // of the map
    cv_span rows, columns;
} window;

typedef lanes pool_reduce(const cv_pass *p, const pool *c, const window *w, const lanes *map);
// Of the output's gradient, what goes to a pixel.
typedef lanes pool_share(const cv_pass *p, const pool *c, const window *w, lanes dy, int64_t pixel);

ALWAYS_INLINE void pool_forward_of(const cv_pass *p, const pool c, pool_reduce reduce) {
    const lanes *map = p->x[0];
    lanes *y = p->y;
    window w = {.width = p->in.w};
    for (int64_t k = 0; k < p->in.c; k++, map += cv_shape_pixels(p->in))
        for (int64_t row = 0; row < p->out.h; row++) {
            w.rows = pool_span(&c, 0, row, p->in.h);
            for (int64_t column = 0; column < p->out.w; column++, w.n++) {
                w.columns = pool_span(&c, 1, column, p->in.w);
                y[w.n] = reduce(p, &c, &w, map);
            }
        }
}

// Windows side by side: every gradient is written once, and what no window covers is zero.
ALWAYS_INLINE void pool_backward_apart(const cv_pass *p, const pool c, pool_share share) {
    const int64_t width = p->in.w, rows = p->out.h * c.kernel[0], columns = p->out.w * c.kernel[1];
    const lanes *dy = p->dy;
    lanes *dx = p->dx[0];
    window w = {.width = width};
    for (int64_t k = 0; k < p->in.c; k++, dx += cv_shape_pixels(p->in)) {
        for (int64_t y = 0; y < rows; y += c.kernel[0]) {
            w.rows = (cv_span){y, y + c.kernel[0]};
            for (int64_t x = 0; x < columns; x += c.kernel[1], w.n++) {
                w.columns = (cv_span){x, x + c.kernel[1]};
                for (int64_t i = y; i < y + c.kernel[0]; i++)
                    for (int64_t j = x; j < x + c.kernel[1]; j++)
                        dx[i * width + j] = share(p, &c, &w, dy[w.n], i * width + j);
            }
            for (int64_t i = y; i < y + c.kernel[0]; i++)
                memset(dx + i * width + columns, 0, (size_t)(width - columns) * sizeof *dx);
        }
        memset(dx + rows * width, 0, (size_t)((p->in.h - rows) * width) * sizeof *dx);
    }
}

ALWAYS_INLINE void pool_backward_overlapping(const cv_pass *p, const pool *c, pool_share share) {
    const lanes *dy = p->dy;
    lanes *dx = p->dx[0];
    window w = {.width = p->in.w};
    memset(dx, 0, (size_t)cv_shape_size(p->in) * sizeof *dx);
    for (int64_t k = 0; k < p->in.c; k++, dx += cv_shape_pixels(p->in))
        for (int64_t row = 0; row < p->out.h; row++) {
            w.rows = pool_span(c, 0, row, p->in.h);
            for (int64_t column = 0; column < p->out.w; column++, w.n++) {
                w.columns = pool_span(c, 1, column, p->in.w);
                for (int64_t i = w.rows.first; i < w.rows.end; i++)
                    for (int64_t j = w.columns.first; j < w.columns.end; j++)
                        dx[i * w.width + j] += share(p, c, &w, dy[w.n], i * w.width + j);
            }
        }
}

// Windows of two, side by side, are what most nets have: with their sizes known to the compiler, the loops over a
// window unroll.
static inline bool pool_is(const pool *c, int64_t rows, int64_t columns) {
    return pool_is_apart(c) && c->kernel[0] == rows && c->kernel[1] == columns;
}
#define POOL_OF(rows, columns) ((pool){{rows, columns}, {rows, columns}, {0}, true})

ALWAYS_INLINE void pool_forward(const cv_pass *p, pool_reduce reduce) {
    const pool *c = p->config;
    if (pool_is(c, 2, 2))
        pool_forward_of(p, POOL_OF(2, 2), reduce);
    else if (pool_is(c, 1, 2))
        pool_forward_of(p, POOL_OF(1, 2), reduce);
    else
        pool_forward_of(p, *c, reduce);
}

ALWAYS_INLINE void pool_backward(const cv_pass *p, pool_share share) {
    const pool *c = p->config;
    if (pool_is(c, 2, 2))
        pool_backward_apart(p, POOL_OF(2, 2), share);
    else if (pool_is(c, 1, 2))
        pool_backward_apart(p, POOL_OF(1, 2), share);
    else if (pool_is_apart(c))
        pool_backward_apart(p, *c, share);
    else
        pool_backward_overlapping(p, c, share);
}

// What all pools are; dims: 1 or 2.
#define POOL_OP(dims_, schema_)                                                                                        \
    .dims = dims_ + 1, .schema = schema_, .config_size = sizeof(pool), .by_channel = true, .infer = pool_infer,        \
    .window = pool_window
