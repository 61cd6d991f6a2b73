// y[p][q][o] = rounded(bias[o] + sum over the taps k of weight[o][k] window[k]), see layer_i8.h
//
// The window of a pixel is one run of numbers, [kernel row][kernel column][channel of the group]: where it lies so in
// x, it is read there, else it is copied to x1, the work memory of the call; outside of the map is zero. weight:
// [group][output / 4], each as sums_i8.h has it, zeros behind the last tap and output; up to three numbers behind a
// window are read and multiplied by zero.
// y may be x where both have the same shape and the kernel is one pixel.
#include "device/device.h"
#include "device/rounded_four.h"
#include "device/sums_i8.h"
#include "device/window.h"

// Where a window lies; rows, columns: its taps inside the map.
typedef struct cv_i8_window {
    int32_t top, left, depth, channel; // channel: the first one of the group
    cv_taps rows, columns;
} cv_i8_window;

// Copies a window to `to`; what is outside of the map is zero.
static void cv_i8_gather(const cv_i8_layer *l, const cv_i8_window *w, const int8_t *x, int8_t *to) {
    const cv_geometry *g = &l->g;
    for (int32_t i = 0; i < g->kernel[0]; i++)
        for (int32_t j = 0; j < g->kernel[1]; j++, to += w->depth) {
            const int inside = i >= w->rows.first && i < w->rows.end && j >= w->columns.first && j < w->columns.end;
            const int32_t row = w->top + i * g->dilation[0], column = w->left + j * g->dilation[1];
            if (inside)
                memcpy(to, x + (row * g->in.w + column) * g->in.c + w->channel, (size_t)w->depth);
            else
                memset(to, l->zero, (size_t)w->depth);
        }
}

// The window of the pixel, in x or in work.
static const int8_t *cv_i8_window_of(const cv_i8_layer *l, cv_i8_window *w, const int8_t *x, int8_t *work,
                                     int in_place) {
    const cv_geometry *g = &l->g;
    w->rows = cv_taps_inside(w->top, g->kernel[0], g->dilation[0], g->in.h);
    w->columns = cv_taps_inside(w->left, g->kernel[1], g->dilation[1], g->in.w);
    if (!in_place && g->groups == 1 && g->kernel[0] == 1 && w->rows.end == 1 &&
        (g->kernel[1] == 1 || g->dilation[1] == 1) && w->columns.first == 0 && w->columns.end == g->kernel[1])
        return x + (w->top * g->in.w + w->left) * g->in.c;
    cv_i8_gather(l, w, x, work);
    return work;
}

// Outputs first ... of one pixel.
static void cv_i8_outputs(const cv_i8_layer *l, int32_t first, int32_t count, int32_t taps, const int8_t *window,
                          int8_t *y) {
    const int8_t *weight = l->weight + first * taps;
    const int32_t *bias = l->bias + first, *factor = l->factors + first;
    const uint8_t *shift = l->shifts + first;
    for (; count > 0; count -= 4, bias += 4, factor += 4, shift += 4, weight += 4 * taps, y += 4) {
        int32_t sum[4];
        memcpy(sum, bias, sizeof sum);
        cv_i8_four_sums(sum, weight, window, taps);
        cv_i8_rounded_four(l, sum, factor, shift, count, y);
    }
}

CV_KERNEL void cv_i8_conv(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const int32_t depth = g->in.c / g->groups, outputs = g->out.c / g->groups, padded = (outputs + 3) / 4 * 4;
    const int32_t taps = (g->kernel[0] * g->kernel[1] * depth + 3) / 4 * 4;
    const int in_place = x == y;
    cv_i8_window w;
    w.depth = depth;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++)
            for (int32_t group = 0; group < g->groups; group++, y += outputs) {
                w.top = p * g->stride[0] - g->before[0];
                w.left = q * g->stride[1] - g->before[1];
                w.channel = group * depth;
                cv_i8_outputs(l, group * padded, outputs, taps, cv_i8_window_of(l, &w, x, x1, in_place), y);
            }
}
