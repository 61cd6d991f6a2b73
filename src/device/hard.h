#pragma once

#include "device/layer.h"

// x + 3, cut to 0 ... 6, by 6.
static float cv_f32_hard(float x) {
    const float v = x + 3.0f;
    return (v < 0.0f ? 0.0f : v > 6.0f ? 6.0f : v) * 0.166666667f;
}
