#include "data/reading.h"

#include "audio/sound.h"
#include "base/cpu.h"

#include <math.h>
#include <stdlib.h>

// Adds what the thread has worked since `began` to a sum. Returns the time now.
static double spend(atomic_llong *sum, double began) {
    const double now = cv_cpu_thread();
    atomic_fetch_add(sum, (long long)(1e9 * (now - began)));
    return now;
}

// Features of a recording that are scaled samples are stored as samples, in half the memory.
static convo_status put_recording(const cv_reading *r, size_t row, const float *sample, size_t count,
                                  cv_store_writer *writer, convo_error *err) {
    double shift, gain;
    const size_t samples = (size_t)cv_front_samples(r->front), used = count < samples ? count : samples;
    if (cv_front_affine(r->front, sample, count, &shift, &gain))
        return cv_store_put(writer, row, sample, used, CV_ROW_SAMPLES, shift, gain, err);
    const size_t size = (size_t)cv_shape_size(cv_front_shape(r->front));
    float *features = cv_alloc(size, sizeof *features);
    convo_status status = features ? cv_front_compute(r->front, sample, count, features, err)
                                   : cv_no_memory(err, "the features of a recording");
    if (!status) status = cv_store_put(writer, row, features, size, CV_ROW_FLOATS, 0, 1, err);
    free(features);
    return status;
}

static convo_status read_sound(cv_reading *r, size_t example, cv_sound *sound, convo_error *err) {
    const cv_example *e = &r->dataset->example[example];
    const double began = cv_cpu_thread();
    const convo_status status = cv_sound_read_piece(e->path, &e->piece, cv_front_rate(r->front), sound, err);
    spend(&r->decoding, began);
    atomic_fetch_add(&r->examples, 1);
    return status;
}

static convo_status read_picture(cv_reading *r, size_t example, cv_store_writer *writer, convo_error *err) {
    const size_t size = (size_t)cv_shape_size(r->dataset->shape);
    float *value = cv_alloc(size, sizeof *value);
    if (!value) return cv_no_memory(err, "a picture");
    const double began = cv_cpu_thread();
    convo_status status = r->kind->read(r->dataset->example[example].path, r->config, r->dataset->shape, value, err);
    const double decoded = spend(&r->decoding, began);
    atomic_fetch_add(&r->examples, 1);
    if (!status) status = cv_store_put(writer, example, value, size, CV_ROW_BYTES, 0, 1, err);
    spend(&r->computing, decoded);
    free(value);
    return status;
}

static convo_status fill_own(const cv_dataset *d, size_t example, cv_store_writer *writer, convo_error *err) {
    const size_t size = (size_t)cv_shape_size(d->shape);
    float *value = cv_alloc(size, sizeof *value);
    if (!value) return cv_no_memory(err, "an example");
    bool finite = true, good = d->fill(d->user, d->example[example].index, value);
    for (size_t i = 0; i < size && good; i++) finite = finite && isfinite(value[i]);
    convo_status status = CONVO_OK;
    if (!good) status = cv_fail(err, CONVO_IO, "", "example %d could not be filled", d->example[example].index);
    if (!finite) status = cv_fail(err, CONVO_NUMERIC, "", "example %d is not finite", d->example[example].index);
    if (!status) status = cv_store_put(writer, example, value, size, CV_ROW_FLOATS, 0, 1, err);
    free(value);
    return status;
}

convo_status cv_read_features(void *reading, size_t task, cv_store_writer *writer, convo_error *err) {
    cv_reading *r = reading;
    cv_sound sound;
    if (r->dataset->fill) return fill_own(r->dataset, task, writer, err);
    if (!r->front) return read_picture(r, task, writer, err);
    convo_status status = read_sound(r, task, &sound, err);
    if (status) return status;
    const double decoded = cv_cpu_thread();
    status = put_recording(r, task, sound.sample, sound.count, writer, err);
    spend(&r->computing, decoded);
    cv_store_put_length(writer, task, sound.count);
    cv_sound_free(&sound);
    return status;
}

convo_status cv_read_samples(void *reading, size_t task, cv_store_writer *writer, convo_error *err) {
    cv_sound sound;
    convo_status status = read_sound(reading, task, &sound, err);
    if (status) return status;
    status = cv_store_put(writer, task, sound.sample, sound.count, CV_ROW_SAMPLES, 0, 1, err);
    cv_sound_free(&sound);
    return status;
}

// --- augmented versions -------------------------------------------------------------------------------------------

convo_status cv_read_versions(void *reading, size_t task, cv_store_writer *writer, convo_error *err) {
    cv_reading *r = reading;
    const size_t example = (size_t)r->index[task], copies = (size_t)r->augment->copies;
    const int rate = cv_front_rate(r->front);
    cv_sound sound;
    convo_status status = read_sound(r, example, &sound, err);
    if (status) return status;
    const double decoded = cv_cpu_thread();
    for (size_t copy = 0; copy < copies && !status; copy++) {
        cv_random random;
        float *version;
        size_t count;
        cv_random_seed(&random, cv_random_mix(cv_random_mix(cv_random_mix(r->seed) + example) + copy));
        if (!cv_augment(r->augment, &random, sound.sample, sound.count, rate, &version, &count))
            status = cv_no_memory(err, "changed versions of a recording");
        else
            status = put_recording(r, task * copies + copy, version, count, writer, err);
        free(version);
    }
    spend(&r->computing, decoded);
    cv_sound_free(&sound);
    return status;
}

// --- in memory ----------------------------------------------------------------------------------------------------

convo_status cv_dataset_read(const cv_dataset *dataset, const cv_data_kind *kind, const void *config,
                             const cv_front *front, cv_pool *pool, float **values, convo_error *err) {
    cv_reading reading = {.dataset = dataset, .kind = kind, .config = config, .front = front};
    const cv_store_plan plan = {
        .rows = dataset->count, .tasks = dataset->count, .fill = cv_read_features, .context = &reading};
    const size_t size = (size_t)cv_shape_size(front ? cv_front_shape(front) : dataset->shape);
    cv_store *store;
    *values = NULL;
    const convo_status status = cv_store_make(&plan, pool, &store, err);
    if (status) return status;
    size_t total;
    float *read = cv_mul(dataset->count, size, &total) ? cv_alloc_aligned(total, sizeof *read) : NULL;
    for (size_t k = 0; read && k < dataset->count; k++) cv_row_read(&cv_store_rows(store)[k], 0, size, read + k * size);
    cv_store_free(store);
    *values = read;
    return read ? CONVO_OK : cv_no_memory(err, "the features of all examples");
}
