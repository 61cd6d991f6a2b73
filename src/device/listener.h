// Samples of a stream, in packets of any size, until a hop is over.
#pragma once

#include "device/layer.h"

// In samples.
typedef struct cv_listener {
    int32_t window; // that the net hears at once
    int32_t hop;    // from window to window
    int32_t first;  // until the first hop is over
    int32_t keep;   // that a hop reads: the last ones
} cv_listener;

typedef struct cv_listener_state {
    int16_t *sample; // [keep]
    int32_t left;    // until the hop is over
    int32_t begun;   // 1: a hop came before
} cv_listener_state;
