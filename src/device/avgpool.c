// y = clamp(a times the sum under the window); a = 0: the sum divided by the number of pixels that are there
#include "device/clamp.h"
#include "device/device.h"
#include "device/pool.h"

CV_KERNEL void cv_f32_avgpool(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const cv_pool pool = cv_pool_under(g, p, q);
            const float factor = l->a != 0.0f ? l->a : 1.0f / (float)pool.count;
            for (int32_t c = 0; c < channels; c++) y[c] = 0.0f;
            for (int32_t i = pool.rows.first; i < pool.rows.end; i++)
                for (int32_t j = pool.columns.first; j < pool.columns.end; j++) {
                    const float *from = x + (i * g->in.w + j) * channels;
                    for (int32_t c = 0; c < channels; c++) y[c] += from[c];
                }
            for (int32_t c = 0; c < channels; c++) y[c] = cv_f32_clamped(l, y[c] * factor);
        }
}
