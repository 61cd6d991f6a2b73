// Logarithms of mel filter energies, as torch.stft with torchaudio's or librosa's filters gives them.
#include "audio/feature.h"
#include "audio/fft.h"
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
    {.name = "window",
     .type = CV_WORD,
     .offset = offsetof(logmel, window),
     .fallback = HANN,
     .words = "hann|hamming|rectangular",
     .help = "shape of a frame, periodic as torch.hann_window"},
    {.name = "center",
     .type = CV_BOOL,
     .offset = offsetof(logmel, center),
     .fallback = true,
     .help =
         "frame t is centred on sample t * hop, with half a transform of padding at both ends; false: it begins there"},
    {.name = "pad",
     .type = CV_WORD,
     .offset = offsetof(logmel, pad),
     .fallback = REFLECT,
     .words = "reflect|zero",
     .help = "what lies beyond the ends when centred: the clip mirrored, or silence"},
    {.name = "mel",
     .type = CV_WORD,
     .offset = offsetof(logmel, mel),
     .fallback = HTK,
     .words = "htk|slaney",
     .help = "htk: peaks of 1, torchaudio's default; slaney: areas of 1, librosa's default"},
    {.name = "power",
     .type = CV_FLOAT,
     .offset = offsetof(logmel, power),
     .fallback = 2,
     .min = 0.1,
     .max = 10,
     .help = "exponent of the magnitudes that the filters add up: 2 for energy"},
    {.name = "floor",
     .type = CV_FLOAT,
     .offset = offsetof(logmel, floor),
     .fallback = 1e-10,
     .min = 1e-30,
     .max = 1,
     .help = "smaller sums are raised to this before the logarithm"},
    {.name = "range",
     .type = CV_FLOAT,
     .offset = offsetof(logmel, range),
     .min = 0,
     .max = 1000,
     .help = "values relative to the clip's largest, none further below it than this: loudness does not count, as "
             "librosa.power_to_db(ref=max, top_db=range); 0: off"},
    {.name = "log",
     .type = CV_WORD,
     .offset = offsetof(logmel, log),
     .fallback = NATURAL,
     .words = "natural|db",
     .help = "natural logarithm, or decibels: 20/power log10"},
    {.name = "layout",
     .type = CV_WORD,
     .offset = offsetof(logmel, layout),
     .fallback = IMAGE,
     .words = "image|channels",
     .help = "image: (1, frames, filters) for conv2d; channels: (filters, frames) for conv1d"},
    {0},
};

typedef struct tables {
    cv_frames frames;
    size_t count, pad; // of frames; samples before and after the clip
    cv_fft *fft;
    cv_bank *bank;
    double *window; // [window]
} tables;

static size_t padding(const logmel *o, const cv_frames *f) {
    return o->center ? f->fft / 2 : 0;
}

static size_t frame_count(const logmel *o, const cv_frames *f) {
    return 1 + (o->center ? f->samples : f->samples - f->window) / f->hop;
}

static cv_bank_kind bank_kind(const logmel *o) {
    return o->mel == HTK ? CV_BANK_HTK : CV_BANK_SLANEY;
}

static bool infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
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
    int64_t count = (int64_t)frame_count(o, &f), filters = o->framing.filters;
    *out = o->layout == IMAGE ? (cv_shape){.dims = 3, .c = 1, .h = count, .w = filters}
                              : (cv_shape){.dims = 2, .c = filters, .h = 1, .w = count};
    return true;
}

static void release(void *pointer) {
    tables *t = pointer;
    if (!t) return;
    free(t->fft);
    cv_bank_free(t->bank);
    free(t->window);
    free(t);
}

static void *prepare(const void *config, int rate) {
    const logmel *o = config;
    char why[1] = "";
    tables *t = cv_alloc(1, sizeof *t);
    if (!t || !cv_frames_of(&o->framing, rate, &t->frames, why, sizeof why)) goto fail;
    t->count = frame_count(o, &t->frames);
    t->pad = padding(o, &t->frames);
    t->fft = cv_fft_new(t->frames.fft);
    t->bank = cv_bank_new(&t->frames, bank_kind(o));
    t->window = cv_alloc(t->frames.window, sizeof *t->window);
    if (!t->fft || !t->bank || !t->window) goto fail;
    double a = o->window == HANN ? 0.5 : o->window == HAMMING ? 0.54 : 1; // a - (1 - a) cos
    for (size_t i = 0; i < t->frames.window; i++)
        t->window[i] = a - (1 - a) * cos(2 * M_PI * (double)i / (double)t->frames.window);
    return t;
fail:
    release(t);
    return NULL;
}

// The clip, cut or filled up with zeros to its length, with its padding.
static void lay_out(const logmel *o, const tables *t, const float *sample, size_t count, double *signal) {
    size_t n = t->frames.samples, used = count < n ? count : n;
    double *clip = signal + t->pad;
    for (size_t i = 0; i < used; i++) clip[i] = sample[i];
    if (o->pad == REFLECT)
        for (size_t i = 1; i <= t->pad; i++) { // the first and the last sample are not repeated
            signal[t->pad - i] = clip[i];
            clip[n - 1 + i] = clip[n - 1 - i];
        }
}

// Relative to the largest value, and cut `range` below it.
static void make_relative(float *value, size_t count, float range) {
    float top = value[0];
    for (size_t i = 1; i < count; i++) top = fmaxf(top, value[i]);
    for (size_t i = 0; i < count; i++) value[i] = fmaxf(value[i] - top, -range);
}

static bool compute(const void *config, const void *pointer, const float *sample, size_t count, float *out) {
    const logmel *o = config;
    const tables *t = pointer;
    const cv_frames *f = &t->frames;
    size_t length = f->samples + 2 * t->pad;
    double *signal = cv_alloc(length + f->fft + f->bins + f->filters + cv_fft_power_work(f->fft), sizeof *signal);
    if (!signal) return false;
    double *frame = signal + length, *power = frame + f->fft, *mel = power + f->bins, *work = mel + f->filters;
    lay_out(o, t, sample, count, signal);

    double unit = o->log == NATURAL ? 1 : 20 / o->power / M_LN10;
    bool image = o->layout == IMAGE;
    size_t lead = o->center ? (f->fft - f->window) / 2 : 0; // the window lies in the middle of the transform
    for (size_t i = 0; i < t->count; i++) {
        const double *from = signal + i * f->hop + lead;
        for (size_t k = 0; k < f->window; k++) frame[k] = from[k] * t->window[k]; // the rest of the frame stays zero
        cv_fft_power(t->fft, frame, power, work);
        if (o->power != 2)
            for (size_t b = 0; b < f->bins; b++) power[b] = pow(power[b], o->power / 2);
        cv_bank_apply(t->bank, power, mel);
        for (size_t j = 0; j < f->filters; j++)
            out[image ? i * f->filters + j : j * t->count + i] = (float)(unit * log(fmax(mel[j], o->floor)));
    }
    if (o->range > 0) make_relative(out, t->count * f->filters, (float)o->range);
    free(signal);
    return true;
}

// --- as a graph ----------------------------------------------------------------------------------------------------

// The sample at place `at` of the clip with its padding: mirrored, or `samples` for a zero.
static int64_t sample_at(const logmel *o, const tables *t, size_t at) {
    const int64_t n = (int64_t)t->frames.samples, q = (int64_t)at - (int64_t)t->pad;
    if (q >= 0 && q < n) return q;
    return o->pad == ZERO ? n : q < 0 ? -q : 2 * (n - 1) - q;
}

static void fill_graph(const logmel *o, const tables *t, cv_graph *graph, int64_t *index) {
    const cv_frames *f = &t->frames;
    const size_t lead = o->center ? (f->fft - f->window) / 2 : 0;
    for (size_t i = 0; i < t->count; i++)
        for (size_t k = 0; k < f->window; k++) *index++ = sample_at(o, t, i * f->hop + lead + k);
    cv_graph_print(graph, "front.signal = Cast(samples) to=11");
    cv_spectrum_graph(graph, f, t->window, t->bank);
    cv_graph_print(graph,
                   "front.power = Pow(front.energy, #%.17gd); front.mel = MatMul(front.power, front.bank); "
                   "front.raised = Max(front.mel, #%.17gd); front.log = Log(front.raised); "
                   "front.scaled = Mul(front.log, #%.17gd); front.values = Cast(front.scaled) to=1",
                   o->power / 2, o->floor, o->log == NATURAL ? 1 : 20 / o->power / M_LN10);
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

static int64_t to_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    const logmel *o = config;
    tables *t = prepare(config, rate);
    int64_t *index = t ? cv_frames_graph(graph, &t->frames, t->count, why, why_size) : NULL;
    if (!t) graph->failed = true;
    if (index) fill_graph(o, t, graph, index);
    release(t);
    return index ? o->framing.samples : -1;
}

const cv_feature cv_feature_logmel = {
    .name = "logmel",
    .help = "logarithms of mel filter energies, frame by frame",
    .schema = schema,
    .config_size = sizeof(logmel),
    .infer = infer,
    .prepare = prepare,
    .release = release,
    .compute = compute,
    .graph = to_graph,
};
