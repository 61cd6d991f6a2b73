// Inputs and outputs of a net as NumPy arrays.
#include "format/npz.h"
#include "model/material.h"

#include <stdlib.h>

// --- features and labels ------------------------------------------------------------------------------------------

// As examples that src/data/arrays.c reads back.
static cv_numbers form_of(cv_shape s, size_t rows) {
    cv_numbers form = {.type = 'f', .size = sizeof(float), .dims = s.dims + 1, .dim = {(int64_t)rows, s.c}};
    if (s.dims == 3) form.dim[2] = s.h;
    if (s.dims > 1) form.dim[s.dims] = s.w;
    return form;
}

static convo_status add_features(cv_npz *npz, const char *name, cv_shape shape, const cv_material *m,
                                 const int32_t *row, size_t count, convo_error *err) {
    const cv_numbers form = form_of(shape, count);
    const size_t size = (size_t)cv_shape_size(shape);
    float *scratch = cv_alloc(size, sizeof *scratch);
    convo_status status = scratch ? cv_npz_add(npz, name, &form, err) : cv_no_memory(err, name);
    for (size_t i = 0; !status && i < count; i++)
        status =
            cv_npz_write(npz, cv_values_row(&m->values, (size_t)row[i], size, scratch), size * sizeof *scratch, err);
    free(scratch);
    return status;
}

static convo_status add_whole(cv_npz *npz, const char *name, const int64_t *numbers, size_t count, convo_error *err) {
    const cv_numbers form = {.type = 'i', .size = sizeof *numbers, .dims = 1, .dim = {(int64_t)count}};
    CV_TRY(cv_npz_add(npz, name, &form, err));
    return cv_npz_write(npz, numbers, count * sizeof *numbers, err);
}

// A row of ones and zeros for each label.
static convo_status add_truth(cv_npz *npz, const char *name, const cv_dataset *d, const int64_t *label, size_t count,
                              convo_error *err) {
    const size_t outputs = (size_t)d->output_count;
    const cv_numbers form = {.type = 'u', .size = 1, .dims = 2, .dim = {(int64_t)count, (int64_t)outputs}};
    convo_status status = cv_npz_add(npz, name, &form, err);
    for (size_t i = 0; i < count && !status; i++)
        status = cv_npz_write(npz, d->truth + (size_t)label[i] * outputs, outputs, err);
    return status;
}

// A changed version of a recording has the number of the recording. Its row tells: versions lie behind all examples,
// `copies` of the first one that is trained on, then of the second, ...
static int64_t example_of(const cv_material *m, int64_t copies, int32_t row) {
    const int64_t version = row - (int64_t)m->dataset->count;
    return version < 0 ? row : m->split.index[CONVO_TRAIN][version / copies];
}

static convo_status add_part(cv_npz *npz, const convo_recipe *recipe, const cv_material *m, int part,
                             convo_error *err) {
    static const char *const names[][3] = {{"X_train", "y_train", "index_train"},
                                           {"X_validation", "y_validation", "index_validation"},
                                           {"X_test", "y_test", "index_test"}};
    const size_t count = m->split.count[part];
    const int32_t *row = m->split.index[part];
    if (!count) return CONVO_OK;
    int64_t *numbers = cv_alloc(count, sizeof *numbers);
    if (!numbers) return cv_no_memory(err, names[part][1]);
    convo_status status = add_features(npz, names[part][0], m->shape, m, row, count, err);
    for (size_t i = 0; i < count; i++) numbers[i] = m->label[row[i]];
    if (!status)
        status = m->dataset->truth ? add_truth(npz, names[part][1], m->dataset, numbers, count, err)
                                   : add_whole(npz, names[part][1], numbers, count, err);
    for (size_t i = 0; i < count; i++) numbers[i] = example_of(m, recipe->augment.copies, row[i]);
    if (!status) status = add_whole(npz, names[part][2], numbers, count, err);
    free(numbers);
    return status;
}

convo_status convo_data_export(const convo_recipe *recipe, const convo_train_options *options, const char *path,
                               convo_error *err) {
    cv_material m;
    cv_npz *npz = NULL;
    if (!recipe || !path) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and a path are required");
    convo_status status = cv_material_load(recipe, options, CONVO_TRAIN, &m, err);
    if (!status) status = cv_material_augment(recipe, options, &m, err);
    if (!status && m.changes && options && options->note)
        options->note("the features are exported as they are: 'augment' changes them anew in every epoch", options->user);
    if (!status) status = cv_material_measure(recipe, &m, err);
    if (!status) status = cv_npz_create(path, &npz, err);
    if (!status) cv_material_normalize(&m, &m.normal);
    for (int part = 0; !status && part < 3; part++) status = add_part(npz, recipe, &m, part, err);
    status = cv_npz_finish(npz, status, err);
    cv_material_free(&m);
    return status;
}

// --- predictions --------------------------------------------------------------------------------------------------

static convo_status add_table(cv_npz *npz, const char *name, const float *numbers, int64_t rows, int columns,
                              convo_error *err) {
    const cv_numbers form = {.type = 'f', .size = sizeof *numbers, .dims = 2, .dim = {rows, columns}};
    if (!numbers) return CONVO_OK;
    CV_TRY(cv_npz_add(npz, name, &form, err));
    return cv_npz_write(npz, numbers, (size_t)rows * (size_t)columns * sizeof *numbers, err);
}

// Classes, or a table of ones and zeros.
static convo_status add_answers(cv_npz *npz, const char *name, const int64_t *classes, const uint8_t *table,
                                const convo_evaluation *e, convo_error *err) {
    const cv_numbers form = {.type = 'u', .size = 1, .dims = 2, .dim = {e->score.count, e->classes}};
    if (!table) return add_whole(npz, name, classes, (size_t)e->score.count, err);
    CV_TRY(cv_npz_add(npz, name, &form, err));
    return cv_npz_write(npz, table, (size_t)e->score.count * (size_t)e->classes, err);
}

convo_status convo_evaluation_save(const convo_evaluation *e, const char *path, convo_error *err) {
    cv_npz *npz;
    if (!e || !e->logits || !path) return cv_fail(err, CONVO_ARGUMENT, "", "an evaluation and a path are needed");
    const size_t count = (size_t)e->score.count;
    convo_status status = cv_npz_create(path, &npz, err);
    if (!status) status = add_whole(npz, "index", e->index, count, err);
    if (!status) status = add_answers(npz, "truth", e->truth, e->truths, e, err);
    if (!status) status = add_answers(npz, "predicted", e->predicted, e->answers, e, err);
    if (!status) status = add_table(npz, "logits", e->logits, e->score.count, e->outputs, err);
    if (!status) status = add_table(npz, "probabilities", e->probabilities, e->score.count, e->classes, err);
    return cv_npz_finish(npz, status, err);
}
