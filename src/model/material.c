#include "model/material.h"

#include <math.h>
#include <stdlib.h>

static const char *isa_names(const void *context, size_t k) {
    (void)context;
    return cv_isa_name(k);
}

static convo_status open_dataset(const convo_recipe *recipe, const convo_train_options *options, cv_dataset **dataset,
                                 convo_error *err) {
    char *found = NULL;
    const char *folder = options->data ? options->data : recipe->data_path[0] ? recipe->data_path : NULL;
    if (!folder) {
        const convo_status status = convo_data_find(recipe->data->name, options->search, &found, err);
        if (status) return status;
        folder = found;
    }
    const convo_status status = cv_dataset_open(recipe->data, folder, recipe->data_config, dataset, err);
    free(found);
    return status;
}

static convo_status compute(const convo_recipe *recipe, cv_material *m, convo_error *err) {
    cv_front *front;
    convo_status status = cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &front, err);
    if (status) return status;
    m->shape = cv_front_shape(front);
    status = cv_dataset_read(m->dataset, recipe->data, recipe->data_config, front, m->pool, &m->values, err);
    cv_front_free(front);
    return status;
}

convo_status cv_material_load(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                              convo_error *err) {
    static const convo_train_options none;
    if (!options) options = &none;
    *m = (cv_material){.isa = cv_isa_find(options->isa)};
    if (!m->isa)
        return cv_fail(err, CONVO_ARGUMENT, "", "no instruction set is called '%s'%s", options->isa,
                       cv_did_you_mean(options->isa, isa_names, NULL).text);
    if (!recipe->data || !recipe->feature)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "the recipe says no %s, so there is nothing to train on or to score",
                       recipe->data ? "'features'" : "'data'");
    convo_status status = cv_pool_new(&m->pool, options->threads, err);
    if (!status) status = open_dataset(recipe, options, &m->dataset, err);
    if (!status) status = compute(recipe, m, err);
    if (!status) status = cv_split_make(&recipe->split, m->dataset, (uint64_t)recipe->train.seed, &m->split, err);
    if (!status && !(m->label = cv_alloc(m->dataset->count, sizeof *m->label))) status = cv_no_memory(err, "labels");
    for (size_t i = 0; !status && i < m->dataset->count; i++) m->label[i] = m->dataset->example[i].label;
    if (status) cv_material_free(m);
    return status;
}

void cv_material_free(cv_material *m) {
    cv_split_free(&m->split);
    cv_dataset_free(m->dataset);
    cv_pool_free(m->pool);
    free(m->values);
    free(m->label);
    *m = (cv_material){0};
}

convo_status cv_material_measure(const convo_recipe *recipe, const cv_material *m, float *mean, float *std,
                                 convo_error *err) {
    const size_t size = (size_t)cv_shape_size(m->shape), count = m->split.count[CONVO_TRAIN] * size;
    double sum = 0, squares = 0;
    *mean = (float)recipe->mean;
    *std = (float)recipe->std;
    if (recipe->normalize == CV_NORMALIZE_NONE || count == 0) return CONVO_OK;
    for (int pass = 0; pass < 2; pass++) // the mean, then the squared distances from it
        for (size_t k = 0; k < m->split.count[CONVO_TRAIN]; k++) {
            const float *x = m->values + (size_t)m->split.index[CONVO_TRAIN][k] * size;
            for (size_t i = 0; i < size; i++) {
                const double d = (double)x[i] - sum / (double)count;
                if (pass == 0)
                    sum += (double)x[i];
                else
                    squares += d * d;
            }
        }
    *mean = (float)(sum / (double)count);
    *std = (float)sqrt(squares / (double)count);
    if (*std > 0 && isfinite(*std)) return CONVO_OK;
    return cv_fail(err, CONVO_NUMERIC, recipe->file,
                   "the features of the training part are all %g: they cannot be normalised", (double)*mean);
}

void cv_material_normalize(cv_material *m, float mean, float std) {
    const size_t count = m->dataset->count * (size_t)cv_shape_size(m->shape);
    if (mean == 0 && std == 1) return;
    for (size_t i = 0; i < count; i++) m->values[i] = (m->values[i] - mean) / std;
}
