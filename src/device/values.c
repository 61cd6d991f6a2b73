// Maps as arrays and pictures have them, [channel][row][column], normalised and with their channels last: (x - a) b,
// or, where there is a weight, with the pair i % groups of it for number i.
#include "device/device.h"

CV_KERNEL void cv_f32_values(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_maps in = l->g.in;
    const int32_t pixels = in.h * in.w;
    (void)x1;
    for (int32_t i = 0; i < pixels; i++)
        for (int32_t c = 0; c < in.c; c++) {
            const float *pair = l->weight ? l->weight + 2 * ((i * in.c + c) % l->g.groups) : NULL;
            const float v = x[c * pixels + i];
            *y++ = pair ? (v - pair[0]) * pair[1] : (v - l->a) * l->b;
        }
}
