// How an exported model listens: its program of hops, and the settings that it keeps.
#include "exchange/export_stream.h"

#include "base/limits.h"
#include "detect/detection.h"

#include <math.h>
#include <stdlib.h>

void cv_export_stream_free(cv_export_stream *s) {
    cv_hops_free(s->hops);
    convo_listening_free(&s->listening);
    free(s->numbers);
}

// Samples of 16 bits have exact sums of squares: the least that src/stream/stream.c does not call quiet.
static uint64_t least_square(double gate, int32_t unit) {
    const double limit = pow(10, gate / 10), full = 32768.0 * 32768.0;
    uint64_t least = (uint64_t)(limit * unit * full);
    while (least && !((double)(least - 1) / full / unit < limit)) least--;
    while ((double)least / full / unit < limit) least++;
    return least;
}

static convo_status settle(const convo_model *model, bool i8, cv_export_stream *s, convo_error *err) {
    const char *file = model->recipe->file;
    if (!model->front)
        return cv_fail(err, CONVO_STATE, file, "this model has no front end: it reads arrays, and listens to nothing");
    CV_TRY(convo_model_listening(model, &s->listening, err));
    const long long hop = llround(s->listening.hop * cv_front_rate(model->front));
    if (hop > CV_LIMIT_DEVICE_CLIP)
        return cv_fail(err, CONVO_LIMIT, file, "a hop of %lld samples is more than the %d of a device", hop,
                       CV_LIMIT_DEVICE_CLIP);
    CV_TRY(cv_hops_new(model, i8, (size_t)(hop > 1 ? hop : 1), s->listening.carry, &s->hops, err));
    s->numbers = cv_alloc(2 * (size_t)model->classes, sizeof *s->numbers);
    return s->numbers ? CONVO_OK : cv_no_memory(err, "a stream");
}

convo_status cv_export_stream_new(const convo_model *model, bool i8, cv_export_stream *s, convo_error *err) {
    *s = (cv_export_stream){0};
    CV_TRY(settle(model, i8, s, err));
    const cv_hops *h = s->hops;
    s->ship = (cv_ship_stream){.program = h->program,
                               .moves = h->moves,
                               .listener = h->listener,
                               .early = h->early,
                               .phases = h->phases,
                               .detector = cv_detector_of(&s->listening, s->numbers, s->numbers + model->classes)};
    if (s->listening.gate < 0) {
        const int32_t window = h->listener.window, unit = h->listener.hop < window ? h->listener.hop : window;
        s->gate = (cv_gate){unit, window / unit, least_square(s->listening.gate, unit)};
        s->ship.gate = &s->gate;
    }
    return CONVO_OK;
}
