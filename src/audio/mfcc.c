// Mel-frequency cepstral coefficients, number for number as mfcc() of python_speech_features 0.6 computes them from
// 16-bit samples.
#include "audio/feature.h"
#include "audio/spectrum.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

typedef struct mfcc {
    cv_framing framing;
    int64_t cepstra, lifter;
    double preemphasis;
    bool log_energy;
    cv_rows rows;
} mfcc;

static const cv_option schema[] = {
    CV_FRAMING_OPTIONS(mfcc, framing, 26, 0),
    CV_OPTION("cepstra", CV_INT, mfcc, cepstra, "coefficients kept of the cosine transform", .fallback = 13,
              CV_RANGE(1, 1024)),
    CV_OPTION("preemphasis", CV_FLOAT, mfcc, preemphasis,
              "share of the sample before that is subtracted from each sample", .fallback = 0.97, CV_RANGE(0, 1)),
    CV_OPTION("lifter", CV_INT, mfcc, lifter, "L: coefficient k is multiplied by 1 + L/2 sin(pi k / L); 0: by 1",
              .fallback = 22, CV_RANGE(0, 1000)),
    CV_OPTION("log_energy", CV_BOOL, mfcc, log_energy, "coefficient 0 is the logarithm of the frame's energy",
              .fallback = true),
    CV_ROWS_OPTIONS(mfcc, rows, CV_ROWS_CHANNELS),
    {0},
};

// The last frame is filled up with zeros.
static size_t mfcc_frames(const cv_frames *f) {
    return f->samples <= f->window ? 1 : 1 + (f->samples - f->window + f->hop - 1) / f->hop;
}

static bool mfcc_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const mfcc *o = config;
    cv_frames frames;
    if (!cv_frames_of(&o->framing, rate, &frames, why, why_size)) return false;
    *out = (cv_shape){.dims = 3, .c = 1, .h = (int64_t)mfcc_frames(&frames), .w = o->cepstra};
    return cv_cepstra_fit(o->cepstra, o->framing.filters, why, why_size);
}

// The orthonormal DCT-II with the lifter: [cepstra][filters].
static void fill_cosine(const mfcc *o, cv_spectrum *s) {
    const double lifter = (double)o->lifter;
    for (size_t k = 0; k < (size_t)o->cepstra; k++)
        cv_cosine_row(k, s->frames.filters, o->lifter > 0 ? 1 + lifter / 2 * sin(M_PI * (double)k / lifter) : 1,
                      s->table + k * s->frames.filters);
}

static void *mfcc_prepare(const void *config, int rate) {
    const mfcc *o = config;
    char why[1] = "";
    cv_frames f;
    if (!cv_frames_of(&o->framing, rate, &f, why, sizeof why)) return NULL;
    cv_spectrum *s = cv_spectrum_new(&f, mfcc_frames(&f), CV_BANK_PSF, (size_t)o->cepstra * f.filters);
    if (s) fill_cosine(o, s);
    return s;
}

// A silent frame has the logarithm of the smallest step, as numpy.where(x == 0, eps, x) gives it.
static double safe_log(double x) {
    return log(x == 0 ? DBL_EPSILON : x);
}

// Coefficients of the frame in w.
static void cepstrum(const mfcc *o, const cv_spectrum *s, const cv_spectrum_work *w, float *out) {
    size_t filters = s->frames.filters, k = 0;
    cv_bank_apply(s->bank, w->power, w->mel);
    for (size_t j = 0; j < filters; j++) w->mel[j] = safe_log(w->mel[j]);
    if (o->log_energy) {
        double energy = 0;
        for (size_t b = 0; b < s->frames.bins; b++) energy += w->power[b];
        out[0] = (float)safe_log(energy);
        k = 1;
    }
    for (; k < (size_t)o->cepstra; k++) {
        double sum = 0;
        for (size_t j = 0; j < filters; j++) sum += s->table[k * filters + j] * w->mel[j];
        out[k] = (float)sum;
    }
}

static size_t signal_length(const cv_spectrum *s) {
    return (s->count - 1) * s->frames.hop + s->frames.window;
}

static size_t mfcc_work(const void *config, const void *tables) {
    (void)config;
    return cv_spectrum_room(tables, signal_length(tables)) * sizeof(double);
}

static void mfcc_compute(const void *config, const void *pointer, const float *sample, size_t count, void *work,
                         float *out) {
    const mfcc *o = config;
    const cv_spectrum *s = pointer;
    const cv_frames *f = &s->frames;
    cv_spectrum_work w = cv_spectrum_work_in(s, signal_length(s), work);
    double *signal = w.signal;
    size_t used = count < f->samples ? count : f->samples;
    for (size_t i = 0; i < used; i++) signal[i] = 32768.0 * sample[i];
    for (size_t i = used < f->samples ? used : used - 1; i > 0; i--) signal[i] -= o->preemphasis * signal[i - 1];
    for (size_t i = 0; i < s->count; i++) {
        cv_spectrum_frame(s, signal + i * f->hop, &w);
        for (size_t b = 0; b < f->bins; b++) w.power[b] /= (double)f->fft;
        cepstrum(o, s, &w, out + i * (size_t)o->cepstra);
    }
}

// The first sample of a clip has none before it that it could be emphasised against.
static bool mfcc_apart(const void *config, int rate, size_t *hop, size_t *reach) {
    const mfcc *o = config;
    char why[1] = "";
    cv_frames f;
    if (o->preemphasis > 0 || !cv_frames_of(&o->framing, rate, &f, why, sizeof why)) return false;
    *hop = f.hop;
    *reach = f.window;
    return f.samples >= f.window && (f.samples - f.window) % f.hop == 0;
}

// --- as a graph ----------------------------------------------------------------------------------------------------

// safe_log of front.NAME as front.log_NAME.
static void log_graph(cv_graph *graph, const char *name) {
    cv_graph_print(graph,
                   "front.no_%s = Equal(front.%s, #0d); front.some_%s = Where(front.no_%s, #%.17gd, front.%s); "
                   "front.log_%s = Log(front.some_%s)",
                   name, name, name, name, DBL_EPSILON, name, name, name);
}

static void fill_mfcc_graph(const void *config, const cv_spectrum *s, cv_graph *graph, int64_t *index) {
    const mfcc *o = config;
    const cv_frames *f = &s->frames;
    const size_t first = o->log_energy; // the first coefficient that comes from the cosine transform
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < f->window; k++)
            *index++ = (int64_t)(i * f->hop + k < f->samples ? i * f->hop + k : f->samples);
    cv_graph_print(graph,
                   "front.samples = Cast(samples) to=11; front.counts = Mul(front.samples, #32768d); "
                   "front.earlier = Pad(front.counts, #[0, 1, 0, -1]); "
                   "front.share = Mul(front.earlier, #%.17gd); front.signal = Sub(front.counts, front.share)",
                   o->preemphasis);
    cv_spectrum_graph(s, NULL, NULL, graph);
    cv_graph_print(graph, "front.power = Mul(front.energy, #%.17gd); front.mel = MatMul(front.power, front.bank)",
                   1 / (double)f->fft);
    log_graph(graph, "mel");
    if (o->log_energy) cv_graph_print(graph, "front.total = ReduceSum(front.power, #[2]) keepdims=1");
    if (o->log_energy) log_graph(graph, "total");
    if (first < (size_t)o->cepstra) {
        cv_cosine_graph(s, (size_t)o->cepstra, first, graph);
        cv_graph_print(graph, "front.cepstra = MatMul(front.log_mel, front.transform)");
    }
    if (first && first < (size_t)o->cepstra)
        cv_graph_print(graph, "front.all = Concat(front.log_total, front.cepstra) axis=2");
    cv_graph_print(graph, "front.rows = Cast(%s) to=1",
                   !first                       ? "front.cepstra"
                   : first < (size_t)o->cepstra ? "front.all"
                                                : "front.log_total");
}

static int64_t mfcc_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    return cv_spectrum_nodes(mfcc_prepare(config, rate), config, fill_mfcc_graph, graph, why, why_size);
}

const cv_feature cv_feature_mfcc = {
    .name = "mfcc",
    .help = "mel-frequency cepstral coefficients, as python_speech_features 0.6 computes them",
    .schema = schema,
    .config_size = sizeof(mfcc),
    .rows = offsetof(mfcc, rows),
    .infer = mfcc_infer,
    .prepare = mfcc_prepare,
    .release = cv_spectrum_free,
    .work = mfcc_work,
    .compute = mfcc_compute,
    .apart = mfcc_apart,
    .graph = mfcc_graph,
};
