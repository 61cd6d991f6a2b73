// y = 1 / (1 + e^-x)
#include "device/device.h"
#include "device/sigmoid.h"

CV_KERNEL void cv_f32_sigmoid(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) y[i] = cv_f32_sigmoid_of(x[i]);
}
