// y = clamp(the largest value under the window); padding never wins, a NaN does
#include "device/clamp.h"
#include "device/device.h"
#include "device/pool.h"

CV_KERNEL void cv_f32_maxpool(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const cv_pool pool = cv_pool_under(g, p, q);
            for (int32_t i = pool.rows.first; i < pool.rows.end; i++)
                for (int32_t j = pool.columns.first; j < pool.columns.end; j++) {
                    const float *from = x + (i * g->in.w + j) * channels;
                    const int first = i == pool.rows.first && j == pool.columns.first;
                    for (int32_t c = 0; c < channels; c++)
                        if (first || from[c] > y[c] || from[c] != from[c]) y[c] = from[c];
                }
            for (int32_t c = 0; c < channels; c++) y[c] = cv_f32_clamped(l, y[c]);
        }
}
