// y = x where x > 0, slope x elsewhere.    dx = dy, or slope dy.    torch.nn.LeakyReLU    Maas et al. 2013
#include "op/layers/pointwise.h"

typedef struct leaky_relu {
    double slope;
} leaky_relu;

// from: x, or y, which has its sign.
ALWAYS_INLINE lanes leaky_relu_gradient(const void *config, lanes from, lanes dy) {
    return select_lanes(from > 0, dy, dy * (real)((const leaky_relu *)config)->slope);
}
ALWAYS_INLINE lanes leaky_relu_of(const void *config, lanes x) {
    return leaky_relu_gradient(config, x, x);
}

POINTWISE_PASSES(leaky_relu, y)

CV_OP(leaky_relu) = {
    .name = "leaky_relu",
    .help = "negative values become small",
    .schema = CV_OPTIONS(CV_OPTION("slope", CV_FLOAT, leaky_relu, slope, "factor of negative values", .fallback = 0.01,
                                   CV_RANGE(0, 1))),
    .config_size = sizeof(leaky_relu),
    POINTWISE_BY_Y(leaky_relu),
    .torch = "F.leaky_relu(x, {slope})",
    .onnx = "y = LeakyRelu(x) alpha={slope}",
    .cases = POINTWISE_CASES("{slope: 0.2}"),
};
