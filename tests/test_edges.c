// Numbers and sizes at the edge: each is trained on sensibly, or refused in a sentence. Never a crash, never an
// accuracy that means nothing. docs/reliability.md has the table; recordings and pictures are in
// tests/cli/test_edges.sh.
#include "sounds.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

enum { ROWS = 36, COLUMNS = 4, MOST = 65536 };

static const char net[] = "data: {set: arrays, split: {by: official}}\n"
                          "input: [4]\n"
                          "model:\n"
                          "  - linear: 8\n"
                          "  - relu\n"
                          "  - linear: 3\n"
                          "train: {optimizer: {sgd: {lr: 0.1}}, batch: 8, epochs: 3}\n";

// Features and labels are waves and i % 3, times `scale`, and then what the case says.
static const struct edge {
    const char *name;
    const char *say;     // of the error or the note; NULL: trained without a word
    convo_status status; // CONVO_OK: trained
    float scale[2];      // of the features to train and to test on
    const char *settings[4];
    int rows, classes;                    // to train on; 0: ROWS, 3
    bool constant;                        // column 1
    enum { NOTHING, FEATURE, LABEL } odd; // number 2 of example 3, or the label of example 5, is `number`
    double number;
    double accuracy; // on the test part; 0: whatever it is
} edges[] = {
    {.name = "nothing odd", .scale = {1, 1}},
    {.name = "all inputs zero: one class is always said",
     .scale = {0, 0},
     .say = "with a copy of another class",
     .accuracy = 1 / 3.},
    {.name = "a feature that is constant", .scale = {1, 1}, .constant = true},
    {.name = "denormal features", .scale = {1e-42f, 1e-42f}, .say = "with a copy", .accuracy = 1 / 3.},
    {.name = "one example",
     .scale = {1, 1},
     .rows = 1,
     .say = "found 2 classes without an example in the training part: 1, 2"},
    {.name = "a batch larger than the data set", .scale = {1, 1}, .settings = {"batch=100000"}},
    {.name = "a class without a training example",
     .scale = {1, 1},
     .classes = 2,
     .say = "found 1 class without an example in the training part: 2"},
    {.name = "a learning rate that explodes",
     .scale = {1, 1},
     .settings = {"lr=1e6", "epochs=20"},
     .status = CONVO_NUMERIC,
     .say = "the loss is not finite at step"},
    {.name = "one that explodes in the last step",
     .scale = {1e30f, 1e30f},
     .settings = {"lr=1e6", "batch=100", "epochs=1"},
     .status = CONVO_NUMERIC,
     .say = "the trained net's loss is not finite on the training part"},
    {.name = "features near the largest float", .scale = {3e38f, 1}, .status = CONVO_NUMERIC, .say = "not finite"},
    {.name = "a feature that is not a number",
     .scale = {1, 1},
     .odd = FEATURE,
     .number = NAN,
     .status = CONVO_NUMERIC,
     .say = "number [3, 2] is nan"},
    {.name = "a feature that is infinite",
     .scale = {1, 1},
     .odd = FEATURE,
     .number = INFINITY,
     .status = CONVO_NUMERIC,
     .say = "number [3, 2] is inf"},
    {.name = "one class only",
     .scale = {1, 1},
     .classes = 1,
     .rows = -1,
     .status = CONVO_SHAPE,
     .say = "one class only"},
    {.name = "a negative label",
     .scale = {1, 1},
     .odd = LABEL,
     .number = -1,
     .status = CONVO_FORMAT,
     .say = "labels of -1 go with +1 only"},
    {.name = "a label beyond the net's outputs",
     .scale = {1, 1},
     .odd = LABEL,
     .number = 7,
     .status = CONVO_SHAPE,
     .say = "8 classes need (8)"},
    {.name = "an enormous label",
     .scale = {1, 1},
     .odd = LABEL,
     .number = 1e12,
     .status = CONVO_FORMAT,
     .say = "label 5 is"},
    {.name = "a label that is a fraction",
     .scale = {1, 1},
     .odd = LABEL,
     .number = 1.5,
     .status = CONVO_FORMAT,
     .say = "label 5 is 1.5"},
    {.name = "a label that is not a number",
     .scale = {1, 1},
     .odd = LABEL,
     .number = NAN,
     .status = CONVO_FORMAT,
     .say = "label 5 is nan"},
    {.name = "65,536 classes",
     .scale = {1, 1},
     .rows = MOST,
     .classes = MOST,
     .status = CONVO_SHAPE,
     .say = "65536 classes need (65536)"},
};

static void save(const char *path, float *value, int64_t rows, int64_t columns) {
    convo_error err = {0};
    const convo_array array = {.dims = columns ? 2 : 1, .dim = {rows, columns}, .value = value};
    if (convo_array_save(&array, path, &err)) fail_msg("%s: %s", err.where, err.message);
}

static void write_part(const struct edge *e, const char *part, int rows, int classes, float scale, bool odd) {
    static float x[MOST * COLUMNS], y[MOST];
    const float apart = strcmp(part, "test") ? 0 : 0.001f; // no copies in two parts
    char path[64];
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < COLUMNS; j++)
            x[i * COLUMNS + j] =
                scale * (e->constant && j == 1 ? 5 : sinf(12.9898f * (float)i + 78.233f * (float)j + apart));
        y[i] = (float)(i % classes);
    }
    if (odd && e->odd == FEATURE) x[3 * COLUMNS + 2] = (float)e->number;
    if (odd && e->odd == LABEL) y[5] = (float)e->number;
    snprintf(path, sizeof path, "data/X_%s.npy", part);
    save(path, x, rows, COLUMNS);
    snprintf(path, sizeof path, "data/y_%s.npy", part);
    save(path, y, rows, 0);
}

enum { SAID = 4096 };

static void keep_note(const char *sentence, void *user) {
    cv_append(user, SAID, "%s\n", sentence);
}

static void train(const struct edge *e) {
    convo_error err = {0};
    convo_recipe *recipe = NULL;
    convo_train_result result;
    char said[SAID] = "";
    const convo_train_options options = {.data = "data", .threads = 1, .out = "run", .note = keep_note, .user = said};
    convo_status status = convo_recipe_parse(net, sizeof net - 1, "edge", &recipe, &err);
    for (int k = 0; !status && e->settings[k]; k++) status = convo_recipe_set(recipe, e->settings[k], &err);
    if (!status) status = convo_train(recipe, &options, &result, NULL, &err);
    convo_recipe_free(recipe);
    if (status) snprintf(said, sizeof said, "%s", err.message);
    if (status != e->status || !strstr(said, e->say ? e->say : "") || (!e->say && said[0]))
        fail_msg("%s: %s, not %s: '%s' is not '%s'", e->name, convo_status_name(status), convo_status_name(e->status),
                 said, e->say ? e->say : "");
    if (status && access("run/best.safetensors", F_OK) == 0) fail_msg("%s: a model is left", e->name);
    if (status) return;
    if (!isfinite(result.test.loss)) fail_msg("%s: the test loss is %g", e->name, result.test.loss);
    if (e->accuracy > 0 && fabs(result.test.accuracy - e->accuracy) > 1e-6)
        fail_msg("%s: the test accuracy is %g, not %g", e->name, result.test.accuracy, e->accuracy);
}

static void edges_are_sensible_or_refused(void **state) {
    (void)state;
    for (const struct edge *e = edges; e < edges + CV_COUNT(edges); e++) {
        const int classes = e->classes ? e->classes : 3, rows = e->rows > 0 ? e->rows : ROWS;
        if (system("rm -rf run")) fail_msg("run cannot be removed");
        write_part(e, "train", rows, classes, e->scale[0], true);
        write_part(e, "test", ROWS, e->rows < 0 ? classes : 3, e->scale[1], false);
        train(e);
    }
}

// A model on numbers far from those it was trained on has no accuracy.
static void a_score_of_overflow_is_refused(void **state) {
    (void)state;
    convo_error err = {0};
    convo_model *model = NULL;
    convo_evaluation evaluation;
    const struct edge heavy = {.name = "large weights", .scale = {1, 1}, .settings = {"lr=100"}};
    write_part(&heavy, "train", ROWS, 3, 1, false);
    write_part(&heavy, "test", ROWS, 3, 1, false);
    train(&heavy);
    write_part(&heavy, "test", ROWS, 3, 3e38f, false);
    assert_int_equal(convo_model_load("run", &model, &err), CONVO_OK);
    const convo_train_options options = {.data = "data"};
    assert_int_equal(convo_evaluate(model, CONVO_TEST, &options, &evaluation, &err), CONVO_NUMERIC);
    assert_non_null(strstr(err.message, "not finite"));
    const float huge[COLUMNS] = {3e38f, 3e38f, -3e38f, 3e38f};
    float probability[3];
    assert_int_equal(convo_model_predict_arrays(model, huge, 1, probability, &err), CONVO_NUMERIC);
    convo_model_free(model);
}

static int set_up(void **state) {
    return make_folder(state) || chdir(*state) || mkdir("data", 0777);
}

static int tear_down(void **state) {
    return chdir("/") ? -1 : remove_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_sensible_or_refused),
        cmocka_unit_test(a_score_of_overflow_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
