// From floats to 8-bit numbers.
#include "device/device.h"
#include "device/quantize.h"

CV_KERNEL void cv_i8_quantize(const cv_i8_layer *l, const float *x, int8_t *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    for (int32_t i = 0; i < count; i++) y[i] = cv_i8_quantized(x[i], l->scale, l->zero_y);
}
