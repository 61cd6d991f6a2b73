// y = tanh x.    dx = dy (1 - y^2).    torch.nn.Tanh
#include "op/layers/lanes.h"

static void tanh_forward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = tanh_lanes(x[i]);
}

static void tanh_backward(const cv_pass *p) {
    const lanes *y = p->y, *dy = p->dy;
    lanes *dx = p->dx[0];
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) dx[i] = dy[i] * (1 - y[i] * y[i]);
}

CV_OP(tanh) = {
    .name = "tanh",
    .help = "hyperbolic tangent",
    .reads_y = true,
    .in_place = true,
    .by_channel = true,
    .forward = tanh_forward,
    .backward = tanh_backward,
    .torch = "torch.tanh(x)",
    .onnx = "y = Tanh(x)",
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, NULL, 16}, {{3, 2, 3, 5}, NULL, 33}),
};
