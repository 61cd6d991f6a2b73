// What training must give, computed again in doubles and step by step, and how far floats may be from it.
#pragma once

#include "models.h"
#include "random_nets.h"

// One net and its data.
typedef struct trial {
    random_net net;
    char text[TEXT + 256]; // the recipe
    convo_recipe *recipe;
    float *x;       // all parts behind each other, as in the files
    int32_t *label; // the same
    uint8_t *truth; // [sets][classes], where labels are sets; NULL: they are classes
    int count;      // of examples
    char freeze[16];
    convo_train_options options;
    convo_model *model; // trained on one thread
    convo_train_result result;
} trial;

// --- what a batch gives -------------------------------------------------------------------------------------------

static inline double norm(const double *a, const double *b, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (a[i] - (b ? b[i] : 0)) * (a[i] - (b ? b[i] : 0));
    return sqrt(sum);
}

// What a batch gave, in doubles.
typedef struct outcome {
    double *loss, *gradient; // [count], [trained]
} outcome;

static inline void outcome_free(outcome *o) {
    free(o->loss);
    free(o->gradient);
}

static inline double real_at(const cv_net *net, const void *values, size_t i) {
    return net->isa->real == sizeof(double) ? ((const double *)values)[i] : (double)((const float *)values)[i];
}

static inline cv_net *net_of(const trial *t, const convo_recipe *recipe, const char *isa) {
    cv_net *net;
    convo_error err = {0};
    must(cv_recipe_net(recipe, cv_isa_find(isa), &net, &err), &err);
    if (t->freeze[0]) must(cv_net_freeze(net, t->freeze, &err), &err);
    return net;
}

static inline outcome pass_of(cv_net *net, const trial *t, const cv_batch *batch, cv_random *random, unsigned flags,
                              int threads) {
    const cv_op *loss = cv_op_find(net->isa, t->recipe->loss->name);
    outcome o = {test_memory((size_t)batch->count, sizeof(double)), test_memory(net->trained + 1, sizeof(double))};
    void *room = test_memory(net->trained + 1, sizeof(double));
    float *each = test_memory((size_t)batch->count, sizeof *each);
    cv_pool *pool = make_pool(threads);
    cv_runner *runner;
    convo_error err = {0};
    must(cv_runner_new(net, loss, t->recipe->loss_config, batch->count, CV_TRAINING | flags, pool, &runner, &err),
         &err);
    cv_runner_train(runner, batch, random, NULL, each);
    const void *gradient = cv_runner_gradient(runner, 0, net->trained, room);
    for (size_t i = 0; i < net->trained; i++) o.gradient[i] = real_at(net, gradient, i);
    for (int i = 0; i < batch->count; i++) o.loss[i] = (double)each[i];
    cv_runner_free(runner);
    cv_pool_free(pool);
    free(each);
    free(room);
    return o;
}

// --- as if rounded otherwise --------------------------------------------------------------------------------------

// How far floats may be from doubles is what doubles make of values that are rounded otherwise: every value of the net,
// and every gradient of one, is nudged on its way. It must be every one, not the inputs alone: where a layer makes a
// constant of what it reads (clip at its limit, softmax over one channel), only what is nudged behind it shows that a
// batch norm makes much of the rounding of a constant, or that a relu behind that is at its kink. Doubles: nudged
// floats share the errors that are looked for. Few nudges estimate that for nearly all nets. Where one falls on the
// other side of a kink than all of them do, more and larger nudges find the other side too; an error of ours stays
// outside.
enum { FEW = 3, MANY = FEW + 24 };
static const double often = 20;

static inline double nudge(uint32_t how) {
    return how <= FEW ? 0x1p-22 : ldexp(0x1p-22, (int)(how % 5));
}

// A dropout that keeps everything, nearly as it is.
typedef struct nudges {
    uint32_t how, stream;
} nudges;

static inline size_t nudges_noise(const void *config, cv_shape in) {
    (void)config;
    return (size_t)cv_shape_size(in);
}

static inline void nudges_draw(const void *config, cv_random *random, float *out, size_t count) {
    const nudges *c = config;
    (void)random; // it is that of the dropouts
    for (size_t i = 0; i < count; i++) out[i] = (float)(1 + nudge(c->how) * (double)made_up(c->stream, (uint32_t)i));
}

// The net in doubles; between its nodes, and in front of them, values are nudged in one way or the other.
static inline cv_net *nudged_net(const trial *t, const convo_recipe *recipe, uint32_t how) {
    static cv_op op;
    cv_net *net = net_of(t, recipe, "double"), *nudged;
    convo_error err = {0};
    op = *cv_op_find(net->isa, "dropout");
    op.config_size = sizeof(nudges);
    op.noise = nudges_noise;
    op.draw = nudges_draw;
    must(cv_net_new(net->isa, net->input, &nudged, &err), &err);
    for (int i = -1; i < net->nodes; i++) { // node i is node 2 i + 1, and its nudges are node 2 i + 2
        const nudges config = {how, how * 1000 + (uint32_t)i};
        const cv_node *n = &net->node[i < 0 ? 0 : i];
        int input[CV_MAX_INPUTS], at = 2 * i + 1;
        for (int k = 0; k < CV_MAX_INPUTS; k++) input[k] = 2 * n->input[k] + 2;
        if (i >= 0) must(cv_net_add(nudged, n->op, n->config, input, n->path, "", &err), &err);
        if (i >= 0) nudged->node[at].frozen = n->frozen;
        must(cv_net_add(nudged, &op, &config, &at, n->path, "", &err), &err);
    }
    must(cv_net_finish(nudged, &err), &err);
    cv_net_free(net);
    return nudged;
}

// The inputs as in training.
static inline float *normalized(const trial *t) {
    const size_t one = (size_t)cv_shape_size(t->net.input), size = (size_t)t->count * one;
    float *x = test_memory(size, sizeof *x);
    memcpy(x, t->x, size * sizeof *x);
    for (size_t first = 0; first < size; first += one) cv_normal_apply(&t->model->normal, 0, one, x + first);
    return x;
}

// --- one pass -----------------------------------------------------------------------------------------------------

enum { FLOATS, DOUBLES, NUDGED };

static inline double gradient_noise(const outcome *o, int outcomes, size_t at, size_t count) {
    double noise = 0;
    for (int k = NUDGED; k < outcomes; k++)
        noise = fmax(noise, norm(o[k].gradient + at, o[DOUBLES].gradient + at, count));
    return noise;
}

// Both return whether they agree; `why` says where not.
static inline bool losses_agree(const outcome *o, int outcomes, size_t count, char why[200]) {
    const double size = norm(o[DOUBLES].loss, NULL, count), off = norm(o[FLOATS].loss, o[DOUBLES].loss, count);
    double noise = 0;
    for (int k = NUDGED; k < outcomes; k++) noise = fmax(noise, norm(o[k].loss, o[DOUBLES].loss, count));
    snprintf(why, 200, "losses are off by %g of %g, noise %g", off, size, noise);
    return off <= 1e-5 * (1 + size) + often * noise;
}

static inline bool gradients_agree(const cv_net *net, const outcome *o, int outcomes, char why[200]) {
    const double all = norm(o[DOUBLES].gradient, NULL, net->trained), overflows = 1e18; // where floats are squared
    if (all > overflows) return true;                                                   // of a training that diverged
    for (int i = 0; i < net->nodes; i++)
        for (int k = net->node[i].tensor; k < net->node[i].tensor + net->node[i].tensors; k++) {
            const cv_net_tensor *t = &net->tensor[k];
            if (t->spec.buffer || net->node[i].frozen) continue;
            const double noise = gradient_noise(o, outcomes, t->offset, t->size);
            const double off = norm(o[FLOATS].gradient + t->offset, o[DOUBLES].gradient + t->offset, t->size);
            snprintf(why, 200, "the gradient of %s is off by %g, that of the net is %g, noise %g", t->name, off, all,
                     noise);
            if (!(off <= 1e-4 * all + 1e-6 + often * noise)) return false;
        }
    return true;
}

static inline int32_t *rows_of(const trial *t) {
    int32_t *index = test_memory((size_t)t->count, sizeof *index);
    for (int i = 0; i < t->count; i++) index[i] = i;
    return index;
}

// The first batch: in floats, in doubles, or nudged.
static inline outcome first_pass(trial *t, int k, int count) {
    const unsigned flags = k == FLOATS && t->net.seed % 2 ? CV_ANY_SIZE : 0;
    cv_net *net = k < NUDGED ? net_of(t, t->recipe, k == DOUBLES ? "double" : t->options.isa)
                             : nudged_net(t, t->recipe, (uint32_t)(k - NUDGED + 1));
    float *x = normalized(t);
    int32_t *index = rows_of(t);
    const cv_batch batch = {
        .values = CV_FLOATS(x), .index = index, .label = t->label, .count = count, .truth = t->truth};
    cv_random random;
    convo_error err = {0};
    cv_random_seed(&random, 3);
    must(cv_net_copy(t->model->net, net, &err), &err);
    const outcome o = pass_of(net, t, &batch, &random, flags, k == FLOATS ? 1 + (int)(t->net.seed % 3) : 1);
    cv_net_free(net);
    free(index);
    free(x);
    return o;
}

static inline void gradients_are_those_of_doubles(trial *t) {
    const int all = t->net.examples[CONVO_TRAIN], count = all < t->net.batch ? all : t->net.batch;
    outcome o[NUDGED + MANY];
    char why[200] = "";
    bool agree = false;
    int made = 0;
    for (int wanted = NUDGED + FEW; !agree && wanted <= NUDGED + MANY; wanted += MANY - FEW) {
        for (; made < wanted; made++) o[made] = first_pass(t, made, count);
        agree = losses_agree(o, made, (size_t)count, why) && gradients_agree(t->model->net, o, made, why);
    }
    while (made) outcome_free(&o[--made]);
    if (!agree) fail_msg("%s", why);
}

// --- the training, written out ------------------------------------------------------------------------------------

// The training, as far as it is written out.
typedef struct course {
    const trial *t;
    const convo_recipe *r;
    cv_net *net, *from; // `from` computes the gradients, and moves the buffers
    float *x, *moment[2];
    double *average;
    float *class_weight;
    int32_t *index;
} course;

// The gradient of the step's batches, clipped by its norm over all that is trained, and cut.
static inline void clip(const convo_recipe *r, const cv_net *net, double *gradient) {
    double squares = 0;
    for (int i = 0; i < net->nodes; i++)
        for (int k = net->node[i].tensor; k < net->node[i].tensor + net->node[i].tensors; k++)
            for (size_t at = 0; at < net->tensor[k].size && !net->tensor[k].spec.buffer && !net->node[i].frozen; at++)
                squares += pow(gradient[net->tensor[k].offset + at], 2);
    const double most = r->train.clip_value;
    const double factor = r->train.clip_norm > 0 ? fmin(1, r->train.clip_norm / (sqrt(squares) + 1e-6)) : 1;
    for (size_t i = 0; i < net->trained; i++) {
        gradient[i] *= factor;
        if (most > 0) gradient[i] = fmax(-most, fmin(most, gradient[i]));
    }
}

static inline bool decays(const cv_optimizer_config *c, const cv_tensor *t) {
    const bool norm = t->init == CV_INIT_ONE || t->init == CV_INIT_ZERO;
    return c->decays == CV_DECAYS_ALL || (t->dims > 1 && !norm);
}

// What is trained of `net` is updated by the gradient, tensor by tensor; `from` has moved the buffers.
static inline void step(const convo_recipe *r, cv_net *net, const cv_net *from, const outcome *o, float *const *moment,
                        double rate, int64_t number) {
    float *gradient = test_memory(net->trained + 1, sizeof *gradient);
    clip(r, net, o->gradient);
    for (size_t i = 0; i < net->trained; i++) gradient[i] = (float)o->gradient[i];
    for (int i = 0; i < net->nodes; i++)
        for (int k = net->node[i].tensor; k < net->node[i].tensor + net->node[i].tensors; k++) {
            const cv_net_tensor *tensor = &net->tensor[k];
            float *m[2] = {moment[0] + tensor->offset, moment[1] + tensor->offset};
            float *values = (float *)net->values + tensor->offset;
            cv_optimizer_config config = r->optimizer_config;
            if (!decays(&config, &tensor->spec)) config.weight_decay = 0;
            if (tensor->spec.buffer)
                cv_net_read(from, k, values);
            else if (!net->node[i].frozen)
                r->optimizer->update(&config, rate, number, tensor->size, values, gradient + tensor->offset, m);
        }
    free(gradient);
}

// The gradient of the mean loss over all batches of a step, the examples being weighted.
static inline outcome pass_of_step(const course *c, int first, cv_random *random) {
    const int all = c->t->net.examples[CONVO_TRAIN], size = (int)c->r->train.batch;
    const int64_t used = cv_batches_of_epoch(&c->r->train, all) * size;
    outcome sum = {.gradient = test_memory(c->net->trained + 1, sizeof(double))};
    double total = 0;
    for (int k = 0; k < c->r->train.accumulate && first < all && first < used; k++, first += size) {
        const int count = all - first < size ? all - first : size;
        cv_batch batch = {.values = CV_FLOATS(c->x), .index = c->index + first, .label = c->t->label, .count = count};
        batch.truth = c->t->truth;
        batch.class_weight = c->class_weight;
        const bool weighted = c->class_weight && !c->r->loss->by_output;
        for (int i = 0; i < count && weighted; i++) batch.weight += (double)c->class_weight[c->t->label[first + i]];
        outcome o = pass_of(c->from, c->t, &batch, random, 0, 1);
        const double weight = weighted ? batch.weight : count;
        for (size_t i = 0; i < c->net->trained; i++) sum.gradient[i] += weight * o.gradient[i];
        total += weight;
        outcome_free(&o);
    }
    for (size_t i = 0; i < c->net->trained; i++) sum.gradient[i] /= total;
    return sum;
}

static inline void follow(const course *c, int64_t number) {
    const float *value = c->net->values;
    const double n = (double)number, rising = (1 + n) / (10 + n);
    double keep = number ? c->r->train.ema : 0;
    if (c->r->train.ema_warmup) keep = fmin(keep, rising);
    for (size_t i = 0; i < c->net->total; i++)
        c->average[i] = c->r->train.ema > 0 ? keep * c->average[i] + (1 - keep) * (double)value[i] : (double)value[i];
    for (int t = 0; t < c->net->tensors; t++) { // what counts steps is no number to average
        const cv_net_tensor *tensor = &c->net->tensor[t];
        for (size_t i = 0; i < tensor->size && tensor->spec.integer; i++)
            c->average[tensor->offset + i] = (double)value[tensor->offset + i];
    }
}

// A training in fixed order, one step after the other, with gradients in doubles. how: nudged in one way or the other;
// 0: as they are.
static inline cv_net *train_plainly(const trial *t, const convo_recipe *r, uint32_t how) {
    course c = {.t = t,
                .r = r,
                .net = net_of(t, r, "baseline"),
                .from = how ? nudged_net(t, r, how) : net_of(t, r, "double"),
                .x = normalized(t),
                .index = rows_of(t)};
    const int all = t->net.examples[CONVO_TRAIN];
    const cv_source source = {.label = t->label, .truth = t->truth};
    const int64_t each = cv_steps_of_epoch(&r->train, all), stride = r->train.batch * r->train.accumulate;
    cv_random random;
    convo_error err = {0};
    c.average = test_memory(c.net->total + 1, sizeof *c.average);
    for (int k = 0; k < 2; k++) c.moment[k] = test_memory(c.net->trained + 1, sizeof(float));
    must(cv_class_weights(r->train.class_weights, t->model->labels, t->net.classes, r->loss->by_output, &source,
                          c.index, (size_t)all, &c.class_weight, &err),
         &err);
    cv_random_seed(&random, (uint64_t)r->train.seed);
    must(cv_net_init(c.net, &random, &err), &err);
    for (int64_t number = 0; number < each * r->train.epochs; number++) {
        if (number % each == 0) (void)cv_random_u64(&random); // the base seed of a DataLoader
        must(cv_net_copy(c.net, c.from, &err), &err);
        outcome o = pass_of_step(&c, (int)(number % each * stride), &random);
        const double factor =
            cv_schedule_factor(r->schedule, &r->schedule_config, number, each * r->train.epochs, each);
        step(r, c.net, c.from, &o, c.moment, r->optimizer_config.lr * factor, number + 1);
        follow(&c, number);
        outcome_free(&o);
    }
    for (size_t i = 0; i < c.net->total; i++) ((float *)c.net->values)[i] = (float)c.average[i];
    free(c.index);
    free(c.class_weight);
    free(c.average);
    free(c.moment[0]);
    free(c.moment[1]);
    cv_net_free(c.from);
    free(c.x);
    return c.net;
}

static inline double *read_wide(const cv_net *net, int k) {
    const size_t size = net->tensor[k].size;
    double *wide = test_memory(size, sizeof *wide);
    float *values = test_memory(size, sizeof *values);
    cv_net_read(net, k, values);
    for (size_t i = 0; i < size; i++) wide[i] = (double)values[i];
    free(values);
    return wide;
}

// Whether `trained` is `plain` within what the nudged ones make of the same start; `why` says where not.
static inline bool weights_agree(const cv_net *trained, const cv_net *plain, const cv_net *start, cv_net *const *nudged,
                                 int count, char why[200]) {
    bool agree = true;
    for (int k = 0; k < plain->tensors && agree; k++) {
        const size_t size = plain->tensor[k].size;
        double *w = read_wide(trained, k), *p = read_wide(plain, k), *s = read_wide(start, k), noise = 0;
        for (int n = 0; n < count; n++) {
            double *other = read_wide(nudged[n], k);
            noise = fmax(noise, norm(other, p, size));
            free(other);
        }
        const double off = norm(w, p, size), moved = norm(p, s, size);
        const double rounding = 1e-5 * norm(p, NULL, size) + 2e-5; // that of a norm over what does not vary
        snprintf(why, 200, "%s is off by %g after it moved by %g, noise %g", plain->tensor[k].name, off, moved, noise);
        agree = off <= 1e-3 * moved + rounding + often * noise;
        free(w);
        free(p);
        free(s);
    }
    return agree;
}

// The order is fixed, and no epoch is better than the last.
static inline void trainings_are_those_of_doubles(trial *t) {
    static const char *const settings[] = {"train.order=fixed", "train.balance=false", "train.keep=last",
                                           "train.patience=0"};
    convo_recipe *recipe = make_recipe(t->text);
    convo_model *model = NULL;
    convo_error err = {0};
    cv_random random;
    for (size_t k = 0; k < CV_COUNT(settings); k++) must(convo_recipe_set(recipe, settings[k], &err), &err);
    if (recipe->schedule->watches) must(convo_recipe_set(recipe, "train.schedule=constant", &err), &err);
    // Where an earlier epoch is kept, a later one may diverge. Rounding errors grow with a loss that does: PyTorch's
    // floats and doubles part there too.
    enum { DIVERGED = 1000 };
    convo_train_result result = {0};
    const convo_status status = convo_train(recipe, &t->options, &result, &model, &err);
    if (status != CONVO_NUMERIC) must(status, &err);
    if (status != CONVO_NUMERIC && result.train.loss < DIVERGED) {
        cv_net *start = net_of(t, recipe, "baseline"), *plain = train_plainly(t, recipe, 0), *nudged[MANY];
        char why[200];
        bool agree = false;
        int made = 0;
        cv_random_seed(&random, (uint64_t)recipe->train.seed);
        must(cv_net_init(start, &random, &err), &err);
        for (int wanted = FEW; !agree && wanted <= MANY; wanted += MANY - FEW) {
            for (; made < wanted; made++) nudged[made] = train_plainly(t, recipe, (uint32_t)made + 1);
            agree = weights_agree(model->net, plain, start, nudged, made, why);
        }
        cv_net_free(start);
        cv_net_free(plain);
        while (made) cv_net_free(nudged[--made]);
        if (!agree) fail_msg("%s", why);
    }
    convo_model_free(model);
    convo_recipe_free(recipe);
}
