// The gradient check: right nets pass, and a wrong backward pass of every kind that has been thought of is caught.
#include "support.h"

#include "inspect/gradcheck.h"

enum { LAYERS = 16 };

typedef struct subject {
    const char *name, *loss;
    cv_shape input;
    layer layers[LAYERS];
} subject;

static const subject nets[] = {
    {"residual",
     "cross_entropy",
     {3, 2, 9, 7},
     {{"0", "conv2d", "{out: 4, kernel: 3, padding: 1}", {FROM_INPUT}},
      {"1", "batchnorm", NULL, {0}},
      {"2", "relu", NULL, {0}},
      {"3.body.0", "conv2d", "{out: 6, kernel: 3, stride: 2, padding: 1}", {0}},
      {"3.body.1", "tanh", NULL, {0}},
      {"3.shortcut.0", "conv2d", "{out: 6, kernel: 1, stride: 2}", {3}},
      {"3", "add", NULL, {5, 6}},
      {"4", "relu", NULL, {0}},
      {"5", "maxpool2d", "{kernel: 2}", {0}},
      {"6", "flatten", NULL, {0}},
      {"7", "dropout", "{p: 0.3}", {0}},
      {"8", "linear", "{out: 5}", {0}}}},
    {"sequence",
     "mse",
     {2, 3, 1, 21},
     {{"0", "conv1d", "{out: 4, kernel: 3, dilation: 2}", {FROM_INPUT}},
      {"1", "avgpool1d", "{kernel: 3, stride: 2, padding: 1}", {0}},
      {"2", "sigmoid", NULL, {0}},
      {"3", "globalavgpool", NULL, {0}},
      {"4", "linear", "{out: 3}", {0}}}},
    {"one output",
     "logistic",
     {1, 6, 1, 1},
     {{"0", "linear", "{out: 4}", {FROM_INPUT}}, {"1", "relu", NULL, {0}}, {"2", "linear", "{out: 1}", {0}}}},
};

static cv_net *net_of(const subject *s) {
    cv_net *net = make_net(cv_isa_find("double"), s->input, s->layers);
    convo_error err = {0};
    cv_random random;
    cv_random_seed(&random, 1);
    must(cv_net_init(net, &random, &err), &err);
    return net;
}

static convo_gradcheck check_of(cv_net *net, const char *loss, const convo_gradcheck_options *options) {
    const cv_op *op = cv_op_find(net->isa, loss);
    const op_config config = op_options(op, NULL);
    convo_gradcheck check;
    convo_error err = {0};
    must(cv_gradcheck(net, op, config.bytes, options, &check, &err), &err);
    return check;
}

static void right_gradients_pass(void **state) {
    (void)state;
    const convo_gradcheck_options all = {.elements = -1};
    for (size_t k = 0; k < CV_COUNT(nets); k++) {
        cv_net *net = net_of(&nets[k]);
        convo_gradcheck check = check_of(net, nets[k].loss, &all);
        const convo_gradient *g = &check.gradient[check.worst];
        if (!check.passed || check.checked != net->parameters)
            fail_msg("%s: %lld of %lld checked, %s%s: analytic %.9g, numeric %.9g, error %.2g", nets[k].name,
                     (long long)check.checked, (long long)net->parameters, g->tensor, g->element, g->analytic,
                     g->numeric, g->error);
        print_message("%s: largest error %.1e, in %s%s\n", nets[k].name, g->error, g->tensor, g->element);
        convo_gradcheck_free(&check);
        cv_net_free(net);
    }
}

static void few_elements_of_each_tensor_are_checked(void **state) {
    (void)state;
    cv_net *net = net_of(&nets[0]);
    convo_gradcheck check = check_of(net, nets[0].loss, &(convo_gradcheck_options){.elements = 5});
    for (int k = 0; k < check.count; k++)
        assert_int_equal(check.gradient[k].checked, check.gradient[k].size < 5 ? check.gradient[k].size : 5);
    assert_true(check.passed);
    convo_gradcheck_free(&check);
    cv_net_free(net);
}

// --- planted bugs -------------------------------------------------------------------------------------------------

static void run_right(const cv_pass *p, const char *op) {
    cv_op_find(cv_isa_find("double"), op)->backward(p);
}

static void relu_that_passes_everything(const cv_pass *p) {
    memcpy(p->dx[0], p->dy, (size_t)cv_shape_size(p->out) * 2 * sizeof(double));
}

static void linear_with_one_element_off(const cv_pass *p) {
    run_right(p, "linear");
    ((double *)p->grad[0])[3] *= 1.001;
}

static void linear_without_its_bias(const cv_pass *p) {
    run_right(p, "linear");
    if (p->set) ((double *)p->grad[1])[0] = 0;
}

// The last of 17 samples is alone in its block: as if its lane were counted twice.
static void linear_that_counts_idle_lanes(const cv_pass *p) {
    run_right(p, "linear");
    if (p->active == 1) ((double *)p->grad[1])[0] *= 2;
}

static void linear_that_forgets_other_blocks(const cv_pass *p) {
    cv_pass alone = *p;
    run_right(p, "linear");
    alone.share.blocks = alone.set = 1;
    alone.dx[0] = NULL;
    run_right(&alone, "linear");
}

static void linear_that_is_not_finite(const cv_pass *p) {
    run_right(p, "linear");
    ((double *)p->grad[0])[0] = NAN;
}

static const struct {
    const char *name, *op, *tensor; // tensor: where it must show; NULL: anywhere
    void (*backward)(const cv_pass *pass);
} bugs[] = {
    {"relu lets all gradients pass", "relu", NULL, relu_that_passes_everything},
    {"one weight's gradient is off by 0.1 %", "linear", "2.weight", linear_with_one_element_off},
    {"the bias has no gradient", "linear", "2.bias", linear_without_its_bias},
    {"idle lanes are counted", "linear", "2.bias", linear_that_counts_idle_lanes},
    {"only the first block counts", "linear", NULL, linear_that_forgets_other_blocks},
    {"a gradient is not a number", "linear", "2.weight", linear_that_is_not_finite},
};

// linear, tanh, broken op where it is not a linear layer, linear (broken where it is).
static cv_net *broken_net(const cv_op *broken) {
    const cv_isa *isa = cv_isa_find("double");
    const bool activation = strcmp(broken->name, "linear") != 0;
    const op_config config = op_options(cv_op_find(isa, "linear"), "{out: 4}");
    convo_error err = {0};
    cv_net *net;
    cv_random random;
    must(cv_net_new(isa, (cv_shape){1, 5, 1, 1}, &net, &err), &err);
    must(cv_net_add(net, cv_op_find(isa, "linear"), config.bytes, &(int){-1}, "0", "", &err), &err);
    must(cv_net_add(net, activation ? broken : cv_op_find(isa, "tanh"), NULL, &(int){0}, "1", "", &err), &err);
    must(cv_net_add(net, activation ? cv_op_find(isa, "linear") : broken, config.bytes, &(int){1}, "2", "", &err),
         &err);
    must(cv_net_finish(net, &err), &err);
    cv_random_seed(&random, 2);
    must(cv_net_init(net, &random, &err), &err);
    return net;
}

static void planted_bugs_are_caught_and_named(void **state) {
    (void)state;
    const convo_gradcheck_options all = {.elements = -1};
    for (size_t k = 0; k < CV_COUNT(bugs); k++) {
        cv_op broken = *cv_op_find(cv_isa_find("double"), bugs[k].op);
        cv_net *net = broken_net(&broken);
        convo_gradcheck check = check_of(net, "cross_entropy", &all);
        if (!check.passed) fail_msg("%s: the net fails without its bug", bugs[k].name);
        convo_gradcheck_free(&check);
        broken.backward = bugs[k].backward;
        check = check_of(net, "cross_entropy", &all);
        if (check.passed) fail_msg("%s: not caught", bugs[k].name);
        if (bugs[k].tensor && strcmp(check.gradient[check.worst].tensor, bugs[k].tensor) != 0)
            fail_msg("%s: blamed on %s%s", bugs[k].name, check.gradient[check.worst].tensor,
                     check.gradient[check.worst].element);
        convo_gradcheck_free(&check);
        cv_net_free(net);
    }
}

// --- recipes ------------------------------------------------------------------------------------------------------

static convo_recipe *load(const char *path) {
    convo_recipe *recipe;
    convo_error err = {0};
    must(convo_recipe_load(path, &recipe, &err), &err);
    return recipe;
}

// MVA Object recognition and computer vision (2020/21), assignment 2: 1,000 random weights and points, mean below 1e-6.
static void the_moons_net_passes_with_1000_random_weights(void **state) {
    (void)state;
    convo_recipe *recipe = load("recipes/moons.yaml");
    const convo_gradcheck_options o = {.random = 1000};
    convo_gradcheck check;
    convo_error err = {0};
    must(convo_gradcheck_run(recipe, NULL, &o, &check, &err), &err);
    print_message("moons: mean difference %.2e over %lld gradients\n", check.mean_difference, (long long)check.checked);
    assert_int_equal(check.checked, 1000 * 29);
    assert_true(check.passed);
    assert_true(check.mean_difference < 1e-6);
    convo_gradcheck_free(&check);
    convo_recipe_free(recipe);
}

static void recipes_pass(void **state) {
    (void)state;
    static const char *const paths[] = {"recipes/fsdd-mfcc.yaml", "recipes/moons.yaml", "recipes/fields/nine-pool.yaml",
                                        "recipes/blocks/derivative-relu.yaml"};
    for (size_t k = 0; k < CV_COUNT(paths); k++) {
        convo_recipe *recipe = load(paths[k]);
        const convo_gradcheck_options o = {.elements = 4};
        convo_gradcheck check;
        convo_error err = {0};
        if (k == 3) must(convo_recipe_set(recipe, "input=[3, 12, 9]", &err), &err);
        must(convo_gradcheck_run(recipe, NULL, &o, &check, &err), &err);
        if (!check.passed) fail_msg("%s: %s is wrong", paths[k], check.gradient[check.worst].tensor);
        convo_gradcheck_free(&check);
        convo_recipe_free(recipe);
    }
}

static void a_net_without_parameters_is_refused(void **state) {
    (void)state;
    convo_recipe *recipe = load("recipes/blocks/maxpool.yaml");
    convo_gradcheck check;
    convo_error err;
    assert_int_equal(convo_gradcheck_run(recipe, NULL, NULL, &check, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "no parameters"));
    convo_recipe_free(recipe);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_gradients_pass),
        cmocka_unit_test(few_elements_of_each_tensor_are_checked),
        cmocka_unit_test(planted_bugs_are_caught_and_named),
        cmocka_unit_test(the_moons_net_passes_with_1000_random_weights),
        cmocka_unit_test(recipes_pass),
        cmocka_unit_test(a_net_without_parameters_is_refused),
    };
    return cmocka_run_group_tests_name("gradcheck", tests, NULL, NULL);
}
