#include "model/material.h"

#include "model/cache.h"
#include "model/data_folder.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *isa_names(const void *context, size_t k) {
    (void)context;
    return cv_isa_name(k);
}

static convo_status open_dataset(const convo_recipe *recipe, const convo_train_options *options, cv_dataset **dataset,
                                 convo_error *err) {
    char *folder;
    convo_status status = cv_data_folder(recipe, options, &folder, err);
    if (!status) status = cv_dataset_open(recipe->data, folder, recipe->data_config, dataset, err);
    free(folder);
    return status;
}

static const convo_train_options no_options;

convo_status convo_recipe_groups(const convo_recipe *recipe, const convo_train_options *options, char ***groups,
                                 int *count, convo_error *err) {
    cv_dataset *dataset;
    if (!recipe || !groups || !count)
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the groups are needed");
    *groups = NULL;
    *count = 0;
    if (!recipe->data) return cv_fail(err, CONVO_ARGUMENT, recipe->file, "the recipe has no 'data' block");
    const convo_status status = open_dataset(recipe, options ? options : &no_options, &dataset, err);
    if (status) return status;
    *groups = dataset->groups; // handed over
    *count = dataset->group_count;
    dataset->groups = NULL;
    dataset->group_count = 0;
    cv_dataset_free(dataset);
    return CONVO_OK;
}

convo_status convo_recipe_measure(const convo_recipe *recipe, const convo_train_options *options,
                                  convo_recipe **measured, convo_error *err) {
    cv_dataset *dataset;
    if (!recipe || !measured) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for another are needed");
    *measured = NULL;
    if (recipe->input.dims) return CONVO_OK;
    convo_status status = open_dataset(recipe, options ? options : &no_options, &dataset, err);
    if (status) return status;
    status = cv_recipe_with_input(recipe, dataset->shape, measured, err);
    cv_dataset_free(dataset);
    return status;
}

// Sizes in row-major order, those of 1 apart, are the same: nothing needs to be moved.
static bool same_layout(cv_shape a, cv_shape b) {
    const int64_t x[] = {a.c, a.h, a.w}, y[] = {b.c, b.h, b.w};
    size_t i = 0, j = 0;
    for (;; i++, j++) {
        while (i < CV_COUNT(x) && x[i] == 1) i++;
        while (j < CV_COUNT(y) && y[j] == 1) j++;
        if (i == CV_COUNT(x) || j == CV_COUNT(y)) return i == CV_COUNT(x) && j == CV_COUNT(y);
        if (x[i] != y[j]) return false;
    }
}

static convo_status find_shape(const convo_recipe *recipe, cv_material *m, convo_error *err) {
    convo_status status = CONVO_OK;
    if (recipe->feature) status = cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &m->front, err);
    if (status) return status;
    const cv_shape input = recipe->input, shape = m->front ? cv_front_shape(m->front) : m->dataset->shape;
    m->shape = shape;
    if (!input.dims || same_layout(shape, input)) return CONVO_OK;
    return cv_fail(err, CONVO_SHAPE, m->dataset->folder,
                   "its examples are %" PRId64 " x %" PRId64 " x %" PRId64 ", the recipe's net reads %" PRId64
                   " x %" PRId64 " x %" PRId64 " (channels, rows, columns)",
                   shape.c, shape.h, shape.w, input.c, input.h, input.w);
}

// The features of every example: handed over where they are in memory, else from the cache, or computed and put there.
static convo_status read_values(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                convo_error *err) {
    cv_cache_key key;
    size_t count;
    if (cv_values_any(&m->dataset->values)) {
        m->values = m->dataset->values;
        m->dataset->values = (cv_values){0};
        return CONVO_OK;
    }
    if (!cv_mul(m->rows, (size_t)cv_shape_size(m->shape), &count)) return cv_no_memory(err, m->dataset->folder);
    const bool cached = options->cache && cv_cache_key_of(recipe, m->dataset, m->front, NULL, &key);
    if (cached && (m->values.value = cv_cache_load(options->cache, &key, count))) return CONVO_OK;
    const convo_status status =
        cv_dataset_read(m->dataset, recipe->data, recipe->data_config, m->front, m->pool, &m->values.value, err);
    if (!status && cached) cv_cache_store(options->cache, &key, m->values.value, count);
    return status;
}

convo_status cv_material_open(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *m, convo_error *err) {
    if (!options) options = &no_options;
    *m = (cv_material){.isa = cv_isa_find(options->isa)};
    if (!m->isa)
        return cv_fail(err, CONVO_ARGUMENT, "", "no instruction set is called '%s'%s", options->isa,
                       cv_did_you_mean(options->isa, isa_names, NULL).text);
    if (!recipe->data)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "the recipe has no 'data' block, so there is nothing to train on or evaluate");
    convo_status status = cv_pool_new(&m->pool, options->threads, err);
    if (!status) status = open_dataset(recipe, options, &m->dataset, err);
    if (!status && part != CONVO_ALL)
        status = (part == CONVO_TRAIN ? cv_split_make : cv_split_deal)(&recipe->split, m->dataset,
                                                                       (uint64_t)recipe->train.seed, &m->split, err);
    if (!status) status = find_shape(recipe, m, err);
    if (status) cv_material_free(m);
    return status;
}

convo_status cv_material_load(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                              cv_material *m, convo_error *err) {
    if (!options) options = &no_options;
    convo_status status = cv_material_open(recipe, options, part, m, err);
    if (status) return status;
    m->rows = m->dataset->count;
    status = read_values(recipe, options, m, err);
    if (!status && !(m->label = cv_alloc(m->rows, sizeof *m->label))) status = cv_no_memory(err, "labels");
    for (size_t i = 0; !status && i < m->rows; i++) m->label[i] = m->dataset->example[i].label;
    if (status) cv_material_free(m);
    return status;
}

void cv_material_free(cv_material *m) {
    cv_split_free(&m->split);
    cv_dataset_free(m->dataset);
    cv_front_free(m->front);
    cv_pool_free(m->pool);
    cv_values_free(&m->values);
    free(m->label);
    *m = (cv_material){0};
}

// --- augmentation -----------------------------------------------------------------------------------------------

// Makes room for `copies` rows after those of each training example, with their labels, and puts them into the training
// part: row after row for the first example, then for the second, ...
static convo_status add_rows(cv_material *m, size_t copies, convo_error *err) {
    const size_t size = (size_t)cv_shape_size(m->shape), trained = m->split.count[CONVO_TRAIN];
    int32_t **index = &m->split.index[CONVO_TRAIN];
    size_t added, room_labels = 0, room_index = 0, total;
    if (!cv_mul(trained, copies, &added) || added > INT32_MAX - m->rows)
        return cv_fail(err, CONVO_LIMIT, "augment.copies", "makes more than the %d examples that are accepted",
                       INT32_MAX);
    float *values = cv_mul(m->rows + added, size, &total) ? cv_alloc_aligned(total, sizeof *values) : NULL;
    if (!values || !cv_grow(&m->label, &room_labels, m->rows + added, sizeof *m->label) ||
        !cv_grow(index, &room_index, trained + added, sizeof **index)) {
        free(values);
        return cv_no_memory(err, "changed versions of the recordings");
    }
    memcpy(values, m->values.value, m->rows * size * sizeof *values);
    free(m->values.value);
    m->values.value = values;
    for (size_t k = 0; k < added; k++) {
        m->label[m->rows + k] = m->label[(*index)[k / copies]];
        (*index)[trained + k] = (int32_t)(m->rows + k);
    }
    m->rows += added;
    m->split.count[CONVO_TRAIN] += added;
    return CONVO_OK;
}

convo_status cv_material_augment(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                 convo_error *err) {
    cv_cache_key key;
    const size_t rows = m->rows, trained = m->split.count[CONVO_TRAIN], size = (size_t)cv_shape_size(m->shape);
    if (!options) options = &no_options;
    if (recipe->augment.copies == 0 || trained == 0) return CONVO_OK;
    const bool cached = options->cache && cv_cache_key_of(recipe, m->dataset, m->front, &m->split, &key);
    convo_status status = add_rows(m, (size_t)recipe->augment.copies, err);
    if (status) return status;
    float *values = m->values.value + rows * size;
    const size_t count = (m->rows - rows) * size;
    float *known = cached ? cv_cache_load(options->cache, &key, count) : NULL;
    if (known) {
        memcpy(values, known, count * sizeof *values);
        free(known);
        return CONVO_OK;
    }
    status = cv_dataset_augment(m->dataset, &recipe->augment, (uint64_t)recipe->train.seed, m->split.index[CONVO_TRAIN],
                                trained, m->front, m->pool, values, err);
    if (!status && cached) cv_cache_store(options->cache, &key, values, count);
    return status;
}

// --- normalisation ----------------------------------------------------------------------------------------------

convo_status cv_material_measure(const convo_recipe *recipe, const cv_material *m, float *mean, float *std,
                                 convo_error *err) {
    const size_t size = (size_t)cv_shape_size(m->shape), count = m->split.count[CONVO_TRAIN] * size;
    double sum = 0, squares = 0;
    *mean = (float)recipe->mean;
    *std = (float)recipe->std;
    if (recipe->normalize == CV_NORMALIZE_NONE || count == 0) return CONVO_OK;
    float *scratch = cv_alloc(size, sizeof *scratch);
    if (!scratch) return cv_no_memory(err, "the mean of the features");
    for (int pass = 0; pass < 2; pass++) // the mean, then the squared distances from it
        for (size_t k = 0; k < m->split.count[CONVO_TRAIN]; k++) {
            const float *x = cv_values_row(&m->values, (size_t)m->split.index[CONVO_TRAIN][k], size, scratch);
            for (size_t i = 0; i < size; i++) {
                const double d = (double)x[i] - sum / (double)count;
                if (pass == 0)
                    sum += (double)x[i];
                else
                    squares += d * d;
            }
        }
    free(scratch);
    *mean = (float)(sum / (double)count);
    *std = (float)sqrt(squares / (double)count);
    if (*std > 0 && isfinite(*std)) return CONVO_OK;
    return cv_fail(err, CONVO_NUMERIC, recipe->file,
                   "the features of the training part are all %g: they cannot be normalised", (double)*mean);
}

void cv_material_normalize(cv_material *m, float mean, float std) {
    if (mean == 0 && std == 1) return;
    cv_values_normalize(&m->values, m->rows, (size_t)cv_shape_size(m->shape), mean, std);
}
