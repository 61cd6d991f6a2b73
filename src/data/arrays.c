// Features and labels as NumPy saves them: X_train.npy, y_train.npy and so on in a folder, or all in one .npz file.
#include "format/archive.h"
#include "base/limits.h"
#include "format/npy.h"
#include "format/npz.h"
#include "data/examples.h"

#include <stdlib.h>
#include <string.h>

static const struct part {
    const char *end; // of the names X_train, y_train
    int part;
} parts[] = {{"_train", CONVO_TRAIN},
             {"_val", CONVO_VALIDATION},
             {"_validation", CONVO_VALIDATION},
             {"_test", CONVO_TEST},
             {"", -1}}; // one pair X, y without an official split

typedef struct arrays_config {
    char classes[CV_LIST_SIZE];
} arrays_config;

static const cv_option schema[] = {
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

// Array `first` + `end` of the folder or .npz file; out->where is NULL when there is none.
static convo_status load_array(const char *path, const char *first, const char *end, array *out, convo_error *err) {
    *out = (array){0};
    char *member = cv_format("%s%s.npy", first, end), *where = member ? cv_format("%s/%s", path, member) : NULL;
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

static convo_status add_array_part(const char *path, const struct part *part, cv_examples *examples, bool *found,
                             convo_error *err) {
    array x, y = {0};
    convo_status status = load_array(path, "X", part->end, &x, err);
    if (!status && !x.where) status = load_array(path, "x", part->end, &x, err);
    if (!status) status = load_array(path, "y", part->end, &y, err);
    *found = x.where && y.where;
    if (!status && !x.where != !y.where)
        status = cv_fail(err, CONVO_FORMAT, path, "holds %s%s but no %s%s", x.where ? "X" : "y", part->end,
                         x.where ? "y" : "X", part->end);
    if (!status && *found) status = cv_examples_add(examples, &x.numbers, &y.numbers, part->part, err);
    array_free(&x);
    array_free(&y);
    return status;
}

// X_val beside X_validation, or a pair without a part beside one that has one.
static convo_status check_clash(const char *path, const bool *found, size_t k, convo_error *err) {
    for (size_t j = 0; j < k && found[k]; j++)
        if (found[j] && (parts[j].part == parts[k].part || parts[k].part < 0))
            return cv_fail(err, CONVO_FORMAT, path, "holds X%s and X%s: one of them is too many", parts[j].end,
                           parts[k].end);
    return CONVO_OK;
}

static convo_status arrays_scan(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    const arrays_config *c = config;
    bool any = false;
    cv_examples examples = {.dataset = dataset, .divisor = 1};
    bool found[CV_COUNT(parts)];
    if (!cv_is_npz(path) && !cv_is_folder(path))
        return cv_fail(err, CONVO_IO, path, "is neither a folder nor an .npz file");
    for (size_t k = 0; k < CV_COUNT(parts); k++) {
        convo_status status = add_array_part(path, &parts[k], &examples, &found[k], err);
        if (!status) status = check_clash(path, found, k, err);
        if (status) return status;
        any |= found[k];
    }
    if (any) return cv_examples_finish_named(&examples, c->classes, path, err);
    return cv_fail(
        err, CONVO_FORMAT, path,
        "holds no pair of X_train.npy and y_train.npy, X_val and y_val, X_test and y_test, or X.npy and y.npy");
}

const cv_data_kind cv_data_arrays = {
    .name = "arrays",
    .help =
        "NumPy arrays: X_train.npy, y_train.npy, X_val, y_val, X_test, y_test in a folder or one .npz file; or X and y",
    .schema = schema,
    .config_size = sizeof(arrays_config),
    .scan = arrays_scan,
};
