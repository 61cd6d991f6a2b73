#include "audio/feature.h"

#include "audio/sound.h"

#include <stdlib.h>
#include <string.h>

const cv_feature *cv_feature_at(size_t k) {
    static const cv_feature *const kinds[] = {&cv_feature_waveform, &cv_feature_mfcc,  &cv_feature_mfcc_torch,
                                              &cv_feature_logmel,   &cv_feature_fbank, &cv_feature_pcen,
                                              &cv_feature_micro};
    return k < CV_COUNT(kinds) ? kinds[k] : NULL;
}

// NULL for a kind that is not made of frames.
static const cv_rows *rows_of(const cv_feature *kind, const void *config) {
    return kind->rows ? (const cv_rows *)((const char *)config + kind->rows) : NULL;
}

bool cv_feature_infer(const cv_feature *kind, const void *config, int rate, cv_shape *out, char *why, size_t why_size) {
    if (!kind->infer(config, rate, out, why, why_size)) return false;
    if (kind->rows) *out = cv_rows_shape(rows_of(kind, config), out->h, out->w);
    return true;
}

const char *cv_feature_whole(const cv_feature *kind, const void *config) {
    const char *why = kind->whole ? kind->whole(config) : NULL;
    return why || !kind->rows ? why : cv_rows_whole(rows_of(kind, config));
}

int64_t cv_feature_graph(const cv_feature *kind, const void *config, int rate, cv_graph *graph, char *why,
                         size_t why_size) {
    cv_shape rows;
    if (!kind->infer(config, rate, &rows, why, why_size)) return -1;
    if (kind->rows && rows_of(kind, config)->deltas && rows.h > CV_ROWS_MATRIX) {
        cv_print(why, why_size, "deltas of more than %d frames are too large to be a matrix", CV_ROWS_MATRIX);
        return -1;
    }
    const int64_t samples = kind->graph(config, rate, graph, why, why_size);
    if (samples >= 0 && kind->rows) cv_rows_graph(rows_of(kind, config), (size_t)rows.h, graph);
    return samples;
}

struct cv_front {
    const cv_feature *kind;
    void *config, *tables;
    cv_shape shape;
    size_t frames, values; // of a kind made of frames
    int rate;
};

convo_status cv_front_new(const cv_feature *kind, const void *config, int rate, cv_front **front, convo_error *err) {
    char why[256] = "";
    *front = NULL;
    if (rate < CV_RATE_MIN || rate > CV_RATE_MAX)
        return cv_fail(err, CONVO_ARGUMENT, kind->name, "a sample rate of %d Hz is not from %d to %d", rate,
                       CV_RATE_MIN, CV_RATE_MAX);
    cv_front *f = cv_alloc(1, sizeof *f);
    if (!f) goto no_memory;
    *f = (cv_front){.kind = kind, .rate = rate, .config = cv_alloc(1, kind->config_size)};
    if (!f->config) goto no_memory;
    memcpy(f->config, config, kind->config_size);
    if (!kind->infer(f->config, rate, &f->shape, why, sizeof why)) {
        cv_front_free(f);
        return cv_fail(err, CONVO_SHAPE, kind->name, "%s", why);
    }
    f->frames = (size_t)f->shape.h;
    f->values = (size_t)f->shape.w;
    if (kind->rows) f->shape = cv_rows_shape(rows_of(kind, f->config), f->shape.h, f->shape.w);
    if (kind->prepare && !(f->tables = kind->prepare(f->config, rate))) goto no_memory;
    *front = f;
    return CONVO_OK;
no_memory:
    cv_front_free(f);
    return cv_no_memory(err, "a front end");
}

void cv_front_free(cv_front *front) {
    if (!front) return;
    if (front->kind->release) front->kind->release(front->tables);
    free(front->config);
    free(front);
}

cv_shape cv_front_shape(const cv_front *front) {
    return front->shape;
}
int cv_front_rate(const cv_front *front) {
    return front->rate;
}

// Every kind has CV_SAMPLES_OPTION.
int64_t cv_front_samples(const cv_front *front) {
    const cv_option *option = cv_option_find(front->kind->schema, "samples");
    int64_t samples;
    memcpy(&samples, (const char *)front->config + option->offset, sizeof samples);
    return samples;
}

bool cv_front_apart(const cv_front *front, size_t *hop, size_t *reach) {
    const cv_rows *options = rows_of(front->kind, front->config);
    if (options && (options->deltas || cv_rows_whole(options))) return false;
    return front->kind->apart && front->kind->apart(front->config, front->rate, hop, reach);
}

convo_status cv_front_resize(const cv_front *front, int64_t samples, cv_front **other, convo_error *err) {
    const cv_option *option = cv_option_find(front->kind->schema, "samples");
    void *config = cv_alloc(1, front->kind->config_size);
    *other = NULL;
    if (!config) return cv_no_memory(err, "a front end");
    memcpy(config, front->config, front->kind->config_size);
    memcpy((char *)config + option->offset, &samples, sizeof samples);
    const convo_status status = cv_front_new(front->kind, config, front->rate, other, err);
    free(config);
    return status;
}

bool cv_front_affine(const cv_front *front, const float *sample, size_t count, double *shift, double *gain) {
    if (front->kind->affine) front->kind->affine(front->config, sample, count, shift, gain);
    return front->kind->affine != NULL;
}

// Work memory has what the kind needs, then the rows, then what they are finished in.
static size_t kind_work(const cv_front *front) {
    enum { UNIT = 64 };
    const size_t bytes = front->kind->work ? front->kind->work(front->config, front->tables) : 0;
    return (bytes + UNIT - 1) / UNIT * UNIT;
}

size_t cv_front_work(const cv_front *front) {
    const cv_rows *options = rows_of(front->kind, front->config);
    const size_t rows = front->frames * front->values;
    if (!options || cv_rows_plain(options)) return kind_work(front);
    return kind_work(front) + (rows + cv_rows_work(options, front->frames, front->values)) * sizeof(float);
}

void cv_front_compute_in(const cv_front *front, const float *sample, size_t count, void *work, float *out) {
    const cv_feature *kind = front->kind;
    const cv_rows *options = rows_of(kind, front->config);
    const bool direct = !options || cv_rows_plain(options);
    const size_t bytes = kind_work(front);
    float *rows = direct ? out : (float *)(void *)((char *)work + bytes);
    memset(work, 0, bytes);
    kind->compute(front->config, front->tables, sample, count, work, rows);
    if (!direct) cv_rows_finish(options, front->frames, front->values, rows, rows + front->frames * front->values, out);
}

static convo_status compute_one(const cv_front *front, const float *sample, size_t count, float *out,
                                convo_error *err) {
    void *work = cv_alloc_aligned(cv_front_work(front) + 1, 1);
    if (!work) return cv_no_memory(err, "the features of a recording");
    cv_front_compute_in(front, sample, count, work, out);
    free(work);
    return CONVO_OK;
}

convo_status cv_front_compute(const cv_front *front, const float *sample, size_t count, float *out, convo_error *err) {
    if (count == 0) return cv_fail(err, CONVO_ARGUMENT, "", "a recording without samples has no features");
    convo_status status = cv_sound_check(sample, count, "", err);
    return status ? status : compute_one(front, sample, count, out, err);
}

convo_status cv_front_compute_file(const cv_front *front, const char *path, float *out, int64_t *length,
                                   convo_error *err) {
    cv_sound sound;
    CV_TRY(cv_sound_read(path, front->rate, &sound, err));
    if (length) *length = (int64_t)sound.count;
    convo_status status = compute_one(front, sound.sample, sound.count, out, err);
    cv_sound_free(&sound);
    return status;
}

convo_status cv_front_compute_piece(const cv_front *front, const char *path, const cv_piece *piece, float *out,
                                    convo_error *err) {
    cv_sound sound;
    CV_TRY(cv_sound_read_piece(path, piece, front->rate, &sound, err));
    convo_status status = compute_one(front, sound.sample, sound.count, out, err);
    cv_sound_free(&sound);
    return status;
}
