// Models: what is saved is what is loaded, and predicts the same; files that do not fit are refused in words.
#include "audio/sound.h"
#include "base/file.h"
#include "model/model.h"
#include "format/safetensors.h"
#include "folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// after the headers that it needs
#include <cmocka.h>

#define RECORDING "data/fsdd/7_theo_3.flac"

static char path[64], other[64];

static int make_paths(void **state) {
    if (make_folder(state)) return -1;
    snprintf(path, sizeof path, "%s/best.safetensors", test_folder);
    snprintf(other, sizeof other, "%s/other.safetensors", test_folder);
    return 0;
}

static char *digits[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "caf\xc3\xa9", "nine"};

// An untrained model whose weights, buffers included, all differ.
static convo_model *make_model(const char *recipe_text) {
    convo_recipe *recipe;
    convo_error err = {0};
    cv_net *net;
    if (convo_recipe_parse(recipe_text, strlen(recipe_text), "made", &recipe, &err)) fail_msg("%s", err.message);
    if (cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err)) fail_msg("%s", err.message);
    cv_random random;
    cv_random_seed(&random, 3);
    assert_int_equal(cv_net_init(net, &random, NULL), CONVO_OK);
    for (int t = 0; t < net->tensors; t++)
        if (net->tensor[t].spec.buffer) {
            float *values = cv_alloc(net->tensor[t].size, sizeof *values);
            assert_non_null(values);
            const float step = net->tensor[t].spec.integer ? 1 : 0.03125f;
            for (size_t i = 0; i < net->tensor[t].size; i++) values[i] = (float)(i + 1 + (size_t)t) * step;
            cv_net_write(net, t, values);
            free(values);
        }
    cv_normal normal;
    assert_true(cv_recipe_normal_new(recipe, net->input, recipe->normalize == CV_NORMALIZE_CHANNEL, &normal));
    for (size_t k = 0; k < cv_normal_count(&normal); k++) {
        normal.mean[k] = -1.2345678f - (float)k;
        normal.std[k] = 7.1234567f + (float)k / 7;
    }
    const cv_model_parts parts = {recipe, net, digits, 10, &normal, 0.977, NULL, NULL, 0};
    convo_model *model;
    if (cv_model_new(&parts, &model, &err)) fail_msg("%s: %s", err.where, err.message);
    cv_normal_free(&normal);
    cv_net_free(net);
    convo_recipe_free(recipe);
    return model;
}

static const char speech[] = "data: fsdd\n"
                             "features: {kind: mfcc, samples: 6000, normalize: global}\n"
                             "model:\n"
                             "  - conv1d: {out: 6, kernel: 3, stride: 2}\n"
                             "  - batchnorm\n"
                             "  - relu\n"
                             "  - residual: {body: [{conv1d: {out: 6, kernel: 3, padding: 1}}]}\n"
                             "  - flatten\n"
                             "  - linear: 10\n"
                             "train: {optimizer: {sgd: {lr: 0.1}}, seed: 42}\n";

static convo_model *load(const char *name) {
    convo_model *model;
    convo_error err = {0};
    if (convo_model_load(name, &model, &err)) fail_msg("%s: %s", err.where, err.message);
    return model;
}

static void save(const convo_model *model, const char *name) {
    convo_error err = {0};
    if (convo_model_save(model, name, &err)) fail_msg("%s: %s", err.where, err.message);
}

static void predict(convo_model *model, float probabilities[10]) {
    convo_error err = {0};
    if (convo_model_predict_file(model, RECORDING, probabilities, &err)) fail_msg("%s: %s", err.where, err.message);
}

// --- round trip -------------------------------------------------------------------------------------------------

static void check_round_trip(const char *recipe) {
    convo_model *made = make_model(recipe);
    save(made, path);
    convo_model *models[] = {load(path), load(test_folder)};
    for (size_t k = 0; k < CV_COUNT(models); k++) {
        convo_model *loaded = models[k];
        assert_int_equal(convo_model_classes(loaded), 10);
        for (int label = 0; label < 10; label++) assert_string_equal(convo_model_label(loaded, label), digits[label]);
        assert_null(convo_model_label(loaded, 10));
        assert_null(convo_model_label(loaded, -1));
        assert_string_equal(convo_recipe_name(convo_model_recipe(loaded)), "made");
        assert_int_equal(convo_recipe_seed(convo_model_recipe(loaded)), 42);
        assert_true(cv_normal_equal(&loaded->normal, &made->normal)); // the bits
        assert_float_equal(loaded->test_accuracy, 0.977, 1e-12);
        assert_int_equal(loaded->net->tensors, made->net->tensors);
        for (int t = 0; t < made->net->tensors; t++) {
            const cv_net_tensor *tensor = &made->net->tensor[t];
            float *a = cv_alloc(tensor->size, sizeof *a), *b = cv_alloc(tensor->size, sizeof *b);
            assert_true(a && b);
            cv_net_read(made->net, t, a);
            cv_net_read(loaded->net, t, b);
            assert_memory_equal(a, b, tensor->size * sizeof *a);
            free(a);
            free(b);
        }
        float before[10], after[10];
        predict(made, before);
        predict(loaded, after);
        assert_memory_equal(before, after, sizeof before);
        convo_model_free(loaded);
    }
    convo_model_free(made);
}

static void a_model_survives_its_file(void **state) {
    (void)state;
    char by_channel[sizeof speech + 8], *at;
    check_round_trip(speech);
    snprintf(by_channel, sizeof by_channel, "%s", speech);
    at = strstr(by_channel, "global");
    snprintf(at, sizeof by_channel - (size_t)(at - by_channel), "channel%s", strstr(speech, "global") + 6);
    check_round_trip(by_channel);
}

static void the_file_has_pytorch_names_and_layouts(void **state) {
    (void)state;
    convo_model *model = make_model(speech);
    save(model, path);
    convo_model_free(model);
    static const struct {
        const char *name;
        int type, dims;
        int64_t dim[3];
    } expected[] = {
        {"0.weight", CV_F32, 3, {6, 13, 3}},
        {"0.bias", CV_F32, 1, {6}},
        {"1.weight", CV_F32, 1, {6}},
        {"1.running_var", CV_F32, 1, {6}},
        {"1.num_batches_tracked", CV_I64, 0, {0}},
        {"3.body.0.weight", CV_F32, 3, {6, 6, 3}},
        {"5.weight", CV_F32, 2, {10, 216}},
    };
    cv_safetensors file;
    assert_int_equal(cv_safetensors_read(path, &file, NULL), CONVO_OK);
    for (size_t k = 0; k < CV_COUNT(expected); k++) {
        const cv_st_tensor *tensor = cv_safetensors_find(&file, expected[k].name);
        if (!tensor) fail_msg("%s is missing", expected[k].name);
        assert_int_equal(tensor->type, expected[k].type);
        assert_int_equal(tensor->dims, expected[k].dims);
        for (int d = 0; d < tensor->dims; d++) assert_int_equal(tensor->dim[d], expected[k].dim[d]);
    }
    assert_string_equal(cv_safetensors_text(&file, "format"), "pt");
    assert_string_equal(cv_safetensors_text(&file, "convo.seed"), "42");
    assert_string_equal(cv_safetensors_text(&file, "convo.version"), convo_version());
    cv_safetensors_free(&file);
}

// --- prediction -------------------------------------------------------------------------------------------------

static void a_prediction_is_the_same_by_file_and_by_samples_and_again(void **state) {
    (void)state;
    convo_model *model = make_model(speech);
    cv_sound sound;
    float by_file[10], by_samples[10], resampled[10], sum = 0, distance = 0;
    predict(model, by_file);
    for (int k = 0; k < 10; k++) sum += by_file[k];
    assert_float_equal(sum, 1, 1e-5);
    assert_int_equal(cv_sound_read(RECORDING, 0, &sound, NULL), CONVO_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(convo_model_predict(model, sound.sample, sound.count, sound.rate, by_samples, NULL), CONVO_OK);
        assert_memory_equal(by_file, by_samples, sizeof by_file);
    }
    float *twice;
    size_t count;
    assert_int_equal(cv_resample(sound.sample, sound.count, sound.rate, 16000, &twice, &count, NULL), CONVO_OK);
    assert_int_equal(convo_model_predict(model, twice, count, 16000, resampled, NULL), CONVO_OK);
    for (int k = 0; k < 10; k++) distance = fmaxf(distance, fabsf(resampled[k] - by_file[k]));
    if (distance > 0.05f) fail_msg("resampled there and back, a probability moves by %g", (double)distance);
    free(twice);
    static const int rates[] = {4000, 11025, 16000}; // slower and faster than the model's
    for (size_t r = 0; r < CV_COUNT(rates); r++) {
        float *given, *back;
        size_t back_count;
        assert_int_equal(cv_resample(sound.sample, sound.count, sound.rate, rates[r], &given, &count, NULL), CONVO_OK);
        assert_int_equal(cv_resample(given, count, rates[r], 8000, &back, &back_count, NULL), CONVO_OK);
        assert_int_equal(convo_model_predict(model, given, count, rates[r], resampled, NULL), CONVO_OK);
        assert_int_equal(convo_model_predict(model, back, back_count, 8000, by_samples, NULL), CONVO_OK);
        assert_memory_equal(resampled, by_samples, sizeof by_samples);
        free(given);
        free(back);
    }
    cv_sound_free(&sound);
    convo_model_free(model);
}

// Layers that threads share.
static const char large[] = "data: fsdd\n"
                            "features: {kind: waveform, rate: 8000, samples: 6000}\n"
                            "model:\n"
                            "  - conv1d: {out: 20, kernel: 5}\n"
                            "  - relu\n"
                            "  - maxpool1d: 8\n"
                            "  - flatten\n"
                            "  - linear: 32\n"
                            "  - linear: 10\n"
                            "train: {loss: cross_entropy, optimizer: {sgd: {lr: 0.1}}, epochs: 1}\n";

static void threads_change_no_prediction(void **state) {
    (void)state;
    static const int counts[] = {3, 0, 1};
    convo_model *model = make_model(large);
    float before[10], after[10];
    predict(model, before);
    for (size_t k = 0; k < CV_COUNT(counts); k++) {
        assert_int_equal(convo_model_threads(model, counts[k], NULL), CONVO_OK);
        predict(model, after);
        assert_memory_equal(before, after, sizeof before);
    }
    assert_int_equal(convo_model_threads(model, -1, NULL), CONVO_ARGUMENT);
    predict(model, after);
    assert_memory_equal(before, after, sizeof before);
    convo_model_free(model);
}

static void the_normalisation_counts(void **state) {
    (void)state;
    convo_model *model = make_model(speech);
    float before[10], after[10];
    predict(model, before);
    *model->normal.mean += 1;
    predict(model, after);
    assert_memory_not_equal(before, after, sizeof before);
    convo_model_free(model);
}

static void a_prediction_says_how_much_of_the_recording_it_is_of(void **state) {
    (void)state;
    static const struct {
        const char *recipe;
        double used; // 0: all of it
    } cases[] = {{"features: {kind: waveform, samples: 1000, rate: 8000}\nmodel: [flatten, linear: 10]\n", 0.125},
                 {"features: {kind: waveform, samples: 2000, rate: 4000}\nmodel: [flatten, linear: 10]\n", 0},
                 {"features: {kind: mfcc, samples: 1600, rate: 8000}\nmodel: [flatten, linear: 10]\n", 0.2},
                 {"features: {kind: logmel, samples: 1600, rate: 16000}\nmodel: [flatten, linear: 10]\n", 0.1}};
    cv_sound sound;
    assert_int_equal(cv_sound_read(RECORDING, 0, &sound, NULL), CONVO_OK);
    const double seconds = (double)sound.count / sound.rate;
    cv_sound_free(&sound);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        convo_model *model = make_model(cases[k].recipe);
        convo_heard heard;
        float probabilities[10];
        assert_int_equal(convo_model_predict_heard(model, RECORDING, probabilities, &heard, NULL), CONVO_OK);
        const double used = cases[k].used > 0 ? cases[k].used : seconds;
        if (fabs(heard.seconds - seconds) > 1e-3 || fabs(heard.used - used) > 1e-3)
            fail_msg("%s: %g s of %g s, not %g of %g", cases[k].recipe, heard.used, heard.seconds, used, seconds);
        convo_model_free(model);
    }
}

static void bad_recordings_are_refused(void **state) {
    (void)state;
    convo_model *model = make_model(speech);
    const float sample[3] = {0, NAN, 0};
    float probabilities[10];
    convo_error err = {0};
    assert_int_equal(convo_model_predict(model, sample, 3, 8000, probabilities, &err), CONVO_NUMERIC);
    assert_string_equal(err.message, "sample 1 is not finite");
    assert_int_equal(convo_model_predict(model, sample, 0, 8000, probabilities, NULL), CONVO_ARGUMENT);
    assert_int_equal(convo_model_predict(model, sample, 3, 0, probabilities, NULL), CONVO_ARGUMENT);
    assert_int_equal(convo_model_predict_file(model, "no-such.wav", probabilities, &err), CONVO_IO);
    assert_string_equal(err.where, "no-such.wav");
    assert_int_not_equal(convo_model_predict_file(model, "CMakeLists.txt", probabilities, NULL), CONVO_OK);
    convo_model_free(model);

    model = make_model("input: 4\nmodel: [linear: 10]\n");
    assert_int_equal(convo_model_predict(model, sample, 1, 8000, probabilities, NULL), CONVO_STATE);
    convo_model_free(model);
}

static void features_have_the_shape_of_the_net_s_input(void **state) {
    (void)state;
    convo_recipe *recipe;
    convo_array features;
    convo_error err = {0};
    assert_int_equal(convo_recipe_parse(speech, strlen(speech), "made", &recipe, NULL), CONVO_OK);
    if (convo_features(recipe, RECORDING, &features, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(features.dims, 2);
    assert_int_equal(features.dim[0], 13);
    assert_int_equal(features.dim[1], 74);
    convo_array_free(&features);
    assert_int_equal(convo_features(recipe, "no-such.wav", &features, NULL), CONVO_IO);
    assert_null(features.value);
    convo_recipe_free(recipe);
}

// --- files that do not fit --------------------------------------------------------------------------------------

typedef struct change {
    const char *what;
    void (*make)(cv_safetensors *file);
    convo_status status;
    const char *phrase;
} change;

static cv_st_tensor *tensor_of(cv_safetensors *file, const char *name) {
    return (cv_st_tensor *)cv_safetensors_find(file, name);
}

static void set_text(cv_safetensors *file, const char *key, const char *value) {
    for (size_t k = 0; k < file->texts; k++)
        if (!strcmp(file->text[k].key, key)) {
            free(file->text[k].value);
            file->text[k].value = cv_format("%s", value);
        }
}

static void drop_text(cv_safetensors *file, const char *key) {
    for (size_t k = 0; k < file->texts; k++)
        if (!strcmp(file->text[k].key, key)) strcpy(file->text[k].key, "x");
}

static void rename_bias(cv_safetensors *f) {
    strcpy(tensor_of(f, "0.bias")->name, "9.bias");
}
static void turn_weight(cv_safetensors *f) {
    cv_st_tensor *t = tensor_of(f, "0.weight");
    t->dim[1] = 3;
    t->dim[2] = 13;
}
static void change_type(cv_safetensors *f) {
    tensor_of(f, "0.bias")->type = CV_I32;
}
static void drop_last(cv_safetensors *f) {
    free(f->tensor[--f->tensors].name);
}
static void set_nan(cv_safetensors *f) {
    const float nan = NAN;
    memcpy((char *)tensor_of(f, "5.weight")->data + 8, &nan, sizeof nan);
}
static void no_recipe(cv_safetensors *f) {
    drop_text(f, "convo.recipe");
}
static void no_labels(cv_safetensors *f) {
    drop_text(f, "convo.labels");
}
static void bad_recipe(cv_safetensors *f) {
    set_text(f, "convo.recipe", "modle: []\n");
}
static void bad_json(cv_safetensors *f) {
    set_text(f, "convo.labels", "[1, ");
}
static void few_labels(cv_safetensors *f) {
    set_text(f, "convo.labels", "[\"a\", \"b\"]");
}
static void number_label(cv_safetensors *f) {
    set_text(f, "convo.labels", "[\"a\", 2]");
}
static void no_std(cv_safetensors *f) {
    set_text(f, "convo.normalize", "{\"mean\": 0}");
}
static void zero_std(cv_safetensors *f) {
    set_text(f, "convo.normalize", "{\"mean\": 0, \"std\": 0}");
}
static void two_means(cv_safetensors *f) {
    set_text(f, "convo.normalize", "{\"mean\": [1, 2], \"std\": [1, 2], \"shape\": [13, 1, 1]}");
}
static void wrong_shape(cv_safetensors *f) {
    set_text(f, "convo.normalize", "{\"mean\": [1, 2], \"std\": [1, 2], \"shape\": [2, 1, 1]}");
}
static void zero_of_channel(cv_safetensors *f) {
    set_text(f, "convo.normalize",
             "{\"mean\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13], \"std\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, "
             "0], \"shape\": [13, 1, 1]}");
}
static void huge_mean(cv_safetensors *f) {
    set_text(f, "convo.normalize", "{\"mean\": 1e300, \"std\": 1}");
}

static const change changes[] = {
    {"a tensor has another name", rename_bias, CONVO_FORMAT, "the net needs '0.bias', which the file does not hold"},
    {"a tensor has another shape", turn_weight, CONVO_SHAPE, "0.weight is [6, 3, 13], the net needs [6, 13, 3]"},
    {"a tensor has another type", change_type, CONVO_FORMAT, "0.bias must hold numbers of type F32"},
    {"a tensor is missing", drop_last, CONVO_FORMAT, "which the file does not hold"},
    {"a weight is not finite", set_nan, CONVO_NUMERIC, "5.weight holds numbers that are not finite"},
    {"no recipe", no_recipe, CONVO_FORMAT, "not a convo model: its metadata has no convo.recipe"},
    {"no labels", no_labels, CONVO_FORMAT, "its metadata has no convo.labels"},
    {"a recipe that is none", bad_recipe, CONVO_ARGUMENT, "did you mean 'model'?"},
    {"labels that are no JSON", bad_json, CONVO_FORMAT, "convo.labels"},
    {"too few labels", few_labels, CONVO_SHAPE, "output is (10), but 2 classes"},
    {"a label that is no text", number_label, CONVO_FORMAT, "label 1 in the metadata is not text"},
    {"no std", no_std, CONVO_FORMAT, "convo.normalize"},
    {"std 0", zero_std, CONVO_FORMAT, "convo.normalize"},
    {"two means for 13 channels", two_means, CONVO_FORMAT, "convo.normalize"},
    {"a shape that does not fit", wrong_shape, CONVO_FORMAT, "convo.normalize"},
    {"a deviation of a channel that is 0", zero_of_channel, CONVO_FORMAT, "convo.normalize"},
    {"a mean that is infinite as a float", huge_mean, CONVO_FORMAT, "convo.normalize"},
};

static void a_file_that_does_not_fit_is_refused(void **state) {
    (void)state;
    convo_model *model = make_model(speech);
    save(model, path);
    convo_model_free(model);
    for (size_t k = 0; k < CV_COUNT(changes); k++) {
        cv_safetensors file;
        convo_error err = {0};
        assert_int_equal(cv_safetensors_read(path, &file, NULL), CONVO_OK);
        changes[k].make(&file);
        if (cv_safetensors_write(other, &file, &err)) fail_msg("%s: %s", changes[k].what, err.message);
        cv_safetensors_free(&file);
        convo_model *loaded;
        convo_status status = convo_model_load(other, &loaded, &err);
        if (status != changes[k].status || !strstr(err.message, changes[k].phrase) || !strstr(err.where, "other"))
            fail_msg("%s\n  expected %s, ...%s..., but got %s: %s: %s", changes[k].what,
                     convo_status_name(changes[k].status), changes[k].phrase, convo_status_name(status), err.where,
                     err.message);
        assert_null(loaded);
    }
}

static void an_extra_tensor_is_refused(void **state) {
    (void)state;
    convo_model *model = make_model(speech);
    save(model, path);
    convo_model_free(model);
    cv_safetensors file;
    convo_error err = {0};
    assert_int_equal(cv_safetensors_read(path, &file, NULL), CONVO_OK);
    cv_st_tensor more[32] = {{.name = "9.weight", .type = CV_U8, .dims = 1, .dim = {1}, .data = "", .bytes = 1}};
    memcpy(more + 1, file.tensor, file.tensors * sizeof *more);
    const cv_safetensors with = {.tensor = more, .tensors = file.tensors + 1, .text = file.text, .texts = file.texts};
    assert_int_equal(cv_safetensors_write(other, &with, NULL), CONVO_OK);
    cv_safetensors_free(&file);
    assert_int_equal(convo_model_load(other, &model, &err), CONVO_FORMAT);
    assert_string_equal(err.message, "the file holds '9.weight', which the net does not have");
}

static void a_missing_file_is_named(void **state) {
    (void)state;
    convo_model *model;
    convo_error err = {0};
    unlink(path);
    assert_int_equal(convo_model_load(test_folder, &model, &err), CONVO_IO);
    assert_string_equal(err.where, path);
    assert_null(model);
    assert_int_not_equal(convo_model_load("README.md", &model, NULL), CONVO_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_survives_its_file),
        cmocka_unit_test(the_file_has_pytorch_names_and_layouts),
        cmocka_unit_test(a_prediction_is_the_same_by_file_and_by_samples_and_again),
        cmocka_unit_test(threads_change_no_prediction),
        cmocka_unit_test(the_normalisation_counts),
        cmocka_unit_test(a_prediction_says_how_much_of_the_recording_it_is_of),
        cmocka_unit_test(bad_recordings_are_refused),
        cmocka_unit_test(features_have_the_shape_of_the_net_s_input),
        cmocka_unit_test(a_file_that_does_not_fit_is_refused),
        cmocka_unit_test(an_extra_tensor_is_refused),
        cmocka_unit_test(a_missing_file_is_named),
    };
    return cmocka_run_group_tests_name("model", tests, make_paths, remove_folder);
}
