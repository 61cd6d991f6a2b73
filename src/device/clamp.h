#pragma once

#include "device/layer.h"

// A NaN stays one.
static inline float cv_f32_clamped(const cv_f32_layer *l, float v) {
    return v < l->least ? l->least : v > l->most ? l->most : v;
}
