#pragma once

#include "device/exp.h"

static inline float cv_f32_sigmoid_of(float x) {
    return 1.0f / (1.0f + cv_f32_exp(-x));
}
