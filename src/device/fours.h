#pragma once

#include "device/layer.h"

// sum[4] += weight[count][4] x[count]
static void cv_f32_four_sums(float *sum, const float *weight, const float *x, int32_t count) {
    float s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
    for (int32_t k = 0; k < count; k++, weight += 4) {
        const float v = x[k];
        s0 += weight[0] * v;
        s1 += weight[1] * v;
        s2 += weight[2] * v;
        s3 += weight[3] * v;
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}
