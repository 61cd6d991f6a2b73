// How much processor time every task of a training step takes on one thread, with the work planned for so many threads:
// for bench/scale.
//
//     build/bench/tasks RECIPE THREADS STEPS [BATCH]
//
// prints one JSON object: {"batch": 32, "bytes": of memory at work, "jobs": [[before, task, task, ...], ...]}, in
// microseconds, medians over the steps. `before`: what the calling thread does alone before the job.
#include "inspect/layers.h"
#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM = 3 };

// Tasks of all steps, each step's one behind the other; count: of its job.
typedef struct event {
    int count, task;
    int64_t began, ended;
} event;

typedef struct recording {
    event *event;
    size_t events, room, per_step; // of the first step
    int steps;
    int64_t began; // of the training
    bool failed;
} recording;

static void watch(void *watcher, int count, int task, int64_t began, int64_t ended) {
    recording *r = watcher;
    r->failed |= !cv_grow(&r->event, &r->room, r->events + 1, sizeof *r->event);
    if (!r->failed) r->event[r->events++] = (event){count, task, began, ended};
}

static convo_status step_done(void *user, const cv_step_record *record, convo_error *err) {
    recording *r = user;
    (void)record;
    if (++r->steps == WARM) r->events = 0;
    if (r->steps == WARM + 1) r->per_step = r->events;
    return r->failed ? cv_no_memory(err, "the tasks") : CONVO_OK;
}

static int rising(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The median over the steps of event k, or of the time before it, in microseconds.
static double median(const recording *r, size_t k, bool before, double *room) {
    const size_t steps = r->events / r->per_step;
    size_t n = 0;
    for (size_t s = 0; s < steps; s++) {
        const event *e = &r->event[s * r->per_step + k];
        if (before && s == 0 && k == 0) continue;
        room[n++] = 1e-3 * (double)(before ? e->began - e[-1].ended : e->ended - e->began);
    }
    qsort(room, n, sizeof *room, rising);
    return room[n / 2];
}

static void print_tasks(const recording *r, int batch, size_t bytes) {
    double *room = cv_alloc(r->events + 1, sizeof *room);
    printf("{\"batch\": %d, \"bytes\": %zu, \"jobs\": [", batch, bytes);
    for (size_t k = 0; room && k < r->per_step; k++) {
        if (r->event[k].task == 0) printf("%s[%.3f", k ? "], " : "", median(r, k, true, room));
        printf(", %.3f", median(r, k, false, room));
    }
    printf("]]}\n");
    free(room);
}

typedef struct rig {
    cv_net *net;
    cv_values values;
    int32_t *label;
    cv_split split;
    cv_pool *pool;
} rig;

static convo_status make_examples(rig *b, const convo_recipe *recipe, int batch, int steps, convo_error *err) {
    const size_t size = (size_t)cv_shape_size(b->net->input), n = (size_t)batch;
    const uint32_t classes = (uint32_t)cv_shape_size(cv_net_output(b->net));
    cv_random random;
    cv_random_seed(&random, (uint64_t)recipe->train.seed);
    b->split.count[CONVO_TRAIN] = n * (size_t)steps;
    b->values.value = cv_alloc_aligned(n * size, sizeof(float));
    b->label = cv_alloc(n, sizeof *b->label);
    b->split.index[CONVO_TRAIN] = cv_alloc(n * (size_t)steps, sizeof(int32_t));
    if (!b->values.value || !b->label || !b->split.index[CONVO_TRAIN]) return cv_no_memory(err, "the examples");
    cv_random_normal(&random, 0, 1, b->values.value, n * size);
    for (size_t i = 0; i < n; i++) b->label[i] = (int32_t)(cv_random_u32(&random) % (classes > 1 ? classes : 2));
    for (size_t i = 0; i < n * (size_t)steps; i++) b->split.index[CONVO_TRAIN][i] = (int32_t)(i % n);
    return CONVO_OK;
}

static convo_status run(const convo_recipe *recipe, int threads, int steps, int batch, convo_error *err) {
    static const convo_train_options nothing;
    rig b = {0};
    recording r = {0};
    cv_train_state state = {0};
    convo_train_result result = {0};
    cv_random random;
    cv_runner *runner = NULL;
    const cv_isa *isa = cv_isa_find(NULL);
    const cv_op *loss = cv_op_find(isa, recipe->loss->name);
    cv_random_seed(&random, (uint64_t)recipe->train.seed);
    convo_status status = cv_layers_net(recipe, NULL, isa, NULL, &b.net, err);
    if (!status) status = cv_pool_new_watched(&b.pool, threads, watch, &r, err);
    if (!status) status = make_examples(&b, recipe, batch, steps + WARM, err);
    const cv_source source = {
        .values = &b.values, .size = status ? 0 : (size_t)cv_shape_size(b.net->input), .label = b.label};
    cv_training t = {
        .config = {.batch = batch, .epochs = 1, .order = CV_FIXED, .keep = CV_KEEP_LAST, .record_every = 1},
        .loss = loss,
        .loss_config = recipe->loss_config,
        .optimizer = recipe->optimizer,
        .optimizer_config = recipe->optimizer_config,
        .schedule = recipe->schedule,
        .schedule_config = recipe->schedule_config,
        .net = b.net,
        .source = &source,
        .split = &b.split,
        .pool = b.pool,
        .step_done = step_done,
        .user = &r,
    };
    t.optimizer_config.lr = 0;
    if (!status) status = cv_runner_new(b.net, loss, recipe->loss_config, batch, CV_TRAINING, b.pool, &runner, err);
    if (!status) status = cv_train_state_new(&t, &random, &state, err);
    if (!status) status = cv_train_run(&t, &state, &nothing, &result, err);
    if (!status) {
        r.events = r.per_step * (size_t)steps; // without scoring
        print_tasks(&r, batch, cv_runner_bytes(runner));
    }
    cv_runner_free(runner);
    cv_train_state_free(&state);
    cv_pool_free(b.pool);
    cv_net_free(b.net);
    cv_split_free(&b.split);
    cv_values_free(&b.values);
    free(b.label);
    free(r.event);
    return status;
}

int main(int argc, char **argv) {
    convo_recipe *recipe = NULL;
    convo_error err;
    if (argc < 4) {
        fprintf(stderr, "usage: tasks RECIPE THREADS STEPS [BATCH]\n");
        return 2;
    }
    convo_status status = convo_recipe_load(argv[1], &recipe, &err);
    if (!status)
        status = run(recipe, atoi(argv[2]), atoi(argv[3]), argc > 4 ? atoi(argv[4]) : (int)recipe->train.batch, &err);
    convo_recipe_free(recipe);
    if (status) fprintf(stderr, "tasks: %s%s%s\n", err.where, err.where[0] ? ": " : "", err.message);
    return status ? 1 : 0;
}
