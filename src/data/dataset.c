#include "data/dataset.h"

#include "audio/sound.h"
#include "base/file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const cv_data_kind *const kinds[] = {
    &cv_data_fsdd,
    &cv_data_audiofolder,
    &cv_data_manifest,
    &cv_data_webdataset,
    &cv_data_speech_commands_v1,
    &cv_data_speech_commands_v2,
    &cv_data_imagefolder,
    &cv_data_cifar_10,
    &cv_data_cifar_100,
    &cv_data_mnist,
    &cv_data_fashion_mnist,
    &cv_data_emnist,
    &cv_data_svhn,
    &cv_data_arrays,
    &cv_data_mat,
    &cv_data_moons,
};

const cv_data_kind *cv_data_kind_at(size_t k) {
    return k < CV_COUNT(kinds) ? kinds[k] : NULL;
}

const cv_data_kind *cv_data_kind_find(const char *name) {
    for (size_t k = 0; k < CV_COUNT(kinds); k++)
        if (strcmp(kinds[k]->name, name) == 0) return kinds[k];
    return NULL;
}

// --- sorted names -----------------------------------------------------------------------------------------------

// As strcmp(name, text[0..length]).
static int compare_names(const char *name, const char *text, size_t length) {
    int order = strncmp(name, text, length);
    return order ? order : name[length] != 0;
}

// The first place whose name does not come before text.
static int place_of(char *const *names, int count, const char *text, size_t length) {
    int low = 0, high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (compare_names(names[middle], text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t cv_names_find(char *const *names, int count, const char *text, size_t length) {
    int place = place_of(names, count, text, length);
    return place < count && compare_names(names[place], text, length) == 0 ? place : -1;
}

bool cv_names_add(char ***names, int *count, const char *text, size_t length) {
    int place = place_of(*names, *count, text, length);
    if (place < *count && compare_names((*names)[place], text, length) == 0) return true;
    size_t capacity = (size_t)*count;
    char *name = cv_format("%.*s", (int)length, text);
    if (!name || !cv_grow(names, &capacity, (size_t)*count + 1, sizeof **names)) {
        free(name);
        return false;
    }
    memmove(*names + place + 1, *names + place, (size_t)(*count - place) * sizeof **names);
    (*names)[place] = name;
    ++*count;
    return true;
}

// --- open, free -------------------------------------------------------------------------------------------------

convo_status cv_dataset_open(const cv_data_kind *kind, const char *folder, const void *config, cv_dataset **out,
                             convo_error *err) {
    *out = NULL;
    if (kind->missing)
        return cv_fail(err, CONVO_UNSUPPORTED, folder, "this build cannot read '%s' data: install %s", kind->name,
                       kind->missing);
    cv_dataset *dataset = cv_alloc(1, sizeof *dataset);
    if (!dataset || !(dataset->folder = cv_format("%s", folder))) {
        cv_dataset_free(dataset);
        return cv_no_memory(err, folder);
    }
    convo_status status = kind->scan(folder, config, dataset, err);
    if (!status && dataset->count > INT32_MAX) // examples are numbered by int32_t
        status = cv_fail(err, CONVO_LIMIT, folder, "holds more than the %d examples that are accepted", INT32_MAX);
    if (status)
        cv_dataset_free(dataset);
    else
        *out = dataset;
    return status;
}

void cv_dataset_free(cv_dataset *dataset) {
    if (!dataset) return;
    for (size_t i = 0; i < dataset->count; i++) free(dataset->example[i].path);
    free(dataset->example);
    cv_folder_free(dataset->labels, (size_t)dataset->label_count);
    cv_folder_free(dataset->groups, (size_t)dataset->group_count);
    cv_values_free(&dataset->values);
    cv_findings_free(&dataset->found);
    free(dataset->folder);
    free(dataset);
}

// --- features ---------------------------------------------------------------------------------------------------

// Tasks, some of which may fail. Those after a failed one are skipped, those before it never: the error does not depend
// on the threads.
typedef struct read_job read_job;
struct read_job {
    convo_status (*read)(const read_job *job, int task, float *out, convo_error *err);
    const cv_dataset *dataset;
    const cv_front *front;
    float *values; // [tasks][size]
    size_t size;
    // to read all examples
    const cv_data_kind *kind;
    const void *config;
    // to make versions of some
    const cv_augment_config *augment;
    uint64_t seed;
    const int32_t *index;

    pthread_mutex_t lock;
    int failed; // the first task that failed so far, else their number
    convo_error error;
};

static void read_task(void *context, int task, int worker) {
    (void)worker;
    read_job *job = context;
    pthread_mutex_lock(&job->lock);
    const bool skip = task > job->failed;
    pthread_mutex_unlock(&job->lock);
    if (skip) return;

    convo_error error;
    if (!job->read(job, task, job->values + (size_t)task * job->size, &error)) return;
    pthread_mutex_lock(&job->lock);
    if (task < job->failed) {
        job->failed = task;
        job->error = error;
    }
    pthread_mutex_unlock(&job->lock);
}

static convo_status run_job(read_job *job, int tasks, cv_pool *pool, convo_error *err) {
    job->failed = tasks;
    pthread_mutex_init(&job->lock, NULL);
    cv_pool_run(pool, tasks, read_task, job);
    pthread_mutex_destroy(&job->lock);
    if (job->failed == tasks) return CONVO_OK;
    if (err) *err = job->error;
    return job->error.code;
}

static convo_status read_example(const read_job *job, int task, float *out, convo_error *err) {
    const char *path = job->dataset->example[task].path;
    return job->front ? cv_front_compute_file(job->front, path, out, NULL, err)
                      : job->kind->read(path, job->config, job->dataset->shape, out, err);
}

convo_status cv_dataset_read(const cv_dataset *dataset, const cv_data_kind *kind, const void *config,
                             const cv_front *front, cv_pool *pool, float **values, convo_error *err) {
    *values = NULL;
    size_t total;
    read_job job = {.read = read_example,
                    .dataset = dataset,
                    .kind = kind,
                    .config = config,
                    .front = front,
                    .size = (size_t)cv_shape_size(front ? cv_front_shape(front) : dataset->shape)};
    if (!cv_mul(dataset->count, job.size, &total) || !(job.values = cv_alloc_aligned(total, sizeof *job.values)))
        return cv_no_memory(err, "the features of all examples");
    const convo_status status = run_job(&job, (int)dataset->count, pool, err);
    if (status)
        free(job.values);
    else
        *values = job.values;
    return status;
}

// --- augmentation -----------------------------------------------------------------------------------------------

// SplitMix64's last step: neighbouring numbers become seeds that have nothing in common.
// Guy Steele, Doug Lea, Christine Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static convo_status make_versions(const read_job *job, int task, float *out, convo_error *err) {
    const int32_t example = job->index[task];
    const size_t size = (size_t)cv_shape_size(cv_front_shape(job->front));
    const int rate = cv_front_rate(job->front);
    cv_sound sound;
    convo_status status = cv_sound_read(job->dataset->example[example].path, rate, &sound, err);
    for (int64_t copy = 0; copy < job->augment->copies && !status; copy++, out += size) {
        cv_random random;
        float *version;
        size_t count;
        cv_random_seed(&random, mix(mix(mix(job->seed) + (uint64_t)example) + (uint64_t)copy));
        if (!cv_augment(job->augment, &random, sound.sample, sound.count, rate, &version, &count))
            status = cv_no_memory(err, "changed versions of a recording");
        else
            status = cv_front_compute(job->front, version, count, out, err);
        free(version);
    }
    cv_sound_free(&sound);
    return status;
}

convo_status cv_dataset_augment(const cv_dataset *dataset, const cv_augment_config *config, uint64_t seed,
                                const int32_t *index, size_t count, const cv_front *front, cv_pool *pool, float *values,
                                convo_error *err) {
    read_job job = {.read = make_versions,
                    .dataset = dataset,
                    .front = front,
                    .values = values,
                    .size = (size_t)cv_shape_size(cv_front_shape(front)) * (size_t)config->copies,
                    .augment = config,
                    .seed = seed,
                    .index = index};
    return run_job(&job, (int)count, pool, err);
}
