// Two values pixel by pixel, the second one of which may have one row, one column or one number for a whole map, as
// PyTorch broadcasts x1 of the shape (c, 1, w), (c, h, 1), (c, 1, 1) or (c).
#pragma once

#include "op/layers/lanes.h"

static inline bool broadcast_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const cv_shape a = in[0], b = in[1];
    (void)config;
    *out = a;
    if (a.c == b.c && (a.dims == b.dims || b.dims == 1) && (a.h == b.h || b.h == 1) && (a.w == b.w || b.w == 1))
        return true;
    char first[48], second[48];
    cv_shape_text(a, first, sizeof first);
    cv_shape_text(b, second, sizeof second);
    cv_print(why, why_size,
             "its inputs differ: %s and %s; the second one may have the same shape, one row, one column, or one number "
             "for each channel",
             first, second);
    return false;
}

static inline bool is_same_shape(const cv_pass *p) {
    return cv_shape_size(p->in) == cv_shape_size(p->in1);
}

// Which pixel of x1 belongs to a pixel of x.
static inline int64_t second_pixel(const cv_pass *p, int64_t row, int64_t column) {
    return (p->in1.h > 1 ? row * p->in1.w : 0) + (p->in1.w > 1 ? column : 0);
}

// Does `body` for every channel c, row and column: x's pixel number i, x1's number j.
#define FOR_EACH_PAIR(p, body)                                                                                         \
    for (int64_t c = 0, i = 0; c < (p)->in.c; c++)                                                                     \
        for (int64_t row = 0; row < (p)->in.h; row++)                                                                  \
            for (int64_t column = 0; column < (p)->in.w; column++, i++) {                                              \
                const int64_t j = c * cv_shape_pixels((p)->in1) + second_pixel(p, row, column);                        \
                body;                                                                                                  \
            }

// "y = Add(x, x1)" or another operator of two values; a vector beside maps gets the sizes that it lacks.
static inline void say_broadcast(const char *type, cv_shape in, cv_shape in1, char *text, size_t size) {
    if (in.dims == in1.dims)
        cv_print(text, size, "y = %s(x, x1)", type);
    else
        cv_print(text, size, "wide = Reshape(x1, #[0, -1, 1%s]); y = %s(x, wide)", in.dims == 3 ? ", 1" : "", type);
}
