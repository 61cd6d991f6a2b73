// y = x P(x), P(x) = (1 + erf(x / sqrt 2)) / 2: the normal distribution.    dx = dy (P(x) + x p(x)),
// p(x) = e^(-x^2 / 2) / sqrt(2 pi).    torch.nn.GELU    Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415
#include "op/layers/pointwise.h"

#if CV_DOUBLE
static inline lanes erf_lanes(lanes x) {
    for (int l = 0; l < LANES; l++) x[l] = erf(x[l]);
    return x;
}
#else
// A quotient of polynomials on [-4, 4], where erf reaches 1 in floats; off by 2e-7 at most.
static inline lanes erf_lanes(lanes x) {
    x = select_lanes(x > 4.0f, lanes_of(4.0f), x);
    x = select_lanes(x < -4.0f, lanes_of(-4.0f), x);
    const lanes z = x * x;
    lanes p = -2.72614225801306e-10f * z + 2.77068142495902e-08f;
    p = p * z - 2.10102402082508e-06f;
    p = p * z - 5.69250639462346e-05f;
    p = p * z - 7.34990630326855e-04f;
    p = p * z - 2.95459980854025e-03f;
    p = p * z - 1.60960333262415e-02f;
    lanes q = -1.45660718464996e-05f * z - 2.13374055278905e-04f;
    q = q * z - 1.68282697438203e-03f;
    q = q * z - 7.37332916720468e-03f;
    q = q * z - 1.42647390514189e-02f;
    return x * p / q;
}
#endif

static inline lanes normal(lanes x) {
    return (real)0.5 * (1 + erf_lanes(x * (real)M_SQRT1_2));
}

ALWAYS_INLINE lanes gelu_of(const void *config, lanes x) {
    (void)config;
    return x * normal(x);
}
ALWAYS_INLINE lanes gelu_gradient(const void *config, lanes x, lanes dy) {
    const real height = (real)(M_2_SQRTPI * M_SQRT1_2 / 2); // 1 / sqrt(2 pi)
    (void)config;
    return dy * (normal(x) + x * height * exp_lanes(x * x * (real)-0.5));
}

POINTWISE_PASSES(gelu, x[0])

CV_OP(gelu) = {
    .name = "gelu",
    .help = "x times the normal distribution's share below x",
    POINTWISE_BY_X(gelu),
    .torch = "F.gelu(x)",
    .onnx = "scaled = Div(x, #1.4142135623730951); erf = Erf(scaled); twice = Add(erf, #1); product = Mul(x, twice); "
            "y = Mul(product, #0.5)", // as PyTorch writes it
    .cases = POINTWISE_CASES(NULL),
};
