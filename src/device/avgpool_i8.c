// y = rounded(the sum under the window of x - zero, times the factor for the number of pixels there). factors: for 1,
// 2,
// ... pixels; NULL: the factor is the same for all.
#include "device/device.h"
#include "device/rounded.h"
#include "device/window.h"

CV_KERNEL void cv_i8_avgpool(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const int32_t top = p * g->stride[0] - g->before[0], left = q * g->stride[1] - g->before[1];
            const cv_taps rows = cv_taps_inside(top, g->kernel[0], 1, g->in.h);
            const cv_taps columns = cv_taps_inside(left, g->kernel[1], 1, g->in.w);
            const int32_t there = (rows.end - rows.first) * (columns.end - columns.first);
            const int32_t factor = l->factors ? l->factors[there - 1] : l->factor;
            for (int32_t c = 0; c < channels; c++) {
                int32_t sum = -there * l->zero;
                for (int32_t i = rows.first; i < rows.end; i++)
                    for (int32_t j = columns.first; j < columns.end; j++)
                        sum += x[((top + i) * g->in.w + left + j) * channels + c];
                y[c] = cv_i8_rounded(l, (int64_t)sum * factor, l->shift);
            }
        }
}
