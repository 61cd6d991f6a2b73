// y = rounded(256 times the sum under the window of x - zero, times the factor for the number of pixels there).
// factors: for 1, 2, ... pixels; NULL: it is `factor` for all.
#include "device/device.h"
#include "device/pool.h"
#include "device/rounded_four.h"

// The sums of `count` channels, at most 4, over the pixels of a window that begins at x.
#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

static inline void cv_i8_pixel_sums(int32_t *sum, const int8_t *x, cv_maps size, int32_t h, int32_t w, int32_t count) {
    const mve_pred16_t there = vctp32q((uint32_t)count);
    int32x4_t s = vldrwq_s32(sum);
    for (; h > 0; h--, x += size.w * size.c)
        for (int32_t j = 0; j < w; j++) s = vaddq_s32(s, vldrbq_z_s32(x + j * size.c, there));
    vstrwq_s32(sum, s);
}
#elif defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
#include <arm_acle.h>

// In pairs of 16 bits, for as many pixels as fit.
static inline void cv_i8_pixel_sums(int32_t *sum, const int8_t *x, cv_maps size, int32_t h, int32_t w, int32_t count) {
    for (; h > 0; h--, x += size.w * size.c)
        for (int32_t j = 0; j < w;) {
            const int32_t end = w - j > 255 ? j + 255 : w;
            int16x2_t even = 0, odd = 0;
            for (; j < end; j++) {
                int32_t four = 0;
                memcpy(&four, x + j * size.c, (size_t)count); // 4: one instruction
                even = __sxtab16(even, four);
                odd = __sxtab16(odd, (int32_t)((uint32_t)four >> 8 | (uint32_t)four << 24));
            }
            sum[0] += (int16_t)even;
            sum[1] += (int16_t)odd;
            sum[2] += even >> 16;
            sum[3] += odd >> 16;
        }
}
#else
static inline void cv_i8_pixel_sums(int32_t *sum, const int8_t *x, cv_maps size, int32_t h, int32_t w, int32_t count) {
    for (; h > 0; h--, x += size.w * size.c)
        for (int32_t j = 0; j < w; j++)
            for (int32_t c = 0; c < count; c++) sum[c] += x[j * size.c + c];
}
#endif

CV_KERNEL void cv_i8_avgpool(const cv_i8_layer *l, const int8_t *x, int8_t *x1, int8_t *y) {
    const cv_geometry *g = &l->g;
    const uint8_t shifts[4] = {(uint8_t)l->shift, (uint8_t)l->shift, (uint8_t)l->shift, (uint8_t)l->shift};
    (void)x1;
    for (int32_t p = 0; p < g->out.h; p++)
        for (int32_t q = 0; q < g->out.w; q++, y += g->out.c) {
            const cv_pool pool = cv_pool_under(g, p, q);
            const int32_t h = pool.rows.end - pool.rows.first, w = pool.columns.end - pool.columns.first;
            const int32_t factor = l->factors ? l->factors[pool.count - 1] : l->factor;
            const int32_t factors[4] = {factor, factor, factor, factor};
            const int8_t *from = x + (pool.rows.first * g->in.w + pool.columns.first) * g->in.c;
            for (int32_t c = 0; c < g->out.c; c += 4) {
                const int32_t count = g->out.c - c < 4 ? g->out.c - c : 4, zeros = -pool.count * l->zero;
                int32_t sum[4] = {zeros, zeros, zeros, zeros};
                if (count == 4)
                    cv_i8_pixel_sums(sum, from + c, g->in, h, w, 4);
                else
                    cv_i8_pixel_sums(sum, from + c, g->in, h, w, count);
                for (int32_t k = 0; k < 4; k++) sum[k] *= 256;
                cv_i8_rounded_four(l, sum, factors, shifts, count, y + c);
            }
        }
}
