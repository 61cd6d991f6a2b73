// y = x s(x), s(x) = 1 / (1 + e^-x); also called swish.    dx = dy s (1 + x (1 - s)).    torch.nn.SiLU
// Elfwing, Uchibe & Doya 2017, https://arxiv.org/abs/1702.03118
#include "op/layers/pointwise.h"

ALWAYS_INLINE lanes silu_of(const void *config, lanes x) {
    (void)config;
    return x * sigmoid_lanes(x);
}
ALWAYS_INLINE lanes silu_gradient(const void *config, lanes x, lanes dy) {
    const lanes s = sigmoid_lanes(x);
    (void)config;
    return dy * s * (1 + x * (1 - s));
}

POINTWISE_PASSES(silu, x[0])

CV_OP(silu) = {
    .name = "silu",
    .help = "x times the logistic function of x (swish)",
    POINTWISE_BY_X(silu),
    .torch = "F.silu(x)",
    .onnx = "gate = Sigmoid(x); y = Mul(x, gate)",
    .cases = POINTWISE_CASES(NULL),
    .case_range = 8,
};
