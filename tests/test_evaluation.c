// Figures of an evaluation, against numbers that NumPy and SciPy made of the same table by the definitions.
#include "models.h"

enum { ROWS = 12, CLASSES = 3 };

typedef struct table {
    convo_evaluation e;
    int64_t truth[ROWS], predicted[ROWS], group[ROWS], confusion[CLASSES * CLASSES];
    float probabilities[ROWS * CLASSES];
    char *labels[CLASSES];
} table;

static void fill(table *t) {
    static const float probabilities[ROWS][CLASSES] = {
        {.90f, .05f, .05f}, {.60f, .30f, .10f}, {.20f, .70f, .10f}, {.10f, .80f, .10f},
        {.30f, .30f, .40f}, {.05f, .15f, .80f}, {.45f, .35f, .20f}, {.25f, .50f, .25f},
        {.10f, .20f, .70f}, {.70f, .20f, .10f}, {.20f, .20f, .60f}, {.15f, .75f, .10f},
    };
    static const int64_t truth[ROWS] = {0, 0, 1, 1, 2, 2, 1, 0, 2, 2, 1, 1};
    *t = (table){0};
    static char names[CLASSES][2] = {"a", "b", "c"};
    for (int k = 0; k < CLASSES; k++) t->labels[k] = names[k];
    memcpy(t->truth, truth, sizeof truth);
    memcpy(t->probabilities, probabilities, sizeof probabilities);
    t->e = (convo_evaluation){.classes = CLASSES,
                              .outputs = CLASSES,
                              .groups = 2,
                              .score.count = ROWS,
                              .truth = t->truth,
                              .predicted = t->predicted,
                              .group = t->group,
                              .confusion = t->confusion,
                              .logits = t->probabilities, // in the same order
                              .probabilities = t->probabilities,
                              .labels = t->labels};
    for (int i = 0; i < ROWS; i++) {
        for (int k = 1; k < CLASSES; k++)
            if (probabilities[i][k] > probabilities[i][t->predicted[i]]) t->predicted[i] = k;
        t->confusion[truth[i] * CLASSES + t->predicted[i]]++;
        t->group[i] = i < 4 ? 0 : i < 9 ? 1 : -1;
        t->e.score.correct += t->predicted[i] == truth[i];
    }
}

static void near(const char *what, double got, double want) {
    if (!(fabs(got - want) < 1e-6)) fail_msg("%s is %.9g, not %.9g", what, got, want);
}

static void accuracy_has_wilsons_interval(void **state) {
    (void)state;
    static const struct {
        int64_t correct, count;
        double low, high; // scipy.stats.binomtest(...).proportion_ci(method='wilson')
    } rows[] = {
        {976, 1000, 0.964537094, 0.983819832},
        {10, 10, 0.722467200, 1},
        {0, 7, 0, 0.354330435},
        {1, 2, 0.094531206, 0.905468794},
        {0, 0, 0, 1},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        const convo_interval interval = convo_accuracy_interval(rows[k].correct, rows[k].count);
        near("the lower end", interval.low, rows[k].low);
        near("the upper end", interval.high, rows[k].high);
    }
}

static void classes_have_precision_recall_and_f1(void **state) {
    static const double want[CLASSES + 1][3] = {
        {0.5, 0.666666667, 0.571428571},
        {0.75, 0.6, 0.666666667},
        {0.75, 0.75, 0.75},
        {0.666666667, 0.672222222, 0.662698413},
    };
    table t;
    (void)state;
    fill(&t);
    for (int k = 0; k <= CLASSES; k++) {
        const convo_class_score s = convo_class_figures(&t.e, k < CLASSES ? k : CONVO_MACRO);
        near("precision", s.precision, want[k][0]);
        near("recall", s.recall, want[k][1]);
        near("F1", s.f1, want[k][2]);
    }
    assert_int_equal(convo_class_figures(&t.e, CONVO_MACRO).count, ROWS);
}

static void classes_that_do_not_occur_leave_the_mean_alone(void **state) {
    (void)state;
    int64_t confusion[9] = {2, 1, 0, 1, 2, 0, 0, 0, 0};
    const convo_evaluation e = {.classes = 3, .confusion = confusion};
    near("F1 of nothing", convo_class_figures(&e, 2).f1, 0);
    near("mean F1", convo_class_figures(&e, CONVO_MACRO).f1, 2.0 / 3);
    confusion[2] = 1; // said once, and wrongly
    near("mean F1 with a class that is only said", convo_class_figures(&e, CONVO_MACRO).f1,
         (4.0 / 7 + 2.0 / 3 + 0) / 3);
}

static void truths_are_among_the_first_k(void **state) {
    static const double want[] = {0.666666667, 0.833333333, 1};
    table t;
    (void)state;
    fill(&t);
    for (int k = 0; k < CLASSES; k++) near("top-k accuracy", convo_top_accuracy(&t.e, k + 1), want[k]);
    near("top 1", convo_top_accuracy(&t.e, 1), (double)t.e.score.correct / ROWS);
    t.e.outputs = 1; // a logistic loss
    near("top 1 of one output", convo_top_accuracy(&t.e, 1), (double)t.e.score.correct / ROWS);
}

// As the prediction is the first of the largest: {the outputs, the truth, the least k that has it}.
static void of_equal_outputs_the_first_comes_first(void **state) {
    static const struct {
        float logits[3];
        int64_t truth;
        int k;
    } rows[] = {
        {{2, 2, 1}, 0, 1}, {{2, 2, 1}, 1, 2}, {{1, 2, 1}, 0, 2}, {{1, 2, 1}, 2, 3},
        {{1, 1, 1}, 0, 1}, {{1, 1, 1}, 1, 2}, {{1, 1, 1}, 2, 3},
    };
    (void)state;
    for (size_t n = 0; n < CV_COUNT(rows); n++) {
        int64_t truth = rows[n].truth;
        float logits[3];
        memcpy(logits, rows[n].logits, sizeof logits);
        const convo_evaluation e = {.classes = 3, .outputs = 3, .score.count = 1, .truth = &truth, .logits = logits};
        for (int k = 1; k <= 3; k++) near("top-k accuracy", convo_top_accuracy(&e, k), k >= rows[n].k);
    }
}

static void confidence_is_compared_with_accuracy(void **state) {
    table t;
    convo_calibration c;
    convo_error err;
    (void)state;
    fill(&t);
    must(convo_calibration_find(&t.e, &c, &err), &err);
    near("ECE", c.error, 0.141666668);
    static const int64_t counts[CONVO_BINS] = {[6] = 2, 1, 0, 2, 3, 1, 2, 1};
    for (int b = 0; b < CONVO_BINS; b++) {
        assert_int_equal(c.count[b], counts[b]);
        assert_int_equal(isnan(c.accuracy[b]) != 0, counts[b] == 0);
    }
    near("confidence of bin 6", c.confidence[6], 0.425);
    near("accuracy of bin 10", c.accuracy[10], 0.666666667);
}

static void curves_have_areas_and_equal_error_rates(void **state) {
    static const double want[CLASSES][2] = {{0.851851852, 0.333333333}, {0.857142857, 0.2}, {0.8125, 0.25}};
    static const int points[] = {11, 10, 9}; // equal probabilities are one point
    table t;
    convo_error err;
    (void)state;
    fill(&t);
    for (int k = 0; k < CLASSES; k++) {
        convo_roc roc;
        must(convo_roc_find(&t.e, k, &roc, &err), &err);
        near("area", roc.area, want[k][0]);
        near("EER", roc.eer, want[k][1]);
        assert_int_equal(roc.count, points[k]);
        near("the first point", roc.found[0] + roc.false_alarm[0], 0);
        near("the last point", roc.found[roc.count - 1] + roc.false_alarm[roc.count - 1], 2);
        convo_roc_free(&roc);
    }
}

// By hand: (0, 0), (0, 0.25), (0.4, 0.75), (0.6, 0.75), (0.6, 1), (1, 1); 15 of 20 pairs are in order, ties by halves.
static void equal_probabilities_are_a_slope(void **state) {
    float p[] = {.9f, .5f, .5f, .2f, .5f, .5f, .3f, .1f, .1f}, probabilities[18];
    int64_t truth[] = {1, 1, 1, 1, 0, 0, 0, 0, 0}, confusion[] = {5, 0, 0, 4};
    convo_evaluation e = {.classes = 2, .score.count = 9, .truth = truth, .confusion = confusion};
    convo_roc roc;
    convo_error err;
    (void)state;
    for (int i = 0; i < 9; i++) probabilities[2 * i] = 1 - p[i], probabilities[2 * i + 1] = p[i];
    e.probabilities = probabilities;
    must(convo_roc_find(&e, 1, &roc, &err), &err);
    assert_int_equal(roc.count, 6);
    near("area", roc.area, 0.75);
    near("EER", roc.eer, 1.0 / 3);
    convo_roc_free(&roc);
}

static void what_has_no_curve_is_refused(void **state) {
    table t;
    convo_roc roc;
    convo_calibration c;
    convo_error err;
    (void)state;
    fill(&t);
    assert_int_equal(convo_roc_find(&t.e, CLASSES, &roc, &err), CONVO_ARGUMENT);
    for (int k = 0; k < CLASSES; k++) t.confusion[CLASSES + k] = 0; // none of class 1
    assert_int_equal(convo_roc_find(&t.e, 1, &roc, &err), CONVO_ARGUMENT);
    t.e.probabilities = NULL;
    assert_int_equal(convo_roc_find(&t.e, 0, &roc, &err), CONVO_STATE);
    assert_int_equal(convo_calibration_find(&t.e, &c, &err), CONVO_STATE);
}

static void groups_are_scored_apart(void **state) {
    table t;
    (void)state;
    fill(&t);
    assert_int_equal(convo_group_score(&t.e, 0).count, 4);
    assert_int_equal(convo_group_score(&t.e, 1).count, 5);
    near("group 0", convo_group_score(&t.e, 0).accuracy, 1);
    near("group 1", convo_group_score(&t.e, 1).accuracy, 0.6);
}

// --- from a recipe ----------------------------------------------------------------------------------------------

static const char moons[] = "data: {set: moons, examples: 50, split: official}\n"
                            "model: [linear: 7, relu, linear: 1]\n"
                            "train: {loss: logistic, optimizer: {sgd: {lr: 0.02}}, epochs: 1}\n";

static void count_scored(int64_t done, int64_t total, void *user) {
    int64_t *last = user;
    assert_true(done > *last && done <= total && total == 50);
    *last = done;
}

static void held_out_is_validation_where_nothing_is_tested(void **state) {
    convo_recipe *recipe = make_recipe(moons);
    convo_model *model;
    convo_evaluation e;
    convo_examples x;
    convo_error err;
    (void)state;
    must(convo_model_new(recipe, NULL, &model, &err), &err);
    int64_t scored = 0;
    const convo_train_options how = {.scoring = count_scored, .user = &scored};
    must(convo_evaluate(model, CONVO_HELD_OUT, &how, &e, &err), &err);
    assert_int_equal(scored, 50);
    assert_int_equal(e.part, CONVO_VALIDATION);
    assert_int_equal(e.score.count, 50);
    assert_null(e.file[0]);
    assert_int_equal(e.group[0], -1);
    must(convo_examples_read(recipe, NULL, CONVO_HELD_OUT, NULL, -1, &x, &err), &err);
    assert_int_equal(x.count, e.score.count);
    float *probabilities = test_memory(2 * 50, sizeof *probabilities);
    must(convo_model_predict_arrays(model, x.values.value, x.count, probabilities, &err), &err);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(x.index[i], e.index[i]);
        assert_int_equal(x.truth[i], e.truth[i]);
        for (int k = 0; k < 2; k++)
            near("a probability", (double)probabilities[2 * i + k], (double)e.probabilities[2 * i + k]);
    }
    free(probabilities);
    convo_examples_free(&x);
    convo_evaluation_free(&e);
    convo_model_free(model);
    convo_recipe_free(recipe);
}

static void examples_are_spread_or_named(void **state) {
    convo_recipe *recipe = make_recipe(moons);
    convo_examples some, named;
    convo_error err;
    (void)state;
    must(convo_examples_read(recipe, NULL, CONVO_TRAIN, NULL, 10, &some, &err), &err);
    assert_int_equal(some.count, 10);
    assert_int_equal(some.truth[0], 0);
    assert_int_equal(some.truth[9], 1); // the second half is of the other class
    must(convo_examples_read(recipe, NULL, CONVO_ALL, &some.index[7], 1, &named, &err), &err);
    assert_int_equal(named.values.dims, 2);
    assert_memory_equal(named.values.value, some.values.value + 14, 2 * sizeof(float));
    convo_examples_free(&named);
    assert_int_equal(convo_examples_read(recipe, NULL, CONVO_ALL, &(int64_t){100}, 1, &named, &err), CONVO_ARGUMENT);
    convo_examples_free(&some);
    convo_recipe_free(recipe);
}

static void leaving_a_group_out_keeps_what_a_split_by_group_says(void **state) {
    static const struct {
        const char *split, *want;
    } rows[] = {{"{train: 2/3, test: 1/3}", "ann's"},
                {"{by: group, leave_out: bob, validation: 0.25}", "say \"a, b\"\\\n\x01 #"}};
    (void)state;
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char *text =
            cv_format("data: {set: fsdd, split: %s}\nfeatures: {kind: mfcc, samples: 6000}\n"
                      "model: [flatten, linear: 10]\ntrain: {loss: cross_entropy, optimizer: {sgd: {lr: 1}}}\n",
                      rows[k].split);
        convo_recipe *recipe = make_recipe(text);
        convo_error err;
        must(convo_recipe_leave_out(recipe, rows[k].want, &err), &err);
        assert_int_equal(recipe->split.by, CV_BY_GROUP);
        assert_string_equal(recipe->split.leave_out, rows[k].want);
        near("validation", recipe->split.validation, k ? 0.25 : 0);
        near("train", recipe->split.train, 0);
        convo_recipe_free(recipe);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accuracy_has_wilsons_interval),
        cmocka_unit_test(classes_have_precision_recall_and_f1),
        cmocka_unit_test(classes_that_do_not_occur_leave_the_mean_alone),
        cmocka_unit_test(truths_are_among_the_first_k),
        cmocka_unit_test(of_equal_outputs_the_first_comes_first),
        cmocka_unit_test(confidence_is_compared_with_accuracy),
        cmocka_unit_test(curves_have_areas_and_equal_error_rates),
        cmocka_unit_test(equal_probabilities_are_a_slope),
        cmocka_unit_test(what_has_no_curve_is_refused),
        cmocka_unit_test(groups_are_scored_apart),
        cmocka_unit_test(held_out_is_validation_where_nothing_is_tested),
        cmocka_unit_test(examples_are_spread_or_named),
        cmocka_unit_test(leaving_a_group_out_keeps_what_a_split_by_group_says),
    };
    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
