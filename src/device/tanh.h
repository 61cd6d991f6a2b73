#pragma once

#include "device/exp.h"

static inline float cv_f32_tanh_of(float x) {
    return 1.0f - 2.0f / (cv_f32_exp(2.0f * x) + 1.0f);
}
