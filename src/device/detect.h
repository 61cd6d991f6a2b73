// From the probabilities of hop after hop to words that were heard.
#pragma once

#include "device/layer.h"

// Counts are hops. A class is heard where its smoothed probability reaches its threshold, no event of it fell within
// the gap before, and, if it has a reset level, the smoothed probability was below that since its last event.
typedef struct cv_detector {
    int32_t classes;
    int32_t smooth;         // the mean, or the largest, of so many probabilities; what lies before the first is 0
    int32_t largest;        // 1: the largest of them
    int32_t gap;            // from an event of a class to the next, at least
    const float *threshold; // [classes]; above 1: never heard
    const float *reset;     // [classes]; 0: it has none
} cv_detector;

typedef struct cv_detector_state {
    float *last;     // [smooth][classes], in a ring
    float *smoothed; // [classes] of the last hop
    int32_t *wait;   // [classes] hops until the gap is over
    uint8_t *locked; // [classes] 1: the probability has to fall first
    int32_t at;      // where the next hop goes in the ring
} cv_detector_state;
