// y = rounded(256 (x - zero) (x1 - zero1) factor), where x1 may have one row, one column or one pixel for all
#include "device/device.h"
#include "device/rounded.h"

CV_KERNEL void cv_i8_scale(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_maps in = l->g.in, in1 = l->g.in1;
    for (int32_t i = 0; i < in.h; i++)
        for (int32_t j = 0; j < in.w; j++, x += in.c, y += in.c) {
            const int32_t row = in1.h > 1 ? i : 0, column = in1.w > 1 ? j : 0;
            const int8_t *second = x1 + (row * in1.w + column) * in.c;
            for (int32_t c = 0; c < in.c; c++)
                y[c] = cv_i8_rounded(l, (x[c] - l->zero) * (second[c] - l->zero1) * 256 * (int64_t)l->factor, l->shift);
        }
}
