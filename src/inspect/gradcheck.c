#include "inspect/gradcheck.h"

#include "inspect/layers.h"

#include <math.h>
#include <stdlib.h>

// 17 examples are nine blocks of doubles in few shards, eight: one adds a block to another, and one lane is idle.
enum { BATCH = 17, ELEMENTS = 5 };
static const double tolerance = 1e-5, mean_tolerance = 1e-6;

// --- one batch ----------------------------------------------------------------------------------------------------

typedef struct trial {
    cv_net *net;
    cv_runner *runner;
    cv_batch batch;
    cv_values values;
    int32_t *index, *label;
    double *loss;           // [count]
    const double *gradient; // [net->trained], in the runner or in room
    double *room;
} trial;

static void trial_free(trial *t) {
    cv_runner_free(t->runner);
    cv_values_free(&t->values);
    free(t->index);
    free(t->label);
    free(t->loss);
    free(t->room);
}

static convo_status trial_new(trial *t, cv_net *net, const cv_op *loss, const void *loss_config, int count,
                              cv_pool *pool, convo_error *err) {
    size_t numbers;
    const size_t size = (size_t)cv_shape_size(net->input), n = (size_t)count;
    *t = (trial){.net = net};
    if (!cv_mul(n, size, &numbers)) return cv_no_memory(err, "a gradient check");
    t->values.value = cv_alloc(numbers, sizeof(float));
    t->index = cv_alloc(n, sizeof *t->index);
    t->label = cv_alloc(n, sizeof *t->label);
    t->loss = cv_alloc(n, sizeof *t->loss);
    t->room = cv_alloc(net->trained, sizeof *t->room);
    if (!t->values.value || !t->index || !t->label || !t->loss || !t->room)
        return cv_no_memory(err, "a gradient check");
    t->batch = (cv_batch){.values = &t->values, .index = t->index, .label = t->label, .count = count};
    return cv_runner_new(net, loss, loss_config, count, CV_TRAINING | CV_FEW_SHARDS, pool, &t->runner, err);
}

// Random inputs and labels, and the gradient of the mean loss.
static void trial_run(trial *t, cv_random *random) {
    const int64_t outputs = cv_shape_size(cv_net_output(t->net));
    const uint32_t classes = outputs > 1 ? (uint32_t)outputs : 2;
    const size_t n = (size_t)t->batch.count;
    cv_random_normal(random, 0, 1, t->values.value, n * (size_t)cv_shape_size(t->net->input));
    for (size_t i = 0; i < n; i++) {
        t->index[i] = (int32_t)i;
        t->label[i] = (int32_t)(cv_random_u32(random) % classes);
    }
    cv_runner_train(t->runner, &t->batch, random, NULL, NULL);
    t->gradient = cv_runner_gradient(t->runner, 0, t->net->trained, t->room);
}

// Of the batch, by a forward pass with the dropout of the last trial_run.
static double mean_loss(const trial *t) {
    double sum = 0;
    cv_runner_losses(t->runner, &t->batch, t->loss);
    for (int i = 0; i < t->batch.count; i++) sum += t->loss[i];
    return sum / t->batch.count;
}

// (L(w + h) - L(w - h)) / 2h
static double central_difference(const trial *t, size_t at, double step) {
    double *w = &((double *)t->net->values)[at];
    const double was = *w;
    *w = was + step;
    const double above = mean_loss(t);
    *w = was - step;
    const double below = mean_loss(t);
    *w = was;
    return (above - below) / (2 * step);
}

// A relu or a maximum that changes its mind between w - h and w + h spoils the difference; a smaller step avoids it,
// where a wrong gradient stays wrong. The difference nearest to the analytic gradient.
static double numeric_gradient(const trial *t, size_t at, double allowed) {
    double nearest = NAN;
    for (double step = 1e-5; step > 5e-8; step /= 10) {
        const double numeric = central_difference(t, at, step);
        if (!(fabs(nearest - t->gradient[at]) <= fabs(numeric - t->gradient[at]))) nearest = numeric;
        if (fabs(nearest - t->gradient[at]) <= allowed) break;
    }
    return nearest;
}

// --- tensor by tensor ---------------------------------------------------------------------------------------------

static double largest_of(const double *x, size_t count) {
    double largest = 0;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(x[i]));
    return largest;
}

// "[2][0][1]"
static void element_text(const cv_tensor *spec, size_t element, char *text, size_t size) {
    size_t after = 1;
    for (int d = 0; d < spec->dims; d++) after *= (size_t)spec->dim[d];
    text[0] = 0;
    for (int d = 0; d < spec->dims; d++) {
        after /= (size_t)spec->dim[d];
        cv_append(text, size, "[%zu]", element / after);
        element %= after;
    }
}

static void check_tensor(const trial *t, const cv_net_tensor *tensor, double scale, const convo_gradcheck_options *o,
                         cv_random *random, convo_gradient *g, double *sum) {
    const double *analytic = t->gradient + tensor->offset;
    const bool all = o->elements < 0 || (int64_t)tensor->size <= o->elements;
    const size_t count = all ? tensor->size : (size_t)o->elements;
    scale = fmax(largest_of(analytic, tensor->size), scale);
    for (size_t k = 0; k < count; k++) {
        // NOLINTNEXTLINE(*DivideZero): a tensor has a number
        const size_t i = all ? k : (size_t)(cv_random_u64(random) % tensor->size);
        const double numeric = numeric_gradient(t, tensor->offset + i, o->tolerance * scale);
        const double difference = fabs(numeric - analytic[i]);
        const double error = isfinite(difference) ? difference / scale : INFINITY;
        *sum += difference;
        if (g->checked++ && error <= g->error) continue;
        g->error = error;
        g->analytic = analytic[i];
        g->numeric = numeric;
        element_text(&tensor->spec, i, g->element, sizeof g->element);
    }
}

// Differences are measured against a tensor's largest gradient. Where the loss hardly depends on a tensor (a bias
// before a batch norm) there are only rounding errors: the scale is not below a share of the net's largest gradient,
// nor below what the differences of a loss of this size can resolve.
static void check_tensors(const trial *t, const convo_gradcheck_options *o, cv_random *random, convo_gradcheck *check) {
    const double scale = fmax(1e-4 * largest_of(t->gradient, t->net->trained), 1e-6 * (1 + fabs(mean_loss(t))));
    double sum = check->mean_difference * (double)check->checked;
    convo_gradient *g = check->gradient;
    for (int k = 0; k < t->net->tensors; k++) {
        if (t->net->tensor[k].spec.buffer) continue;
        const int64_t before = g->checked;
        check_tensor(t, &t->net->tensor[k], scale, o, random, g, &sum);
        check->checked += g->checked - before;
        if (g->error > check->gradient[check->worst].error) check->worst = (int)(g - check->gradient);
        g++;
    }
    if (check->checked) check->mean_difference = sum / (double)check->checked;
}

static convo_status list_tensors(const cv_net *net, convo_gradcheck *check, convo_error *err) {
    check->gradient = cv_alloc((size_t)net->tensors + 1, sizeof *check->gradient);
    if (!check->gradient) return cv_no_memory(err, "a gradient check");
    for (int t = 0; t < net->tensors; t++) {
        if (net->tensor[t].spec.buffer) continue;
        convo_gradient *g = &check->gradient[check->count++];
        cv_print(g->tensor, sizeof g->tensor, "%s", net->tensor[t].name);
        g->size = (int64_t)net->tensor[t].size;
    }
    if (check->count) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, "", "the net has no parameters, so there is no gradient to check");
}

// Standard normal weights. Buffers (running statistics) do not enter a training pass and stay.
static void draw_weights(cv_net *net, cv_random *random) {
    for (size_t i = 0; i < net->trained; i++) {
        float value;
        cv_random_normal(random, 0, 1, &value, 1);
        ((double *)net->values)[i] = (double)value;
    }
}

convo_status cv_gradcheck(cv_net *net, const cv_op *loss, const void *loss_config,
                          const convo_gradcheck_options *options, convo_gradcheck *check, convo_error *err) {
    convo_gradcheck_options o = *options;
    cv_pool *pool = NULL;
    trial t = {0};
    cv_random random;
    *check = (convo_gradcheck){0};
    if (!o.batch) o.batch = o.random ? 1 : BATCH;
    if (!o.elements) o.elements = o.random ? -1 : ELEMENTS;
    if (!(o.tolerance > 0)) o.tolerance = tolerance;
    cv_random_seed(&random, o.seed);
    convo_status status = list_tensors(net, check, err);
    if (!status) status = cv_pool_new(&pool, 0, err);
    if (!status) status = trial_new(&t, net, loss, loss_config, o.batch, pool, err);
    for (int64_t round = 0; !status && round < (o.random ? o.random : 1); round++) {
        if (o.random) draw_weights(net, &random);
        trial_run(&t, &random);
        check_tensors(&t, &o, &random, check);
    }
    check->tolerance = o.tolerance;
    if (!status)
        check->passed = check->gradient[check->worst].error <= o.tolerance && check->mean_difference < mean_tolerance;
    trial_free(&t);
    cv_pool_free(pool);
    return status;
}

void convo_gradcheck_free(convo_gradcheck *check) {
    if (!check) return;
    free(check->gradient);
    *check = (convo_gradcheck){0};
}

// --- of a recipe or a model ---------------------------------------------------------------------------------------

// A recipe that does not train may end in feature maps: their values serve as the classes' scores.
static convo_status end_in_vector(cv_net *net, convo_error *err) {
    const int last = net->nodes - 1;
    if (cv_net_output(net).dims == 1) return CONVO_OK;
    return cv_net_add(net, cv_op_find(net->isa, "flatten"), NULL, &last, "flatten", "", err);
}

// Weights that start at zero would leave most of the gradient zero, right or wrong.
static void shake_weights(cv_net *net, uint64_t seed) {
    cv_random random;
    cv_random_seed(&random, seed);
    for (size_t i = 0; i < net->trained; i++)
        ((double *)net->values)[i] += (double)cv_random_uniform(&random, -0.1f, 0.1f);
}

convo_status convo_gradcheck_run(const convo_recipe *recipe, const convo_model *model,
                                 const convo_gradcheck_options *options, convo_gradcheck *check, convo_error *err) {
    static const convo_gradcheck_options usual;
    cv_net *net = NULL;
    if (!recipe || !check) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the result are needed");
    *check = (convo_gradcheck){0};
    if (!options) options = &usual;
    convo_status status = cv_layers_net(recipe, model, cv_isa_find("double"), NULL, &net, err);
    if (status) return status;
    if (!recipe->has_train) status = end_in_vector(net, err);
    if (!model) shake_weights(net, options->seed);
    if (!status)
        status = cv_gradcheck(net, cv_op_find(net->isa, recipe->loss->name), recipe->loss_config, options, check, err);
    cv_net_free(net);
    if (status) convo_gradcheck_free(check);
    return status;
}
