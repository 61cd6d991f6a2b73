// Logarithms of mel filter energies, as torch.stft with torchaudio's or librosa's filters gives them.
#include "audio/feature.h"
#include "audio/melspec.h"

#include <math.h>
#include <stdlib.h>

typedef struct logmel {
    cv_melspec mel;
    cv_log log;
    cv_rows rows;
} logmel;

static const cv_option schema[] = {
    CV_MELSPEC_OPTIONS(logmel, mel, 40),
    CV_LOG_OPTIONS(logmel, log, CV_LOG_NATURAL, 0, true),
    CV_ROWS_OPTIONS(logmel, rows, CV_ROWS_IMAGE),
    {0},
};

static bool logmel_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const logmel *o = config;
    *out = (cv_shape){.dims = 3, .c = 1, .w = o->mel.framing.filters};
    return cv_melspec_infer(&o->mel, rate, &out->h, why, why_size);
}

static void *logmel_prepare(const void *config, int rate) {
    return cv_melspec_new(&((const logmel *)config)->mel, rate, 0);
}

// None is further below the largest value than the range.
static void cut(const cv_log *o, size_t count, float *value) {
    const float range = (float)o->range;
    float top = value[0];
    for (size_t i = 1; i < count; i++) top = fmaxf(top, value[i]);
    for (size_t i = 0; i < count; i++)
        value[i] = o->relative ? fmaxf(value[i] - top, -range) : fmaxf(value[i], top - range);
}

static size_t logmel_work(const void *config, const void *tables) {
    return cv_melspec_room(&((const logmel *)config)->mel, tables) * sizeof(double);
}

static void logmel_compute(const void *config, const void *pointer, const float *sample, size_t count, void *work,
                           float *out) {
    const logmel *o = config;
    const cv_spectrum *s = pointer;
    const size_t filters = s->frames.filters;
    const double unit = cv_log_unit(&o->log, o->mel.power);
    cv_spectrum_work w = cv_melspec_begin(&o->mel, s, sample, count, work);
    for (size_t t = 0; t < s->count; t++) {
        cv_melspec_frame(&o->mel, s, t, &w);
        for (size_t j = 0; j < filters; j++) out[t * filters + j] = (float)cv_log_of(&o->log, unit, w.mel[j]);
    }
    if (o->log.range > 0) cut(&o->log, s->count * filters, out);
}

static const char *logmel_whole(const void *config) {
    return ((const logmel *)config)->log.range > 0 ? "range needs the largest value of the whole clip" : NULL;
}

static bool logmel_apart(const void *config, int rate, size_t *hop, size_t *reach) {
    const logmel *o = config;
    return o->log.range <= 0 && cv_melspec_apart(&o->mel, rate, hop, reach);
}

static void fill_logmel_graph(const void *config, const cv_spectrum *s, cv_graph *graph, int64_t *index) {
    const logmel *o = config;
    cv_melspec_graph(&o->mel, s, graph, index);
    cv_log_graph(&o->log, o->mel.power, graph);
    cv_graph_print(graph,
                   o->log.range > 0 ? "front.values = Cast(front.log) to=1" : "front.rows = Cast(front.log) to=1");
    if (o->log.range > 0 && o->log.relative)
        cv_graph_print(graph,
                       "front.top = ReduceMax(front.values) axes=[1, 2] keepdims=1; "
                       "front.below = Sub(front.values, front.top); front.rows = Max(front.below, #%.9g)",
                       -o->log.range);
    else if (o->log.range > 0)
        cv_graph_print(graph,
                       "front.top = ReduceMax(front.values) axes=[1, 2] keepdims=1; "
                       "front.least = Sub(front.top, #%.9g); front.rows = Max(front.values, front.least)",
                       o->log.range);
}

static int64_t logmel_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    return cv_spectrum_nodes(logmel_prepare(config, rate), config, fill_logmel_graph, graph, why, why_size);
}

const cv_feature cv_feature_logmel = {
    .name = "logmel",
    .help = "logarithms of mel filter energies, frame by frame",
    .schema = schema,
    .config_size = sizeof(logmel),
    .rows = offsetof(logmel, rows),
    .infer = logmel_infer,
    .prepare = logmel_prepare,
    .release = cv_spectrum_free,
    .work = logmel_work,
    .compute = logmel_compute,
    .apart = logmel_apart,
    .whole = logmel_whole,
    .graph = logmel_graph,
};
