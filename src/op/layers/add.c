// y = a + b: where a residual block's body and its shortcut meet.
#include "op/layers/lanes.h"

static bool add_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    if (in[0].dims != in[1].dims || in[0].c != in[1].c || in[0].h != in[1].h || in[0].w != in[1].w) {
        char a[48], b[48];
        cv_shape_text(in[0], a, sizeof a);
        cv_shape_text(in[1], b, sizeof b);
        cv_print(why, why_size, "body and shortcut differ: %s and %s cannot be added", a, b);
        return false;
    }
    *out = in[0];
    return true;
}

static void add_forward(const cv_pass *p) {
    const lanes *a = p->x[0], *b = p->x[1];
    lanes *y = p->y;
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = a[i] + b[i];
}

static void add_backward(const cv_pass *p) {
    for (int k = 0; k < 2; k++)
        if (p->dx[k] && p->dx[k] != p->dy) memcpy(p->dx[k], p->dy, (size_t)cv_shape_size(p->out) * sizeof(lanes));
}

CV_OP(add) = {
    .name = "add",
    .help = "sum of two values of the same shape (residual blocks make it)",
    .inputs = 2,
    .in_place = true,
    .by_channel = true,
    .infer = add_infer,
    .forward = add_forward,
    .backward = add_backward,
    .torch = "x + x1",
    .onnx = "y = Add(x, x1)",
    .cases = CV_CASES({{2, 3, 1, 7}, NULL, 15}, {{3, 2, 3, 5}, NULL, 17}),
};
