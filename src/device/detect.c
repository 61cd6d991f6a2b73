// Takes the probabilities of a hop, [classes]; heard: [classes], 1 for a word that is heard now.
#include "device/detect.h"
#include "device/device.h"

// Added from the oldest on, so that the sum does not depend on where the ring begins.
static float cv_detector_smooth(const cv_detector *d, const cv_detector_state *s, int32_t c) {
    float sum = 0.0f, top = 0.0f;
    for (int32_t k = 0; k < d->smooth; k++) {
        const int32_t at = s->at + k < d->smooth ? s->at + k : s->at + k - d->smooth;
        const float p = s->last[at * d->classes + c];
        sum += p;
        top = p > top ? p : top;
    }
    return d->largest ? top : sum / (float)d->smooth;
}

CV_KERNEL void cv_f32_detect(const cv_detector *d, cv_detector_state *s, const float *probability, uint8_t *heard) {
    memcpy(s->last + s->at * d->classes, probability, (size_t)d->classes * sizeof *probability);
    s->at = s->at + 1 < d->smooth ? s->at + 1 : 0;
    for (int32_t c = 0; c < d->classes; c++) {
        const float p = s->smoothed[c] = cv_detector_smooth(d, s, c);
        if (p < d->reset[c]) s->locked[c] = 0;
        if (s->wait[c] > 0) s->wait[c]--;
        heard[c] = p >= d->threshold[c] && s->wait[c] == 0 && !s->locked[c];
        if (!heard[c]) continue;
        s->wait[c] = d->gap;
        s->locked[c] = d->reset[c] > 0.0f;
    }
}
