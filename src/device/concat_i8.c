// The channels of x, then those of x1, of every pixel; all have the same scale.
#include "device/device.h"
#include "device/layer_i8.h"

CV_KERNEL void cv_i8_concat(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const int32_t pixels = l->g.in.h * l->g.in.w, first = l->g.in.c, second = l->g.in1.c;
    for (int32_t i = 0; i < pixels; i++) {
        memcpy(y, x, (size_t)first);
        memcpy(y + first, x1, (size_t)second);
        x += first;
        x1 += second;
        y += first + second;
    }
}
