// Street View House Numbers, format 2: train_32x32.mat and test_32x32.mat, each with X of 32 x 32 x 3 x examples bytes
// and y from 1 to 10, where 10 is the digit 0. Yuval Netzer and others, "Reading Digits in Natural Images with
// Unsupervised Feature Learning", NIPS Workshop on Deep Learning, 2011. http://ufldl.stanford.edu/housenumbers
#include "base/file.h"
#include "data/mat.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SIDE = 32, DIGITS = 10 };

typedef struct svhn_config {
    bool extra;
} svhn_config;

static const cv_option schema[] = {
    {.name = "extra",
     .type = CV_BOOL,
     .offset = offsetof(svhn_config, extra),
     .help = "train on the 531,131 simpler pictures of extra_32x32.mat as well"},
    {.name = NULL},
};

static bool svhn_shape(const void *config, cv_shape *out) {
    (void)config;
    *out = (cv_shape){3, 3, SIDE, SIDE};
    return true;
}

// Those of the file that was just read, from example `first` on.
static convo_status check_digits(cv_dataset *d, size_t first, const char *path, convo_error *err) {
    if (d->shape.c != 3 || d->shape.h != SIDE || d->shape.w != SIDE)
        return cv_fail(err, CONVO_SHAPE, path, "holds no pictures of %d x %d pixels in 3 colours", SIDE, SIDE);
    for (size_t i = first; i < d->count; i++) {
        int32_t *label = &d->example[i].label;
        if (*label < 1 || *label > DIGITS)
            return cv_fail(err, CONVO_FORMAT, path, "label %zu is %" PRId32 ": 1 to %d are wanted", i - first, *label,
                           DIGITS);
        *label %= DIGITS;
    }
    return CONVO_OK;
}

static convo_status add_digits(const char *folder, const char *name, int part, cv_examples *examples,
                               convo_error *err) {
    const size_t first = examples->dataset->count;
    char *path = cv_format("%s/%s", folder, name);
    convo_status status = path ? cv_mat_add(path, "X", "y", "hwcn", part, examples, err) : cv_no_memory(err, folder);
    if (!status) status = check_digits(examples->dataset, first, path, err);
    free(path);
    return status;
}

static convo_status svhn_scan(const char *folder, const void *config, cv_dataset *dataset, convo_error *err) {
    static const char *const digits[DIGITS] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    const svhn_config *c = config;
    cv_examples examples = {.dataset = dataset, .divisor = 255};
    convo_status status = add_digits(folder, "train_32x32.mat", CONVO_TRAIN, &examples, err);
    if (!status && c->extra) status = add_digits(folder, "extra_32x32.mat", CONVO_TRAIN, &examples, err);
    if (!status) status = add_digits(folder, "test_32x32.mat", CONVO_TEST, &examples, err);
    return status ? status : cv_examples_finish(&examples, digits, DIGITS, folder, err);
}

const cv_data_kind cv_data_svhn = {
    .name = "svhn",
    .help = "SVHN, cropped: 99,289 house number digits of 32 x 32 pixels, in MATLAB files",
    .schema = schema,
    .config_size = sizeof(svhn_config),
    .shape = svhn_shape,
    .scan = svhn_scan,
};
