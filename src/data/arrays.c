// Features and labels as NumPy saves them: X_train.npy, y_train.npy and so on in a folder, or all in one .npz file.
#include "format/archive.h"
#include "base/limits.h"
#include "format/npy.h"
#include "format/npz.h"
#include "data/examples.h"

#include <stdlib.h>
#include <string.h>

static const struct pair {
    const char *x[2], *y;
    int part;
    bool pictures; // MedMNIST's names: gray pictures, or those of three channels, which come last
} pairs[] = {{{"X_train", "x_train"}, "y_train", CONVO_TRAIN, false},
             {{"train_images"}, "train_labels", CONVO_TRAIN, true},
             {{"X_val", "x_val"}, "y_val", CONVO_VALIDATION, false},
             {{"X_validation", "x_validation"}, "y_validation", CONVO_VALIDATION, false},
             {{"val_images"}, "val_labels", CONVO_VALIDATION, true},
             {{"X_test", "x_test"}, "y_test", CONVO_TEST, false},
             {{"test_images"}, "test_labels", CONVO_TEST, true},
             {{"X", "x"}, "y", -1, false}}; // without an official split

typedef struct arrays_config {
    char layout[CV_TEXT_SIZE];
    int64_t first_label;
    char classes[CV_LIST_SIZE];
} arrays_config;

static const cv_option schema[] = {
    CV_LAYOUT_OPTION(offsetof(arrays_config, layout), "nc, ncw or nchw; nhw or nhwc of train_images"),
    CV_FIRST_LABEL_OPTION(offsetof(arrays_config, first_label)),
    CV_CLASS_NAMES_OPTION(offsetof(arrays_config, classes)),
    {.name = NULL},
};

typedef struct array {
    char *where; // what errors call it
    cv_bytes bytes;
    cv_numbers numbers;
} array;

static void array_free(array *a) {
    free(a->where);
    free(a->bytes.data);
    *a = (array){0};
}

// An array of the folder or .npz file; out->where is NULL when there is none.
static convo_status load_array(const char *path, const char *name, array *out, convo_error *err) {
    *out = (array){0};
    char *member = cv_format("%s.npy", name), *where = member ? cv_format("%s/%s", path, member) : NULL;
    convo_status status = where ? CONVO_OK : cv_no_memory(err, path);
    if (!status && cv_is_npz(path))
        status = cv_zip_read(path, member, CV_LIMIT_ARRAYS, &out->bytes, err);
    else if (!status && cv_is_file(where))
        status = cv_file_read(where, CV_LIMIT_ARRAYS, &out->bytes, err);
    free(member);
    if (!status && out->bytes.data) {
        out->where = where;
        where = NULL;
        status = cv_npy_parse(out->where, out->bytes.data, out->bytes.size, &out->numbers, err);
    }
    free(where);
    if (status) array_free(out);
    return status;
}

static convo_status add_arrays(const char *path, const struct pair *pair, const char *layout, cv_examples *examples,
                               bool *found, convo_error *err) {
    array x, y = {0};
    convo_status status = load_array(path, pair->x[0], &x, err);
    if (!status && !x.where && pair->x[1]) status = load_array(path, pair->x[1], &x, err);
    if (!status) status = load_array(path, pair->y, &y, err);
    *found = x.where && y.where;
    if (!status && !x.where != !y.where)
        status = cv_fail(err, CONVO_FORMAT, path, "holds %s but no %s", x.where ? pair->x[0] : pair->y,
                         x.where ? pair->y : pair->x[0]);
    if (!*layout && pair->pictures) layout = x.numbers.dims == 3 ? "nhw" : "nhwc";
    if (!status && *found) status = cv_numbers_arrange(&x.numbers, layout, err);
    if (!status && *found) status = cv_examples_add(examples, &x.numbers, &y.numbers, pair->part, err);
    array_free(&x);
    array_free(&y);
    return status;
}

// X_val beside X_validation, or a pair without a part beside one that has one.
static convo_status check_clash(const char *path, const bool *found, size_t k, convo_error *err) {
    for (size_t j = 0; j < k && found[k]; j++)
        if (found[j] && (pairs[j].part == pairs[k].part || pairs[k].part < 0))
            return cv_fail(err, CONVO_FORMAT, path, "holds %s and %s: one of them is too many", pairs[j].x[0],
                           pairs[k].x[0]);
    return CONVO_OK;
}

static convo_status arrays_scan(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    const arrays_config *c = config;
    bool any = false;
    convo_status status = CONVO_OK;
    cv_examples examples = {.dataset = dataset, .divisor = 1, .first_label = c->first_label};
    bool found[CV_COUNT(pairs)];
    if (!cv_is_npz(path) && !cv_is_folder(path))
        return cv_fail(err, CONVO_IO, path, "is neither a folder nor an .npz file");
    for (size_t k = 0; k < CV_COUNT(pairs) && !status; k++) {
        status = add_arrays(path, &pairs[k], c->layout, &examples, &found[k], err);
        if (!status) status = check_clash(path, found, k, err);
        any = !status && (any || found[k]);
    }
    if (any) status = cv_examples_finish_named(&examples, c->classes, path, err);
    cv_examples_free(&examples);
    if (any || status) return status;
    return cv_fail(err, CONVO_FORMAT, path,
                   "holds no pair of X_train.npy and y_train.npy, X_val and y_val, X_test and y_test, train_images and "
                   "train_labels, or "
                   "X and y");
}

const cv_data_kind cv_data_arrays = {
    .name = "arrays",
    .help = "NumPy arrays: X_train.npy, y_train.npy, X_val, y_val, X_test, y_test in a folder or one .npz file; or X "
            "and y; or train_images, train_labels and so on, as MedMNIST names them",
    .schema = schema,
    .config_size = sizeof(arrays_config),
    .scan = arrays_scan,
};
