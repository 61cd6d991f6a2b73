// Models for tests: from a recipe's text, with weights that all differ and running statistics as after a training.
#pragma once

#include "model/model.h"
#include "support.h"

static inline convo_recipe *make_recipe(const char *text) {
    convo_recipe *recipe;
    convo_error err = {0};
    must(convo_recipe_parse(text, strlen(text), "made", &recipe, &err), &err);
    return recipe;
}

static inline void fill_buffers(cv_net *net) {
    for (int t = 0; t < net->tensors; t++) {
        const cv_net_tensor *tensor = &net->tensor[t];
        float *values = test_memory(tensor->size, sizeof *values);
        cv_net_read(net, t, values);
        const bool var = !strcmp(tensor->spec.name, "running_var"), scale = tensor->spec.init == CV_INIT_ONE;
        for (size_t i = 0; i < tensor->size; i++)
            if (tensor->spec.integer)
                values[i] = 7;
            else if (tensor->spec.buffer || scale || tensor->spec.init == CV_INIT_ZERO)
                values[i] = made_up((uint32_t)t, (uint32_t)i) / 2 + (var || scale ? 1 : 0);
        cv_net_write(net, t, values);
        free(values);
    }
}

static inline convo_model *make_model(const char *text, int classes) {
    static char *names[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
    convo_recipe *recipe = make_recipe(text);
    convo_error err = {0};
    cv_net *net;
    convo_model *model;
    cv_random random;
    must(cv_recipe_net(recipe, cv_isa_find(NULL), &net, &err), &err);
    cv_random_seed(&random, 5);
    must(cv_net_init(net, &random, &err), &err);
    fill_buffers(net);
    cv_normal normal;
    must(cv_recipe_normal(recipe, net->input, &normal, &err), &err);
    const cv_model_parts parts = {recipe, net, names, classes, &normal, NAN, NULL, NULL, 0};
    must(cv_model_new(&parts, &model, &err), &err);
    cv_normal_free(&normal);
    cv_net_free(net);
    convo_recipe_free(recipe);
    return model;
}

// The net's outputs to `count` inputs, not yet normalised: [count][outputs], freed by the caller.
static inline float *model_outputs(const convo_model *model, const float *inputs, int count) {
    const size_t size = (size_t)cv_shape_size(model->net->input),
                 outputs = (size_t)cv_shape_size(cv_net_output(model->net));
    float *x = test_memory(size * (size_t)count, sizeof *x), *y = test_memory(outputs * (size_t)count, sizeof *y);
    int32_t *index = test_memory((size_t)count, sizeof *index);
    convo_error err = {0};
    cv_runner *runner;
    cv_pool *pool = make_pool(1);
    memcpy(x, inputs, size * (size_t)count * sizeof *x);
    for (size_t k = 0; k < (size_t)count; k++) cv_normal_apply(&model->normal, 0, size, x + k * size);
    for (int k = 0; k < count; k++) index[k] = k;
    must(cv_runner_new(model->net, NULL, NULL, count, 0, pool, &runner, &err), &err);
    const cv_batch batch = {.values = CV_FLOATS(x), .index = index, .count = count};
    cv_runner_forward(runner, &batch, y, NULL);
    cv_runner_free(runner);
    cv_pool_free(pool);
    free(index);
    free(x);
    return y;
}

static inline void write_npy(const char *path, const float *values, int count, cv_shape shape) {
    const int64_t dim[] = {count, shape.c, shape.dims == 3 ? shape.h : shape.w, shape.w};
    convo_error err = {0};
    convo_array array = {.dims = shape.dims + 1, .value = (float *)(uintptr_t)values};
    memcpy(array.dim, dim, sizeof dim);
    must(convo_array_save(&array, path, &err), &err);
}
