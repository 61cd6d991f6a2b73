// What the forms of layers for one example share: see cv_single.
#pragma once

#include "op/layers/lanes.h"

static inline int64_t lane_blocks(int64_t count) {
    return (count + LANES - 1) / LANES;
}

// Where the number of channel c at a pixel lies, in numbers.
static inline int64_t single_place(int64_t c, int64_t pixel, int64_t pixels) {
    return (c / LANES * pixels + pixel) * LANES + c % LANES;
}

static inline bool single_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const cv_single *single = config;
    (void)in, (void)why, (void)why_size;
    *out = single->out;
    out->c = lane_blocks(out->c);
    return true;
}
