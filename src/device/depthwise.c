// A convolution whose channels do not mix: y[p][q][c] = clamp(bias[c] + sum over i, j of weight[i][j][c] x[...][c])
#include "device/clamp.h"
#include "device/device.h"
#include "device/window.h"

CV_KERNEL void cv_f32_depthwise(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c;
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const int32_t top = p * g->stride[0] - g->before[0], left = q * g->stride[1] - g->before[1];
            const cv_taps rows = cv_taps_inside(top, g->kernel[0], g->dilation[0], g->in.h);
            const cv_taps columns = cv_taps_inside(left, g->kernel[1], g->dilation[1], g->in.w);
            memcpy(y, l->bias, (size_t)channels * sizeof *y);
            for (int32_t i = rows.first; i < rows.end; i++)
                for (int32_t j = columns.first; j < columns.end; j++) {
                    const int32_t row = top + i * g->dilation[0], column = left + j * g->dilation[1];
                    const float *from = x + (row * g->in.w + column) * channels;
                    const float *weight = l->weight + (i * g->kernel[1] + j) * channels;
                    for (int32_t c = 0; c < channels; c++) y[c] += weight[c] * from[c];
                }
            for (int32_t c = 0; c < channels; c++) y[c] = cv_f32_clamped(l, y[c]);
        }
}
