// y[p][q][o] = rounded(bias[o] + sum over the taps k of weight[o][k] window[k]), see layer_i8.h
//
// The window of a pixel is one run of numbers, [kernel row][kernel column][channel of the group]: where it lies so in
// x, it is read there, else it is copied to x1, the work memory of the call; outside of the map is zero. weight:
// [group][output / 4][tap / 4][4 outputs][4 taps], zeros behind the last tap and output; up to three numbers behind a
// window are read and multiplied by zero.
// y may be x where both have the same shape and the kernel is one pixel.
#include "device/device.h"
#include "device/rounded.h"
#include "device/window.h"

// sum[4] += weight[fours][4][4] x[fours][4]
#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
// Bytes 0 and 2, or 1 and 3, as two numbers of 16 bits; two products, added.
#define CV_EVEN(to, four)  __asm__("sxtb16 %0, %1" : "=r"(to) : "r"(four))
#define CV_ODD(to, four)   __asm__("sxtb16 %0, %1, ror #8" : "=r"(to) : "r"(four))
#define CV_ADD2(sum, a, b) __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b))

static inline int32_t cv_i8_add_four(int32_t sum, const int8_t *weight, uint32_t even, uint32_t odd) {
    uint32_t w, pair;
    memcpy(&w, weight, sizeof w);
    CV_EVEN(pair, w);
    CV_ADD2(sum, pair, even);
    CV_ODD(pair, w);
    CV_ADD2(sum, pair, odd);
    return sum;
}

static void cv_i8_four_sums(int32_t *sum, const int8_t *weight, const int8_t *x, int32_t fours) {
    int32_t s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
    for (int32_t k = 0; k < fours; k++, weight += 16, x += 4) {
        uint32_t v, even, odd;
        memcpy(&v, x, sizeof v);
        CV_EVEN(even, v);
        CV_ODD(odd, v);
        s0 = cv_i8_add_four(s0, weight, even, odd);
        s1 = cv_i8_add_four(s1, weight + 4, even, odd);
        s2 = cv_i8_add_four(s2, weight + 8, even, odd);
        s3 = cv_i8_add_four(s3, weight + 12, even, odd);
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}
#else
static void cv_i8_four_sums(int32_t *sum, const int8_t *weight, const int8_t *x, int32_t fours) {
    int32_t s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
    for (int32_t k = 0; k < fours; k++, weight += 16, x += 4)
        for (int32_t t = 0; t < 4; t++) {
            const int32_t v = x[t];
            s0 += weight[t] * v;
            s1 += weight[4 + t] * v;
            s2 += weight[8 + t] * v;
            s3 += weight[12 + t] * v;
        }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}
#endif

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

CV_KERNEL void cv_i8_conv(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const int32_t depth = g->in.c / g->groups, outputs = g->out.c / g->groups, fours = (outputs + 3) / 4;
    const int32_t chunks = (g->kernel[0] * g->kernel[1] * depth + 3) / 4;
    const int in_place = x == y;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++)
            for (int32_t group = 0; group < g->groups; group++) {
                cv_i8_window w = {p * g->stride[0] - g->before[0],
                                  q * g->stride[1] - g->before[1],
                                  depth,
                                  group * depth,
                                  {0, 0},
                                  {0, 0}};
                const int8_t *window = cv_i8_window_of(l, &w, x, x1, in_place);
                for (int32_t four = 0; four < fours; four++) {
                    const int32_t first = (group * fours + four) * 4;
                    int32_t sum[4];
                    memcpy(sum, l->bias + first, sizeof sum);
                    cv_i8_four_sums(sum, l->weight + first * chunks * 4, window, chunks);
                    for (int32_t k = 0; k < 4 && four * 4 + k < outputs; k++)
                        *y++ = cv_i8_rounded(l, (int64_t)sum[k] * l->factors[first + k], l->shifts[first + k]);
                }
            }
}
