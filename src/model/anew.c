#include "model/anew.h"

#include <stdlib.h>
#include <string.h>

static cv_change_key key_of(const cv_material *m, int64_t epoch, int32_t row) {
    return (cv_change_key){.seed = m->seed, .epoch = (uint64_t)epoch, .example = (uint64_t)row};
}

// The features of a recording that is changed.
static convo_status make_recording(const cv_material *m, cv_change_key key, int32_t row, float *out, convo_error *err) {
    const cv_row *stored = &cv_store_rows(m->samples)[row];
    const size_t reach = cv_changes_reach(m->changes), count = stored->count < reach ? stored->count : reach;
    float *sample = cv_alloc(count, sizeof *sample), *changed = NULL;
    size_t changed_count = 0;
    if (!sample) return cv_no_memory(err, "a changed recording");
    convo_status status = cv_store_fetch(m->samples, (size_t)row, count, sample, err);
    if (!status) status = cv_changes_sound(m->changes, key, sample, count, &changed, &changed_count, err);
    if (!status) status = cv_front_compute(m->front, changed, changed_count, out, err);
    free(sample);
    free(changed);
    return status;
}

static convo_status change_picture(const cv_material *m, cv_change_key key, float *out, convo_error *err) {
    float *scratch = cv_alloc(m->source.size, sizeof *scratch);
    if (!scratch) return cv_no_memory(err, "a changed picture");
    cv_changes_picture(m->changes, key, m->shape, out, scratch);
    free(scratch);
    return CONVO_OK;
}

// The features of an example before normalisation.
static convo_status read_plain(const cv_material *m, int32_t row, float *out, convo_error *err) {
    const size_t size = m->source.size, number = (size_t)row;
    const bool second = m->store[1] && number >= m->dataset->count; // an augmented version
    if (m->source.large)
        return cv_store_fetch(m->store[second], number - (second ? m->dataset->count : 0), size, out, err);
    const float *plain = cv_values_row(&m->plain, number, size, out);
    if (plain != out) memcpy(out, plain, size * sizeof *out);
    return CONVO_OK;
}

convo_status cv_anew_make(const void *material, int64_t epoch, int32_t row, float *out, convo_error *err) {
    const cv_material *m = material;
    const cv_changes *changes = epoch < 0 ? NULL : m->changes;
    const cv_change_key key = key_of(m, epoch, row);
    convo_status status =
        cv_changes_any(changes, CV_CHANGE_SOUND) ? make_recording(m, key, row, out, err) : read_plain(m, row, out, err);
    if (!status && cv_changes_any(changes, CV_CHANGE_FEATURES)) cv_changes_features(changes, key, m->shape, out);
    if (!status && cv_changes_any(changes, CV_CHANGE_PICTURE)) status = change_picture(m, key, out, err);
    if (!status && m->values.normal) cv_normal_apply(m->values.normal, 0, m->source.size, out);
    return status;
}

bool cv_anew_mix(const void *material, int64_t epoch, const int32_t *row, int count, float *values, int32_t *partner,
                 float *share) {
    const cv_material *m = material;
    const size_t size = m->source.size, numbers = (size_t)count * size;
    float *unmixed = cv_alloc(numbers, sizeof *unmixed);
    if (!unmixed) return false;
    memcpy(unmixed, values, numbers * sizeof *values);
    for (size_t i = 0; i < (size_t)count; i++) {
        const cv_mix mix = cv_changes_mix(m->changes, key_of(m, epoch, row[i]), m->shape, i, (size_t)count);
        partner[i] = (int32_t)mix.partner;
        share[i] = (float)mix.lambda;
        if (mix.partner != i)
            cv_mix_apply(&mix, m->shape, unmixed + i * size, unmixed + mix.partner * size, values + i * size);
    }
    free(unmixed);
    return true;
}
