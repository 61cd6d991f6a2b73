// One example with channels in the lanes, at sizes that the other tests do not reach: many blocks of channels, tiles of
// every width. Golden values of every op are in test_ops.c, whole nets in test_net.c and test_plan.c.
#include "net/race.h"
#include "recipe/recipe.h"
#include "support.h"

enum { NETS = 250, SAMPLES = 2 };

static uint32_t drawn;

static int pick(uint32_t stream, int least, int most) {
    return least + made_up_class(stream, drawn++, most - least + 1);
}

// The same with samples in the lanes is the measure. Threads that share the work change no bit.
static void check_net(cv_net *net, uint32_t stream, const char *where) {
    const size_t in = (size_t)cv_shape_size(net->input), out = (size_t)cv_shape_size(cv_net_output(net));
    float *values = test_memory(SAMPLES * in, sizeof *values), *alone = test_memory(SAMPLES * out, sizeof *alone);
    float *batch = test_memory(SAMPLES * out, sizeof *batch), *parts = test_memory(SAMPLES * out, sizeof *parts);
    const int32_t index[SAMPLES] = {0, 1};
    double largest = 0;
    cv_pool *pool = make_pool(1);
    cv_runner *runner;
    cv_random random;
    convo_error err = {0};
    cv_random_seed(&random, stream);
    must(cv_net_init(net, &random, &err), &err);
    for (size_t i = 0; i < SAMPLES * in; i++) values[i] = made_up(stream + 1, (uint32_t)i);
    must(cv_runner_new(net, NULL, NULL, SAMPLES, 0, pool, &runner, &err), &err);
    cv_runner_forward(runner, &(cv_batch){.values = CV_FLOATS(values), .index = index, .count = SAMPLES}, batch, NULL);
    assert_true(has_single_form(net));
    forward_alone(net, values, SAMPLES, alone);
    for (size_t i = 0; i < SAMPLES * out; i++) largest = fmax(largest, fabs((double)batch[i]));
    for (size_t i = 0; i < SAMPLES * out; i++)
        if (!(fabs((double)alone[i] - (double)batch[i]) <= 1e-6 + 1e-5 * largest)) // sums that cancel
            fail_msg("%s: output %zu of %zu is %.9g alone, %.9g in a batch", where, i, SAMPLES * out, (double)alone[i],
                     (double)batch[i]);
    forward_one_by_one(net, CV_ANY_SIZE, 3, values, SAMPLES, parts);
    for (size_t i = 0; i < SAMPLES * out; i++)
        if (parts[i] != alone[i])
            fail_msg("%s: output %zu of %zu is %.9g with threads, %.9g without", where, i, SAMPLES * out,
                     (double)parts[i], (double)alone[i]);
    cv_runner_free(runner);
    cv_pool_free(pool);
    free(parts);
    free(values);
    free(alone);
    free(batch);
}

// A convolution, with groups or without, its input being the net's or not, and its output, by way of a flatten, read by
// a linear layer or not.
static void check_random_net(const cv_isa *isa, uint32_t stream) {
    const bool flat = pick(stream, 0, 2) == 0;                           // 1-d
    const int channels = pick(stream, 1, 40), kind = pick(stream, 0, 3), // of groups: none, depthwise, several
        groups = kind < 2    ? 1
                 : kind == 2 ? channels
                             : pick(stream, 2, 20),
              maps = pick(stream, 1, kind == 3 ? 9 : 70), out = kind == 2 ? channels : groups * maps;
    const cv_shape input = {flat ? 2 : 3, kind == 3 ? groups * pick(stream, 1, 4) : channels,
                            flat ? 1 : pick(stream, 1, 9), pick(stream, 1, 31)};
    const int rows = flat ? 1 : pick(stream, 1, 3), columns = pick(stream, 1, 5);
    char options[192], linear[32], where[384];
    if (flat)
        snprintf(options, sizeof options, "{out: %d, groups: %d, kernel: %d, stride: %d, padding: %d, dilation: %d}",
                 out, groups, columns, pick(stream, 1, 3), pick(stream, 4, 8), pick(stream, 1, 2));
    else
        snprintf(options, sizeof options,
                 "{out: %d, groups: %d, kernel: [%d, %d], stride: [%d, %d], padding: [%d, %d], dilation: [%d, %d]}",
                 out, groups, rows, columns, pick(stream, 1, 2), pick(stream, 1, 3), pick(stream, 2, 3),
                 pick(stream, 4, 8), pick(stream, 1, 2), pick(stream, 1, 2));
    snprintf(linear, sizeof linear, "{out: %d}", pick(stream, 1, 70));
    const bool behind = pick(stream, 0, 1), ends = pick(stream, 0, 1);
    const layer first = {"first", "tanh", NULL, {FROM_INPUT}};
    const layer conv = {"conv", flat ? "conv1d" : "conv2d", options, {behind ? 0 : FROM_INPUT}};
    const layer last[2] = {{"flatten", "flatten", NULL, {0}}, {"linear", "linear", linear, {0}}};
    cv_net *net;
    convo_error err = {0};
    must(cv_net_new(isa, input, &net, &err), &err);
    if (behind) add_layer(net, &first);
    add_layer(net, &conv);
    for (int k = 0; k < 2 && ends; k++) add_layer(net, &last[k]);
    must(cv_net_finish(net, &err), &err);
    snprintf(where, sizeof where, "%s, net %u: %s %s of (%lld, %lld, %lld)%s", isa->name, stream, conv.op, options,
             (long long)input.c, (long long)input.h, (long long)input.w, ends ? linear : "");
    check_net(net, stream, where);
    cv_net_free(net);
}

static void many_channels_alone_are_those_of_a_batch(void **state) {
    (void)state;
    for (size_t k = 0; isa_at(k); k++)
        for (uint32_t stream = 1; stream <= NETS; stream++) check_random_net(isa_at(k), 100 * stream);
}

static cv_net *net_of_recipe(const char *name) {
    char path[64];
    convo_recipe *recipe;
    cv_net *net;
    convo_error err = {0};
    snprintf(path, sizeof path, "recipes/%s.yaml", name);
    must(convo_recipe_load(path, &recipe, &err), &err);
    must(cv_recipe_net(recipe, cv_isa_find(NULL), &net, &err), &err);
    convo_recipe_free(recipe);
    return net;
}

// What everybody uses must not fall back to sixteen lanes for one example.
static void every_recipe_has_the_form(void **state) {
    (void)state;
    static const char *const names[] = {
        "cifar-convnet",    "cifar-linear",       "fsdd-best",        "fsdd-mfcc",   "fsdd-raw",
        "fsdd-raw-dropout", "fsdd-raw-batchnorm", "fsdd-raw-resnet",  "moons",       "speech-cnn",
        "speech-cnn-adam",  "speech-cnn-small",   "speech-ffnn-adam", "speech-ffnn", "speech-noise"};
    for (size_t k = 0; k < CV_COUNT(names); k++) {
        cv_net *net = net_of_recipe(names[k]);
        if (!has_single_form(net)) fail_msg("%s has a layer without a form for one example", names[k]);
        cv_net_free(net);
    }
}

// The first calls are timed with threads that share the layers and with one alone (race_threads): nobody may see which.
static void calls_give_the_same_bits_whether_threads_share_them_or_not(void **state) {
    (void)state;
    enum { CALLS = 40 };
    cv_net *net = net_of_recipe("cifar-convnet");
    const size_t in = (size_t)cv_shape_size(net->input), out = (size_t)cv_shape_size(cv_net_output(net));
    float *values = test_memory(in, sizeof *values), *outputs = test_memory(CALLS * out, sizeof *outputs);
    cv_random random;
    convo_error err = {0};
    cv_random_seed(&random, 1);
    must(cv_net_init(net, &random, &err), &err);
    cv_pool *pool = make_pool(2);
    cv_runner *runner;
    must(cv_runner_new(net, NULL, NULL, 1, CV_ONE_EXAMPLE, pool, &runner, &err), &err);
    for (size_t i = 0; i < in; i++) values[i] = made_up(3, (uint32_t)i);
    for (size_t k = 0; k < CALLS; k++) {
        const cv_batch batch = {.values = CV_FLOATS(values), .index = &(int32_t){0}, .count = 1};
        cv_runner_forward(runner, &batch, outputs + k * out, NULL);
        if (memcmp(outputs, outputs + k * out, out * sizeof *outputs)) fail_msg("call %zu gives other bits", k);
    }
    cv_runner_free(runner);
    cv_pool_free(pool);
    cv_net_free(net);
    free(values);
    free(outputs);
}

// The calls of a race take the seconds given for shared ones and for those of one thread; how calls run from then on.
static bool one_thread_wins(race *t, const double shared[RACE_PAIRS], const double alone[RACE_PAIRS]) {
    for (int k = 0; k < 2 * RACE_PAIRS; k++) {
        assert_true(race_begins(t));
        assert_int_equal(t->alone, k % 2);
        race_ends(t, (k % 2 ? alone : shared)[k / 2]);
    }
    const bool won = t->alone;
    for (int k = 2 * RACE_PAIRS; k < RACE_AGAIN; k++) {
        assert_false(race_begins(t));
        assert_int_equal(t->alone, won);
    }
    return won;
}

static void calls_run_as_most_pairs_were_faster_and_races_forget_the_last_one(void **state) {
    static const double ones[RACE_PAIRS] = {1, 1, 1, 1, 1, 1, 1, 1, 1},
                        five[RACE_PAIRS] = {.9, 9, .9, 9, .9, 9, .9, 9, .9},
                        four[RACE_PAIRS] = {9, .9, 9, .9, 9, .9, 9, .9, 9};
    race t = {0};
    (void)state;
    assert_true(one_thread_wins(&t, ones, five));
    assert_false(one_thread_wins(&t, ones, four));
    assert_false(one_thread_wins(&t, five, ones));
    assert_true(one_thread_wins(&t, ones, five));
    assert_false(one_thread_wins(&t, ones, ones));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_channels_alone_are_those_of_a_batch),
        cmocka_unit_test(every_recipe_has_the_form),
        cmocka_unit_test(calls_give_the_same_bits_whether_threads_share_them_or_not),
        cmocka_unit_test(calls_run_as_most_pairs_were_faster_and_races_forget_the_last_one),
    };
    return cmocka_run_group_tests_name("single", tests, NULL, NULL);
}
