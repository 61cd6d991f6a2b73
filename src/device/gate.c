// Takes the samples of windows; returns 1 if the last window is quiet.
#include "device/device.h"
#include "device/gate.h"

CV_KERNEL int32_t cv_gate_take(const cv_gate *g, cv_gate_state *s, const int16_t *sample, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        s->sum += (uint64_t)((int32_t)sample[i] * sample[i]);
        if (++s->count < g->unit) continue;
        s->square[s->at] = s->sum;
        s->at = s->at + 1 < g->units ? s->at + 1 : 0;
        s->sum = 0;
        s->count = 0;
    }
    for (int32_t k = 0; k < g->units; k++)
        if (s->square[k] >= g->least) return 0;
    return 1;
}
