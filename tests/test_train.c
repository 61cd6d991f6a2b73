// The training loop: the same bits for any number of threads and across interruptions, early stopping, losses that are
// not finite, no allocation in a step. That it does what PyTorch does is tested in test_optimizer.c.
#include "lesson.h"

#include <stdatomic.h>

// --- counted allocations ------------------------------------------------------------------------------------------

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(SANITIZED)
#define COUNTS_ALLOCATIONS
static atomic_long allocations;
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}
#endif

static void steps_allocate_nothing(void **state) {
    (void)state;
#ifdef COUNTS_ALLOCATIONS
    const syllabus two = {MODERN, .examples = 64, .validation = 0, .train = {.batch = 32, .epochs = 1}};
    const syllabus many = {MODERN, .examples = 320, .validation = 0, .train = {.batch = 32, .epochs = 3}};
    long counted[2];
    for (int k = 0; k < 2; k++) {
        lesson l;
        lesson_new(&l, k ? &many : &two, cv_isa_find(NULL), 2);
        const long before = atomic_load(&allocations);
        must(lesson_run(&l), &l.err);
        counted[k] = atomic_load(&allocations) - before;
        assert_int_equal(l.steps, k ? 30 : 2);
        lesson_free(&l);
    }
    assert_true(counted[0] > 10); // the planning
    if (counted[0] != counted[1]) fail_msg("%ld allocations in 2 steps, %ld in 30", counted[0], counted[1]);
#else
    print_message("allocations are counted with glibc and without sanitizers only\n");
    skip();
#endif
}

// --- the same bits ------------------------------------------------------------------------------------------------

static void check_bits(const char *what, const char *where, const void *a, const void *b, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (((const char *)a)[i] != ((const char *)b)[i]) fail_msg("%s: %s differ from byte %zu on", where, what, i);
}

static void check_score(const char *what, const char *where, convo_score a, convo_score b) {
    check_bits(what, where, &a.loss, &b.loss, sizeof a.loss);
    assert_int_equal(a.correct, b.correct);
    assert_int_equal(a.count, b.count);
}

static void check_same_lesson(const char *where, const lesson *a, const lesson *b) {
    check_bits("weights", where, a->net->values, b->net->values, a->net->total * sizeof(float));
    for (int k = 0; k < 2; k++)
        if (a->state.moment[k])
            check_bits("moments", where, a->state.moment[k], b->state.moment[k], a->net->trained * sizeof(float));
    if (a->state.average)
        check_bits("averages", where, a->state.average, b->state.average, a->net->total * sizeof(float));
    if (a->state.best) check_bits("best weights", where, a->state.best, b->state.best, a->net->total * sizeof(float));
    check_bits("random numbers", where, a->state.random.state, b->state.random.state, sizeof a->state.random.state);
    check_bits("losses", where, a->loss, b->loss, (size_t)a->steps * sizeof *a->loss);
    check_score("training scores", where, a->result.train, b->result.train);
    check_score("validation scores", where, a->result.validation, b->result.validation);
    assert_int_equal(a->result.best_epoch, b->result.best_epoch);
    assert_int_equal(a->result.epochs, b->result.epochs);
    assert_int_equal(a->result.steps, b->result.steps);
}

static const float three_weights[] = {1, 0, 2.5f}, ten_weights[] = {1, 2, 0, 1, 0.5f, 1, 1, 3, 1, 1};

// A layer that is updated on its way back, and whose weights fill no whole number of cache lines.
static const layer wide_layers[] = {{"0", "linear", "{out: 301}", {FROM_INPUT}},
                                    {"1", "tanh", NULL, {0}},
                                    {"2", "linear", "{out: 3}", {0}},
                                    {.op = NULL}};

static const syllabus long_runs[] = {
    // More blocks than shards, parameters in several chunks, a last batch that is not full.
    {COURSE, .name = "course", .examples = 310, .validation = 50, .train = {.batch = 150, .epochs = 5}},
    {MODERN, .name = "modern", .examples = 310, .validation = 50, .train = {.batch = 150, .epochs = 5}},
    {.name = "wide",
     .layers = wide_layers,
     .input = {1, 1001, 1, 1},
     .classes = 3,
     .examples = 20,
     .noise = 0.5f,
     .scale = 1,
     .loss = "cross_entropy",
     .optimizer = "adam",
     .schedule = "constant",
     .train = {.batch = 7, .epochs = 2}},
    {MODERN, .name = "average, clipped, accumulated", .examples = 310, .validation = 50,
     .train = {.batch = 50, .epochs = 4, .ema = 0.9, .clip_norm = 0.1, .clip_value = 0.02, .accumulate = 2}},
    {MODERN, .name = "taught", .examples = 310, .validation = 50, .class_weight = ten_weights,
     .teacher = {.temperature = 2, .weight = 0.6, .std = 2}, .train = {.batch = 150, .epochs = 3}},
    {.name = "wide, clipped",
     .layers = wide_layers,
     .input = {1, 1001, 1, 1},
     .classes = 3,
     .examples = 20,
     .validation = 5,
     .noise = 0.5f,
     .scale = 1,
     .loss = "cross_entropy",
     .class_weight = three_weights,
     .optimizer = "adamw",
     .optimizer_options = "{weight_decay: 0.5, decays: weights}",
     .schedule = "constant",
     .train = {.batch = 7, .epochs = 2, .ema = 0.99, .ema_warmup = true, .clip_value = 0.001}},
};

static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    for (size_t k = 0; isa_at(k); k++)
        for (size_t n = 0; n < CV_COUNT(long_runs); n++) {
            lesson l[3];
            for (int threads = 1; threads <= 3; threads++) {
                char where[64];
                snprintf(where, sizeof where, "%s, %s, %d threads", isa_at(k)->name, long_runs[n].name, threads);
                lesson_new(&l[threads - 1], &long_runs[n], isa_at(k), threads);
                must(lesson_run(&l[threads - 1]), &l[threads - 1].err);
                check_same_lesson(where, &l[0], &l[threads - 1]);
            }
            for (int i = 0; i < 3; i++) lesson_free(&l[i]);
        }
}

// Stops after `step`, goes on in a new lesson from the checkpoint, and ends with the bits of `whole`.
static void interrupt(const lesson *whole, int64_t step) {
    lesson first, second;
    char where[64];
    const bool last = step == whole->steps;
    snprintf(where, sizeof where, "%s, stopped after step %lld", whole->syllabus->name, (long long)step);
    lesson_new(&first, whole->syllabus, whole->net->isa, 2);
    lesson_new(&second, whole->syllabus, whole->net->isa, 1);
    first.stop_after = step;
    must(lesson_run(&first), &first.err);
    if (first.result.interrupted == last) fail_msg("%s: interrupted is %d", where, first.result.interrupted);
    assert_int_equal(first.steps, step);
    copy_state(&second.state, &first.saved, second.net);
    memcpy(second.net->values, first.saved_values, second.net->total * sizeof(float));
    memcpy(second.loss, first.loss, sizeof first.loss);
    must(lesson_run(&second), &second.err);
    if (last) second.steps = step;
    check_same_lesson(where, whole, &second);
    lesson_free(&first);
    lesson_free(&second);
}

static void an_interrupted_training_goes_on_to_the_same_bits(void **state) {
    (void)state;
    static const syllabus runs[] = {
        {MODERN, .name = "modern", .examples = 200, .validation = 40, .train = {.batch = 32, .epochs = 4}},
        {TINY, .name = "adamw", .examples = 40, .validation = 10, .optimizer = "adamw", .schedule = "one_cycle",
         .train = {.batch = 7, .epochs = 4, .order = CV_REPLACEMENT}},
        {TINY, .name = "without validation", .examples = 35, .optimizer = "adam", .schedule = "constant",
         .train = {.batch = 7, .epochs = 4, .order = CV_FIXED}},
        {TINY, .name = "last batch left out", .examples = 34, .optimizer = "adam", .schedule = "one_cycle",
         .train = {.batch = 6, .epochs = 4, .drop_last = true}},
        {MODERN, .name = "average", .examples = 200, .validation = 40,
         .train = {.batch = 32, .epochs = 4, .ema = 0.8, .clip_norm = 0.1}},
        {MODERN, .name = "average, without validation", .examples = 160, .validation = 0,
         .train = {.batch = 32, .epochs = 4, .ema = 0.8, .ema_warmup = true}},
        {MODERN, .name = "taught", .examples = 200, .validation = 40, .class_weight = ten_weights,
         .teacher = {.temperature = 2, .weight = 0.6, .std = 2}, .train = {.batch = 32, .epochs = 4}},
        {TINY, .name = "on plateau", .examples = 45, .validation = 10, .optimizer = "sgd",
         .optimizer_options = "{lr: 1}", .schedule = "on_plateau",
         .schedule_options = "{patience: 0, factor: 0.5, cooldown: 1}",
         .train = {.batch = 7, .epochs = 4, .watch = CV_WATCH_ACCURACY}},
        {TINY, .name = "accumulated, with weights", .examples = 65, .validation = 10, .optimizer = "adamw",
         .schedule = "one_cycle", .class_weight = three_weights,
         .train = {.batch = 4, .epochs = 4, .accumulate = 3, .clip_value = 0.1}},
    };
    for (size_t n = 0; n < CV_COUNT(runs); n++) {
        lesson whole;
        lesson_new(&whole, &runs[n], cv_isa_find(NULL), 2);
        must(lesson_run(&whole), &whole.err);
        assert_int_equal(whole.steps, 20);
        for (int64_t step = 1; step <= whole.steps; step++) interrupt(&whole, step);
        lesson_free(&whole);
    }
}

// --- the mean of an epoch -----------------------------------------------------------------------------------------

// Of its examples, not of its steps: the last batch, and one larger than the whole part, count for what they hold.
static void the_loss_of_an_epoch_is_the_mean_of_its_examples(void **state) {
    (void)state;
    static const int batches[] = {1, 7, 32, 34, 35, 64};
    for (size_t k = 0; k < CV_COUNT(batches); k++) {
        const syllabus s = {TINY,
                            .examples = 35,
                            .optimizer = "sgd",
                            .optimizer_options = "{lr: 0.5}",
                            .schedule = "constant",
                            .train = {.batch = batches[k], .epochs = 2}};
        lesson l;
        lesson_new(&l, &s, cv_isa_find(NULL), 1);
        must(lesson_run(&l), &l.err);
        const int batch = batches[k], per_epoch = (35 + batch - 1) / batch;
        for (int epoch = 0, step = 0; epoch < 2; epoch++) {
            double sum = 0;
            for (int left = 35; left > 0; left -= batch) sum += l.loss[step++] * (left < batch ? left : batch);
            const convo_score score = l.epoch[epoch].score[CONVO_TRAIN];
            assert_int_equal(step, (epoch + 1) * per_epoch);
            assert_int_equal(score.count, 35);
            if (!(fabs(score.loss - sum / 35) < 1e-12))
                fail_msg("batch %d: %.17g, not %.17g", batch, score.loss, sum / 35);
        }
        lesson_free(&l);
    }
}

// --- the last batch -----------------------------------------------------------------------------------------------

// 35 examples in batches of 8 are 32 examples then, in steps, losses and the schedule.
static void drop_last_leaves_out_what_fills_no_batch(void **state) {
    (void)state;
    syllabus s = {TINY, .optimizer = "sgd", .optimizer_options = "{lr: 0.1}", .schedule = "one_cycle",
                  .train = {.batch = 8, .epochs = 3, .order = CV_FIXED, .drop_last = true}};
    lesson l[2];
    for (int k = 0; k < 2; k++) {
        s.examples = k ? 35 : 32;
        lesson_new(&l[k], &s, cv_isa_find(NULL), 1);
        must(lesson_run(&l[k]), &l[k].err);
    }
    assert_int_equal(l[1].result.steps, 12);
    check_bits("weights", "drop_last", l[0].net->values, l[1].net->values, l[0].net->total * sizeof(float));
    check_bits("losses", "drop_last", l[0].loss, l[1].loss, 12 * sizeof *l[0].loss);
    for (int e = 0; e < 3; e++)
        check_score("scores", "drop_last", l[0].epoch[e].score[CONVO_TRAIN], l[1].epoch[e].score[CONVO_TRAIN]);
    for (int k = 0; k < 2; k++) lesson_free(&l[k]);
}

static const layer normed_layers[] = {{"0", "linear", "{out: 5}", {FROM_INPUT}},
                                      {"1", "batchnorm", NULL, {0}},
                                      {"2", "linear", "{out: 3}", {0}},
                                      {.op = NULL}};

// PyTorch refuses: "Expected more than 1 value per channel when training".
static void a_batch_norm_refuses_one_value_per_channel(void **state) {
    (void)state;
    static const struct {
        const char *says; // NULL: it is trained
        int examples, batch;
        bool drop_last, maps, frozen;
    } cases[] = {
        {"one example of 33 in batches of 32, which has no variance: set train.drop_last", 33, 32, .maps = false},
        {"batches of one example, which has no variance: set train.batch to 2", 6, 1, .maps = false},
        {"batches of one example", 6, 1, .drop_last = true},
        {"one example of 1 in batches of 8, which has no variance: add", 1, 8, .maps = false},
        {"drop_last leaves no batch: 7 training examples are fewer than one batch of 8", 7, 8, .drop_last = true},
        {NULL, 33, 32, .drop_last = true},
        {NULL, 34, 32, .maps = false},
        {NULL, 33, 32, .maps = true},
        {NULL, 33, 32, .frozen = true},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        syllabus s = {MODERN, .examples = cases[k].examples, .train = {.epochs = 1}};
        const syllabus vectors = {TINY, .examples = cases[k].examples, .optimizer = "adam", .schedule = "constant",
                                  .train = {.epochs = 1}};
        if (!cases[k].maps) s = vectors, s.layers = normed_layers;
        s.train.batch = cases[k].batch;
        s.train.drop_last = cases[k].drop_last;
        lesson l;
        lesson_new(&l, &s, cv_isa_find(NULL), 1);
        l.net->node[1].frozen = cases[k].frozen;
        const convo_status status = lesson_run(&l);
        if (!cases[k].says) must(status, &l.err);
        if (cases[k].says && (status != CONVO_ARGUMENT || !strstr(l.err.message, cases[k].says)))
            fail_msg("case %zu: '%s' does not say '%s'", k, l.err.message, cases[k].says);
        if (cases[k].says) assert_int_equal(l.steps, 0);
        lesson_free(&l);
    }
}

// --- steps of several batches, moving averages ---------------------------------------------------------------------

// But for rounding, which is that of one pass.
static void accumulated_batches_are_one_large_batch(void **state) {
    (void)state;
    syllabus s = {TINY,
                  .examples = 70,
                  .optimizer = "adam",
                  .optimizer_options = "{lr: 0.01}",
                  .schedule = "one_cycle",
                  .class_weight = three_weights,
                  .train = {.batch = 32, .epochs = 20, .clip_norm = 0.5}};
    lesson l[2];
    for (int k = 0; k < 2; k++) {
        if (k) s.train.batch = 8, s.train.accumulate = 4;
        lesson_new(&l[k], &s, cv_isa_find(NULL), 1);
        must(lesson_run(&l[k]), &l[k].err);
        assert_int_equal(l[k].result.steps, 60);
    }
    for (int64_t i = 0; i < 60; i++)
        if (!(fabs(l[1].loss[i] - l[0].loss[i]) <= 1e-5 * l[0].loss[i]))
            fail_msg("step %lld: loss %.9g, not %.9g", (long long)i + 1, l[1].loss[i], l[0].loss[i]);
    for (int k = 0; k < 2; k++) lesson_free(&l[k]);
}

// What is kept and scored is the average; what is trained is as without it.
static void an_average_is_scored_and_kept_and_changes_no_step(void **state) {
    (void)state;
    syllabus s = {MODERN, .examples = 200, .validation = 40, .train = {.batch = 32, .epochs = 3}};
    lesson l[2];
    for (int k = 0; k < 2; k++) {
        s.train.ema = k ? 0.95 : 0;
        lesson_new(&l[k], &s, cv_isa_find(NULL), 1);
        must(lesson_run(&l[k]), &l[k].err);
    }
    check_bits("losses", "average", l[0].loss, l[1].loss, (size_t)l[0].steps * sizeof *l[0].loss);
    for (int e = 0; e < 3; e++) {
        check_score("training scores", "average", l[0].epoch[e].score[0], l[1].epoch[e].score[0]);
        const double plain = l[0].epoch[e].score[1].loss, average = l[1].epoch[e].score[1].loss;
        if (!(fabs(plain - average) > 1e-3)) fail_msg("epoch %d: the average was not scored", e + 1);
    }
    check_score("scores", "kept", l[1].result.validation, l[1].epoch[l[1].result.best_epoch - 1].score[1]);
    for (int k = 0; k < 2; k++) lesson_free(&l[k]);
}

// Before it there is nothing to average.
static void the_first_step_is_its_own_average(void **state) {
    (void)state;
    syllabus s = {MODERN, .examples = 32, .validation = 0, .train = {.batch = 32, .epochs = 1}};
    lesson l[2];
    for (int k = 0; k < 2; k++) {
        s.train.ema = k ? 0.9 : 0;
        lesson_new(&l[k], &s, cv_isa_find(NULL), 1);
        must(lesson_run(&l[k]), &l[k].err);
        assert_int_equal(l[k].steps, 1);
    }
    check_bits("weights", "average", l[0].net->values, l[1].net->values, l[0].net->total * sizeof(float));
    for (int k = 0; k < 2; k++) lesson_free(&l[k]);
}

// --- weight decay -------------------------------------------------------------------------------------------------

static const layer decayed_layers[] = {{"0", "linear", "{out: 301}", {FROM_INPUT}}, // updated on its way back
                                       {"1", "tanh", NULL, {0}},
                                       {"2", "linear", "{out: 12}", {0}},
                                       {"3", "batchnorm", NULL, {0}},
                                       {"4", "linear", "{out: 3}", {0}},
                                       {.op = NULL}};
static const layer normed_maps[] = {{"0", "conv1d", "{out: 4, kernel: 3}", {FROM_INPUT}},
                                    {"1", "layernorm", "{over: all}", {0}}, // parameters of two dimensions
                                    {"2", "prelu", NULL, {0}},
                                    {"3", "flatten", NULL, {0}},
                                    {"4", "linear", "{out: 3}", {0}},
                                    {.op = NULL}};

static double size_of(const lesson *l, int t) {
    double sum = 0;
    float *values = test_memory(l->net->tensor[t].size, sizeof *values);
    cv_net_read(l->net, t, values);
    for (size_t i = 0; i < l->net->tensor[t].size; i++) sum += (double)values[i] * (double)values[i];
    free(values);
    return sqrt(sum);
}

// A decay that halves what it acts on in every step, and steps that hardly move the rest.
static void weight_decay_spares_norms_and_biases_if_asked(void **state) {
    (void)state;
    for (int all = 0; all < 2; all++)
        for (int maps = 0; maps < 2; maps++) {
            const syllabus s = {.layers = maps ? normed_maps : decayed_layers,
                                .input = maps ? (cv_shape){2, 3, 1, 9} : (cv_shape){1, 1001, 1, 1},
                                .classes = 3,
                                .examples = 24,
                                .noise = 0.5f,
                                .scale = 1,
                                .loss = "cross_entropy",
                                .optimizer = "adamw",
                                .optimizer_options = all ? "{lr: 0.0001, weight_decay: 500}"
                                                         : "{lr: 0.0001, weight_decay: 500, decays: weights}",
                                .schedule = "constant",
                                .train = {.batch = 8, .epochs = 20}};
            lesson l;
            double before[16];
            lesson_new(&l, &s, cv_isa_find(NULL), 1);
            for (int t = 0; t < l.net->tensors; t++) before[t] = size_of(&l, t);
            must(lesson_run(&l), &l.err);
            for (int t = 0; t < l.net->tensors; t++) {
                const cv_net_tensor *tensor = &l.net->tensor[t];
                const bool scales = tensor->spec.init == CV_INIT_ONE || tensor->spec.dims == 1;
                if (tensor->spec.buffer || before[t] < 0.1) continue; // biases of norms start at 0
                const double kept = size_of(&l, t) / before[t];
                if (all || !scales ? kept > 0.2 : fabs(kept - 1) > 0.2)
                    fail_msg("%s, %s decay: %.3f of it is left", tensor->name, all ? "all" : "weights", kept);
            }
            lesson_free(&l);
        }
}

// --- early stopping -----------------------------------------------------------------------------------------------

static const syllabus overfitting = {TINY,
                                     .examples = 60,
                                     .validation = 40,
                                     .optimizer = "sgd",
                                     .optimizer_options = "{lr: 1}",
                                     .schedule = "constant",
                                     .train = {.batch = 5, .epochs = 200, .patience = 4}};

static int lowest_loss(const lesson *l) {
    int best = 0;
    for (int i = 1; i < l->epochs; i++)
        if (l->epoch[i].score[CONVO_VALIDATION].loss < l->epoch[best].score[CONVO_VALIDATION].loss) best = i;
    return best + 1;
}

static void early_stopping_keeps_the_best_epoch(void **state) {
    (void)state;
    lesson l;
    lesson_new(&l, &overfitting, cv_isa_find(NULL), 1);
    must(lesson_run(&l), &l.err);
    const int best = lowest_loss(&l);
    assert_true(l.result.stopped_early);
    assert_in_range(best, 2, 100); // else this tests nothing
    assert_int_equal(l.result.best_epoch, best);
    assert_int_equal(l.result.epochs, best + 4);
    assert_int_equal(l.epochs, best + 4);
    check_bits("weights", "kept model", l.net->values, l.epoch_values, l.net->total * sizeof(float));
    check_score("validation scores", "kept model", l.result.validation, l.epoch[best - 1].score[CONVO_VALIDATION]);
    lesson_free(&l);
}

static void epochs_may_be_compared_by_accuracy(void **state) {
    (void)state;
    syllabus s = overfitting;
    lesson l;
    s.train.watch = CV_WATCH_ACCURACY;
    s.noise = 0.85f;
    lesson_new(&l, &s, cv_isa_find(NULL), 1);
    must(lesson_run(&l), &l.err);
    int best = 0;
    for (int i = 1; i < l.epochs; i++)
        if (l.epoch[i].score[CONVO_VALIDATION].correct > l.epoch[best].score[CONVO_VALIDATION].correct) best = i;
    assert_true(best + 1 != lowest_loss(&l)); // else this tests nothing
    assert_int_equal(l.result.best_epoch, best + 1);
    assert_int_equal(l.result.epochs, best + 5);
    check_score("validation scores", "kept model", l.result.validation, l.epoch[best].score[CONVO_VALIDATION]);
    lesson_free(&l);
}

// Its epochs are those of a warm-up as well: they are not waited through.
static void a_plateau_cuts_the_rate(void **state) {
    (void)state;
    syllabus s = overfitting;
    lesson l;
    s.train.patience = 0;
    s.train.epochs = 30;
    s.schedule = "on_plateau";
    s.schedule_options = "{patience: 1, factor: 0.5, warmup: 3}";
    lesson_new(&l, &s, cv_isa_find(NULL), 1);
    must(lesson_run(&l), &l.err);
    double rate = 1, best = INFINITY;
    int bad = 0, cuts = 0;
    for (int i = 0; i < 30; i++) {
        const double loss = l.epoch[i].score[CONVO_VALIDATION].loss;
        if (i >= 3) assert_true(l.epoch[i].learning_rate == rate);
        if (i < 3) continue;
        bad = loss < best * (1 - 1e-4) ? 0 : bad + 1;
        if (!bad) best = loss;
        if (bad > 1) rate /= 2, bad = 0, cuts++;
    }
    assert_in_range(cuts, 2, 15);
    lesson_free(&l);
}

static void what_is_watched_needs_a_validation_part(void **state) {
    (void)state;
    static const char *const says[] = {"train.patience needs a validation part", "train.watch needs",
                                       "train.schedule.on_plateau needs"};
    for (int k = 0; k < 3; k++) {
        syllabus s = overfitting;
        lesson l;
        s.validation = 0;
        s.train.patience = k == 0 ? 4 : 0;
        s.train.watch = k == 1 ? CV_WATCH_ACCURACY : CV_WATCH_LOSS;
        if (k == 2) s.schedule = "on_plateau";
        lesson_new(&l, &s, cv_isa_find(NULL), 1);
        assert_int_equal(lesson_run(&l), CONVO_ARGUMENT);
        if (!strstr(l.err.message, says[k])) fail_msg("'%s' does not say '%s'", l.err.message, says[k]);
        lesson_free(&l);
    }
}

static void without_patience_the_last_epoch_comes(void **state) {
    (void)state;
    syllabus s = overfitting;
    lesson l;
    s.train.patience = 0;
    s.train.epochs = 30;
    s.train.keep = CV_KEEP_LAST;
    lesson_new(&l, &s, cv_isa_find(NULL), 1);
    must(lesson_run(&l), &l.err);
    assert_false(l.result.stopped_early);
    assert_int_equal(l.result.epochs, 30);
    assert_int_equal(l.result.best_epoch, 30);
    check_score("validation scores", "last model", l.result.validation, l.epoch[29].score[CONVO_VALIDATION]);
    lesson_free(&l);
}

// --- bytes --------------------------------------------------------------------------------------------------------

// The lesson's values rounded to bytes; as they are, or made to the floats that they stand for.
static void make_bytes(lesson *l, bool widen) {
    const size_t size = (size_t)cv_shape_size(l->syllabus->input), rows = (size_t)l->syllabus->examples;
    float *value = l->values.value;
    l->values = (cv_values){.byte = test_memory(rows * size, 1)};
    for (size_t i = 0; i < rows * size; i++) l->values.byte[i] = (uint8_t)(128 + lrintf(60 * value[i]));
    for (int b = 0; b < 256; b++) l->values.of_byte[b] = (float)(b - 128) / 77;
    free(value);
    if (widen) assert_true(cv_values_widen(&l->values, rows, size));
}

// One pair for all, and one for each channel or column: floats normalised by hand, floats, bytes.
static void bytes_train_to_the_bits_of_the_floats_they_stand_for(void **state) {
    (void)state;
    const syllabus s = {MODERN, .examples = 70, .validation = 20, .train = {.batch = 23, .epochs = 2}};
    const size_t row[3] = {(size_t)s.input.c, (size_t)s.input.h, (size_t)s.input.w}, size = row[0] * row[1] * row[2];
    assert_true(row[0] > 1 && row[2] > 1);
    const size_t dims[][3] = {{1, 1, 1}, {row[0], 1, 1}, {1, 1, row[2]}, {row[0], 1, row[2]}};
    for (size_t k = 0; isa_at(k); k++)
        for (size_t d = 0; d < CV_COUNT(dims); d++) {
            lesson l[3];
            cv_normal normal;
            assert_true(cv_normal_new(row, dims[d], &normal));
            for (size_t i = 0; i < cv_normal_count(&normal); i++) {
                normal.mean[i] = 0.1f * (float)i - 0.3f;
                normal.std[i] = 0.7f + 0.1f * (float)i;
            }
            for (int n = 0; n < 3; n++) {
                lesson_new(&l[n], &s, isa_at(k), 2);
                make_bytes(&l[n], n < 2);
                if (n) cv_values_normalize(&l[n].values, &normal);
                for (int i = 0; n == 0 && i < s.examples; i++)
                    cv_normal_apply(&normal, 0, size, l[n].values.value + (size_t)i * size);
                must(lesson_run(&l[n]), &l[n].err);
            }
            for (int n = 1; n < 3; n++) check_same_lesson(isa_at(k)->name, &l[0], &l[n]);
            for (int n = 0; n < 3; n++) lesson_free(&l[n]);
            cv_normal_free(&normal);
        }
}

// --- numbers that are not finite ----------------------------------------------------------------------------------

static void check_refusal(lesson *l, const char *place, const char *layer_name) {
    const convo_status status = lesson_run(l);
    assert_int_equal(status, CONVO_NUMERIC);
    if (!strstr(l->err.message, place) || !strstr(l->err.message, layer_name))
        fail_msg("'%s' does not say '%s' and '%s'", l->err.message, place, layer_name);
}

static void a_loss_that_is_not_finite_names_step_and_layer(void **state) {
    (void)state;
    const syllabus s = {TINY,
                        .examples = 30,
                        .optimizer = "sgd",
                        .optimizer_options = "{lr: 0.1}",
                        .schedule = "constant",
                        .train = {.batch = 10, .epochs = 3, .order = CV_FIXED}};
    for (size_t k = 0; isa_at(k); k++) {
        lesson l;
        lesson_new(&l, &s, isa_at(k), 2);
        l.values.value[6 * 17] = NAN; // example 17 is in the second batch
        check_refusal(&l, "step 2 of epoch 1", "layer 0 (linear)");
        assert_string_equal(l.err.where, "0");
        lesson_free(&l);

        lesson_new(&l, &s, isa_at(k), 2); // infinite weights in the last layer
        const float infinite[15] = {INFINITY};
        cv_net_write(l.net, 2, infinite);
        check_refusal(&l, "step 1 of epoch 1", "layer 2 (linear)");
        lesson_free(&l);

        lesson_new(&l, &s, isa_at(k), 2);
        l.training.optimizer_config.lr = 1e38;
        check_refusal(&l, "the loss is not finite", "of epoch 1");
        assert_in_range(l.steps, 1, 8);
        lesson_free(&l);
    }
}

// Examples of several blocks fail in several layers: the first of these is named, whatever block it is in.
static void of_all_blocks_the_first_layer_that_is_not_finite_is_named(void **state) {
    (void)state;
    const syllabus s = {TINY,
                        .examples = 40,
                        .optimizer = "sgd",
                        .optimizer_options = "{lr: 0.1}",
                        .schedule = "constant",
                        .train = {.batch = 40, .epochs = 1, .order = CV_FIXED}};
    for (int early = 0; early < 2; early++) { // the block that fails in layer 0
        lesson l;
        lesson_new(&l, &s, cv_isa_find(NULL), 1);
        float weight[30], huge[15];
        cv_net_read(l.net, 0, weight);
        for (int i = 0; i < 15; i++) huge[i] = 3e38f; // finite times what tanh gives of small numbers
        cv_net_write(l.net, 2, huge);
        for (int i = 0; i < 6 * 40; i++) l.values.value[i] = 0;
        cv_net_write(l.net, 1, (float[5]){0});
        for (int i = 0; i < 6; i++) l.values.value[6 * (early ? 39 : 0) + i] = weight[i] > 0 ? 50.0f : -50.0f;
        l.values.value[6 * (early ? 0 : 39)] = NAN;
        check_refusal(&l, "step 1 of epoch 1", "layer 0 (linear)");
        lesson_free(&l);
    }
}

// --- two classes, one output --------------------------------------------------------------------------------------

static void logistic_counts_by_the_sign_of_its_output(void **state) {
    (void)state;
    static const layer layers[] = {{"0", "linear", "{out: 1}", {FROM_INPUT}}, {.op = NULL}};
    const syllabus s = {.layers = layers,
                        .input = {1, 6, 1, 1},
                        .classes = 2,
                        .examples = 80,
                        .validation = 30,
                        .noise = 0.6f,
                        .scale = 1,
                        .loss = "logistic",
                        .optimizer = "sgd",
                        .optimizer_options = "{lr: 0.1}",
                        .schedule = "constant",
                        .train = {.batch = 16, .epochs = 4}};
    lesson l;
    int64_t correct[2] = {0};
    lesson_new(&l, &s, cv_isa_find(NULL), 1);
    must(lesson_run(&l), &l.err);
    float weight[6], bias;
    cv_net_read(l.net, 0, weight);
    cv_net_read(l.net, 1, &bias);
    for (int n = 0; n < s.examples; n++) {
        double output = (double)bias;
        for (int i = 0; i < 6; i++) output += (double)weight[i] * (double)l.values.value[6 * n + i];
        correct[n >= 50] += (output > 0) == (l.label[n] == 1);
    }
    assert_int_equal(l.result.train.correct, correct[0]);
    assert_int_equal(l.result.validation.correct, correct[1]);
    assert_in_range(correct[0], 35, 50); // it has learnt something
    assert_true(l.result.validation.accuracy == (double)correct[1] / 30);
    lesson_free(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_allocate_nothing),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(an_interrupted_training_goes_on_to_the_same_bits),
        cmocka_unit_test(the_loss_of_an_epoch_is_the_mean_of_its_examples),
        cmocka_unit_test(drop_last_leaves_out_what_fills_no_batch),
        cmocka_unit_test(a_batch_norm_refuses_one_value_per_channel),
        cmocka_unit_test(accumulated_batches_are_one_large_batch),
        cmocka_unit_test(an_average_is_scored_and_kept_and_changes_no_step),
        cmocka_unit_test(the_first_step_is_its_own_average),
        cmocka_unit_test(weight_decay_spares_norms_and_biases_if_asked),
        cmocka_unit_test(early_stopping_keeps_the_best_epoch),
        cmocka_unit_test(epochs_may_be_compared_by_accuracy),
        cmocka_unit_test(a_plateau_cuts_the_rate),
        cmocka_unit_test(what_is_watched_needs_a_validation_part),
        cmocka_unit_test(without_patience_the_last_epoch_comes),
        cmocka_unit_test(bytes_train_to_the_bits_of_the_floats_they_stand_for),
        cmocka_unit_test(a_loss_that_is_not_finite_names_step_and_layer),
        cmocka_unit_test(of_all_blocks_the_first_layer_that_is_not_finite_is_named),
        cmocka_unit_test(logistic_counts_by_the_sign_of_its_output),
    };
    return cmocka_run_group_tests_name("train", tests, NULL, NULL);
}
