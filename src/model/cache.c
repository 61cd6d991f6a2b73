#include "model/cache.h"

#include "base/file.h"
#include "format/safetensors.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// To be raised whenever recordings or pictures are read, resampled or changed (src/audio/augment.c) in another way.
// What front ends do is noticed without it.
enum { READING_VERSION = 2 };

static const char ending[] = ".safetensors";

// --- key --------------------------------------------------------------------------------------------------------

static void add_options(cv_sha1 *sha, const cv_option *schema, const void *values) {
    char text[CV_LIST_SIZE];
    for (const cv_option *option = schema; option && option->name; option++) {
        cv_option_get(option, values, text, sizeof text);
        cv_sha1_add_text(sha, "%s=", option->name);
        cv_sha1_add(sha, text, strlen(text) + 1);
    }
}

static bool add_files(cv_sha1 *sha, const cv_dataset *dataset) {
    struct stat about;
    for (size_t i = 0; i < dataset->count; i++) {
        const char *path = dataset->example[i].path;
        if (!path || stat(path, &about)) return false;
        cv_sha1_add(sha, path, strlen(path) + 1);
        cv_sha1_add_text(sha, "%jd %jd.%09ld\n", (intmax_t)about.st_size, (intmax_t)about.st_mtim.tv_sec,
                         about.st_mtim.tv_nsec);
    }
    return true;
}

// The features of a made-up recording stand for the code that computes them: nobody can forget to say that it changed.
static bool add_front(cv_sha1 *sha, const cv_front *front) {
    enum { SAMPLES = 4000 };
    cv_random random;
    float *sample = cv_alloc(SAMPLES, sizeof *sample);
    const size_t size = (size_t)cv_shape_size(cv_front_shape(front));
    float *features = cv_alloc(size, sizeof *features);
    bool good = sample && features;
    if (good) {
        cv_random_seed(&random, 0);
        cv_random_normal(&random, 0, 0.1f, sample, SAMPLES);
        good = !cv_front_compute(front, sample, SAMPLES, features, NULL);
    }
    if (good) cv_sha1_add(sha, features, size * sizeof *features);
    free(sample);
    free(features);
    return good;
}

bool cv_cache_key_of(const convo_recipe *recipe, const cv_dataset *dataset, const cv_front *front,
                     const cv_split *versions, cv_cache_key *key) {
    const cv_shape shape = front ? cv_front_shape(front) : dataset->shape;
    cv_sha1 sha;
    uint8_t digest[CV_SHA1_SIZE];
    cv_sha1_begin(&sha);
    cv_sha1_add_text(&sha, "convo features %d\n%s\n", READING_VERSION, recipe->data->name);
    add_options(&sha, recipe->data->schema, recipe->data_config);
    cv_sha1_add_text(&sha, "%" PRId64 " %" PRId64 " %" PRId64 "\n", shape.c, shape.h, shape.w);
    if (front) {
        cv_sha1_add_text(&sha, "%s rate=%d\n", recipe->feature->name, cv_front_rate(front));
        add_options(&sha, recipe->feature->schema, recipe->feature_config);
        if (!add_front(&sha, front)) return false;
    }
    if (versions) {
        cv_sha1_add_text(&sha, "augment seed=%" PRId64 "\n", recipe->train.seed);
        add_options(&sha, cv_augment_schema, &recipe->augment);
        cv_sha1_add(&sha, versions->index[CONVO_TRAIN], versions->count[CONVO_TRAIN] * sizeof *versions->index[0]);
    }
    if (!add_files(&sha, dataset)) return false;
    cv_sha1_end(&sha, digest);
    cv_sha1_text(digest, key->text);
    return true;
}

// --- loading ----------------------------------------------------------------------------------------------------

static char *entry_path(const char *folder, const cv_cache_key *key) {
    return cv_format("%s/%s%s", folder, key->text, ending);
}

typedef struct sum {
    char text[24];
} sum;

static sum sum_of(const float *values, size_t count) {
    sum s;
    cv_print(s.text, sizeof s.text, "%016" PRIx64, cv_hash_floats(values, count));
    return s;
}

static bool text_is(const cv_safetensors *file, const char *key, const char *wanted) {
    const char *text = cv_safetensors_text(file, key);
    return text && strcmp(text, wanted) == 0;
}

float *cv_cache_load(const char *folder, const cv_cache_key *key, size_t count) {
    cv_safetensors file = {0};
    float *values = NULL;
    char *path = entry_path(folder, key);
    bool good = path && !cv_safetensors_read(path, &file, NULL);
    const cv_st_tensor *tensor = good ? cv_safetensors_find(&file, "values") : NULL;
    good = tensor && tensor->type == CV_F32 && tensor->bytes == count * sizeof *values &&
           text_is(&file, "convo.key", key->text);
    if (good) { // the file's memory becomes that of the values: two copies of a large data set may be too many
        values = memmove(file.bytes, tensor->data, tensor->bytes);
        file.bytes = NULL;
        good = text_is(&file, "convo.sum", sum_of(values, count).text);
    }
    if (good) utimensat(AT_FDCWD, path, NULL, 0); // used just now
    cv_safetensors_free(&file);
    free(path);
    if (good) return values;
    free(values);
    return NULL;
}

// --- storing ----------------------------------------------------------------------------------------------------

typedef struct kept {
    char *path;
    uint64_t bytes;
    struct timespec used;
} kept;

static int by_use(const void *a, const void *b) {
    const struct timespec *x = &((const kept *)a)->used, *y = &((const kept *)b)->used;
    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

// Ours: 40 hexadecimal digits and the ending, or half-written.
static bool is_ours(const char *name) {
    return strspn(name, "0123456789abcdef") == CV_SHA1_TEXT - 1 &&
           strncmp(name + CV_SHA1_TEXT - 1, ending, strlen(ending)) == 0;
}

// Removes what was not used for longest until there is room for `bytes` more.
static void make_room(const char *folder, uint64_t bytes) {
    char **names;
    size_t count, files = 0;
    struct stat about;
    uint64_t total = bytes;
    if (cv_folder_list(folder, &names, &count, NULL)) return;
    kept *file = cv_alloc(count, sizeof *file);
    for (size_t i = 0; file && i < count; i++) {
        char *path = is_ours(names[i]) ? cv_format("%s/%s", folder, names[i]) : NULL;
        if (!path || stat(path, &about)) {
            free(path);
            continue;
        }
        file[files++] = (kept){path, (uint64_t)about.st_size, about.st_mtim};
        total += (uint64_t)about.st_size;
    }
    if (files) qsort(file, files, sizeof *file, by_use);
    for (size_t i = 0; i < files; i++) {
        if (total > CV_CACHE_LIMIT && !unlink(file[i].path)) total -= file[i].bytes;
        free(file[i].path);
    }
    free(file);
    cv_folder_free(names, count);
}

void cv_cache_store(const char *folder, const cv_cache_key *key, const float *values, size_t count) {
    enum { HEADER = 4096 }; // more than it needs
    size_t bytes;
    char values_name[] = "values", key_name[] = "convo.key", sum_name[] = "convo.sum";
    if (!cv_mul(count, sizeof *values, &bytes) || bytes > CV_CACHE_LIMIT - HEADER) return;
    if (cv_folder_make(folder, NULL)) return;
    char *path = entry_path(folder, key);
    if (!path) return;
    make_room(folder, bytes + HEADER);
    cv_cache_key name = *key;
    sum s = sum_of(values, count);
    cv_st_tensor tensor = {.name = values_name, .type = CV_F32, .dims = 1, .dim = {(int64_t)count}, .data = values};
    tensor.bytes = bytes;
    cv_st_text text[] = {{key_name, name.text}, {sum_name, s.text}};
    const cv_safetensors file = {.tensor = &tensor, .tensors = 1, .text = text, .texts = CV_COUNT(text)};
    cv_safetensors_write(path, &file, NULL); // a full disk costs us the file only
    free(path);
}
