// Some channels of every pixel, from number groups on.
#include "device/device.h"

CV_KERNEL void cv_f32_split(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t pixels = l->g.in.h * l->g.in.w;
    (void)x1;
    for (int32_t i = 0; i < pixels; i++, x += l->g.in.c, y += l->g.out.c)
        memcpy(y, x + l->g.groups, (size_t)l->g.out.c * sizeof *y);
}
