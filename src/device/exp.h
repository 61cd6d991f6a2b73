// e^x to about one unit in the last place: x = n log 2 + r, and a polynomial of r in +-log(2) / 2.
#pragma once

#include "device/layer.h"

static float cv_f32_exp(float x) {
    static const float per_log2 = 1.44269504f, high = 0.693359375f,
                       low = -2.12194440e-4f; // 1 / log 2; log 2 in two parts
    float r, power, y;
    int32_t n, bits;
    if (x != x) return x;
    if (x > 88.0f) x = 88.0f;
    if (x < -87.0f) return 0.0f;
    n = (int32_t)(x * per_log2 + (x < 0.0f ? -0.5f : 0.5f));
    r = x - (float)n * high;
    r = r - (float)n * low;
    y = 1.98412698e-4f; // 1/7!, 1/6!, ...
    y = y * r + 1.38888889e-3f;
    y = y * r + 8.33333333e-3f;
    y = y * r + 4.16666667e-2f;
    y = y * r + 1.66666667e-1f;
    y = y * r + 0.5f;
    y = y * r * r + r + 1.0f;
    bits = (n + 127) * 8388608; // 2^n
    memcpy(&power, &bits, sizeof power);
    return y * power;
}
