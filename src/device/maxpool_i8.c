// y = clamp(the largest number under the window), x and y having the same scale
#include "device/device.h"
#include "device/layer_i8.h"
#include "device/pool.h"

CV_KERNEL void cv_i8_maxpool(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const cv_pool pool = cv_pool_under(g, p, q);
            for (int32_t c = 0; c < channels; c++) y[c] = (int8_t)l->least;
            for (int32_t i = pool.rows.first; i < pool.rows.end; i++)
                for (int32_t j = pool.columns.first; j < pool.columns.end; j++) {
                    const int8_t *from = x + (i * g->in.w + j) * channels;
                    for (int32_t c = 0; c < channels; c++)
                        if (from[c] > y[c]) y[c] = from[c];
                }
            for (int32_t c = 0; c < channels; c++)
                if (y[c] > l->most) y[c] = (int8_t)l->most;
        }
}
