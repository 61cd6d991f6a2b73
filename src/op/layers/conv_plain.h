// Convolution as its formula states it: one example, one loop per index, doubles. Read this before conv.c, which
// computes the same sums in another order. tests/test_layer.c holds conv.c to it; docs/layer.md derives both.
//
//   y[m][p][q] = b[m] + sum over c, i, j of w[m][c][i][j] x[c][p s - padding + i d][q s - padding + j d]
//
// with stride s and dilation d; x is zero outside the map. It is a cross-correlation: the kernel is not flipped.
// torch.nn.functional.conv2d; in 1-d every height is 1.
#pragma once

#include "op/shape.h"

enum { ALL_CHANNELS = -1 }; // of `out` and `groups` as written

typedef struct conv {
    int64_t out, kernel[2], stride[2], dilation[2], groups; // [2]: rows, columns
    int64_t padding[4];                                     // rows and columns before, then behind
    bool bias;
} conv;

// One term of the sum: y[to] += w[weight] * x[from].
typedef struct conv_term {
    int64_t to, weight, from;
} conv_term;

// Calls visit for every term, by rising `to`, and by rising `weight` for each of them. Terms whose x lies outside the
// map are zero and left out.
static inline void conv_each_term(const conv *c, cv_shape in, cv_shape out, void (*visit)(void *user, conv_term term),
                                  void *user) {
    const int64_t depth = in.c / c->groups, maps = out.c / c->groups; // per group
    for (int64_t m = 0; m < out.c; m++)
        for (int64_t p = 0; p < out.h; p++)
            for (int64_t q = 0; q < out.w; q++)
                for (int64_t k = 0; k < depth; k++)
                    for (int64_t i = 0; i < c->kernel[0]; i++)
                        for (int64_t j = 0; j < c->kernel[1]; j++) {
                            const int64_t row = p * c->stride[0] - c->padding[0] + i * c->dilation[0],
                                          column = q * c->stride[1] - c->padding[1] + j * c->dilation[1],
                                          channel = m / maps * depth + k;
                            if (row < 0 || row >= in.h || column < 0 || column >= in.w) continue;
                            visit(user, (conv_term){(m * out.h + p) * out.w + q,
                                                    ((m * depth + k) * c->kernel[0] + i) * c->kernel[1] + j,
                                                    (channel * in.h + row) * in.w + column});
                        }
}

// The values of one example and their gradients, in PyTorch's layouts.
typedef struct conv_values {
    double *x, *w, *b, *y; // [in.c][in.h][in.w], [out.c][in.c / groups][kernel][kernel], [out.c], [out.c][out.h][out.w]
    double *dx, *dw, *db, *dy; // the same shapes
} conv_values;

static inline void conv_forward_term(void *user, conv_term t) {
    const conv_values *v = user;
    v->y[t.to] += v->w[t.weight] * v->x[t.from];
}

// The product rule: a term w x adds dy x to the gradient of w, and dy w to that of x.
static inline void conv_backward_term(void *user, conv_term t) {
    const conv_values *v = user;
    v->dw[t.weight] += v->dy[t.to] * v->x[t.from];
    v->dx[t.from] += v->dy[t.to] * v->w[t.weight];
}

// Writes y. b may be NULL.
static inline void conv_plain_forward(const conv *c, cv_shape in, cv_shape out, conv_values *v) {
    const int64_t pixels = cv_shape_pixels(out);
    for (int64_t i = 0; i < cv_shape_size(out); i++) v->y[i] = v->b ? v->b[i / pixels] : 0;
    conv_each_term(c, in, out, conv_forward_term, v);
}

// Adds to dx, dw and db. db may be NULL.
static inline void conv_plain_backward(const conv *c, cv_shape in, cv_shape out, conv_values *v) {
    const int64_t pixels = cv_shape_pixels(out);
    for (int64_t i = 0; v->db && i < cv_shape_size(out); i++) v->db[i / pixels] += v->dy[i];
    conv_each_term(c, in, out, conv_backward_term, v);
}
