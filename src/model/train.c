// convo_train: combines a recipe, its data and its net.
#include "base/ranks.h"
#include "data/parts.h"
#include "model/fake.h"
#include "model/finetune.h"
#include "model/material.h"
#include "model/teacher.h"
#include "model/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The instruction set that trains.
static const cv_isa *isa_for(const convo_recipe *recipe, const convo_train_options *options, const cv_isa *best) {
    const char *why;
    if (recipe->train.precision != CV_PRECISION_BF16) return best;
    const cv_isa *isa = cv_isa_in_bf16(best, &why);
    if (isa == best && options && options->note) options->note(why, options->user);
    return isa;
}

// The net with its initial weights; random is left where PyTorch's generator would be.
static convo_status make_net(const convo_recipe *recipe, const convo_train_options *options, const cv_material *m,
                             cv_net **net, cv_random *random, convo_error *err) {
    convo_status status = cv_recipe_net(recipe, isa_for(recipe, options, m->isa), net, err);
    int outputs;
    (void)cv_dataset_outputs(m->dataset, &outputs);
    if (!status && m->dataset->truth && !recipe->loss->by_output)
        status = cv_fail(err, CONVO_ARGUMENT, recipe->file,
                         "examples of this data set have several labels, or none: train them with 'loss: "
                         "binary_cross_entropy', not with %s",
                         recipe->loss->name);
    if (!status) status = cv_recipe_check_classes(recipe, *net, outputs, err);
    if (status) return status;
    cv_random_seed(random, (uint64_t)recipe->train.seed);
    return cv_net_init(*net, random, err);
}

static cv_training training_of(const convo_recipe *recipe, const cv_material *m, cv_net *net, cv_run_folder *folder) {
    const bool writes = folder->path != NULL;
    return (cv_training){
        .config = recipe->train,
        .loss = cv_op_find(net->isa, recipe->loss->name),
        .loss_config = recipe->loss_config,
        .optimizer = recipe->optimizer,
        .optimizer_config = recipe->optimizer_config,
        .schedule = recipe->schedule,
        .schedule_config = recipe->schedule_config,
        .net = net,
        .source = &m->source,
        .split = &m->split,
        .pool = m->pool,
        .ranks = folder->options->ranks,
        .step_done = writes ? cv_run_folder_step : NULL,
        .epoch_done = writes ? cv_run_folder_epoch : NULL,
        .checkpoint = writes ? cv_checkpoint_write : NULL,
        .user = folder,
    };
}

static convo_status train(const convo_recipe *recipe, const convo_train_options *options, cv_material *m, cv_net *net,
                          const cv_random *random, cv_run_folder *folder, convo_train_result *result,
                          convo_error *err) {
    cv_train_state state;
    cv_training training = training_of(recipe, m, net, folder);
    float *class_weight;
    convo_status status = cv_class_weights(recipe->train.class_weights, folder->parts.labels, folder->parts.classes,
                                           recipe->loss->by_output, &m->source, m->split.index[CONVO_TRAIN],
                                           m->split.count[CONVO_TRAIN], &class_weight, err);
    training.class_weight = class_weight;
    if (!status)
        status = cv_teacher_load(recipe, m, net, folder->parts.labels, folder->parts.classes, &training.teacher, err);
    if (!status) status = cv_train_state_new(&training, random, &state, err);
    if (status) goto done;
    folder->moments = cv_optimizer_moments(recipe->optimizer, &recipe->optimizer_config);
    folder->split = &m->split;
    folder->data = m->dataset->folder;
    if (options->ranks) options->ranks->stop = options->stop;
    status = cv_run_folder_begin(folder, options->resume, net, &state, err);
    if (!status) status = cv_train_spread(&training, &state, err);
    if (!status) status = cv_train_run(&training, &state, options, result, err);
    cv_train_state_free(&state);
    result->seed = (uint64_t)recipe->train.seed;
    result->threads = cv_pool_size(m->pool);
    result->reading = m->reading;
    cv_print(result->isa, sizeof result->isa, "%s", net->isa->name);
    if (!status) folder->parts.test_accuracy = result->test.accuracy;
    if (!status && folder->path) status = cv_run_folder_end(folder, result, m->dataset, err);
done:
    cv_teacher_free(&training.teacher);
    free(class_weight);
    return status;
}

// What is better said now than found in the results.
static convo_status note_found(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                               convo_error *err) {
    if (!options || !options->note) return CONVO_OK;
    const convo_status status = cv_material_check(recipe, m, err);
    const convo_finding *found = m->dataset->found.of;
    for (int kind = 0; kind < CV_FOUND_KINDS && !status; kind++)
        if (found[kind].count) options->note(found[kind].sentence, options->user);
    return status;
}

static convo_status tell_parts(const convo_train_options *options, const cv_material *m, convo_error *err) {
    if (!options || !options->parts) return CONVO_OK;
    convo_parts parts;
    const convo_status status = cv_parts_count(m->dataset, &m->split, &parts, err);
    if (!status) options->parts(&parts, options->user);
    convo_parts_free(&parts);
    return status;
}

// All that comes before the first step. The parts borrow from recipe, m and *net.
static convo_status prepare_training(const convo_recipe *recipe, const convo_train_options *options, cv_material *m,
                                     cv_net **net, cv_random *random, cv_model_parts *parts, convo_error *err) {
    convo_status status = cv_material_load(recipe, options, CONVO_TRAIN, m, err);
    if (!status) status = make_net(recipe, options, m, net, random, err);
    if (!status) status = tell_parts(options, m, err);
    if (!status) status = note_found(recipe, options, m, err);
    if (!status) status = cv_material_augment(recipe, options, m, err);
    if (status) return status;
    int classes;
    char *const *outputs = cv_dataset_outputs(m->dataset, &classes);
    *parts = (cv_model_parts){.recipe = recipe,
                              .net = *net,
                              .labels = outputs,
                              .classes = classes,
                              .normal = &m->normal,
                              .test_accuracy = NAN,
                              .examples = m->dataset->count};
    status = cv_material_measure(recipe, m, err);
    return status || !options ? status : cv_finetune(recipe, options, *net, &m->normal, err);
}

convo_status convo_train(const convo_recipe *recipe, const convo_train_options *options, convo_train_result *result,
                         convo_model **model, convo_error *err) {
    static const convo_train_options none;
    convo_train_result unused;
    cv_material m = {0};
    cv_net *net = NULL;
    char *ranges = NULL;
    cv_random random;
    if (!recipe) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe is required");
    if (!recipe->has_train)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "the recipe has no 'train' block: add 'train: {optimizer: {sgd: {lr: 0.05}}}'");
    if (!options) options = &none;
    if (options->in_floats && !recipe->train.quantize)
        return cv_fail(
            err, CONVO_ARGUMENT, recipe->file,
            "--float %.60s goes with 'quantize: int8' in train, without which all layers are in floats: add it, "
            "or omit --float",
            options->in_floats);
    if (!result) result = &unused;
    if (model) *model = NULL;
    *result = (convo_train_result){0};
    convo_train_options silent = *options;
    if (convo_ranks_rank(options->ranks) > 0) { // rank 0 writes and reports, what others resume from it knows
        silent.out = NULL;
        silent.resume = false;
        silent.note = NULL;
        silent.parts = NULL;
        silent.progress = NULL;
        silent.reading = NULL;
        options = &silent;
    } else if (options->resume && !options->out)
        return cv_fail(err, CONVO_ARGUMENT, "", "resuming needs the run folder to continue in");
    cv_run_folder folder = {.path = options->out, .options = options, .lock = -1};
    convo_recipe *measured;
    convo_status status = convo_recipe_measure(recipe, options, &measured, err);
    if (measured) recipe = measured;
    // Rank 0 fills the cache, if there is one; the others find it filled.
    if (cv_ranks_any(options->ranks) && options->ranks->rank > 0) cv_ranks_meet(options->ranks);
    if (!status) status = cv_ranks_state(options->ranks, err);
    if (!status) status = prepare_training(recipe, options, &m, &net, &random, &folder.parts, err);
    if (!status && cv_ranks_any(options->ranks) && options->ranks->rank == 0) cv_ranks_meet(options->ranks);
    if (!status && recipe->train.quantize) status = cv_fake_prepare(options, &m, &folder, &net, &ranges, err);
    if (!status) {
        cv_material_normalize(&m, &m.normal);
        status = train(recipe, options, &m, net, &random, &folder, result, err);
    }
    if (!status && model) status = cv_model_new(&folder.parts, model, err);
    cv_run_folder_leave(&folder);
    cv_net_free(net);
    free(ranges);
    cv_material_free(&m);
    convo_recipe_free(measured);
    return status;
}

convo_status convo_model_new(const convo_recipe *recipe, const convo_train_options *options, convo_model **model,
                             convo_error *err) {
    cv_material m = {0};
    cv_net *net = NULL;
    cv_random random;
    cv_model_parts parts;
    if (!recipe || !model) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the model are needed");
    *model = NULL;
    convo_recipe *measured;
    convo_status status = convo_recipe_measure(recipe, options, &measured, err);
    if (measured) recipe = measured;
    if (!status) status = prepare_training(recipe, options, &m, &net, &random, &parts, err);
    if (!status) status = cv_model_new(&parts, model, err);
    cv_net_free(net);
    cv_material_free(&m);
    convo_recipe_free(measured);
    return status;
}
