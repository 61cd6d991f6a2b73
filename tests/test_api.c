// What include/convo.h promises about errors: every function that takes a convo_error does without one, and every
// status that the header names comes back where it says so. The header itself is read, so that nothing is forgotten.
#define _GNU_SOURCE // server.h
#include <convo.h>

#include "server.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
// after the headers that it needs
#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(CONVO_HAVE_CURL) && defined(CONVO_HAVE_LIBARCHIVE) && defined(CONVO_HAVE_NETTLE)
#define CAN_GET 1
#else
#define CAN_GET 0
#endif

// --- what the calls need ------------------------------------------------------------------------------------------

#define MOONS     "data: {set: moons, split: official}\ninput: 2\nmodel: [{linear: 4}, tanh, {linear: 1}]\n"
#define TRAIN     "train: {loss: %s, optimizer: {sgd: {lr: %s}}, batch: 32, epochs: 1}\n"
#define SPEECH    "data: {set: fsdd, split: {train: 1/2, test: 1/2}}\nfeatures: {kind: waveform, samples: 800}\n"
#define RECORDING "data/fsdd/0_theo_0.flac"

static char folder[] = "/tmp/convo-api-XXXXXX";

typedef struct fixture {
    convo_recipe *moons, *wild, *squares, *untrained, *speech, *narrow, *silent, *lost;
    convo_model *logistic, *regression, *spoken; // of moons, squares, speech
    convo_evaluation scored, unsure;             // of logistic; the same without probabilities
    server web;
    char address[64];
} fixture;
static fixture it;

// A path in the folder of this test; good until the fourth next call.
static const char *in(const char *name) {
    static char path[4][128];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static void must(convo_status status, const convo_error *err) {
    if (status) fail_msg("%s: %s", err->where, err->message);
}

static convo_recipe *recipe(const char *format, const char *loss, const char *rate) {
    char text[512];
    convo_error err;
    convo_recipe *made = NULL;
    snprintf(text, sizeof text, format, loss, rate);
    must(convo_recipe_parse(text, strlen(text), "made", &made, &err), &err);
    return made;
}

static void write_text(const char *name, const char *text) {
    FILE *file = fopen(in(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

// Two digits with four recordings each; another digit; a file that is no recording.
static void make_data(void) {
    char from[256], to[256];
    assert_int_equal(mkdir(in("two"), 0777) | mkdir(in("one"), 0777) | mkdir(in("broken"), 0777), 0);
    for (int digit = 0; digit < 2; digit++)
        for (int k = 0; k < 4; k++) {
            assert_non_null(getcwd(from, 160));
            snprintf(from + strlen(from), 64, "/data/fsdd/%d_theo_%d.flac", digit, k);
            snprintf(to, sizeof to, "%s/two/%d_theo_%d.flac", folder, digit, k);
            assert_int_equal(symlink(from, to), 0);
            snprintf(to, sizeof to, "%s/one/7_theo_%d.flac", folder, k);
            if (!digit) assert_int_equal(symlink(from, to), 0);
        }
    write_text("broken/0_theo_0.flac", "no recording");
    write_text("broken/1_theo_0.flac", "no recording");
    write_text("text.safetensors", "this is no model");
    write_text("broken.yaml", "{");
    write_text("unfit.yaml", "input: [1, 4]\nmodel: [conv1d: {out: 2, kernel: 9}]\n");
    write_text("text.onnx", "this is no graph");
    write_text("long.yaml", "data: {set: moons}\nnothing: called so\n");
}

static int set_up(void **state) {
    (void)state;
    convo_error err;
    if (!mkdtemp(folder) || !server_start(&it.web)) return -1;
    snprintf(it.address, sizeof it.address, "http://127.0.0.1:%d", it.web.port);
    it.web.body = "another file";
    it.web.size = strlen(it.web.body);
    make_data();
    const convo_train_options two = {.data = in("two"), .threads = 1}, here = {.out = in("run"), .threads = 1};
    it.moons = recipe(MOONS TRAIN, "logistic", "0.1");
    it.wild = recipe("data: {set: moons, split: official}\ninput: 2\nmodel: [{linear: 1}]\n" TRAIN, "mse", "1e6");
    it.squares = recipe(MOONS TRAIN, "mse", "0.1");
    it.untrained = recipe("input: [1, 16384, 16384]\nmodel: [relu]\n", "", "");
    it.speech = recipe(SPEECH "model: [flatten, {linear: 2}]\n" TRAIN, "cross_entropy", "0.1");
    it.narrow = recipe(SPEECH "model: [flatten, {linear: 1}]\n" TRAIN, "cross_entropy", "0.1");
    it.silent = recipe("input: 2\nmodel: [tanh]\n", "", "");
    it.lost = recipe("data: {set: arrays, path: nowhere}\ninput: 2\nmodel: [tanh]\n", "", "");
    must(convo_train(it.moons, &here, NULL, &it.logistic, &err), &err);
    must(convo_model_new(it.squares, NULL, &it.regression, &err), &err);
    must(convo_model_new(it.speech, &two, &it.spoken, &err), &err);
    must(convo_evaluate(it.logistic, CONVO_VALIDATION, NULL, &it.scored, &err), &err);
    it.unsure = it.scored;
    it.unsure.probabilities = NULL; // as of a loss without
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    convo_recipe *recipes[] = {it.moons, it.wild, it.squares, it.untrained, it.speech, it.narrow, it.silent, it.lost};
    convo_model *models[] = {it.logistic, it.regression, it.spoken};
    for (size_t k = 0; k < CV_COUNT(recipes); k++) convo_recipe_free(recipes[k]);
    for (size_t k = 0; k < CV_COUNT(models); k++) convo_model_free(models[k]);
    convo_evaluation_free(&it.scored);
    server_stop(&it.web);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

// --- the calls ----------------------------------------------------------------------------------------------------

// Where results would go.
static struct {
    convo_model *model;
    convo_recipe *recipe;
    convo_evaluation evaluation;
    convo_calibration calibration;
    convo_roc roc;
    convo_summary summary;
    convo_field field;
    convo_gradcheck gradcheck;
    convo_bench bench;
    convo_array array;
    convo_recording recording;
    convo_mix mix;
    convo_spotting spotting;
    convo_map map;
    convo_get_result got;
    convo_examples examples;
    convo_versions versions;
    convo_dataset *dataset;
    convo_stream *stream;
    convo_stream_cost cost;
    convo_sound *sound;
    convo_data_info info;
    float probability[2];
    char *text, **texts;
    int count;
} out;

static const float not_a_number[] = {0, NAN, 0};
static const char *const nowhere[] = {"/nowhere", NULL}; // nothing is written there
static const convo_array empty = {0};

#define WITH(type, ...) (&(type){__VA_ARGS__})
#define STREAM(...)     WITH(convo_stream_options, __VA_ARGS__)
#define OPTIONS(...)    WITH(convo_train_options, .threads = 1, __VA_ARGS__)
#define MIX(...)        WITH(convo_mix_options, .out = in("x.wav"), .rounds = 1, .rate = 8000, __VA_ARGS__)

// In the memory that is left. Of a sanitizer's process nobody can say how much that is.
static convo_status short_of_memory(convo_error *err) {
    struct rlimit before, tight = {.rlim_cur = (rlim_t)512 << 20};
    if (SANITIZED) return cv_no_memory(err, "what is not tried");
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    tight.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    const convo_status status = convo_input_make(it.untrained, CONVO_ONES, 0, &out.array, err); // 1 GiB
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    return status;
}

static convo_status resume_other(convo_error *err) {
    return convo_train(it.squares, OPTIONS(.out = in("run"), .resume = true), NULL, NULL, err);
}

// No example of class 1 is among the first.
static convo_status none_of_the_class(convo_error *err) {
    convo_evaluation few = it.scored;
    few.score.count = 0;
    while (few.truth[few.score.count] == few.truth[0]) few.score.count++;
    return convo_roc_find(&few, few.truth[0] ? 0 : 1, &out.roc, err);
}

static convo_status import_strange(convo_error *err) {
    return convo_import("tests/golden/onnx/strange-17.onnx", NULL, &out.model, err);
}

static convo_status import_other(convo_error *err) {
    const convo_import_options options = {.recipe = it.speech, .data = in("two")};
    return convo_import(in("run/best.safetensors"), &options, &out.model, err);
}

static convo_status get(const char *from, convo_error *err) {
    const convo_get_options options = {.folder = folder, .from = from, .attempts = 1, .timeout = 5};
    return convo_data_get("fashion-mnist", &options, &out.got, err);
}

// A build without what downloads says so.
enum {
    CONVO_GET_IO = CAN_GET ? CONVO_IO : CONVO_UNSUPPORTED,
    CONVO_GET_FORMAT = CAN_GET ? CONVO_FORMAT : CONVO_UNSUPPORTED
};

static convo_status run_long_clip(convo_error *err) {
    convo_model *model = NULL;
    convo_error made;
    convo_recipe *long_clips =
        recipe("data: {set: fsdd, split: {train: 1/2, test: 1/2}}\nfeatures: {kind: waveform, samples: 100000}\n"
               "model: [flatten, {linear: 2}]\n" TRAIN,
               "cross_entropy", "0.1");
    must(convo_model_new(long_clips, OPTIONS(.data = in("two")), &model, &made), &made);
    const convo_status status = convo_model_run_on(model, CONVO_DEVICE, err);
    convo_model_free(model);
    convo_recipe_free(long_clips);
    return status;
}

static convo_status smooth_long(convo_error *err) {
    convo_listening_class of[2] = {{.threshold = 0.5}, {.threshold = 0.5}};
    const convo_listening l = {.hop = 0.001, .smooth = 60, .classes = 2, .of = of};
    return convo_stream_new(it.spoken, STREAM(.listening = &l), &out.stream, err);
}

static convo_status set_listening(const char *setting, convo_error *err) {
    convo_listening l;
    convo_error made;
    must(convo_model_listening(it.spoken, &l, &made), &made);
    const convo_status status = convo_listening_set(&l, it.spoken, setting, err);
    convo_listening_free(&l);
    return status;
}

static convo_status push_twice(const float *samples, convo_error *err) {
    convo_error made;
    must(convo_stream_new(it.spoken, NULL, &out.stream, &made), &made);
    convo_status status = convo_stream_push(out.stream, samples, 3, err);
    if (!status) status = convo_stream_push(out.stream, samples, 3, err);
    convo_stream_free(out.stream);
    return status;
}

// X(function, arguments...): nothing where something is needed.
#define NOTHING(X)                                                                                                     \
    X(convo_file_write, NULL, NULL, 0)                                                                                 \
    X(convo_ranks_join, NULL)                                                                                          \
    X(convo_train, NULL, NULL, NULL, NULL)                                                                             \
    X(convo_model_new, NULL, NULL, NULL)                                                                               \
    X(convo_model_load, NULL, NULL)                                                                                    \
    X(convo_model_save, NULL, NULL)                                                                                    \
    X(convo_model_predict, NULL, NULL, 0, 0, NULL)                                                                     \
    X(convo_model_predict_file, NULL, NULL, NULL)                                                                      \
    X(convo_model_predict_heard, NULL, NULL, NULL, NULL)                                                               \
    X(convo_model_predict_arrays, NULL, NULL, 0, NULL)                                                                 \
    X(convo_model_threads, NULL, 1)                                                                                    \
    X(convo_model_listening, NULL, NULL)                                                                               \
    X(convo_model_listen_with, NULL, NULL)                                                                             \
    X(convo_listening_set, NULL, NULL, NULL)                                                                           \
    X(convo_sound_open, NULL, NULL)                                                                                    \
    X(convo_sound_read, NULL, NULL, 0, NULL)                                                                           \
    X(convo_microphone_list, NULL, NULL)                                                                               \
    X(convo_microphone_open, NULL, 0, NULL)                                                                            \
    X(convo_microphone_read, NULL, NULL, 0, NULL, NULL)                                                                \
    X(convo_stream_cost_find, NULL, 0, NULL)                                                                           \
    X(convo_stream_new, NULL, NULL, NULL)                                                                              \
    X(convo_stream_push, NULL, NULL, 0)                                                                                \
    X(convo_stream_next, NULL, NULL)                                                                                   \
    X(convo_model_quantize, NULL, NULL)                                                                                \
    X(convo_model_in_floats, NULL, NULL)                                                                               \
    X(convo_model_run_on, NULL, CONVO_DEVICE)                                                                          \
    X(convo_evaluate, NULL, CONVO_TEST, NULL, NULL)                                                                    \
    X(convo_evaluation_save, NULL, NULL)                                                                               \
    X(convo_calibration_find, NULL, NULL)                                                                              \
    X(convo_roc_find, NULL, 0, NULL)                                                                                   \
    X(convo_export, NULL, NULL, NULL)                                                                                  \
    X(convo_import, NULL, NULL, NULL)                                                                                  \
    X(convo_recipe_load, NULL, NULL)                                                                                   \
    X(convo_recipe_parse, NULL, 0, NULL, NULL)                                                                         \
    X(convo_recipe_copy, NULL, NULL, NULL)                                                                             \
    X(convo_recipe_set, NULL, NULL)                                                                                    \
    X(convo_recipe_leave_out, NULL, NULL)                                                                              \
    X(convo_recipe_find_data, NULL, NULL, NULL)                                                                        \
    X(convo_recipe_fold, NULL, 2, 1)                                                                                   \
    X(convo_recipe_groups, NULL, NULL, NULL, NULL)                                                                     \
    X(convo_recipe_measure, NULL, NULL, NULL)                                                                          \
    X(convo_recipe_text, NULL, NULL)                                                                                   \
    X(convo_recipe_reference, NULL, NULL)                                                                              \
    X(convo_summarize, NULL, NULL)                                                                                     \
    X(convo_device_find, NULL, CONVO_DEVICE, NULL, NULL)                                                               \
    X(convo_field_find, NULL, NULL, NULL, false, NULL)                                                                 \
    X(convo_gradcheck_run, NULL, NULL, NULL, NULL)                                                                     \
    X(convo_bench_run, NULL, NULL, NULL, NULL)                                                                         \
    X(convo_features_changed, NULL, NULL, NULL, 1, NULL)                                                               \
    X(convo_examples_change, NULL, NULL, NULL, NULL)                                                                   \
    X(convo_features, NULL, NULL, NULL)                                                                                \
    X(convo_recording_read, NULL, 0, NULL)                                                                             \
    X(convo_array_save, NULL, NULL)                                                                                    \
    X(convo_input_read, NULL, NULL, NULL, NULL, NULL)                                                                  \
    X(convo_input_make, NULL, CONVO_ONES, 0, NULL)                                                                     \
    X(convo_map_find, NULL, NULL, NULL, NULL, NULL)                                                                    \
    X(convo_filters, NULL, NULL, NULL)                                                                                 \
    X(convo_data_find, NULL, NULL, NULL)                                                                               \
    X(convo_data_get, NULL, NULL, NULL)                                                                                \
    X(convo_examples_read, NULL, NULL, CONVO_TEST, NULL, 0, NULL)                                                      \
    X(convo_data_describe, NULL, NULL, NULL, NULL)                                                                     \
    X(convo_data_check, NULL, NULL, NULL)                                                                              \
    X(convo_data_parts, NULL, NULL, NULL)                                                                              \
    X(convo_data_check_folder, NULL, NULL, NULL, NULL)                                                                 \
    X(convo_data_export, NULL, NULL, NULL)                                                                             \
    X(convo_dataset_new, NULL, NULL)                                                                                   \
    X(convo_mix_write, NULL, NULL, NULL, NULL)                                                                         \
    X(convo_spot, NULL, NULL, NULL, NULL)                                                                              \
    X(convo_cache_list, NULL, NULL)                                                                                    \
    X(convo_cache_clear, NULL)

// X(function, the status it gives, why, the call): the other statuses that the header names, and more.
#define CALLS(X)                                                                                                       \
    X(convo_train, ARGUMENT, a_recipe_without_train, convo_train(it.silent, NULL, NULL, NULL, err))                    \
    X(convo_train, ARGUMENT, no_run_to_resume, convo_train(it.moons, OPTIONS(.resume = true), NULL, NULL, err))        \
    X(convo_train, ARGUMENT, no_such_isa, convo_train(it.moons, OPTIONS(.isa = "mmx"), NULL, NULL, err))               \
    X(convo_train, IO, no_data, convo_train(it.speech, OPTIONS(.data = "/nowhere"), NULL, NULL, err))                  \
    X(convo_train, FORMAT, no_recordings, convo_train(it.speech, OPTIONS(.data = in("broken")), NULL, NULL, err))      \
    X(convo_train, SHAPE, fewer_outputs, convo_train(it.narrow, OPTIONS(.data = in("two")), NULL, NULL, err))          \
    X(convo_train, STATE, the_run_of_another_recipe, resume_other(err))                                                \
    X(convo_train, NUMERIC, a_wild_learning_rate, convo_train(it.wild, NULL, NULL, NULL, err))                         \
    X(convo_model_new, IO, no_data, convo_model_new(it.speech, OPTIONS(.search = nowhere), &out.model, err))           \
    X(convo_model_load, IO, no_file, convo_model_load("/nowhere/x", &out.model, err))                                  \
    X(convo_model_load, LIMIT, a_text, convo_model_load(in("text.safetensors"), &out.model, err))                      \
    X(convo_model_save, IO, no_folder, convo_model_save(it.logistic, "/nowhere/x", err))                               \
    X(convo_model_predict, NUMERIC, nan, convo_model_predict(it.spoken, not_a_number, 3, 8000, out.probability, err))  \
    X(convo_model_predict, STATE, points,                                                                              \
      convo_model_predict(it.logistic, (float[1]){0}, 1, 8000, out.probability, err))                                  \
    X(convo_model_predict_file, IO, no_file, convo_model_predict_file(it.spoken, in("x.wav"), out.probability, err))   \
    X(convo_model_predict_file, STATE, points, convo_model_predict_file(it.logistic, RECORDING, out.probability, err)) \
    X(convo_model_predict_heard, IO, no_file,                                                                          \
      convo_model_predict_heard(it.spoken, in("x.wav"), out.probability, NULL, err))                                   \
    X(convo_model_predict_arrays, NUMERIC, nan,                                                                        \
      convo_model_predict_arrays(it.logistic, not_a_number, 1, out.probability, err))                                  \
    X(convo_model_threads, ARGUMENT, too_many, convo_model_threads(it.spoken, 1000000, err))                           \
    X(convo_model_run_on, STATE, not_measured, convo_model_run_on(it.spoken, CONVO_DEVICE_INT8, err))                  \
    X(convo_model_run_on, LIMIT, a_long_clip, run_long_clip(err))                                                      \
    X(convo_model_listen_with, ARGUMENT, no_classes, convo_model_listen_with(it.spoken, &(convo_listening){0}, err))   \
    X(convo_listening_set, ARGUMENT, no_such_setting, set_listening("hopp=1", err))                                    \
    X(convo_stream_cost_find, STATE, no_front_end, convo_stream_cost_find(it.moons, 0.02, &out.cost, err))             \
    X(convo_sound_open, IO, no_file, convo_sound_open("/nowhere/x.wav", &out.sound, err))                              \
    X(convo_sound_open, FORMAT, a_text, convo_sound_open(in("text.onnx"), &out.sound, err))                            \
    X(convo_stream_new, STATE, points, convo_stream_new(it.logistic, NULL, &out.stream, err))                          \
    X(convo_stream_new, ARGUMENT, no_classes,                                                                          \
      convo_stream_new(it.spoken, STREAM(.listening = &(convo_listening){0}), &out.stream, err))                       \
    X(convo_stream_new, UNSUPPORTED, a_rate, convo_stream_new(it.spoken, STREAM(.rate = 10), &out.stream, err))        \
    X(convo_stream_new, LIMIT, a_long_mean, smooth_long(err))                                                          \
    X(convo_stream_push, NUMERIC, nan, push_twice(not_a_number, err))                                                  \
    X(convo_stream_push, STATE, the_last_ones_are_there, push_twice((float[3]){0}, err))                               \
    X(convo_evaluate, ARGUMENT, no_test_part, convo_evaluate(it.logistic, CONVO_TEST, NULL, &out.evaluation, err))     \
    X(convo_evaluate, SHAPE, other_classes,                                                                            \
      convo_evaluate(it.spoken, CONVO_TEST, OPTIONS(.data = in("one")), &out.evaluation, err))                         \
    X(convo_evaluation_save, ARGUMENT, an_empty_one, convo_evaluation_save(&(convo_evaluation){0}, in("x"), err))      \
    X(convo_evaluation_save, IO, in_a_file, convo_evaluation_save(&it.scored, in("text.onnx/x"), err))                 \
    X(convo_calibration_find, STATE, no_probabilities, convo_calibration_find(&it.unsure, &out.calibration, err))      \
    X(convo_roc_find, STATE, no_probabilities, convo_roc_find(&it.unsure, 0, &out.roc, err))                           \
    X(convo_roc_find, ARGUMENT, no_class, convo_roc_find(&it.scored, 7, &out.roc, err))                                \
    X(convo_roc_find, ARGUMENT, none_of_the_class, none_of_the_class(err))                                             \
    X(convo_export, ARGUMENT, no_ending, convo_export(it.logistic, in("x"), NULL, err))                                \
    X(convo_export, IO, no_folder, convo_export(it.logistic, "/nowhere/x.safetensors", NULL, err))                     \
    X(convo_export, UNSUPPORTED, probabilities_of_mse,                                                                 \
      convo_export(it.regression, in("x.onnx"), WITH(convo_export_options, .probabilities = true), err))               \
    X(convo_import, UNSUPPORTED, operators, import_strange(err))                                                       \
    X(convo_import, SHAPE, weights_of_another_net, import_other(err))                                                  \
    X(convo_file_write, IO, no_folder, convo_file_write("/nowhere/x", "x", 1, err))                                    \
    X(convo_recipe_load, IO, no_file, convo_recipe_load(in("x.yaml"), &out.recipe, err))                               \
    X(convo_recipe_load, FORMAT, no_yaml, convo_recipe_load(in("broken.yaml"), &out.recipe, err))                      \
    X(convo_recipe_load, SHAPE, a_kernel_that_is_too_large, convo_recipe_load(in("unfit.yaml"), &out.recipe, err))     \
    X(convo_recipe_parse, FORMAT, no_yaml, convo_recipe_parse("{", 1, "x", &out.recipe, err))                          \
    X(convo_recipe_set, ARGUMENT, no_value, convo_recipe_set(it.moons, "epochs", err))                                 \
    X(convo_recipe_groups, IO, no_data,                                                                                \
      convo_recipe_groups(it.speech, OPTIONS(.data = "/nowhere"), &out.texts, &out.count, err))                        \
    X(convo_recipe_reference, ARGUMENT, no_such_word, convo_recipe_reference("conv9d", &out.text, err))                \
    X(convo_field_find, SHAPE, vectors, convo_field_find(it.moons, NULL, NULL, false, &out.field, err))                \
    X(convo_gradcheck_run, ARGUMENT, no_parameters, convo_gradcheck_run(it.silent, NULL, NULL, &out.gradcheck, err))   \
    X(convo_bench_run, STATE, a_recipe_without_train, convo_bench_run(it.silent, NULL, NULL, &out.bench, err))         \
    X(convo_bench_run, ARGUMENT, negative,                                                                             \
      convo_bench_run(it.moons, NULL, WITH(convo_bench_options, .threads = -1), &out.bench, err))                      \
    X(convo_features, STATE, no_front_end, convo_features(it.moons, RECORDING, &out.array, err))                       \
    X(convo_features_changed, STATE, no_front_end,                                                                     \
      convo_features_changed(it.moons, NULL, RECORDING, 1, &out.versions, err))                                        \
    X(convo_examples_change, STATE, no_changes,                                                                        \
      convo_examples_change(it.moons, NULL, (int64_t[1]){0}, &out.examples, err))                                      \
    X(convo_recording_read, ARGUMENT, negative, convo_recording_read(RECORDING, -1, &out.recording, err))              \
    X(convo_recording_read, IO, not_there, convo_recording_read("/nowhere.wav", 0, &out.recording, err))               \
    X(convo_spot, STATE, no_front_end, convo_spot(it.logistic, RECORDING, NULL, &out.spotting, err))                   \
    X(convo_spot, ARGUMENT, less_than_none,                                                                            \
      convo_spot(it.spoken, RECORDING, WITH(convo_spot_options, .at = -1), &out.spotting, err))                        \
    X(convo_mix_write, ARGUMENT, nothing_in_that_part,                                                                 \
      convo_mix_write("fsdd", "data/fsdd", MIX(.part = CONVO_VALIDATION), &out.mix, err))                              \
    X(convo_mix_write, ARGUMENT, no_such_data_set,                                                                     \
      convo_mix_write("ears", "data/fsdd", MIX(.part = CONVO_ALL), &out.mix, err))                                     \
    X(convo_dataset_new, ARGUMENT, no_examples, convo_dataset_new(&(convo_dataset_spec){0}, &out.dataset, err))        \
    X(convo_dataset_new, NUMERIC, not_a_number,                                                                        \
      convo_dataset_new(                                                                                               \
          &(convo_dataset_spec){                                                                                       \
              .count = 3, .dims = 1, .dim = {1}, .values = not_a_number, .labels = (int32_t[3]){0}, .classes = 1},     \
          &out.dataset, err))                                                                                          \
    X(convo_array_save, ARGUMENT, an_empty_one, convo_array_save(&empty, in("x.npy"), err))                            \
    X(convo_input_make, MEMORY, too_little, short_of_memory(err))                                                      \
    X(convo_filters, SHAPE, no_weights, convo_filters(it.silent, NULL, &out.map, err))                                 \
    X(convo_data_find, ARGUMENT, no_such_name, convo_data_find("fsd", NULL, &out.text, err))                           \
    X(convo_data_find, IO, not_there, convo_data_find("fsdd", nowhere, &out.text, err))                                \
    X(convo_recipe_find_data, ARGUMENT, a_recipe_without_data,                                                         \
      convo_recipe_find_data(it.silent, NULL, &out.text, err))                                                         \
    X(convo_recipe_find_data, IO, a_path_not_there, convo_recipe_find_data(it.lost, NULL, &out.text, err))             \
    X(convo_data_get, ARGUMENT, no_folder, convo_data_get("fsdd", NULL, &out.got, err))                                \
    X(convo_data_get, GET_IO, nobody_listens, get("http://127.0.0.1:1", err))                                          \
    X(convo_data_get, GET_FORMAT, another_file, get(it.address, err))                                                  \
    X(convo_examples_read, ARGUMENT, none_of_that_number,                                                              \
      convo_examples_read(it.moons, NULL, CONVO_ALL, (int64_t[1]){9999}, 1, &out.examples, err))                       \
    X(convo_data_describe, ARGUMENT, no_such_name,                                                                     \
      convo_data_describe("fsd", "data/fsdd", &(convo_train_options){.threads = 1}, &out.info, err))                   \
    X(convo_data_describe, IO, no_folder,                                                                              \
      convo_data_describe("fsdd", "/nowhere", &(convo_train_options){.threads = 1}, &out.info, err))

// Of both tables: a function for each row, and the list of them.
#define CALL(function, status, why, ...)                                                                               \
    static convo_status function##_##why(convo_error *err) {                                                           \
        return __VA_ARGS__;                                                                                            \
    }
#define CALL_WITH_NOTHING(function, ...) CALL(function, ARGUMENT, nothing, function(__VA_ARGS__, err))
NOTHING(CALL_WITH_NOTHING)
CALLS(CALL)

typedef struct call {
    const char *function, *why;
    convo_status status;
    convo_status (*make)(convo_error *err);
} call;
#define ROW(function, status, why, ...) {#function, #why, (convo_status)CONVO_##status, function##_##why},
#define ROW_WITH_NOTHING(function, ...) ROW(function, ARGUMENT, nothing, )
static const call calls[] = {NOTHING(ROW_WITH_NOTHING) CALLS(ROW)};

static void every_failing_call_says_so_with_and_without_an_error(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(calls); k++) {
        const call *c = &calls[k];
        convo_error err = {.code = CONVO_OK};
        const convo_status status = c->make(&err);
        if (status != c->status || err.code != status)
            fail_msg("%s, %s: %s instead of %s (%s: %s)", c->function, c->why, convo_status_name(status),
                     convo_status_name(c->status), err.where, err.message);
        if (!err.message[0]) fail_msg("%s, %s: no sentence", c->function, c->why);
        if (c->make(NULL) != c->status) fail_msg("%s, %s: another status without an error", c->function, c->why);
    }
}

// --- the header ---------------------------------------------------------------------------------------------------

// look: at each function that takes an error, and the comment before it.
static void each_declaration(void (*look)(const char *name, const char *comment)) {
    char line[512], comment[4096] = "", declaration[1024] = "", name[128];
    FILE *file = fopen("include/convo.h", "r");
    assert_non_null(file);
    int seen = 0;
    while (fgets(line, sizeof line, file)) {
        const bool inside = declaration[0];
        if (!inside && !strncmp(line, "//", 2))
            strncat(comment, line, sizeof comment - strlen(comment) - 1);
        else if (inside || !strncmp(line, "CONVO_API ", 10))
            strncat(declaration, line, sizeof declaration - strlen(declaration) - 1);
        else
            comment[0] = 0;
        if (!declaration[0] || !strchr(line, ';')) continue;
        const char *open = strchr(declaration, '('), *start = open;
        while (isalnum((unsigned char)start[-1]) || start[-1] == '_') start--;
        snprintf(name, sizeof name, "%.*s", (int)(open - start), start);
        if (strstr(declaration, "convo_error *err")) look(name, comment), seen++;
        declaration[0] = comment[0] = 0;
    }
    fclose(file);
    assert_in_range(seen, 30, 1000);
}

static const call *find_call(const char *function, const char *why) {
    for (size_t k = 0; k < CV_COUNT(calls); k++)
        if (!strcmp(calls[k].function, function) && !strcmp(calls[k].why, why)) return &calls[k];
    return NULL;
}

static bool called(const char *function, convo_status status) {
    for (size_t k = 0; k < CV_COUNT(calls); k++)
        if ((!function || !strcmp(calls[k].function, function)) && calls[k].status == status) return true;
    return false;
}

static void is_listed(const char *name, const char *comment) {
    (void)comment;
    if (!strcmp(name, "convo_ranks_fail")) return; // is given an error
    if (!find_call(name, "nothing")) fail_msg("%s is not in the table NOTHING of this test", name);
}

static void every_function_is_called_with_nothing(void **state) {
    (void)state;
    each_declaration(is_listed);
}

// IO stands for itself in "NaN", so whole words only.
static bool says(const char *comment, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = comment; (at = strstr(at, word)); at += length)
        if (!isalpha((unsigned char)at[length]) && (at == comment || !isalpha((unsigned char)at[-1]))) return true;
    return false;
}

static void statuses_are_met(const char *name, const char *comment) {
    for (int status = CONVO_ARGUMENT; status <= CONVO_STATE; status++) {
        const char *word = convo_status_name((convo_status)status);
        if (!says(comment, word) || called(name, (convo_status)status)) continue;
        if (!strcmp(name, "convo_data_get") && (status == CONVO_UNSUPPORTED) == CAN_GET) continue; // the other build
        if (!strcmp(name, "convo_ranks_join")) continue; // takes several processes: tests/cli/test_mpi.sh
        fail_msg("%s: the header names %s, which this test does not provoke", name, word);
    }
}

static void every_documented_status_is_provoked(void **state) {
    (void)state;
    each_declaration(statuses_are_met);
    for (int status = CONVO_ARGUMENT; status <= CONVO_STATE; status++)
        if (!called(NULL, (convo_status)status)) fail_msg("%s is never met", convo_status_name((convo_status)status));
}

static void the_library_is_of_the_headers_version(void **state) {
    (void)state;
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", CONVO_VERSION_MAJOR, CONVO_VERSION_MINOR, CONVO_VERSION_PATCH);
    assert_string_equal(convo_version(), version);
}

static void free_functions_accept_null(void **state) {
    (void)state;
    convo_model_free(NULL);
    convo_recipe_free(NULL);
    convo_evaluation_free(NULL);
    convo_roc_free(NULL);
    convo_summary_free(NULL);
    convo_device_free(NULL);
    convo_field_free(NULL);
    convo_gradcheck_free(NULL);
    convo_bench_free(NULL);
    convo_array_free(NULL);
    convo_examples_free(NULL);
    convo_data_info_free(NULL);
    convo_findings_free(NULL);
    convo_cache_free(NULL);
    convo_dataset_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failing_call_says_so_with_and_without_an_error),
        cmocka_unit_test(every_function_is_called_with_nothing),
        cmocka_unit_test(every_documented_status_is_provoked),
        cmocka_unit_test(the_library_is_of_the_headers_version),
        cmocka_unit_test(free_functions_accept_null),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
