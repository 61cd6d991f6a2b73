// y = tanh x.    dx = dy (1 - y^2).    torch.nn.Tanh
#include "op/layers/pointwise.h"

ALWAYS_INLINE lanes tanh_of(const void *config, lanes x) {
    (void)config;
    return tanh_lanes(x);
}
ALWAYS_INLINE lanes tanh_gradient(const void *config, lanes y, lanes dy) {
    (void)config;
    return dy * (1 - y * y);
}

POINTWISE_PASSES(tanh, y)

CV_OP(tanh) = {
    .name = "tanh",
    .help = "hyperbolic tangent",
    POINTWISE_BY_Y(tanh),
    .torch = "torch.tanh(x)",
    .onnx = "y = Tanh(x)",
    .cases = POINTWISE_CASES(NULL),
};
