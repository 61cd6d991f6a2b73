// NumPy arrays out: what a net reads, what a model says, and the model that training starts from.
#define _GNU_SOURCE // mkdtemp
#include "datasets.h"
#include "material.h"
#include "model/model.h"

#include "format/npz.h"

#include <math.h>

enum { RATE = 8000, SAMPLES = 800, FILES = 12, COPIES = 2 };

static const char recipe_text[] = "data: {set: fsdd, split: {train: 0.5, validation: 0.25, test: 0.25}}\n"
                                  "features: {kind: logmel, samples: 800, normalize: global}\n"
                                  "augment: {copies: 2, gain: 6}\n"
                                  "model: [flatten, {linear: 2}]\n"
                                  "train: {optimizer: {sgd: {lr: 0.1}}, epochs: 1, seed: 3}\n";

static int make_recordings(void **state) {
    if (make_folder(state)) return -1;
    for (int k = 0; k < FILES; k++) {
        char name[32];
        snprintf(name, sizeof name, "%d_ann_%d.wav", k % 2, k);
        write_tone(*state, name, RATE, SAMPLES, (int16_t)(1000 * (k + 1)));
    }
    return 0;
}

static convo_recipe *parse(const char *setting) {
    convo_recipe *recipe;
    convo_error err = {.message = ""};
    if (convo_recipe_parse(recipe_text, strlen(recipe_text), "test", &recipe, &err)) fail_msg("%s", err.message);
    if (setting && convo_recipe_set(recipe, setting, &err)) fail_msg("%s", err.message);
    return recipe;
}

static void succeed(convo_status status, const convo_error *err) {
    if (status) fail_msg("%s: %s", err->where, err->message);
}

static char *export_to(const char *folder, const char *name) {
    char *path = cv_format("%s/%s", folder, name);
    convo_recipe *recipe = parse(NULL);
    convo_error err = {.message = ""};
    succeed(convo_data_export(recipe, &(convo_train_options){.data = folder, .threads = 2}, path, &err), &err);
    convo_recipe_free(recipe);
    return path;
}

// What training would see, in the order of the parts.
static void load(const char *folder, const char *setting, cv_material *m) {
    convo_recipe *recipe = parse(setting);
    const convo_train_options options = {.data = folder};
    convo_error err = {.message = ""};
    succeed(cv_material_load(recipe, &options, CONVO_TRAIN, m, &err), &err);
    succeed(cv_material_augment(recipe, &options, m, &err), &err);
    succeed(cv_material_measure(recipe, m, &err), &err);
    cv_material_normalize(m, &m->normal);
    convo_recipe_free(recipe);
}

static void check_features(const char *folder, const char *path) {
    cv_material m;
    load(folder, NULL, &m);
    cv_dataset *d = open_data(&cv_data_arrays, path, NULL);
    const size_t size = (size_t)cv_shape_size(m.shape);
    float *value = material_numbers(&m);
    size_t k = 0;
    check_shape(d, m.shape.dims, (int)m.shape.c, (int)m.shape.h, (int)m.shape.w);
    assert_int_equal(d->count, FILES + COPIES * FILES / 2);
    for (int part = 0; part < 3; part++)
        for (size_t i = 0; i < m.split.count[part]; i++, k++) {
            const int32_t row = m.split.index[part][i];
            assert_int_equal(d->example[k].part, part);
            assert_int_equal(d->example[k].label, m.label[row]);
            assert_memory_equal(d->values.value + k * size, value + (size_t)row * size, size * sizeof(float));
        }
    free(value);
    cv_dataset_free(d);
    cv_material_free(&m);
}

static void a_data_set_of_arrays_reads_what_is_exported(void **state) {
    static const char *const names[] = {"all.npz", "folder"};
    for (size_t k = 0; k < CV_COUNT(names); k++) {
#ifndef CONVO_HAVE_LIBARCHIVE
        if (k == 0) continue;
#endif
        char *path = export_to(*state, names[k]);
        check_features(*state, path);
        free(path);
    }
}

static void normalised_training_features_have_mean_0_and_deviation_1(void **state) {
    cv_material m;
    load(*state, NULL, &m);
    const size_t size = (size_t)cv_shape_size(m.shape), count = m.split.count[CONVO_TRAIN];
    float *value = material_numbers(&m);
    double sum = 0, squares = 0;
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < size; i++) {
            const double x = (double)value[(size_t)m.split.index[CONVO_TRAIN][k] * size + i];
            sum += x;
            squares += x * x;
        }
    const double n = (double)(count * size);
    if (!(fabs(sum / n) < 1e-4 && fabs(squares / n - 1) < 1e-4))
        fail_msg("mean %g, mean square %g", sum / n, squares / n);
    free(value);
    cv_material_free(&m);
}

// One pair for each filter, which is a column here.
static void channels_have_mean_0_and_deviation_1_each(void **state) {
    cv_material m;
    load(*state, "features.normalize=channel", &m);
    const size_t size = (size_t)cv_shape_size(m.shape), filters = (size_t)m.shape.w;
    const size_t count = m.split.count[CONVO_TRAIN];
    const double n = (double)(count * size / filters);
    float *value = material_numbers(&m);
    assert_int_equal(cv_normal_count(&m.normal), filters);
    for (size_t f = 0; f < filters; f++) {
        double sum = 0, squares = 0;
        for (size_t k = 0; k < count; k++)
            for (size_t i = f; i < size; i += filters) {
                const double x = (double)value[(size_t)m.split.index[CONVO_TRAIN][k] * size + i];
                sum += x;
                squares += x * x;
            }
        if (!(fabs(sum / n) < 1e-4 && fabs(squares / n - 1) < 1e-4))
            fail_msg("filter %zu: mean %g, mean square %g", f, sum / n, squares / n);
    }
    free(value);
    cv_material_free(&m);
}

static cv_numbers open_array(const char *folder, const char *name, cv_bytes *bytes) {
    char *path = cv_format("%s/%s.npy", folder, name);
    cv_numbers n;
    convo_error err = {.message = ""};
    *bytes = read_whole(path);
    succeed(cv_npy_parse("array", bytes->data, bytes->size, &n, &err), &err);
    free(path);
    return n;
}

// Copies lie behind the recordings that they are of: all of the first one's, then the second one's.
static void a_changed_version_has_the_number_of_its_recording(void **state) {
    enum { TRAINED = FILES / 2 };
    cv_bytes bytes;
    cv_material m;
    char *path = export_to(*state, "folder");
    const cv_numbers n = open_array(path, "index_train", &bytes);
    load(*state, NULL, &m);
    assert_int_equal(n.dim[0], TRAINED * (1 + COPIES));
    for (int i = 0; i < TRAINED * (1 + COPIES); i++) {
        double number;
        cv_numbers_row(&n, i, &number);
        assert_int_equal(number, m.split.index[CONVO_TRAIN][i < TRAINED ? i : (i - TRAINED) / COPIES]);
    }
    cv_material_free(&m);
    free(bytes.data);
    free(path);
}

static void refuse(const char *folder, const char *name, convo_status status, const char *word) {
    char *path = cv_format("%s/%s", folder, name), *part = cv_format("%s.part", path);
    convo_recipe *recipe = parse(NULL);
    convo_error err = {.message = ""};
    assert_int_equal(convo_data_export(recipe, &(convo_train_options){.data = folder}, path, &err), status);
    if (!strstr(err.message, word)) fail_msg("'%s' has no '%s'", err.message, word);
    assert_false(cv_is_file(part));
    convo_recipe_free(recipe);
    free(path);
    free(part);
}

static void a_place_that_cannot_be_written_is_refused(void **state) {
    refuse(*state, "", CONVO_STATE, "is not empty");
    refuse(*state, "0_ann_0.wav/folder", CONVO_IO, "found a file");
#ifdef CONVO_HAVE_LIBARCHIVE
    refuse(*state, "missing/all.npz", CONVO_IO, "cannot be written");
#else
    refuse(*state, "all.npz", CONVO_UNSUPPORTED, "libarchive-dev");
#endif
}

#ifdef CONVO_HAVE_LIBARCHIVE
static void an_unfinished_npz_leaves_nothing(void **state) {
    char *path = cv_format("%s/half.npz", (char *)*state);
    const cv_numbers form = {.type = 'f', .size = 4, .dims = 1, .dim = {1000}};
    convo_error err = {.message = ""};
    cv_npz *npz;
    succeed(cv_npz_create(path, &npz, &err), &err);
    succeed(cv_npz_add(npz, "x", &form, &err), &err);
    succeed(cv_npz_write(npz, (float[4]){0}, 16, &err), &err);
    assert_int_equal(cv_npz_finish(npz, CONVO_NUMERIC, &err), CONVO_NUMERIC);
    char **names;
    size_t count;
    succeed(cv_folder_list(*state, &names, &count, &err), &err);
    assert_int_equal(count, FILES);
    cv_folder_free(names, count);
    free(path);
}
#endif

// --- models and predictions -----------------------------------------------------------------------------------------

static void a_new_model_has_the_weights_that_training_starts_from(void **state) {
    const convo_train_options options = {.data = *state};
    convo_model *start, *trained;
    convo_error err = {.message = ""};
    convo_recipe *recipe = parse(NULL);
    succeed(convo_model_new(recipe, &options, &start, &err), &err);
    succeed(convo_recipe_set(recipe, "lr=0", &err), &err);
    succeed(convo_train(recipe, &options, NULL, &trained, &err), &err);
    assert_true(cv_normal_equal(&start->normal, &trained->normal));
    assert_string_equal(convo_model_label(start, 1), "1");
    assert_memory_equal(start->net->values, trained->net->values, start->net->total * sizeof(float));
    convo_model_free(start);
    convo_model_free(trained);
    convo_recipe_free(recipe);
}

static void check_table(const char *folder, const char *name, const float *want, int64_t rows, int64_t columns) {
    cv_bytes bytes;
    const cv_numbers n = open_array(folder, name, &bytes);
    assert_true(n.type == 'f' && n.size == 4 && n.dims == 2 && n.dim[0] == rows && n.dim[1] == columns);
    assert_memory_equal(n.data, want, (size_t)(rows * columns) * sizeof *want);
    free(bytes.data);
}

static void check_whole(const char *folder, const char *name, const int64_t *want, int64_t rows) {
    cv_bytes bytes;
    const cv_numbers n = open_array(folder, name, &bytes);
    assert_true(n.type == 'i' && n.size == 8 && n.dims == 1 && n.dim[0] == rows);
    assert_memory_equal(n.data, want, (size_t)rows * sizeof *want);
    free(bytes.data);
}

static void an_evaluation_is_saved_as_arrays(void **state) {
    const convo_train_options options = {.data = *state};
    convo_model *model;
    convo_evaluation e;
    convo_error err = {.message = ""};
    convo_recipe *recipe = parse(NULL);
    char *path = cv_format("%s/said", (char *)*state);
    succeed(convo_model_new(recipe, &options, &model, &err), &err);
    succeed(convo_evaluate(model, CONVO_TRAIN, &options, &e, &err), &err);
    succeed(convo_evaluation_save(&e, path, &err), &err);
    check_whole(path, "index", e.index, FILES / 2);
    check_whole(path, "truth", e.truth, FILES / 2);
    check_whole(path, "predicted", e.predicted, FILES / 2);
    check_table(path, "logits", e.logits, FILES / 2, 2);
    check_table(path, "probabilities", e.probabilities, FILES / 2, 2);
    int64_t right = 0;
    for (int i = 0; i < FILES / 2; i++) {
        const float *p = e.probabilities + 2 * i;
        assert_int_equal(e.predicted[i], p[1] > p[0]);
        assert_true(fabsf(p[0] + p[1] - 1) < 1e-6f);
        assert_int_equal(e.truth[i], e.index[i] >= FILES / 2); // sorted by name: all of digit 0 first
        right += e.truth[i] == e.predicted[i];
    }
    assert_int_equal(right, e.score.correct);
    convo_evaluation_free(&e);
    convo_model_free(model);
    convo_recipe_free(recipe);
    free(path);
}

// The shape of arrays is in their file, not in the recipe.
static void arrays_are_exported_as_they_are(void **state) {
    const char *folder = *state;
    char *path = export_to(folder, "first"), *again = cv_format("%s/again", folder);
    char *text = cv_format("data: {set: arrays, path: %s, split: official}\nmodel: [flatten, {linear: 2}]\n", path);
    convo_recipe *recipe;
    convo_error err = {.message = ""};
    succeed(convo_recipe_parse(text, strlen(text), "test", &recipe, &err), &err);
    succeed(convo_data_export(recipe, NULL, again, &err), &err);
    check_features(folder, again);
    convo_recipe_free(recipe);
    free(text);
    free(path);
    free(again);
}

int main(void) {
#define WITH_RECORDINGS(name) cmocka_unit_test_setup_teardown(name, make_recordings, remove_folder)
    const struct CMUnitTest tests[] = {
        WITH_RECORDINGS(normalised_training_features_have_mean_0_and_deviation_1),
        WITH_RECORDINGS(channels_have_mean_0_and_deviation_1_each),
        WITH_RECORDINGS(a_data_set_of_arrays_reads_what_is_exported),
        WITH_RECORDINGS(arrays_are_exported_as_they_are),
        WITH_RECORDINGS(a_changed_version_has_the_number_of_its_recording),
        WITH_RECORDINGS(a_place_that_cannot_be_written_is_refused),
#ifdef CONVO_HAVE_LIBARCHIVE
        WITH_RECORDINGS(an_unfinished_npz_leaves_nothing),
#endif
        WITH_RECORDINGS(a_new_model_has_the_weights_that_training_starts_from),
        WITH_RECORDINGS(an_evaluation_is_saved_as_arrays),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
