// The samples themselves.
#include "audio/feature.h"
#include "audio/spectrum.h"

#include <math.h>

typedef struct waveform {
    int64_t samples;
    enum { NONE, UNIT, CLIP } scale;
} waveform;

static const cv_option schema[] = {
    CV_SAMPLES_OPTION(waveform, samples),
    CV_OPTION("scale", CV_WORD, waveform, scale,
              "none: 16-bit counts; unit: those divided by 32768; clip: zero mean and unit variance for each clip",
              .fallback = CLIP, .words = "none|unit|clip"),
    {0},
};

static bool waveform_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    (void)rate;
    const waveform *o = config;
    if (o->samples < 1) {
        cv_print(why, why_size, "samples must be at least 1");
        return false;
    }
    *out = (cv_shape){.dims = 2, .c = 1, .h = 1, .w = o->samples};
    return true;
}

static void waveform_affine(const void *config, const float *sample, size_t count, double *shift, double *gain) {
    const waveform *o = config;
    const size_t n = (size_t)o->samples, used = count < n ? count : n;
    double mean = 0, variance = 0;
    *shift = 0;
    *gain = o->scale == NONE ? 32768 : 1;
    if (o->scale != CLIP) return;
    // of the padded clip, divided by n
    for (size_t t = 0; t < used; t++) mean += sample[t];
    mean /= (double)n;
    for (size_t t = 0; t < used; t++) variance += (sample[t] - mean) * (sample[t] - mean);
    variance = (variance + (double)(n - used) * mean * mean) / (double)n;
    *shift = mean;
    *gain = variance > 0 ? 1 / sqrt(variance) : 0; // a constant clip gives zeros
}

static void waveform_compute(const void *config, const void *tables, const float *sample, size_t count, void *work,
                             float *out) {
    const size_t n = (size_t)((const waveform *)config)->samples, used = count < n ? count : n;
    double shift, gain;
    (void)tables, (void)work;
    waveform_affine(config, sample, count, &shift, &gain);
    for (size_t t = 0; t < n; t++) out[t] = (float)(((t < used ? sample[t] : 0) - shift) * gain);
}

// A frame is a sample.
static bool waveform_apart(const void *config, int rate, size_t *hop, size_t *reach) {
    (void)rate;
    *hop = *reach = 1;
    return ((const waveform *)config)->scale != CLIP;
}

static int64_t waveform_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    static const char *const text[] = {
        [NONE] = "front.counts = Mul(samples, #32768); features = Unsqueeze(front.counts, #[1])",
        [UNIT] = "features = Unsqueeze(samples, #[1])",
        [CLIP] =
            "front.samples = Cast(samples) to=11; front.mean = ReduceMean(front.samples) axes=[1] keepdims=1; "
            "front.centred = Sub(front.samples, front.mean); front.square = Mul(front.centred, front.centred); "
            "front.variance = ReduceMean(front.square) axes=[1] keepdims=1; front.deviation = Sqrt(front.variance); "
            "front.divisor = Max(front.deviation, #1e-300d); front.scaled = Div(front.centred, front.divisor); "
            "front.narrow = Cast(front.scaled) to=1; features = Unsqueeze(front.narrow, #[1])"};
    (void)rate, (void)why, (void)why_size;
    const waveform *o = config;
    cv_graph_print(graph, "%s", text[o->scale]);
    return o->samples;
}

static const char *waveform_whole(const void *config) {
    return ((const waveform *)config)->scale == CLIP ? "scale needs the mean of the whole clip" : NULL;
}

const cv_feature cv_feature_waveform = {
    .name = "waveform",
    .help = "the samples, cut or padded to one length",
    .schema = schema,
    .config_size = sizeof(waveform),
    .infer = waveform_infer,
    .compute = waveform_compute,
    .apart = waveform_apart,
    .affine = waveform_affine,
    .whole = waveform_whole,
    .graph = waveform_graph,
};
