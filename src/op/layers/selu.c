// y = scale x where x > 0, scale alpha (e^x - 1) elsewhere: a layer of independent inputs keeps mean 0 and variance 1.
// dx = scale dy, or dy (y + scale alpha).    torch.nn.SELU    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515
#include "op/layers/pointwise.h"

#define SELU_SCALE ((real)1.0507009873554804934193349852946)
#define SELU_ALPHA ((real)1.6732632423543772848170429916717)

ALWAYS_INLINE lanes selu_of(const void *config, lanes x) {
    (void)config;
    return SELU_SCALE * select_lanes(x > 0, x, SELU_ALPHA * expm1_lanes(x));
}
ALWAYS_INLINE lanes selu_gradient(const void *config, lanes y, lanes dy) {
    (void)config;
    return dy * select_lanes(y > 0, lanes_of(SELU_SCALE), y + SELU_SCALE * SELU_ALPHA);
}

POINTWISE_PASSES(selu, y)

CV_OP(selu) = {
    .name = "selu",
    .help = "elu that keeps mean 0 and variance 1",
    POINTWISE_BY_Y(selu),
    .torch = "F.selu(x)",
    .onnx = "y = Selu(x)",
    .cases = POINTWISE_CASES(NULL),
    .case_range = 4,
};
