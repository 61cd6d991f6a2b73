// y = max(x, 0).    dx = dy where y > 0.    torch.nn.ReLU
#include "op/layers/bits.h"

// A NaN stays one, so that a broken net is noticed.
ALWAYS_INLINE lanes relu(const void *config, lanes x, mask *passes) {
    const lanes zero = {0};
    (void)config;
    *passes = x > zero;
    return select_lanes(x < zero, zero, x);
}

static void relu_forward(const cv_pass *p) {
    forward_with_bits(p, relu);
}

CV_OP(relu) = {
    .name = "relu",
    .help = "negative values become zero",
    .in_place = true,
    .monotonic = true,
    .by_pixel = true,
    .by_channel = true,
    .cuts = true,
    .limits = {0, INFINITY},
    .saved = bits_saved,
    .forward = relu_forward,
    .backward = backward_by_bits,
    .torch = "torch.relu(x)",
    .onnx = "y = Relu(x)",
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, NULL, 16}, {{3, 2, 3, 5}, NULL, 17},
                      {{2, 2, 1, 75}, NULL, 5}),
};
