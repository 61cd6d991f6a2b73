// Some examples of a recipe's data set, to look at.
#include "data/reading.h"
#include "model/material.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Which examples: those that are named, or some of a part.
static convo_status choose(const cv_material *m, const int64_t *index, convo_examples *e, convo_error *err) {
    const convo_part part = e->part;
    const size_t there = part == CONVO_ALL ? m->dataset->count : m->split.count[part];
    if (!index && (e->count < 0 || (size_t)e->count > there)) e->count = (int64_t)there;
    const size_t count = (size_t)e->count;
    e->index = cv_alloc(count, sizeof *e->index);
    e->truth = cv_alloc(count, sizeof *e->truth);
    e->file = cv_alloc(count, sizeof *e->file);
    e->start = cv_alloc(count, sizeof *e->start);
    e->seconds = cv_alloc(count, sizeof *e->seconds);
    if (!e->index || !e->truth || !e->file || !e->start || !e->seconds) return cv_no_memory(err, "examples");
    for (size_t i = 0; i < count; i++) {
        const size_t at = count ? i * there / count : 0;
        e->index[i] = index ? index[i] : part == CONVO_ALL ? (int64_t)at : m->split.index[part][at];
        if (e->index[i] < 0 || (size_t)e->index[i] >= m->dataset->count)
            return cv_fail(err, CONVO_ARGUMENT, m->dataset->folder, "it has %zu examples, none is number %" PRId64,
                           m->dataset->count, e->index[i]);
        const cv_example *example = &m->dataset->example[e->index[i]];
        e->truth[i] = example->label;
        e->start[i] = example->piece.start;
        e->seconds[i] = example->piece.seconds;
        if (example->path && !(e->file[i] = cv_format("%s", example->path))) return cv_no_memory(err, "examples");
    }
    return CONVO_OK;
}

// A data set of the chosen examples alone, borrowed from the whole, is read; values in memory are copied.
static convo_status read_chosen(const convo_recipe *recipe, const cv_material *m, convo_examples *e, convo_error *err) {
    const size_t count = (size_t)e->count, size = (size_t)cv_shape_size(m->shape);
    const cv_shape s = m->shape;
    e->values = (convo_array){.dims = s.dims + 1, .dim = {e->count, s.c, s.dims == 3 ? s.h : s.w, s.w}};
    if (cv_values_any(&m->dataset->values)) {
        if (!(e->values.value = cv_alloc(count, size * sizeof(float)))) return cv_no_memory(err, "examples");
        for (size_t i = 0; i < count; i++) {
            float *to = e->values.value + i * size;
            const float *row = cv_values_row(&m->dataset->values, (size_t)e->index[i], size, to);
            if (row != to) memcpy(to, row, size * sizeof *to);
        }
        return CONVO_OK;
    }
    cv_dataset chosen = *m->dataset;
    chosen.count = count;
    chosen.example = cv_alloc(count, sizeof *chosen.example);
    convo_status status = chosen.example ? CONVO_OK : cv_no_memory(err, "examples");
    for (size_t i = 0; !status && i < count; i++) chosen.example[i] = m->dataset->example[e->index[i]];
    if (!status)
        status = cv_dataset_read(&chosen, recipe->data, recipe->data_config, m->front, m->pool, &e->values.value, err);
    free(chosen.example);
    return status;
}

convo_status convo_examples_read(const convo_recipe *recipe, const convo_train_options *options, convo_part part,
                                 const int64_t *index, int64_t count, convo_examples *examples, convo_error *err) {
    cv_material m = {0};
    if (!recipe || !examples || part < CONVO_TRAIN || part > CONVO_HELD_OUT || (index && count < 0))
        return cv_fail(err, CONVO_ARGUMENT, "", "examples need a recipe, a part of the data and room for the result");
    *examples = (convo_examples){.count = count};
    convo_status status = cv_material_open(recipe, options, part, &m, err);
    if (!status) examples->part = cv_split_part(&m.split, part);
    if (!status && !index) cv_material_note(recipe, options, &m);
    if (!status) status = choose(&m, index, examples, err);
    if (!status) status = read_chosen(recipe, &m, examples, err);
    if (!status) { // handed over
        examples->classes = m.dataset->label_count;
        examples->labels = m.dataset->labels;
        m.dataset->labels = NULL;
        m.dataset->label_count = 0;
    }
    cv_material_free(&m);
    if (status) convo_examples_free(examples);
    return status;
}

void convo_examples_free(convo_examples *e) {
    if (!e) return;
    for (int64_t i = 0; e->file && i < e->count; i++) free(e->file[i]);
    for (int k = 0; k < e->classes; k++) free(e->labels[k]);
    free(e->file);
    free(e->start);
    free(e->seconds);
    free(e->labels);
    free(e->index);
    free(e->truth);
    convo_array_free(&e->values);
    *e = (convo_examples){0};
}
