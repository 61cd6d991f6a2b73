// What the layer fake_quantize is given by those that insert it.
#pragma once

#include <stdint.h>

typedef struct cv_fake_quantize {
    double scale; // a float
    int64_t zero;
} cv_fake_quantize;
