// Mel-frequency cepstral coefficients as torchaudio.transforms.MFCC and, with other options, librosa.feature.mfcc
// compute them: the cosine transform of a mel spectrogram in decibels.
#include "audio/feature.h"
#include "audio/melspec.h"

#include <math.h>
#include <stdlib.h>

typedef struct mfcc_torch {
    cv_melspec mel;
    cv_log log;
    int64_t cepstra, lifter;
    cv_rows rows;
} mfcc_torch;

static const cv_option schema[] = {
    CV_MELSPEC_OPTIONS(mfcc_torch, mel, 40),
    CV_LOG_OPTIONS(mfcc_torch, log, CV_LOG_DB, 80, false),
    CV_OPTION("cepstra", CV_INT, mfcc_torch, cepstra, "coefficients kept of the orthonormal cosine transform",
              .fallback = 13, CV_RANGE(1, 1024)),
    CV_OPTION("lifter", CV_INT, mfcc_torch, lifter,
              "L: coefficient k is multiplied by 1 + L/2 sin(pi (k + 1) / L), as librosa's; 0: by 1",
              CV_RANGE(0, 1000)),
    CV_ROWS_OPTIONS(mfcc_torch, rows, CV_ROWS_CHANNELS),
    {0},
};

static bool mfcc_torch_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const mfcc_torch *o = config;
    *out = (cv_shape){.dims = 3, .c = 1, .w = o->cepstra};
    if (!cv_melspec_infer(&o->mel, rate, &out->h, why, why_size)) return false;
    return cv_cepstra_fit(o->cepstra, o->mel.framing.filters, why, why_size);
}

static void *mfcc_torch_prepare(const void *config, int rate) {
    const mfcc_torch *o = config;
    const size_t cepstra = (size_t)o->cepstra, filters = (size_t)o->mel.framing.filters;
    const double lifter = (double)o->lifter;
    cv_spectrum *s = cv_melspec_new(&o->mel, rate, cepstra * filters);
    for (size_t k = 0; s && k < cepstra; k++)
        cv_cosine_row(k, filters, o->lifter > 0 ? 1 + lifter / 2 * sin(M_PI * (double)(k + 1) / lifter) : 1,
                      s->table + k * filters);
    return s;
}

static size_t mfcc_torch_work(const void *config, const void *tables) {
    const mfcc_torch *o = config;
    const cv_spectrum *s = tables;
    return (cv_melspec_room(&o->mel, s) + s->count * s->frames.filters) * sizeof(double);
}

static void mfcc_torch_compute(const void *config, const void *pointer, const float *sample, size_t count, void *work,
                               float *out) {
    const mfcc_torch *o = config;
    const cv_spectrum *s = pointer;
    const size_t filters = s->frames.filters, cepstra = (size_t)o->cepstra;
    const double unit = cv_log_unit(&o->log, o->mel.power);
    cv_spectrum_work w = cv_melspec_begin(&o->mel, s, sample, count, work);
    double *logs = (double *)work + cv_melspec_room(&o->mel, s), least = -INFINITY;
    for (size_t t = 0; t < s->count; t++) {
        cv_melspec_frame(&o->mel, s, t, &w);
        for (size_t j = 0; j < filters; j++) {
            logs[t * filters + j] = cv_log_of(&o->log, unit, w.mel[j]);
            least = fmax(least, logs[t * filters + j]); // the largest until all are there
        }
    }
    const double top = least;
    for (size_t t = 0; t < s->count; t++)
        for (size_t k = 0; k < cepstra; k++) {
            double sum = 0;
            for (size_t j = 0; j < filters; j++) {
                double x = logs[t * filters + j];
                if (o->log.range > 0) x = fmax(x, top - o->log.range) - (o->log.relative ? top : 0);
                sum += s->table[k * filters + j] * x;
            }
            out[t * cepstra + k] = (float)sum;
        }
}

static const char *mfcc_torch_whole(const void *config) {
    return ((const mfcc_torch *)config)->log.range > 0 ? "range needs the largest value of the whole clip" : NULL;
}

static bool mfcc_torch_apart(const void *config, int rate, size_t *hop, size_t *reach) {
    const mfcc_torch *o = config;
    return o->log.range <= 0 && cv_melspec_apart(&o->mel, rate, hop, reach);
}

static void fill_mfcc_torch_graph(const void *config, const cv_spectrum *s, cv_graph *graph, int64_t *index) {
    const mfcc_torch *o = config;
    const char *logs = "front.log";
    cv_melspec_graph(&o->mel, s, graph, index);
    cv_log_graph(&o->log, o->mel.power, graph);
    if (o->log.range > 0) {
        cv_graph_print(graph,
                       "front.top = ReduceMax(front.log) axes=[1, 2] keepdims=1; "
                       "front.least = Sub(front.top, #%.17gd); front.cut = Max(front.log, front.least)",
                       o->log.range);
        logs = "front.cut";
    }
    if (o->log.range > 0 && o->log.relative) {
        cv_graph_print(graph, "front.below = Sub(front.cut, front.top)");
        logs = "front.below";
    }
    cv_cosine_graph(s, (size_t)o->cepstra, 0, graph);
    cv_graph_print(graph, "front.cepstra = MatMul(%s, front.transform); front.rows = Cast(front.cepstra) to=1", logs);
}

static int64_t mfcc_torch_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    return cv_spectrum_nodes(mfcc_torch_prepare(config, rate), config, fill_mfcc_torch_graph, graph, why, why_size);
}

const cv_feature cv_feature_mfcc_torch = {
    .name = "mfcc_torch",
    .help = "mel-frequency cepstral coefficients, as torchaudio and librosa compute them",
    .schema = schema,
    .config_size = sizeof(mfcc_torch),
    .rows = offsetof(mfcc_torch, rows),
    .infer = mfcc_torch_infer,
    .prepare = mfcc_torch_prepare,
    .release = cv_spectrum_free,
    .work = mfcc_torch_work,
    .compute = mfcc_torch_compute,
    .apart = mfcc_torch_apart,
    .whole = mfcc_torch_whole,
    .graph = mfcc_torch_graph,
};
