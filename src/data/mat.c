// Features and labels as MATLAB saves them (-v4, -v6, -v7).
#include "base/limits.h"
#include "format/mat.h"
#include "data/mat.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct mat_config {
    char file[3][CV_TEXT_SIZE]; // of train, validation, test
    char x[CV_TEXT_SIZE], y[CV_TEXT_SIZE], layout[CV_TEXT_SIZE];
    int64_t first_label;
    char classes[CV_LIST_SIZE];
} mat_config;

#define TEXT(field) .type = CV_TEXT, .offset = offsetof(mat_config, field)
static const cv_option schema[] = {
    {.name = "train", TEXT(file[CONVO_TRAIN]), .help = "file to train on; without, the one with 'train' in its name"},
    {.name = "validation", TEXT(file[CONVO_VALIDATION]), .help = "file to validate on; without, the one with 'val'"},
    {.name = "test", TEXT(file[CONVO_TEST]), .help = "file to test on; without, the one with 'test'"},
    {.name = "x", TEXT(x), .text = "X", .help = "the variable of the features"},
    {.name = "y", TEXT(y), .text = "Y", .help = "the variable of the labels"},
    CV_LAYOUT_OPTION(offsetof(mat_config, layout), "one example a row: nc, ncw or nchw"),
    CV_FIRST_LABEL_OPTION(offsetof(mat_config, first_label)),
    CV_CLASS_NAMES_OPTION(offsetof(mat_config, classes)),
    {.name = NULL},
};

// MATLAB leaves out last dimensions of size 1, such as that of a single example.
static void restore_dims(cv_numbers *x, const char *layout) {
    const int wanted = (int)strlen(layout) + !strchr(layout, 'n');
    if (!*layout) return;
    for (; x->dims < wanted && x->dims < CV_MAX_DIMS; x->dims++) {
        x->dim[x->dims] = 1;
        x->stride[x->dims] = 0;
    }
}

convo_status cv_mat_add(const char *path, const char *x_name, const char *y_name, const char *layout, int part,
                        cv_examples *examples, convo_error *err) {
    char *x_where = cv_format("%s: %s", path, x_name), *y_where = cv_format("%s: %s", path, y_name);
    cv_numbers x = {.where = x_where}, y = {.where = y_where};
    cv_bytes file = {0}, x_bytes = {0}, y_bytes = {0};
    convo_status status = x_where && y_where ? CONVO_OK : cv_no_memory(err, path);
    if (!status) status = cv_file_read(path, CV_LIMIT_ARRAYS, &file, err);
    if (!status) status = cv_mat_find(path, &file, x_name, &x, &x_bytes, err);
    if (!status) restore_dims(&x, layout);
    if (!status) status = cv_numbers_arrange(&x, layout, err);
    if (!status) status = cv_mat_find(path, &file, y_name, &y, &y_bytes, err);
    if (!status && y.dims == 2 && y.dim[0] == 1 && x.dim[0] != 1) { // a row of labels is as good as a column
        y.dims = 1;
        y.dim[0] = y.dim[1];
        y.stride[0] = y.stride[1];
    }
    if (!status) status = cv_examples_add(examples, &x, &y, part, err);
    free(x_bytes.data);
    free(y_bytes.data);
    free(file.data);
    free(x_where);
    free(y_where);
    return status;
}

static convo_status add_file(const char *path, const mat_config *config, int part, cv_examples *examples,
                             convo_error *err) {
    return cv_mat_add(path, config->x, config->y, config->layout, part, examples, err);
}

// --- which files ------------------------------------------------------------------------------------------------

static bool contains(const char *text, const char *word) {
    for (; *text; text++)
        if (strncasecmp(text, word, strlen(word)) == 0) return true;
    return false;
}

// The file whose name has `word` in it; *found is NULL when there is none.
static convo_status find_file(const char *folder, char *const *names, size_t count, const char *word,
                              const char **found, convo_error *err) {
    *found = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *ending = strrchr(names[i], '.');
        if (!ending || strcasecmp(ending, ".mat") != 0 || !contains(names[i], word)) continue;
        if (*found)
            return cv_fail(err, CONVO_FORMAT, folder,
                           "%s and %s both have '%s' in their names: say which one in the recipe", *found, names[i],
                           word);
        *found = names[i];
    }
    return CONVO_OK;
}

static convo_status scan_mat(const char *folder, const mat_config *config, cv_examples *examples, convo_error *err) {
    static const char *const words[] = {"train", "val", "test"};
    char **names = NULL;
    size_t count = 0;
    convo_status status = cv_folder_list(folder, &names, &count, err);
    for (int part = CONVO_TRAIN; part <= CONVO_TEST && !status; part++) {
        const char *name = config->file[part];
        if (!*name) status = find_file(folder, names, count, words[part], &name, err);
        if (status || !name) continue;
        char *path = cv_format("%s/%s", folder, name);
        status = path ? add_file(path, config, part, examples, err) : cv_no_memory(err, folder);
        free(path);
    }
    cv_folder_free(names, count);
    if (!status && examples->dataset->count == 0)
        status = cv_fail(err, CONVO_FORMAT, folder, "holds no .mat file with train, val or test in its name");
    return status;
}

static convo_status mat_scan(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    cv_examples examples = {.dataset = dataset, .divisor = 1};
    const mat_config *c = config;
    examples.first_label = c->first_label;
    convo_status status =
        cv_is_file(path) ? add_file(path, config, -1, &examples, err) : scan_mat(path, config, &examples, err);
    if (!status) status = cv_examples_finish_named(&examples, c->classes, path, err);
    cv_examples_free(&examples);
    return status;
}

const cv_data_kind cv_data_mat = {
    .name = "mat",
    .help = "MATLAB files with features X and labels Y: one of them, or one each for train, val and test",
    .schema = schema,
    .config_size = sizeof(mat_config),
    .scan = mat_scan,
};
