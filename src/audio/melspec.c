#include "audio/melspec.h"

#include <math.h>

enum { HANN, HAMMING, RECTANGULAR };
enum { ALIGN_WINDOW, ALIGN_TRANSFORM };
enum { REFLECT, ZERO };
enum { HTK, SLANEY };

// Samples before and after a clip.
static size_t padding(const cv_melspec *o, const cv_frames *f) {
    return o->center ? f->fft / 2 : 0;
}

// What a frame takes of the clip.
static size_t reach(const cv_melspec *o, const cv_frames *f) {
    return o->center || o->align == ALIGN_TRANSFORM ? f->fft : f->window;
}

static size_t frame_count(const cv_melspec *o, const cv_frames *f) {
    return 1 + (f->samples + 2 * padding(o, f) - reach(o, f)) / f->hop;
}

// The window lies in the middle of the transform, unless it begins the frame.
static size_t lead_of(const cv_melspec *o, const cv_frames *f) {
    return (reach(o, f) - f->window) / 2;
}

static cv_bank_kind bank_kind(const cv_melspec *o) {
    return o->mel == HTK ? CV_BANK_HTK : CV_BANK_SLANEY;
}

bool cv_melspec_infer(const cv_melspec *o, int rate, int64_t *count, char *why, size_t why_size) {
    cv_frames f;
    if (!cv_frames_of(&o->framing, rate, &f, why, why_size)) return false;
    if (f.samples + 2 * padding(o, &f) < reach(o, &f)) {
        cv_print(why, why_size,
                 "a %s of %zu samples does not fit into a clip of %zu: say center: true or a shorter one",
                 o->center || o->align == ALIGN_TRANSFORM ? "transform" : "window", reach(o, &f), f.samples);
        return false;
    }
    if (o->pad == REFLECT && padding(o, &f) >= f.samples) {
        cv_print(why, why_size, "a clip of %zu samples cannot be mirrored %zu samples beyond its ends: say pad: zero",
                 f.samples, padding(o, &f));
        return false;
    }
    *count = (int64_t)frame_count(o, &f);
    return cv_bank_full(&f, bank_kind(o), why, why_size);
}

cv_spectrum *cv_melspec_new(const cv_melspec *o, int rate, size_t table) {
    char why[1] = "";
    cv_frames f;
    if (!cv_frames_of(&o->framing, rate, &f, why, sizeof why)) return NULL;
    cv_spectrum *s = cv_spectrum_new(&f, frame_count(o, &f), bank_kind(o), table);
    const double a = o->window == HANN ? 0.5 : o->window == HAMMING ? 0.54 : 1; // a - (1 - a) cos
    for (size_t i = 0; s && i < f.window; i++)
        s->window[i] = a - (1 - a) * cos(2 * M_PI * (double)i / (double)f.window);
    return s;
}

// The clip, cut or filled up with zeros to its length, with its padding.
static void lay_out(const cv_melspec *o, const cv_frames *f, const float *sample, size_t count, double *signal) {
    size_t n = f->samples, used = count < n ? count : n, pad = padding(o, f);
    double *clip = signal + pad;
    for (size_t i = 0; i < used; i++) clip[i] = sample[i];
    if (o->pad == REFLECT)
        for (size_t i = 1; i <= pad; i++) { // the first and the last sample are not repeated
            signal[pad - i] = clip[i];
            clip[n - 1 + i] = clip[n - 1 - i];
        }
}

size_t cv_melspec_room(const cv_melspec *o, const cv_spectrum *s) {
    return cv_spectrum_room(s, s->frames.samples + 2 * padding(o, &s->frames));
}

cv_spectrum_work cv_melspec_begin(const cv_melspec *o, const cv_spectrum *s, const float *sample, size_t count,
                                  void *memory) {
    const cv_spectrum_work w = cv_spectrum_work_in(s, s->frames.samples + 2 * padding(o, &s->frames), memory);
    lay_out(o, &s->frames, sample, count, w.signal);
    return w;
}

bool cv_melspec_apart(const cv_melspec *o, int rate, size_t *hop, size_t *count) {
    char why[1] = "";
    cv_frames f;
    if (o->center || !cv_frames_of(&o->framing, rate, &f, why, sizeof why)) return false;
    *hop = f.hop;
    *count = reach(o, &f);
    return true;
}

void cv_melspec_frame(const cv_melspec *o, const cv_spectrum *s, size_t t, cv_spectrum_work *w) {
    const cv_frames *f = &s->frames;
    cv_spectrum_frame(s, w->signal + t * f->hop + lead_of(o, f), w);
    if (o->power != 2)
        for (size_t b = 0; b < f->bins; b++) w->power[b] = pow(w->power[b], o->power / 2);
    cv_bank_apply(s->bank, w->power, w->mel);
}

// The sample at place `at` of the clip with its padding: mirrored, or `samples` for a zero.
static int64_t sample_at(const cv_melspec *o, const cv_frames *f, size_t at) {
    const int64_t n = (int64_t)f->samples, q = (int64_t)at - (int64_t)padding(o, f);
    if (q >= 0 && q < n) return q;
    return o->pad == ZERO ? n : q < 0 ? -q : 2 * (n - 1) - q;
}

void cv_melspec_graph(const cv_melspec *o, const cv_spectrum *s, cv_graph *graph, int64_t *index) {
    const cv_frames *f = &s->frames;
    for (size_t t = 0; t < s->count; t++)
        for (size_t k = 0; k < f->window; k++) *index++ = sample_at(o, f, t * f->hop + lead_of(o, f) + k);
    cv_graph_print(graph, "front.signal = Cast(samples) to=11");
    cv_spectrum_graph(s, NULL, NULL, graph);
    cv_graph_print(graph, "front.power = Pow(front.energy, #%.17gd); front.mel = MatMul(front.power, front.bank)",
                   o->power / 2);
}

// --- logarithms ---------------------------------------------------------------------------------------------------

double cv_log_unit(const cv_log *o, double power) {
    return o->log == CV_LOG_NATURAL ? 1 : (o->log == CV_LOG_DB ? 20 / power : 1) / M_LN10;
}

void cv_log_graph(const cv_log *o, double power, cv_graph *graph) {
    cv_graph_print(graph,
                   "front.sum = Add(front.mel, #%.17gd); front.raised = Max(front.sum, #%.17gd); "
                   "front.ln = Log(front.raised); front.log = Mul(front.ln, #%.17gd)",
                   o->offset, o->floor, cv_log_unit(o, power));
}
