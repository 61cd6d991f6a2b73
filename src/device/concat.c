// The channels of x, then those of x1, of every pixel.
#include "device/device.h"

CV_KERNEL void cv_f32_concat(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t pixels = l->g.in.h * l->g.in.w, first = l->g.in.c, second = l->g.in1.c;
    for (int32_t i = 0; i < pixels; i++) {
        memcpy(y, x, (size_t)first * sizeof *y);
        memcpy(y + first, x1, (size_t)second * sizeof *y);
        x += first;
        x1 += second;
        y += first + second;
    }
}
