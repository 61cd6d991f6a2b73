// Dimensions in another order: {order: hcw} makes rows of channels and channels of rows.    x.permute(0, 2, 1, 3)
#include "op/layers/single.h"

typedef struct permute {
    int order;
} permute;

// For each dimension of y the one of x, in the order of the words.
#define PERMUTE_WORDS "wc|hcw|hwc|wch|whc"
static const int permute_from[][3] = {{2, 1, 0}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static const int *from_of(const void *config) {
    return permute_from[((const permute *)config)->order];
}

static bool permute_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const int *from = from_of(config), dims = ((const permute *)config)->order ? 3 : 2;
    const int64_t size[3] = {in->c, in->h, in->w};
    char text[48];
    *out = (cv_shape){dims, size[from[0]], size[from[1]], size[from[2]]};
    if (in->dims == dims) return true;
    cv_shape_text(*in, text, sizeof text);
    cv_print(why, why_size, "its order names %d dimensions, but its input is %s", dims, text);
    return false;
}

// Moves x to y, or where back is set y to x.
static void move_permuted(const cv_pass *p, lanes *x, lanes *y, bool back) {
    const int *from = from_of(p->config);
    const int64_t step[3] = {p->in.h * p->in.w, p->in.w, 1};
    for (int64_t c = 0; c < p->out.c; c++)
        for (int64_t row = 0; row < p->out.h; row++) {
            lanes *at = x + c * step[from[0]] + row * step[from[1]];
            for (int64_t column = 0; column < p->out.w; column++, y++, at += step[from[2]]) {
                if (back)
                    *at = *y;
                else
                    *y = *at;
            }
        }
}

static void permute_forward(const cv_pass *p) {
    move_permuted(p, (lanes *)(uintptr_t)p->x[0], p->y, false);
}
static void permute_backward(const cv_pass *p) {
    move_permuted(p, p->dx[0], (lanes *)(uintptr_t)p->dy, true);
}

typedef struct single_permute {
    cv_single single;
    permute layer;
} single_permute;

static void single_permute_forward(const cv_pass *p) {
    const single_permute *l = p->config;
    const cv_shape in = l->single.in, out = l->single.out;
    const int *from = from_of(&l->layer);
    const real *x = p->x[0];
    real *y = p->y;
    int64_t at[3];
    for (int64_t c = 0; c < out.c; c++)
        for (int64_t row = 0; row < out.h; row++)
            for (int64_t column = 0; column < out.w; column++) {
                at[from[0]] = c, at[from[1]] = row, at[from[2]] = column;
                y[single_place(c, row * out.w + column, out.h * out.w)] =
                    x[single_place(at[0], at[1] * in.w + at[2], in.h * in.w)];
            }
}

static const cv_op single_of_permute = {
    .name = "permute",
    .config_size = sizeof(single_permute),
    .infer = single_infer,
    .forward = single_permute_forward,
};

static bool permute_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const int *from = from_of(config);
    (void)in1, (void)out;
    if (in.dims == 2)
        cv_print(text, size, "y = Transpose(x) perm=[0, 2, 1]");
    else
        cv_print(text, size, "y = Transpose(x) perm=[0, %d, %d, %d]", from[0] + 1, from[1] + 1, from[2] + 1);
    return true;
}

CV_OP(permute) = {
    .name = "permute",
    .help = "dimensions in another order, so that rows or columns become channels (see transpose for rows and columns "
            "alone)",
    .schema = CV_OPTIONS(CV_OPTION("order", CV_WORD, permute, order,
                                   "where they come from: c, h, w are the channels, rows and columns of the input",
                                   .required = true, .words = PERMUTE_WORDS)),
    .config_size = sizeof(permute),
    .infer = permute_infer,
    .forward = permute_forward,
    .backward = permute_backward,
    .torch = "x.permute(0, *[('chw' if x.dim() == 4 else 'cw').index(k) + 1 for k in '{order}'])",
    .say_onnx = permute_say,
    .cases = CV_CASES({{2, 3, 1, 5}, "{order: wc}", 7}, {{3, 2, 3, 5}, "{order: hcw}", 3},
                      {{3, 2, 3, 5}, "{order: hwc}", 8}, {{3, 2, 3, 5}, "{order: wch}", 15},
                      {{3, 2, 3, 5}, "{order: whc}", 16}),
    .single = &single_of_permute,
};
