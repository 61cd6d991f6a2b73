// From samples to what the net sees.
#pragma once

#include "device/layer.h"

// A front end in floats. Features come out as the net reads them, normalised: (v - mean) factor.
typedef struct cv_f32_front {
    int32_t samples;          // of a clip; shorter ones get zeros, of longer ones the rest is not heard
    int32_t window, hop, fft; // samples of a frame, and from one to the next; points of the transform
    int32_t frames, filters;
    int32_t row, cosines; // features of a frame; how many of them are of the cosine transform
    int32_t before;       // samples that frame 0 begins before the clip
    int32_t first_bin;
    int32_t period;            // of normal
    int32_t mirror;            // what lies beyond the ends: 0 zeros, 1 the clip mirrored
    int32_t relative;          // with range: the largest is 0
    int32_t scaled;            // within the clip: 0 not, 1 all values together, 2 the mean of each, 3 and its variance
    int32_t deltas, reach;     // further maps, and frames on each side that they are of
    int32_t apart;             // where deltas lie: 1 behind each value, 0 behind each row
    float gain, preemphasis;   // of the samples of a waveform; of those of frames
    float scale, exponent;     // of bins: factor of sums, power
    float offset;              // added before the log
    float floor, below, unit;  // log of what is not above floor: that of below; factor of logs
    float range, mean, factor; // cut so far below the clip's largest, 0: not; (v - mean) factor
    const float *shape;        // [window]; NULL: ones
    const float *turn;         // sin of 2 pi k / fft, [fft / 4 + 1]; no power of two: see dft.h
    const float *bank;         // of each bin from the first one on, the share that goes to the filter that rises there
    const int16_t *bins;       // [filters + 1]: the number of bins up to the peak of each filter, and behind the last
    const float *peak;         // [filters] factors; NULL: ones
    const float *cosine;  // of each coefficient, for half of the filters: of an even one the first half and the middle,
                          // of an odd one the first half backwards; NULL: the logarithms are the features
    const float *normal;  // (v - mean) factor of feature i: pair i % period; NULL: the same for all
    const float *numbers; // of pcen
    const int32_t *whole; // of a front end in whole numbers
    const int16_t *words;
} cv_f32_front;
