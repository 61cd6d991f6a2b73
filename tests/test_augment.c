// Augmentation: what a changed version of a recording is, and which rows training gets from it.
#include "audio/augment.h"
#include "audio/sound.h"
#include "material.h"
#include "sounds.h"

enum { RATE = 8000, COUNT = 4000 };

// A tone of `hertz` for half a second.
static float *make_tone(double hertz) {
    float *sample = calloc(COUNT, sizeof *sample);
    for (int t = 0; t < COUNT; t++) sample[t] = (float)(0.25 * sin(2 * M_PI * hertz * t / RATE));
    return sample;
}

static double power(const float *sample, size_t count) {
    double sum = 0;
    for (size_t t = 0; t < count; t++) sum += (double)sample[t] * (double)sample[t];
    return sum / (double)count;
}

// Crossings of zero from below, per second: the pitch of a tone.
static double pitch(const float *sample, size_t count) {
    int crossings = 0;
    for (size_t t = 1; t < count; t++) crossings += sample[t - 1] < 0 && sample[t] >= 0;
    return (double)crossings * RATE / (double)count;
}

typedef struct version {
    float *sample;
    size_t count;
} version;

static version augment(cv_augment_config config, uint64_t seed, const float *sample) {
    cv_random random;
    version v;
    cv_random_seed(&random, seed);
    if (!cv_augment(&config, &random, sample, COUNT, RATE, &v.sample, &v.count)) fail_msg("no memory");
    return v;
}

static void nothing_asked_for_changes_nothing(void **state) {
    (void)state;
    float *tone = make_tone(440);
    version v = augment((cv_augment_config){.copies = 1}, 5, tone);
    assert_int_equal(v.count, COUNT);
    assert_memory_equal(v.sample, tone, COUNT * sizeof *tone);
    free(v.sample);
    free(tone);
}

enum { SEEDS = 200 };

// Every amount stays in its bounds and uses them: over many seeds it comes near to both ends.
static void amounts_fill_their_ranges(void **state) {
    (void)state;
    float *tone = make_tone(440);
    double least[4] = {INFINITY, INFINITY, INFINITY, INFINITY}, most[4] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        version speed = augment((cv_augment_config){.speed = 0.2}, seed, tone),
                shift = augment((cv_augment_config){.shift = 0.1}, seed, tone),
                gain = augment((cv_augment_config){.gain = 6}, seed, tone),
                noise = augment((cv_augment_config){.noise = 20}, seed, tone);
        const double factor = (double)COUNT / (double)speed.count;
        if (fabs(pitch(speed.sample, speed.count) - 440 * factor) > 5) // one crossing more or less, the edges
            fail_msg("seed %d: %.1f Hz at %.3f times the speed", (int)seed, pitch(speed.sample, speed.count), factor);
        for (size_t t = 0; t < COUNT; t++) noise.sample[t] -= tone[t];
        assert_int_equal(gain.count, COUNT);
        assert_int_equal(noise.count, COUNT);
        const double found[4] = {factor, (double)shift.count - COUNT + 1000,
                                 sqrt(power(gain.sample, COUNT) / power(tone, COUNT)),
                                 sqrt(power(noise.sample, COUNT) / power(tone, COUNT))};
        for (int k = 0; k < 4; k++) {
            least[k] = fmin(least[k], found[k]);
            most[k] = fmax(most[k], found[k]);
        }
        free(speed.sample);
        free(shift.sample);
        free(gain.sample);
        free(noise.sample);
    }
    static const struct {
        const char *what;
        double least, most, slack;
    } wanted[] = {{"speed", 0.8, 1.2, 0.001},
                  {"shift", 1000 - 800, 1000 + 800, 0.5},
                  {"gain", 0.501187, 1.995262, 1e-4},
                  {"noise", 0, 0.1, 0.005}}; // whose power is drawn too
    for (size_t k = 0; k < CV_COUNT(wanted); k++) {
        const double range = wanted[k].most - wanted[k].least;
        if (least[k] < wanted[k].least - wanted[k].slack || most[k] > wanted[k].most + wanted[k].slack ||
            least[k] > wanted[k].least + 0.05 * range || most[k] < wanted[k].most - 0.05 * range)
            fail_msg("%s goes from %g to %g, not from %g to %g", wanted[k].what, least[k], most[k], wanted[k].least,
                     wanted[k].most);
    }
    free(tone);
}

static void a_shift_moves_the_samples(void **state) {
    (void)state;
    float *tone = make_tone(300);
    for (uint64_t seed = 0; seed < 20; seed++) {
        version v = augment((cv_augment_config){.shift = 0.1}, seed, tone);
        const int64_t before = (int64_t)v.count - COUNT;
        for (int64_t t = 0; t < before; t++) assert_true(v.sample[t] == 0);
        for (size_t t = before > 0 ? (size_t)before : 0; t < v.count; t++)
            assert_true(v.sample[t] == tone[(int64_t)t - before]);
        free(v.sample);
    }
    version most = {0};
    for (uint64_t seed = 0; seed < 20; seed++) { // far more than there is
        most = augment((cv_augment_config){.shift = 10}, seed, tone);
        assert_true(most.count >= 1);
        free(most.sample);
    }
    free(tone);
}

static void one_option_does_not_change_what_another_draws(void **state) {
    (void)state;
    float *tone = make_tone(440);
    version speed = augment((cv_augment_config){.speed = 0.2}, 3, tone),
            both = augment((cv_augment_config){.speed = 0.2, .gain = 6}, 3, tone);
    assert_int_equal(speed.count, both.count);
    free(speed.sample);
    free(both.sample);
    free(tone);
}

// --- in training --------------------------------------------------------------------------------------------------

enum { FILES = 12, COPIES = 3 };

static int make_recordings(void **state) {
    if (make_folder(state)) return -1;
    for (int k = 0; k < FILES; k++) {
        char name[32];
        snprintf(name, sizeof name, "%d_%s_%d.wav", k % 3, k % 2 ? "ann" : "bob", k);
        write_tone(*state, name, RATE, 800 + 10 * (size_t)k, (int16_t)(1000 * (k + 1)));
    }
    return 0;
}

static convo_recipe *parse(const char *augment, const char *setting) {
    char text[512];
    convo_recipe *recipe;
    convo_error err = {.message = ""};
    cv_print(text, sizeof text,
             "data: {set: fsdd, split: {train: 0.5, validation: 0.25, test: 0.25, seed: 0}}\n"
             "features: {kind: waveform, samples: 800}\n%s\n"
             "model: [flatten, {linear: 3}]\n"
             "train: {optimizer: {sgd: {lr: 0.01}}, epochs: 2, batch: 4}\n",
             augment);
    if (convo_recipe_parse(text, strlen(text), "test", &recipe, &err)) fail_msg("%s: %s", err.where, err.message);
    if (setting && convo_recipe_set(recipe, setting, &err)) fail_msg("%s: %s", setting, err.message);
    return recipe;
}

static const char some[] = "augment: {copies: 3, speed: 0.1, shift: 0.02, gain: 6, noise: 20}";

static cv_material load(const char *folder, const char *augment, const char *setting, const char *cache, int threads) {
    convo_recipe *recipe = parse(augment, setting);
    const convo_train_options options = {.data = folder, .cache = cache, .threads = threads};
    cv_material m;
    convo_error err = {.message = ""};
    if (cv_material_load(recipe, &options, CONVO_TRAIN, &m, &err) || cv_material_augment(recipe, &options, &m, &err))
        fail_msg("%s: %s", err.where, err.message);
    convo_recipe_free(recipe);
    return m;
}

static void only_training_examples_get_versions(void **state) {
    cv_material plain = load(*state, "", NULL, NULL, 1), m = load(*state, some, NULL, NULL, 1);
    const size_t size = (size_t)cv_shape_size(m.shape), trained = plain.split.count[CONVO_TRAIN];
    float *value = material_numbers(&m), *plain_value = material_numbers(&plain);
    assert_int_equal(plain.rows, FILES);
    assert_int_equal(trained, 6);
    assert_int_equal(m.rows, FILES + COPIES * trained);
    assert_memory_equal(value, plain_value, FILES * size * sizeof(float));
    for (int part = CONVO_VALIDATION; part <= CONVO_TEST; part++) {
        assert_int_equal(m.split.count[part], plain.split.count[part]);
        assert_memory_equal(m.split.index[part], plain.split.index[part],
                            m.split.count[part] * sizeof *m.split.index[part]);
    }
    const int32_t *index = m.split.index[CONVO_TRAIN];
    assert_int_equal(m.split.count[CONVO_TRAIN], trained * (1 + COPIES));
    assert_memory_equal(index, plain.split.index[CONVO_TRAIN], trained * sizeof *index);
    for (size_t k = 0; k < trained * COPIES; k++) {
        const size_t row = (size_t)index[trained + k], original = (size_t)index[k / COPIES];
        assert_int_equal(row, FILES + k);
        assert_int_equal(m.label[row], m.label[original]);
        assert_memory_not_equal(value + row * size, value + original * size, size * sizeof(float));
        if (k % COPIES) assert_memory_not_equal(value + row * size, value + (row - 1) * size, size * sizeof(float));
    }
    free(value);
    free(plain_value);
    cv_material_free(&plain);
    cv_material_free(&m);
}

static bool same_values(const cv_material *a, const cv_material *b) {
    const size_t bytes = a->rows * (size_t)cv_shape_size(a->shape) * sizeof(float);
    float *x = material_numbers(a), *y = material_numbers(b);
    const bool same = a->rows == b->rows && memcmp(x, y, bytes) == 0;
    free(x);
    free(y);
    return same;
}

static void versions_depend_on_the_seed_alone(void **state) {
    cv_material one = load(*state, some, NULL, NULL, 1);
    for (int threads = 2; threads <= 4; threads++) {
        cv_material more = load(*state, some, NULL, NULL, threads);
        assert_true(same_values(&one, &more));
        cv_material_free(&more);
    }
    cv_material other = load(*state, some, "train.seed=1", NULL, 1);
    assert_false(same_values(&one, &other));
    cv_material_free(&other);
    cv_material_free(&one);
}

static void versions_are_cached(void **state) {
    char *cache = cv_format("%s/features", (char *)*state);
    char **names;
    size_t files;
    cv_material computed = load(*state, some, NULL, NULL, 1), stored = load(*state, some, NULL, cache, 2),
                cached = load(*state, some, NULL, cache, 1);
    assert_true(same_values(&computed, &stored));
    assert_true(same_values(&computed, &cached));
    static const struct {
        const char *augment, *setting;
        size_t files;
    } cases[] = {
        {some, NULL, 2}, // the recordings, the versions
        {some, "augment.copies=2", 3},
        {some, "augment.noise=0", 4},
        {some, "train.seed=1", 5},
        {some, "data.split.seed=1", 6}, // other examples are trained on
        {"", NULL, 6},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_material m = load(*state, cases[k].augment, cases[k].setting, cache, 1);
        cv_material_free(&m);
        assert_int_equal(cv_folder_list(cache, &names, &files, NULL), CONVO_OK);
        cv_folder_free(names, files);
        if (files != cases[k].files) fail_msg("case %zu: %zu files, not %zu", k, files, cases[k].files);
    }
    cv_material_free(&computed);
    cv_material_free(&stored);
    cv_material_free(&cached);
    free(cache);
}

static void a_training_has_them_and_an_evaluation_not(void **state) {
    convo_recipe *recipe = parse(some, NULL);
    const convo_train_options options = {.data = *state, .threads = 1};
    convo_train_result result;
    convo_model *model;
    convo_evaluation evaluation;
    convo_error err = {.message = ""};
    if (convo_train(recipe, &options, &result, &model, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(result.examples[CONVO_TRAIN], 6 * (1 + COPIES));
    assert_int_equal(result.examples[CONVO_TEST], 3);
    assert_int_equal(convo_evaluate(model, CONVO_TRAIN, &options, &evaluation, NULL), CONVO_OK);
    assert_int_equal(evaluation.score.count, 6);
    convo_evaluation_free(&evaluation);
    assert_int_equal(convo_evaluate(model, CONVO_ALL, &options, &evaluation, NULL), CONVO_OK);
    assert_int_equal(evaluation.score.count, FILES);
    convo_evaluation_free(&evaluation);
    convo_model_free(model);
    convo_recipe_free(recipe);
}

static void augmentation_that_makes_no_sense_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *blocks, *says;
    } cases[] = {
        {"features: {kind: waveform, samples: 8}\naugment: {copies: 1, speed: 0.6}", "from 0 to 0.5"},
        {"features: {kind: waveform, samples: 8}\naugment: {copies: 1, sped: 0.1}", "did you mean 'speed'?"},
        {"features: {kind: waveform, samples: 8}\naugment: {copies: -1}", "from 0 to 100"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char text[256];
        convo_recipe *recipe;
        convo_error err = {.message = ""};
        cv_print(text, sizeof text, "data: fsdd\n%s\nmodel: [{linear: 3}]\n", cases[k].blocks);
        if (convo_recipe_parse(text, strlen(text), "test", &recipe, &err) != CONVO_ARGUMENT ||
            !strstr(err.message, cases[k].says))
            fail_msg("case %zu: wanted '%s', got '%s'", k, cases[k].says, err.message);
    }
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_recordings, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_for_changes_nothing),
        cmocka_unit_test(amounts_fill_their_ranges),
        cmocka_unit_test(a_shift_moves_the_samples),
        cmocka_unit_test(one_option_does_not_change_what_another_draws),
        IN_FOLDER(only_training_examples_get_versions),
        IN_FOLDER(versions_depend_on_the_seed_alone),
        IN_FOLDER(versions_are_cached),
        IN_FOLDER(a_training_has_them_and_an_evaluation_not),
        cmocka_unit_test(augmentation_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests_name("augment", tests, NULL, NULL);
}
