// A small training: a task made of numbers that golden/make.py makes too, a net, and everything cv_train_run asks for.
#pragma once

#include "support.h"
#include "train/train.h"

enum { LESSON_SEED = 7, LESSON_LABEL = 4, LESSON_PATTERN = 30, LESSON_NOISE = 31, MAX_RECORDS = 1024 };

typedef struct syllabus {
    const char *name;
    const layer *layers;
    cv_shape input;
    int classes, examples, validation; // the last `validation` examples are the validation part
    float noise, scale;                // share of noise in the inputs; what they are multiplied by
    const char *loss, *loss_options, *optimizer, *optimizer_options, *schedule, *schedule_options;
    const float *class_weight;
    struct { // a net like that of the lesson with other weights; inputs are divided by std for it, 0: no teacher
        double temperature, weight;
        float std;
    } teacher;
    const uint8_t *truth; // [classes][outputs], where labels are not outputs
    cv_train_config train;
} syllabus;

typedef struct lesson {
    const syllabus *syllabus;
    cv_net *net;
    cv_training training;
    cv_train_state state;
    op_config loss_config;
    cv_split split;
    cv_values values;
    cv_source source; // of values and label
    int32_t *label;
    cv_pool *pool;
    convo_train_result result;
    convo_error err;
    volatile int stop;
    int64_t stop_after;       // steps
    double loss[MAX_RECORDS]; // of every step
    int64_t steps;
    cv_epoch epoch[MAX_RECORDS];
    int epochs;
    float *epoch_values; // [net->total] after the best epoch so far
    cv_train_state saved;
    float *saved_values; // of the last checkpoint
} lesson;

// Every class has its pattern; noise is added to it.
static inline void make_task(lesson *l) {
    const syllabus *s = l->syllabus;
    const int64_t size = cv_shape_size(s->input);
    l->values.value = test_memory((size_t)(s->examples * size), sizeof(float));
    l->label = test_memory((size_t)s->examples, sizeof *l->label);
    for (int n = 0; n < s->examples; n++) {
        l->label[n] = made_up_class(LESSON_LABEL, (uint32_t)n, s->classes);
        for (int64_t i = 0; i < size; i++) {
            const float pattern = (1 - s->noise) * made_up(LESSON_PATTERN, (uint32_t)(l->label[n] * size + i));
            l->values.value[n * size + i] =
                s->scale * (pattern + s->noise * made_up(LESSON_NOISE, (uint32_t)(n * size + i)));
        }
    }
    for (int k = 0; k < 3; k++) l->split.index[k] = test_memory((size_t)s->examples, sizeof(int32_t));
    l->split.count[CONVO_TRAIN] = (size_t)(s->examples - s->validation);
    l->split.count[CONVO_VALIDATION] = (size_t)s->validation;
    for (int n = 0; n < s->examples; n++) {
        const int part = n < s->examples - s->validation ? CONVO_TRAIN : CONVO_VALIDATION;
        l->split.index[part][part == CONVO_TRAIN ? n : n - (s->examples - s->validation)] = n;
    }
}

static inline const cv_optimizer *find_optimizer(const char *name) {
    for (size_t k = 0; cv_optimizer_at(k); k++)
        if (strcmp(cv_optimizer_at(k)->name, name) == 0) return cv_optimizer_at(k);
    fail_msg("there is no optimiser %s", name);
    return NULL;
}

static inline const cv_schedule *find_schedule(const char *name) {
    for (size_t k = 0; cv_schedule_at(k); k++)
        if (strcmp(cv_schedule_at(k)->name, name) == 0) return cv_schedule_at(k);
    fail_msg("there is no schedule %s", name);
    return NULL;
}

static inline void copy_state(cv_train_state *to, const cv_train_state *from, const cv_net *net) {
    float *moment[2] = {to->moment[0], to->moment[1]}, *best = to->best, *average = to->average;
    for (int k = 0; k < 2; k++)
        if (from->moment[k]) memcpy(moment[k], from->moment[k], net->trained * sizeof(float));
    if (from->best) memcpy(best, from->best, net->total * sizeof(float));
    if (from->average) memcpy(average, from->average, net->total * sizeof(float));
    *to = *from;
    to->moment[0] = moment[0];
    to->moment[1] = moment[1];
    to->best = best;
    to->average = average;
}

static inline convo_status lesson_step(void *user, const cv_step_record *record, convo_error *err) {
    lesson *l = user;
    (void)err;
    assert_in_range(record->step, 1, MAX_RECORDS);
    l->loss[record->step - 1] = record->train.loss;
    l->steps = record->step;
    l->stop = record->step == l->stop_after;
    return CONVO_OK;
}

static inline convo_status lesson_epoch(void *user, const cv_epoch *epoch, convo_error *err) {
    lesson *l = user;
    (void)err;
    assert_in_range(l->epochs, 0, MAX_RECORDS - 1);
    l->epoch[l->epochs++] = *epoch;
    if (epoch->best) memcpy(l->epoch_values, l->net->values, l->net->total * sizeof(float));
    return CONVO_OK;
}

static inline convo_status lesson_checkpoint(void *user, const cv_train_state *state, convo_error *err) {
    lesson *l = user;
    (void)err;
    copy_state(&l->saved, state, l->net);
    memcpy(l->saved_values, l->net->values, l->net->total * sizeof(float));
    return CONVO_OK;
}

static inline void lesson_new(lesson *l, const syllabus *s, const cv_isa *isa, int threads) {
    cv_random random;
    cv_random_seed(&random, LESSON_SEED);
    *l = (lesson){.syllabus = s, .net = make_net(isa, s->input, s->layers), .pool = make_pool(threads)};
    make_task(l);
    must(cv_net_init(l->net, &random, &l->err), &l->err);
    const cv_op *loss = cv_op_find(isa, s->loss);
    l->loss_config = op_options(loss, s->loss_options);
    l->source = (cv_source){
        .values = &l->values, .size = (size_t)cv_shape_size(s->input), .label = l->label, .truth = s->truth};
    l->training = (cv_training){.config = s->train,
                                .loss = loss,
                                .loss_config = l->loss_config.bytes,
                                .class_weight = s->class_weight,
                                .net = l->net,
                                .source = &l->source,
                                .split = &l->split,
                                .pool = l->pool,
                                .step_done = lesson_step,
                                .epoch_done = lesson_epoch,
                                .checkpoint = lesson_checkpoint,
                                .user = l,
                                .optimizer = find_optimizer(s->optimizer),
                                .schedule = find_schedule(s->schedule)};
    l->training.config.record_every = 1;
    l->training.config.record_validation = true;
    if (s->teacher.std != 0) {
        const size_t row[3] = {(size_t)s->input.c, (size_t)s->input.h, (size_t)s->input.w};
        struct cv_teacher *t = &l->training.teacher;
        cv_random other;
        cv_random_seed(&other, LESSON_SEED + 1);
        *t = (struct cv_teacher){.temperature = s->teacher.temperature, .weight = s->teacher.weight};
        t->net = make_net(isa, s->input, s->layers);
        must(cv_net_init(t->net, &other, &l->err), &l->err);
        assert_true(cv_normal_one(row, 0, s->teacher.std, &t->again));
    }
    read_options(l->training.optimizer->schema, s->optimizer, s->optimizer_options, &l->training.optimizer_config);
    read_options(l->training.schedule->schema, s->schedule, s->schedule_options, &l->training.schedule_config);
    must(cv_train_state_new(&l->training, &random, &l->state, &l->err), &l->err);
    must(cv_train_state_new(&l->training, &random, &l->saved, &l->err), &l->err);
    l->saved_values = test_memory(l->net->total, sizeof(float));
    l->epoch_values = test_memory(l->net->total, sizeof(float));
}

static inline void lesson_free(lesson *l) {
    cv_train_state_free(&l->state);
    cv_train_state_free(&l->saved);
    cv_net_free(l->net);
    cv_net_free(l->training.teacher.net);
    cv_normal_free(&l->training.teacher.again);
    cv_pool_free(l->pool);
    for (int k = 0; k < 3; k++) free(l->split.index[k]);
    cv_values_free(&l->values);
    free(l->label);
    free(l->saved_values);
    free(l->epoch_values);
}

static inline convo_status lesson_run(lesson *l) {
    const convo_train_options options = {.stop = &l->stop};
    l->stop = 0;
    l->result = (convo_train_result){0};
    return cv_train_run(&l->training, &l->state, &options, &l->result, &l->err);
}

// --- the nets of golden/make.py -----------------------------------------------------------------------------------

static const layer tiny_layers[] = {{"0", "linear", "{out: 5}", {FROM_INPUT}},
                                    {"1", "tanh", NULL, {0}},
                                    {"2", "linear", "{out: 3}", {0}},
                                    {.op = NULL}};

// The net of recipes/fsdd-mfcc.yaml.
static const layer course_layers[] = {{"0", "conv1d", "{out: 16, kernel: 3, padding: 1}", {FROM_INPUT}},
                                      {"1", "relu", NULL, {0}},
                                      {"2", "avgpool1d", "{kernel: 2}", {0}},
                                      {"3", "conv1d", "{out: 32, kernel: 3, padding: 1}", {0}},
                                      {"4", "relu", NULL, {0}},
                                      {"5", "avgpool1d", "{kernel: 2}", {0}},
                                      {"6", "conv1d", "{out: 64, kernel: 3, padding: 1}", {0}},
                                      {"7", "relu", NULL, {0}},
                                      {"8", "avgpool1d", "{kernel: 2}", {0}},
                                      {"9", "flatten", NULL, {0}},
                                      {"10", "linear", "{out: 32}", {0}},
                                      {"11", "relu", NULL, {0}},
                                      {"12", "linear", "{out: 10}", {0}},
                                      {.op = NULL}};

static const layer modern_layers[] = {{"0", "conv1d", "{out: 12, kernel: 5, padding: 2}", {FROM_INPUT}},
                                      {"1", "batchnorm", NULL, {0}},
                                      {"2", "relu", NULL, {0}},
                                      {"3", "dropout", "{p: 0.3}", {0}},
                                      {"4", "maxpool1d", "{kernel: 2}", {0}},
                                      {"5.body.0", "conv1d", "{out: 12, kernel: 3, padding: 1}", {0}},
                                      {"5.body.1", "batchnorm", NULL, {0}},
                                      {"5", "add", NULL, {7, 5}},
                                      {"6", "relu", NULL, {0}},
                                      {"7", "flatten", NULL, {0}},
                                      {"8", "dropout", "{p: 0.5}", {0}},
                                      {"9", "linear", "{out: 10}", {0}},
                                      {.op = NULL}};

#define TINY                                                                                                           \
    .layers = tiny_layers, .input = {1, 6, 1, 1}, .classes = 3, .noise = 0.75f, .scale = 1, .loss = "cross_entropy"
#define COURSE                                                                                                         \
    .layers = course_layers, .input = {2, 5, 1, 24}, .classes = 10, .noise = 0.25f, .scale = 10,                       \
    .loss = "cross_entropy", .optimizer = "sgd", .optimizer_options = "{lr: 0.05}", .schedule = "constant"
#define MODERN                                                                                                         \
    .layers = modern_layers, .input = {2, 5, 1, 24}, .classes = 10, .noise = 0.75f, .scale = 1,                        \
    .loss = "cross_entropy", .optimizer = "sgd",                                                                       \
    .optimizer_options = "{lr: 0.02, momentum: 0.9, weight_decay: 0.001}", .schedule = "cosine"
