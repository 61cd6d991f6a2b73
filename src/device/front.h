// From samples to what the net sees.
#pragma once

#include "device/layer.h"

// A front end in floats. Features come out as the net reads them, normalised: (v - mean) factor.
typedef struct cv_f32_front {
    int32_t samples;          // of a clip; shorter ones get zeros, of longer ones the rest is not heard
    int32_t window, hop, fft; // samples of a frame, and from one to the next; points of the transform
    int32_t frames, filters;
    int32_t row, cosines;      // features of a frame; how many of them are of the cosine transform
    int32_t before;            // samples that frame 0 begins before the clip
    int32_t mirror;            // what lies beyond the ends: 0 zeros, 1 the clip mirrored
    float gain, preemphasis;   // of samples
    float scale, exponent;     // of bins: factor of sums, power
    float floor, below, unit;  // log of what is not above floor: that of below; factor of logs
    float range, mean, factor; // cut so far below the clip's largest, 0: not; (v - mean) factor
    const float *shape;        // [window]; NULL: ones
    const float *turn;         // cos, then sin of 2 pi k / fft, [fft / 2] each
    const float *bank;         // the filters' weights, one filter behind the other
    const int16_t *bins;       // [filters][2]: the first bin of a filter, their number
    const float *cosine;       // [cosines][filters]; NULL: the logarithms are the features
} cv_f32_front;
