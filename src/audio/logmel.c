// Logarithms of mel filter energies, as torch.stft with torchaudio's or librosa's filters gives them.
#include "audio/feature.h"
#include "audio/spectrum.h"

#include <math.h>
#include <stdlib.h>

typedef struct logmel {
    cv_framing framing;
    enum { HANN, HAMMING, RECTANGULAR } window;
    bool center;
    enum { REFLECT, ZERO } pad;
    enum { HTK, SLANEY } mel;
    double power, floor, range;
    enum { NATURAL, DECIBEL } log;
    enum { IMAGE, CHANNELS } layout;
} logmel;

static const cv_option schema[] = {
    CV_FRAMING_OPTIONS(logmel, framing, 40),
    CV_OPTION("window", CV_WORD, logmel, window, "shape of a frame, periodic as torch.hann_window", .fallback = HANN,
              .words = "hann|hamming|rectangular"),
    CV_OPTION(
        "center", CV_BOOL, logmel, center,
        "frame t is centred on sample t * hop, with half a transform of padding at both ends; false: it begins there",
        .fallback = true),
    CV_OPTION("pad", CV_WORD, logmel, pad, "what lies beyond the ends when centred: the clip mirrored, or silence",
              .fallback = REFLECT, .words = "reflect|zero"),
    CV_OPTION("mel", CV_WORD, logmel, mel,
              "htk: peaks of 1, torchaudio's default; slaney: areas of 1, librosa's default", .fallback = HTK,
              .words = "htk|slaney"),
    CV_OPTION("power", CV_FLOAT, logmel, power, "exponent of the magnitudes that the filters add up: 2 for energy",
              .fallback = 2, CV_RANGE(0.1, 10)),
    CV_OPTION("floor", CV_FLOAT, logmel, floor, "smaller sums are raised to this before the logarithm",
              .fallback = 1e-10, CV_RANGE(1e-30, 1)),
    CV_OPTION("range", CV_FLOAT, logmel, range,
              "values relative to the clip's largest, none further below it than this: loudness does not count, as "
              "librosa.power_to_db(ref=max, top_db=range); 0: off",
              CV_RANGE(0, 1000)),
    CV_OPTION("log", CV_WORD, logmel, log, "natural logarithm, or decibels: 20/power log10", .fallback = NATURAL,
              .words = "natural|db"),
    CV_OPTION("layout", CV_WORD, logmel, layout,
              "image: (1, frames, filters) for conv2d; channels: (filters, frames) for conv1d", .fallback = IMAGE,
              .words = "image|channels"),
    {0},
};

// Samples before and after a clip.
static size_t padding(const logmel *o, const cv_frames *f) {
    return o->center ? f->fft / 2 : 0;
}

static size_t logmel_frames(const logmel *o, const cv_frames *f) {
    return 1 + (o->center ? f->samples + 2 * (f->fft / 2) - f->fft : f->samples - f->window) / f->hop;
}

static cv_bank_kind bank_kind(const logmel *o) {
    return o->mel == HTK ? CV_BANK_HTK : CV_BANK_SLANEY;
}

static bool logmel_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const logmel *o = config;
    cv_frames f;
    if (!cv_frames_of(&o->framing, rate, &f, why, why_size)) return false;
    if (!o->center && f.window > f.samples) {
        cv_print(why, why_size,
                 "a window of %zu samples does not fit into a clip of %zu: say center: true or a shorter one", f.window,
                 f.samples);
        return false;
    }
    if (o->pad == REFLECT && padding(o, &f) >= f.samples) {
        cv_print(why, why_size, "a clip of %zu samples cannot be mirrored %zu samples beyond its ends: say pad: zero",
                 f.samples, padding(o, &f));
        return false;
    }
    double range[2];
    int empty = cv_bank_empty(&f, bank_kind(o), range);
    if (empty >= 0) {
        cv_print(why, why_size,
                 "filter %d of %zu, %.0f to %.0f Hz, cannot be resolved by fft %zu, whose bins are %.1f Hz apart: "
                 "use fewer filters or a larger fft",
                 empty + 1, f.filters, range[0], range[1], f.fft, rate / (double)f.fft);
        return false;
    }
    int64_t count = (int64_t)logmel_frames(o, &f), filters = o->framing.filters;
    *out = o->layout == IMAGE ? (cv_shape){.dims = 3, .c = 1, .h = count, .w = filters}
                              : (cv_shape){.dims = 2, .c = filters, .h = 1, .w = count};
    return true;
}

static void *logmel_prepare(const void *config, int rate) {
    const logmel *o = config;
    char why[1] = "";
    cv_frames f;
    if (!cv_frames_of(&o->framing, rate, &f, why, sizeof why)) return NULL;
    cv_spectrum *s = cv_spectrum_new(&f, logmel_frames(o, &f), bank_kind(o), f.window);
    const double a = o->window == HANN ? 0.5 : o->window == HAMMING ? 0.54 : 1; // a - (1 - a) cos
    for (size_t i = 0; s && i < f.window; i++) s->table[i] = a - (1 - a) * cos(2 * M_PI * (double)i / (double)f.window);
    return s;
}

// The clip, cut or filled up with zeros to its length, with its padding.
static void lay_out(const logmel *o, const cv_frames *f, const float *sample, size_t count, double *signal) {
    size_t n = f->samples, used = count < n ? count : n, pad = padding(o, f);
    double *clip = signal + pad;
    for (size_t i = 0; i < used; i++) clip[i] = sample[i];
    if (o->pad == REFLECT)
        for (size_t i = 1; i <= pad; i++) { // the first and the last sample are not repeated
            signal[pad - i] = clip[i];
            clip[n - 1 + i] = clip[n - 1 - i];
        }
}

// The window lies in the middle of the transform.
static size_t lead_of(const logmel *o, const cv_frames *f) {
    return o->center ? (f->fft - f->window) / 2 : 0;
}

// Factor of the natural logarithm.
static double unit_of(const logmel *o) {
    return o->log == NATURAL ? 1 : 20 / o->power / M_LN10;
}

// Relative to the largest value, and cut `range` below it.
static void make_relative(float *value, size_t count, float range) {
    float top = value[0];
    for (size_t i = 1; i < count; i++) top = fmaxf(top, value[i]);
    for (size_t i = 0; i < count; i++) value[i] = fmaxf(value[i] - top, -range);
}

static bool logmel_compute(const void *config, const void *pointer, const float *sample, size_t count, float *out) {
    const logmel *o = config;
    const cv_spectrum *s = pointer;
    const cv_frames *f = &s->frames;
    cv_spectrum_work w = cv_spectrum_work_new(s, f->samples + 2 * padding(o, f));
    if (!w.signal) return false;
    lay_out(o, f, sample, count, w.signal);
    const bool image = o->layout == IMAGE;
    for (size_t i = 0; i < s->count; i++) {
        cv_spectrum_frame(s, w.signal + i * f->hop + lead_of(o, f), s->table, &w);
        if (o->power != 2)
            for (size_t b = 0; b < f->bins; b++) w.power[b] = pow(w.power[b], o->power / 2);
        cv_bank_apply(s->bank, w.power, w.mel);
        for (size_t j = 0; j < f->filters; j++)
            out[image ? i * f->filters + j : j * s->count + i] = (float)(unit_of(o) * log(fmax(w.mel[j], o->floor)));
    }
    if (o->range > 0) make_relative(out, s->count * f->filters, (float)o->range);
    free(w.signal);
    return true;
}

// --- as a graph ----------------------------------------------------------------------------------------------------

// The sample at place `at` of the clip with its padding: mirrored, or `samples` for a zero.
static int64_t sample_at(const logmel *o, const cv_frames *f, size_t at) {
    const int64_t n = (int64_t)f->samples, q = (int64_t)at - (int64_t)padding(o, f);
    if (q >= 0 && q < n) return q;
    return o->pad == ZERO ? n : q < 0 ? -q : 2 * (n - 1) - q;
}

static void fill_logmel_graph(const void *config, const cv_spectrum *s, cv_graph *graph, int64_t *index) {
    const logmel *o = config;
    const cv_frames *f = &s->frames;
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < f->window; k++) *index++ = sample_at(o, f, i * f->hop + lead_of(o, f) + k);
    cv_graph_print(graph, "front.signal = Cast(samples) to=11");
    cv_spectrum_graph(graph, f, s->table, s->bank);
    cv_graph_print(graph,
                   "front.power = Pow(front.energy, #%.17gd); front.mel = MatMul(front.power, front.bank); "
                   "front.raised = Max(front.mel, #%.17gd); front.log = Log(front.raised); "
                   "front.scaled = Mul(front.log, #%.17gd); front.values = Cast(front.scaled) to=1",
                   o->power / 2, o->floor, unit_of(o));
    if (o->range > 0)
        cv_graph_print(graph,
                       "front.top = ReduceMax(front.values) axes=[1, 2] keepdims=1; "
                       "front.relative = Sub(front.values, front.top); front.rows = Max(front.relative, #%.9g)",
                       -o->range);
    else
        cv_graph_print(graph, "front.rows = Identity(front.values)");
    if (o->layout == IMAGE)
        cv_graph_print(graph, "features = Unsqueeze(front.rows, #[1])");
    else
        cv_graph_print(graph, "features = Transpose(front.rows) perm=[0, 2, 1]");
}

static int64_t logmel_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    return cv_spectrum_nodes(logmel_prepare(config, rate), config, fill_logmel_graph, graph, why, why_size);
}

const cv_feature cv_feature_logmel = {
    .name = "logmel",
    .help = "logarithms of mel filter energies, frame by frame",
    .schema = schema,
    .config_size = sizeof(logmel),
    .infer = logmel_infer,
    .prepare = logmel_prepare,
    .release = cv_spectrum_free,
    .compute = logmel_compute,
    .graph = logmel_graph,
};
