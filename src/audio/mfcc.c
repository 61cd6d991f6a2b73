// Mel-frequency cepstral coefficients, number for number as mfcc() of python_speech_features 0.6 computes them from
// 16-bit samples.
#include "audio/feature.h"
#include "audio/fft.h"
#include "audio/spectrum.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct mfcc {
    cv_framing framing;
    int64_t cepstra, lifter;
    double preemphasis;
    bool log_energy;
} mfcc;

static const cv_option schema[] = {
    CV_FRAMING_OPTIONS(mfcc, framing, 26),
    {.name = "cepstra",
     .type = CV_INT,
     .offset = offsetof(mfcc, cepstra),
     .fallback = 13,
     .min = 1,
     .max = 1024,
     .help = "coefficients kept of the cosine transform, the channels of the output"},
    {.name = "preemphasis",
     .type = CV_FLOAT,
     .offset = offsetof(mfcc, preemphasis),
     .fallback = 0.97,
     .min = 0,
     .max = 1,
     .help = "share of the sample before that is subtracted from each sample"},
    {.name = "lifter",
     .type = CV_INT,
     .offset = offsetof(mfcc, lifter),
     .fallback = 22,
     .min = 0,
     .max = 1000,
     .help = "L: coefficient k is multiplied by 1 + L/2 sin(pi k / L); 0: by 1"},
    {.name = "log_energy",
     .type = CV_BOOL,
     .offset = offsetof(mfcc, log_energy),
     .fallback = true,
     .help = "coefficient 0 is the logarithm of the frame's energy"},
    {0},
};

typedef struct tables {
    cv_frames frames;
    size_t count, cepstra; // of frames; of coefficients
    cv_fft *fft;
    cv_bank *bank;
    double *cosine; // [cepstra][filters], with the lifter
} tables;

// The last frame is filled up with zeros.
static size_t frame_count(const cv_frames *f) {
    return f->samples <= f->window ? 1 : 1 + (f->samples - f->window + f->hop - 1) / f->hop;
}

static bool infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const mfcc *o = config;
    cv_frames frames;
    if (!cv_frames_of(&o->framing, rate, &frames, why, why_size)) return false;
    if (o->cepstra < 1 || o->cepstra > o->framing.filters) {
        cv_print(why, why_size, "%lld cepstra cannot be had from %lld filters", (long long)o->cepstra,
                 (long long)o->framing.filters);
        return false;
    }
    *out = (cv_shape){.dims = 2, .c = o->cepstra, .h = 1, .w = (int64_t)frame_count(&frames)};
    return true;
}

static void release(void *pointer) {
    tables *t = pointer;
    if (!t) return;
    free(t->fft);
    cv_bank_free(t->bank);
    free(t->cosine);
    free(t);
}

// The orthonormal DCT-II.
static void fill_cosine(const mfcc *o, tables *t) {
    size_t filters = t->frames.filters;
    double n = (double)filters, lifter = (double)o->lifter;
    for (size_t k = 0; k < t->cepstra; k++) {
        double lift = o->lifter > 0 ? 1 + lifter / 2 * sin(M_PI * (double)k / lifter) : 1;
        double scale = lift * sqrt((k == 0 ? 1 : 2) / n);
        for (size_t j = 0; j < filters; j++)
            t->cosine[k * filters + j] = scale * cos(M_PI * (double)k * (double)(2 * j + 1) / (2 * n));
    }
}

static void *prepare(const void *config, int rate) {
    const mfcc *o = config;
    char why[1] = "";
    tables *t = cv_alloc(1, sizeof *t);
    if (!t || !cv_frames_of(&o->framing, rate, &t->frames, why, sizeof why)) goto fail;
    t->count = frame_count(&t->frames);
    t->cepstra = (size_t)o->cepstra;
    t->fft = cv_fft_new(t->frames.fft);
    t->bank = cv_bank_new(&t->frames, CV_BANK_PSF);
    t->cosine = cv_alloc(t->cepstra * t->frames.filters, sizeof *t->cosine);
    if (!t->fft || !t->bank || !t->cosine) goto fail;
    fill_cosine(o, t);
    return t;
fail:
    release(t);
    return NULL;
}

// A silent frame has the logarithm of the smallest step, as numpy.where(x == 0, eps, x) gives it.
static double safe_log(double x) {
    return log(x == 0 ? DBL_EPSILON : x);
}

// Coefficients of one frame, whose power spectrum is given, into column `column` of out.
static void cepstrum(const mfcc *o, const tables *t, const double *power, double *mel, float *out, size_t column) {
    size_t filters = t->frames.filters, k = 0;
    cv_bank_apply(t->bank, power, mel);
    for (size_t j = 0; j < filters; j++) mel[j] = safe_log(mel[j]);
    if (o->log_energy) {
        double energy = 0;
        for (size_t b = 0; b < t->frames.bins; b++) energy += power[b];
        out[column] = (float)safe_log(energy);
        k = 1;
    }
    for (; k < t->cepstra; k++) {
        double sum = 0;
        for (size_t j = 0; j < filters; j++) sum += t->cosine[k * filters + j] * mel[j];
        out[k * t->count + column] = (float)sum;
    }
}

static bool compute(const void *config, const void *pointer, const float *sample, size_t count, float *out) {
    const mfcc *o = config;
    const tables *t = pointer;
    const cv_frames *f = &t->frames;
    size_t length = (t->count - 1) * f->hop + f->window;
    double *signal = cv_alloc(length + f->fft + f->bins + f->filters + cv_fft_power_work(f->fft), sizeof *signal);
    if (!signal) return false;
    double *frame = signal + length, *power = frame + f->fft, *mel = power + f->bins, *work = mel + f->filters;

    size_t used = count < f->samples ? count : f->samples;
    for (size_t i = 0; i < used; i++) signal[i] = 32768.0 * sample[i];
    for (size_t i = used < f->samples ? used : used - 1; i > 0; i--) signal[i] -= o->preemphasis * signal[i - 1];

    for (size_t i = 0; i < t->count; i++) {
        memcpy(frame, signal + i * f->hop, f->window * sizeof *frame); // the rest of the frame stays zero
        cv_fft_power(t->fft, frame, power, work);
        for (size_t b = 0; b < f->bins; b++) power[b] /= (double)f->fft;
        cepstrum(o, t, power, mel, out, i);
    }
    free(signal);
    return true;
}

// --- as a graph ----------------------------------------------------------------------------------------------------

// safe_log of front.NAME as front.log_NAME.
static void log_graph(cv_graph *graph, const char *name) {
    cv_graph_print(graph,
                   "front.no_%s = Equal(front.%s, #0d); front.some_%s = Where(front.no_%s, #%.17gd, front.%s); "
                   "front.log_%s = Log(front.some_%s)",
                   name, name, name, name, DBL_EPSILON, name, name, name);
}

static void fill_graph(const mfcc *o, const tables *t, cv_graph *graph, int64_t *index) {
    const cv_frames *f = &t->frames;
    const size_t first = o->log_energy; // the first coefficient that comes from the cosine transform
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < f->window; k++)
            *index++ = (int64_t)(i * f->hop + k < f->samples ? i * f->hop + k : f->samples);
    cv_graph_print(graph,
                   "front.samples = Cast(samples) to=11; front.counts = Mul(front.samples, #32768d); "
                   "front.earlier = Pad(front.counts, #[0, 1, 0, -1]); "
                   "front.share = Mul(front.earlier, #%.17gd); front.signal = Sub(front.counts, front.share)",
                   o->preemphasis);
    cv_spectrum_graph(graph, f, NULL, t->bank);
    cv_graph_print(graph, "front.power = Mul(front.energy, #%.17gd); front.mel = MatMul(front.power, front.bank)",
                   1 / (double)f->fft);
    log_graph(graph, "mel");
    if (o->log_energy) cv_graph_print(graph, "front.total = ReduceSum(front.power, #[2]) keepdims=1");
    if (o->log_energy) log_graph(graph, "total");
    if (first < t->cepstra) {
        const int64_t dim[] = {(int64_t)f->filters, (int64_t)(t->cepstra - first)};
        double *matrix = cv_graph_add_constant(graph, "front.transform", CV_CONST_F64, 2, dim);
        for (size_t j = 0; matrix && j < f->filters; j++)
            for (size_t k = first; k < t->cepstra; k++) *matrix++ = t->cosine[k * f->filters + j];
        cv_graph_print(graph, "front.cepstra = MatMul(front.log_mel, front.transform)");
    }
    if (first && first < t->cepstra) cv_graph_print(graph, "front.all = Concat(front.log_total, front.cepstra) axis=2");
    cv_graph_print(graph, "front.columns = Transpose(%s) perm=[0, 2, 1]; features = Cast(front.columns) to=1",
                   !first               ? "front.cepstra"
                   : first < t->cepstra ? "front.all"
                                        : "front.log_total");
}

static int64_t to_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    const mfcc *o = config;
    tables *t = prepare(config, rate);
    int64_t *index = t ? cv_frames_graph(graph, &t->frames, t->count, why, why_size) : NULL;
    if (!t) graph->failed = true;
    if (index) fill_graph(o, t, graph, index);
    release(t);
    return index ? o->framing.samples : -1;
}

const cv_feature cv_feature_mfcc = {
    .name = "mfcc",
    .help = "mel-frequency cepstral coefficients, as python_speech_features 0.6 computes them",
    .schema = schema,
    .config_size = sizeof(mfcc),
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .compute = compute,
    .graph = to_graph,
};
