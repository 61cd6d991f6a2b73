// y = clamp(x), x and y having the same scale
#include "device/device.h"
#include "device/layer_i8.h"

CV_KERNEL void cv_i8_clip(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const int32_t count = l->g.in.h * l->g.in.w * l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) y[i] = (int8_t)(x[i] < l->least ? l->least : x[i] > l->most ? l->most : x[i]);
}
