// Frozen layers: their numbers stay to the bit, batch norm among them uses its running estimates, all else learns as if
// they were constants. And what training takes of another model.
#define _GNU_SOURCE // mkstemps
#include "lesson.h"
#include "models.h"

#include <unistd.h>

static const layer layers[] = {{"0", "conv1d", "{out: 4, kernel: 3}", {FROM_INPUT}},
                               {"1", "batchnorm", NULL, {0}},
                               {"2.body.0", "conv1d", "{out: 4, kernel: 3, padding: 1}", {0}},
                               {"2.body.1", "batchnorm", NULL, {0}},
                               {"2", "add", NULL, {4, 2}},
                               {"3", "tanh", NULL, {0}},
                               {"4", "flatten", NULL, {0}},
                               {"5", "linear", "{out: 3}", {0}},
                               {.op = NULL}};

static const syllabus task = {.layers = layers,
                              .input = {2, 3, 1, 10},
                              .classes = 3,
                              .examples = 90,
                              .validation = 0,
                              .noise = 0.5f,
                              .scale = 1,
                              .loss = "cross_entropy",
                              .optimizer = "adamw",
                              .optimizer_options = "{lr: 0.05, weight_decay: 0.1}",
                              .schedule = "constant",
                              .train = {.batch = 30, .epochs = 2}};

// --- what stays ---------------------------------------------------------------------------------------------------

static const struct {
    const char *freeze, *stays; // beginnings of names
} cases[] = {
    {"0-1", "0. 1."}, {"0-2", "0. 1. 2."}, {"2.body", "2.body.0. 2.body.1."}, {"1, 2.body.1", "1. 2.body.1."},
    {"3,5", "5."},
};

static bool is_among(const char *name, const char *beginnings) {
    for (; *beginnings; beginnings += strspn(beginnings, " ")) {
        const size_t length = strcspn(beginnings, " ");
        if (!strncmp(name, beginnings, length)) return true;
        beginnings += length;
    }
    return false;
}

static void frozen_numbers_stay_to_the_bit(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        for (int threads = 1; threads <= 2; threads++) {
            lesson l;
            lesson_new(&l, &task, cv_isa_find(NULL), threads);
            fill_buffers(l.net);
            must(cv_net_freeze(l.net, cases[k].freeze, &l.err), &l.err);
            float *before = test_memory(l.net->total, sizeof *before);
            memcpy(before, l.net->values, l.net->total * sizeof *before);
            must(lesson_run(&l), &l.err);
            for (int t = 0; t < l.net->tensors; t++) {
                const cv_net_tensor *tensor = &l.net->tensor[t];
                const bool same = !memcmp(before + tensor->offset, (float *)l.net->values + tensor->offset,
                                          tensor->size * sizeof *before);
                if (same != is_among(tensor->name, cases[k].stays))
                    fail_msg("freeze %s: %s %s", cases[k].freeze, tensor->name, same ? "stays" : "moves");
            }
            free(before);
            lesson_free(&l);
        }
}

static void a_path_freezes_what_is_below_it_and_no_longer_number(void **state) {
    (void)state;
    static const layer many[] = {{"1.body.1", "linear", "{out: 2}", {FROM_INPUT}},
                                 {"1.body.1.body.0", "linear", "{out: 2}", {0}},
                                 {"1.body.10", "linear", "{out: 2}", {0}},
                                 {"1.body.11", "linear", "{out: 2}", {0}},
                                 {"1", "linear", "{out: 2}", {0}},
                                 {"10", "linear", "{out: 2}", {0}},
                                 {.op = NULL}};
    static const struct {
        const char *freeze, *frozen; // a letter for each layer
    } rows[] = {{"1.body.1", "yynnnn"}, {"1.body.10", "nnynnn"}, {"1.body.1.body", "nynnnn"},
                {"1.body", "yyyynn"},   {"1", "yyyyyn"},         {"10", "nnnnny"}};
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        cv_net *net = make_net(cv_isa_find(NULL), (cv_shape){1, 2, 1, 1}, many);
        convo_error err = {0};
        must(cv_net_freeze(net, rows[k].freeze, &err), &err);
        for (int i = 0; i < net->nodes; i++)
            if (net->node[i].frozen != (rows[k].frozen[i] == 'y'))
                fail_msg("freeze %s: %s %s", rows[k].freeze, net->node[i].path,
                         net->node[i].frozen ? "is frozen" : "is not");
        cv_net_free(net);
    }
}

static void nothing_frozen_is_as_before(void **state) {
    (void)state;
    lesson a, b;
    lesson_new(&a, &task, cv_isa_find(NULL), 1);
    lesson_new(&b, &task, cv_isa_find(NULL), 2);
    must(cv_net_freeze(b.net, "", &b.err), &b.err);
    must(lesson_run(&a), &a.err);
    must(lesson_run(&b), &b.err);
    assert_memory_equal(a.net->values, b.net->values, a.net->total * sizeof(float));
    lesson_free(&a);
    lesson_free(&b);
}

// --- gradients through what is frozen -------------------------------------------------------------------------------

// Analytic against numeric, in doubles: of the layers in front of a frozen batch norm.
static void gradients_pass_through_frozen_layers(void **state) {
    (void)state;
    const cv_isa *isa = cv_isa_find("double");
    cv_net *net = make_net(isa, task.input, layers);
    cv_pool *pool = make_pool(1);
    cv_runner *runner;
    cv_random random;
    convo_error err = {0};
    enum { COUNT = 7, SIZE = 3 * 10 };
    float values[COUNT * SIZE], losses[COUNT];
    int32_t index[COUNT], label[COUNT];
    for (int i = 0; i < COUNT * SIZE; i++) values[i] = made_up(1, (uint32_t)i);
    for (int n = 0; n < COUNT; n++) index[n] = n, label[n] = n % 3;
    cv_random_seed(&random, 4);
    must(cv_net_init(net, &random, &err), &err);
    fill_buffers(net);
    must(cv_net_freeze(net, "1,2.body.1,5", &err), &err);
    const cv_op *loss = cv_op_find(isa, "cross_entropy");
    const op_config config = op_options(loss, NULL);
    must(cv_runner_new(net, loss, config.bytes, COUNT, CV_TRAINING, pool, &runner, &err), &err);
    const cv_batch batch = {.values = CV_FLOATS(values), .index = index, .label = label, .count = COUNT};
    cv_runner_train(runner, &batch, &random, NULL, losses);
    double *room = test_memory(net->trained, sizeof *room);
    const double *gradient = cv_runner_gradient(runner, 0, net->trained, room);
    int checked = 0;
    for (int t = 0; t < net->tensors; t++) {
        const cv_net_tensor *tensor = &net->tensor[t];
        if (!is_among(tensor->name, "0. 2.body.0.")) continue;
        for (size_t i = tensor->offset; i < tensor->offset + tensor->size; i++, checked++) {
            double sum[2] = {0, 0}, wide[COUNT], *weight = (double *)net->values + i;
            const double was = *weight, step = 1e-5;
            for (int side = 0; side < 2; side++) {
                *weight = was + (side ? -step : step);
                cv_runner_losses(runner, &batch, wide);
                for (int n = 0; n < COUNT; n++) sum[side] += wide[n] / COUNT;
            }
            *weight = was;
            const double numeric = (sum[0] - sum[1]) / (2 * step);
            if (fabs(numeric - gradient[i]) > 1e-7)
                fail_msg("%s: number %zu has the gradient %g, measured is %g", tensor->name, i - tensor->offset,
                         gradient[i], numeric);
        }
    }
    assert_int_equal(checked, 4 * 3 * 3 + 4 + 4 * 4 * 3 + 4);
    free(room);
    cv_runner_free(runner);
    cv_pool_free(pool);
    cv_net_free(net);
}

// The losses of a training pass are those of inference where every batch norm is frozen, and others where one is not.
static void frozen_batch_norm_uses_its_running_estimates(void **state) {
    (void)state;
    static const struct {
        const char *freeze;
        bool same;
    } rows[] = {{"1,2.body.1", true}, {"0-2", true}, {"1", false}, {"", false}};
    enum { COUNT = 19 };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        lesson l;
        float losses[2][COUNT], worst = 0;
        int32_t index[COUNT];
        cv_random random;
        for (int n = 0; n < COUNT; n++) index[n] = n;
        cv_random_seed(&random, 4);
        lesson_new(&l, &task, cv_isa_find(NULL), 1);
        fill_buffers(l.net);
        must(cv_net_freeze(l.net, rows[k].freeze, &l.err), &l.err);
        const cv_batch batch = {.values = &l.values, .index = index, .label = l.label, .count = COUNT};
        for (int training = 0; training < 2; training++) { // inference first: training moves the estimates
            cv_runner *runner;
            must(cv_runner_new(l.net, l.training.loss, l.training.loss_config, COUNT, training ? CV_TRAINING : 0,
                               l.pool, &runner, &l.err),
                 &l.err);
            if (training)
                cv_runner_train(runner, &batch, &random, NULL, losses[1]);
            else
                cv_runner_forward(runner, &batch, NULL, losses[0]);
            cv_runner_free(runner);
        }
        for (int n = 0; n < COUNT; n++) worst = fmaxf(worst, fabsf(losses[0][n] - losses[1][n]));
        if ((worst < 1e-5f) != rows[k].same)
            fail_msg("freeze '%s': losses differ by %g", rows[k].freeze, (double)worst);
        lesson_free(&l);
    }
}

// --- another model's normalisation -----------------------------------------------------------------------------------

static convo_model *train_moons(const char *features, int seed, const char *from) {
    char *text = cv_format("data: {set: moons, split: official, seed: %d, examples: 20, noise: %d}\n%s\n"
                           "model: [{linear: 1}]\ntrain: {loss: logistic, optimizer: {sgd: {lr: 0.1}}, epochs: 1}\n",
                           seed, seed, features);
    convo_recipe *recipe = make_recipe(text);
    convo_model *model;
    convo_error err = {0};
    must(convo_train(recipe, &(convo_train_options){.from = from, .threads = 1}, NULL, &model, &err), &err);
    convo_recipe_free(recipe);
    free(text);
    return model;
}

// It belongs to the weights that are taken, unless the recipe says another.
static void normalisation_comes_with_the_weights_where_the_recipe_measures_it(void **state) {
    (void)state;
    char path[] = "/tmp/convo-finetune-XXXXXX.safetensors";
    close(mkstemps(path, (int)strlen(".safetensors")));
    convo_model *first = train_moons("features: {normalize: global}", 1, NULL);
    convo_error err = {0};
    must(convo_model_save(first, path, &err), &err);
    convo_model *own = train_moons("features: {normalize: global}", 2, NULL),
                *taken = train_moons("features: {normalize: global}", 2, path),
                *said = train_moons("features: {mean: 0.5, std: 3}", 2, path), *none = train_moons("", 2, path);
    assert_false(cv_normal_equal(&own->normal, &first->normal));
    assert_true(cv_normal_equal(&taken->normal, &first->normal));
    assert_true(*said->normal.mean == 0.5f && *said->normal.std == 3);
    assert_true(*none->normal.mean == 0 && *none->normal.std == 1);
    convo_model *const models[] = {first, own, taken, said, none};
    for (size_t k = 0; k < CV_COUNT(models); k++) convo_model_free(models[k]);
    unlink(path);
}

// --- what is refused ------------------------------------------------------------------------------------------------

static void what_freezes_nothing_or_all_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *freeze, *says;
    } wrong[] = {{"6", "no layer '6'"},
                 {"7-9", "no layer '7-9'"},
                 {"2.shortcut", "no layer '2.shortcut'"},
                 {"first", "no layer 'first'"},
                 {"-1", "no layer '-1'"},
                 {"2-1", "no layer '2-1'"},
                 {"0-5", "nothing is left to train"},
                 {"0,1 2,5", "nothing is left to train"}};
    for (size_t k = 0; k < CV_COUNT(wrong); k++) {
        cv_net *net = make_net(cv_isa_find(NULL), task.input, layers);
        convo_error err = {0};
        assert_int_equal(cv_net_freeze(net, wrong[k].freeze, &err), CONVO_ARGUMENT);
        if (!strstr(err.message, wrong[k].says)) fail_msg("'%s' is not said, but '%s'", wrong[k].says, err.message);
        cv_net_free(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frozen_numbers_stay_to_the_bit),
        cmocka_unit_test(a_path_freezes_what_is_below_it_and_no_longer_number),
        cmocka_unit_test(nothing_frozen_is_as_before),
        cmocka_unit_test(frozen_batch_norm_uses_its_running_estimates),
        cmocka_unit_test(gradients_pass_through_frozen_layers),
        cmocka_unit_test(normalisation_comes_with_the_weights_where_the_recipe_measures_it),
        cmocka_unit_test(what_freezes_nothing_or_all_is_refused),
    };
    return cmocka_run_group_tests_name("finetune", tests, NULL, NULL);
}
