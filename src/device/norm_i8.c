// y = rounded(bias[c] + weight[c] (x - zero)), for each band of rows: batch normalisation. groups: the bands.
#include "device/device.h"
#include "device/rounded.h"

CV_KERNEL void cv_i8_norm(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_maps in = l->g.in;
    const int32_t rows = in.h / l->g.groups;
    (void)x1;
    for (int32_t i = 0; i < in.h; i++)
        for (int32_t j = 0; j < in.w; j++, x += in.c, y += in.c)
            for (int32_t c = 0; c < in.c; c++) {
                const int32_t at = i / rows * in.c + c, sum = l->bias[at] + l->weight[at] * (x[c] - l->zero);
                y[c] = cv_i8_rounded(l, (int64_t)sum * l->factors[at], l->shifts[at]);
            }
}
