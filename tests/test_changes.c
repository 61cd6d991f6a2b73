// Changes of recordings, made anew in every epoch: each against what it says it does.
#include "changes.h"

#include "base/threads.h"

enum { RATE = 8000, COUNT = 4000 };
static const cv_change_setup plain = {.rate = RATE};

static float *make_sound(double hertz, size_t count) {
    float *sample = calloc(count, sizeof *sample);
    for (size_t t = 0; t < count; t++) sample[t] = (float)(0.25 * sin(2 * M_PI * hertz * (double)t / RATE));
    return sample;
}

// Crossings of zero from below, per second: the pitch of a tone.
static double pitch_of(const float *sample, size_t count) {
    int crossings = 0;
    for (size_t t = 1; t < count; t++) crossings += sample[t - 1] < 0 && sample[t] >= 0;
    return (double)crossings * RATE / (double)count;
}

// --- the draws behind all of them ---------------------------------------------------------------------------------

static void nothing_asked_for_changes_nothing(void **state) {
    (void)state;
    float *tone = make_sound(440, COUNT);
    cv_changes *none = make_changes("sounds", "{}", &plain),
               *never = make_changes("sounds", "{gain: {decibels: 6, share: 0}}", &plain);
    assert_false(cv_changes_any(none, CV_CHANGE_SOUND));
    assert_false(cv_changes_any(NULL, CV_CHANGE_SOUND));
    assert_true(cv_changes_any(never, CV_CHANGE_SOUND));
    assert_false(cv_changes_any(never, CV_CHANGE_PICTURE));
    for (uint64_t example = 0; example < 20; example++) {
        version v = change_sound(never, (cv_change_key){1, 2, example}, tone, COUNT);
        assert_int_equal(v.count, COUNT);
        assert_memory_equal(v.sample, tone, COUNT * sizeof *tone);
        free(v.sample);
    }
    cv_changes_free(none);
    cv_changes_free(never);
    free(tone);
}

// The amount of a gain, which shows what is drawn.
static double drawn_gain(const cv_changes *changes, cv_change_key key) {
    const float one = 1;
    version v = change_sound(changes, key, &one, 1);
    const double gain = 20 * log10((double)v.sample[0]);
    free(v.sample);
    return gain;
}

static double correlation(const double *x, const double *y, int count) {
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < count; i++) {
        mean_x += x[i] / count;
        mean_y += y[i] / count;
    }
    for (int i = 0; i < count; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    return xy / sqrt(xx * yy);
}

// 10,000 draws: the largest distance of their distribution from the uniform one is below 1.95 / sqrt(n) in 999 of 1,000
// cases (Kolmogorov and Smirnov), and a correlation of two such lists is below 0.033.
static void amounts_are_uniform_and_independent(void **state) {
    (void)state;
    enum { DRAWS = 10000, BINS = 100 };
    cv_changes *gain = make_changes("sounds", "{gain: 6}", &plain);
    static double base[DRAWS + 1], epoch[DRAWS], seed[DRAWS];
    int histogram[BINS] = {0}, below = 0;
    for (uint64_t i = 0; i <= DRAWS; i++) base[i] = drawn_gain(gain, (cv_change_key){0, 0, i});
    for (uint64_t i = 0; i < DRAWS; i++) {
        epoch[i] = drawn_gain(gain, (cv_change_key){0, 1, i});
        seed[i] = drawn_gain(gain, (cv_change_key){1, 0, i});
        const int bin = (int)floor((base[i] + 6) / 12 * BINS);
        assert_in_range(bin, 0, BINS - 1);
        histogram[bin]++;
    }
    for (int b = 0; b < BINS; b++) {
        below += histogram[b];
        const double off = fabs((double)below / DRAWS - (double)(b + 1) / BINS);
        if (off > 1.95 / sqrt(DRAWS))
            fail_msg("%d of %d draws are below %g of the range", below, DRAWS, (b + 1.0) / BINS);
    }
    const double found[] = {correlation(base, base + 1, DRAWS), correlation(base, epoch, DRAWS),
                            correlation(base, seed, DRAWS), correlation(base, epoch + 1, DRAWS - 1)};
    for (size_t k = 0; k < CV_COUNT(found); k++)
        if (fabs(found[k]) > 0.033) fail_msg("pair %zu of lists has correlation %g", k, found[k]);
    cv_changes_free(gain);
}

static void one_change_does_not_move_what_another_draws(void **state) {
    (void)state;
    float *tone = make_sound(440, COUNT);
    cv_changes *gain = make_changes("sounds", "{gain: 6}", &plain),
               *both = make_changes("sounds", "{noise: {white: 20, share: 0.5}, gain: 6, shift: 0}", &plain);
    for (uint64_t example = 0; example < 50; example++) {
        const cv_change_key key = {3, 1, example};
        version a = change_sound(gain, key, tone, COUNT), b = change_sound(both, key, tone, COUNT);
        double dot = 0; // the noise is not correlated with the tone
        for (size_t t = 0; t < COUNT; t++) dot += (double)a.sample[t] * (double)b.sample[t];
        dot /= COUNT * power_of(a.sample, COUNT);
        if (fabs(dot - 1) > 0.02) fail_msg("example %d is %g times as loud with noise", (int)example, dot);
        free(a.sample);
        free(b.sample);
    }
    cv_changes_free(gain);
    cv_changes_free(both);
    free(tone);
}

static void a_share_of_the_examples_is_changed(void **state) {
    (void)state;
    enum { DRAWS = 10000 };
    cv_changes *gain = make_changes("sounds", "{gain: {decibels: 6, share: 0.3}}", &plain);
    int changed = 0;
    for (uint64_t i = 0; i < DRAWS; i++) changed += drawn_gain(gain, (cv_change_key){0, 0, i}) != 0;
    if (fabs(changed / (double)DRAWS - 0.3) > 0.015) fail_msg("%d of %d are changed", changed, DRAWS); // 3.3 deviations
    cv_changes_free(gain);
}

// --- each against what it says ------------------------------------------------------------------------------------

static void a_shift_moves_the_samples(void **state) {
    (void)state;
    float *tone = make_sound(300, COUNT);
    cv_changes *shift = make_changes("sounds", "{shift: 0.1}", &plain),
               *far = make_changes("sounds", "{shift: 10}", &plain);
    int64_t least = 0, most = 0;
    for (uint64_t example = 0; example < 200; example++) {
        version v = change_sound(shift, (cv_change_key){0, 0, example}, tone, COUNT);
        const int64_t before = (int64_t)v.count - COUNT;
        for (int64_t t = 0; t < before; t++) assert_true(v.sample[t] == 0);
        for (size_t t = before > 0 ? (size_t)before : 0; t < v.count; t++)
            assert_true(v.sample[t] == tone[(int64_t)t - before]);
        least = before < least ? before : least;
        most = before > most ? before : most;
        free(v.sample);
        v = change_sound(far, (cv_change_key){0, 0, example}, tone, COUNT); // more than there is
        assert_true(v.count >= 1);
        free(v.sample);
    }
    assert_in_range(-least, 720, 800);
    assert_in_range(most, 720, 800);
    cv_changes_free(shift);
    cv_changes_free(far);
    free(tone);
}

static void speed_changes_pitch_and_duration_together(void **state) {
    (void)state;
    float *tone = make_sound(440, COUNT);
    cv_changes *speed = make_changes("sounds", "{speed: 0.2}", &plain);
    double least = 1, most = 1;
    for (uint64_t example = 0; example < 100; example++) {
        version v = change_sound(speed, (cv_change_key){0, 0, example}, tone, COUNT);
        const double factor = (double)COUNT / (double)v.count, pitch = pitch_of(v.sample, v.count);
        if (fabs(pitch - 440 * factor) > 5) fail_msg("%.1f Hz at %.3f times the speed", pitch, factor);
        least = fmin(least, factor);
        most = fmax(most, factor);
        free(v.sample);
    }
    if (least < 0.799 || least > 0.82 || most > 1.201 || most < 1.18) fail_msg("speed from %g to %g", least, most);
    cv_changes_free(speed);
    free(tone);
}

// Noise of three recordings: tones of 1000, 1500 and 2000 Hz, of different loudness and length.
static void write_noises(const char *folder) {
    static const struct {
        const char *name;
        double hertz, amplitude;
        size_t count;
    } noise[] = {{"a.wav", 1000, 300, 3999}, {"b.wav", 1500, 20000, 700}, {"c.wav", 2000, 5000, 40}};
    for (size_t k = 0; k < CV_COUNT(noise); k++) {
        int16_t sample[4000];
        for (size_t t = 0; t < noise[k].count; t++)
            sample[t] = (int16_t)lround(noise[k].amplitude * sin(2 * M_PI * noise[k].hertz * (double)t / RATE));
        write_wav(folder, noise[k].name, RATE, sample, noise[k].count);
    }
    write_file(folder, "README.md", "no sound", 8);
}

static void noise_has_the_ratio_that_was_drawn(void **state) {
    enum { EXAMPLES = 600 };
    write_noises(*state);
    char *augment = cv_format("{noise: {path: '%s', snr: [5, 15], share: 0.8}}", (char *)*state);
    const cv_change_setup window = {.rate = RATE, .window = COUNT};
    cv_changes *noise = make_changes("sounds", augment, &window);
    float *tone = make_sound(440, COUNT / 2);
    double least = INFINITY, most = -INFINITY;
    int changed = 0, heard[3] = {0};
    for (uint64_t example = 0; example < EXAMPLES; example++) {
        version v = change_sound(noise, (cv_change_key){0, 0, example}, tone, COUNT / 2);
        if (v.count == COUNT / 2) { // not of the share
            assert_memory_equal(v.sample, tone, COUNT / 2 * sizeof *tone);
            free(v.sample);
            continue;
        }
        changed++;
        assert_int_equal(v.count, COUNT);
        for (size_t t = 0; t < COUNT / 2; t++) v.sample[t] -= tone[t];
        const double snr = 10 * log10(power_of(tone, COUNT / 2) / power_of(v.sample, COUNT));
        // Behind the recording the noise goes on, as loud as in it.
        const double step = 10 * log10(power_of(v.sample, COUNT / 2) / power_of(v.sample + COUNT / 2, COUNT / 2));
        if (fabs(step) > 0.1) fail_msg("example %d: the noise is %g dB louder in the recording", (int)example, step);
        const double pitch = pitch_of(v.sample, COUNT);
        const int which = (int)lround(pitch / 500) - 2;
        if (which < 0 || which > 2) fail_msg("example %d: noise of %g Hz", (int)example, pitch);
        heard[which]++;
        least = fmin(least, snr);
        most = fmax(most, snr);
        free(v.sample);
    }
    if (abs(changed - 480) > 40) fail_msg("%d of %d have noise", changed, EXAMPLES); // 4 deviations
    for (int k = 0; k < 3; k++)
        if (abs(heard[k] - changed / 3) > 45) fail_msg("noise %d is heard %d times of %d", k, heard[k], changed);
    if (least < 4.99 || least > 5.5 || most > 15.01 || most < 14.5) fail_msg("ratios from %g to %g dB", least, most);
    free(tone);
    free(augment);
    cv_changes_free(noise);
}

static void silence_gets_noise_as_it_was_recorded(void **state) {
    write_noises(*state);
    char *only = cv_format("%s/b.wav", (char *)*state), *other = cv_format("%s/a.wav", (char *)*state),
         *third = cv_format("%s/c.wav", (char *)*state), *augment = cv_format("{noise: {path: '%s'}}", (char *)*state);
    assert_int_equal(unlink(other) | unlink(third), 0);
    cv_changes *noise = make_changes("sounds", augment, &plain);
    const float silence[COUNT] = {0};
    version v = change_sound(noise, (cv_change_key){0, 0, 7}, silence, COUNT);
    const double loudness = sqrt(2 * power_of(v.sample, COUNT)) * 32768;
    if (fabs(loudness - 20000) > 20) fail_msg("amplitude %g, not 20000", loudness);
    free(v.sample);
    cv_changes_free(noise);
    free(only);
    free(other);
    free(third);
    free(augment);
}

static void noise_of_the_data_set_is_found_and_missed(void **state) {
    convo_recipe *recipe;
    cv_changes *changes;
    convo_error err = {.message = ""};
    cv_change_setup setup = {.rate = RATE, .folder = *state};
    assert_int_equal(parse_changes("sounds", "{noise: {share: 0.5}}", &recipe, &err), CONVO_OK);
    assert_int_equal(cv_changes_new(&recipe->changes, &setup, &changes, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "has no folder _background_noise_"));
    char *folder = cv_format("%s/_background_noise_", (char *)*state);
    assert_int_equal(cv_folder_make(folder, &err), CONVO_OK);
    assert_int_equal(cv_changes_new(&recipe->changes, &setup, &changes, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "holds no recordings"));
    write_noises(folder);
    assert_int_equal(cv_changes_new(&recipe->changes, &setup, &changes, &err), CONVO_OK);
    cv_changes_free(changes);
    convo_recipe_free(recipe);
    free(folder);
}

static void white_noise_is_as_loud_as_asked(void **state) {
    (void)state;
    float *tone = make_sound(440, COUNT);
    cv_changes *noise = make_changes("sounds", "{noise: 20}", &plain);
    double most = 0, least = 1;
    for (uint64_t example = 0; example < 200; example++) {
        version v = change_sound(noise, (cv_change_key){0, 0, example}, tone, COUNT);
        for (size_t t = 0; t < COUNT; t++) v.sample[t] -= tone[t];
        const double ratio = sqrt(power_of(v.sample, COUNT) / power_of(tone, COUNT));
        most = fmax(most, ratio);
        least = fmin(least, ratio);
        free(v.sample);
    }
    if (most > 0.105 || most < 0.095 || least > 0.005) fail_msg("amplitudes from %g to %g", least, most);
    cv_changes_free(noise);
    free(tone);
}

// --- the same bits ------------------------------------------------------------------------------------------------

enum { TASKS = 64, LONGEST = 2 * COUNT };

typedef struct job {
    const cv_changes *changes;
    const float *sample;
    cv_change_key key;
    float (*out)[LONGEST];
    size_t count[TASKS];
} job;

static void change_task(void *context, int task, int worker) {
    job *j = context;
    cv_change_key key = j->key;
    (void)worker;
    key.example = (uint64_t)task;
    version v = change_sound(j->changes, key, j->sample, COUNT);
    j->count[task] = v.count;
    memcpy(j->out[task], v.sample, (v.count < LONGEST ? v.count : LONGEST) * sizeof *v.sample);
    free(v.sample);
}

static void run_changes(job *j, int threads) {
    cv_pool *pool;
    assert_int_equal(cv_pool_new(&pool, threads, NULL), CONVO_OK);
    j->out = calloc(TASKS, sizeof *j->out);
    cv_pool_run(pool, TASKS, change_task, j);
    cv_pool_free(pool);
}

static void versions_depend_on_their_key_alone(void **state) {
    write_noises(*state);
    char *augment = cv_format("{noise: {path: '%s'}, speed: 0.1, shift: 0.1, gain: 6}", (char *)*state);
    cv_changes *changes = make_changes("sounds", augment, &plain);
    float *tone = make_sound(440, COUNT);
    job one = {.changes = changes, .sample = tone}, three = one, epoch = one, seed = one;
    epoch.key.epoch = 1;
    seed.key.seed = 1;
    run_changes(&one, 1);
    run_changes(&three, 3);
    run_changes(&epoch, 1);
    run_changes(&seed, 1);
    assert_memory_equal(one.count, three.count, sizeof one.count);
    assert_memory_equal(one.out, three.out, TASKS * sizeof *one.out);
    for (int k = 0; k < TASKS; k++) {
        assert_memory_not_equal(one.out[k], epoch.out[k], sizeof *one.out);
        assert_memory_not_equal(one.out[k], seed.out[k], sizeof *one.out);
        if (k) assert_memory_not_equal(one.out[k], one.out[k - 1], sizeof *one.out);
    }
    free(one.out);
    free(three.out);
    free(epoch.out);
    free(seed.out);
    free(tone);
    free(augment);
    cv_changes_free(changes);
}

// What is behind the reach of a window does not matter.
static void the_reach_is_far_enough(void **state) {
    (void)state;
    enum { WINDOW = 1000 };
    const cv_change_setup setup = {.rate = RATE, .window = WINDOW};
    cv_changes *changes = make_changes("sounds", "{speed: 0.2, shift: 0.05}", &setup);
    float *tone = make_sound(440, 2 * COUNT), *cut = make_sound(440, 2 * COUNT);
    const size_t reach = cv_changes_reach(changes);
    assert_in_range(reach, WINDOW + 400, 2000);
    for (size_t t = reach; t < 2 * COUNT; t++) cut[t] = 9;
    for (uint64_t example = 0; example < 50; example++) {
        const cv_change_key key = {0, 0, example};
        version a = change_sound(changes, key, tone, 2 * COUNT), b = change_sound(changes, key, cut, 2 * COUNT);
        assert_true(a.count >= WINDOW);
        assert_memory_equal(a.sample, b.sample, WINDOW * sizeof *a.sample);
        free(a.sample);
        free(b.sample);
    }
    cv_changes_free(changes);
    free(tone);
    free(cut);
}

// --- recipes ------------------------------------------------------------------------------------------------------

static void changes_that_make_no_sense_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *sort, *augment, *says;
    } cases[] = {
        {"sounds", "{shift: 11}", "'seconds' must be a number from 0 to 10, not '11'"},
        {"sounds", "{shift: {second: 1}}", "did you mean 'seconds'?"},
        {"sounds", "{shft: 1}", "did you mean 'shift'?"},
        {"sounds", "{gain: {decibels: 3, share: 2}}", "'share' must be"},
        {"sounds", "{gain: {share: 0.5}}", "gain needs 'decibels'"},
        {"sounds", "{noise: {snr: [20, 0]}}", "'snr' must be a number, or a range such as"},
        {"sounds", "{noise: {snr: [0, 20, 40]}}", "'snr' must be"},
        {"sounds", "{copies: 1, noise: {share: 0.5}}", "'noise' must be a number"},
        {"sounds", "yes", "'augment' must be a mapping"},
        {"pictures", "{noise: 20}", "'noise' is a change of recordings, which this recipe has not"},
        {"pictures", "{copies: 2}", "'copies' are made of recordings only"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        convo_recipe *recipe;
        convo_error err = {.message = ""};
        if (parse_changes(cases[k].sort, cases[k].augment, &recipe, &err) != CONVO_ARGUMENT ||
            !strstr(err.message, cases[k].says))
            fail_msg("%s: wanted '%s', got '%s'", cases[k].augment, cases[k].says, err.message);
    }
}

static void the_order_in_a_recipe_does_not_matter(void **state) {
    (void)state;
    float *tone = make_sound(440, COUNT);
    cv_changes *one = make_changes("sounds", "{speed: 0.1, shift: 0.1, gain: 6, noise: 20}", &plain),
               *other =
                   make_changes("sounds", "{noise: 20, gain: 6, shift: {seconds: 0.1, share: 1}, speed: 0.1}", &plain);
    version a = change_sound(one, (cv_change_key){0}, tone, COUNT),
            b = change_sound(other, (cv_change_key){0}, tone, COUNT);
    assert_int_equal(a.count, b.count);
    assert_memory_equal(a.sample, b.sample, a.count * sizeof *a.sample);
    free(a.sample);
    free(b.sample);
    cv_changes_free(one);
    cv_changes_free(other);
    free(tone);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_for_changes_nothing),
        cmocka_unit_test(amounts_are_uniform_and_independent),
        cmocka_unit_test(one_change_does_not_move_what_another_draws),
        cmocka_unit_test(a_share_of_the_examples_is_changed),
        cmocka_unit_test(a_shift_moves_the_samples),
        cmocka_unit_test(speed_changes_pitch_and_duration_together),
        IN_FOLDER(noise_has_the_ratio_that_was_drawn),
        IN_FOLDER(silence_gets_noise_as_it_was_recorded),
        IN_FOLDER(noise_of_the_data_set_is_found_and_missed),
        cmocka_unit_test(white_noise_is_as_loud_as_asked),
        IN_FOLDER(versions_depend_on_their_key_alone),
        cmocka_unit_test(the_reach_is_far_enough),
        cmocka_unit_test(changes_that_make_no_sense_are_refused),
        cmocka_unit_test(the_order_in_a_recipe_does_not_matter),
    };
    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
