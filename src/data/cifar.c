// CIFAR-10 and CIFAR-100 in their binary version: 32 x 32 colour pictures, each a record of its label (CIFAR-100:
// coarse and fine) and 3,072 bytes, all red, all green, all blue. https://www.cs.toronto.edu/~kriz/cifar.html
#include "base/file.h"
#include "base/limits.h"
#include "data/examples.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, MAX_NAMES = 256 };

typedef struct layout {
    const char *folder;          // the one in the official archive
    const char *labels, *groups; // files of names; CIFAR-10 has no groups
    int classes;
    size_t files;
    struct {
        const char *name;
        int part;
    } file[6];
} layout;

static const layout cifar_10 = {.folder = "cifar-10-batches-bin",
                                .labels = "batches.meta.txt",
                                .classes = 10,
                                .files = 6,
                                .file = {{"data_batch_1.bin", CONVO_TRAIN},
                                         {"data_batch_2.bin", CONVO_TRAIN},
                                         {"data_batch_3.bin", CONVO_TRAIN},
                                         {"data_batch_4.bin", CONVO_TRAIN},
                                         {"data_batch_5.bin", CONVO_TRAIN},
                                         {"test_batch.bin", CONVO_TEST}}};
static const layout cifar_100 = {.folder = "cifar-100-binary",
                                 .labels = "fine_label_names.txt",
                                 .groups = "coarse_label_names.txt",
                                 .classes = 100,
                                 .files = 2,
                                 .file = {{"train.bin", CONVO_TRAIN}, {"test.bin", CONVO_TEST}}};

static bool cifar_shape(const void *config, cv_shape *out) {
    (void)config;
    *out = (cv_shape){3, 3, SIDE, SIDE};
    return true;
}

static convo_status read_file(const char *folder, const char *name, char **path, cv_bytes *bytes, convo_error *err) {
    *bytes = (cv_bytes){0};
    *path = cv_format("%s/%s", folder, name);
    return *path ? cv_file_read(*path, CV_LIMIT_ARRAYS, bytes, err) : cv_no_memory(err, folder);
}

// One name a line; empty lines do not count.
static convo_status read_names(const char *folder, const char *file, char *names[MAX_NAMES], int *count,
                               convo_error *err) {
    char *path;
    cv_bytes bytes;
    convo_status status = read_file(folder, file, &path, &bytes, err);
    for (const char *at = (const char *)bytes.data; !status && *at;) {
        const size_t length = strcspn(at, "\r\n");
        if (length && *count == MAX_NAMES)
            status = cv_fail(err, CONVO_FORMAT, path, "holds more than %d names", MAX_NAMES);
        else if (length && !(names[(*count)++] = cv_format("%.*s", (int)length, at)))
            status = cv_no_memory(err, path);
        at += length;
        at += strspn(at, "\r\n");
    }
    free(bytes.data);
    free(path);
    return status;
}

static convo_status add_cifar_file(const char *folder, const layout *l, size_t k, cv_examples *examples,
                                   convo_error *err) {
    const int64_t heads = l->groups ? 2 : 1, record = heads + PIXELS;
    cv_dataset *dataset = examples->dataset;
    const size_t before = dataset->count;
    char *path;
    cv_bytes bytes;
    convo_status status = read_file(folder, l->file[k].name, &path, &bytes, err);
    const int64_t count = (int64_t)bytes.size / record;
    if (!status && (count == 0 || (int64_t)bytes.size % record))
        status = cv_fail(err, CONVO_FORMAT, path, "has %zu bytes, which is no whole number of pictures of %d bytes",
                         bytes.size, (int)record);
    if (status) goto done;
    const cv_numbers x = {.where = path,
                          .data = bytes.data + heads,
                          .type = 'u',
                          .size = 1,
                          .dims = 4,
                          .dim = {count, 3, SIDE, SIDE},
                          .stride = {record, SIDE * SIDE, SIDE, 1}};
    const cv_numbers y = {.where = path,
                          .data = bytes.data + heads - 1,
                          .type = 'u',
                          .size = 1,
                          .dims = 1,
                          .dim = {count},
                          .stride = {record}};
    status = cv_examples_add(examples, &x, &y, l->file[k].part, err);
    for (int64_t i = 0; i < count && l->groups && !status; i++) {
        const int group = bytes.data[i * record];
        dataset->example[before + (size_t)i].group = group;
        if (group >= dataset->group_count)
            status = cv_fail(err, CONVO_FORMAT, path, "picture %d is of coarse class %d, there are %d", (int)i, group,
                             dataset->group_count);
    }
done:
    free(bytes.data);
    free(path);
    return status;
}

static convo_status scan_cifar(const char *folder, const layout *l, cv_dataset *dataset, convo_error *err) {
    cv_examples examples = {.dataset = dataset, .divisor = 255};
    char *names[MAX_NAMES] = {NULL};
    int count = 0;
    convo_status status = read_names(folder, l->labels, names, &count, err);
    if (!status && count != l->classes)
        status = cv_fail(err, CONVO_FORMAT, folder, "%s holds %d names, %d are wanted", l->labels, count, l->classes);
    if (!status && l->groups) {
        dataset->groups = cv_alloc(MAX_NAMES, sizeof *dataset->groups);
        status = dataset->groups ? read_names(folder, l->groups, dataset->groups, &dataset->group_count, err)
                                 : cv_no_memory(err, folder);
    }
    for (size_t k = 0; k < l->files && !status; k++) status = add_cifar_file(folder, l, k, &examples, err);
    if (!status) status = cv_examples_finish(&examples, (const char *const *)names, count, folder, err);
    for (int k = 0; k < count; k++) free(names[k]);
    return status;
}

// Its folder, or the one that holds it.
static convo_status cifar_scan(const char *path, const layout *l, cv_dataset *dataset, convo_error *err) {
    char *inner = cv_format("%s/%s", path, l->folder);
    if (!inner) return cv_no_memory(err, path);
    const convo_status status = scan_cifar(cv_is_folder(inner) ? inner : path, l, dataset, err);
    free(inner);
    return status;
}

static convo_status scan_10(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config;
    return cifar_scan(path, &cifar_10, dataset, err);
}

static convo_status scan_100(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    (void)config;
    return cifar_scan(path, &cifar_100, dataset, err);
}

const cv_data_kind cv_data_cifar_10 = {
    .name = "cifar-10",
    .help = "CIFAR-10, binary version: 60,000 colour pictures of 32 x 32 pixels in ten classes",
    .shape = cifar_shape,
    .scan = scan_10,
};

const cv_data_kind cv_data_cifar_100 = {
    .name = "cifar-100",
    .help =
        "CIFAR-100, binary version: 60,000 colour pictures of 32 x 32 pixels in a hundred classes, in twenty groups",
    .shape = cifar_shape,
    .scan = scan_100,
};
