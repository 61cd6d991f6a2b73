// y = clamp(a times the sum under the window); a = 0: the sum divided by the number of pixels that are there
#include "device/clamp.h"
#include "device/device.h"
#include "device/window.h"

CV_KERNEL void cv_f32_avgpool(const cv_f32_layer *l, const float *x, const float *x1, float *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const int32_t top = p * g->stride[0] - g->before[0], left = q * g->stride[1] - g->before[1];
            const cv_taps rows = cv_taps_inside(top, g->kernel[0], 1, g->in.h);
            const cv_taps columns = cv_taps_inside(left, g->kernel[1], 1, g->in.w);
            const int32_t there = (rows.end - rows.first) * (columns.end - columns.first);
            const float factor = l->a != 0.0f ? l->a : 1.0f / (float)there;
            for (int32_t c = 0; c < channels; c++) y[c] = 0.0f;
            for (int32_t i = rows.first; i < rows.end; i++)
                for (int32_t j = columns.first; j < columns.end; j++) {
                    const float *from = x + ((top + i) * g->in.w + left + j) * channels;
                    for (int32_t c = 0; c < channels; c++) y[c] += from[c];
                }
            for (int32_t c = 0; c < channels; c++) y[c] = cv_f32_clamped(l, y[c] * factor);
        }
}
