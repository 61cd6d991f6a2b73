// y = clamp((x - third[c]) weight[c] + bias[c]): batch normalisation. The three lie as [band of rows][channel]; groups:
// the bands.
#include "device/clamp.h"
#include "device/device.h"

CV_KERNEL void cv_f32_norm(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_maps in = l->g.in;
    const int32_t rows = in.h / l->g.groups;
    (void)x1;
    for (int32_t i = 0; i < in.h; i++)
        for (int32_t j = 0; j < in.w; j++, x += in.c, y += in.c) {
            const int32_t first = i / rows * in.c;
            for (int32_t c = 0; c < in.c; c++) {
                const float scaled = (x[c] - l->third[first + c]) * l->weight[first + c];
                y[c] = cv_f32_clamped(l, scaled + l->bias[first + c]);
            }
        }
}
