// What a summary counts, against sums by hand.
#include "models.h"

static const struct {
    const char *recipe;
    int layer; // the last one that is looked at
    const char *formula;
    int64_t parameters, multiply_adds; // of the layer
    int64_t all_parameters, all_multiply_adds;
} rows[] = {
    // 3 x 5 weights for each of 4 outputs (one channel of its group), 4 x 3 places each
    {"input: [2, 6, 7]\nmodel: [{conv2d: {out: 4, kernel: [3, 5], groups: 2}}]\n", 0, "3*5*1*4 + 4 = 64", 64, 720, 64,
     720},
    {"input: [3, 10]\nmodel: [{conv1d: {out: 5, kernel: 4, stride: 2, bias: false}}]\n", 0, "4*3*5 = 60", 60, 240, 60,
     240},
    // running mean, variance and count are no parameters
    {"input: [3, 8]\nmodel: [batchnorm, relu, flatten, {linear: 10}]\n", 0, "2*3 = 6", 6, 24, 256, 264},
    {"input: [3, 8]\nmodel: [batchnorm, relu, flatten, {linear: 10}]\n", 3, "24*10 + 10 = 250", 250, 240, 256, 264},
};

static void parameters_and_multiply_adds_are_counted(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_recipe *recipe = make_recipe(rows[k].recipe);
        convo_summary s;
        convo_error err = {0};
        must(convo_summarize(recipe, &s, &err), &err);
        const convo_layer *l = &s.layers[rows[k].layer];
        assert_string_equal(l->formula, rows[k].formula);
        assert_int_equal(l->parameters, rows[k].parameters);
        assert_int_equal(l->multiply_adds, rows[k].multiply_adds);
        assert_int_equal(s.parameters, rows[k].all_parameters);
        assert_int_equal(s.multiply_adds, rows[k].all_multiply_adds);
        convo_summary_free(&s);
        convo_recipe_free(recipe);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parameters_and_multiply_adds_are_counted)};
    return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
