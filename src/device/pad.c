// The map with rows and columns of the number a around it, and between its pixels where stride is not 1;
// before: those in front.
#include "device/device.h"

CV_KERNEL void cv_f32_pad(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_geometry *g = &l->g;
    const cv_maps in = g->in, out = g->out;
    const int32_t count = out.h * out.w * out.c;
    (void)x1;
    for (int32_t i = 0; i < count; i++) y[i] = l->a;
    for (int32_t row = 0; row < in.h; row++)
        for (int32_t column = 0; column < in.w; column++, x += in.c)
            memcpy(y + ((g->before[0] + row * g->stride[0]) * out.w + g->before[1] + column * g->stride[1]) * out.c, x,
                   (size_t)in.c * sizeof *y);
}
