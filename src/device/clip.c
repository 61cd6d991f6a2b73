// y = clamp(x)
#include "device/clamp.h"
#include "device/device.h"

CV_KERNEL void cv_f32_clip(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) y[i] = cv_f32_clamped(l, x[i]);
}
