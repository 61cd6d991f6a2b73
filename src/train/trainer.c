// The training loop.
#include "train/train.h"

#include "base/cpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const cv_option cv_train_schema[] = {
    CV_OPTION("batch", CV_INT, cv_train_config, batch, "examples per step", .fallback = 32, CV_RANGE(1, 1 << 20)),
    CV_OPTION("drop_last", CV_BOOL, cv_train_config, drop_last,
              "leave out the last batch of an epoch where it is not full"),
    CV_OPTION("epochs", CV_INT, cv_train_config, epochs, "passes over the training data", .fallback = 10,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("seed", CV_INT, cv_train_config, seed, "of weights, order and dropout", CV_RANGE(0, 4294967295.0)),
    CV_OPTION("patience", CV_INT, cv_train_config, patience,
              "stop after this many epochs without a lower validation loss; 0: never", CV_RANGE(0, 1 << 20)),
    CV_OPTION("order", CV_WORD, cv_train_config, order,
              "of an epoch: a new permutation, always the same, or drawn with replacement",
              .words = "shuffle|fixed|replacement"),
    CV_OPTION("balance", CV_BOOL, cv_train_config, balance,
              "draw the examples of an epoch with replacement, each class equally often"),
    CV_OPTION(
        "keep", CV_WORD, cv_train_config, keep,
        "the model of the epoch with the lowest validation loss, where there is a validation part, or of the last",
        .words = "best|last"),
    CV_OPTION("precision", CV_WORD, cv_train_config, precision,
              "bf16: convolutions multiply in bf16 where the processor has AMX; weights, sums and scores stay fp32",
              .words = "fp32|bf16"),
    CV_OPTION("record_every", CV_INT, cv_train_config, record_every, "steps between two lines of steps.jsonl; 0: none",
              CV_RANGE(0, 1 << 30)),
    CV_OPTION("record_full", CV_BOOL, cv_train_config, record_full,
              "those lines score the whole training part, not the step's batch"),
    CV_OPTION("test_each_epoch", CV_BOOL, cv_train_config, test_each_epoch,
              "also score the test part after every epoch (for curves; it chooses nothing)"),
    {.name = NULL},
};

// Numbers of the parameters that one task sums and updates.
typedef struct piece {
    size_t first, count;
} piece;

// One call of cv_train_run.
typedef struct loop {
    const cv_training *t;
    cv_train_state *s;
    const convo_train_options *options;
    cv_runner *trainer;
    cv_loader *loader;
    cv_scorer *scorer;
    int outputs;
    int32_t *order;    // [train] rows, as this epoch visits them
    float *out, *loss; // of a batch
    int64_t per_epoch, total_steps;
    double began, epoch_began, last_shown;
    int64_t epoch_seen; // in this call
    int64_t seen;       // in this call, and how long that took without scoring
    double trained;
    double learning_rate;
    convo_score validation, test; // of the last epoch
    piece *piece;                 // the numbers that are updated
    int pieces;
} loop;

// --- the state ----------------------------------------------------------------------------------------------------

convo_status cv_train_state_new(const cv_training *t, const cv_random *random, cv_train_state *s, convo_error *err) {
    bool fits = true;
    *s = (cv_train_state){.random = *random, .epoch_random = *random, .best_loss = INFINITY};
    for (int k = 0; k < cv_optimizer_moments(t->optimizer, &t->optimizer_config); k++)
        fits &= (s->moment[k] = cv_alloc_aligned(t->net->trained + 1, sizeof(float))) != NULL;
    if (t->split->count[CONVO_VALIDATION] && t->config.keep == CV_KEEP_BEST)
        fits &= (s->best = cv_alloc_aligned(t->net->total + 1, sizeof(float))) != NULL;
    if (fits) return CONVO_OK;
    cv_train_state_free(s);
    return cv_no_memory(err, "the optimiser's state");
}

void cv_train_state_free(cv_train_state *s) {
    free(s->moment[0]);
    free(s->moment[1]);
    free(s->best);
    *s = (cv_train_state){0};
}

static convo_status score_part(const loop *l, convo_part part, convo_score *score, convo_error *err) {
    const cv_split *split = l->t->split;
    return cv_score(l->scorer, split->index[part], split->count[part], NULL, score, err);
}

// --- one step -----------------------------------------------------------------------------------------------------

// Numbers of the parameters that one task sums and updates: they stay in the first cache.
enum { CHUNK = 2048 };

static bool add_pieces(loop *l, size_t *room, size_t first, size_t end) {
    for (; first < end; first += CHUNK) {
        if (!cv_grow(&l->piece, room, (size_t)l->pieces + 1, sizeof *l->piece)) return false;
        l->piece[l->pieces++] = (piece){first, end - first < CHUNK ? end - first : CHUNK};
    }
    return true;
}

// All trained numbers but those of frozen layers and those that are updated on the way. Tensors lie one behind the
// other, in the order of the net, with gaps: one that ends a run has no gradient.
static bool list_pieces(loop *l) {
    const cv_net *net = l->t->net;
    size_t room = 0, first = 0, end = 0; // of a run of tensors
    bool fits = true;
    for (int i = 0; i < net->nodes; i++)
        for (int t = net->node[i].tensor; t < net->node[i].tensor + net->node[i].tensors; t++) {
            const cv_net_tensor *tensor = &net->tensor[t];
            if (tensor->spec.buffer) continue;
            if (!net->node[i].frozen && cv_runner_keeps_gradient(l->trainer, tensor->offset)) {
                if (first == end) first = tensor->offset;
                end = tensor->offset + tensor->size;
            } else {
                fits = fits && add_pieces(l, &room, first, end);
                first = end;
            }
        }
    return fits && add_pieces(l, &room, first, end);
}

static void update(void *context, size_t first, size_t count, const float *gradient) {
    const loop *l = context;
    const cv_training *t = l->t;
    float *moment[2] = {NULL, NULL};
    for (int k = 0; k < 2 && l->s->moment[k]; k++) moment[k] = l->s->moment[k] + first;
    t->optimizer->update(&t->optimizer_config, l->learning_rate, l->s->steps + 1, count,
                         (float *)t->net->values + first, gradient, moment);
}

static void update_piece(void *context, int task, int worker) {
    const loop *l = context;
    const piece p = l->piece[task];
    float room[CHUNK];
    (void)worker;
    update(context, p.first, p.count, cv_runner_gradient(l->trainer, p.first, p.count, room));
}

static convo_status not_finite(loop *l, const cv_batch *batch, convo_error *err) {
    const cv_node *n = cv_runner_first_not_finite(l->trainer, batch);
    char place[160] = "the loss itself";
    if (n) cv_print(place, sizeof place, "layer %s (%s)", n->path, n->op->name);
    return cv_fail(
        err, CONVO_NUMERIC, n ? n->where : "",
        "the loss is not finite at step %lld of epoch %lld; the first output that is not is that of %s: try a "
        "smaller learning rate, or normalised features",
        (long long)l->s->step + 1, (long long)l->s->epoch + 1, place);
}

static convo_status train_step(loop *l, convo_error *err) {
    const cv_training *t = l->t;
    cv_train_state *s = l->s;
    cv_loaded loaded;
    convo_status status = cv_loader_next(l->loader, &loaded, err);
    if (status) return status;
    const cv_batch batch = cv_batch_of(&loaded);
    const int n = batch.count;
    double sum = 0;
    int64_t correct = 0;
    l->learning_rate = t->optimizer_config.lr *
                       cv_schedule_factor(t->schedule, &t->schedule_config, s->steps, l->total_steps, l->per_epoch);
    cv_runner_train(l->trainer, &batch, &s->random, l->out, l->loss);
    for (int i = 0; i < n; i++) sum += (double)l->loss[i];
    if (!isfinite(sum)) return not_finite(l, &batch, err);
    for (int i = 0; i < n; i++)
        correct += cv_class_of(l->out + (ptrdiff_t)i * l->outputs, l->outputs) == batch.label[batch.index[i]];
    s->correct += correct;
    s->loss_sum += sum;
    s->seen += n;
    l->epoch_seen += n;
    cv_pool_run(t->pool, l->pieces, update_piece, l);
    s->steps++;
    s->step++;
    if (!t->step_done || !t->config.record_every || s->steps % t->config.record_every) return CONVO_OK;
    cv_step_record record = {s->steps, {sum / n, (double)correct / n, correct, n}, {0, 0, 0, 0}};
    if (t->config.record_full) status = score_part(l, CONVO_TRAIN, &record.train, err);
    if (!status) status = score_part(l, CONVO_VALIDATION, &record.validation, err);
    return status ? status : t->step_done(t->user, &record, err);
}

// --- one epoch ----------------------------------------------------------------------------------------------------

// The order a torch.utils.data.DataLoader would visit: its base seed and the sampler's seed come from the main
// generator, the permutation (or torch.randint, with replacement) from a generator of its own.
static bool draw_order(loop *l, cv_random *random) {
    const size_t n = l->t->split->count[CONVO_TRAIN];
    const int32_t *rows = l->t->split->index[CONVO_TRAIN];
    (void)cv_random_u64(random);
    if (l->t->config.order == CV_FIXED) {
        memcpy(l->order, rows, n * sizeof *rows);
        return true;
    }
    cv_random own;
    cv_random_seed(&own, cv_random_u64(random));
    if (l->t->config.balance) return cv_balanced_order(l->t->source->label, rows, n, &own, l->order);
    if (l->t->config.order == CV_SHUFFLE)
        cv_random_permutation(&own, l->order, n);
    else
        for (size_t i = 0; i < n; i++) l->order[i] = (int32_t)(cv_random_u32(&own) % n);
    for (size_t i = 0; i < n; i++) l->order[i] = rows[l->order[i]];
    return true;
}

static convo_score running_score(const cv_train_state *s) {
    const double n = (double)s->seen;
    return (convo_score){s->seen ? s->loss_sum / n : NAN, s->seen ? (double)s->correct / n : NAN, s->correct, s->seen};
}

static void show(loop *l, bool always) {
    const double t = cv_now(), rest = (double)(l->total_steps - l->s->steps);
    if (!l->options->progress || (!always && t - l->last_shown < 0.1)) return;
    const double speed = t > l->epoch_began ? (double)l->epoch_seen / (t - l->epoch_began) : 0;
    const convo_progress p = {
        .epoch = (int)l->s->epoch + 1,
        .epochs = (int)l->t->config.epochs,
        .step = (int)l->s->step,
        .steps = (int)l->per_epoch,
        .train = running_score(l->s),
        .validation = l->validation,
        .test = l->test,
        .learning_rate = l->learning_rate,
        .examples_per_second = speed,
        .seconds = t - l->began,
        .seconds_left = speed > 0 ? rest * (double)l->t->config.batch / speed : NAN,
    };
    l->last_shown = t;
    l->options->progress(&p, l->options->user);
}

// After the last step of an epoch: scores, the best model, the record, the checkpoint.
static convo_status end_epoch(loop *l, convo_error *err) {
    const cv_training *t = l->t;
    cv_train_state *s = l->s;
    const double trained = cv_now() - l->epoch_began;
    convo_status status = score_part(l, CONVO_VALIDATION, &l->validation, err);
    if (!status && t->config.test_each_epoch) status = score_part(l, CONVO_TEST, &l->test, err);
    if (status) return status;
    const bool better = l->validation.loss < s->best_loss; // never without a validation part: its loss is not a number
    if (better) {
        s->best_loss = l->validation.loss;
        s->best_epoch = s->epoch + 1;
    }
    if (better && s->best) memcpy(s->best, t->net->values, t->net->total * sizeof *s->best);
    const cv_epoch record = {
        .epoch = (int)s->epoch + 1,
        .score = {running_score(s), l->validation, l->test},
        .learning_rate = l->learning_rate,
        .examples_per_second = (double)l->epoch_seen / trained,
        .seconds = cv_now() - l->epoch_began,
        .best = better && s->best,
    };
    show(l, true);
    l->trained += trained;
    s->seconds += record.seconds;
    s->epoch++;
    s->step = s->correct = s->seen = 0;
    s->loss_sum = 0;
    if (t->epoch_done) status = t->epoch_done(t->user, &record, err);
    if (!status && t->checkpoint) status = t->checkpoint(t->user, s, err);
    return status;
}

static bool stopped(const loop *l) {
    return l->options->stop && *l->options->stop;
}

static convo_status run_epoch(loop *l, convo_error *err) {
    cv_train_state *s = l->s;
    convo_status status = CONVO_OK;
    bool drawn;
    l->epoch_began = cv_now();
    l->epoch_seen = 0;
    if (s->step == 0) {
        s->epoch_random = s->random;
        drawn = draw_order(l, &s->random);
    } else { // resumed within an epoch: the same order, and the generator stays where it was
        cv_random again = s->epoch_random;
        drawn = draw_order(l, &again);
    }
    if (!drawn) return cv_no_memory(err, "the order of the examples");
    const int64_t n = (int64_t)l->t->split->count[CONVO_TRAIN], batch = l->t->config.batch, used = l->per_epoch * batch;
    cv_loader_begin(l->loader, s->epoch, l->order, (size_t)(used < n ? used : n), (size_t)(s->step * batch));
    while (s->step < l->per_epoch) {
        if ((status = train_step(l, err))) return status;
        if (s->step < l->per_epoch) show(l, false);
        if (!stopped(l) || s->step == l->per_epoch) continue;
        l->trained += cv_now() - l->epoch_began;
        s->seconds += cv_now() - l->epoch_began;
        return l->t->checkpoint ? l->t->checkpoint(l->t->user, s, err) : CONVO_OK;
    }
    return end_epoch(l, err);
}

// --- the whole ----------------------------------------------------------------------------------------------------

static convo_status prepare(loop *l, convo_error *err) {
    const cv_training *t = l->t;
    const int64_t examples = (int64_t)t->split->count[CONVO_TRAIN];
    const int batch = (int)(t->config.batch < examples ? t->config.batch : examples);
    convo_status status;
    l->outputs = (int)cv_shape_size(cv_net_output(t->net));
    l->per_epoch = cv_steps_of_epoch(&t->config, examples);
    l->total_steps = l->per_epoch * t->config.epochs;
    l->validation = l->test = (convo_score){NAN, NAN, 0, 0};
    l->began = cv_now();
    l->order = cv_alloc((size_t)examples, sizeof *l->order);
    l->out = cv_alloc((size_t)batch * (size_t)l->outputs, sizeof *l->out);
    l->loss = cv_alloc((size_t)batch, sizeof *l->loss);
    if (!l->order || !l->out || !l->loss) return cv_no_memory(err, "the order of the examples");
    status = cv_runner_new(t->net, t->loss, t->loss_config, batch, CV_TRAINING, t->pool, &l->trainer, err);
    if (status) return status;
    cv_runner_use_gradients(l->trainer, update, l);
    status = cv_loader_new(t->source, batch, cv_pool_size(t->pool), &l->loader, err);
    if (status) return status;
    if (!list_pieces(l)) return cv_no_memory(err, "the pieces of an update");
    return cv_scorer_new(l->trainer, t->net, t->loss, t->loss_config, t->source, t->pool, &l->scorer, err);
}

static bool patience_is_over(const loop *l) {
    return l->t->config.patience && l->s->epoch - l->s->best_epoch >= l->t->config.patience;
}

// The kept model on each part. A loss that is not finite is a divergence at the last step, whose effect no step saw.
static convo_status score_kept(const loop *l, convo_train_result *result, convo_error *err) {
    convo_score *const score[] = {&result->train, &result->validation, &result->test};
    for (int k = 0; k < 3; k++) {
        const convo_status status = score_part(l, (convo_part)k, score[k], err);
        if (status) return status;
        if (score[k]->count && !isfinite(score[k]->loss))
            return cv_fail(err, CONVO_NUMERIC, "",
                           "the trained net's loss is not finite on the %s part: try a smaller learning rate, or "
                           "normalised features",
                           cv_part_name((convo_part)k));
    }
    return CONVO_OK;
}

convo_status cv_train_run(const cv_training *t, cv_train_state *s, const convo_train_options *options,
                          convo_train_result *result, convo_error *err) {
    loop l = {.t = t, .s = s, .options = options};
    const unsigned denormals = cv_cpu_flush_denormals(); // here, as doing it in every step costs as much as a small net
    convo_status status = cv_train_check(t, err);
    if (!status) status = prepare(&l, err);
    while (!status && s->epoch < t->config.epochs && !patience_is_over(&l) && !result->interrupted) {
        const int64_t epoch = s->epoch;
        status = run_epoch(&l, err);
        l.seen += l.epoch_seen;
        result->interrupted = !status && (s->epoch == epoch || (stopped(&l) && s->epoch < t->config.epochs));
    }
    if (!status && s->best && s->best_epoch) memcpy(t->net->values, s->best, t->net->total * sizeof *s->best);
    if (!status) status = score_kept(&l, result, err);
    result->diverged = status == CONVO_NUMERIC;
    if (status) goto done;
    result->epochs = (int)s->epoch;
    result->best_epoch = (int)(s->best && s->best_epoch ? s->best_epoch : s->epoch);
    result->steps = s->steps;
    result->parameters = t->net->parameters;
    result->seconds = s->seconds;
    result->examples_per_second = l.trained > 0 ? (double)l.seen / l.trained : 0;
    result->stopped_early = s->epoch < t->config.epochs && !result->interrupted;
    const cv_loader_times times = cv_loader_spent(l.loader);
    result->loaders = times.threads;
    result->loading = times.busy;
    result->waiting = times.waited;
    for (int k = 0; k < 3; k++) result->examples[k] = (int64_t)t->split->count[k];
done:
    cv_loader_free(l.loader);
    cv_scorer_free(l.scorer);
    cv_runner_free(l.trainer);
    free(l.order);
    free(l.piece);
    free(l.out);
    free(l.loss);
    cv_cpu_restore(denormals);
    return status;
}
