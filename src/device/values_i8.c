// Maps as arrays and pictures have them, [channel][row][column], as 8-bit numbers with their channels last.
#include "device/device.h"
#include "device/quantize.h"

CV_KERNEL void cv_i8_values(const cv_i8_layer *l, const float *x, int8_t *y) {
    const cv_maps in = l->g.in;
    const int32_t pixels = in.h * in.w;
    for (int32_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < in.c; c++)
            *y++ = cv_i8_quantized((x[c * pixels + i] - l->a) * l->b, l->scale, l->zero_y);
}
