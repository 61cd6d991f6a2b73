#include "model/cache.h"

#include "base/file.h"
#include "base/slice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// To be raised whenever recordings or pictures are read, resampled or changed (src/audio/augment.c) in another way.
// What front ends do is noticed without it.
enum { READING_VERSION = 3 };

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
        if (!path || !cv_slice_stat(path, &about)) return false;
        const cv_piece *piece = &dataset->example[i].piece;
        cv_sha1_add(sha, path, strlen(path) + 1);
        cv_sha1_add_text(sha, "%a %a %a ", piece->start, piece->seconds, piece->gain);
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

bool cv_cache_key_of(const convo_recipe *recipe, const cv_dataset *dataset, const cv_front *front, cv_cache_what what,
                     bool gaps, const cv_split *versions, cv_cache_key *key) {
    static const char *const names[] = {"features", "samples", "versions"};
    const cv_shape shape = front ? cv_front_shape(front) : dataset->shape;
    cv_sha1 sha;
    uint8_t digest[CV_SHA1_SIZE];
    cv_sha1_begin(&sha);
    cv_sha1_add_text(&sha, "convo %s%s %d\n%s\n", names[what], gaps ? " with gaps" : "", READING_VERSION,
                     recipe->data->name);
    add_options(&sha, recipe->data->schema, recipe->data_config);
    if (front) cv_sha1_add_text(&sha, "rate=%d\n", cv_front_rate(front));
    if (what != CV_CACHE_SAMPLES)
        cv_sha1_add_text(&sha, "%" PRId64 " %" PRId64 " %" PRId64 "\n", shape.c, shape.h, shape.w);
    if (what != CV_CACHE_SAMPLES && front) {
        cv_sha1_add_text(&sha, "%s\n", recipe->feature->name);
        add_options(&sha, recipe->feature->schema, recipe->feature_config);
        if (!add_front(&sha, front)) return false;
    }
    if (what == CV_CACHE_VERSIONS) {
        cv_sha1_add_text(&sha, "augment seed=%" PRId64 "\n", recipe->train.seed);
        add_options(&sha, cv_augment_schema, &recipe->augment);
        cv_sha1_add(&sha, versions->index[CONVO_TRAIN], versions->count[CONVO_TRAIN] * sizeof *versions->index[0]);
    }
    if (!add_files(&sha, dataset)) return false;
    cv_sha1_end(&sha, digest);
    cv_sha1_text(digest, key->text);
    return true;
}

// --- the folder -------------------------------------------------------------------------------------------------

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

// Ours: 40 hexadecimal digits and an ending; also those of earlier versions, and what is half-written.
static bool is_ours(const char *name) {
    enum { DIGITS = CV_SHA1_TEXT - 1 };
    return strspn(name, "0123456789abcdef") == DIGITS && name[DIGITS] == '.';
}

// Lists our files, sorted by time of last use, the oldest first. Freed with free_kept.
static convo_status list_kept(const char *folder, kept **out, size_t *count, convo_error *err) {
    char **names;
    size_t all;
    struct stat about;
    *count = 0;
    convo_status status = cv_folder_list(folder, &names, &all, err);
    if (status) return status;
    kept *file = cv_alloc(all, sizeof *file);
    for (size_t i = 0; file && i < all; i++) {
        char *path = is_ours(names[i]) ? cv_format("%s/%s", folder, names[i]) : NULL;
        if (path && !stat(path, &about))
            file[(*count)++] = (kept){path, (uint64_t)about.st_size, about.st_mtim};
        else
            free(path);
    }
    if (*count) qsort(file, *count, sizeof *file, by_use);
    cv_folder_free(names, all);
    *out = file;
    return file ? CONVO_OK : cv_no_memory(err, folder);
}

static void free_kept(kept *file, size_t count) {
    for (size_t i = 0; i < count; i++) free(file[i].path);
    free(file);
}

// Removes what was not used for longest, but never the newest, until the rest keeps to the limit.
static void trim(const char *folder) {
    kept *file;
    size_t count;
    uint64_t total = 0;
    if (list_kept(folder, &file, &count, NULL)) return;
    for (size_t i = 0; i < count; i++) total += file[i].bytes;
    for (size_t i = 0; i + 1 < count && total > CV_CACHE_LIMIT; i++)
        if (!unlink(file[i].path)) total -= file[i].bytes;
    free_kept(file, count);
}

convo_status cv_cache_make(const char *folder, const cv_cache_key *key, cv_store_plan *plan, cv_pool *pool,
                           cv_store **store, convo_error *err) {
    char *path = NULL;
    if (folder && key && !cv_folder_make(folder, NULL) && !(path = cv_format("%s/%s.rows", folder, key->text)))
        return cv_no_memory(err, folder);
    plan->path = path;
    plan->key = path ? key->text : "";
    const convo_status status = cv_store_make(plan, pool, store, err);
    if (!status && path) trim(folder);
    free(path);
    return status;
}

convo_status convo_cache_list(const char *folder, convo_cache *cache, convo_error *err) {
    kept *file = NULL;
    size_t count = 0;
    if (!folder || !cache) return cv_fail(err, CONVO_ARGUMENT, "", "a folder and room for its files are needed");
    *cache = (convo_cache){.limit = CV_CACHE_LIMIT};
    if (!cv_is_folder(folder)) return CONVO_OK;
    convo_status status = list_kept(folder, &file, &count, err);
    cache->file = status ? NULL : cv_alloc(count, sizeof *cache->file);
    if (!status && !cache->file) status = cv_no_memory(err, folder);
    for (size_t i = count; !status && i-- > 0;) {
        convo_cached *c = &cache->file[cache->count++];
        *c =
            (convo_cached){.path = file[i].path, .bytes = (int64_t)file[i].bytes, .used = (int64_t)file[i].used.tv_sec};
        file[i].path = NULL;
        if (!cv_store_about(c->path, c->about))
            cv_print(c->about, sizeof c->about, "not complete, or of another version");
    }
    free_kept(file, count);
    if (status) convo_cache_free(cache);
    return status;
}

convo_status convo_cache_clear(const char *folder, convo_error *err) {
    kept *file = NULL;
    size_t count = 0;
    if (!folder) return cv_fail(err, CONVO_ARGUMENT, "", "a folder is needed");
    if (!cv_is_folder(folder)) return CONVO_OK;
    convo_status status = list_kept(folder, &file, &count, err);
    for (size_t i = 0; !status && i < count; i++)
        if (unlink(file[i].path) && errno != ENOENT)
            status = cv_fail(err, CONVO_IO, file[i].path, "cannot be removed: %s", strerror(errno));
    free_kept(file, count);
    return status;
}

void convo_cache_free(convo_cache *cache) {
    if (!cache) return;
    for (int k = 0; k < cache->count; k++) free(cache->file[k].path);
    free(cache->file);
    *cache = (convo_cache){0};
}
