// From one recording to features, and to the probabilities of the classes.
#include "model/model.h"

#include "model/on_device.h"
#include "ship/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- features ---------------------------------------------------------------------------------------------------

convo_status convo_features(const convo_recipe *recipe, const char *path, convo_array *features, convo_error *err) {
    if (!recipe || !path || !features)
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, a path and an array are needed");
    *features = (convo_array){0};
    if (!recipe->feature)
        return cv_fail(err, CONVO_STATE, recipe->file, "the recipe has no 'features', its net reads arrays");
    cv_front *front;
    convo_status status = cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &front, err);
    if (status) return status;
    cv_shape shape = cv_front_shape(front);
    *features = (convo_array){.dims = shape.dims, .dim = {shape.c, shape.dims == 3 ? shape.h : shape.w, shape.w}};
    features->value = cv_alloc((size_t)cv_shape_size(shape), sizeof *features->value);
    status = features->value ? cv_front_compute_file(front, path, features->value, NULL, err) : cv_no_memory(err, path);
    cv_front_free(front);
    if (status) convo_array_free(features);
    return status;
}

// --- prediction -------------------------------------------------------------------------------------------------

convo_status convo_model_threads(convo_model *model, int threads, convo_error *err) {
    cv_pool *pool;
    if (!model) return cv_fail(err, CONVO_ARGUMENT, "", "a model is needed");
    const convo_status status = cv_pool_new(&pool, threads, err);
    if (status) return status;
    cv_runner_free(model->predictor.runner);
    cv_pool_free(model->predictor.pool);
    model->predictor.runner = NULL;
    model->predictor.pool = pool;
    return CONVO_OK;
}

void cv_predictor_free(cv_predictor *p) {
    cv_runner_free(p->runner);
    cv_pool_free(p->pool);
    free(p->features);
    free(p->outputs);
    free(p->work);
    cv_program_free(p->program);
    free(p->memory);
    free(p->samples);
    *p = (cv_predictor){0};
}

convo_status cv_predictor_prepare(const convo_model *model, cv_predictor *p, bool recording, convo_error *err) {
    if (recording && !model->front)
        return cv_fail(err, CONVO_STATE, model->recipe->file,
                       "this model has no front end: it reads arrays, not recordings");
    if (!model->recipe->loss->probabilities)
        return cv_fail(err, CONVO_STATE, model->recipe->file,
                       "a model trained with the loss '%s' gives no probabilities", model->recipe->loss->name);
    if (p->runner && p->features && p->outputs && p->work) return CONVO_OK;
    const size_t inputs = (size_t)cv_shape_size(model->net->input),
                 outputs = (size_t)cv_shape_size(cv_net_output(model->net));
    convo_status status = p->pool ? CONVO_OK : cv_pool_new(&p->pool, 1, err);
    if (!status && !p->runner)
        status = cv_runner_new(model->net, NULL, NULL, 1, CV_ONE_EXAMPLE, p->pool, &p->runner, err);
    if (status) return status;
    if (!p->features) p->features = cv_alloc(inputs, sizeof *p->features);
    if (!p->outputs) p->outputs = cv_alloc(outputs, sizeof *p->outputs);
    if (!p->work) p->work = cv_alloc_aligned(1 + (model->front ? cv_front_work(model->front) : 0), 1);
    return p->features && p->outputs && p->work ? CONVO_OK : cv_no_memory(err, "a prediction");
}

static convo_status check_outputs(const convo_model *model, const float *outputs, const char *where, convo_error *err) {
    for (int k = 0; k < (int)cv_shape_size(cv_net_output(model->net)); k++)
        if (!isfinite(outputs[k])) return cv_fail(err, CONVO_NUMERIC, where, "the net's outputs are not finite");
    return CONVO_OK;
}

convo_status cv_predictor_judge(const convo_model *model, cv_predictor *p, const char *where, float *probabilities,
                                convo_error *err) {
    CV_TRY(check_outputs(model, p->outputs, where, err));
    model->recipe->loss->probabilities(p->outputs, (int)cv_shape_size(cv_net_output(model->net)), probabilities);
    return CONVO_OK;
}

convo_status cv_predictor_see(const convo_model *model, cv_predictor *p, const char *where, float *probabilities,
                              convo_error *err) {
    const int32_t first = 0;
    const cv_batch batch = {.values = CV_FLOATS(p->features), .index = &first, .count = 1};
    cv_runner_forward(p->runner, &batch, p->outputs, NULL);
    return cv_predictor_judge(model, p, where, probabilities, err);
}

static convo_status run(const convo_model *model, cv_predictor *p, const char *where, float *probabilities,
                        convo_error *err) {
    cv_normal_apply(&model->normal, 0, (size_t)cv_shape_size(model->net->input), p->features);
    return cv_predictor_see(model, p, where, probabilities, err);
}

convo_status cv_predictor_hear(const convo_model *model, cv_predictor *p, const float *sample, size_t count,
                               const char *where, float *probabilities, convo_error *err) {
    if (p->program) {
        cv_device_samples(p, sample, count, p->outputs, probabilities);
        return check_outputs(model, p->outputs, where, err);
    }
    cv_front_compute_in(model->front, sample, count, p->work, p->features);
    return run(model, p, where, probabilities, err);
}

convo_status convo_model_predict(convo_model *model, const float *samples, size_t count, int rate, float *probabilities,
                                 convo_error *err) {
    if (!model || !samples || !count || rate <= 0 || !probabilities)
        return cv_fail(err, CONVO_ARGUMENT, "",
                       "a prediction needs a model, samples, their rate and room for the result");
    for (size_t i = 0; i < count; i++)
        if (!isfinite(samples[i])) return cv_fail(err, CONVO_NUMERIC, "", "sample %zu is not finite", i);
    float *resampled = NULL;
    convo_status status = cv_predictor_prepare(model, &model->predictor, true, err);
    if (!status && rate != cv_front_rate(model->front)) {
        status = cv_resample(samples, count, rate, cv_front_rate(model->front), &resampled, &count, err);
        samples = resampled;
    }
    if (!status) status = cv_sound_check(samples, count, "", err);
    if (!status) status = cv_predictor_hear(model, &model->predictor, samples, count, "", probabilities, err);
    free(resampled);
    return status;
}

convo_status convo_model_predict_heard(convo_model *model, const char *path, float *probabilities, convo_heard *heard,
                                       convo_error *err) {
    cv_sound sound = {0};
    if (!model || !path || !probabilities)
        return cv_fail(err, CONVO_ARGUMENT, "", "a prediction needs a model, a path and room for the result");
    convo_status status = cv_predictor_prepare(model, &model->predictor, true, err);
    if (!status) status = cv_sound_read(path, cv_front_rate(model->front), &sound, err);
    if (!status)
        status = cv_predictor_hear(model, &model->predictor, sound.sample, sound.count, path, probabilities, err);
    const int64_t length = (int64_t)sound.count;
    cv_sound_free(&sound);
    if (status || !heard) return status;
    const int64_t most = cv_front_samples(model->front);
    const double rate = cv_front_rate(model->front);
    *heard = (convo_heard){.seconds = (double)length / rate, .used = (double)(length < most ? length : most) / rate};
    return CONVO_OK;
}

convo_status convo_model_predict_file(convo_model *model, const char *path, float *probabilities, convo_error *err) {
    return convo_model_predict_heard(model, path, probabilities, NULL, err);
}

convo_status convo_model_predict_arrays(convo_model *model, const float *values, int64_t count, float *probabilities,
                                        convo_error *err) {
    if (!model || !values || !probabilities)
        return cv_fail(err, CONVO_ARGUMENT, "", "a prediction needs a model, values and room for the result");
    cv_predictor *p = &model->predictor;
    convo_status status = cv_predictor_prepare(model, p, false, err);
    const int64_t size = status ? 0 : cv_shape_size(model->net->input);
    for (int64_t i = 0; !status && i < count; i++) {
        float *row = probabilities + i * model->classes;
        if (p->program) {
            status = cv_device_values(model, values + i * size, "", p->outputs, row, err);
            if (!status) status = check_outputs(model, p->outputs, "", err);
            continue;
        }
        memcpy(p->features, values + i * size, (size_t)size * sizeof *values);
        status = run(model, p, "", row, err);
    }
    return status;
}
