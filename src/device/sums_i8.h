// sum[4] += weight[4][taps] x[taps], taps a multiple of 4. Four outputs share what is loaded of x.
//
// weight: [tap / 16][4 outputs][16 taps], the last taps in rows of as many as there are. The sums are exact, so that
// their order does not matter, and every processor has its own way.
#pragma once

#include "device/layer_i8.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h> // M-profile vectors, as of a Cortex-M55: 16 products at a time

static void cv_i8_four_sums(int32_t *sum, const int8_t *weight, const int8_t *x, int32_t taps) {
    int32_t s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
    for (; taps >= 16; taps -= 16, weight += 64, x += 16) {
        const int8x16_t v = vldrbq_s8(x);
        s0 = vmladavaq_s8(s0, v, vldrbq_s8(weight));
        s1 = vmladavaq_s8(s1, v, vldrbq_s8(weight + 16));
        s2 = vmladavaq_s8(s2, v, vldrbq_s8(weight + 32));
        s3 = vmladavaq_s8(s3, v, vldrbq_s8(weight + 48));
    }
    if (taps) {
        const mve_pred16_t there = vctp8q((uint32_t)taps); // other bytes are read as zeros
        const int8x16_t v = vldrbq_z_s8(x, there);
        s0 = vmladavaq_s8(s0, v, vldrbq_z_s8(weight, there));
        s1 = vmladavaq_s8(s1, v, vldrbq_z_s8(weight + taps, there));
        s2 = vmladavaq_s8(s2, v, vldrbq_z_s8(weight + 2 * taps, there));
        s3 = vmladavaq_s8(s3, v, vldrbq_z_s8(weight + 3 * taps, there));
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}
#elif defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
// Bytes 0 and 2, then 1 and 3, of four as numbers of 16 bits.
#define CV_HALVES "sxtb16 %[even], %[odd]\n\tsxtb16 %[odd], %[odd], ror #8\n\t"
// even, odd = x[at] ... x[at + 3]
#define CV_LOAD(at)                                                                                                    \
    __asm__ volatile("ldr %[odd], [%[x], %[k]]\n\t" CV_HALVES                                                          \
                     : [even] "=&r"(even), [odd] "=&r"(odd)                                                            \
                     : [x] "r"(x), [k] "Ir"(at), "m"(*(const int8_t(*)[64])x))
// sum += weight[at] ... weight[at + 3] times these, two products at a time
#define CV_ADD(sum, at)                                                                                                \
    __asm__ volatile("ldr %[odd], [%[w], %[k]]\n\t" CV_HALVES                                                          \
                     "smlad %[s], %[even], %[e], %[s]\n\tsmlad %[s], %[odd], %[o], %[s]"                               \
                     : [s] "+r"(sum), [even] "=&r"(w_even), [odd] "=&r"(w_odd)                                         \
                     : [w] "r"(weight), [k] "Ir"(at), [e] "r"(even), [o] "r"(odd), "m"(*(const int8_t(*)[64])weight))
#define CV_ADD_FOUR(at, row)                                                                                           \
    do {                                                                                                               \
        uint32_t even, odd, w_even, w_odd;                                                                             \
        CV_LOAD(at);                                                                                                   \
        CV_ADD(s0, at);                                                                                                \
        CV_ADD(s1, (at) + (row));                                                                                      \
        CV_ADD(s2, (at) + 2 * (row));                                                                                  \
        CV_ADD(s3, (at) + 3 * (row));                                                                                  \
    } while (0)

static void cv_i8_four_sums(int32_t *sum, const int8_t *weight, const int8_t *x, int32_t taps) {
    int32_t s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
    for (; taps >= 16; taps -= 16, weight += 64, x += 16) {
        CV_ADD_FOUR(0, 16);
        CV_ADD_FOUR(4, 16);
        CV_ADD_FOUR(8, 16);
        CV_ADD_FOUR(12, 16);
    }
    for (int32_t k = 0; k < taps; k += 4) CV_ADD_FOUR(k, taps);
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}
#elif defined(__AVX2__)
#include <immintrin.h> // pairs of products of 16 bits, added in 32

// Four numbers, twice.
static inline __m128i cv_i8_row(const int8_t *x) {
    int32_t four;
    memcpy(&four, x, sizeof four);
    return _mm_cvtepi8_epi16(_mm_set1_epi32(four));
}

static inline __m256i cv_i8_add_16(__m256i sum, const int8_t *weight, __m256i x) {
    const __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)weight));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(w, x));
}

static void cv_i8_four_sums(int32_t *sum, const int8_t *weight, const int8_t *x, int32_t taps) {
    __m256i s0 = _mm256_setzero_si256(), s1 = s0, s2 = s0, s3 = s0;
    __m128i four = _mm_loadu_si128((const __m128i *)(const void *)sum);
    for (; taps >= 16; taps -= 16, weight += 64, x += 16) {
        const __m256i v = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x));
        s0 = cv_i8_add_16(s0, weight, v);
        s1 = cv_i8_add_16(s1, weight + 16, v);
        s2 = cv_i8_add_16(s2, weight + 32, v);
        s3 = cv_i8_add_16(s3, weight + 48, v);
    }
    s0 = _mm256_hadd_epi32(_mm256_hadd_epi32(s0, s1), _mm256_hadd_epi32(s2, s3));
    four = _mm_add_epi32(four, _mm_add_epi32(_mm256_castsi256_si128(s0), _mm256_extracti128_si256(s0, 1)));
    for (int32_t k = 0; k < taps; k += 4) {
        const __m128i v = cv_i8_row(x + k), w0 = cv_i8_row(weight + k), w1 = cv_i8_row(weight + taps + k),
                      w2 = cv_i8_row(weight + 2 * taps + k), w3 = cv_i8_row(weight + 3 * taps + k);
        const __m128i a = _mm_madd_epi16(_mm_unpacklo_epi64(w0, w1), v),
                      b = _mm_madd_epi16(_mm_unpacklo_epi64(w2, w3), v);
        four = _mm_add_epi32(four, _mm_hadd_epi32(a, b));
    }
    _mm_storeu_si128((__m128i *)(void *)sum, four);
}
#else
static void cv_i8_four_sums(int32_t *sum, const int8_t *weight, const int8_t *x, int32_t taps) {
    for (int32_t row = 16; taps > 0; taps -= row, weight += 4 * row, x += row) {
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        if (row > taps) row = taps;
        for (int32_t k = 0; k < row; k++) {
            const int32_t v = x[k];
            s0 += weight[k] * v;
            s1 += weight[row + k] * v;
            s2 += weight[2 * row + k] * v;
            s3 += weight[3 * row + k] * v;
        }
        sum[0] += s0;
        sum[1] += s1;
        sum[2] += s2;
        sum[3] += s3;
    }
}
#endif
