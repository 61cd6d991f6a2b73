#include "data/dataset.h"

#include "base/file.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const cv_data_kind *const kinds[] = {&cv_data_fsdd};

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
static int compare(const char *name, const char *text, size_t length) {
    int order = strncmp(name, text, length);
    return order ? order : name[length] != 0;
}

// The first place whose name does not come before text.
static int place_of(char *const *names, int count, const char *text, size_t length) {
    int low = 0, high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (compare(names[middle], text, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t cv_names_find(char *const *names, int count, const char *text, size_t length) {
    int place = place_of(names, count, text, length);
    return place < count && compare(names[place], text, length) == 0 ? place : -1;
}

bool cv_names_add(char ***names, int *count, const char *text, size_t length) {
    int place = place_of(*names, *count, text, length);
    if (place < *count && compare((*names)[place], text, length) == 0) return true;
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
    free(dataset->values);
    free(dataset->folder);
    free(dataset);
}

// --- features ---------------------------------------------------------------------------------------------------

typedef struct read_job {
    const cv_dataset *dataset;
    const cv_data_kind *kind;
    const void *config;
    const cv_front *front;
    float *values; // [count][size]
    size_t size;
    pthread_mutex_t lock;
    int failed; // the first example that failed so far, else the number of examples
    convo_error error;
} read_job;

// Examples after a failed one are skipped, those before it never: the error does not depend on the threads.
static void read_example(void *context, int task, int worker) {
    (void)worker;
    read_job *job = context;
    pthread_mutex_lock(&job->lock);
    bool skip = task > job->failed;
    pthread_mutex_unlock(&job->lock);
    if (skip) return;

    convo_error error;
    float *out = job->values + (size_t)task * job->size;
    const char *path = job->dataset->example[task].path;
    const convo_status status = job->front ? cv_front_compute_file(job->front, path, out, &error)
                                           : job->kind->read(path, job->config, job->dataset->shape, out, &error);
    if (!status) return;
    pthread_mutex_lock(&job->lock);
    if (task < job->failed) {
        job->failed = task;
        job->error = error;
    }
    pthread_mutex_unlock(&job->lock);
}

convo_status cv_dataset_read(cv_dataset *dataset, const cv_data_kind *kind, const void *config, const cv_front *front,
                             cv_pool *pool, float **values, convo_error *err) {
    *values = dataset->values;
    dataset->values = NULL;
    if (*values) return CONVO_OK;
    size_t total;
    read_job job = {.dataset = dataset,
                    .kind = kind,
                    .config = config,
                    .front = front,
                    .size = (size_t)cv_shape_size(front ? cv_front_shape(front) : dataset->shape),
                    .failed = (int)dataset->count};
    if (!cv_mul(dataset->count, job.size, &total) || !(job.values = cv_alloc_aligned(total, sizeof *job.values)))
        return cv_no_memory(err, "the features of all examples");
    pthread_mutex_init(&job.lock, NULL);
    cv_pool_run(pool, (int)dataset->count, read_example, &job);
    pthread_mutex_destroy(&job.lock);
    if (job.failed == (int)dataset->count) {
        *values = job.values;
        return CONVO_OK;
    }
    free(job.values);
    if (err) *err = job.error;
    return job.error.code;
}
