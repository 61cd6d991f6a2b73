// Rows and columns change places: y[c][j][i] = x[c][i][j], and dx[c][i][j] = dy[c][j][i].    x.transpose(-1, -2)
#include "op/layers/lanes.h"

static bool transpose_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config, (void)why, (void)why_size;
    *out = (cv_shape){3, in->c, in->w, in->h};
    return true;
}

static void transpose_maps(lanes *to, const lanes *from, cv_shape shape /* of from */) {
    for (int64_t c = 0; c < shape.c; c++, to += shape.h * shape.w)
        for (int64_t i = 0; i < shape.h; i++)
            for (int64_t j = 0; j < shape.w; j++) to[j * shape.h + i] = *from++;
}

static void transpose_forward(const cv_pass *p) {
    transpose_maps(p->y, p->x[0], p->in);
}

static void transpose_backward(const cv_pass *p) {
    transpose_maps(p->dx[0], p->dy, p->out);
}

CV_OP(transpose) = {
    .name = "transpose",
    .help = "rows and columns change places",
    .dims = 3,
    .by_pixel = true,
    .by_channel = true,
    .infer = transpose_infer,
    .forward = transpose_forward,
    .backward = transpose_backward,
    .torch = "x.transpose(-1, -2)",
    .onnx = "y = Transpose(x) perm=[0, 1, 3, 2]",
    .cases = CV_CASES({{3, 2, 3, 5}, NULL, 7}, {{3, 1, 19, 4}, NULL, 17}, {{3, 18, 2, 3}, NULL, 8}),
};
