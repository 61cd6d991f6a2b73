// The values in another order: number (row, column, channel) of x goes to row kernel[0] + column kernel[1] + channel
// groups. As the model counts them, for layers that mix rows and channels.
#include "device/device.h"

CV_KERNEL void cv_f32_reorder(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_geometry *g = &l->g;
    (void)x1;
    for (int32_t i = 0; i < g->in.h; i++)
        for (int32_t j = 0; j < g->in.w; j++)
            for (int32_t c = 0; c < g->in.c; c++) y[i * g->kernel[0] + j * g->kernel[1] + c * g->groups] = *x++;
}
