// log x of a positive x: x = 2^n m with m in sqrt(1/2) ... sqrt(2), and log m = 2 atanh(s) with s = (m - 1) / (m + 1).
#pragma once

#include "device/layer.h"

static float cv_f32_log(float x) {
    static const float high = 0.693359375f, low = -2.12194440e-4f; // log 2 in two parts
    float m, s, z, y;
    int32_t bits, n;
    if (x < 1.17549435e-38f) x = 1.17549435e-38f; // the smallest normal number
    memcpy(&bits, &x, sizeof bits);
    n = (bits >> 23) - 127;
    bits = (bits & 0x7fffff) | 0x3f800000;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.41421356f) {
        m = m * 0.5f;
        n++;
    }
    m = m - 1.0f;
    s = m / (m + 2.0f);
    z = s * s;
    y = 0.111111111f;
    y = y * z + 0.142857143f;
    y = y * z + 0.2f;
    y = y * z + 0.333333333f;
    // log m = m - s (m - 2 z y): m itself is exact, and what is taken from it is small
    y = m - s * (m - 2.0f * z * y);
    return (float)n * high + (y + (float)n * low);
}
