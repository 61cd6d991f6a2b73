// y = clamp(x * x1), where x1 may have one row, one column or one pixel for all
#include "device/clamp.h"
#include "device/device.h"

CV_KERNEL void cv_f32_scale(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_maps in = l->g.in, in1 = l->g.in1;
    for (int32_t i = 0; i < in.h; i++)
        for (int32_t j = 0; j < in.w; j++, x += in.c, y += in.c) {
            const int32_t row = in1.h > 1 ? i : 0, column = in1.w > 1 ? j : 0;
            const float *second = x1 + (row * in1.w + column) * in.c;
            for (int32_t c = 0; c < in.c; c++) y[c] = cv_f32_clamped(l, x[c] * second[c]);
        }
}
