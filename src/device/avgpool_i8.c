// y = rounded(the sum under the window of x - zero, times the factor for the number of pixels there). factors: for 1,
// 2,
// ... pixels; NULL: the factor is the same for all.
#include "device/device.h"
#include "device/pool.h"
#include "device/rounded.h"

CV_KERNEL void cv_i8_avgpool(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const cv_pool pool = cv_pool_under(g, p, q);
            const int32_t factor = l->factors ? l->factors[pool.count - 1] : l->factor;
            for (int32_t c = 0; c < channels; c++) {
                int32_t sum = -pool.count * l->zero;
                for (int32_t i = pool.rows.first; i < pool.rows.end; i++)
                    for (int32_t j = pool.columns.first; j < pool.columns.end; j++)
                        sum += x[(i * g->in.w + j) * channels + c];
                y[c] = cv_i8_rounded(l, (int64_t)sum * factor, l->shift);
            }
        }
}
