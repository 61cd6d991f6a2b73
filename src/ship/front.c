// The front end's tables and numbers, from those that training used.
#include "audio/melspec.h"
#include "audio/micro.h"
#include "ship/program.h"

#include "base/limits.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// The value of an option of a front end, a layer.
static const void *field_of(const cv_option *schema, const void *config, const char *name) {
    const cv_option *option = cv_option_find(schema, name);
    return option ? (const char *)config + option->offset : NULL;
}
static double number_of(const convo_recipe *r, const char *name) {
    const double *field = field_of(r->feature->schema, r->feature_config, name);
    return field ? *field : 0;
}
static int word_of(const convo_recipe *r, const char *name) { // also of a CV_BOOL
    const cv_option *option = cv_option_find(r->feature->schema, name);
    if (!option) return 0;
    const void *field = (const char *)r->feature_config + option->offset;
    return option->type == CV_BOOL ? *(const bool *)field : *(const int *)field;
}

// The filters as slopes, see spectrum.h.
static bool fill_bank(cv_program *p, const cv_spectrum *s) {
    const size_t filters = s->frames.filters, bins = s->frames.bins;
    double *one = cv_alloc(bins, sizeof *one);
    int16_t *count = cv_program_add_table(p, CV_TABLE_I16, filters + 1, "front", "bins");
    float *weight = cv_program_add_table(p, CV_TABLE_F32, bins, "front", "bank");
    size_t used = 0, first = 0;
    bool even = true; // all peaks are 1
    for (size_t k = 0; one && count && weight && k <= filters; k++) {
        size_t from;
        count[k] = (int16_t)cv_bank_slope(s->bank, k, &from, one);
        if (!k) first = from;
        for (int16_t b = 0; b < count[k]; b++) weight[used++] = (float)one[b];
        even = even && (k == filters || cv_bank_gain(s->bank, k) == 1);
    }
    free(one);
    if (!one || !count || !weight) return false;
    p->table[p->tables - 1].count = used;
    p->f32_front.first_bin = (int32_t)first;
    p->f32_front.bins = count;
    p->f32_front.bank = weight;
    if (even) return true;
    float *peak = cv_program_add_table(p, CV_TABLE_F32, filters, "front", "peaks");
    for (size_t j = 0; peak && j < filters; j++) peak[j] = (float)cv_bank_gain(s->bank, j);
    p->f32_front.peak = peak;
    return peak;
}

static bool fill_turn(cv_program *p, size_t fft) {
    const bool any = fft & (fft - 1); // cosines, then sines, see src/device/dft.h
    const size_t count = any ? 2 * fft : fft / 4 + 1;
    float *turn = cv_program_add_table(p, CV_TABLE_F32, count, "front", "turn");
    for (size_t k = 0; turn && k < count; k++) {
        const double angle = 2 * M_PI * (double)(k % fft) / (double)fft;
        turn[k] = (float)(any && k < fft ? cos(angle) : sin(angle));
    }
    p->f32_front.turn = turn;
    return turn;
}

// The rows of the cosine transform, [f->cosines][filters], each as far as it is no repetition: see spectrum.h.
static const float *fill_cosine(cv_program *p, const double *from) {
    const cv_f32_front *f = &p->f32_front;
    const int32_t first = f->row - f->cosines, both = f->filters / 2;
    float *to = cv_program_add_table(p, CV_TABLE_F32, (size_t)(f->cosines * (f->filters - both)), "front", "cosine");
    size_t used = 0;
    for (int32_t k = 0; to && k < f->cosines; k++, from += f->filters)
        if ((first + k) % 2)
            for (int32_t j = both; j-- > 0;) to[used++] = (float)from[j];
        else
            for (int32_t j = 0; j < f->filters - both; j++) to[used++] = (float)from[j];
    if (to) p->table[p->tables - 1].count = used;
    return to;
}

static bool fill_mfcc(const convo_recipe *r, cv_program *p, const cv_spectrum *s) {
    cv_f32_front *f = &p->f32_front;
    const int32_t energy = word_of(r, "log_energy");
    f->row = (int32_t) * (const int64_t *)field_of(r->feature->schema, r->feature_config, "cepstra");
    f->cosines = f->row - energy;
    f->preemphasis = (float)number_of(r, "preemphasis");
    f->scale = (float)(0.25 / (double)s->frames.fft); // see fft.h
    f->below = (float)DBL_EPSILON;
    f->unit = 1;
    f->cosine = fill_cosine(p, s->table + (size_t)energy * s->frames.filters);
    return f->cosine;
}

// The window, of samples whose largest is `full`.
static bool fill_shape(cv_program *p, const cv_spectrum *s, double full) {
    float *shape = cv_program_add_table(p, CV_TABLE_F32, s->frames.window, "front", "window");
    for (size_t i = 0; shape && i < s->frames.window; i++)
        shape[i] = (float)(s->window[i] * full / 65536); // 16 bits, and see fft.h
    p->f32_front.shape = shape;
    return shape;
}

// A mel spectrogram, see src/audio/melspec.h; of all front ends that begin with one.
static bool fill_melspec(const convo_recipe *r, cv_program *p, const cv_spectrum *s) {
    enum { REFLECT = 0 }; // as melspec.c has it
    cv_f32_front *f = &p->f32_front;
    const bool center = word_of(r, "center");
    f->row = f->filters;
    f->scale = 1;
    f->exponent = (float)(number_of(r, "power") / 2);
    f->floor = f->below = (float)number_of(r, "floor");
    f->unit = (float)cv_log_unit(&(cv_log){.log = word_of(r, "log")}, number_of(r, "power"));
    f->range = (float)number_of(r, "range");
    f->mirror = center && word_of(r, "pad") == REFLECT;
    const int32_t front = (int32_t)((s->frames.fft - s->frames.window) / 2); // of the transform in front of the window
    f->before = center ? (int32_t)(s->frames.fft / 2) - front : word_of(r, "align") ? -front : 0;
    f->relative = word_of(r, "relative");
    f->offset = (float)number_of(r, "offset");
    return fill_shape(p, s, 1);
}

static bool fill_mfcc_torch(const convo_recipe *r, cv_program *p, const cv_spectrum *s) {
    cv_f32_front *f = &p->f32_front;
    if (!fill_melspec(r, p, s)) return false;
    f->row = f->cosines = (int32_t) * (const int64_t *)field_of(r->feature->schema, r->feature_config, "cepstra");
    f->cosine = fill_cosine(p, s->table);
    return f->cosine;
}

static bool fill_fbank(const convo_recipe *r, cv_program *p, const cv_spectrum *s) {
    cv_f32_front *f = &p->f32_front;
    const double full = number_of(r, "full_scale");
    f->row = f->filters + word_of(r, "energy");
    f->cosines = word_of(r, "remove_dc");
    f->before = word_of(r, "snip_edges") ? 0 : f->window / 2 - f->hop / 2;
    f->preemphasis = (float)number_of(r, "preemphasis");
    f->gain = (float)(full * full / (32768.0 * 32768.0));
    f->scale = f->unit = 1;
    f->floor = f->below = FLT_EPSILON;
    return fill_shape(p, s, full);
}

static bool fill_pcen(const convo_recipe *r, cv_program *p, const cv_spectrum *s) {
    const double frames = number_of(r, "time_constant") * r->rate / (double)s->frames.hop;
    const double b = (sqrt(1 + 4 * frames * frames) - 1) / (2 * frames * frames), bias = number_of(r, "bias"),
                 root = number_of(r, "root");
    const double numbers[] = {b,
                              number_of(r, "eps"),
                              number_of(r, "gain"),
                              bias,
                              root,
                              bias > 0 ? pow(bias, root) : 0,
                              word_of(r, "start") ? 1 : -1};
    float *to = cv_program_add_table(p, CV_TABLE_F32, CV_COUNT(numbers), "front", "numbers");
    for (size_t k = 0; to && k < CV_COUNT(numbers); k++) to[k] = (float)numbers[k];
    p->f32_front.numbers = to;
    if (!fill_melspec(r, p, s)) return false;
    p->f32_front.scale = (float)pow(number_of(r, "full_scale"), number_of(r, "power"));
    return to;
}

// Front ends that begin with mel filters. room: numbers of work memory besides the transform's, for each filter.
static const struct spectral {
    const cv_feature *feature;
    const char *kernel;
    bool (*fill)(const convo_recipe *r, cv_program *p, const cv_spectrum *s);
    enum { NOTHING, ONE_FRAME, ALL_FRAMES } room;
} spectral[] = {
    {&cv_feature_mfcc, "spectrum", fill_mfcc, NOTHING},
    {&cv_feature_logmel, "spectrum", fill_melspec, NOTHING},
    {&cv_feature_mfcc_torch, "cepstra", fill_mfcc_torch, ALL_FRAMES},
    {&cv_feature_fbank, "fbank", fill_fbank, NOTHING},
    {&cv_feature_pcen, "pcen", fill_pcen, ONE_FRAME},
};
static const struct spectral *spectral_of(const cv_feature *feature) {
    for (size_t k = 0; k < CV_COUNT(spectral); k++)
        if (spectral[k].feature == feature) return &spectral[k];
    return NULL;
}

// What comes behind the rows, for every front end made of them.
static void set_rows(const convo_recipe *r, cv_f32_front *f) {
    const cv_rows *rows = (const cv_rows *)((const char *)r->feature_config + r->feature->rows);
    f->scaled = rows->scale;
    f->deltas = (int32_t)rows->deltas;
    f->reach = (int32_t)rows->delta_reach;
    f->apart = rows->layout == CV_ROWS_IMAGE;
}

// An option that the device's form does not know; NULL: there is none.
static const char *unknown_option(const cv_frames *frames) {
    if (frames->fft % 2) return "an odd fft";
    if (frames->fft < 16) return "an fft of fewer than 16 points";
    return frames->filters > frames->fft ? "more filters than the fft has points" : NULL;
}

static convo_status add_spectrum(const convo_recipe *r, cv_program *p, convo_error *err) {
    cv_spectrum *s = r->feature->prepare(r->feature_config, r->rate);
    if (!s) return cv_no_memory(err, "a front end");
    const cv_frames *frames = &s->frames;
    if (frames->fft > CV_LIMIT_DEVICE_FFT) {
        const size_t fft = frames->fft;
        r->feature->release(s);
        return cv_fail(err, CONVO_LIMIT, r->file, "fft %zu is more than the %d points of a device", fft,
                       CV_LIMIT_DEVICE_FFT);
    }
    const char *unknown = unknown_option(frames);
    if (unknown) {
        r->feature->release(s);
        return cv_fail(err, CONVO_UNSUPPORTED, r->file, "%s: the option %s has no form for devices yet",
                       r->feature->name, unknown);
    }
    cv_f32_front *f = &p->f32_front;
    const struct spectral *kind = spectral_of(r->feature);
    p->front = cv_kernel_find(kind->kernel);
    *f = (cv_f32_front){.samples = (int32_t)frames->samples,
                        .window = (int32_t)frames->window,
                        .hop = (int32_t)frames->hop,
                        .fft = (int32_t)frames->fft,
                        .frames = (int32_t)s->count,
                        .filters = (int32_t)frames->filters,
                        .exponent = 1};
    bool ok = fill_turn(p, frames->fft) && fill_bank(p, s);
    if (ok) ok = kind->fill(r, p, s);
    set_rows(r, f);
    const size_t room[] = {0, frames->filters, frames->filters * s->count};
    p->work = ok ? cv_program_add_value(p, (cv_maps){1, 1, 1}, 2 * frames->fft + room[kind->room]) : -1;
    r->feature->release(s);
    return p->work >= 0 ? CONVO_OK : cv_no_memory(err, "a front end");
}

// Its window and transform are as long as those of src/audio/micro.c.
static convo_status add_micro(const convo_recipe *r, cv_program *p, convo_error *err) {
    enum { WHOLE = 7 + 2 + 3 * 33 }; // of src/device/micro.h
    const int64_t *samples = field_of(r->feature->schema, r->feature_config, "samples"),
                  *filters = field_of(r->feature->schema, r->feature_config, "filters");
    const int32_t window = (int32_t)(number_of(r, "window_ms") * r->rate / 1000),
                  hop = (int32_t)(number_of(r, "hop_ms") * r->rate / 1000);
    void *tables = r->feature->prepare(r->feature_config, r->rate);
    if (!tables) return cv_no_memory(err, "a front end");
    const size_t count = cv_micro_tables(r->feature_config, tables, NULL, NULL);
    int32_t *whole = cv_program_add_table(p, CV_TABLE_I32, WHOLE, "front", "whole");
    int16_t *words = cv_program_add_table(p, CV_TABLE_I16, count, "front", "words");
    if (whole && words) cv_micro_tables(r->feature_config, tables, whole, words);
    r->feature->release(tables);
    p->front = cv_kernel_find("micro");
    p->f32_front = (cv_f32_front){.samples = (int32_t)*samples,
                                  .window = window,
                                  .hop = hop,
                                  .fft = 1,
                                  .frames = 1 + ((int32_t)*samples - window) / hop,
                                  .filters = (int32_t)*filters,
                                  .row = (int32_t)*filters,
                                  .whole = whole,
                                  .words = words};
    while (p->f32_front.fft < window) p->f32_front.fft *= 2;
    set_rows(r, &p->f32_front);
    p->work = cv_program_add_value(p, (cv_maps){1, 1, 1}, (size_t)p->f32_front.fft / 2 + 1 + 2 * (size_t)*filters);
    return whole && words && p->work >= 0 ? CONVO_OK : cv_no_memory(err, "a front end");
}

static void set_waveform(const convo_recipe *r, cv_program *p) {
    static const float gain[] = {1, 1.0f / 32768, 0}; // none, unit, clip: that of the clip
    p->front = cv_kernel_find("waveform");
    p->f32_front = (cv_f32_front){.samples = (int32_t)r->input.w, .gain = gain[word_of(r, "scale")]};
}

// Pairs of a mean and a factor in the order of maps, as far as they are no repetition.
static bool add_normal(const cv_ship *ship, cv_program *p) {
    const cv_normal *n = ship->normal;
    const size_t c = n->dim[0] > 1 ? n->row[0] : 1, w = n->dim[2] > 1 ? n->row[2] : 1;
    const size_t period = n->dim[1] > 1   ? n->row[1] * n->row[2] * n->row[0]
                          : n->dim[2] > 1 ? n->row[2] * n->row[0]
                                          : n->row[0];
    float *pair = cv_program_add_table(p, CV_TABLE_F32, 2 * period, "front", "normal");
    for (size_t i = 0; pair && i < period; i++) {
        const size_t channel = i % n->row[0], column = i / n->row[0] % n->row[2], row = i / n->row[0] / n->row[2];
        const size_t from = ((c > 1 ? channel : 0) * n->dim[1] + (n->dim[1] > 1 ? row : 0)) * w + (w > 1 ? column : 0);
        pair[2 * i] = n->mean[from];
        pair[2 * i + 1] = 1 / n->std[from];
    }
    p->f32_front.normal = pair;
    p->f32_front.period = (int32_t)period;
    if (!p->front) p->call[0].f32.weight = pair, p->call[0].f32.g.groups = (int32_t)period;
    return pair;
}

convo_status cv_program_front(const cv_ship *ship, cv_program *p, convo_error *err) {
    const convo_recipe *r = ship->recipe;
    const cv_shape in = ship->net->input;
    const cv_maps maps = {(int32_t)in.h, (int32_t)in.w, (int32_t)in.c};
    convo_status status = CONVO_OK;
    p->rate = r->rate;
    p->input = in;
    if (cv_shape_size(in) > CV_LIMIT_DEVICE)
        return cv_fail(err, CONVO_LIMIT, r->file, "an input of %lld numbers is more than the %d of a map on a device",
                       (long long)cv_shape_size(in), CV_LIMIT_DEVICE);
    if (cv_program_add_value(p, maps, (size_t)cv_shape_size(in)) < 0) return cv_no_memory(err, "a program");
    if (r->feature == &cv_feature_waveform) {
        set_waveform(r, p);
        if (in.w > CV_LIMIT_DEVICE_CLIP)
            return cv_fail(err, CONVO_LIMIT, r->file, "a waveform of %lld samples is more than the %d of a device",
                           (long long)in.w, CV_LIMIT_DEVICE_CLIP);
    } else if (spectral_of(r->feature)) {
        status = add_spectrum(r, p, err);
    } else if (r->feature == &cv_feature_micro) {
        status = add_micro(r, p, err);
    } else if (r->feature) {
        status = cv_fail(err, CONVO_UNSUPPORTED, r->file, "the front end '%s' has no form for devices yet",
                         r->feature->name);
    } else {
        const int call = cv_program_add_call(p, "values", -1, -1, 0, "input");
        if (call < 0) return cv_no_memory(err, "a program");
        p->call[call].f32.g.in = maps;
        p->call[call].f32.a = ship->mean;
        p->call[call].f32.b = 1 / ship->std;
    }
    p->f32_front.mean = ship->mean;
    p->f32_front.factor = 1 / ship->std;
    if (!status && ship->normal && !add_normal(ship, p)) status = cv_no_memory(err, "a program");
    return status;
}
