// y = 1 / (1 + e^-x).    dx = dy y (1 - y).    torch.nn.Sigmoid
#include "op/layers/pointwise.h"

ALWAYS_INLINE lanes sigmoid_of(const void *config, lanes x) {
    (void)config;
    return sigmoid_lanes(x);
}
ALWAYS_INLINE lanes sigmoid_gradient(const void *config, lanes y, lanes dy) {
    (void)config;
    return dy * y * (1 - y);
}

POINTWISE_PASSES(sigmoid, y)

CV_OP(sigmoid) = {
    .name = "sigmoid",
    .help = "logistic function, between 0 and 1",
    POINTWISE_BY_Y(sigmoid),
    .torch = "torch.sigmoid(x)",
    .onnx = "y = Sigmoid(x)",
    .cases = POINTWISE_CASES(NULL),
};
