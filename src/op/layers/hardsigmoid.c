// hardsigmoid: y = (x + 3) / 6, cut to 0 ... 1.    dx = dy / 6, or 0 where it is cut.    torch.nn.Hardsigmoid
// hardswish: y = x hardsigmoid(x).    dx = dy (2 x + 3) / 6, or dy, or 0.    torch.nn.Hardswish
// Howard et al. 2019, https://arxiv.org/abs/1905.02244
#include "op/layers/pointwise.h"

ALWAYS_INLINE lanes hardsigmoid_of(const void *config, lanes x) {
    const lanes y = (x + 3) / 6, low = lanes_of(0), high = lanes_of(1);
    (void)config;
    return select_lanes(y < low, low, select_lanes(y > high, high, y)); // a NaN stays one
}
ALWAYS_INLINE lanes hardsigmoid_gradient(const void *config, lanes y, lanes dy) {
    (void)config;
    return select_lanes((y > 0) & (y < 1), dy / 6, lanes_of(0));
}

ALWAYS_INLINE lanes hardswish_of(const void *config, lanes x) {
    return x * hardsigmoid_of(config, x);
}
ALWAYS_INLINE lanes hardswish_gradient(const void *config, lanes x, lanes dy) {
    const lanes rising = dy * (x / 3 + (real)0.5);
    (void)config;
    return select_lanes(x < 3, select_lanes(x > -3, rising, lanes_of(0)), dy);
}

POINTWISE_PASSES(hardsigmoid, y)
POINTWISE_PASSES(hardswish, x[0])

CV_OP(hardsigmoid) = {
    .name = "hardsigmoid",
    .help = "the logistic function as a straight line between 0 and 1",
    POINTWISE_BY_Y(hardsigmoid),
    .torch = "F.hardsigmoid(x)",
    .onnx = "y = HardSigmoid(x) alpha=0.166666667 beta=0.5",
    .cases = POINTWISE_CASES(NULL),
    .case_range = 4,
};

CV_OP(hardswish) = {
    .name = "hardswish",
    .help = "x times hardsigmoid of x",
    POINTWISE_BY_X(hardswish),
    .torch = "F.hardswish(x)",
    .onnx = "y = HardSwish(x)",
    .cases = POINTWISE_CASES(NULL),
    .case_range = 8, // whose "coarse" values miss +-3, where PyTorch's two kernels differ
};
