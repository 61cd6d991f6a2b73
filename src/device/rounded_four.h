// Up to four outputs side by side, rounded.
#pragma once

#include "device/rounded.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

static inline void cv_i8_rounded_four(const cv_i8_layer *l, const int32_t *sum, const int32_t *factor,
                                      const uint8_t *shift, int32_t count, int8_t *y) {
    const mve_pred16_t there = vctp32q((uint32_t)count);
    const int32x4_t by = vreinterpretq_s32_u32(vldrbq_z_u32(shift, there));
    int32x4_t v = vmulhq_s32(vldrwq_s32(sum), vldrwq_z_s32(factor, there));
    v = vshlq_s32(v, vnegq_s32(by));
    v = vshrq_n_s32(vaddq_n_s32(v, 1 + 2 * l->zero_y), 1);
    v = vminq_s32(vmaxq_s32(v, vdupq_n_s32(l->least)), vdupq_n_s32(l->most));
    vstrbq_p_s32(y, v, there);
}
#elif defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
#include <arm_acle.h>

static inline uint32_t cv_i8_byte(int32_t sum, int32_t factor, int32_t shift, int32_t add) {
    const int32_t twice = ((int32_t)(((int64_t)sum * factor) >> 32) >> shift) + add;
    int32_t y;
    __asm__("ssat %0, #8, %1, asr #1" : "=r"(y) : "r"(twice));
    return (uint8_t)y;
}

static void cv_i8_rounded_four(const cv_i8_layer *l, const int32_t *sum, const int32_t *factor, const uint8_t *shift,
                               int32_t count, int8_t *y) {
    const int32_t add = 1 + 2 * l->zero_y;
    const int8x4_t above = (127 - l->most) * 0x01010101, below = (128 + l->least) * 0x01010101;
    uint32_t four = cv_i8_byte(sum[0], factor[0], shift[0], add) | cv_i8_byte(sum[1], factor[1], shift[1], add) << 8 |
                    cv_i8_byte(sum[2], factor[2], shift[2], add) << 16 |
                    cv_i8_byte(sum[3], factor[3], shift[3], add) << 24;
    four = (uint32_t)__qsub8(__qadd8((int8x4_t)four, above), above); // of four bytes at once, the smaller of y and most
    four = (uint32_t)__qadd8(__qsub8((int8x4_t)four, below), below);
    if (count >= 4)
        memcpy(y, &four, 4); // one instruction
    else
        memcpy(y, &four, (size_t)count);
}
#else
static void cv_i8_rounded_four(const cv_i8_layer *l, const int32_t *sum, const int32_t *factor, const uint8_t *shift,
                               int32_t count, int8_t *y) {
    for (int32_t k = 0; k < 4 && k < count; k++) y[k] = cv_i8_rounded(l, (int64_t)sum[k] * factor[k], shift[k]);
}
#endif
