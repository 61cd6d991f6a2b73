// Classes of different size: balanced sampling, where every class is drawn equally often, and every example of a class
// too; and weights.
#include "support.h"
#include "train/train.h"

#include <math.h>

static void classes_are_drawn_equally_often(void **state) {
    (void)state;
    enum { ROWS = 1000, DRAWS = 900 }; // 900 of 1000 rows are trained on: 810 of class 0, 81 of class 2, 9 of class 3
    static int32_t of[ROWS], rows[DRAWS], order[DRAWS];
    int64_t of_class[4] = {0}, of_row[ROWS] = {0};
    for (int i = 0; i < ROWS; i++) of[i] = i < 100 ? 1 : i < 910 ? 0 : i < 991 ? 2 : 3;
    for (int i = 0; i < DRAWS; i++) rows[i] = 100 + i;
    enum { EPOCHS = 300 };
    cv_random random;
    cv_random_seed(&random, 5);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        assert_true(cv_balanced_order(of, rows, DRAWS, &random, order));
        for (int i = 0; i < DRAWS; i++) {
            of_class[of[order[i]]]++;
            of_row[order[i]]++;
        }
    }
    assert_int_equal(of_class[1], 0); // none of its rows is in the training part
    static const int64_t size[] = {810, 0, 81, 9};
    for (int k = 0; k < 4; k++) {
        const double want = DRAWS * EPOCHS / 3.0;
        if (k != 1 && fabs((double)of_class[k] - want) > 5 * sqrt(want))
            fail_msg("class %d is drawn %d times instead of %.0f", k, (int)of_class[k], want);
    }
    for (int i = 100; i < ROWS; i++) {
        const double want = DRAWS * EPOCHS / 3.0 / (double)size[of[i]];
        if (fabs((double)of_row[i] - want) > 6 * sqrt(want))
            fail_msg("example %d is drawn %d times instead of %.0f", i, (int)of_row[i], want);
    }
}

// 6 examples of the first class, 3 of the second, 1 of the third, none of the fourth in the training part.
static const int32_t label[] = {0, 0, 0, 1, 0, 2, 1, 0, 1, 0, 3, 3};
static const int32_t part[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
static const cv_source source = {.label = label};
static char *const labels[] = {"no", "hey, mycroft", "a=b", "yes"};

static void class_weights_are_read_and_balanced(void **state) {
    (void)state;
    static const struct {
        const char *list;
        float weight[4];
    } cases[] = {
        {"balanced\n", {10 / (3 * 6.0f), 10 / (3 * 3.0f), 10 / (3 * 1.0f), 1}}, // as scikit-learn
        {"1\n2/3\n0\n5\n", {1, 2 / 3.0f, 0, 5}},
        {"yes=0.5\nhey, mycroft=3\n", {1, 3, 1, 0.5f}},
        {"a=b=7\n", {1, 1, 7, 1}},
    };
    float *weight;
    convo_error err = {0};
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        must(cv_class_weights(cases[k].list, labels, 4, false, &source, part, CV_COUNT(part), &weight, &err), &err);
        for (int c = 0; c < 4; c++)
            if (fabsf(weight[c] - cases[k].weight[c]) > 1e-6f)
                fail_msg("case %zu, class %d: %g, not %g", k, c, (double)weight[c], (double)cases[k].weight[c]);
        free(weight);
    }
    must(cv_class_weights("", labels, 4, false, &source, part, CV_COUNT(part), &weight, &err), &err);
    assert_null(weight);
}

// examples without / examples with, as people compute BCEWithLogitsLoss(pos_weight=...).
static void outputs_are_balanced_by_what_they_are_not(void **state) {
    (void)state;
    static const uint8_t truth[] = {0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1}; // of the four labels
    const cv_source several = {.label = label, .truth = truth};
    float *weight;
    convo_error err = {0};
    must(cv_class_weights("balanced\n", labels, 3, true, &several, part, CV_COUNT(part), &weight, &err), &err);
    // The first is true for label 1 (3 examples) and 2 (1), the second for none but label 3, the third for label 2.
    static const double with[] = {4, 0, 1};
    for (int k = 0; k < 3; k++) {
        const double wanted = with[k] > 0 ? (10 - with[k]) / with[k] : 1;
        if (fabs((double)weight[k] - wanted) > 1e-6) fail_msg("output %d: %g, not %g", k, (double)weight[k], wanted);
    }
    free(weight);
}

static void class_weights_that_fit_no_class_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *list, *says;
    } cases[] = {
        {"1\n2\n3\n", "3 weights are given, the data set has 4 classes"},
        {"1\n2\n3\n4\n5\n", "more weights are given than the data set has classes, 4"},
        {"maybe=2\n", "no class 'maybe'; its first is 'no'"},
        {"=2\n", "no class ''"},
        {"no=2\n1\n", "mixes weights with and without a class"},
        {"no=-1\n", "must be a number from 0 to 1000000"},
        {"no=\n", "must be a number"},
        {"nan\n1\n1\n1\n", "must be a number"},
        {"inf\n1\n1\n1\n", "must be a number"},
        {"balance\n", "must be a number"},
        {"balanced\nbalanced\n", "must be a number"},
        {"0\n0\n0\n0\n", "all weights are 0"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        float *weight;
        convo_error err = {0};
        const convo_status status =
            cv_class_weights(cases[k].list, labels, 4, false, &source, part, CV_COUNT(part), &weight, &err);
        if (status != CONVO_ARGUMENT || !strstr(err.message, cases[k].says))
            fail_msg("case %zu: '%s' does not say '%s'", k, err.message, cases[k].says);
        assert_null(weight);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_drawn_equally_often),
        cmocka_unit_test(class_weights_are_read_and_balanced),
        cmocka_unit_test(outputs_are_balanced_by_what_they_are_not),
        cmocka_unit_test(class_weights_that_fit_no_class_are_refused),
    };
    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
