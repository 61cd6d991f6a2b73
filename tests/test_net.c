// Whole nets: against PyTorch, and that nothing but the batch decides the numbers - not the number of threads, not the
// idle lanes of the last block. Plans that share memory are tested in test_plan.c.
#include "models.h"

enum { X = 1, LABEL = 4, SEED = 7, LARGEST = 300 }; // as in golden/make.py; the largest batch

typedef struct example_net {
    const char *name, *loss, *loss_options;
    cv_shape input;
    int classes;
    layer layers[20];
} example_net;

static const example_net nets[] = {
    {"residual",
     "cross_entropy",
     NULL,
     {3, 2, 9, 7},
     5,
     {{"0", "conv2d", "{out: 4, kernel: 3, padding: 1}", {FROM_INPUT}},
      {"1", "batchnorm", NULL, {0}},
      {"2", "relu", NULL, {0}},
      {"3.body.0", "conv2d", "{out: 6, kernel: 3, padding: 1, stride: 2}", {0}},
      {"3.body.1", "batchnorm", NULL, {0}},
      {"3.body.2", "relu", NULL, {0}},
      {"3.body.3", "conv2d", "{out: 6, kernel: 3, padding: 1}", {0}},
      {"3.body.4", "batchnorm", NULL, {0}},
      {"3.shortcut.0", "conv2d", "{out: 6, kernel: 1, stride: 2}", {3}},
      {"3", "add", NULL, {8, 9}},
      {"4", "relu", NULL, {0}},
      {"5.body.0.body.0", "conv2d", "{out: 6, kernel: 3, padding: 1}", {0}},
      {"5.body.0", "add", NULL, {12, 11}},
      {"5.body.1", "tanh", NULL, {0}},
      {"5", "add", NULL, {14, 11}},
      {"6", "maxpool2d", "{kernel: 2}", {0}},
      {"7", "flatten", NULL, {0}},
      {"8", "linear", "{out: 5}", {0}}}},
    {"chain",
     "mse",
     NULL,
     {2, 2, 1, 17},
     9,
     {{"0", "conv1d", "{out: 4, kernel: 3}", {FROM_INPUT}},
      {"1", "relu", NULL, {0}},
      {"2", "dropout", "{p: 0.4}", {0}},
      {"3", "flatten", NULL, {0}},
      {"4", "tanh", NULL, {0}},
      {"5", "linear", "{out: 9}", {0}}}},
    {"relu_first",
     "logistic",
     NULL,
     {1, 12, 1, 1},
     2,
     {{"0", "relu", NULL, {FROM_INPUT}},
      {"1", "linear", "{out: 8}", {0}},
      {"2", "batchnorm", NULL, {0}},
      {"3", "sigmoid", NULL, {0}},
      {"4", "dropout", "{p: 0}", {0}},
      {"5", "linear", "{out: 1}", {0}}}},
    {"pools",
     "cross_entropy",
     "{label_smoothing: 0.1}",
     {3, 1, 11, 13},
     4,
     {{"0", "conv2d", "{out: 6, kernel: [3, 5], bias: false}", {FROM_INPUT}},
      {"1", "avgpool2d", "{kernel: 3, stride: 2, padding: 1}", {0}},
      {"2", "relu", NULL, {0}},
      {"3", "conv2d", "{out: 6, kernel: 3, padding: 1, groups: 3}", {0}},
      {"4", "batchnorm", "{affine: false}", {0}},
      {"5", "globalavgpool", NULL, {0}},
      {"7", "linear", "{out: 4}", {0}}}},
};

// A net with its data and a runner for training and one for inference.
typedef struct trial {
    const example_net *example;
    cv_net *net;
    cv_runner *train, *infer;
    int64_t inputs, outputs;
    float *values, *output, *loss, *input_gradient;
    int32_t *index, *label;
} trial;

// More flags than that it trains and gives the gradient of its input.
static trial trial_with(unsigned flags, const example_net *example, const cv_isa *isa, cv_pool *pool, int largest) {
    trial t = {.example = example, .net = make_net(isa, example->input, example->layers)};
    const cv_op *loss = cv_op_find(isa, example->loss);
    const op_config config = op_options(loss, example->loss_options);
    convo_error err = {0};
    cv_random random;
    cv_random_seed(&random, SEED);
    must(cv_net_init(t.net, &random, &err), &err);
    flags |= CV_TRAINING | CV_INPUT_GRADIENT;
    must(cv_runner_new(t.net, loss, config.bytes, largest, flags, pool, &t.train, &err), &err);
    must(cv_runner_new(t.net, loss, config.bytes, largest, 0, pool, &t.infer, &err), &err);
    t.inputs = cv_shape_size(example->input);
    t.outputs = cv_shape_size(cv_net_output(t.net));
    const size_t count = (size_t)largest;
    t.values = test_memory(count * (size_t)t.inputs, sizeof *t.values);
    t.input_gradient = test_memory(count * (size_t)t.inputs, sizeof *t.input_gradient);
    t.output = test_memory(count * (size_t)t.outputs, sizeof *t.output);
    t.loss = test_memory(count, sizeof *t.loss);
    t.index = test_memory(count, sizeof *t.index);
    t.label = test_memory(count, sizeof *t.label);
    for (int64_t i = 0; i < largest * t.inputs; i++) t.values[i] = made_up(X, (uint32_t)i);
    for (int i = 0; i < largest; i++) {
        t.index[i] = i;
        t.label[i] = made_up_class(LABEL, (uint32_t)i, example->classes);
    }
    return t;
}

static trial trial_new(const example_net *example, const cv_isa *isa, cv_pool *pool, int largest) {
    return trial_with(0, example, isa, pool, largest);
}

static void trial_free(trial *t) {
    cv_runner_free(t->train);
    cv_runner_free(t->infer);
    cv_net_free(t->net);
    free(t->values);
    free(t->input_gradient);
    free(t->output);
    free(t->loss);
    free(t->index);
    free(t->label);
}

// Samples first..first+count, with the dropout of `seed`.
static void trial_train(const trial *t, int first, int count, uint64_t seed) {
    const cv_batch batch = {.values = CV_FLOATS(t->values),
                            .index = t->index + first,
                            .label = t->label,
                            .count = count,
                            .input_gradient = t->input_gradient};
    cv_random random;
    cv_random_seed(&random, seed);
    cv_runner_train(t->train, &batch, &random, t->output, t->loss);
}

// The gradient of one tensor.
static void trial_gradient(const trial *t, int tensor, double *sum) {
    const cv_net_tensor *s = &t->net->tensor[tensor];
    float *room = test_memory(s->size, sizeof *room);
    const float *values = cv_runner_gradient(t->train, s->offset, s->size, room);
    for (size_t i = 0; i < s->size; i++) sum[i] = (double)values[i];
    free(room);
}

static double *tensor_values(const cv_net *net, int tensor) {
    const cv_net_tensor *s = &net->tensor[tensor];
    float *values = test_memory(s->size, sizeof *values);
    double *wide = test_memory(s->size, sizeof *wide);
    cv_net_read(net, tensor, values);
    for (size_t i = 0; i < s->size; i++) wide[i] = (double)values[i];
    free(values);
    return wide;
}

// --- against PyTorch ----------------------------------------------------------------------------------------------

static const tolerance forward_tolerance = {1e-5, 1e-5}, gradient_tolerance = {1e-7, 1e-4}, exact = {0, 0};

static void initial_weights_are_pytorchs_bit_for_bit(void **state) {
    (void)state;
    cv_safetensors golden;
    golden_open(&golden);
    for (size_t k = 0; k < CV_COUNT(nets); k++) {
        cv_net *net = make_net(isa_at(0), nets[k].input, nets[k].layers);
        convo_error err = {0};
        cv_random random;
        cv_random_seed(&random, SEED);
        must(cv_net_init(net, &random, &err), &err);
        for (int i = 0; i < net->tensors; i++) {
            char name[256];
            double *values = tensor_values(net, i);
            snprintf(name, sizeof name, "net/%s/init/%s", nets[k].name, net->tensor[i].name);
            golden_check(&golden, name, nets[k].name, values, net->tensor[i].size, exact);
            free(values);
        }
        cv_net_free(net);
    }
    cv_safetensors_free(&golden);
}

// Returns the largest share of a tolerance that was needed.
static double compare_batch(const cv_safetensors *golden, const trial *t, int count) {
    char prefix[64], where[96], name[256];
    double share = 0;
    snprintf(prefix, sizeof prefix, "net/%s/%d", t->example->name, count);
    snprintf(where, sizeof where, "%s, net %s, batch %d", t->net->isa->name, t->example->name, count);
    trial_train(t, 0, count, SEED);
#define COMPARE(what, values, size, allowed)                                                                           \
    snprintf(name, sizeof name, "%s/" what, prefix);                                                                   \
    share = fmax(share, golden_check_floats(golden, name, where, values, (size_t)(size), allowed))
    COMPARE("outputs", t->output, count * t->outputs, forward_tolerance);
    COMPARE("losses", t->loss, count, forward_tolerance);
    COMPARE("input_gradient", t->input_gradient, count * t->inputs, gradient_tolerance);
    for (int i = 0; i < t->net->tensors; i++) {
        const cv_net_tensor *s = &t->net->tensor[i];
        double *values = tensor_values(t->net, i);
        if (!s->spec.buffer) trial_gradient(t, i, values);
        snprintf(name, sizeof name, "%s/%s/%s", prefix, s->spec.buffer ? "after" : "gradient", s->name);
        // A bias in front of a batch norm has a gradient of zero but for rounding, on both sides.
        const tolerance allowed = s->spec.buffer ? forward_tolerance : (tolerance){5e-6, 1e-4};
        share = fmax(share, golden_check(golden, name, where, values, s->size, allowed));
        free(values);
    }
    const cv_batch batch = {.values = CV_FLOATS(t->values), .index = t->index, .label = t->label, .count = count};
    cv_runner_forward(t->infer, &batch, t->output, t->loss);
    COMPARE("inference", t->output, count * t->outputs, forward_tolerance);
    forward_alone(t->net, t->values, count, t->output);
    COMPARE("inference", t->output, count * t->outputs, forward_tolerance);
#undef COMPARE
    return share;
}

static void nets_are_pytorchs(void **state) {
    (void)state;
    const int batches[] = {1, 7, 16, 33};
    cv_safetensors golden;
    cv_pool *pool = make_pool(2);
    golden_open(&golden);
    for (size_t k = 0; isa_at(k); k++) {
        double share = 0;
        for (size_t n = 0; n < CV_COUNT(nets); n++)
            for (size_t b = 0; b < 2 * CV_COUNT(batches); b++) {
                if (batches[b / 2] == 1 && strcmp(nets[n].name, "relu_first") == 0) continue; // PyTorch refuses
                trial t = trial_with(b % 2 ? CV_ANY_SIZE : 0, &nets[n], isa_at(k), pool, 33);
                share = fmax(share, compare_batch(&golden, &t, batches[b / 2]));
                trial_free(&t);
            }
        print_message("%s: needs %.3f of what is allowed\n", isa_at(k)->name, share);
    }
    cv_pool_free(pool);
    cv_safetensors_free(&golden);
}

// --- the same bits ------------------------------------------------------------------------------------------------

static void check_same(const char *what, const trial *a, const void *x, const void *y, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (((const char *)x)[i] != ((const char *)y)[i])
            fail_msg("%s, net %s: %s differ from byte %zu on", a->net->isa->name, a->example->name, what, i);
}

static void check_same_trial(const trial *a, const trial *b, int count) {
    const size_t n = (size_t)count;
    check_same("outputs", a, a->output, b->output, n * (size_t)a->outputs * sizeof(float));
    check_same("losses", a, a->loss, b->loss, n * sizeof(float));
    check_same("input gradients", a, a->input_gradient, b->input_gradient, n * (size_t)a->inputs * sizeof(float));
    check_same("running statistics", a, a->net->values, b->net->values, a->net->total * sizeof(float));
    const size_t trained = a->net->trained;
    float *room[2] = {test_memory(trained, sizeof(float)), test_memory(trained, sizeof(float))};
    check_same("gradients", a, cv_runner_gradient(a->train, 0, trained, room[0]),
               cv_runner_gradient(b->train, 0, trained, room[1]), trained * sizeof(float));
    free(room[0]);
    free(room[1]);
}

// With few threads there are fewer copies of the gradient than shards of LARGEST, with many as many.
static void threads_do_not_change_a_bit(void **state) {
    (void)state;
    static const int batches[] = {1, 31, 128, LARGEST}, threads[] = {1, 2, 3, 5, 8, 16, 33, 64};
    cv_pool *pool[CV_COUNT(threads)];
    trial t[CV_COUNT(threads)];
    for (size_t p = 0; p < CV_COUNT(threads); p++) pool[p] = make_pool(threads[p]);
    for (size_t k = 0; isa_at(k); k++)
        for (size_t n = 0; n < 2 * CV_COUNT(nets); n++) {
            const bool joint = n % 2; // gradients, where the batch is of few blocks
            const int largest = joint ? 8 * isa_at(k)->lanes : LARGEST;
            for (size_t p = 0; p < CV_COUNT(threads); p++)
                t[p] = trial_with(joint ? CV_ANY_SIZE : 0, &nets[n / 2], isa_at(k), pool[p], largest);
            for (size_t b = 0; b < CV_COUNT(batches) && batches[b] <= largest; b++)
                for (size_t p = 0; p < CV_COUNT(threads); p++) {
                    trial_train(&t[p], 0, batches[b], b);
                    if (p) check_same_trial(&t[0], &t[p], batches[b]);
                }
            for (size_t p = 0; p < CV_COUNT(threads); p++) trial_free(&t[p]);
        }
    for (size_t p = 0; p < CV_COUNT(threads); p++) cv_pool_free(pool[p]);
}

// --- gradients used on the way ------------------------------------------------------------------------------------

// What a runner gave, and how often each number.
typedef struct given {
    float *gradient;
    int *times;
} given;

static void remember(void *user, size_t first, size_t count, const float *gradient) {
    const given *g = user;
    for (size_t i = 0; i < count; i++) {
        g->gradient[first + i] = gradient[i];
        g->times[first + i]++;
    }
}

// Numbers that are kept are not given, the others are once, or not at all in a step that is void.
static size_t check_given(const trial *t, const float *want, const given *g, bool is_void) {
    size_t count = 0;
    for (int i = 0; i < t->net->tensors; i++) {
        const cv_net_tensor *s = &t->net->tensor[i];
        if (s->spec.buffer) continue;
        for (size_t e = s->offset; e < s->offset + s->size; e++) {
            const bool used = !cv_runner_keeps_gradient(t->train, e);
            if (g->times[e] != (used && !is_void))
                fail_msg("%s, net %s: %s[%zu] was given %d times", t->net->isa->name, t->example->name, s->name,
                         e - s->offset, g->times[e]);
            if (g->times[e] && g->gradient[e] != want[e])
                fail_msg("%s, net %s: %s[%zu] is %.9g when given, %.9g when kept", t->net->isa->name, t->example->name,
                         s->name, e - s->offset, (double)g->gradient[e], (double)want[e]);
            count += used;
        }
    }
    return count;
}

static void a_gradient_used_on_the_way_is_the_one_that_is_kept(void **state) {
    (void)state;
    size_t used = 0;
    cv_pool *pool = make_pool(3);
    for (size_t k = 0; isa_at(k); k++)
        for (size_t n = 0; n < CV_COUNT(nets); n++) {
            trial keeps = trial_with(CV_ANY_SIZE, &nets[n], isa_at(k), pool, 33);
            trial uses = trial_with(CV_ANY_SIZE, &nets[n], isa_at(k), pool, 33);
            const size_t trained = keeps.net->trained;
            float *room = test_memory(trained, sizeof *room);
            given g = {test_memory(trained, sizeof *g.gradient), test_memory(trained, sizeof *g.times)};
            cv_runner_use_gradients(uses.train, remember, &g);
            trial_train(&keeps, 0, 33, SEED);
            trial_train(&uses, 0, 33, SEED);
            used += check_given(&uses, cv_runner_gradient(keeps.train, 0, trained, room), &g, false);
            memset(g.times, 0, trained * sizeof *g.times);
            uses.values[0] = NAN;
            trial_train(&uses, 0, 33, SEED);
            if (!isfinite(uses.loss[0])) check_given(&uses, NULL, &g, true);
            free(room);
            free(g.gradient);
            free(g.times);
            trial_free(&keeps);
            trial_free(&uses);
        }
    assert_true(used > 0);
    cv_pool_free(pool);
}

// --- idle lanes ---------------------------------------------------------------------------------------------------

// 17: a block with idle lanes. 643: shards of several blocks, which this net's linear layer, most of its work, takes
// together, with idle lanes in the last.
static void check_mean(const trial *t, int count) {
    for (int i = 0; i < t->net->tensors; i++) {
        const size_t size = t->net->tensor[i].size;
        double *whole = test_memory(size, sizeof *whole), *one = test_memory(size, sizeof *one);
        double *sum = test_memory(size, sizeof *sum), largest = 0;
        cv_random random;
        trial_train(t, 0, count, SEED);
        trial_gradient(t, i, whole);
        cv_random_seed(&random, SEED); // dropout goes on from sample to sample
        for (int n = 0; n < count; n++) {
            const cv_batch batch = {
                .values = CV_FLOATS(t->values), .index = t->index + n, .label = t->label, .count = 1};
            cv_runner_train(t->train, &batch, &random, NULL, NULL);
            trial_gradient(t, i, one);
            for (size_t e = 0; e < size; e++) sum[e] += one[e] / count;
        }
        for (size_t e = 0; e < size; e++) largest = fmax(largest, fabs(sum[e]));
        for (size_t e = 0; e < size; e++)
            if (!(fabs(sum[e] - whole[e]) <= 1e-5 * largest))
                fail_msg("%s, %s[%zu] of %d: %.9g in a batch, %.9g sample by sample", t->net->isa->name,
                         t->net->tensor[i].name, e, count, whole[e], sum[e]);
        free(whole);
        free(one);
        free(sum);
    }
}

static void a_batch_is_the_mean_of_its_samples(void **state) {
    (void)state;
    const int counts[] = {17, 643};
    cv_pool *pool = make_pool(1);
    for (size_t k = 0; isa_at(k); k++)
        for (size_t c = 0; c < CV_COUNT(counts); c++) {
            trial t = trial_new(&nets[1], isa_at(k), pool, counts[c]);
            check_mean(&t, counts[c]);
            trial_free(&t);
        }
    cv_pool_free(pool);
}

// 643 examples on one thread: four blocks of linear layers in one call, the last with idle lanes.
static void inference_of_a_batch_is_that_of_each_example(void **state) {
    (void)state;
    enum { COUNT = 643 };
    cv_pool *pool[2] = {make_pool(1), make_pool(3)};
    for (size_t k = 0; isa_at(k); k++)
        for (size_t n = 0; n < CV_COUNT(nets); n++)
            for (int p = 0; p < 2; p++) {
                trial t = trial_new(&nets[n], isa_at(k), pool[p], COUNT);
                const size_t outputs = (size_t)t.outputs;
                float *one = test_memory(outputs, sizeof *one), loss;
                cv_batch batch = {.values = CV_FLOATS(t.values), .index = t.index, .label = t.label, .count = COUNT};
                cv_runner_forward(t.infer, &batch, t.output, t.loss);
                batch.count = 1;
                for (size_t i = 0; i < COUNT; i += 7, batch.index += 7) {
                    cv_runner_forward(t.infer, &batch, one, &loss);
                    check_same("outputs", &t, one, t.output + i * outputs, outputs * sizeof *one);
                    check_same("losses", &t, &loss, t.loss + i, sizeof loss);
                }
                free(one);
                trial_free(&t);
            }
    for (int p = 0; p < 2; p++) cv_pool_free(pool[p]);
}

static void forward_batch(cv_net *net, const float *values, int count, float *outputs) {
    const int32_t index[] = {0, 1, 2};
    const cv_batch batch = {.values = CV_FLOATS(values), .index = index, .count = count};
    cv_pool *pool = make_pool(1);
    cv_runner *runner;
    convo_error err = {0};
    assert_true(count <= (int)CV_COUNT(index));
    must(cv_runner_new(net, NULL, NULL, count, 0, pool, &runner, &err), &err);
    cv_runner_forward(runner, &batch, outputs, NULL);
    cv_runner_free(runner);
    cv_pool_free(pool);
}

static void folding_changes_no_output(void **state) {
    (void)state;
    static const char *const options[] = {"{}", "{eps: 0.5}", "{affine: false, eps: 0.02}"};
    enum { COUNT = 3, INPUTS = 2 * 6, OUTPUTS = 5 };
    float values[COUNT * INPUTS], plain[COUNT * OUTPUTS], folded[COUNT * OUTPUTS];
    for (uint32_t i = 0; i < COUNT * INPUTS; i++) values[i] = made_up(3, i);
    for (size_t k = 0; k < CV_COUNT(options); k++)
        for (int bias = 0; bias < 2; bias++) {
            const layer layers[] = {
                {"0", "conv1d", bias ? "{out: 4, kernel: 3}" : "{out: 4, kernel: 3, bias: false}", {FROM_INPUT}},
                {"1", "batchnorm", options[k], {0}},
                {"2", "flatten", NULL, {0}},
                {"3", "linear", bias ? "{out: 5}" : "{out: 5, bias: false}", {0}},
                {"4", "batchnorm", options[k], {0}},
                {.op = NULL}};
            cv_net *net = make_net(cv_isa_find(NULL), (cv_shape){2, 2, 1, 6}, layers), *made;
            cv_random random;
            convo_error err = {0};
            cv_random_seed(&random, 2);
            must(cv_net_init(net, &random, &err), &err);
            fill_buffers(net);
            must(cv_net_fold(net, &made, &err), &err);
            assert_int_equal(made->nodes, net->nodes - 2);
            forward_batch(net, values, COUNT, plain);
            forward_batch(made, values, COUNT, folded);
            for (int i = 0; i < COUNT * OUTPUTS; i++)
                if (!(fabsf(plain[i] - folded[i]) < 1e-5f))
                    fail_msg("batchnorm: %s: output %d is %g, folded %g", options[k], i, (double)plain[i],
                             (double)folded[i]);
            cv_net_free(made);
            cv_net_free(net);
        }
}

static void batches_before_leave_nothing_behind(void **state) {
    (void)state;
    cv_pool *pool = make_pool(1);
    for (size_t k = 0; isa_at(k); k++)
        for (size_t n = 0; n < CV_COUNT(nets); n++) {
            trial fresh = trial_new(&nets[n], isa_at(k), pool, 70), used = trial_new(&nets[n], isa_at(k), pool, 70);
            for (int64_t i = 0; i < 70 * used.inputs; i++) used.values[i] = NAN;
            trial_train(&used, 0, 70, 1);
            memcpy(used.net->values, fresh.net->values, fresh.net->total * sizeof(float)); // the running statistics
            memcpy(used.values, fresh.values, (size_t)(17 * used.inputs) * sizeof(float)); // NaN from row 17 on
            trial_train(&fresh, 0, 17, SEED);
            trial_train(&used, 0, 17, SEED);
            check_same_trial(&fresh, &used, 17);
            trial_free(&fresh);
            trial_free(&used);
        }
    cv_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_weights_are_pytorchs_bit_for_bit),
        cmocka_unit_test(nets_are_pytorchs),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(a_gradient_used_on_the_way_is_the_one_that_is_kept),
        cmocka_unit_test(a_batch_is_the_mean_of_its_samples),
        cmocka_unit_test(inference_of_a_batch_is_that_of_each_example),
        cmocka_unit_test(folding_changes_no_output),
        cmocka_unit_test(batches_before_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
