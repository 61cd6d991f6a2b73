// Nets that nobody would write, drawn at random (random_nets.h): each is trained, and everything that must agree does.
//
//     build/tests/test_random_nets                     300 nets
//     build/tests/test_random_nets 5000 100            those of the seeds 5000 to 5099
//     build/tests/test_random_nets 5000 100 FOLDER     writes their recipes and arrays there, for
//     tests/parity/random_nets.py
#include "doubles.h"

#include "base/file.h"
#include "folder.h"

#include <sys/stat.h>
#include <unistd.h>

static uint64_t first_seed = 1;
static int nets = 300;

static trial current; // so that what fails can be told: see tell

// --- the data -----------------------------------------------------------------------------------------------------

static void write_part(const char *to, const char *part, const trial *t, int first, int count) {
    char x[128], y[128];
    const cv_shape shape = t->net.input;
    const size_t size = (size_t)cv_shape_size(shape);
    const size_t columns = t->truth ? (size_t)t->net.classes : 1;
    float *label = test_memory((size_t)count * columns + 1, sizeof *label);
    convo_error err = {0};
    convo_array labels = {.dims = t->truth ? 2 : 1, .dim = {count, (int64_t)columns}, .value = label};
    for (size_t i = 0; i < (size_t)count * columns; i++) {
        const int32_t of = t->label[(size_t)first + i / columns];
        label[i] = t->truth ? t->truth[(size_t)of * columns + i % columns] : (float)of;
    }
    snprintf(x, sizeof x, "%s/X_%s.npy", to, part);
    snprintf(y, sizeof y, "%s/y_%s.npy", to, part);
    unlink(x);
    unlink(y);
    if (count) write_npy(x, t->x + (size_t)first * size, count, shape);
    if (count) must(convo_array_save(&labels, y, &err), &err);
    free(label);
}

// Normal numbers, further from 0 in some classes than in others; every class occurs in training, where it can.
static void make_data(trial *t, const char *to) {
    static const char *const part[] = {"train", "val", "test"};
    const size_t size = (size_t)cv_shape_size(t->net.input);
    for (int k = 0; k < 3; k++) t->count += t->net.examples[k];
    t->x = test_memory((size_t)t->count * size, sizeof *t->x);
    t->label = test_memory((size_t)t->count, sizeof *t->label);
    const int labels = t->net.sets ? t->net.sets : t->net.classes;
    if (t->net.sets) { // of the first, nothing is true
        const size_t outputs = (size_t)t->net.classes;
        t->truth = test_memory((size_t)t->net.sets * outputs, 1);
        for (size_t k = outputs; k < (size_t)t->net.sets * outputs; k++) t->truth[k] = draw(&t->net, 3) == 0;
    }
    cv_random_normal(&t->net.random, 0, 1, t->x, (size_t)t->count * size);
    for (int i = 0; i < t->count; i++) {
        t->label[i] = i ? draw(&t->net, labels) : t->truth ? 0 : labels - 1;
        for (size_t k = 0; k < size; k++) t->x[(size_t)i * size + k] += 0.3f * (float)t->label[i];
    }
    for (int k = 0, first = 0; k < 3; first += t->net.examples[k++])
        write_part(to, part[k], t, first, t->net.examples[k]);
}

// --- training -----------------------------------------------------------------------------------------------------

static void same_bits(const char *what, const void *a, const void *b, size_t bytes) {
    if (memcmp(a, b, bytes)) fail_msg("%s are not the same bits", what);
}

static void same_model(const char *what, const trial *t, const convo_model *model, const convo_train_result *result) {
    same_bits(what, t->model->net->values, model->net->values, model->net->total * sizeof(float));
    const convo_score a[] = {t->result.train, t->result.validation, t->result.test},
                      b[] = {result->train, result->validation, result->test};
    for (int k = 0; k < 3; k++) {
        same_bits(what, &a[k].loss, &b[k].loss, sizeof a[k].loss);
        assert_int_equal(a[k].correct, b[k].correct);
    }
}

static void threads_change_no_bit(trial *t) {
    static const int threads[] = {2, 3, 5, 8};
    for (size_t k = 0; k < CV_COUNT(threads); k++) {
        convo_train_options options = t->options;
        convo_train_result result;
        convo_model *model;
        convo_error err = {0};
        char what[64];
        options.threads = threads[k];
        must(convo_train(t->recipe, &options, &result, &model, &err), &err);
        snprintf(what, sizeof what, "weights and scores on 1 and on %d threads", threads[k]);
        same_model(what, t, model, &result);
        convo_model_free(model);
    }
}

// Stopped after each of the first steps.
static void resumed_is_uninterrupted(trial *t) {
    char run[96];
    volatile int stop = 1;
    convo_train_options options = t->options;
    convo_train_result result;
    convo_model *model;
    convo_error err = {0};
    snprintf(run, sizeof run, "%s/run", test_folder);
    options.out = run;
    options.threads = 2;
    options.stop = &stop;
    for (int left = 1 + draw(&t->net, 3); left >= 0; left--) {
        stop = left > 0;
        must(convo_train(t->recipe, &options, &result, left ? NULL : &model, &err), &err);
        options.resume = true;
    }
    same_model("weights and scores of a resumed training", t, model, &result);
    convo_model_free(model);
}

// --- the trained net ----------------------------------------------------------------------------------------------

static void same_outputs(const char *what, const float *a, const float *b, size_t count) {
    double largest = 0, off = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)b[i]));
        off = fmax(off, fabs((double)a[i] - (double)b[i]));
    }
    if (!(off <= 2e-4 * largest + 1e-5)) fail_msg("%s: outputs are off by %g of %g", what, off, largest);
}

static size_t outputs_of(const trial *t) {
    return (size_t)cv_shape_size(cv_net_output(t->model->net)) * (size_t)t->count;
}

static void one_example_is_a_batch(trial *t) {
    float *batch = model_outputs(t->model, t->x, t->count), *x = normalized(t);
    for (int threads = 1; threads <= 3; threads++) {
        float *alone = test_memory(outputs_of(t), sizeof *alone);
        const unsigned flags = t->net.seed % 2 ? CV_ANY_SIZE : 0;
        forward_one_by_one(t->model->net, flags, threads, x, t->count, alone);
        same_outputs("one by one", alone, batch, outputs_of(t));
        free(alone);
    }
    free(batch);
    free(x);
}

static void an_evaluation_says_what_the_training_said(trial *t) {
    const convo_score score[] = {t->result.train, t->result.validation, t->result.test};
    for (int k = 0; k < 3; k++) {
        convo_evaluation e;
        convo_error err = {0};
        if (!t->net.examples[k]) continue;
        must(convo_evaluate(t->model, (convo_part)k, &t->options, &e, &err), &err);
        same_bits("losses of an evaluation", &e.score.loss, &score[k].loss, sizeof score[k].loss);
        assert_int_equal(e.score.correct, score[k].correct);
        convo_evaluation_free(&e);
    }
}

static void a_saved_model_is_the_model(trial *t) {
    char path[96];
    convo_model *model;
    convo_error err = {0};
    snprintf(path, sizeof path, "%s/model.safetensors", test_folder);
    must(convo_model_save(t->model, path, &err), &err);
    must(convo_model_load(path, &model, &err), &err);
    same_model("weights of a saved model", t, model, &t->result);
    if (!cv_normal_equal(&t->model->normal, &model->normal)) fail_msg("the normalisations differ");
    convo_model_free(model);
}

// Whether nothing but a permutation reads the input: then import takes the input in the order behind it, and says so.
static bool turns_its_input(const cv_net *net) {
    int k = 0;
    while (k < net->nodes && strstr(net->node[k].op->name, "dropout")) k++;
    return k < net->nodes && (!strcmp(net->node[k].op->name, "permute") || !strcmp(net->node[k].op->name, "transpose"));
}

static void onnx_brings_it_back(trial *t) {
#ifdef CONVO_HAVE_ONNX
    char path[96];
    if (turns_its_input(t->model->net)) return;
    snprintf(path, sizeof path, "%s/model.onnx", test_folder);
    float *before = model_outputs(t->model, t->x, t->count);
    for (int fold = 0; fold < 2; fold++) {
        const convo_export_options options = {.fold = fold};
        convo_model *model;
        convo_error err = {0};
        must(convo_export(t->model, path, &options, &err), &err);
        must(convo_import(path, NULL, &model, &err), &err);
        float *after = model_outputs(model, t->x, t->count);
        same_outputs(fold ? "ONNX, folded" : "ONNX", after, before, outputs_of(t));
        free(after);
        convo_model_free(model);
    }
    free(before);
#else
    (void)t;
    (void)turns_its_input;
#endif
}

// --- net by net ---------------------------------------------------------------------------------------------------

static void trial_begin(trial *t, uint64_t seed, const char *to) {
    *t = (trial){.net = {.seed = seed}};
    random_net_new(&t->net, seed);
    cv_print(t->text, sizeof t->text, "data: {set: arrays, path: %s, split: official}\n%s", to, t->net.text);
    t->recipe = make_recipe(t->text);
    make_data(t, to);
}

static void trial_end(trial *t) {
    convo_recipe_free(t->recipe);
    convo_model_free(t->model);
    free(t->x);
    free(t->label);
    free(t->truth);
    t->text[0] = 0;
}

// At times the first layers are frozen, never the last.
static void draw_training(trial *t) {
    cv_net *net = net_of(t, t->recipe, NULL);
    const int last = atoi(net->node[net->nodes - 1].path);
    size_t sets = 0;
    while (isa_at(sets)) sets++;
    if (last && draw(&t->net, 4) == 0) snprintf(t->freeze, sizeof t->freeze, "0-%d", draw(&t->net, last));
    t->options = (convo_train_options){.threads = 1, .isa = isa_at((size_t)draw(&t->net, (int)sets))->name};
    if (t->freeze[0]) t->options.freeze = t->freeze;
    cv_net_free(net);
}

// A rate that is too high is too high on any number of threads, at the same step.
static void divergence_is_the_same(trial *t, const convo_error *first) {
    convo_train_options options = t->options;
    convo_error err = {0};
    options.threads = 3;
    assert_int_equal(convo_train(t->recipe, &options, NULL, NULL, &err), CONVO_NUMERIC);
    assert_string_equal(err.message, first->message);
}

static void check_net(trial *t) {
    threads_change_no_bit(t);
    resumed_is_uninterrupted(t);
    gradients_are_those_of_doubles(t);
    trainings_are_those_of_doubles(t);
    one_example_is_a_batch(t);
    an_evaluation_says_what_the_training_said(t);
    a_saved_model_is_the_model(t);
    onnx_brings_it_back(t);
}

static void random_nets_agree_with_themselves(void **state) {
    trial *t = &current;
    int diverged = 0;
    (void)state;
    for (int k = 0; k < nets; k++) {
        convo_error err = {0};
        trial_begin(t, first_seed + (uint64_t)k, test_folder);
        draw_training(t);
        const convo_status status = convo_train(t->recipe, &t->options, &t->result, &t->model, &err);
        if (status == CONVO_NUMERIC) {
            divergence_is_the_same(t, &err);
            diverged++;
        } else {
            must(status, &err);
            check_net(t);
        }
        trial_end(t);
    }
    if (diverged > 1 + nets / 5) fail_msg("%d of %d trainings diverged: too few are tested", diverged, nets);
}

static int tell(void **state) {
    (void)state;
    if (current.text[0]) // longer than what cmocka prints
        fprintf(stderr, "repeat: build/tests/test_random_nets %llu 1 (frozen: '%s', on %s)\n%s",
                (unsigned long long)current.net.seed, current.freeze, current.options.isa ? current.options.isa : "",
                current.text);
    return 0;
}

static void the_recipes_are_written(void **state) {
    (void)state;
    for (int k = 0; k < nets; k++) {
        char to[96], path[128];
        convo_error err = {0};
        snprintf(to, sizeof to, "%s/%llu", test_folder, (unsigned long long)first_seed + (unsigned long long)k);
        snprintf(path, sizeof path, "%s/recipe.yaml", to);
        assert_int_equal(mkdir(to, 0777), 0);
        trial_begin(&current, first_seed + (uint64_t)k, to);
        must(cv_file_write(path, current.text, strlen(current.text), &err), &err);
        trial_end(&current);
    }
}

int main(int count, char **word) {
    if (count > 1) first_seed = strtoull(word[1], NULL, 10);
    if (count > 2) nets = atoi(word[2]);
    if (count > 3) {
        const struct CMUnitTest writing[] = {cmocka_unit_test(the_recipes_are_written)};
        test_folder = word[3];
        return cv_folder_make(test_folder, NULL) || cmocka_run_group_tests_name("random nets", writing, NULL, NULL);
    }
    // What is written is written through to the disk, which takes longer than all else.
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(random_nets_agree_with_themselves, tell)};
    return cmocka_run_group_tests_name("random nets", tests, make_folder, remove_folder);
}
