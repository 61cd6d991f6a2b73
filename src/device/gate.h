// How loud the hops of a window are.
#pragma once

#include "device/layer.h"

typedef struct cv_gate {
    int32_t unit, units; // samples of a hop; hops of a window
    uint64_t least;      // the sum of squares that one of them needs, or the window is quiet
} cv_gate;

typedef struct cv_gate_state {
    uint64_t *square; // [units], in a ring
    uint64_t sum;     // of the hop that is under way
    int32_t count;    // its samples
    int32_t at;       // where its sum goes in the ring
} cv_gate_state;
