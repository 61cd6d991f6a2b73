// From the probabilities of hop after hop to words that were heard: src/device/detect.c with its memory, set up from
// the settings of listening. The same hops give the same events, bit for bit, here and on a device.
#pragma once

#include "base/base.h"
#include "device/device.h"

typedef struct cv_detection {
    cv_detector detector;
    cv_detector_state state; // .smoothed: [classes] of the last hop
    uint8_t *heard;          // [classes] of the last hop: 1 for a word that is heard now
    float *zero;             // [classes]
    void *memory;            // of all of them
    size_t size;             // bytes of what changes, at the start of it
} cv_detection;

// The detector of checked settings, without memory of its own: threshold and reset have room for a number per class.
cv_detector cv_detector_of(const convo_listening *listening, float *threshold, float *reset);

convo_status cv_detection_new(const convo_listening *listening, cv_detection **detection, convo_error *err);
void cv_detection_free(cv_detection *detection);
// Forgets what was heard.
void cv_detection_clear(cv_detection *detection);
// Takes the probabilities of a hop, [classes]; NULL: all are 0, as below the gate. Fills ->heard and ->state.smoothed.
void cv_detection_hop(cv_detection *detection, const float *probability);
