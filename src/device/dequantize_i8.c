// From 8-bit numbers to floats.
#include "device/device.h"
#include "device/layer_i8.h"

CV_KERNEL void cv_i8_dequantize(const cv_i8_layer *l, const int8_t *x, float *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    for (int32_t i = 0; i < count; i++) y[i] = l->scale * (float)(x[i] - l->zero);
}
