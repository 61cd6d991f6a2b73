// y = 1 / (1 + e^-x).    dx = dy y (1 - y).    torch.nn.Sigmoid
#include "op/layers/lanes.h"

static void sigmoid_forward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = sigmoid_lanes(x[i]);
}

static void sigmoid_backward(const cv_pass *p) {
    const lanes *y = p->y, *dy = p->dy;
    lanes *dx = p->dx[0];
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) dx[i] = dy[i] * y[i] * (1 - y[i]);
}

CV_OP(sigmoid) = {
    .name = "sigmoid",
    .help = "logistic function, between 0 and 1",
    .reads_y = true,
    .in_place = true,
    .by_channel = true,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
    .torch = "torch.sigmoid(x)",
    .onnx = "y = Sigmoid(x)",
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, NULL, 15}, {{3, 2, 3, 5}, NULL, 33}),
};
