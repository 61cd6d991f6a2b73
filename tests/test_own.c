// Data sets of the program: arrays and a function that fills examples, trained on without a file.
#include "base/base.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EXAMPLES = 120, SIZE = 6, CLASSES = 3 };

static float value[EXAMPLES][SIZE];
static int32_t label[EXAMPLES], group[EXAMPLES];
static convo_part part[EXAMPLES];

static int make_examples(void **state) {
    (void)state;
    uint32_t random = 1;
    for (int i = 0; i < EXAMPLES; i++) {
        label[i] = i % CLASSES;
        group[i] = i / 40;
        part[i] = i % 4 ? CONVO_TRAIN : CONVO_TEST;
        for (int k = 0; k < SIZE; k++) {
            random = random * 1664525 + 1013904223;
            value[i][k] = (float)(random >> 8) / (1 << 24) + (k == label[i] ? 2 : 0);
        }
    }
    return 0;
}

static bool fill(void *user, int64_t index, float *out) {
    if (user && index == *(const int64_t *)user) return false;
    memcpy(out, value[index], sizeof value[index]);
    return true;
}

static convo_dataset_spec good_spec(void) {
    return (convo_dataset_spec){
        .count = EXAMPLES, .dims = 2, .dim = {2, 3}, .values = value[0], .labels = label, .classes = CLASSES};
}

static convo_dataset *new_dataset(const convo_dataset_spec *spec) {
    convo_dataset *dataset;
    convo_error err = {.message = ""};
    if (convo_dataset_new(spec, &dataset, &err)) fail_msg("%s", err.message);
    return dataset;
}

static convo_recipe *parse(const char *split) {
    char text[512];
    convo_recipe *recipe;
    convo_error err = {.message = ""};
    cv_print(text, sizeof text,
             "data: {set: arrays, split: %s}\nfeatures: {normalize: global}\nmodel: [flatten, {linear: 3}]\n"
             "train: {optimizer: {sgd: {lr: 0.1}}, epochs: 4, batch: 16}\n",
             split);
    if (convo_recipe_parse(text, strlen(text), "own", &recipe, &err)) fail_msg("%s: %s", err.where, err.message);
    return recipe;
}

static convo_status train(const convo_dataset_spec *spec, const char *split, int threads, convo_train_result *result,
                          float probability[CLASSES], convo_error *err) {
    convo_dataset *dataset = new_dataset(spec);
    convo_recipe *recipe = parse(split);
    convo_model *model = NULL;
    const convo_train_options options = {.dataset = dataset, .threads = threads};
    convo_status status = convo_train(recipe, &options, result, &model, err);
    if (!status && probability) status = convo_model_predict_arrays(model, value[1], 1, probability, err);
    convo_model_free(model);
    convo_recipe_free(recipe);
    convo_dataset_free(dataset);
    return status;
}

static void arrays_and_a_function_train_to_the_same_bits(void **state) {
    (void)state;
    convo_dataset_spec spec = good_spec();
    convo_train_result result;
    convo_error err = {.message = ""};
    float first[CLASSES], other[CLASSES], before[EXAMPLES][SIZE];
    memcpy(before, value, sizeof before);
    if (train(&spec, "{by: random, train: 0.75, test: 0.25}", 1, &result, first, &err)) fail_msg("%s", err.message);
    assert_memory_equal(before, value, sizeof before); // they are the caller's
    assert_int_equal(result.examples[CONVO_TEST], 30);
    assert_true(result.test.accuracy > 0.9);
    spec.values = NULL;
    spec.fill = fill;
    for (int threads = 1; threads <= 3; threads++) {
        if (train(&spec, "{by: random, train: 0.75, test: 0.25}", threads, &result, other, &err))
            fail_msg("%s", err.message);
        assert_memory_equal(first, other, sizeof first);
    }
}

static void parts_groups_and_names_are_used(void **state) {
    (void)state;
    static const char *const names[] = {"no", "yes", "per%cent"};
    convo_dataset_spec spec = good_spec();
    convo_train_result result;
    convo_error err = {.message = ""};
    spec.parts = part;
    if (train(&spec, "official", 1, &result, NULL, &err)) fail_msg("%s", err.message);
    assert_int_equal(result.examples[CONVO_TEST], 30);
    spec.groups = group;
    if (train(&spec, "{by: group, leave_out: 1}", 1, &result, NULL, &err)) fail_msg("%s", err.message);
    assert_int_equal(result.examples[CONVO_TEST], 40);
    spec.names = names;
    convo_dataset *dataset = new_dataset(&spec);
    convo_recipe *recipe = parse("official");
    convo_model *model;
    const convo_train_options options = {.dataset = dataset};
    convo_evaluation evaluation;
    assert_int_equal(convo_train(recipe, &options, NULL, &model, NULL), CONVO_OK);
    assert_string_equal(convo_model_label(model, 2), "per%cent");
    assert_int_equal(convo_evaluate(model, CONVO_TEST, &options, &evaluation, NULL), CONVO_OK);
    assert_int_equal(evaluation.score.count, 30);
    assert_int_equal(evaluation.groups, 3);
    convo_evaluation_free(&evaluation);
    convo_model_free(model);
    convo_recipe_free(recipe);
    convo_dataset_free(dataset);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    static const int32_t far[EXAMPLES] = {0, CLASSES}, below[EXAMPLES] = {0, -1};
    static const convo_part nowhere[EXAMPLES] = {CONVO_TRAIN, CONVO_ALL};
    static float infinite[EXAMPLES][SIZE];
    infinite[2][1] = INFINITY;
    const struct {
        convo_status status;
        const char *sentence;
        convo_dataset_spec spec;
    } cases[] = {
#define CASE(code, text, ...)                                                                                          \
    {                                                                                                                  \
        code, text, {                                                                                                  \
            .count = EXAMPLES, .dims = 1, .dim = {SIZE}, .classes = CLASSES, __VA_ARGS__                               \
        }                                                                                                              \
    }
        CASE(CONVO_ARGUMENT, "needs labels", .values = value[0]),
        CASE(CONVO_ARGUMENT, "either values or a function", .labels = label),
        CASE(CONVO_ARGUMENT, "either values or a function", .labels = label, .values = value[0], .fill = fill),
        CASE(CONVO_ARGUMENT, "label 1 is 3: 0 to 2", .labels = far, .values = value[0]),
        CASE(CONVO_ARGUMENT, "label 1 is -1", .labels = below, .values = value[0]),
        CASE(CONVO_ARGUMENT, "group 1 is -1", .labels = label, .values = value[0], .groups = below),
        CASE(CONVO_ARGUMENT, "example 1 is in no part", .labels = label, .values = value[0], .parts = nowhere),
        CASE(CONVO_NUMERIC, "number 1 of example 2 is not finite", .labels = label, .values = infinite[0]),
        {CONVO_ARGUMENT, "1 to 2147483647 examples", {.count = 0}},
        {CONVO_ARGUMENT,
         "1, 2 or 3 dimensions, not 4",
         {.count = 1, .dims = 4, .labels = label, .values = value[0], .classes = 1}},
        {CONVO_ARGUMENT,
         "size 1 of an example, 0",
         {.count = 1, .dims = 2, .dim = {1, 0}, .labels = label, .values = value[0], .classes = 1}},
        {CONVO_ARGUMENT, "classes, not 0", {.count = 1, .dims = 1, .dim = {1}, .labels = label, .values = value[0]}},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        convo_error err = {.message = ""};
        convo_dataset *dataset;
        const convo_status status = convo_dataset_new(&cases[k].spec, &dataset, &err);
        if (status != cases[k].status || !strstr(err.message, cases[k].sentence))
            fail_msg("case %zu: %s, '%s'", k, convo_status_name(status), err.message);
        assert_null(dataset);
    }
}

static void a_function_that_fails_and_a_recipe_for_files_are_refused(void **state) {
    (void)state;
    int64_t bad = 77;
    convo_dataset_spec spec = good_spec();
    convo_train_result result;
    convo_error err = {.message = ""};
    spec.values = NULL;
    spec.fill = fill;
    spec.user = &bad;
    for (int threads = 1; threads <= 2; threads++) {
        assert_int_equal(train(&spec, "{train: 0.5, test: 0.5}", threads, &result, NULL, &err), CONVO_IO);
        assert_string_equal(err.message, "example 77 could not be filled");
    }
    static const char other[] = "data: {set: moons}\nmodel: [{linear: 2}]\ntrain: {optimizer: {sgd: {lr: 0.1}}}\n";
    convo_recipe *recipe;
    convo_dataset *dataset = new_dataset(&spec);
    const convo_train_options options = {.dataset = dataset};
    assert_int_equal(convo_recipe_parse(other, strlen(other), "other", &recipe, NULL), CONVO_OK);
    assert_int_equal(convo_train(recipe, &options, NULL, NULL, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "set: arrays"));
    convo_recipe_free(recipe);
    convo_dataset_free(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_and_a_function_train_to_the_same_bits),
        cmocka_unit_test(parts_groups_and_names_are_used),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_function_that_fails_and_a_recipe_for_files_are_refused),
    };
    return cmocka_run_group_tests_name("own", tests, make_examples, NULL);
}
