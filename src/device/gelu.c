// y = x/2 (1 + erf(x / sqrt 2)), erf by Abramowitz & Stegun 7.1.26, whose error is at most 1.5e-7.
#include "device/device.h"
#include "device/exp.h"

static float cv_f32_erf(float x) {
    const float z = x < 0.0f ? -x : x, t = 1.0f / (1.0f + 0.3275911f * z);
    float y = 1.061405429f;
    y = y * t - 1.453152027f;
    y = y * t + 1.421413741f;
    y = y * t - 0.284496736f;
    y = y * t + 0.254829592f;
    y = 1.0f - y * t * cv_f32_exp(-z * z);
    return x < 0.0f ? -y : y;
}

CV_KERNEL void cv_f32_gelu(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) y[i] = 0.5f * x[i] * (1.0f + cv_f32_erf(x[i] * 0.707106781f));
}
