// clip: y = x, cut to low ... high.    dx = dy within the limits, themselves included, else 0.    torch.clamp
// relu6: y = x, cut to 0 ... 6.    dx = dy between the limits, else 0.    torch.nn.ReLU6
#include "op/layers/bits.h"
#include "op/layers/pointwise.h"

typedef struct clip {
    double low, high;
} clip;

static bool clip_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const clip *c = config;
    *out = in[0];
    if (c->low > c->high) cv_print(why, why_size, "low %g is above high %g", c->low, c->high);
    return c->low <= c->high;
}

ALWAYS_INLINE lanes cut(lanes x, real low, real high) { // a NaN stays one
    return select_lanes(x < low, lanes_of(low), select_lanes(x > high, lanes_of(high), x));
}

ALWAYS_INLINE lanes clip_of(const void *config, lanes x) {
    const clip *c = config;
    return cut(x, (real)c->low, (real)c->high);
}
ALWAYS_INLINE lanes clip_gradient(const void *config, lanes x, lanes dy) {
    const clip *c = config;
    return select_lanes((x >= (real)c->low) & (x <= (real)c->high), dy, lanes_of(0));
}

POINTWISE_PASSES(clip, x[0])

ALWAYS_INLINE lanes relu6(const void *config, lanes x, mask *passes) {
    (void)config;
    *passes = (x > 0) & (x < 6);
    return cut(x, 0, 6);
}
static void relu6_forward(const cv_pass *p) {
    forward_with_bits(p, relu6);
}

CV_OP(clip) = {
    .name = "clip",
    .help = "values cut to a range",
    .schema =
        CV_OPTIONS(CV_OPTION("low", CV_FLOAT, clip, low, "smallest value", .fallback = -1, CV_RANGE(-3.5e38, 3.5e38)),
                   CV_OPTION("high", CV_FLOAT, clip, high, "largest value", .fallback = 1, CV_RANGE(-3.5e38, 3.5e38))),
    .config_size = sizeof(clip),
    .infer = clip_infer,
    POINTWISE_BY_X(clip),
    .torch = "torch.clamp(x, {low}, {high})",
    .onnx = "y = Clip(x, #{low}, #{high})",
    .cases = POINTWISE_CASES("{low: -0.5, high: 0.5}"),
};

CV_OP(relu6) = {
    .name = "relu6",
    .help = "values cut to the range of 0 to 6",
    .in_place = true,
    .monotonic = true,
    .by_pixel = true,
    .by_channel = true,
    .cuts = true,
    .limits = {0, 6},
    .saved = bits_saved,
    .forward = relu6_forward,
    .backward = backward_by_bits,
    .torch = "F.relu6(x)",
    .onnx = "y = Clip(x, #0.0, #6.0)",
    .cases = POINTWISE_CASES(NULL),
    .case_range = 8,
};
