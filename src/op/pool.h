// What the pooling layers share: options and geometry, with PyTorch's defaults and edge rules.
#ifndef CV_POOL_H
#define CV_POOL_H

#include "op/lanes.h"

typedef struct pool {
    int64_t kernel[2], stride[2], padding[2];
    bool count_padding; // average pooling only
} pool;

#define POOL_OPTIONS(pair)                                                                                             \
    {.name = "kernel",                                                                                                 \
     .type = pair,                                                                                                     \
     .offset = offsetof(pool, kernel),                                                                                 \
     .required = true,                                                                                                 \
     .min = 1,                                                                                                         \
     .max = 1 << 20,                                                                                                   \
     .unit = 1,                                                                                                        \
     .help = "window size"},                                                                                           \
        {.name = "stride",                                                                                             \
         .type = pair,                                                                                                 \
         .offset = offsetof(pool, stride),                                                                             \
         .min = 1,                                                                                                     \
         .max = 1 << 20,                                                                                               \
         .unit = 1,                                                                                                    \
         .help = "step of the window; default: its size"},                                                             \
    {                                                                                                                  \
        .name = "padding", .type = pair, .offset = offsetof(pool, padding), .min = 0, .max = 1 << 20,                  \
        .help = "rows and columns added around, at most half the window"                                               \
    }

// The options as ONNX has them.
#define POOL_ONNX "kernel_shape=[{kernel}] strides=[{stride}] pads=[{padding}, {padding}]"

static inline bool pool_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    pool *c = config;
    const int64_t size[2] = {in->h, in->w};
    int64_t result[2];
    for (int d = 0; d < 2; d++) {
        if (c->stride[d] == 0) c->stride[d] = c->kernel[d];
        const int64_t padded = size[d] + 2 * c->padding[d];
        if (c->padding[d] > c->kernel[d] / 2) {
            cv_print(why, why_size, "padding %lld is more than half the window of %lld", (long long)c->padding[d],
                     (long long)c->kernel[d]);
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
    return c->stride[0] == c->kernel[0] && c->stride[1] == c->kernel[1] && !c->padding[0] && !c->padding[1];
}

// Calls body(config). Windows of two, side by side, are what most nets have: with their sizes known to the compiler,
// the loops over a window unroll.
#define POOL_SIZES(config, body)                                                                                       \
    do {                                                                                                               \
        const pool *size = config;                                                                                     \
        if (pool_is_apart(size) && size->kernel[0] == 2 && size->kernel[1] == 2)                                       \
            body(((pool){{2, 2}, {2, 2}, {0, 0}, true}));                                                              \
        else if (pool_is_apart(size) && size->kernel[0] == 1 && size->kernel[1] == 2)                                  \
            body(((pool){{1, 2}, {1, 2}, {0, 0}, true}));                                                              \
        else                                                                                                           \
            body(*size);                                                                                               \
    } while (0)

// The input rows (d = 0) or columns (d = 1) under output position `at`, cut to the input.
typedef struct span {
    int64_t first, end;
} span;

static inline span pool_span(const pool *c, int d, int64_t at, int64_t size) {
    const int64_t first = at * c->stride[d] - c->padding[d], end = first + c->kernel[d];
    if (c->padding[d] == 0) return (span){first, end};
    return (span){first > 0 ? first : 0, end < size ? end : size};
}

#endif
