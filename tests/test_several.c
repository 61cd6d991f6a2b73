// Several labels for an example, or none: how data sets say so, and what is trained, scored and saved then.
#include "datasets.h"

#include "data/several.h"
#include "format/archive.h"

#include <math.h>

// --- data sets ----------------------------------------------------------------------------------------------------

// "alexa; hey mycroft" of example i, in the order of the outputs.
static void check_truth(const cv_dataset *d, size_t i, const char *want) {
    char text[256] = "";
    assert_non_null(d->truth);
    for (int k = 0; k < d->output_count; k++)
        if (d->truth[d->example[i].label * d->output_count + k])
            cv_append(text, sizeof text, "%s%s", text[0] ? "; " : "", d->outputs[k]);
    if (strcmp(text, want) != 0) fail_msg("example %zu: '%s', not '%s'", i, text, want);
    assert_string_equal(d->labels[d->example[i].label], want[0] ? want : "none");
}

static const char rows[] = "path,label\na.wav,hey mycroft;alexa\nb.wav,\nc.wav, alexa ;hey mycroft\nd.wav,alexa\n"
                           "e.wav,;alexa;;\nf.wav,;\ng.wav,\"it's, 3\"\n";

static void skip_without_manifests(void) {
    if (!cv_data_manifest.missing) return;
    print_message("[  SKIPPED ] this build cannot read CSV files\n");
    skip();
}

static void a_manifest_gives_several_labels_or_none(void **state) {
    skip_without_manifests();
    static const char *const settings[] = {"label_separator=;", NULL};
    char *path = cv_format("%s/list.csv", (char *)*state);
    write_file(*state, "list.csv", rows, strlen(rows));
    cv_dataset *d = open_data(&cv_data_manifest, path, settings);
    assert_int_equal(d->output_count, 3);
    assert_int_equal(d->label_count, 4);
    static const char *const want[] = {"alexa; hey mycroft", "", "alexa; hey mycroft", "alexa", "alexa", "", "it's, 3"};
    for (size_t i = 0; i < CV_COUNT(want); i++) check_truth(d, i, want[i]);
    cv_dataset_free(d);
    refuse_data(&cv_data_manifest, path, NULL, CONVO_FORMAT, "list.csv:3");
    static const struct {
        const char *text, *says;
    } bad[] = {{"path,label\na.wav,\nb.wav, ; \n", "no example has a label"},
               {"path,label\na.wav,none\nb.wav,x\n", "a label is called 'none'"}};
    for (size_t k = 0; k < CV_COUNT(bad); k++) {
        write_file(*state, "list.csv", bad[k].text, strlen(bad[k].text));
        refuse_data(&cv_data_manifest, path, settings, CONVO_FORMAT, bad[k].says);
    }
    free(path);
}

// One word to wake up by, or nothing.
static void one_label_or_none_are_two_classes(void **state) {
    skip_without_manifests();
    static const char *const settings[] = {"label_separator=;", NULL};
    static const char text[] = "path,label\na.wav,alexa\nb.wav,\nc.wav,alexa\n";
    char *path = cv_format("%s/list.csv", (char *)*state);
    write_file(*state, "list.csv", text, strlen(text));
    cv_dataset *d = open_data(&cv_data_manifest, path, settings);
    assert_null(d->truth);
    assert_int_equal(d->label_count, 2);
    assert_string_equal(d->labels[0], "none");
    assert_string_equal(d->labels[1], "alexa");
    assert_int_equal(d->example[0].label, 1);
    assert_int_equal(d->example[1].label, 0);
    cv_dataset_free(d);
    free(path);
}

static void labels_may_say_that_nothing_is_true(void **state) {
    skip_without_manifests();
    static const char text[] = "path,label\na.wav,noise\nb.wav,zeta\nc.wav,alexa\nd.wav,hum\n";
    convo_error err = {.message = ""};
    char *path = cv_format("%s/list.csv", (char *)*state);
    write_file(*state, "list.csv", text, strlen(text));
    cv_dataset *d = open_data(&cv_data_manifest, path, NULL);
    assert_int_equal(cv_several_none(d, "hum\nnoise\n", &err), CONVO_OK);
    assert_int_equal(d->output_count, 2);
    static const char *const want[] = {"", "zeta", "alexa", ""};
    for (size_t i = 0; i < 4; i++) check_truth(d, i, want[i]);
    assert_int_equal(cv_several_none(d, "noise\n", &err), CONVO_ARGUMENT); // it is none by now
    assert_int_equal(cv_several_none(d, "zeta\nalexa\n", &err), CONVO_ARGUMENT);
    if (!strstr(err.message, "nothing to learn")) fail_msg("%s", err.message);
    assert_int_equal(cv_several_none(d, "zeta\n", &err), CONVO_OK); // and one is left
    assert_null(d->truth);
    assert_string_equal(d->labels[0], "zeta");
    assert_string_equal(d->labels[1], "alexa");
    static const int32_t label[] = {0, 0, 1, 0};
    for (size_t i = 0; i < 4; i++) assert_int_equal(d->example[i].label, label[i]);
    cv_dataset_free(d);
    d = open_data(&cv_data_manifest, path, NULL);
    assert_int_equal(cv_several_none(d, "noisy\n", &err), CONVO_ARGUMENT);
    if (!strstr(err.message, "no label 'noisy', did you mean 'noise'")) fail_msg("%s", err.message);
    cv_dataset_free(d);
    free(path);
}

static void arrays_of_ones_give_several_labels(void **state) {
    static const float x[4] = {1, 2, 3, 4};
    static const uint8_t train[4][3] = {{0, 0, 0}, {1, 0, 1}, {0, 1, 0}, {1, 0, 1}}, test[4] = {2, 0, 1, 2};
    static const char *const settings[] = {"classes=dog cat ant", NULL};
    write_npy(*state, "X_train.npy", "<f4", "(4, 1)", x, sizeof x);
    write_npy(*state, "y_train.npy", "|u1", "(4, 3)", train, sizeof train);
    write_npy(*state, "X_test.npy", "<f4", "(4, 1)", x, sizeof x);
    write_npy(*state, "y_test.npy", "|u1", "(4,)", test, sizeof test); // numbers of classes beside them
    cv_dataset *d = open_data(&cv_data_arrays, *state, settings);
    static const char *const want[] = {"", "dog; ant", "cat", "dog; ant", "ant", "dog", "cat", "ant"};
    for (size_t i = 0; i < CV_COUNT(want); i++) check_truth(d, i, want[i]);
    assert_string_equal(d->outputs[0], "dog");
    assert_int_equal(d->label_count, 5);
    cv_dataset_free(d);
    write_npy(*state, "y_test.npy", "|u1", "(4, 2)", (uint8_t[8]){0}, 8);
    refuse_data(&cv_data_arrays, *state, settings, CONVO_SHAPE,
                "has 2 columns of labels, another array of labels has 3");
}

// --- training -----------------------------------------------------------------------------------------------------

enum { EXAMPLES = 300, SIZE = 5, OUTPUTS = 3 };
static float value[EXAMPLES][SIZE];
static uint8_t truth[EXAMPLES][OUTPUTS];

// Each output is true where its input is large; two inputs say nothing.
static void make_examples(void) {
    uint32_t random = 7;
    for (int i = 0; i < EXAMPLES; i++)
        for (int k = 0; k < SIZE; k++) {
            random = random * 1664525 + 1013904223;
            value[i][k] = (float)(random >> 8) / (1 << 24);
            if (k < OUTPUTS) truth[i][k] = value[i][k] > 0.7f;
        }
}

static convo_recipe *parse(const char *loss) {
    char text[512];
    convo_recipe *recipe;
    convo_error err = {.message = ""};
    cv_print(text, sizeof text,
             "data: {set: arrays, split: {train: 0.5, validation: 0.25, test: 0.25}}\nmodel: [{linear: %d}]\n"
             "train: {loss: %s, class_weights: balanced, optimizer: {adam: {lr: 0.05}}, epochs: 40, batch: 16}\n",
             OUTPUTS, loss);
    if (convo_recipe_parse(text, strlen(text), "several", &recipe, &err)) fail_msg("%s: %s", err.where, err.message);
    return recipe;
}

typedef struct trained {
    convo_dataset *dataset;
    convo_recipe *recipe;
    convo_model *model;
    convo_train_options options;
    convo_train_result result;
} trained;

static trained train(void) {
    static const char *const names[] = {"zeta", "alexa", "hey, you"};
    trained t = {.recipe = parse("binary_cross_entropy")};
    convo_error err = {.message = ""};
    make_examples();
    const convo_dataset_spec spec = {.count = EXAMPLES,
                                     .dims = 1,
                                     .dim = {SIZE},
                                     .values = value[0],
                                     .truth = truth[0],
                                     .classes = OUTPUTS,
                                     .names = names};
    if (convo_dataset_new(&spec, &t.dataset, &err)) fail_msg("%s", err.message);
    t.options.dataset = t.dataset;
    t.options.threads = 2;
    if (convo_train(t.recipe, &t.options, &t.result, &t.model, &err)) fail_msg("%s: %s", err.where, err.message);
    return t;
}

static void trained_free(trained *t) {
    convo_model_free(t->model);
    convo_recipe_free(t->recipe);
    convo_dataset_free(t->dataset);
}

// Every figure counted again from what the model says.
static void an_example_is_right_if_all_of_its_labels_are(void **state) {
    trained t = train();
    convo_evaluation e;
    convo_error err = {.message = ""};
    (void)state;
    assert_true(t.result.test.accuracy > 0.6); // by chance it is 0.3
    assert_int_equal(convo_model_classes(t.model), OUTPUTS);
    assert_string_equal(convo_model_label(t.model, 2), "hey, you");
    if (convo_evaluate(t.model, CONVO_TEST, &t.options, &e, &err)) fail_msg("%s", err.message);
    assert_null(e.truth);
    assert_null(e.confusion);
    int64_t right = 0, hits = 0, count = 0, said = 0;
    double loss = 0;
    for (int64_t i = 0; i < e.score.count; i++) {
        float p[OUTPUTS];
        bool all = true;
        if (convo_model_predict_arrays(t.model, value[e.index[i]], 1, p, &err)) fail_msg("%s", err.message);
        for (int k = 0; k < OUTPUTS; k++) {
            const bool is = truth[e.index[i]][k], says = p[k] > 0.5f;
            assert_int_equal(e.truths[i * OUTPUTS + k], is);
            assert_int_equal(e.answers[i * OUTPUTS + k], says);
            assert_true(fabsf(e.probabilities[i * OUTPUTS + k] - p[k]) < 1e-6f);
            all = all && is == says;
            loss -= log(is ? (double)p[k] : 1 - (double)p[k]) / OUTPUTS;
            if (k == 1) hits += is && says, count += is, said += says;
        }
        right += all;
    }
    assert_int_equal(e.score.correct, right);
    assert_int_equal(t.result.test.correct, right);
    assert_true(fabs(e.score.loss - loss / (double)e.score.count) < 1e-5);
    const convo_class_score figures = convo_class_figures(&e, 1);
    assert_int_equal(figures.hits, hits);
    assert_int_equal(figures.count, count);
    assert_int_equal(figures.predicted, said);
    convo_roc roc;
    assert_int_equal(convo_roc_find(&e, 1, &roc, &err), CONVO_OK);
    assert_true(roc.area > 0.9);
    convo_roc_free(&roc);
    convo_calibration calibration;
    assert_int_equal(convo_calibration_find(&e, &calibration, &err), CONVO_STATE);
    assert_true(isnan(convo_top_accuracy(&e, 2)));
    convo_evaluation_free(&e);
    trained_free(&t);
}

static void truths_and_answers_are_saved_and_exported(void **state) {
#ifndef CONVO_HAVE_LIBARCHIVE
    (void)state;
    print_message("[  SKIPPED ] built without libarchive\n");
    skip();
#endif
    trained t = train();
    convo_evaluation e;
    convo_error err = {.message = ""};
    char *path = cv_format("%s/answers.npz", (char *)*state), *data = cv_format("%s/data.npz", (char *)*state);
    if (convo_evaluate(t.model, CONVO_TEST, &t.options, &e, &err)) fail_msg("%s", err.message);
    assert_int_equal(convo_evaluation_save(&e, path, &err), CONVO_OK);
    cv_bytes bytes;
    cv_numbers n;
    assert_int_equal(cv_zip_read(path, "truth.npy", 1 << 20, &bytes, &err), CONVO_OK);
    assert_int_equal(cv_npy_parse(path, bytes.data, bytes.size, &n, &err), CONVO_OK);
    assert_int_equal(n.dims, 2);
    assert_int_equal(n.dim[1], OUTPUTS);
    assert_memory_equal(n.data, e.truths, (size_t)e.score.count * OUTPUTS);
    free(bytes.data);
    assert_int_equal(convo_data_export(t.recipe, &t.options, data, &err), CONVO_OK);
    cv_dataset *back = open_data(&cv_data_arrays, data, NULL); // they come back as they were
    assert_int_equal(back->output_count, OUTPUTS);
    assert_int_equal(back->count, EXAMPLES);
    const size_t first = EXAMPLES - (size_t)e.score.count; // of the test part
    for (size_t i = 0; i < (size_t)e.score.count; i++)
        assert_memory_equal(back->truth + (size_t)back->example[first + i].label * OUTPUTS, e.truths + i * OUTPUTS,
                            OUTPUTS);
    cv_dataset_free(back);
    convo_evaluation_free(&e);
    trained_free(&t);
    free(path);
    free(data);
}

static void other_losses_and_impossible_truths_are_refused(void **state) {
    (void)state;
    static uint8_t two[EXAMPLES][OUTPUTS];
    convo_error err = {.message = ""};
    trained t = train();
    convo_recipe *recipe = parse("cross_entropy");
    assert_int_equal(convo_train(recipe, &t.options, NULL, NULL, &err), CONVO_ARGUMENT);
    if (!strstr(err.message, "have several labels, or none: train them with 'loss: binary_cross_entropy'"))
        fail_msg("%s", err.message);
    convo_recipe_free(recipe);
    trained_free(&t);
    two[3][1] = 2;
    const int32_t label[EXAMPLES] = {0};
    convo_dataset_spec spec = {
        .count = EXAMPLES, .dims = 1, .dim = {SIZE}, .values = value[0], .truth = two[0], .classes = OUTPUTS};
    assert_int_equal(convo_dataset_new(&spec, &t.dataset, &err), CONVO_ARGUMENT);
    if (!strstr(err.message, "truth 1 of example 3 is 2")) fail_msg("%s", err.message);
    spec.truth = truth[0];
    spec.labels = label;
    assert_int_equal(convo_dataset_new(&spec, &t.dataset, &err), CONVO_ARGUMENT);
    spec.truth = NULL;
    spec.labels = NULL;
    assert_int_equal(convo_dataset_new(&spec, &t.dataset, &err), CONVO_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_manifest_gives_several_labels_or_none, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(one_label_or_none_are_two_classes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(labels_may_say_that_nothing_is_true, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(arrays_of_ones_give_several_labels, make_folder, remove_folder),
        cmocka_unit_test(an_example_is_right_if_all_of_its_labels_are),
        cmocka_unit_test_setup_teardown(truths_and_answers_are_saved_and_exported, make_folder, remove_folder),
        cmocka_unit_test(other_losses_and_impossible_truths_are_refused),
    };
    return cmocka_run_group_tests_name("several", tests, NULL, NULL);
}
