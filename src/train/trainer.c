// The training loop.
#include "train/update.h"

#include "base/cpu.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// One call of cv_train_run.
typedef struct loop {
    const cv_training *t;
    cv_train_state *s;
    const convo_train_options *options;
    cv_runner *trainer;
    cv_loader *loader;
    cv_scorer *scorer;
    cv_updater *updater;
    int outputs;
    int32_t *order;    // [train] rows, as this epoch visits them
    float *out, *loss; // of a batch
    cv_runner *teacher;
    float *said;                    // by the teacher of a batch
    int64_t batches, per_step;      // of an epoch; of a step, but for the last of an epoch
    int64_t per_epoch, total_steps; // steps
    double began, epoch_began, last_shown;
    int64_t epoch_seen; // in this call
    int64_t seen;       // in this call, and how long that took without scoring
    double trained;
    double learning_rate;
    convo_score validation, test; // of the last epoch
    bool asked;                   // to stop
    struct word {
        int64_t correct, stop;
    } * word;           // [ranks] of a step
    cv_traffic traffic; // in steps
} loop;

// --- the state ----------------------------------------------------------------------------------------------------

convo_status cv_train_state_new(const cv_training *t, const cv_random *random, cv_train_state *s, convo_error *err) {
    bool fits = true;
    *s = (cv_train_state){
        .random = *random, .epoch_random = *random, .best_score = NAN, .plateau = {.factor = 1, .best = NAN}};
    for (int k = 0; k < cv_optimizer_moments(t->optimizer, &t->optimizer_config); k++)
        fits &= (s->moment[k] = cv_alloc_aligned(t->net->trained + 1, sizeof(float))) != NULL;
    if (t->split->count[CONVO_VALIDATION] && t->config.keep == CV_KEEP_BEST)
        fits &= (s->best = cv_alloc_aligned(t->net->total + 1, sizeof(float))) != NULL;
    if (t->config.ema > 0) fits &= (s->average = cv_alloc_aligned(t->net->total + 1, sizeof(float))) != NULL;
    if (fits && s->average) memcpy(s->average, t->net->values, t->net->total * sizeof *s->average);
    if (fits) return CONVO_OK;
    cv_train_state_free(s);
    return cv_no_memory(err, "the optimiser's state");
}

void cv_train_state_free(cv_train_state *s) {
    free(s->moment[0]);
    free(s->moment[1]);
    free(s->best);
    free(s->average);
    *s = (cv_train_state){0};
}

convo_status cv_train_spread(const cv_training *t, cv_train_state *s, convo_error *err) {
    convo_ranks *ranks = t->ranks;
    if (!cv_ranks_any(ranks)) return CONVO_OK;
    const cv_train_state own = *s; // where its arrays are
    cv_ranks_spread(ranks, s, sizeof *s);
    for (int k = 0; k < 2; k++) s->moment[k] = own.moment[k];
    s->average = own.average;
    s->best = own.best;
    for (int k = 0; k < 2; k++)
        if (s->moment[k]) cv_ranks_spread(ranks, s->moment[k], t->net->trained * sizeof(float));
    if (s->average) cv_ranks_spread(ranks, s->average, t->net->total * sizeof(float));
    if (s->best) cv_ranks_spread(ranks, s->best, t->net->total * sizeof(float));
    cv_ranks_spread(ranks, t->net->values, t->net->total * sizeof(float));
    return cv_ranks_state(ranks, err);
}

static convo_status score_part(const loop *l, convo_part part, convo_score *score, convo_error *err) {
    const cv_split *split = l->t->split;
    return cv_score(l->scorer, split->index[part], split->count[part], NULL, score, err);
}

// --- one step -----------------------------------------------------------------------------------------------------

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

// What the losses of a batch are divided by: the number of its examples, or their weights. A mixed example counts as
// its labels do.
static double weight_of(const cv_training *t, const cv_batch *batch) {
    double sum = 0;
    if (!t->class_weight || t->loss->by_output) return batch->count;
    for (int i = 0; i < batch->count; i++) {
        const int32_t row = batch->index[i];
        const double share = batch->other ? (double)batch->share[row] : 1;
        sum += share * (double)t->class_weight[batch->label[row]];
        if (batch->other) sum += (1 - share) * (double)t->class_weight[batch->other[row]];
    }
    return sum;
}

static double quotient(double a, double b) {
    return b > 0 ? a / b : 0;
}

// What the batches of a step gave.
typedef struct sums {
    double loss, weight;
    int64_t correct, seen;
} sums;

// What the teacher says of a batch, which it sees with its own normalisation. Examples that were made are normalised
// already, for the net that is trained; so is a table of bytes.
static void ask_teacher(loop *l, cv_batch *batch, int first, int end) {
    const struct cv_teacher *t = &l->t->teacher;
    cv_values values = *batch->values;
    const bool as_they_come = values.normal && !cv_values_tabled(&values);
    values.normal = NULL;
    cv_values_normalize(&values, as_they_come ? &t->normal : &t->again);
    const cv_batch seen = {.values = &values, .index = batch->index + first, .count = end - first};
    if (end > first) cv_runner_forward(l->teacher, &seen, l->said + (ptrdiff_t)first * l->outputs, NULL);
    batch->teacher = l->said;
}

static convo_status train_batch(loop *l, sums *of_step, convo_error *err) {
    cv_train_state *s = l->s;
    cv_loaded loaded;
    const convo_status status = cv_loader_next(l->loader, &loaded, err);
    if (status) return status;
    cv_batch batch = cv_batch_of(&loaded);
    double sum = 0;
    int end;
    const int first = cv_runner_own(l->trainer, batch.count, &end);
    batch.class_weight = l->t->class_weight;
    batch.truth = l->t->source->truth;
    batch.weight = weight_of(l->t, &batch);
    if (l->teacher) ask_teacher(l, &batch, first, end);
    cv_runner_train(l->trainer, &batch, &s->random, l->out, l->loss);
    CV_TRY(cv_ranks_state(l->t->ranks, err));
    for (int i = 0; i < batch.count; i++) sum += (double)l->loss[i];
    if (!isfinite(sum)) return not_finite(l, &batch, err);
    for (int i = first; i < end; i++)
        of_step->correct +=
            cv_is_right(l->out + (ptrdiff_t)i * l->outputs, l->outputs, batch.label[batch.index[i]], batch.truth);
    of_step->loss += sum;
    of_step->weight += batch.weight;
    of_step->seen += batch.count;
    cv_updater_add(l->updater, batch.weight);
    return CONVO_OK;
}

// What each rank counted, and whether rank 0 is asked to stop: so that all stop after the same step.
static convo_status share_step(loop *l, sums *of_step, convo_error *err) {
    convo_ranks *ranks = l->t->ranks;
    const bool asked = l->options->stop && *l->options->stop;
    if (!cv_ranks_any(ranks)) return CONVO_OK;
    l->word[ranks->rank] = (struct word){of_step->correct, asked};
    cv_ranks_gather(ranks, l->word, sizeof *l->word);
    of_step->correct = 0;
    for (int k = 0; k < ranks->size; k++) of_step->correct += l->word[k].correct;
    l->asked = l->word[0].stop;
    return cv_ranks_state(ranks, err);
}

static convo_status train_step(loop *l, convo_error *err) {
    const cv_training *t = l->t;
    cv_train_state *s = l->s;
    convo_status status = CONVO_OK;
    sums of_step = {0};
    const int64_t first = s->step * l->per_step, rest = l->batches - first;
    l->learning_rate = t->optimizer_config.lr * s->plateau.factor *
                       cv_schedule_factor(t->schedule, &t->schedule_config, s->steps, l->total_steps, l->per_epoch);
    const cv_traffic before = t->ranks ? t->ranks->traffic : (cv_traffic){0};
    cv_updater_begin(l->updater, l->learning_rate);
    for (int64_t k = 0; k < l->per_step && k < rest && !status; k++) status = train_batch(l, &of_step, err);
    if (!status) status = share_step(l, &of_step, err);
    if (status) return status;
    if (t->ranks) cv_traffic_add(&l->traffic, &before, &t->ranks->traffic);
    cv_updater_end(l->updater);
    s->correct += of_step.correct;
    s->loss_sum += of_step.loss;
    s->weight_sum += of_step.weight;
    s->seen += of_step.seen;
    l->epoch_seen += of_step.seen;
    s->steps++;
    s->step++;
    if (!t->step_done || !t->config.record_every || s->steps % t->config.record_every) return CONVO_OK;
    const double n = (double)of_step.seen;
    cv_step_record record = {
        .step = s->steps,
        .train = {quotient(of_step.loss, of_step.weight), (double)of_step.correct / n, of_step.correct, of_step.seen},
        .validation = {.loss = NAN, .accuracy = NAN},
        .learning_rate = l->learning_rate};
    cv_updater_swap(l->updater);
    if (t->config.record_full) status = score_part(l, CONVO_TRAIN, &record.train, err);
    if (!status && t->config.record_validation) status = score_part(l, CONVO_VALIDATION, &record.validation, err);
    cv_updater_swap(l->updater);
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
    return (convo_score){s->seen ? quotient(s->loss_sum, s->weight_sum) : NAN, s->seen ? (double)s->correct / n : NAN,
                         s->correct, s->seen};
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
        .seconds_left = speed > 0 ? rest * (double)(l->t->config.batch * l->per_step) / speed : NAN,
    };
    l->last_shown = t;
    l->options->progress(&p, l->options->user);
}

// Scores, the best model, the record: of the moving average, where there is one.
static convo_status judge_epoch(loop *l, convo_error *err) {
    const cv_training *t = l->t;
    cv_train_state *s = l->s;
    const double trained = cv_now() - l->epoch_began;
    convo_status status = score_part(l, CONVO_VALIDATION, &l->validation, err);
    if (!status && t->config.test_each_epoch) status = score_part(l, CONVO_TEST, &l->test, err);
    if (status) return status;
    const bool highest = t->config.watch == CV_WATCH_ACCURACY;
    const double score = highest ? l->validation.accuracy : l->validation.loss; // without a validation part none
    const bool first = isnan(s->best_score) && !isnan(score);
    const bool better = first || (highest ? score > s->best_score : score < s->best_score);
    if (better) {
        s->best_score = score;
        s->best_epoch = s->epoch + 1;
    }
    if (t->schedule->watches && s->epoch >= t->schedule_config.warmup)
        cv_plateau_step(&t->schedule_config, t->optimizer_config.lr, highest, score, &s->plateau);
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
    s->loss_sum = s->weight_sum = 0;
    return t->epoch_done ? t->epoch_done(t->user, &record, err) : CONVO_OK;
}

// After the last step of an epoch.
static convo_status end_epoch(loop *l, convo_error *err) {
    cv_updater_swap(l->updater);
    convo_status status = judge_epoch(l, err);
    cv_updater_swap(l->updater);
    if (!status && l->t->checkpoint) status = l->t->checkpoint(l->t->user, l->s, err);
    return status;
}

static bool stopped(const loop *l) {
    return cv_ranks_any(l->t->ranks) ? l->asked : l->options->stop && *l->options->stop;
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
    const int64_t n = (int64_t)l->t->split->count[CONVO_TRAIN], batch = l->t->config.batch, used = l->batches * batch;
    cv_loader_begin(l->loader, s->epoch, l->order, (size_t)(used < n ? used : n),
                    (size_t)(s->step * l->per_step * batch));
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

static convo_status open_teacher(loop *l, int batch, convo_error *err) {
    const cv_training *t = l->t;
    const double temperature = t->teacher.temperature; // the options of distillation
    l->said = cv_alloc((size_t)batch * (size_t)l->outputs, sizeof *l->said);
    if (!l->said) return cv_no_memory(err, "the teacher's outputs");
    CV_TRY(cv_runner_teach(l->trainer, cv_op_find(t->net->isa, "distillation"), &temperature, t->teacher.weight, err));
    return cv_runner_borrow(l->trainer, t->teacher.net, NULL, NULL, batch, 0, t->pool, &l->teacher, err);
}

static convo_status prepare(loop *l, convo_error *err) {
    const cv_training *t = l->t;
    const int64_t examples = (int64_t)t->split->count[CONVO_TRAIN];
    const int batch = (int)(t->config.batch < examples ? t->config.batch : examples);
    convo_status status;
    l->outputs = (int)cv_shape_size(cv_net_output(t->net));
    l->batches = cv_batches_of_epoch(&t->config, examples);
    l->per_step = t->config.accumulate > 1 ? t->config.accumulate : 1;
    l->per_epoch = cv_steps_of_epoch(&t->config, examples);
    l->total_steps = l->per_epoch * t->config.epochs;
    l->validation = l->test = (convo_score){NAN, NAN, 0, 0};
    l->began = cv_now();
    l->order = cv_alloc((size_t)examples, sizeof *l->order);
    l->out = cv_alloc((size_t)batch * (size_t)l->outputs, sizeof *l->out);
    l->loss = cv_alloc((size_t)batch, sizeof *l->loss);
    if (!l->order || !l->out || !l->loss) return cv_no_memory(err, "the order of the examples");
    status = cv_runner_new(t->net, t->loss, t->loss_config, batch,
                           CV_TRAINING | (cv_ranks_any(t->ranks) ? CV_UNDIVIDED : 0), t->pool, &l->trainer, err);
    if (status) return status;
    CV_TRY(cv_runner_share(l->trainer, t->ranks, err));
    if (cv_ranks_any(t->ranks) && !(l->word = cv_alloc((size_t)t->ranks->size, sizeof *l->word)))
        return cv_no_memory(err, "what ranks tell each other");
    if (t->teacher.net && (status = open_teacher(l, batch, err))) return status;
    status = cv_updater_new(t, l->s, l->trainer, &l->updater, err);
    if (status) return status;
    status = cv_loader_new(t->source, batch, cv_pool_running(t->pool), &l->loader, err);
    if (status) return status;
    CV_TRY(cv_scorer_new(l->trainer, t->net, t->loss, t->loss_config, t->source, t->pool, &l->scorer, err));
    cv_scorer_share(l->scorer, t->ranks);
    return CONVO_OK;
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
    if (!status) cv_updater_swap(l.updater);
    if (!status && s->best && s->best_epoch) memcpy(t->net->values, s->best, t->net->total * sizeof *s->best);
    if (!status && !result->interrupted) status = score_kept(&l, result, err); // who stops does not wait for scores
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
    result->ranks = convo_ranks_size(t->ranks);
    result->stepping = l.trained;
    result->exchanging = l.traffic.waited;
    result->exchanged = l.traffic.sent;
    result->exchanges = l.traffic.exchanges;
    for (int k = 0; k < 3; k++) result->examples[k] = (int64_t)t->split->count[k];
done:
    cv_loader_free(l.loader);
    cv_scorer_free(l.scorer);
    cv_updater_free(l.updater);
    cv_runner_free(l.teacher);
    free(l.said);
    cv_runner_free(l.trainer);
    free(l.order);
    free(l.out);
    free(l.loss);
    free(l.word);
    cv_cpu_restore(denormals);
    return status;
}
