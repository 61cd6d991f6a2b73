// Norms whose work their neighbours do, in bands of maps (src/net/norms.c), against the same norms by themselves.
#include "bf16.h" // first: see amx.h

static int add_node(cv_net *net, const char *op, const char *options, int a, int b) {
    char path[32];
    snprintf(path, sizeof path, "%d", net->nodes);
    const layer l = {path, op, options, {a < 0 ? FROM_INPUT : a + 1, b < 0 ? FROM_INPUT : b + 1}};
    add_layer(net, &l);
    return net->nodes - 1;
}

// Maps of several bands. apart: with a layer that changes nothing around each norm, so that no neighbour does its work.
static cv_net *make_normed(const cv_isa *isa, bool apart) {
    static const char *const layers[][2] = {
        {"conv2d", "{out: 6, kernel: 3, padding: 1}"},
        {"batchnorm", NULL},
        {"relu", NULL},
        {"conv2d", "{out: channels, kernel: [5, 3], padding: [2, 1], groups: channels, bias: false}"},
        {"batchnorm", "{affine: false}"},
        {"relu6", NULL},
        {"conv2d", "{out: 40, kernel: 1}"},
        {"batchnorm", NULL},
        {"conv2d", "{out: 32, kernel: 3, stride: [2, 1], padding: 1, groups: 2}"},
        {"batchnorm", NULL},
        {"relu", NULL},
        {"conv2d", "{out: 4, kernel: 1}"}, // from here on two readers of the norm
        {"conv2d", "{out: 4, kernel: 3, padding: 1, groups: 2}"},
    };
    cv_net *net;
    convo_error err = {0};
    cv_random random;
    int last = -1, normed = -1;
    must(cv_net_new(isa, (cv_shape){3, 2, 53, 61}, &net, &err), &err);
    for (size_t k = 0; k < CV_COUNT(layers); k++) {
        if (k + 1 == CV_COUNT(layers)) normed = net->node[last].input[0];
        const int from = normed >= 0 ? normed : last;
        const int before = apart && k > 0 ? add_node(net, "dropout", "{p: 0}", from, from) : from;
        last = add_node(net, layers[k][0], layers[k][1], before, before);
    }
    const int first = apart ? last - 2 : last - 1;
    last = add_node(net, "add", NULL, last, first);
    last = add_node(net, "globalavgpool", NULL, last, last);
    add_node(net, "linear", "{out: 3}", last, last);
    must(cv_net_finish(net, &err), &err);
    cv_random_seed(&random, 5);
    must(cv_net_init(net, &random, &err), &err);
    return net;
}

// Gradients of all parameters, [trained], after a step of a new net.
static double *normed_gradients(const cv_isa *isa, bool apart, size_t *count) {
    cv_net *net = make_normed(isa, apart);
    const int n = 2 * isa->lanes + 1;
    const size_t in = (size_t)cv_shape_size(net->input);
    const cv_op *loss = cv_op_find(isa, "cross_entropy");
    const op_config config = op_options(loss, NULL);
    float *values = test_memory((size_t)n * in, sizeof *values);
    int32_t *index = test_memory((size_t)n, sizeof *index), *label = test_memory((size_t)n, sizeof *label);
    for (size_t i = 0; i < (size_t)n * in; i++) values[i] = made_up(7, (uint32_t)i);
    for (int i = 0; i < n; i++) index[i] = i, label[i] = i % 3;
    cv_pool *pool = make_pool(1);
    cv_runner *runner;
    convo_error err = {0};
    cv_random random;
    cv_random_seed(&random, 1);
    must(cv_runner_new(net, loss, config.bytes, n, CV_TRAINING, pool, &runner, &err), &err);
    const cv_batch batch = {.values = CV_FLOATS(values), .index = index, .label = label, .count = n};
    cv_runner_train(runner, &batch, &random, NULL, NULL);
    double *gradients = test_memory(net->trained, sizeof *gradients);
    void *room = test_memory(net->trained, isa->real);
    for (size_t i = 0; i < net->trained; i++) gradients[i] = real_get(isa, cv_runner_gradient(runner, i, 1, room), 0);
    *count = net->trained;
    cv_runner_free(runner);
    cv_pool_free(pool);
    cv_net_free(net);
    free(room);
    free(values);
    free(index);
    free(label);
    return gradients;
}

static void check_normed(const cv_isa *isa, double allowed) {
    size_t n, m;
    double *got = normed_gradients(isa, false, &n), *want = normed_gradients(isa, true, &m), most = 0;
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(want[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= allowed * most))
            fail_msg("%s: gradient %zu is %.12g, apart %.12g", isa->name, i, got[i], want[i]);
    free(got);
    free(want);
}

static void norms_that_neighbours_do_in_bands_are_the_same(void **state) {
    (void)state;
    const cv_isa *isa;
    for (size_t k = 0; (isa = isa_at(k)); k++) check_normed(isa, isa->real == sizeof(double) ? 1e-11 : 1e-4);
}

// Statistics that were added in another order let some numbers be rounded to the other side.
static void so_they_are_in_bf16(void **state) {
    const int table = *(const int *)*state;
    const cv_isa *isa = bf16_of_processor(table);
    if (!isa) skip();
    BF16_BEGIN(table);
    check_normed(isa, 1e-2);
}

int main(void) {
    static int tiles = TILES, pairs = PAIRS_BY_PROCESSOR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_that_neighbours_do_in_bands_are_the_same),
        {"so_they_are_in_bf16 (AMX)", so_they_are_in_bf16, NULL, NULL, &tiles},
        {"so_they_are_in_bf16 (AVX512_BF16)", so_they_are_in_bf16, NULL, NULL, &pairs},
    };
    return cmocka_run_group_tests_name("norms", tests, NULL, NULL);
}
