// y = (x + 3) / 6, cut to 0 ... 1
#include "device/device.h"
#include "device/hard.h"

CV_KERNEL void cv_f32_hardsigmoid(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) {
        const float v = x[i];
        y[i] = cv_f32_hard(v);
    }
}
