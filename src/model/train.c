// convo_train and convo_evaluate: a recipe, its data and its net brought together.
#include "model/material.h"
#include "model/run_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The net with its initial weights; random is left where PyTorch's generator would be.
static convo_status make_net(const convo_recipe *recipe, const cv_material *m, cv_net **net, cv_random *random,
                             convo_error *err) {
    convo_status status = cv_recipe_net(recipe, m->isa, net, err);
    if (!status) status = cv_recipe_check_classes(recipe, *net, m->dataset->label_count, err);
    if (status) return status;
    cv_random_seed(random, (uint64_t)recipe->train.seed);
    return cv_net_init(*net, random, err);
}

static cv_training training_of(const convo_recipe *recipe, const cv_material *m, cv_net *net, cv_run_folder *folder) {
    const bool writes = folder->path != NULL;
    return (cv_training){
        .config = recipe->train,
        .loss = cv_op_find(m->isa, recipe->loss->name),
        .loss_config = recipe->loss_config,
        .optimizer = recipe->optimizer,
        .optimizer_config = recipe->optimizer_config,
        .schedule = recipe->schedule,
        .schedule_config = recipe->schedule_config,
        .net = net,
        .values = m->values,
        .label = m->label,
        .split = &m->split,
        .pool = m->pool,
        .step_done = writes ? cv_run_folder_step : NULL,
        .epoch_done = writes ? cv_run_folder_epoch : NULL,
        .checkpoint = writes ? cv_run_folder_checkpoint : NULL,
        .user = folder,
    };
}

static convo_status train(const convo_recipe *recipe, const convo_train_options *options, cv_material *m, cv_net *net,
                          const cv_random *random, cv_run_folder *folder, convo_train_result *result,
                          convo_error *err) {
    cv_train_state state;
    const cv_training training = training_of(recipe, m, net, folder);
    convo_status status = cv_train_state_new(&training, random, &state, err);
    if (status) return status;
    folder->moments = recipe->optimizer->moments;
    if (options->resume) status = cv_run_folder_resume(folder, net, &state, err);
    if (!status) status = cv_run_folder_begin(folder, !options->resume, err);
    if (!status) status = cv_train_run(&training, &state, options, result, err);
    cv_train_state_free(&state);
    result->seed = (uint64_t)recipe->train.seed;
    result->threads = cv_pool_size(m->pool);
    cv_print(result->isa, sizeof result->isa, "%s", m->isa->name);
    if (!status) folder->parts.test_accuracy = result->test.accuracy;
    if (!status && folder->path) status = cv_run_folder_end(folder, result, m->dataset, &m->split, err);
    return status;
}

convo_status convo_train(const convo_recipe *recipe, const convo_train_options *options, convo_train_result *result,
                         convo_model **model, convo_error *err) {
    static const convo_train_options none;
    convo_train_result unused;
    cv_material m = {0};
    cv_net *net = NULL;
    cv_random random;
    if (!recipe) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe is needed");
    if (!recipe->has_train)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "the recipe says nothing about training: add 'train: {optimizer: {sgd: {lr: 0.05}}}'");
    if (!options) options = &none;
    if (!result) result = &unused;
    if (model) *model = NULL;
    *result = (convo_train_result){0};
    if (options->resume && !options->out)
        return cv_fail(err, CONVO_ARGUMENT, "", "to resume, name the run folder to go on in");
    convo_status status = cv_material_load(recipe, options, &m, err);
    if (!status) status = make_net(recipe, &m, &net, &random, err);
    if (!status) status = cv_material_augment(recipe, options, &m, err);
    cv_run_folder folder = {.path = options->out, .stop = options->stop};
    if (!status) {
        folder.parts = (cv_model_parts){.recipe = recipe,
                                        .net = net,
                                        .labels = m.dataset->labels,
                                        .classes = m.dataset->label_count,
                                        .test_accuracy = NAN};
        status = cv_material_measure(recipe, &m, &folder.parts.mean, &folder.parts.std, err);
    }
    if (!status) {
        cv_material_normalize(&m, folder.parts.mean, folder.parts.std);
        status = train(recipe, options, &m, net, &random, &folder, result, err);
    }
    if (!status && model) status = cv_model_new(&folder.parts, model, err);
    cv_net_free(net);
    cv_material_free(&m);
    return status;
}

// --- evaluation ---------------------------------------------------------------------------------------------------

static convo_status copy_labels(const convo_model *model, convo_evaluation *e, convo_error *err) {
    const size_t n = (size_t)model->classes;
    e->classes = model->classes;
    e->labels = cv_alloc(n, sizeof *e->labels);
    e->confusion = cv_alloc(n * n, sizeof *e->confusion);
    if (!e->labels || !e->confusion) return cv_no_memory(err, "an evaluation");
    for (size_t k = 0; k < n; k++)
        if (!(e->labels[k] = cv_format("%s", model->labels[k]))) return cv_no_memory(err, "an evaluation");
    return CONVO_OK;
}

// The data set's labels must be the model's: a number means the same class in both.
static convo_status check_labels(const convo_model *model, const cv_dataset *d, convo_error *err) {
    bool same = d->label_count == model->classes;
    for (int k = 0; same && k < model->classes; k++) same = strcmp(d->labels[k], model->labels[k]) == 0;
    if (same) return CONVO_OK;
    return cv_fail(err, CONVO_SHAPE, d->folder, "its %d classes are not the %d that the model was trained on",
                   d->label_count, model->classes);
}

// The examples of a part, or all of them.
static convo_status rows_of(const cv_material *m, convo_part part, int32_t **rows, size_t *count, convo_error *err) {
    static const char *const names[] = {"training", "validation", "test"};
    *count = part == CONVO_ALL ? m->dataset->count : m->split.count[part];
    if (*count == 0) return cv_fail(err, CONVO_ARGUMENT, m->dataset->folder, "the %s part is empty", names[part]);
    if (!(*rows = cv_alloc(*count, sizeof **rows))) return cv_no_memory(err, "an evaluation");
    for (size_t i = 0; i < *count; i++) (*rows)[i] = part == CONVO_ALL ? (int32_t)i : m->split.index[part][i];
    return CONVO_OK;
}

static convo_status evaluate(convo_model *model, convo_part part, cv_material *m, convo_evaluation *e,
                             convo_error *err) {
    const convo_recipe *recipe = model->recipe;
    cv_net *net = NULL;
    cv_scorer *scorer = NULL;
    int32_t *rows = NULL, *prediction = NULL;
    size_t count = 0;
    convo_status status = rows_of(m, part, &rows, &count, err);
    if (!status && !(prediction = cv_alloc(count, sizeof *prediction))) status = cv_no_memory(err, "an evaluation");
    if (!status) status = cv_recipe_net(recipe, m->isa, &net, err);
    if (!status) status = cv_net_copy(model->net, net, err);
    if (!status)
        status = cv_scorer_new(net, cv_op_find(m->isa, recipe->loss->name), recipe->loss_config, m->pool, &scorer, err);
    if (!status) {
        cv_material_normalize(m, model->mean, model->std);
        e->score = cv_score(scorer, m->values, m->label, rows, count, prediction);
    }
    for (size_t i = 0; !status && i < count; i++) e->confusion[m->label[rows[i]] * e->classes + prediction[i]]++;
    cv_scorer_free(scorer);
    cv_net_free(net);
    free(rows);
    free(prediction);
    return status;
}

convo_status convo_evaluate(convo_model *model, convo_part part, const convo_train_options *options,
                            convo_evaluation *evaluation, convo_error *err) {
    cv_material m = {0};
    if (!model || !evaluation || part < CONVO_TRAIN || part > CONVO_ALL)
        return cv_fail(err, CONVO_ARGUMENT, "",
                       "an evaluation needs a model, a part of the data and room for the result");
    *evaluation = (convo_evaluation){0};
    const double began = cv_now();
    convo_status status = cv_material_load(model->recipe, options, &m, err);
    if (!status) status = check_labels(model, m.dataset, err);
    if (!status) status = copy_labels(model, evaluation, err);
    if (!status) status = evaluate(model, part, &m, evaluation, err);
    cv_material_free(&m);
    evaluation->seconds = cv_now() - began;
    if (status) convo_evaluation_free(evaluation);
    return status;
}

void convo_evaluation_free(convo_evaluation *e) {
    if (!e) return;
    for (int k = 0; e->labels && k < e->classes; k++) free(e->labels[k]);
    free(e->labels);
    free(e->confusion);
    *e = (convo_evaluation){0};
}
