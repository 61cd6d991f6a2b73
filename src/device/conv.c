// y[p][q][o] = clamp(bias[o] + sum over i, j, c of weight[o][i][j][c] x[p s + i d - before][q s + j d - before][c])
//
// weight: [group][output / 4][kernel row][kernel column][channel of the group][4], zeros behind a group's last output:
// four sums share every value of x that is loaded. bias: [group][outputs, rounded up to 4s]. A linear layer is the same
// with a kernel and a map of one pixel.
#include "device/clamp.h"
#include "device/device.h"
#include "device/fours.h"
#include "device/window.h"

// Four sums at one pixel; x: at the first channel of the group. rows, columns: the taps inside the map.
static void cv_f32_conv_sums(const cv_geometry *g, float *sum, const float *weight, const float *x, int32_t depth,
                             int32_t top, int32_t left, cv_taps rows, cv_taps columns) {
    const int one_run = g->groups == 1 && g->dilation[1] == 1; // the columns of a kernel's row lie side by side
    const int32_t count = one_run ? (columns.end - columns.first) * depth : depth;
    for (int32_t i = rows.first; i < rows.end; i++)
        for (int32_t j = columns.first; j < columns.end; j++) {
            const int32_t row = top + i * g->dilation[0], column = left + j * g->dilation[1];
            cv_f32_four_sums(sum, weight + (i * g->kernel[1] + j) * depth * 4, x + (row * g->in.w + column) * g->in.c,
                             count);
            if (one_run) break;
        }
}

CV_KERNEL void cv_f32_conv(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const cv_geometry *g = &l->g;
    const int32_t depth = g->in.c / g->groups, outputs = g->out.c / g->groups, fours = (outputs + 3) / 4;
    const int32_t size = g->kernel[0] * g->kernel[1] * depth * 4; // weights of four outputs
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++) {
            const int32_t top = p * g->stride[0] - g->before[0], left = q * g->stride[1] - g->before[1];
            const cv_taps rows = cv_taps_inside(top, g->kernel[0], g->dilation[0], g->in.h);
            const cv_taps columns = cv_taps_inside(left, g->kernel[1], g->dilation[1], g->in.w);
            for (int32_t four = 0; four < g->groups * fours; four++) {
                const int32_t group = four / fours, first = four % fours * 4;
                float sum[4];
                memcpy(sum, l->bias + four * 4, sizeof sum);
                cv_f32_conv_sums(g, sum, l->weight + four * size, x + group * depth, depth, top, left, rows, columns);
                for (int32_t k = 0; k < 4 && first + k < outputs; k++) *y++ = cv_f32_clamped(l, sum[k]);
            }
        }
}
