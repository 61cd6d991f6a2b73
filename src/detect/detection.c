#include "detect/detection.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NUMBERS = 1 << 16 }; // that smoothing keeps

static int32_t in_hops(const convo_listening *l, double seconds) {
    return (int32_t)lround(seconds / l->hop);
}

cv_detector cv_detector_of(const convo_listening *l, float *threshold, float *reset) {
    const int32_t smooth = in_hops(l, l->smooth);
    for (int k = 0; k < l->classes; k++) {
        threshold[k] = l->of[k].silent ? 2.0f : (float)l->of[k].threshold;
        reset[k] = (float)l->of[k].reset;
    }
    return (cv_detector){.classes = l->classes,
                         .smooth = smooth > 1 ? smooth : 1,
                         .largest = l->smoothing == CONVO_LARGEST,
                         .gap = in_hops(l, l->gap),
                         .threshold = threshold,
                         .reset = reset};
}

convo_status cv_detection_new(const convo_listening *l, cv_detection **detection, convo_error *err) {
    const size_t classes = (size_t)l->classes, hops = (size_t)(in_hops(l, l->smooth) > 1 ? in_hops(l, l->smooth) : 1);
    *detection = NULL;
    if (hops > MOST_NUMBERS / classes)
        return cv_fail(err, CONVO_LIMIT, "listening",
                       "%d classes smoothed over %zu hops are too much: smooth less, or use a longer hop", l->classes,
                       hops);
    cv_detection *d = cv_alloc(1, sizeof *d);
    // First what changes: last, smoothed, wait; then threshold, reset, zero; then bytes: locked, heard.
    const size_t changes = (hops + 2) * classes * sizeof(float), stays = 3 * classes * sizeof(float);
    char *memory = d ? cv_alloc(1, changes + stays + 2 * classes) : NULL;
    if (!memory) {
        free(d);
        return cv_no_memory(err, "the smoothing of probabilities");
    }
    float *last = (float *)(void *)memory, *threshold = (float *)(void *)(memory + changes);
    *d = (cv_detection){.memory = memory, .size = changes, .zero = threshold + 2 * classes};
    d->detector = cv_detector_of(l, threshold, threshold + classes);
    d->state.last = last;
    d->state.smoothed = last + hops * classes;
    d->state.wait = (int32_t *)(void *)(d->state.smoothed + classes);
    d->state.locked = (uint8_t *)(memory + changes + stays);
    d->heard = d->state.locked + classes;
    *detection = d;
    return CONVO_OK;
}

void cv_detection_free(cv_detection *d) {
    if (!d) return;
    free(d->memory);
    free(d);
}

void cv_detection_clear(cv_detection *d) {
    memset(d->memory, 0, d->size);
    memset(d->state.locked, 0, (size_t)d->detector.classes);
    d->state.at = 0;
}

void cv_detection_hop(cv_detection *d, const float *probability) {
    cv_f32_detect(&d->detector, &d->state, probability ? probability : d->zero, d->heard);
}
