// As reorder.c: number (row, column, channel) of x goes to row kernel[0] + column kernel[1] + channel groups.
#include "device/device.h"
#include "device/layer_i8.h"

CV_KERNEL void cv_i8_reorder(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    (void)x1;
    for (int32_t i = 0; i < g->in.h; i++)
        for (int32_t j = 0; j < g->in.w; j++)
            for (int32_t c = 0; c < g->in.c; c++) y[i * g->kernel[0] + j * g->kernel[1] + c * g->groups] = *x++;
}
