// convo_evaluate: a model, scored on a part of its data.
#include "model/on_device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static convo_status copy_labels(const convo_model *model, bool several, convo_evaluation *e, convo_error *err) {
    const size_t n = (size_t)model->classes;
    if (n > CV_LIMIT_CONFUSED)
        return cv_fail(err, CONVO_LIMIT, model->recipe->file,
                       "%zu classes are too many for a table of confusions, which is made for at most %d", n,
                       CV_LIMIT_CONFUSED);
    size_t squared;
    e->classes = model->classes;
    e->labels = cv_alloc(n, sizeof *e->labels);
    if (!several) e->confusion = cv_mul(n, n, &squared) ? cv_alloc(squared, sizeof *e->confusion) : NULL;
    if (!e->labels || (!several && !e->confusion)) return cv_no_memory(err, "an evaluation");
    for (size_t k = 0; k < n; k++)
        if (!(e->labels[k] = cv_format("%s", model->labels[k]))) return cv_no_memory(err, "an evaluation");
    return CONVO_OK;
}

static int class_of(const convo_model *model, const char *label) {
    int k = 0;
    while (k < model->classes && strcmp(model->labels[k], label) != 0) k++;
    return k;
}

// Classes without a name: numbers, of which the model has none.
static bool is_numbered(const convo_model *model, const cv_dataset *d) {
    char number[16];
    int count;
    char *const *names = cv_dataset_outputs(d, &count);
    for (int k = 0; k < count; k++) {
        cv_print(number, sizeof number, "%d", k);
        if (strcmp(names[k], number) != 0) return false;
    }
    return class_of(model, "0") == model->classes && count <= model->classes;
}

// What is true for each label of the data set, in the order of the model's outputs.
static convo_status map_truth(const convo_model *model, cv_dataset *d, const int32_t *map, convo_error *err) {
    const size_t classes = (size_t)model->classes, outputs = (size_t)d->output_count;
    size_t size;
    if (!model->recipe->loss->by_output)
        return cv_fail(err, CONVO_SHAPE, d->folder,
                       "its examples have several labels, or none: the model was trained to give one, with %s",
                       model->recipe->loss->name);
    uint8_t *truth = cv_mul((size_t)d->label_count, classes, &size) ? cv_alloc(size, 1) : NULL;
    if (!truth) return cv_no_memory(err, "labels");
    for (size_t k = 0; k < (size_t)d->label_count; k++)
        for (size_t j = 0; j < outputs; j++)
            if (d->truth[k * outputs + j]) truth[k * classes + (size_t)map[j]] = 1;
    free(d->truth);
    d->truth = truth;
    return CONVO_OK;
}

// From the data set's classes, all or some of the model's, to those of the model: by name, else by number.
static convo_status map_labels(const convo_model *model, cv_material *m, convo_error *err) {
    cv_dataset *d = m->dataset;
    const bool numbered = is_numbered(model, d);
    int count;
    char *const *names = cv_dataset_outputs(d, &count);
    int32_t *map = cv_alloc((size_t)count, sizeof *map);
    convo_status status = map ? CONVO_OK : cv_no_memory(err, "labels");
    for (int k = 0; k < count && !status; k++) {
        map[k] = numbered ? k : class_of(model, names[k]);
        if (map[k] == model->classes)
            status = cv_fail(err, CONVO_SHAPE, d->folder,
                             "its class '%s' is none of the %d that the model was "
                             "trained on, '%s' for one",
                             names[k], model->classes, model->labels[0]);
    }
    if (!status && d->truth) status = map_truth(model, d, map, err);
    for (size_t i = 0; i < d->count && !status && !d->truth; i++) m->label[i] = map[m->label[i]];
    m->source.truth = d->truth;
    free(map);
    return status;
}

// Where the examples are from: files and groups.
static convo_status copy_origins(const cv_dataset *d, convo_evaluation *e, convo_error *err) {
    const size_t count = (size_t)e->score.count;
    e->groups = d->group_count;
    e->file = cv_alloc(count, sizeof *e->file);
    e->group = cv_alloc(count, sizeof *e->group);
    e->group_name = cv_alloc((size_t)e->groups, sizeof *e->group_name);
    bool ok = e->file && e->group && e->group_name;
    for (size_t i = 0; ok && i < count; i++) {
        const cv_example *example = &d->example[e->index[i]];
        e->group[i] = example->group;
        ok = !example->path || (e->file[i] = cv_format("%s", example->path));
    }
    for (int k = 0; ok && k < e->groups; k++) ok = (e->group_name[k] = cv_format("%s", d->groups[k]));
    return ok ? CONVO_OK : cv_no_memory(err, "an evaluation");
}

// The examples of a part, or all of them, and room for what the model says about each.
static convo_status list_examples(const cv_material *m, convo_part part, const convo_model *model, int32_t **rows,
                                  convo_evaluation *e, convo_error *err) {
    const size_t count = part == CONVO_ALL ? m->dataset->count : m->split.count[part];
    if (count == 0) return cv_fail(err, CONVO_ARGUMENT, m->dataset->folder, "the %s part is empty", cv_part_name(part));
    e->outputs = (int)cv_shape_size(cv_net_output(model->net));
    *rows = cv_alloc(count, sizeof **rows);
    e->index = cv_alloc(count, sizeof *e->index);
    const uint8_t *truth = m->source.truth;
    const size_t classes = (size_t)e->classes;
    if (truth) {
        e->truths = cv_alloc(count, classes);
        e->answers = cv_alloc(count, classes);
    } else {
        e->truth = cv_alloc(count, sizeof *e->truth);
        e->predicted = cv_alloc(count, sizeof *e->predicted);
    }
    e->logits = cv_alloc(count, (size_t)e->outputs * sizeof *e->logits);
    if (model->recipe->loss->probabilities)
        e->probabilities = cv_alloc(count, (size_t)e->classes * sizeof *e->probabilities);
    if (!*rows || !e->index || !(truth ? e->truths && e->answers : e->truth && e->predicted) || !e->logits ||
        !e->probabilities != !model->recipe->loss->probabilities)
        return cv_no_memory(err, "an evaluation");
    size_t listed = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t row = part == CONVO_ALL ? (int32_t)i : m->split.index[part][i];
        if (cv_material_lacks(m, (size_t)row)) continue;
        e->index[listed] = (*rows)[listed] = row;
        if (truth)
            memcpy(e->truths + listed * classes, truth + (size_t)m->label[row] * classes, classes);
        else
            e->truth[listed] = m->label[row];
        listed++;
    }
    e->score.count = (int64_t)listed;
    return copy_origins(m->dataset, e, err);
}

// From the net's outputs to classes.
static convo_status judge(const convo_model *model, const cv_material *m, convo_evaluation *e, convo_error *err) {
    for (int64_t i = 0; i < e->score.count; i++) {
        const float *logits = e->logits + i * e->outputs;
        for (int k = 0; k < e->classes && e->truths; k++) e->answers[i * e->classes + k] = logits[k] > 0;
        if (!e->truths) {
            e->predicted[i] = cv_class_of(logits, e->outputs);
            e->confusion[e->truth[i] * e->classes + e->predicted[i]]++;
        }
        if (e->probabilities && !model->predictor.program) // a device has computed its own
            model->recipe->loss->probabilities(logits, e->outputs, e->probabilities + i * e->classes);
    }
    if (isfinite(e->score.loss)) return CONVO_OK;
    return cv_fail(err, CONVO_NUMERIC, m->dataset->folder,
                   "the loss over these examples is not finite: the model, or a number in the data, is far too large");
}

static convo_status evaluate(convo_model *model, convo_part part, const convo_train_options *options, cv_material *m,
                             convo_evaluation *e, convo_error *err) {
    const convo_recipe *recipe = model->recipe;
    cv_net *net = NULL;
    cv_scorer *scorer = NULL;
    int32_t *rows = NULL;
    convo_status status = list_examples(m, part, model, &rows, e, err);
    if (model->predictor.program) {
        if (!status) status = cv_device_score(model, m, rows, options, e, err);
        if (!status) status = judge(model, m, e, err);
        free(rows);
        return status;
    }
    if (!status) status = cv_recipe_net(recipe, m->isa, &net, err);
    if (!status) status = cv_net_copy(model->net, net, err);
    if (!status)
        status = cv_scorer_new(NULL, net, cv_op_find(m->isa, recipe->loss->name), recipe->loss_config, &m->source,
                               m->pool, &scorer, err);
    if (!status) {
        cv_material_normalize(m, &model->normal);
        cv_scorer_tell(scorer, options->scoring, options->user);
        status = cv_score(scorer, rows, (size_t)e->score.count, e->logits, &e->score, err);
    }
    if (!status) status = judge(model, m, e, err);
    cv_scorer_free(scorer);
    cv_net_free(net);
    free(rows);
    return status;
}

convo_status convo_evaluate(convo_model *model, convo_part part, const convo_train_options *options,
                            convo_evaluation *evaluation, convo_error *err) {
    static const convo_train_options none;
    cv_material m = {0};
    if (!model || !evaluation || part < CONVO_TRAIN || part > CONVO_HELD_OUT)
        return cv_fail(err, CONVO_ARGUMENT, "",
                       "an evaluation needs a model, a part of the data and room for the result");
    if (!options) options = &none;
    *evaluation = (convo_evaluation){0};
    const double began = cv_now();
    convo_status status = cv_material_load(model->recipe, options, part, &m, err);
    if (!status) cv_material_note(model->recipe, options, &m);
    if (!status && options->note)
        for (cv_finding kind = CV_FOUND_LEFT_OUT; kind <= CV_FOUND_LONG; kind++) {
            const convo_finding *found = &m.dataset->found.of[kind];
            if (found->count) options->note(found->sentence, options->user);
        }
    if (!status) status = map_labels(model, &m, err);
    if (!status) status = copy_labels(model, m.source.truth, evaluation, err);
    if (!status) evaluation->part = cv_split_part(&m.split, part);
    const double read = cv_now();
    if (!status) status = evaluate(model, evaluation->part, options, &m, evaluation, err);
    evaluation->scoring = cv_now() - read;
    evaluation->reading = m.reading;
    cv_material_free(&m);
    evaluation->seconds = cv_now() - began;
    if (status) convo_evaluation_free(evaluation);
    return status;
}

void convo_evaluation_free(convo_evaluation *e) {
    if (!e) return;
    for (int k = 0; e->labels && k < e->classes; k++) free(e->labels[k]);
    for (int64_t i = 0; e->file && i < e->score.count; i++) free(e->file[i]);
    for (int k = 0; e->group_name && k < e->groups; k++) free(e->group_name[k]);
    free(e->file);
    free(e->group);
    free(e->group_name);
    free(e->labels);
    free(e->confusion);
    free(e->index);
    free(e->truth);
    free(e->predicted);
    free(e->truths);
    free(e->answers);
    free(e->logits);
    free(e->probabilities);
    *e = (convo_evaluation){0};
}
