// Some channels of every pixel, from number groups on.
#include "device/device.h"
#include "device/layer_i8.h"

CV_KERNEL void cv_i8_split(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const int32_t pixels = l->g.in.h * l->g.in.w;
    (void)x1;
    for (int32_t i = 0; i < pixels; i++, x += l->g.in.c, y += l->g.out.c)
        memcpy(y, x + l->g.groups, (size_t)l->g.out.c);
}
