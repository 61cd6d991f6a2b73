// Per-channel energy normalisation of a mel spectrogram: Wang, Getreuer, Hughes, Lyon, Saurous, "Trainable frontend for
// robust and far-field keyword spotting" (2017), as librosa.pcen computes it.
//     M[t] = (1 - b) M[t - 1] + b E[t]        PCEN[t] = (E[t] / (eps + M[t])^gain + bias)^root - bias^root
#include "audio/feature.h"
#include "audio/melspec.h"

#include <math.h>
#include <stdlib.h>

typedef struct pcen {
    cv_melspec mel;
    double gain, bias, root, time_constant, eps, full_scale;
    enum { FIRST, ONE } start;
    cv_rows rows;
} pcen;

static const cv_option schema[] = {
    CV_MELSPEC_OPTIONS(pcen, mel, 40),
    CV_OPTION("gain", CV_FLOAT, pcen, gain, "exponent of the smoothed energy: how much loudness is evened out",
              .fallback = 0.98, CV_RANGE(0, 1)),
    CV_OPTION("bias", CV_FLOAT, pcen, bias, "added before the root", .fallback = 2, CV_RANGE(0, 1e6)),
    CV_OPTION("root", CV_FLOAT, pcen, root, "exponent of the result", .fallback = 0.5, CV_RANGE(0.001, 1)),
    CV_OPTION("time_constant", CV_FLOAT, pcen, time_constant, "seconds over which the energy is smoothed",
              .fallback = 0.4, CV_RANGE(1e-4, 1000)),
    CV_OPTION("eps", CV_FLOAT, pcen, eps, "added to the smoothed energy", .fallback = 1e-6, CV_RANGE(1e-30, 1e6)),
    CV_OPTION("full_scale", CV_FLOAT, pcen, full_scale,
              "what a sample of 1 becomes; librosa advises 2147483648, so that eps is small beside the energies",
              .fallback = 2147483648, CV_RANGE(1e-6, 1e12)),
    CV_OPTION("start", CV_WORD, pcen, start,
              "the smoothed energy before the first frame: its own energy, as the paper says, or 1, as librosa's",
              .words = "first|one"),
    CV_ROWS_OPTIONS(pcen, rows, CV_ROWS_IMAGE),
    {0},
};

static bool pcen_infer(const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    const pcen *o = config;
    *out = (cv_shape){.dims = 3, .c = 1, .w = o->mel.framing.filters};
    return cv_melspec_infer(&o->mel, rate, &out->h, why, why_size);
}

static void *pcen_prepare(const void *config, int rate) {
    return cv_melspec_new(&((const pcen *)config)->mel, rate, 0);
}

// b of the smoothing: librosa's formula for the time constant in frames.
static double share_of(const pcen *o, const cv_frames *f) {
    const double frames = o->time_constant * f->rate / (double)f->hop;
    return (sqrt(1 + 4 * frames * frames) - 1) / (2 * frames * frames);
}

// What the samples' scale does to sums of magnitudes to a power.
static double scale_of(const pcen *o) {
    return pow(o->full_scale, o->mel.power);
}

static double compress(const pcen *o, double energy, double smooth) {
    const double x = energy * pow(o->eps + smooth, -o->gain);
    // bias^root ((x / bias + 1)^root - 1) without cancellation
    return o->bias > 0 ? pow(o->bias, o->root) * expm1(o->root * log1p(x / o->bias)) : pow(x, o->root);
}

static size_t pcen_work(const void *config, const void *tables) {
    const cv_spectrum *s = tables;
    return (cv_melspec_room(&((const pcen *)config)->mel, s) + s->frames.filters) * sizeof(double);
}

static void pcen_compute(const void *config, const void *pointer, const float *sample, size_t count, void *work,
                         float *out) {
    const pcen *o = config;
    const cv_spectrum *s = pointer;
    const size_t filters = s->frames.filters;
    const double b = share_of(o, &s->frames), scale = scale_of(o);
    cv_spectrum_work w = cv_melspec_begin(&o->mel, s, sample, count, work);
    double *smooth = (double *)work + cv_melspec_room(&o->mel, s);
    for (size_t t = 0; t < s->count; t++) {
        cv_melspec_frame(&o->mel, s, t, &w);
        for (size_t j = 0; j < filters; j++) {
            const double energy = scale * w.mel[j];
            if (t == 0) smooth[j] = o->start == ONE ? 1 : energy;
            smooth[j] = (1 - b) * smooth[j] + b * energy;
            out[t * filters + j] = (float)compress(o, energy, smooth[j]);
        }
    }
}

// --- as a graph ----------------------------------------------------------------------------------------------------

// The smoothing of all frames is one product: M = A E + a, with A[t][u] = b (1 - b)^(t - u) and the start's share in
// the first column or in a.
static void add_smoothing(const pcen *o, const cv_spectrum *s, cv_graph *graph) {
    const int64_t count = (int64_t)s->count;
    const double b = share_of(o, &s->frames);
    double *matrix = cv_graph_add_constant(graph, "front.smoothing", CV_CONST_F64, 2, (int64_t[]){count, count});
    double *start = cv_graph_add_constant(graph, "front.start", CV_CONST_F64, 2, (int64_t[]){count, 1});
    for (int64_t t = 0; !graph->failed && t < count; t++) {
        const double kept = pow(1 - b, (double)(t + 1));
        for (int64_t u = 0; u <= t; u++) matrix[t * count + u] = b * pow(1 - b, (double)(t - u));
        if (o->start == FIRST) matrix[t * count] += kept;
        start[t] = o->start == ONE ? kept : 0;
    }
}

static void fill_pcen_graph(const void *config, const cv_spectrum *s, cv_graph *graph, int64_t *index) {
    const pcen *o = config;
    cv_melspec_graph(&o->mel, s, graph, index);
    add_smoothing(o, s, graph);
    cv_graph_print(graph,
                   "front.loud = Mul(front.mel, #%.17gd); front.past = MatMul(front.smoothing, front.loud); "
                   "front.smooth = Add(front.past, front.start); front.level = Add(front.smooth, #%.17gd); "
                   "front.divisor = Pow(front.level, #%.17gd); front.even = Div(front.loud, front.divisor); "
                   "front.biased = Add(front.even, #%.17gd); front.root = Pow(front.biased, #%.17gd); "
                   "front.pcen = Sub(front.root, #%.17gd); front.rows = Cast(front.pcen) to=1",
                   scale_of(o), o->eps, o->gain, o->bias, o->root, pow(o->bias, o->root));
}

static int64_t pcen_graph(const void *config, int rate, cv_graph *graph, char *why, size_t why_size) {
    cv_shape rows;
    if (pcen_infer(config, rate, &rows, why, why_size) && rows.h > CV_ROWS_MATRIX) {
        cv_print(why, why_size, "the smoothing of more than %d frames is too large to be a matrix", CV_ROWS_MATRIX);
        return -1;
    }
    return cv_spectrum_nodes(pcen_prepare(config, rate), config, fill_pcen_graph, graph, why, why_size);
}

const cv_feature cv_feature_pcen = {
    .name = "pcen",
    .help = "mel filter energies with per-channel energy normalisation: evens out loudness and steady noise",
    .schema = schema,
    .config_size = sizeof(pcen),
    .rows = offsetof(pcen, rows),
    .infer = pcen_infer,
    .prepare = pcen_prepare,
    .release = cv_spectrum_free,
    .work = pcen_work,
    .compute = pcen_compute,
    .graph = pcen_graph,
};
