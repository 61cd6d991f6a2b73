// y = b x where x > 0, b a (e^x - 1) elsewhere: elu, selu
#include "device/device.h"
#include "device/exp.h"

CV_KERNEL void cv_f32_elu(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) {
        const float v = x[i];
        y[i] = l->b * (v > 0.0f ? v : l->a * (cv_f32_exp(v) - 1.0f));
    }
}
