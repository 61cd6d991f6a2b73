// y = x where x > 0, alpha (e^x - 1) elsewhere.    dx = dy, or dy (y + alpha).    torch.nn.ELU
// Clevert, Unterthiner & Hochreiter 2016, https://arxiv.org/abs/1511.07289
#include "op/layers/pointwise.h"

typedef struct elu {
    double alpha;
} elu;

ALWAYS_INLINE lanes elu_of(const void *config, lanes x) {
    return select_lanes(x > 0, x, expm1_lanes(x) * (real)((const elu *)config)->alpha);
}
ALWAYS_INLINE lanes elu_gradient(const void *config, lanes y, lanes dy) {
    return select_lanes(y > 0, dy, dy * (y + (real)((const elu *)config)->alpha));
}

POINTWISE_PASSES(elu, y)

CV_OP(elu) = {
    .name = "elu",
    .help = "negative values tend to a constant",
    .schema = CV_OPTIONS(CV_OPTION("alpha", CV_FLOAT, elu, alpha, "what large negative values tend to, negated",
                                   .fallback = 1, CV_RANGE(0, 100))),
    .config_size = sizeof(elu),
    POINTWISE_BY_Y(elu),
    .torch = "F.elu(x, {alpha})",
    .onnx = "y = Elu(x) alpha={alpha}",
    .cases = POINTWISE_CASES("{alpha: 0.7}"),
    .case_range = 4,
};
