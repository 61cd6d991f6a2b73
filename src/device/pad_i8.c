// The map with rows and columns of the number factor around it; before: those in front.
#include "device/device.h"
#include "device/layer_i8.h"

CV_KERNEL void cv_i8_pad(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_maps in = l->g.in, out = l->g.out;
    (void)x1;
    memset(y, l->factor, (size_t)(out.h * out.w * out.c));
    for (int32_t row = 0; row < in.h; row++)
        memcpy(y + ((row + l->g.before[0]) * out.w + l->g.before[1]) * out.c, x + row * in.w * in.c,
               (size_t)(in.w * in.c));
}
