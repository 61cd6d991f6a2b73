// y = clamp(the largest number under the window), x and y having the same scale
#include "device/device.h"
#include "device/layer_i8.h"
#include "device/window.h"

CV_KERNEL void cv_i8_maxpool(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const int32_t top = p * g->stride[0] - g->before[0], left = q * g->stride[1] - g->before[1];
            const cv_taps rows = cv_taps_inside(top, g->kernel[0], 1, g->in.h);
            const cv_taps columns = cv_taps_inside(left, g->kernel[1], 1, g->in.w);
            for (int32_t c = 0; c < channels; c++) y[c] = (int8_t)l->least;
            for (int32_t i = rows.first; i < rows.end; i++)
                for (int32_t j = columns.first; j < columns.end; j++) {
                    const int8_t *from = x + ((top + i) * g->in.w + left + j) * channels;
                    for (int32_t c = 0; c < channels; c++)
                        if (from[c] > y[c]) y[c] = from[c];
                }
            for (int32_t c = 0; c < channels; c++)
                if (y[c] > l->most) y[c] = (int8_t)l->most;
        }
}
