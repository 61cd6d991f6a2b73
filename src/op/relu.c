// y = max(x, 0).    dx = dy where y > 0.    torch.nn.ReLU
#include "op/lanes.h"

static void relu_forward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes *y = p->y;
    const lanes zero = {0};
    // Written so that a NaN stays one: a broken net must be noticed.
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = select_lanes(x[i] < zero, zero, x[i]);
}

static void relu_backward(const cv_pass *p) {
    const lanes *y = p->y, *dy = p->dy;
    lanes *dx = p->dx[0];
    const lanes zero = {0};
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) dx[i] = select_lanes(y[i] > zero, dy[i], zero);
}

static const cv_case relu_cases[] = {
    {{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, NULL, 16}, {{3, 2, 3, 5}, NULL, 17}, {.batch = 0}};

CV_OP(relu) = {
    .name = "relu",
    .help = "negative values become zero",
    .traits = CV_READS_Y | CV_INPLACE | CV_RISING | CV_BY_CHANNEL,
    .forward = relu_forward,
    .backward = relu_backward,
    .torch = "torch.relu(x)",
    .onnx = "y = Relu(x)",
    .cases = relu_cases,
};
