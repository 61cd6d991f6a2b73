// A column, weight, in front of those of x.
#include "device/device.h"

CV_KERNEL void cv_f32_token(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t channels = l->g.in.c;
    (void)x1;
    memcpy(y, l->weight, (size_t)channels * sizeof *y);
    memcpy(y + channels, x, (size_t)(l->g.in.w * channels) * sizeof *y);
}
