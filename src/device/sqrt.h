// The square root by Newton's method on 1 / sqrt(x), the first guess from the halved exponent.
#pragma once

#include "device/layer.h"

static float cv_f32_sqrt(float x) {
    float y, root;
    int32_t bits;
    if (!(x > 1.17549435e-38f)) return 0.0f;
    memcpy(&bits, &x, sizeof bits);
    bits = 0x5f375a86 - (bits >> 1);
    memcpy(&y, &bits, sizeof y);
    for (int k = 0; k < 3; k++) y = y * (1.5f - 0.5f * x * y * y);
    root = x * y;
    return root + 0.5f * y * (x - root * root);
}
