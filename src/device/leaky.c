// y = x where x > 0, weight[c] x elsewhere: leaky_relu, prelu. groups: 1 if there is one weight for all channels.
#include "device/device.h"

CV_KERNEL void cv_f32_leaky(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t pixels = l->g.in.h * l->g.in.w, channels = l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < pixels; i++, x += channels, y += channels)
        for (int32_t c = 0; c < channels; c++) {
            const float slope = l->weight[l->g.groups == 1 ? 0 : c];
            y[c] = x[c] < 0.0f ? slope * x[c] : x[c];
        }
}
