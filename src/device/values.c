// Maps as arrays and pictures have them, [channel][row][column], normalised and with their channels last.
#include "device/device.h"

CV_KERNEL void cv_f32_values(const cv_f32_layer *l, const float *x, const float *x1, float *y) {
    const cv_maps in = l->g.in;
    const int32_t pixels = in.h * in.w;
    (void)x1;
    for (int32_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < in.c; c++) *y++ = (x[c * pixels + i] - l->a) * l->b;
}
