// Checks and counts a recipe's data before training.
#include "data/check.h"
#include "data/parts.h"
#include "model/material.h"

convo_status cv_material_check(const convo_recipe *recipe, cv_material *m, convo_error *err) {
    cv_contents contents;
    const bool random = recipe->split.by == CV_BY_RANDOM;
    convo_status status =
        cv_contents_of_values(&m->values, m->dataset->count, (size_t)cv_shape_size(m->shape), m->pool, &contents, err);
    if (!status) status = cv_check(m->dataset, recipe->data, &m->split, random, &contents, &m->dataset->found, err);
    cv_contents_free(&contents);
    return status;
}

convo_status convo_data_check(const convo_recipe *recipe, const convo_train_options *options, convo_findings *found,
                              convo_error *err) {
    cv_material m = {0};
    if (!recipe || !found) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for what is found are needed");
    *found = (convo_findings){0};
    convo_status status = cv_material_load(recipe, options, CONVO_TRAIN, &m, err);
    if (!status) status = cv_material_check(recipe, &m, err);
    if (!status) status = cv_findings_give(&m.dataset->found, found, err);
    cv_material_free(&m);
    return status;
}

convo_status convo_data_parts(const convo_recipe *recipe, const convo_train_options *options, convo_parts *parts,
                              convo_error *err) {
    cv_material m = {0};
    if (!recipe || !parts) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the counts are needed");
    *parts = (convo_parts){0};
    convo_status status = cv_material_open(recipe, options, CONVO_TRAIN, &m, err);
    if (!status) status = cv_parts_count(m.dataset, &m.split, parts, err);
    cv_material_free(&m);
    return status;
}
