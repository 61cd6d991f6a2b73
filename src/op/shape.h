// The shape of one sample's feature maps.
#pragma once

#include "base/base.h"

// One sample's feature maps: (c), (c, w) or (c, h, w); unused sizes are 1.
typedef struct cv_shape {
    int dims; // 1, 2 or 3
    int64_t c, h, w;
} cv_shape;

static inline int64_t cv_shape_size(cv_shape s) {
    return s.c * s.h * s.w;
}
static inline int64_t cv_shape_pixels(cv_shape s) {
    return s.h * s.w;
}

// "(16, 44, 14)"
void cv_shape_text(cv_shape shape, char *text, size_t size);
