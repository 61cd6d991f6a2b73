// Takes samples up to the end of the hop; returns how many. The hop is over if nothing is left then. heard: how many of
// them, the last ones, belong to a window; between two windows there may be some that belong to none.
#include "device/device.h"
#include "device/listener.h"
#include "device/shift.h"

CV_KERNEL int32_t cv_listener_take(const cv_listener *l, cv_listener_state *s, const int16_t *sample, int32_t count,
                                   int32_t *heard) {
    const int32_t size = (int32_t)sizeof *sample;
    if (s->left == 0) {
        if (s->begun && l->hop < l->keep) cv_shift(s->sample, l->keep * size, l->hop * size);
        s->left = s->begun ? l->hop : l->first;
        s->begun = 1;
    }
    const int32_t taken = count < s->left ? count : s->left;
    const int32_t early = s->left - l->keep, skipped = early > taken ? taken : early > 0 ? early : 0;
    const int32_t between = s->left - l->window;
    if (taken > skipped)
        memcpy(s->sample + l->keep - (s->left - skipped), sample + skipped, (size_t)(taken - skipped) * sizeof *sample);
    *heard = between > taken ? 0 : between > 0 ? taken - between : taken;
    s->left -= taken;
    return taken;
}
