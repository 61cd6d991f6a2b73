// Runs that are gone on with: from the files of a run folder, to what they would have been.
#define _GNU_SOURCE // mkdtemp
#include "models.h"

#include "base/file.h"
#include "folder.h"

#include <jansson.h>
#include <unistd.h>

enum { EPOCHS = 8 };

// The validation loss is lowest early: asserted, as nothing is tested otherwise.
static const char overfitting[] = "data: {set: moons, examples: 40, noise: 0.4, split: {train: 0.5, validation: 0.5}}\n"
                                  "model: [{linear: 16}, relu, {linear: 1}]\n"
                                  "train: {loss: logistic, optimizer: {sgd: {lr: 0.5, momentum: 0.5}}, batch: 12,\n"
                                  "        epochs: 8, record_every: 1, seed: 1}\n";

typedef struct stopper {
    int epoch; // to stop after; 0: never
    volatile int stop;
    char note[512]; // the last one
} stopper;

static void keep_note(const char *sentence, void *user) {
    stopper *s = user;
    snprintf(s->note, sizeof s->note, "%s", sentence);
}

static void stop_there(const convo_progress *p, void *user) {
    stopper *s = user;
    if (p->epoch == s->epoch && p->step == p->steps) s->stop = 1;
}

static convo_train_result train(const char *run, bool resume, int stop_after) {
    char *out = cv_format("%s/%s", test_folder, run);
    convo_recipe *recipe = make_recipe(overfitting);
    stopper s = {.epoch = stop_after};
    convo_train_result result;
    convo_error err = {0};
    const convo_train_options options = {
        .out = out, .threads = 1, .resume = resume, .stop = &s.stop, .progress = stop_there, .user = &s};
    must(convo_train(recipe, &options, &result, NULL, &err), &err);
    convo_recipe_free(recipe);
    free(out);
    return result;
}

// The lines of a file of the run; *count of them.
static json_t *read_lines(const char *run, const char *name) {
    char *path = cv_format("%s/%s/%s", test_folder, run, name), line[1024];
    FILE *file = fopen(path, "r");
    json_t *lines = json_array();
    if (!file) fail_msg("%s is not there", path);
    while (fgets(line, sizeof line, file)) {
        json_t *object = json_loads(line, 0, NULL);
        if (!object) fail_msg("%s: %s", path, line);
        json_array_append_new(lines, object);
    }
    fclose(file);
    free(path);
    return lines;
}

// What a process leaves that is killed behind its last checkpoint: lines of work that will be done again.
static void append(const char *run, const char *name, const char *text) {
    char *path = cv_format("%s/%s/%s", test_folder, run, name);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

// All but times.
static void check_same_lines(const char *where, const char *run, const char *name) {
    json_t *want = read_lines("whole", name), *got = read_lines(run, name), *line;
    size_t k;
    if (json_array_size(got) != json_array_size(want))
        fail_msg("%s: %s has %zu lines, not %zu", where, name, json_array_size(got), json_array_size(want));
    json_array_foreach(want, k, line) {
        json_t *other = json_array_get(got, k);
        static const char *const times[] = {"seconds", "examples_per_second"};
        for (size_t i = 0; i < CV_COUNT(times); i++) json_object_del(line, times[i]), json_object_del(other, times[i]);
        if (!json_equal(line, other)) fail_msg("%s: line %zu of %s differs", where, k + 1, name);
    }
    json_decref(want);
    json_decref(got);
}

static void check_same_model(const char *where, const char *run) {
    char *path[2] = {cv_format("%s/whole/best.safetensors", test_folder),
                     cv_format("%s/%s/best.safetensors", test_folder, run)};
    cv_bytes bytes[2];
    convo_error err = {0};
    for (int k = 0; k < 2; k++) must(cv_file_read(path[k], SIZE_MAX / 2, &bytes[k], &err), &err);
    if (bytes[0].size != bytes[1].size || memcmp(bytes[0].data, bytes[1].data, bytes[0].size) != 0)
        fail_msg("%s: the model differs", where);
    for (int k = 0; k < 2; k++) {
        free(bytes[k].data);
        free(path[k]);
    }
}

static void a_run_goes_on_to_the_same_model_and_records(void **state) {
    (void)state;
    const convo_train_result whole = train("whole", false, 0);
    assert_int_equal(whole.epochs, EPOCHS);
    assert_in_range(whole.best_epoch, 2, EPOCHS - 2);
    for (int epoch = 1; epoch < EPOCHS; epoch++) {
        char run[32], where[64];
        snprintf(run, sizeof run, "cut%d", epoch);
        snprintf(where, sizeof where, "stopped after epoch %d", epoch);
        const convo_train_result cut = train(run, false, epoch);
        assert_true(cut.interrupted);
        assert_int_equal(cut.train.count, 0); // nobody waits for scores who wants to stop
        append(run, "metrics.jsonl", "{\"epoch\": 99}\n{\"epo");
        append(run, "steps.jsonl", "{\"step\": 99}\n{\"st");
        const convo_train_result rest = train(run, true, 0);
        assert_int_equal(rest.epochs, whole.epochs);
        assert_int_equal(rest.steps, whole.steps);
        if (rest.best_epoch != whole.best_epoch)
            fail_msg("%s: the best epoch is %d, not %d", where, rest.best_epoch, whole.best_epoch);
        check_same_lines(where, run, "metrics.jsonl");
        check_same_lines(where, run, "steps.jsonl");
        check_same_model(where, run);
    }
}

// --- with other settings ------------------------------------------------------------------------------------------

// settings: NULL-terminated, on top of the recipe.
static convo_status train_with(const char *run, const char *const *settings, bool resume, int stop_after, stopper *s,
                               convo_train_result *result, convo_error *err) {
    char *out = cv_format("%s/%s", test_folder, run);
    convo_recipe *recipe = make_recipe(overfitting);
    *s = (stopper){.epoch = stop_after};
    const convo_train_options options = {.out = out,
                                         .threads = 1,
                                         .resume = resume,
                                         .stop = &s->stop,
                                         .progress = stop_there,
                                         .note = keep_note,
                                         .user = s};
    for (; *settings; settings++) must(convo_recipe_set(recipe, *settings, err), err);
    const convo_status status = convo_train(recipe, &options, result, NULL, err);
    convo_recipe_free(recipe);
    free(out);
    return status;
}

// A rate that is cut by hand is a rate that is cut by a schedule, to the bit.
static void a_run_goes_on_with_another_rate_and_more_epochs(void **state) {
    (void)state;
    static const char *const scheduled[] = {"train.schedule={step: {every: 3, gamma: 0.1}}", "train.epochs=6",
                                            "train.keep=last", NULL},
                             *const first[] = {"train.epochs=5", "train.keep=last", NULL},
                             *const second[] = {"train.optimizer={sgd: {momentum: 0.5, lr: 0.05}}", "train.epochs=6",
                                                "train.keep=last", NULL};
    stopper s;
    convo_train_result result;
    convo_error err = {0};
    must(train_with("whole", scheduled, false, 0, &s, &result, &err), &err);
    must(train_with("changed", first, false, 3, &s, &result, &err), &err);
    assert_int_equal(result.epochs, 3);
    must(train_with("changed", second, true, 0, &s, &result, &err), &err);
    assert_int_equal(result.epochs, 6);
    check_same_lines("another rate", "changed", "metrics.jsonl");
    char *path[2] = {cv_format("%s/whole/last.checkpoint", test_folder),
                     cv_format("%s/changed/last.checkpoint", test_folder)};
    cv_safetensors file[2];
    for (int k = 0; k < 2; k++) must(cv_safetensors_read(path[k], &file[k], &err), &err);
    const cv_st_tensor *a = cv_safetensors_find(&file[0], "values"), *b = cv_safetensors_find(&file[1], "values");
    assert_int_equal(a->bytes, b->bytes);
    assert_memory_equal(a->data, b->data, a->bytes);
    for (int k = 0; k < 2; k++) cv_safetensors_free(&file[k]), free(path[k]);
    assert_string_equal(s.note,
                        "the run goes on with train.optimizer.sgd.lr 0.05 instead of 0.5, train.epochs 6 instead "
                        "of 5");
}

static void a_run_does_not_go_on_as_another(void **state) {
    (void)state;
    static const char *const plain[] = {NULL};
    static const struct {
        const char *setting, *says;
    } cases[] = {
        {"train.batch=13", "with train.batch 12 instead of 13"},
        {"train.seed=2", "train.seed 1 instead of 2"},
        {"train.optimizer={adam: {lr: 0.5}}", "train.optimizer.sgd lr: ..., momentum: ... instead of nothing"},
        {"train.optimizer={sgd: {lr: 0.5, momentum: 0.6}}", "train.optimizer.sgd.momentum 0.5 instead of 0.6"},
        {"train.optimizer={sgd: {lr: 0.5}}", "train.optimizer.sgd.momentum 0.5 instead of nothing"},
        {"model.0.linear=17", "model.0.linear 16 instead of 17"},
        {"model=[{linear: 1}]", "model 3 entries instead of 1 entries"},
        {"data.noise=0.5", "data.noise 0.4 instead of 0.5"},
        {"train.ema=0.9", "train.ema nothing instead of 0.9"},
        {"train.keep=last", "train.keep nothing instead of last"},
    };
    stopper s;
    convo_train_result result;
    convo_error err = {0};
    must(train_with("other", plain, false, 2, &s, &result, &err), &err);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const char *const settings[] = {cases[k].setting, "train.epochs=9", NULL};
        const convo_status status = train_with("other", settings, true, 0, &s, &result, &err);
        if (status != CONVO_STATE || !strstr(err.message, cases[k].says))
            fail_msg("%s: '%s' does not say '%s'", cases[k].setting, err.message, cases[k].says);
    }
    must(train_with("other", plain, true, 0, &s, &result, &err), &err);
    assert_string_equal(s.note, "");
}

static bool is_there(const char *run, const char *name) {
    char *path = cv_format("%s/%s/%s", test_folder, run, name);
    const bool there = cv_is_file(path);
    free(path);
    return there;
}

// What is left of it would lie about the new run, and --resume would go on with the old one.
static void nothing_of_an_earlier_run_is_left(void **state) {
    (void)state;
    (void)train("again", false, 0);
    assert_true(is_there("again", "result.json"));
    const convo_train_result cut = train("again", false, 1);
    assert_true(cut.interrupted);
    assert_false(is_there("again", "result.json"));
    json_t *lines = read_lines("again", "metrics.jsonl"), *steps = read_lines("again", "steps.jsonl");
    assert_int_equal(json_array_size(lines), 1);
    assert_int_equal(json_array_size(steps), cut.steps);
    json_decref(lines);
    json_decref(steps);
    const convo_train_result rest = train("again", true, 0);
    assert_int_equal(rest.epochs, EPOCHS);
    check_same_lines("trained twice", "again", "metrics.jsonl");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_run_goes_on_to_the_same_model_and_records),
                                       cmocka_unit_test(nothing_of_an_earlier_run_is_left),
                                       cmocka_unit_test(a_run_goes_on_with_another_rate_and_more_epochs),
                                       cmocka_unit_test(a_run_does_not_go_on_as_another)};
    return cmocka_run_group_tests_name("resume", tests, make_folder, remove_folder);
}
