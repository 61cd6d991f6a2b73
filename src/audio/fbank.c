// Logarithms of mel filter energies as Kaldi's compute-fbank-feats, kaldi-native-fbank and torchaudio.compliance.kaldi
// compute them, without dither.
#include "audio/feature.h"
#include "audio/spectrum.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { POVEY, HANNING, HAMMING, BLACKMAN, RECTANGULAR };

typedef struct fbank {
    cv_framing framing;
    int window;
    bool snip_edges, remove_dc, energy;
    double preemphasis, full_scale;
    cv_rows rows;
} fbank;

static const cv_option schema[] = {
    CV_FRAMING_OPTIONS(fbank, framing, 23, 20),
    CV_OPTION("window", CV_WORD, fbank, window,
              "shape of a frame, symmetric; povey: a Hann window to the power of 0.85",
              .words = "povey|hanning|hamming|blackman|rectangular"),
    CV_OPTION("snip_edges", CV_BOOL, fbank, snip_edges,
              "only frames that lie in the clip; false: one for every hop, the clip mirrored beyond its ends",
              .fallback = true),
    CV_OPTION("remove_dc", CV_BOOL, fbank, remove_dc, "the mean of a frame is subtracted from it", .fallback = true),
    CV_OPTION("preemphasis", CV_FLOAT, fbank, preemphasis,
              "share of the sample before that is subtracted from each sample, frame by frame", .fallback = 0.97,
              CV_RANGE(0, 1)),
    CV_OPTION("energy", CV_BOOL, fbank, energy,
              "the first value of a frame is the logarithm of its energy before pre-emphasis (use_energy)"),
    CV_OPTION(
        "full_scale", CV_FLOAT, fbank, full_scale,
        "what a sample of 1 becomes: 32768 for Kaldi's 16-bit counts, 1 for torchaudio's and sherpa-onnx's floats",
        .fallback = 32768, CV_RANGE(1e-6, 1e12)),
    CV_ROWS_OPTIONS(fbank, rows, CV_ROWS_IMAGE),
    {0},
};

// Kaldi's sizes are rounded down, in floats.
static size_t whole_samples(double ms, int rate) {
    return (size_t)((float)rate * 0.001f * (float)ms);
}

static bool fbank_frames_of(const fbank *o, int rate, cv_frames *f, char *why, size_t why_size) {
    cv_framing framing = o->framing;
    const size_t window = whole_samples(framing.window_ms, rate), hop = whole_samples(framing.hop_ms, rate);
    if (!cv_frames_of(&framing, rate, f, why, why_size)) return false;
    if (window < 2 || hop < 1) {
        cv_print(why, why_size, "a window of %g ms or a hop of %g ms is too short at %d Hz", framing.window_ms,
                 framing.hop_ms, rate);
        return false;
    }
    f->window = window;
    f->hop = hop;
    if (framing.fft == 0)
        for (f->fft = 2; f->fft < window;) f->fft *= 2;
    f->bins = f->fft / 2 + 1;
    return true;
}

static size_t fbank_count(const fbank *o, const cv_frames *f) {
    if (!o->snip_edges) return (f->samples + f->hop / 2) / f->hop;
    return f->samples < f->window ? 0 : 1 + (f->samples - f->window) / f->hop;
}

static bool fbank_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const fbank *o = config;
    cv_frames f;
    if (!fbank_frames_of(o, rate, &f, why, why_size)) return false;
    *out = (cv_shape){.dims = 3, .c = 1, .h = (int64_t)fbank_count(o, &f), .w = o->framing.filters + o->energy};
    if (out->h < 1) {
        cv_print(why, why_size, "a window of %zu samples does not fit into a clip of %zu: say snip_edges: false",
                 f.window, f.samples);
        return false;
    }
    return cv_bank_full(&f, CV_BANK_KALDI, why, why_size);
}

static double shape_at(int window, double turn) {
    switch (window) {
    case POVEY: return pow(0.5 - 0.5 * cos(turn), 0.85);
    case HANNING: return 0.5 - 0.5 * cos(turn);
    case HAMMING: return 0.54 - 0.46 * cos(turn);
    case BLACKMAN: return 0.42 - 0.5 * cos(turn) + 0.08 * cos(2 * turn);
    default: return 1;
    }
}

static void *fbank_prepare(const void *config, int rate) {
    const fbank *o = config;
    char why[1] = "";
    cv_frames f;
    if (!fbank_frames_of(o, rate, &f, why, sizeof why)) return NULL;
    cv_spectrum *s = cv_spectrum_new(&f, fbank_count(o, &f), CV_BANK_KALDI, 0);
    for (size_t i = 0; s && i < f.window; i++)
        s->window[i] = shape_at(o->window, 2 * M_PI * (double)i / (double)(f.window - 1));
    return s;
}

// The sample at place k of frame t; beyond the ends the clip is mirrored, the first and the last sample twice.
static size_t mirrored(const fbank *o, const cv_frames *f, size_t t, size_t k) {
    const int64_t n = (int64_t)f->samples;
    int64_t at = (int64_t)(t * f->hop + k);
    if (!o->snip_edges) at += (int64_t)(f->hop / 2) - (int64_t)(f->window / 2);
    while (at < 0 || at >= n) at = at < 0 ? -at - 1 : 2 * n - 1 - at;
    return (size_t)at;
}

static void remove_mean(const fbank *o, size_t count, double *frame) {
    double mean = 0;
    for (size_t k = 0; o->remove_dc && k < count; k++) mean += frame[k] / (double)count;
    for (size_t k = 0; k < count; k++) frame[k] -= mean;
}

static void emphasise(const fbank *o, size_t count, double *frame) {
    for (size_t k = count - 1; k > 0; k--) frame[k] -= o->preemphasis * frame[k - 1];
    frame[0] -= o->preemphasis * frame[0];
}

static double log_floored(double x) {
    return log(fmax(x, FLT_EPSILON));
}

static size_t fbank_work(const void *config, const void *tables) {
    const cv_spectrum *s = tables;
    (void)config;
    return cv_spectrum_room(s, s->frames.window) * sizeof(double);
}

static void fbank_compute(const void *config, const void *pointer, const float *sample, size_t count, void *work,
                          float *out) {
    const fbank *o = config;
    const cv_spectrum *s = pointer;
    const cv_frames *f = &s->frames;
    const size_t values = f->filters + o->energy;
    cv_spectrum_work w = cv_spectrum_work_in(s, f->window, work);
    for (size_t t = 0; t < s->count; t++) {
        double energy = 0;
        for (size_t k = 0; k < f->window; k++) {
            const size_t at = mirrored(o, f, t, k);
            w.signal[k] = at < count ? o->full_scale * (double)sample[at] : 0;
        }
        remove_mean(o, f->window, w.signal);
        for (size_t k = 0; k < f->window; k++) energy += w.signal[k] * w.signal[k];
        emphasise(o, f->window, w.signal);
        cv_spectrum_frame(s, w.signal, &w);
        cv_bank_apply(s->bank, w.power, w.mel);
        if (o->energy) out[t * values] = (float)log_floored(energy);
        for (size_t j = 0; j < f->filters; j++) out[t * values + o->energy + j] = (float)log_floored(w.mel[j]);
    }
}

static bool fbank_apart(const void *config, int rate, size_t *hop, size_t *reach) {
    const fbank *o = config;
    char why[1] = "";
    cv_frames f;
    if (!o->snip_edges || !fbank_frames_of(o, rate, &f, why, sizeof why)) return false;
    *hop = f.hop;
    *reach = f.window;
    return true;
}

// --- as a graph ----------------------------------------------------------------------------------------------------

static void shape_frame(const void *config, const cv_spectrum *s, double *frame) {
    remove_mean(config, s->frames.window, frame);
    emphasise(config, s->frames.window, frame);
}

static void fill_fbank_graph(const void *config, const cv_spectrum *s, cv_graph *graph, int64_t *index) {
    const fbank *o = config;
    for (size_t t = 0; t < s->count; t++)
        for (size_t k = 0; k < s->frames.window; k++) *index++ = (int64_t)mirrored(o, &s->frames, t, k);
    cv_graph_print(graph, "front.samples = Cast(samples) to=11; front.signal = Mul(front.samples, #%.17gd)",
                   o->full_scale);
    cv_spectrum_graph(s, shape_frame, o, graph);
    cv_graph_print(graph,
                   "front.mel = MatMul(front.energy, front.bank); front.raised = Max(front.mel, #%.17gd); "
                   "front.log = Log(front.raised)",
                   (double)FLT_EPSILON);
    if (!o->energy) {
        cv_graph_print(graph, "front.rows = Cast(front.log) to=1");
        return;
    }
    cv_graph_print(graph,
                   "front.frame_mean = ReduceMean(front.frames) axes=[2] keepdims=1; "
                   "front.level = Mul(front.frame_mean, #%dd); front.even = Sub(front.frames, front.level); "
                   "front.even2 = Mul(front.even, front.even); front.total = ReduceSum(front.even2, #[2]) keepdims=1; "
                   "front.some = Max(front.total, #%.17gd); front.log_total = Log(front.some); "
                   "front.all = Concat(front.log_total, front.log) axis=2; front.rows = Cast(front.all) to=1",
                   o->remove_dc, (double)FLT_EPSILON);
}

static int64_t fbank_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    return cv_spectrum_nodes(fbank_prepare(config, rate), config, fill_fbank_graph, graph, why, why_size);
}

const cv_feature cv_feature_fbank = {
    .name = "fbank",
    .help = "logarithms of mel filter energies as Kaldi computes them, without dither",
    .schema = schema,
    .config_size = sizeof(fbank),
    .rows = offsetof(fbank, rows),
    .infer = fbank_infer,
    .prepare = fbank_prepare,
    .release = cv_spectrum_free,
    .work = fbank_work,
    .compute = fbank_compute,
    .apart = fbank_apart,
    .graph = fbank_graph,
};
