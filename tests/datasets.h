// Opening data sets of any kind in tests.
#pragma once

#include "format/npy.h"
#include "data/dataset.h"
#include "sounds.h"

#define GOLDEN "tests/golden/data/"

// The options of a kind, with some set: "size=4" and so on, NULL at the end. Freed by the caller.
static inline void *data_options(const cv_data_kind *kind, const char *const *settings) {
    void *config = cv_alloc(1, kind->config_size);
    if (kind->schema) cv_options_default(kind->schema, config);
    for (; settings && *settings; settings++) {
        char name[64], why[256] = "";
        const size_t length = strcspn(*settings, "=");
        snprintf(name, sizeof name, "%.*s", (int)length, *settings);
        const cv_option *option = cv_option_find(kind->schema, name);
        if (!option || !cv_option_set(option, config, *settings + length + 1, why, sizeof why))
            fail_msg("%s: %s: %s", kind->name, *settings, why);
    }
    return config;
}

static inline convo_status try_data(const cv_data_kind *kind, const char *path, const char *const *settings,
                                    cv_dataset **dataset, convo_error *err) {
    void *config = data_options(kind, settings);
    const convo_status status = cv_dataset_open(kind, path, config, dataset, err);
    free(config);
    return status;
}

static inline cv_dataset *open_data(const cv_data_kind *kind, const char *path, const char *const *settings) {
    cv_dataset *dataset;
    convo_error err = {.message = ""};
    if (try_data(kind, path, settings, &dataset, &err)) fail_msg("%s: %s: %s", kind->name, err.where, err.message);
    return dataset;
}

// It must be refused with this code, by a message that has `word` in it, or in its place.
static inline void refuse_data(const cv_data_kind *kind, const char *path, const char *const *settings,
                               convo_status status, const char *word) {
    cv_dataset *dataset = NULL;
    convo_error err = {.message = ""};
    const convo_status got = try_data(kind, path, settings, &dataset, &err);
    cv_dataset_free(dataset);
    if (got != status)
        fail_msg("%s %s: %s, not %s (%s: %s)", kind->name, path, convo_status_name(got), convo_status_name(status),
                 err.where, err.message);
    if (!strstr(err.message, word) && !strstr(err.where, word))
        fail_msg("%s %s: '%s: %s' has no '%s'", kind->name, path, err.where, err.message, word);
}

static inline cv_bytes read_whole(const char *path) {
    cv_bytes bytes;
    convo_error err;
    if (cv_file_read(path, 1 << 28, &bytes, &err)) fail_msg("%s: %s", err.where, err.message);
    return bytes;
}

// write_file without waiting for the disk, for thousands of damaged files: ext4 waits when one is written over.
static inline void write_damaged(const char *path, const void *data, size_t size) {
    remove(path);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file)) fail_msg("%s cannot be written", path);
}

// A .npy file in C order. descr: "<f4"; shape: "(3, 4)"
static inline void write_npy(const char *folder, const char *name, const char *descr, const char *shape,
                             const void *numbers, size_t size) {
    uint8_t file[4096] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const int length =
        snprintf((char *)file + 10, 256, "{'descr': '%s', 'fortran_order': False, 'shape': %s}\n", descr, shape);
    put_number(file + 8, (uint32_t)length, 2);
    assert_true((size_t)length + 10 + size <= sizeof file);
    memcpy(file + 10 + length, numbers, size);
    write_file(folder, name, file, 10 + (size_t)length + size);
}

// The numbers of a golden .npy file of float32, and how many.
static inline float *golden_array(const char *path, size_t *count) {
    cv_bytes bytes = read_whole(path);
    cv_numbers n;
    convo_error err;
    if (cv_npy_parse(path, bytes.data, bytes.size, &n, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_true(n.type == 'f' && n.size == 4);
    *count = 1;
    for (int d = 0; d < n.dims; d++) *count *= (size_t)n.dim[d];
    float *values = malloc(*count * sizeof *values);
    memcpy(values, n.data, *count * sizeof *values);
    free(bytes.data);
    return values;
}

static inline void check_shape(const cv_dataset *dataset, int dims, int c, int h, int w) {
    const cv_shape s = dataset->shape;
    if (s.dims != dims || s.c != c || s.h != h || s.w != w)
        fail_msg("shape of %d dimensions, %d x %d x %d", s.dims, (int)s.c, (int)s.h, (int)s.w);
}

static inline size_t count_part(const cv_dataset *dataset, int part) {
    size_t count = 0;
    for (size_t i = 0; i < dataset->count; i++) count += dataset->example[i].part == part;
    return count;
}
