// Layers that compute each value from one: y = f(x), dx = dy f'(x), the slope taken from x or, so that y may overwrite
// x, from y.
#pragma once

#include "op/layers/lanes.h"

typedef lanes pointwise(const void *config, lanes x);
typedef lanes pointwise_gradient(const void *config, lanes from, lanes dy); // from: x or y

ALWAYS_INLINE void forward_each(const cv_pass *p, pointwise f) {
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = f(p->config, x[i]);
}

ALWAYS_INLINE void backward_each(const cv_pass *p, const lanes *from, pointwise_gradient gradient) {
    const lanes *dy = p->dy;
    lanes *dx = p->dx[0];
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) dx[i] = gradient(p->config, from[i], dy[i]);
}

// The passes of a layer from two functions, name_of and name_gradient. from: x[0] or y.
#define POINTWISE_PASSES(name, from)                                                                                   \
    static void name##_forward(const cv_pass *p) {                                                                     \
        forward_each(p, name##_of);                                                                                    \
    }                                                                                                                  \
    static void name##_backward(const cv_pass *p) {                                                                    \
        backward_each(p, p->from, name##_gradient);                                                                    \
    }

// What the plan may know of such a layer.
#define POINTWISE_BY_X(name)                                                                                           \
    .reads_x = true, .dx_in_place = true, .by_channel = true, .by_pixel = true, .forward = name##_forward,             \
    .backward = name##_backward
#define POINTWISE_BY_Y(name)                                                                                           \
    .reads_y = true, .in_place = true, .by_channel = true, .by_pixel = true, .forward = name##_forward,                \
    .backward = name##_backward

// Cases of such a layer: every number of dimensions.
#define POINTWISE_CASES(options)                                                                                       \
    CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, options, 16}, {{3, 2, 3, 5}, options, 33})
