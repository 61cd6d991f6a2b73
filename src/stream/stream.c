// A model that listens: windows of samples become probabilities, and these become events.
#include "detect/detection.h"
#include "model/model.h"
#include "model/on_device.h"
#include "stream/columns.h"
#include "stream/hops.h"
#include "stream/intake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct convo_stream {
    const convo_model *model;
    convo_listening listening;
    bool scores;
    int rate;           // the model's
    size_t window, hop; // samples at that rate
    cv_intake *intake;
    cv_predictor predictor;
    cv_columns *columns; // what is new of a window, here or as on a device; both NULL: all of it is computed
    cv_hops *hops;
    cv_detection *detection;
    float *probability; // [classes]
    // What is found in the last hop.
    convo_event found;
    bool scored; // still to be reported
    int next;    // the first class that is still to be reported
};

void convo_stream_free(convo_stream *s) {
    if (!s) return;
    convo_listening_free(&s->listening);
    cv_intake_free(s->intake);
    cv_predictor_free(&s->predictor);
    cv_columns_free(s->columns);
    cv_hops_free(s->hops);
    cv_detection_free(s->detection);
    free(s->probability);
    free(s);
}

static convo_status settle(convo_stream *s, const convo_listening *listening, convo_error *err) {
    if (!listening) return convo_model_listening(s->model, &s->listening, err);
    CV_TRY(cv_listening_check(listening, s->model->classes, err));
    return cv_listening_copy(listening, &s->listening, err);
}

// What of a window is computed.
static convo_status open_moving(convo_stream *s, convo_error *err) {
    const convo_machine machine = s->model->machine;
    if (machine == CONVO_HOST) return cv_columns_new(s->model, s->hop, s->listening.carry, &s->columns, err);
    CV_TRY(cv_hops_new(s->model, machine == CONVO_DEVICE_INT8, s->hop, s->listening.carry, &s->hops, err));
    if (s->hops->moves) return CONVO_OK;
    cv_hops_free(s->hops);
    s->hops = NULL;
    return CONVO_OK;
}

static convo_status open_stream(convo_stream *s, const convo_stream_options *options, convo_error *err) {
    const convo_model *model = s->model;
    CV_TRY(settle(s, options->listening, err));
    CV_TRY(cv_predictor_prepare(model, &s->predictor, true, err));
    CV_TRY(cv_predictor_run_on(model, &s->predictor, model->machine, err));
    s->scores = options->scores;
    s->rate = cv_front_rate(model->front);
    s->window = (size_t)cv_front_samples(model->front);
    const long long hop = llround(s->listening.hop * s->rate);
    s->hop = hop > 1 ? (size_t)hop : 1;
    if (!options->whole) CV_TRY(open_moving(s, err));
    s->probability = cv_alloc((size_t)model->classes, sizeof *s->probability);
    if (!s->probability) return cv_no_memory(err, "a stream");
    CV_TRY(cv_intake_new(options->rate ? options->rate : s->rate, s->rate, s->window, s->hop, &s->intake, err));
    return cv_detection_new(&s->listening, &s->detection, err);
}

convo_status convo_stream_new(const convo_model *model, const convo_stream_options *options, convo_stream **stream,
                              convo_error *err) {
    static const convo_stream_options usual = {.rate = 0};
    if (!model || !stream) return cv_fail(err, CONVO_ARGUMENT, "", "a model and room for the stream are needed");
    *stream = NULL;
    convo_stream *s = cv_alloc(1, sizeof *s);
    if (!s) return cv_no_memory(err, "a stream");
    s->model = model;
    const convo_status status = open_stream(s, options ? options : &usual, err);
    if (status) {
        convo_stream_free(s);
        return status;
    }
    convo_stream_clear(s);
    *stream = s;
    return CONVO_OK;
}

// What of a window is kept for the next one has to be there for the first: windows before it, zeros at their beginning,
// come first.
void convo_stream_clear(convo_stream *s) {
    const size_t rest = s->window % s->hop ? s->window % s->hop : s->hop;
    const bool early = (s->columns || s->hops) && s->hop < s->window;
    cv_intake_clear(s->intake, early ? s->window - rest : 0);
    if (s->columns) cv_columns_clear(s->columns);
    if (s->hops) cv_hops_clear(s->hops);
    cv_detection_clear(s->detection);
    s->found = (convo_event){.hop = early ? -1 - (int64_t)((s->window - rest) / s->hop) : -1,
                             .classes = s->model->classes,
                             .probabilities = s->probability,
                             .smoothed = s->detection->state.smoothed};
    s->scored = false;
    s->next = s->model->classes;
}

double convo_stream_window(const convo_stream *s) {
    return (double)s->window / s->rate;
}

convo_status convo_stream_push(convo_stream *s, const float *samples, size_t count, convo_error *err) {
    if (!s || (!samples && count)) return cv_fail(err, CONVO_ARGUMENT, "", "a stream and samples are needed");
    if (!cv_intake_is_empty(s->intake))
        return cv_fail(err, CONVO_STATE, "", "the last samples are not used up: call convo_stream_next before");
    CV_TRY(cv_sound_check(samples, count, "", err));
    cv_intake_push(s->intake, samples, count);
    return CONVO_OK;
}

static double decibels(double square) {
    const double level = square > 0 ? 10 * log10(square) : -200;
    return level > -200 ? level : -200;
}

// Probabilities and events of the next window.
static convo_status hear(convo_stream *s, const float *window, double loudness, convo_error *err) {
    const double gate = s->listening.gate;
    const bool quiet = gate < 0 && loudness < pow(10, gate / 10);
    const size_t bytes = (size_t)s->model->classes * sizeof *s->probability;
    s->found.hop++;
    s->found.time = ((double)s->found.hop * (double)s->hop + (double)s->window) / s->rate;
    s->found.level = decibels(loudness);
    if (s->columns)
        CV_TRY(cv_columns_hear(s->columns, window, s->found.hop, &s->predictor, s->probability, err));
    else if (s->hops)
        cv_hops_hear(s->hops, window, s->found.hop, s->probability);
    else if (!quiet)
        CV_TRY(cv_predictor_hear(s->model, &s->predictor, window, s->window, "", s->probability, err));
    if (s->found.hop < 0) return CONVO_OK;
    if (quiet) memset(s->probability, 0, bytes);
    cv_detection_hop(s->detection, s->probability);
    s->scored = s->scores;
    s->next = 0;
    return CONVO_OK;
}

// What is left to report of the last hop.
static bool report(convo_stream *s, convo_event *event) {
    *event = s->found;
    event->kind = CONVO_NOTHING;
    if (s->scored) {
        s->scored = false;
        event->kind = CONVO_SCORED;
        return true;
    }
    for (; s->next < s->model->classes; s->next++) {
        if (!s->detection->heard[s->next]) continue;
        event->kind = CONVO_HEARD;
        event->heard = s->next;
        event->score = (double)s->detection->state.smoothed[s->next++];
        return true;
    }
    return false;
}

convo_status convo_stream_next(convo_stream *s, convo_event *event, convo_error *err) {
    if (!s || !event) return cv_fail(err, CONVO_ARGUMENT, "", "a stream and room for an event are needed");
    while (!report(s, event)) {
        double loudness;
        const float *window = cv_intake_window(s->intake, &loudness);
        if (!window) return CONVO_OK;
        CV_TRY(hear(s, window, loudness, err));
    }
    return CONVO_OK;
}
