// The map with rows and columns of the number factor around it, and between its pixels where stride is not 1;
// before: those in front.
#include "device/device.h"
#include "device/layer_i8.h"

CV_KERNEL void cv_i8_pad(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const cv_maps in = g->in, out = g->out;
    (void)x1;
    memset(y, l->factor, (size_t)(out.h * out.w * out.c));
    for (int32_t row = 0; row < in.h; row++)
        for (int32_t column = 0; column < in.w; column++, x += in.c)
            memcpy(y + ((g->before[0] + row * g->stride[0]) * out.w + g->before[1] + column * g->stride[1]) * out.c, x,
                   (size_t)in.c);
}
