// y = x / (1 + e^-x)
#include "device/device.h"
#include "device/exp.h"

CV_KERNEL void cv_f32_silu(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) {
        const float v = x[i];
        y[i] = v / (1.0f + cv_f32_exp(-v));
    }
}
