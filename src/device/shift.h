// A stream goes on: what lies in memory moves forward by some bytes, over what is not needed any more.
#pragma once

#include "device/layer.h"

static inline void cv_shift(void *memory, int32_t size, int32_t by) {
    char *to = (char *)memory;
    for (int32_t left = size - by; left > 0; left -= by, to += by) // no piece overlaps where it goes
        memcpy(to, to + by, (size_t)(left < by ? left : by));
}
