// A net that learns from another one: what the teacher sees and says, whatever either's normalisation and however the
// examples are stored. That the loss is PyTorch's is tested in test_optimizer.c.
#include "datasets.h"

#include "recipe/recipe.h"

#include <jansson.h>
#include <math.h>

enum { EXAMPLES = 24, SIZE = 6, CLASSES = 3 };

static uint8_t byte[EXAMPLES][SIZE], label[EXAMPLES];
static float value[EXAMPLES][SIZE];

static void write_examples(const char *folder, bool bytes) {
    uint32_t random = 11;
    for (int i = 0; i < EXAMPLES; i++) {
        label[i] = (uint8_t)(i % CLASSES);
        for (int k = 0; k < SIZE; k++) {
            random = random * 1664525 + 1013904223;
            byte[i][k] = (uint8_t)(random >> 24);
            value[i][k] = byte[i][k];
        }
    }
    write_npy(folder, "X_train.npy", bytes ? "|u1" : "<f4", "(24, 6)", bytes ? (void *)byte : (void *)value,
              bytes ? sizeof byte : sizeof value);
    write_npy(folder, "y_train.npy", "|u1", "(24,)", label, sizeof label);
}

static void must(convo_status status, const convo_error *err) {
    if (status) fail_msg("%s: %s", err->where, err->message);
}

static convo_model *train(const char *folder, const char *recipe_text, const char *out, convo_error *err) {
    char text[1024];
    convo_model *model = NULL;
    cv_print(text, sizeof text, "data: {set: arrays, path: %s, split: official}\n%s", folder, recipe_text);
    convo_recipe *recipe;
    must(convo_recipe_parse(text, strlen(text), "taught", &recipe, err), err);
    const convo_train_options options = {.out = out, .threads = 2};
    must(convo_train(recipe, &options, NULL, &model, err), err);
    convo_recipe_free(recipe);
    return model;
}

// T^2 times the mean divergence of what the two say, computed from their probabilities.
static double divergence(convo_model *teacher, convo_model *net, double temperature) {
    double sum = 0;
    convo_error err = {0};
    for (int i = 0; i < EXAMPLES; i++) {
        float said[2][CLASSES];
        double soft[2][CLASSES], total[2] = {0};
        must(convo_model_predict_arrays(teacher, value[i], 1, said[0], &err), &err);
        must(convo_model_predict_arrays(net, value[i], 1, said[1], &err), &err);
        for (int n = 0; n < 2; n++)
            for (int k = 0; k < CLASSES; k++) total[n] += soft[n][k] = pow((double)said[n][k], 1 / temperature);
        for (int k = 0; k < CLASSES; k++)
            sum += soft[0][k] / total[0] * log(soft[0][k] / total[0] / (soft[1][k] / total[1]));
    }
    return temperature * temperature * sum / EXAMPLES;
}

static double first_loss(const char *out) {
    char *path = cv_format("%s/steps.jsonl", out);
    json_t *line = json_load_file(path, JSON_DISABLE_EOF_CHECK, NULL);
    const double loss = json_number_value(json_object_get(line, "train_loss"));
    json_decref(line);
    free(path);
    return loss;
}

// Nothing moves: the loss of the first step is what the teacher and the initial net differ in.
static void a_teacher_sees_examples_with_its_own_normalisation(void **state) {
    static const struct {
        const char *name, *teacher, *net, *augment;
        bool bytes;
    } cases[] = {
        {"the same", "normalize: global", "normalize: global", "", false},
        {"floats", "normalize: global", "mean: 100, std: 50", "", false},
        {"floats by channel", "normalize: channel", "mean: 100, std: 50", "", false},
        {"floats, the net's by channel", "mean: 100, std: 50", "normalize: channel", "", false},
        {"floats, both by channel", "normalize: channel", "normalize: channel", "", false},
        {"bytes by channel", "normalize: channel", "mean: 100, std: 50", "", true},
        {"bytes, the net's by channel", "mean: 100, std: 50", "normalize: channel", "", true},
        {"bytes, the net's by channel, made anew", "normalize: global", "normalize: channel",
         "augment: {mixup: {alpha: 1, share: 0}}\n", true},
        {"floats, the net's as they come", "mean: 20, std: 300", "mean: 0", "", false},
        {"floats, the teacher's as they come", "mean: 0", "mean: 100, std: 50", "", false},
        {"bytes", "normalize: global", "mean: 100, std: 50", "", true},
        {"bytes as they come", "mean: 20, std: 300", "mean: 0", "", true},
        {"made anew", "normalize: global", "mean: 100, std: 50", "augment: {mixup: {alpha: 1, share: 0}}\n", false},
        {"bytes made anew", "mean: 20, std: 300", "normalize: global", "augment: {mixup: {alpha: 1, share: 0}}\n",
         true},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char text[800], *first = cv_format("%s/teacher", (char *)*state), *out = cv_format("%s/run", (char *)*state);
        convo_error err = {0};
        write_examples(*state, cases[k].bytes);
        cv_print(text, sizeof text,
                 "features: {%s}\nmodel: [{linear: 5}, tanh, {linear: 3}]\n"
                 "train: {optimizer: {sgd: {lr: 0.001}}, epochs: 2, seed: 3}\n",
                 cases[k].teacher);
        convo_model *teacher = train(*state, text, first, &err);
        cv_print(text, sizeof text,
                 "features: {%s}\n%smodel: [{linear: 4}, tanh, {linear: 3}]\n"
                 "train: {teacher: {model: %s, temperature: 3, weight: 1}, optimizer: {sgd: {lr: 0}}, epochs: 1,\n"
                 "        seed: 4, record_every: 1, batch: %d}\n",
                 cases[k].net, cases[k].augment, first, EXAMPLES);
        convo_model *net = train(*state, text, out, &err);
        const double got = first_loss(out), want = divergence(teacher, net, 3);
        if (!(fabs(got - want) <= 2e-5 * (1 + want)) || !(want > 1e-4))
            fail_msg("%s: the loss is %.9g, not %.9g", cases[k].name, got, want);
        convo_model_free(teacher);
        convo_model_free(net);
        free(first);
        free(out);
    }
}

// With all of the weight, a net of the same shape becomes what its teacher is.
static void a_net_becomes_its_teacher(void **state) {
    char text[800], *first = cv_format("%s/teacher", (char *)*state);
    convo_error err = {0};
    write_examples(*state, false);
    convo_model *teacher = train(*state,
                                 "features: {normalize: global}\nmodel: [{linear: 3}]\n"
                                 "train: {optimizer: {sgd: {lr: 0.5}}, epochs: 20, seed: 3}\n",
                                 first, &err);
    cv_print(text, sizeof text,
             "features: {normalize: global}\nmodel: [{linear: 3}]\n"
             "train: {teacher: {model: %s, weight: 1}, optimizer: {adam: {lr: 0.05}}, epochs: 400, seed: 4}\n",
             first);
    convo_model *net = train(*state, text, NULL, &err);
    const double off = divergence(teacher, net, 1);
    if (!(off < 1e-4)) fail_msg("they differ by %g", off);
    convo_model_free(teacher);
    convo_model_free(net);
    free(first);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_teacher_sees_examples_with_its_own_normalisation, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_net_becomes_its_teacher, make_folder, remove_folder)};
    return cmocka_run_group_tests_name("teacher", tests, NULL, NULL);
}
