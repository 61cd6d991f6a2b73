// How fast a recipe's net trains and runs, and where the time goes.
#include "base/cpu.h"
#include "inspect/layers.h"
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum {
    REPETITIONS = 7,
    MOST_STEPPED = 1 << 22, // examples of a repetition
    MOST_CALLS = 1 << 16,   // of one example
    MOST_PASSES = 64,       // of layers that are timed
    LEAST_PASSES = 3,
    PROFILE_BATCH = 256,  // examples of a pass whose layers are timed
    MOST_EXAMPLES = 8192, // in memory, but as many as a batch has
};
static const size_t most_bytes = 64 << 20; // of them

typedef struct rig {
    const convo_recipe *recipe;
    const cv_isa *isa;
    const cv_op *loss;
    cv_net *net;
    cv_pool *pool, *one; // of all threads; of one
    cv_random random;
    int batch;
    double seconds; // for each figure
    size_t examples;
    cv_values values;        // [examples][size of the net's input]
    int32_t *label, *index;  // [examples]
    float *outputs, *losses; // of a batch
} rig;

// --- what is measured on ------------------------------------------------------------------------------------------

static convo_status make_examples(rig *b, convo_error *err) {
    const size_t size = (size_t)cv_shape_size(b->net->input), outputs = (size_t)cv_shape_size(cv_net_output(b->net));
    size_t numbers = 0;
    b->examples = most_bytes / (size * sizeof(float));
    if (b->examples > MOST_EXAMPLES) b->examples = MOST_EXAMPLES;
    if (b->examples < (size_t)b->batch) b->examples = (size_t)b->batch;
    if (!cv_mul(b->examples, size, &numbers)) return cv_no_memory(err, "the examples of a benchmark");
    b->values.value = cv_alloc_aligned(numbers, sizeof(float));
    b->label = cv_alloc(b->examples, sizeof *b->label);
    b->index = cv_alloc(b->examples, sizeof *b->index);
    b->outputs = cv_alloc((size_t)b->batch, outputs * sizeof *b->outputs);
    b->losses = cv_alloc((size_t)b->batch, sizeof *b->losses);
    if (!b->values.value || !b->label || !b->index || !b->outputs || !b->losses)
        return cv_no_memory(err, "the examples of a benchmark; a smaller batch needs less");
    cv_random_normal(&b->random, 0, 1, b->values.value, numbers);
    for (size_t i = 0; i < b->examples; i++) {
        b->index[i] = (int32_t)i;
        b->label[i] = (int32_t)(cv_random_u32(&b->random) % (outputs > 1 ? outputs : 2));
    }
    return CONVO_OK;
}

// Batch k of `count` examples, going round and round.
static cv_batch batch_at(const rig *b, int count, int64_t k) {
    const int64_t batches = (int64_t)b->examples / count;
    // NOLINTNEXTLINE(*DivideZero): there are as many examples as a batch has, or more
    return (cv_batch){.values = &b->values, .index = b->index + k % batches * count, .label = b->label, .count = count};
}

// --- medians ------------------------------------------------------------------------------------------------------

static int rising(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// The smallest number that this share of them is not above. x: is sorted.
static double quantile(double *x, size_t count, double share) {
    qsort(x, count, sizeof *x, rising);
    const size_t k = (size_t)ceil(share * (double)count);
    return x[k ? k - 1 : 0];
}

static convo_bench_rate rate_of(double rate[REPETITIONS], int64_t flops) {
    const double median = quantile(rate, REPETITIONS, 0.5);
    return (convo_bench_rate){median, rate[0], rate[REPETITIONS - 1], median * (double)flops * 1e-9};
}

// How many steps a repetition has, where `count` of them have taken `spent` seconds.
static int64_t next_count(const rig *b, int64_t count, double spent) {
    const double target = b->seconds / REPETITIONS, factor = spent > 0 ? target / spent : 16;
    const double next = (double)count * (factor > 16 ? 16 : factor), most = (double)MOST_STEPPED / b->batch;
    return next < 1 ? 1 : next < most ? (int64_t)next : most < 1 ? 1 : (int64_t)most;
}

// It is known when they were enough to tell, and the processor is warm.
static bool is_known(const rig *b, int64_t count, double spent) {
    return spent > b->seconds / REPETITIONS / 4 || next_count(b, count, 0) <= count;
}

// --- the processor ------------------------------------------------------------------------------------------------

typedef struct spin {
    const cv_isa *isa;
    int64_t rounds;
} spin;

static void run_spin(void *context, int task, int worker) {
    const spin *s = context;
    double sum = 1 + task + worker;
    (void)s->isa->peak(s->rounds, &sum);
}

static double processor_seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

// The best of many short runs: what disturbs them only makes them slower. share: of the time that its threads had a
// processor; less than all of it, and something else had them even in the best run.
static void measure_peak(const rig *b, cv_pool *pool, double *best, double *share) {
    enum { ROUNDS = 200000, RUNS = 100 };
    spin s = {b->isa, ROUNDS};
    double sum = 1;
    const double done = 2 * (double)b->isa->peak(ROUNDS, &sum) * cv_pool_size(pool);
    for (int k = 0; k < RUNS; k++) {
        const double began = cv_now(), own = processor_seconds();
        cv_pool_run(pool, cv_pool_size(pool), run_spin, &s);
        const double seconds = cv_now() - began, rate = done / seconds * 1e-9;
        if (rate <= *best) continue;
        *best = rate;
        *share = fmin(1, (processor_seconds() - own) / seconds / cv_pool_size(pool));
    }
}

// Called at several moments of a benchmark: other programs come and go.
static void measure_peaks(const rig *b, convo_bench *out) {
    double share;
    measure_peak(b, b->one, &out->peak_of_one, &share);
    measure_peak(b, b->pool, &out->peak, &out->peak_share);
}

// --- training -----------------------------------------------------------------------------------------------------

typedef struct epochs {
    double rate[REPETITIONS], seconds; // seconds: of the last one
} epochs;

static convo_status epoch_done(void *user, const cv_epoch *epoch, convo_error *err) {
    epochs *e = user;
    (void)err;
    e->rate[epoch->epoch - 1] = epoch->examples_per_second;
    e->seconds = epoch->seconds;
    return CONVO_OK;
}

// `count` epochs of `steps` steps each, as convo_train runs them. An epoch visits examples as often as it takes.
static convo_status train(rig *b, int64_t steps, int count, epochs *e, convo_error *err) {
    static const convo_train_options nothing;
    cv_split split = {.count = {(size_t)(steps * b->batch)}};
    cv_train_state state = {0};
    convo_train_result result = {0};
    const cv_source source = {.values = &b->values, .size = (size_t)cv_shape_size(b->net->input), .label = b->label};
    cv_training t = {
        .config = {.batch = b->batch, .epochs = count, .order = CV_FIXED, .keep = CV_KEEP_LAST},
        .loss = b->loss,
        .loss_config = b->recipe->loss_config,
        .optimizer = b->recipe->optimizer,
        .optimizer_config = b->recipe->optimizer_config,
        .schedule = b->recipe->schedule,
        .schedule_config = b->recipe->schedule_config,
        .net = b->net,
        .source = &source,
        .split = &split,
        .pool = b->pool,
        .epoch_done = epoch_done,
        .user = e,
    };
    t.optimizer_config.lr = 0; // random labels would lead anywhere
    split.index[CONVO_TRAIN] = cv_alloc(split.count[CONVO_TRAIN], sizeof(int32_t));
    if (!split.index[CONVO_TRAIN]) return cv_no_memory(err, "the order of the examples");
    const size_t whole = b->examples / (size_t)b->batch * (size_t)b->batch;
    for (size_t i = 0; i < split.count[CONVO_TRAIN]; i++) split.index[CONVO_TRAIN][i] = (int32_t)(i % whole);
    convo_status status = cv_train_state_new(&t, &b->random, &state, err);
    if (!status) status = cv_train_run(&t, &state, &nothing, &result, err);
    cv_train_state_free(&state);
    cv_split_free(&split);
    return status;
}

static convo_status measure_training(rig *b, convo_bench *out, convo_error *err) {
    epochs e = {0};
    int64_t steps = 1;
    convo_status status = train(b, steps, 1, &e, err);
    while (!status && !is_known(b, steps, e.seconds)) {
        steps = next_count(b, steps, e.seconds);
        status = train(b, steps, 1, &e, err);
    }
    if (!status) status = train(b, next_count(b, steps, e.seconds), REPETITIONS, &e, err);
    if (!status) out->training = rate_of(e.rate, out->training_flops);
    struct rusage usage;
    if (!getrusage(RUSAGE_SELF, &usage)) out->memory_bytes = (int64_t)usage.ru_maxrss * 1024; // of kilobytes, on Linux
    return status;
}

// --- inference ----------------------------------------------------------------------------------------------------

static double run_batches(const rig *b, cv_runner *runner, int count, int64_t batches) {
    const double began = cv_now();
    for (int64_t k = 0; k < batches; k++) {
        const cv_batch batch = batch_at(b, count, k);
        cv_runner_forward(runner, &batch, b->outputs, NULL);
    }
    return cv_now() - began;
}

static convo_status measure_inference(const rig *b, convo_bench *out, convo_error *err) {
    cv_runner *runner = NULL;
    double rate[REPETITIONS];
    int64_t batches = 1;
    CV_TRY(cv_runner_new(b->net, NULL, NULL, b->batch, 0, b->pool, &runner, err));
    double spent = run_batches(b, runner, b->batch, batches);
    while (!is_known(b, batches, spent)) {
        batches = next_count(b, batches, spent);
        spent = run_batches(b, runner, b->batch, batches);
    }
    batches = next_count(b, batches, spent);
    for (int k = 0; k < REPETITIONS; k++)
        rate[k] = (double)(batches * b->batch) / run_batches(b, runner, b->batch, batches);
    out->inference = rate_of(rate, out->forward_flops);
    cv_runner_free(runner);
    return CONVO_OK;
}

// One example after the other, each timed.
static convo_status measure_single(const rig *b, convo_bench *out, convo_error *err) {
    cv_runner *runner = NULL;
    size_t calls = 0;
    double *took = cv_alloc(MOST_CALLS, sizeof *took);
    convo_status status = took ? CONVO_OK : cv_no_memory(err, "latencies");
    if (!status) status = cv_runner_new(b->net, NULL, NULL, 1, CV_ONE_EXAMPLE, b->pool, &runner, err);
    if (status) goto done;
    for (int k = 0; k < 10; k++) (void)run_batches(b, runner, 1, 1);
    for (const double end = cv_now() + b->seconds; calls < 10 || (calls < MOST_CALLS && cv_now() < end); calls++) {
        const cv_batch batch = batch_at(b, 1, (int64_t)calls);
        const double began = cv_now();
        cv_runner_forward(runner, &batch, b->outputs, NULL);
        took[calls] = cv_now() - began;
    }
    out->p50 = quantile(took, calls, 0.5);
    out->p99 = quantile(took, calls, 0.99);
done:
    cv_runner_free(runner);
    free(took);
    return status;
}

// --- layer by layer -----------------------------------------------------------------------------------------------

// Shapes and operations of what the runner runs, in its order.
static convo_status describe_layers(const cv_runner *runner, convo_bench *out, convo_error *err) {
    while (cv_runner_node(runner, out->layers)) out->layers++;
    out->layer = cv_alloc((size_t)out->layers, sizeof *out->layer);
    bool *trained = cv_alloc((size_t)out->layers + 1, sizeof *trained); // [0]: the input; below this there is something
    if (!out->layer || !trained) {
        free(trained);
        return cv_no_memory(err, "the layers of a benchmark");
    }
    for (int k = 0; k < out->layers; k++) {
        const cv_node *n = cv_runner_node(runner, k);
        convo_bench_layer *l = &out->layer[k];
        char formula[96];
        bool below = false;
        for (int i = 0; i < (n->op->inputs ? n->op->inputs : 1); i++) below |= trained[n->input[i] + 1];
        trained[k + 1] = below || n->tensors > 0;
        cv_print(l->path, sizeof l->path, "%s", n->path);
        cv_print(l->type, sizeof l->type, "%s", n->op->name);
        cv_shape_text(n->out, l->shape, sizeof l->shape);
        if (!n->op->linear && !n->op->products) continue;
        l->forward_flops = 2 * n->op->cost(n->config, n->in, n->out, formula, sizeof formula);
        l->backward_flops = (below ? 2 : 1) * l->forward_flops;
        out->forward_flops += l->forward_flops;
        out->training_flops += l->forward_flops + l->backward_flops;
    }
    free(trained);
    return CONVO_OK;
}

// Times one pass over `count` examples: each layer, [layers][2], and behind them what lies outside all layers.
static void time_layers(rig *b, cv_runner *runner, int count, int64_t k, double *spent, size_t width) {
    memset(spent, 0, width * sizeof *spent);
    cv_runner_profile(runner, spent);
    const cv_batch batch = batch_at(b, count, k);
    const double began = cv_now();
    cv_runner_train(runner, &batch, &b->random, b->outputs, b->losses);
    spent[width - 1] = cv_now() - began;
    for (size_t i = 0; i + 1 < width; i++) spent[width - 1] -= spent[i];
}

// Medians of the passes, per example.
static void set_layer_times(const double *spent, int passes, size_t width, int count, convo_bench *out) {
    double column[MOST_PASSES];
    for (size_t i = 0; i < width; i++) {
        for (int k = 0; k < passes; k++) column[k] = spent[(size_t)k * width + i];
        const double median = quantile(column, (size_t)passes, 0.5) / count;
        if (i + 1 == width)
            out->other = median;
        else if (i % 2)
            out->layer[i / 2].backward = median;
        else
            out->layer[i / 2].forward = median;
    }
}

static convo_status measure_layers(rig *b, convo_bench *out, convo_error *err) {
    const int count = b->batch < PROFILE_BATCH ? b->batch : PROFILE_BATCH;
    cv_runner *runner = NULL;
    double *spent = NULL;
    int passes = 0;
    convo_status status =
        cv_runner_new(b->net, b->loss, b->recipe->loss_config, count, CV_TRAINING, b->one, &runner, err);
    if (!status) status = describe_layers(runner, out, err);
    if (status) goto done;
    const size_t width = 2 * (size_t)out->layers + 1;
    if (!(spent = cv_alloc(MOST_PASSES, width * sizeof *spent))) {
        status = cv_no_memory(err, "the times of layers");
        goto done;
    }
    time_layers(b, runner, count, 0, spent, width); // warms up
    for (const double end = cv_now() + b->seconds; passes < LEAST_PASSES || (passes < MOST_PASSES && cv_now() < end);
         passes++)
        time_layers(b, runner, count, passes, spent + (size_t)passes * width, width);
    set_layer_times(spent, passes, width, count, out);
done:
    cv_runner_free(runner);
    free(spent);
    return status;
}

// --- the whole ----------------------------------------------------------------------------------------------------

static void use_none(void *user, size_t first, size_t count, const float *gradient) {
    (void)user, (void)first, (void)count, (void)gradient;
}

// As training has it, which keeps no gradient of joint layers.
static convo_status plan_bytes(const rig *b, convo_bench *out, convo_error *err) {
    cv_runner *runner = NULL;
    const convo_status status =
        cv_runner_new(b->net, b->loss, b->recipe->loss_config, b->batch, CV_TRAINING, b->pool, &runner, err);
    if (!status) {
        cv_runner_use_gradients(runner, use_none, NULL);
        out->plan_bytes = (int64_t)cv_runner_bytes(runner);
    }
    out->data_bytes = (int64_t)(b->examples * (size_t)cv_shape_size(b->net->input) * sizeof(float));
    cv_runner_free(runner);
    return status;
}

static convo_status prepare(rig *b, const convo_model *model, const convo_bench_options *o, convo_bench *out,
                            convo_error *err) {
    if (!b->recipe->has_train)
        return cv_fail(err, CONVO_STATE, b->recipe->file, "the recipe does not say how to train: add `train`");
    if (!(b->isa = cv_isa_find(o->isa)) || b->isa->real != sizeof(float))
        return cv_fail(err, CONVO_ARGUMENT, "", "no instruction set to run is called '%s': baseline, avx2 or avx512",
                       o->isa);
    if (o->threads < 0 || o->batch < 0 || o->batch > 1 << 20 || !(o->seconds >= 0))
        return cv_fail(err, CONVO_ARGUMENT, "", "threads, batch (at most %d) and seconds cannot be negative", 1 << 20);
    if (b->recipe->train.precision == CV_PRECISION_BF16) {
        const cv_isa *isa = cv_isa_in_bf16(b->isa, &out->note);
        if (isa != b->isa) out->note = NULL;
        b->isa = isa;
    }
    b->batch = o->batch ? o->batch : (int)b->recipe->train.batch;
    b->seconds = o->seconds > 0 ? o->seconds : 1;
    b->loss = cv_op_find(b->isa, b->recipe->loss->name);
    cv_random_seed(&b->random, (uint64_t)b->recipe->train.seed);
    convo_status status = cv_layers_net(b->recipe, model, b->isa, NULL, &b->net, err);
    if (!status) status = cv_pool_new(&b->pool, o->threads, err);
    if (!status) status = cv_pool_new(&b->one, 1, err);
    if (!status) status = make_examples(b, err);
    if (status) return status;
    cv_print(out->isa, sizeof out->isa, "%s", b->isa->name);
    out->threads = cv_pool_size(b->pool);
    out->batch = b->batch;
    return CONVO_OK;
}

convo_status convo_bench_run(const convo_recipe *recipe, const convo_model *model, const convo_bench_options *options,
                             convo_bench *out, convo_error *err) {
    static const convo_bench_options usual;
    rig b = {.recipe = recipe};
    if (!recipe || !out) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the result are needed");
    *out = (convo_bench){.load = NAN};
    const double began = cv_now(), own = processor_seconds(), busy = cv_cpu_busy();
    if (getloadavg(&out->load, 1) != 1) out->load = NAN;
    convo_status status = prepare(&b, model, options ? options : &usual, out, err);
    if (status) goto done;
    measure_peaks(&b, out);
    status = measure_layers(&b, out, err); // counts operations too
    if (!status) status = measure_training(&b, out, err);
    measure_peaks(&b, out);
    if (!status) status = measure_inference(&b, out, err);
    if (!status) status = measure_single(&b, out, err);
    measure_peaks(&b, out);
    if (!status) status = plan_bytes(&b, out, err);
    out->seconds = cv_now() - began;
    out->others = ((cv_cpu_busy() - busy) - (processor_seconds() - own)) / out->seconds;
    if (out->others < 0) out->others = 0; // the system counts in ticks
done:
    cv_net_free(b.net);
    cv_pool_free(b.pool);
    cv_pool_free(b.one);
    cv_values_free(&b.values);
    free(b.label);
    free(b.index);
    free(b.outputs);
    free(b.losses);
    if (status) convo_bench_free(out);
    return status;
}

void convo_bench_free(convo_bench *bench) {
    if (!bench) return;
    free(bench->layer);
    *bench = (convo_bench){0};
}
