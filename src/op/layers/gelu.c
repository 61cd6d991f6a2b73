// y = x P(x), P(x) = (1 + erf(x / sqrt 2)) / 2: the normal distribution.    dx = dy (P(x) + x p(x)),
// p(x) = e^(-x^2 / 2) / sqrt(2 pi).    torch.nn.GELU    Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415
#include "op/layers/lanes.h"

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

static void gelu_forward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = x[i] * normal(x[i]);
}

static void gelu_backward(const cv_pass *p) {
    const lanes *x = p->x[0], *dy = p->dy;
    lanes *dx = p->dx[0];
    const real height = (real)(M_2_SQRTPI * M_SQRT1_2 / 2); // 1 / sqrt(2 pi)
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++)
        dx[i] = dy[i] * (normal(x[i]) + x[i] * height * exp_lanes(x[i] * x[i] * (real)-0.5));
}

CV_OP(gelu) = {
    .name = "gelu",
    .help = "x times the normal distribution's share below x",
    .reads_x = true,
    .dx_in_place = true,
    .by_channel = true,
    .forward = gelu_forward,
    .backward = gelu_backward,
    .torch = "F.gelu(x)",
    .onnx = "scaled = Div(x, #1.4142135623730951); erf = Erf(scaled); twice = Add(erf, #1); product = Mul(x, twice); "
            "y = Mul(product, #0.5)", // as PyTorch writes it
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, NULL, 16}, {{3, 2, 3, 5}, NULL, 33}),
};
