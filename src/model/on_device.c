// A model run as a device runs it: src/ship turns it into calls of the kernels of src/device.
#include "model/on_device.h"

#include "audio/sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

convo_status cv_model_program(const convo_model *model, bool i8, cv_program **program, convo_error *err) {
    const cv_model_parts parts = cv_model_parts_of(model);
    const cv_ship ship = cv_ship_of(&parts);
    cv_program *floats;
    *program = NULL;
    if (i8 && !model->range)
        return cv_fail(err, CONVO_STATE, model->recipe->file,
                       "the ranges of its values are not measured yet: call convo_model_quantize first");
    CV_TRY(cv_program_new(&ship, &floats, err));
    if (!i8) {
        *program = floats;
        return CONVO_OK;
    }
    const convo_status status = cv_program_quantize(floats, model->range, program, err);
    cv_program_free(floats);
    return status;
}

convo_status cv_predictor_run_on(const convo_model *model, cv_predictor *p, convo_machine machine, convo_error *err) {
    cv_program *program = NULL;
    void *memory = NULL;
    int16_t *samples = NULL;
    if (machine != CONVO_HOST) {
        CV_TRY(cv_model_program(model, machine == CONVO_DEVICE_INT8, &program, err));
        memory = cv_alloc_aligned(program->memory, 1);
        samples = cv_alloc((size_t)program->f32_front.samples + 1, sizeof *samples);
        if (!memory || !samples) {
            cv_program_free(program);
            free(memory);
            free(samples);
            return cv_no_memory(err, "the memory of a device");
        }
    }
    cv_program_free(p->program);
    free(p->memory);
    free(p->samples);
    p->program = program;
    p->memory = memory;
    p->samples = samples;
    return CONVO_OK;
}

convo_status convo_model_run_on(convo_model *model, convo_machine machine, convo_error *err) {
    if (!model || machine < CONVO_HOST || machine > CONVO_DEVICE_INT8)
        return cv_fail(err, CONVO_ARGUMENT, "", "a model runs on the host or in its form for a device");
    CV_TRY(cv_predictor_run_on(model, &model->predictor, machine, err));
    model->machine = machine;
    return CONVO_OK;
}

cv_ship cv_ship_of(const cv_model_parts *parts) {
    return (cv_ship){.recipe = parts->recipe,
                     .net = parts->net,
                     .labels = parts->labels,
                     .classes = parts->classes,
                     .mean = *parts->normal->mean,
                     .std = *parts->normal->std,
                     .normal = cv_normal_count(parts->normal) > 1 ? parts->normal : NULL};
}

void cv_device_round(const float *sample, size_t count, int16_t *out) {
    for (size_t i = 0; i < count; i++) {
        const float v = rintf(sample[i] * 32768);
        out[i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
    }
}

void cv_device_samples(cv_predictor *p, const float *sample, size_t count, float *logits, float *probabilities) {
    const size_t most = (size_t)p->program->f32_front.samples, used = count < most ? count : most;
    cv_device_round(sample, used, p->samples);
    const cv_device_input input = {.sample = p->samples, .count = used};
    cv_program_run(p->program, &input, p->memory, logits, probabilities);
}

convo_status cv_device_values(convo_model *model, const float *values, const char *where, float *logits,
                              float *probabilities, convo_error *err) {
    const cv_predictor *p = &model->predictor;
    if (p->program->front)
        return cv_fail(err, CONVO_STATE, where,
                       "a model with a front end, run as on a device, hears recordings and no features");
    cv_program_run(p->program, &(cv_device_input){.values = values}, p->memory, logits, probabilities);
    return CONVO_OK;
}

// --- a part of a data set -----------------------------------------------------------------------------------------

// One example into one row of logits and of probabilities.
static convo_status score_one(convo_model *model, const cv_material *m, int32_t row, float *scratch, float *logits,
                              float *probabilities, convo_error *err) {
    const cv_example *example = &m->dataset->example[row];
    const char *where = example->path ? example->path : m->dataset->folder;
    if (!model->predictor.program->front) {
        const size_t size = (size_t)cv_shape_size(model->net->input);
        return cv_device_values(model, cv_values_row(&m->values, (size_t)row, size, scratch), where, logits,
                                probabilities, err);
    }
    cv_sound sound;
    CV_TRY(cv_sound_read_piece(example->path, &example->piece, model->recipe->rate, &sound, err));
    cv_device_samples(&model->predictor, sound.sample, sound.count, logits, probabilities);
    cv_sound_free(&sound);
    return CONVO_OK;
}

// The loss of one example, by the op that training used.
static double loss_of(const convo_model *model, const cv_material *m, const float *logits, int outputs, int32_t truth,
                      float *lanes /* [outputs + 1] of them */) {
    const cv_isa *isa = m->isa;
    const cv_op *loss = cv_op_find(isa, model->recipe->loss->name);
    int32_t label[CV_MAX_LANES];
    for (int l = 0; l < isa->lanes; l++) {
        label[l] = truth;
        for (int k = 0; k < outputs; k++) lanes[k * isa->lanes + l] = logits[k];
    }
    float *y = lanes + outputs * isa->lanes;
    const cv_pass pass = {.config = model->recipe->loss_config,
                          .in = {1, outputs, 1, 1},
                          .out = {1, 1, 1, 1},
                          .x = {lanes},
                          .y = y,
                          .active = 1,
                          .label = label,
                          .truth = m->source.truth,
                          .scale = 1};
    loss->forward(&pass);
    return (double)y[0];
}

convo_status cv_device_score(convo_model *model, const cv_material *m, const int32_t *rows,
                             const convo_train_options *options, convo_evaluation *e, convo_error *err) {
    const int64_t count = e->score.count;
    float *scratch = cv_alloc((size_t)cv_shape_size(model->net->input), sizeof *scratch);
    float *lanes = cv_alloc_aligned((size_t)(e->outputs + 1) * CV_MAX_LANES, sizeof *lanes);
    convo_status status = scratch && lanes ? CONVO_OK : cv_no_memory(err, "an evaluation");
    double loss = 0;
    e->score.correct = 0;
    for (int64_t i = 0; !status && i < count; i++) {
        float *logits = e->logits + i * e->outputs;
        status = score_one(model, m, rows[i], scratch, logits, e->probabilities + i * e->classes, err);
        if (status) break;
        const int32_t label = m->label[rows[i]];
        e->score.correct += cv_is_right(logits, e->outputs, label, m->source.truth);
        loss += loss_of(model, m, logits, e->outputs, label, lanes);
        if (options->scoring) options->scoring(i + 1, count, options->user);
    }
    if (count) {
        e->score.loss = loss / (double)count;
        e->score.accuracy = (double)e->score.correct / (double)count;
    }
    free(scratch);
    free(lanes);
    return status;
}
