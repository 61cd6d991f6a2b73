// A convolution whose channels do not mix: y[p][q][c] = rounded(bias[c] + sum over the taps of weight[tap][c] (x -
// zero))
//
// y may be x where both have the same shape: x1, the work memory of the call, then keeps the before[0] + 1 rows of x
// that are still needed when y is written over them.
#include "device/device.h"
#include "device/rounded_four.h"
#include "device/window.h"

// sum[count] += weight[c] (x[c] - zero); count: 1 to 4.
static void cv_i8_add_tap(int32_t *sum, const int8_t *weight, const int8_t *x, int32_t zero, int32_t count) {
    for (int32_t c = 0; c < count; c++) sum[c] += weight[c] * (x[c] - zero);
}

// Row `row` of x while row p of y is written; kept: x1, or NULL.
static const int8_t *cv_i8_kept_row(const cv_geometry *g, const int8_t *x, const int8_t *kept, int32_t row, int32_t p) {
    const int32_t width = g->in.w * g->in.c;
    return kept && row <= p ? kept + row % (g->before[0] + 1) * width : x + row * width;
}

CV_KERNEL void cv_i8_depthwise(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const int32_t channels = g->out.c, width = g->in.w * channels;
    int8_t *kept = x == y ? x1 : NULL;
    for (int32_t p = 0; p < g->out.h; p++) {
        if (kept) memcpy(kept + p % (g->before[0] + 1) * width, x + p * width, (size_t)width);
        for (int32_t q = 0; q < g->out.w; q++, y += channels) {
            const int32_t top = p * g->stride[0] - g->before[0], left = q * g->stride[1] - g->before[1];
            const cv_taps rows = cv_taps_inside(top, g->kernel[0], g->dilation[0], g->in.h);
            const cv_taps columns = cv_taps_inside(left, g->kernel[1], g->dilation[1], g->in.w);
            for (int32_t c = 0; c < channels; c += 4) {
                const int32_t count = channels - c < 4 ? channels - c : 4;
                int32_t sum[4] = {0, 0, 0, 0};
                memcpy(sum, l->bias + c, (size_t)count * sizeof *sum);
                for (int32_t i = rows.first; i < rows.end; i++)
                    for (int32_t j = columns.first; j < columns.end; j++) {
                        const int32_t row = top + i * g->dilation[0], column = left + j * g->dilation[1];
                        const int8_t *from = cv_i8_kept_row(g, x, kept, row, p) + column * channels + c;
                        const int8_t *weight = l->weight + (i * g->kernel[1] + j) * channels + c;
                        if (count == 4)
                            cv_i8_add_tap(sum, weight, from, l->zero, 4);
                        else
                            cv_i8_add_tap(sum, weight, from, l->zero, count);
                    }
                cv_i8_rounded_four(l, sum, l->factors + c, l->shifts + c, count, y + c);
            }
        }
    }
}
