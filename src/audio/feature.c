#include "audio/feature.h"

#include "audio/sound.h"

#include <stdlib.h>
#include <string.h>

const cv_feature *cv_feature_at(size_t k) {
    static const cv_feature *const kinds[] = {&cv_feature_waveform, &cv_feature_mfcc, &cv_feature_logmel};
    return k < CV_COUNT(kinds) ? kinds[k] : NULL;
}

struct cv_front {
    const cv_feature *kind;
    void *config, *tables;
    cv_shape shape;
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

bool cv_front_affine(const cv_front *front, const float *sample, size_t count, double *shift, double *gain) {
    if (front->kind->affine) front->kind->affine(front->config, sample, count, shift, gain);
    return front->kind->affine != NULL;
}

static convo_status compute_one(const cv_front *front, const float *sample, size_t count, float *out,
                                convo_error *err) {
    if (front->kind->compute(front->config, front->tables, sample, count, out)) return CONVO_OK;
    return cv_no_memory(err, "the features of a recording");
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
