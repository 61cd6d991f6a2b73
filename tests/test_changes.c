// Changes of recordings, made anew in every epoch: each against what it says it does.
#include "change/kind.h"
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

static void two_changes_draw_different_numbers(void **state) {
    (void)state;
    enum { DRAWS = 2000, LONG = 200 };
    const float one[LONG] = {[LONG - 1] = 1};
    static double loudness[DRAWS], place[DRAWS];
    cv_changes *both = make_changes("sounds", "{shift: 0.0125, gain: 6}", &plain);
    for (uint64_t i = 0; i < DRAWS; i++) {
        version v = change_sound(both, (cv_change_key){0, 0, i}, one, LONG);
        place[i] = (double)v.count;
        loudness[i] = log((double)v.sample[v.count - 1]);
        free(v.sample);
    }
    const double r = correlation(place, loudness, DRAWS);
    if (fabs(r) > 0.075) fail_msg("shift and gain have correlation %g", r); // 3.3 deviations
    cv_changes_free(both);
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

// A recording that counts up, in a folder in the folder, shows where a piece of it begins: anywhere.
static void silence_gets_any_piece_of_noise_as_it_was_recorded(void **state) {
    enum { PIECE = 400, EXAMPLES = 400, PLACES = COUNT - PIECE };
    int16_t ramp[COUNT];
    for (int t = 0; t < COUNT; t++) ramp[t] = (int16_t)(8 * t);
    char *deep = cv_format("%s/one/two", (char *)*state), *augment = cv_format("{noise: {path: '%s'}}", (char *)*state);
    assert_int_equal(cv_folder_make(deep, NULL), CONVO_OK);
    write_wav(deep, "ramp.wav", RATE, ramp, COUNT);
    cv_changes *noise = make_changes("sounds", augment, &plain);
    const float silence[PIECE] = {0};
    int quarter[4] = {0};
    for (uint64_t example = 0; example < EXAMPLES; example++) {
        version v = change_sound(noise, (cv_change_key){0, 0, example}, silence, PIECE);
        const int start = (int)lround((double)v.sample[0] * 32768 / 8);
        assert_int_equal(v.count, PIECE);
        assert_in_range(start, 0, PLACES);
        for (int t = 0; t < PIECE; t++)
            if (fabs((double)v.sample[t] * 32768 - 8 * (start + t)) > 1)
                fail_msg("sample %d is %g, not %d", t, (double)v.sample[t] * 32768, 8 * (start + t));
        quarter[start * 4 / (PLACES + 1)]++;
        free(v.sample);
    }
    for (int k = 0; k < 4; k++)
        if (abs(quarter[k] - EXAMPLES / 4) > 39) fail_msg("%d of %d begin in quarter %d", quarter[k], EXAMPLES, k);
    cv_changes_free(noise);
    free(augment);
    free(deep);
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

// --- rooms, pitch, filters ----------------------------------------------------------------------------------------

// Where |sum over t of x[t] e^(-2 pi i f t / rate)| is largest, by steps of a 250th: the pitch of a tone.
static double peak_of(const float *x, size_t count, double low, double high) {
    double best = 0, found = 0, window[COUNT];
    for (size_t t = 0; t < count; t++) window[t] = (1 - cos(2 * M_PI * (double)t / (double)count)) * (double)x[t];
    for (double f = low; f <= high; f *= 1.004) {
        const double c = cos(2 * M_PI * f / RATE), s = sin(2 * M_PI * f / RATE);
        double re = 0, im = 0, turn_re = 1, turn_im = 0;
        for (size_t t = 0; t < count; t++) {
            re += window[t] * turn_re;
            im += window[t] * turn_im;
            const double next = turn_re * c - turn_im * s;
            turn_im = turn_re * s + turn_im * c;
            turn_re = next;
        }
        if (re * re + im * im <= best) continue;
        best = re * re + im * im;
        found = f;
    }
    return found;
}

static void pitch_changes_at_the_same_tempo(void **state) {
    (void)state;
    static const double factors[] = {0.75, 0.94387, 1, 1.25, 1.5}, tones[] = {120, 440, 1000};
    cv_resampler *resampler = cv_resampler_new(1.5);
    for (size_t k = 0; k < CV_COUNT(factors) * CV_COUNT(tones); k++) {
        const double factor = factors[k % CV_COUNT(factors)], hertz = tones[k / CV_COUNT(factors)];
        cv_wave wave = {.rate = RATE};
        cv_wave_replace(&wave, make_sound(hertz, COUNT), COUNT);
        assert_true(cv_wave_pitch(resampler, &wave, factor));
        assert_int_equal(wave.count, COUNT);
        const double peak = peak_of(wave.sample, COUNT, 0.6 * hertz, 1.7 * hertz);
        // The tone stays a tone of the same loudness: frames are joined where they fit.
        const double loudness = sqrt(power_of(wave.sample + 500, COUNT - 1000)) / (0.25 / sqrt(2));
        if (fabs(peak - factor * hertz) > 0.015 * hertz || fabs(loudness - 1) > 0.06)
            fail_msg("%g Hz becomes %g, not %g, %g times as loud", hertz, peak, factor * hertz, loudness);
        free(wave.sample);
    }
    free(resampler);
    cv_changes *pitch = make_changes("sounds", "{pitch: 2}", &plain);
    float *tone = make_sound(1000, COUNT);
    double least = INFINITY, most = 0;
    for (uint64_t example = 0; example < 40; example++) {
        version v = change_sound(pitch, (cv_change_key){0, 0, example}, tone, COUNT);
        assert_int_equal(v.count, COUNT);
        const double semitones = 12 * log2(peak_of(v.sample, COUNT, 800, 1200) / 1000);
        least = fmin(least, semitones);
        most = fmax(most, semitones);
        free(v.sample);
    }
    if (least < -2.05 || least > -1.7 || most > 2.05 || most < 1.7) fail_msg("from %g to %g semitones", least, most);
    cv_changes_free(pitch);
    free(tone);
}

// Bursts 0.1 s apart stay where they are, within the distance of two frames.
static void pitch_leaves_events_in_their_place(void **state) {
    (void)state;
    enum { GAP = 800, WIDTH = 100 };
    cv_resampler *resampler = cv_resampler_new(1.25);
    for (int up = 0; up < 2; up++) {
        cv_wave wave = {.rate = RATE};
        float *bursts = calloc(COUNT, sizeof *bursts);
        for (int t = 0; t < COUNT; t++) bursts[t] = t % GAP < WIDTH ? sinf((float)t * 0.7f) : 0;
        cv_wave_replace(&wave, bursts, COUNT);
        assert_true(cv_wave_pitch(resampler, &wave, up ? 1.25 : 0.8));
        for (int k = 1; k < COUNT / GAP; k++) { // the middle of each burst, by its energy
            double sum = 0, moment = 0;
            for (int t = k * GAP - GAP / 3; t < k * GAP + GAP / 2; t++) {
                const double energy = (double)wave.sample[t] * (double)wave.sample[t];
                sum += energy;
                moment += energy * t;
            }
            if (fabs(moment / sum - (k * GAP + WIDTH / 2.0)) > 0.016 * RATE)
                fail_msg("burst %d is at %g, not at %g", k, moment / sum, k * GAP + WIDTH / 2.0);
        }
        free(wave.sample);
    }
    free(resampler);
}

// A tone that is read at another speed is the tone at those times, to 70 dB; what is above the new Nyquist frequency is
// gone.
static void resampling_reads_between_the_samples(void **state) {
    (void)state;
    static const double factors[] = {0.5, 0.87, 1.0001, 1.13, 1.5};
    cv_resampler *resampler = cv_resampler_new(1.5);
    for (size_t k = 0; k < CV_COUNT(factors); k++) {
        float *tone = make_sound(1000, COUNT), *high = make_sound(3990, COUNT);
        size_t count;
        float *out = cv_resampler_run(resampler, tone, COUNT, factors[k], &count);
        assert_int_equal(count, lround(COUNT / factors[k]));
        double worst = 0;
        for (size_t t = 40; t < count - 40; t++)
            worst = fmax(worst, fabs((double)out[t] - 0.25 * sin(2 * M_PI * 1000 * (double)t * factors[k] / RATE)));
        if (worst > 0.25 * 4e-4) fail_msg("%g times as fast: off by %g", factors[k], worst);
        free(out);
        if (factors[k] > 1.1) {
            out = cv_resampler_run(resampler, high, COUNT, factors[k], &count);
            const double left = 10 * log10(power_of(out + 40, count - 80) / power_of(high, COUNT));
            if (left > -60) fail_msg("%g times as fast: 3990 Hz are left at %g dB", factors[k], left);
            free(out);
        }
        free(tone);
        free(high);
    }
    free(resampler);
}

// Against the sum itself, in double, with a peak that 16 bits hold exactly: y[t] = sum over k of h[k] x[t - k] with h
// from its largest sample on, of unit energy.
static void reverb_is_a_convolution(void **state) {
    enum { ROOM = 1500, DIRECT = 37, WINDOW = COUNT + 500 };
    int16_t room[ROOM];
    double h[ROOM - DIRECT], energy = 0;
    for (int t = 0; t < ROOM; t++)
        room[t] = (int16_t)lround(t == DIRECT ? 32767 : 9000 * exp(-t / 300.0) * sin(t * t * 0.37));
    for (int t = DIRECT; t < ROOM; t++) energy += (double)room[t] * room[t];
    for (int t = DIRECT; t < ROOM; t++) h[t - DIRECT] = room[t] / sqrt(energy);
    write_wav(*state, "room.wav", RATE, room, ROOM);
    char *augment = cv_format("{reverb: '%s'}", (char *)*state);
    const cv_change_setup setups[] = {{.rate = RATE}, {.rate = RATE, .window = WINDOW}};
    for (size_t k = 0; k < CV_COUNT(setups); k++) {
        cv_changes *reverb = make_changes("sounds", augment, &setups[k]);
        float x[COUNT];
        for (int t = 0; t < COUNT; t++) x[t] = (float)(0.3 * sin(t * 0.01 * t));
        version v = change_sound(reverb, (cv_change_key){0}, x, COUNT);
        assert_int_equal(v.count, k ? WINDOW : COUNT);
        double worst = 0;
        for (int t = 0; t < (int)v.count; t++) {
            double sum = 0;
            for (int i = 0; i < ROOM - DIRECT && i <= t; i++) sum += t - i < COUNT ? h[i] * (double)x[t - i] : 0;
            worst = fmax(worst, fabs(sum - (double)v.sample[t]));
        }
        if (worst > 1e-6) fail_msg("setup %zu: off by %g", k, worst);
        free(v.sample);
        cv_changes_free(reverb);
    }
    free(augment);
}

static void clipping_cuts_peaks(void **state) {
    (void)state;
    cv_changes *clipping = make_changes("sounds", "{clipping: [0.3, 0.6]}", &plain);
    float *tone = make_sound(440, COUNT);
    double least = 1, most = 0;
    for (uint64_t example = 0; example < 200; example++) {
        version v = change_sound(clipping, (cv_change_key){0, 0, example}, tone, COUNT);
        float peak = 0;
        for (size_t t = 0; t < COUNT; t++) peak = fmaxf(peak, v.sample[t]);
        for (size_t t = 0; t < COUNT; t++) assert_true(v.sample[t] == fminf(fmaxf(tone[t], -peak), peak));
        least = fmin(least, (double)peak / 0.25);
        most = fmax(most, (double)peak / 0.25);
        free(v.sample);
    }
    if (least < 0.299 || least > 0.31 || most > 0.601 || most < 0.59) fail_msg("peaks from %g to %g", least, most);
    cv_changes_free(clipping);
    free(tone);
}

// Tones through fixed limits, against the formula of a Butterworth filter after the bilinear transform.
static void a_band_is_butterworth(void **state) {
    (void)state;
    static const double tones[] = {60, 150, 300, 700, 1500, 2000, 2500, 3300};
    static const struct {
        const char *augment;
        double low, high;
    } cases[] = {{"{band: {low: 300, high: 2000}}", 300, 2000},
                 {"{band: {low: 0, high: 2000}}", 0, 2000},
                 {"{band: {low: 300, high: 4000}}", 300, 0}};
    for (size_t c = 0; c < CV_COUNT(cases); c++) {
        cv_changes *band = make_changes("sounds", cases[c].augment, &plain);
        for (size_t k = 0; k < CV_COUNT(tones); k++) {
            float *tone = make_sound(tones[k], COUNT);
            const double at = tan(M_PI * tones[k] / RATE);
            double want = 1;
            if (cases[c].low > 0) want /= 1 + pow(tan(M_PI * cases[c].low / RATE) / at, 8);
            if (cases[c].high > 0) want /= 1 + pow(at / tan(M_PI * cases[c].high / RATE), 8);
            version v = change_sound(band, (cv_change_key){0}, tone, COUNT);
            const double got = power_of(v.sample + COUNT / 2, COUNT / 2) / power_of(tone + COUNT / 2, COUNT / 2);
            if (fabs(10 * log10(got / want)) > 0.1)
                fail_msg("%s: %g Hz at %g dB, not %g", cases[c].augment, tones[k], 10 * log10(got), 10 * log10(want));
            free(v.sample);
            free(tone);
        }
        cv_changes_free(band);
    }
}

// --- features -----------------------------------------------------------------------------------------------------

enum { FRAMES = 40, BANDS = 20 };

// x[band or frame]: whether all of its values are `mean`. by_frame: over the frames of [1, FRAMES, BANDS].
static int count_masked(const float *x, bool by_frame, float mean, int *first) {
    int masked = 0;
    for (int i = 0; i < (by_frame ? FRAMES : BANDS); i++) {
        bool all = true;
        for (int k = 0; k < (by_frame ? BANDS : FRAMES); k++)
            all &= x[by_frame ? i * BANDS + k : k * BANDS + i] == mean;
        if (all && !masked) *first = i;
        if (all && masked) assert_int_equal(i, *first + masked); // in a row
        masked += all;
    }
    return masked;
}

static void make_frames(float x[FRAMES * BANDS]) {
    for (int i = 0; i < FRAMES * BANDS; i++) x[i] = (float)(i * 7 % (FRAMES * BANDS));
}

static void masks_are_those_of_specaugment(void **state) {
    (void)state;
    enum { EXAMPLES = 2000 };
    const cv_shape image = {3, 1, FRAMES, BANDS};
    for (int by_frame = 0; by_frame < 2; by_frame++) {
        const int most = by_frame ? 10 : 4;
        cv_changes *masks =
            make_changes("frames", by_frame ? "{time_masks: 10}" : "{frequency_masks: {width: 4}}", NULL);
        int widths[11] = {0}, first = 0, at_start = 0, at_end = 0;
        for (uint64_t example = 0; example < EXAMPLES; example++) {
            float x[FRAMES * BANDS], before[FRAMES * BANDS];
            make_frames(before);
            make_frames(x);
            cv_changes_features(masks, (cv_change_key){0, 0, example}, image, x);
            const int width = count_masked(x, by_frame, (FRAMES * BANDS - 1) / 2.0f, &first);
            assert_in_range(width, 0, most);
            widths[width]++;
            at_start += width > 0 && first == 0;
            at_end += width > 0 && first + width == (by_frame ? FRAMES : BANDS);
            for (int i = 0; i < FRAMES * BANDS; i++) {
                const int at = by_frame ? i / BANDS : i % BANDS;
                if (width == 0 || at < first || at >= first + width) assert_true(x[i] == before[i]);
            }
        }
        const double mean = EXAMPLES / (most + 1.0);
        for (int w = 0; w <= most; w++)
            if (fabs(widths[w] - mean) > 4.5 * sqrt(mean)) fail_msg("width %d: %d times, not %g", w, widths[w], mean);
        if (at_start == 0 || at_end == 0) fail_msg("%d at the start, %d at the end", at_start, at_end);
        cv_changes_free(masks);
    }
}

// The same draws mask the same frames and bands of features that are laid out as [features, frames].
static void both_layouts_are_changed_alike(void **state) {
    (void)state;
    cv_changes *changes = make_changes(
        "frames", "{time_masks: {width: 10, count: 2}, frequency_masks: {width: 5, count: 2}, roll: 12}", NULL);
    for (uint64_t example = 0; example < 50; example++) {
        float image[FRAMES * BANDS], channels[FRAMES * BANDS];
        make_frames(image);
        for (int f = 0; f < FRAMES; f++)
            for (int b = 0; b < BANDS; b++) channels[b * FRAMES + f] = image[f * BANDS + b];
        cv_changes_features(changes, (cv_change_key){0, 0, example}, (cv_shape){3, 1, FRAMES, BANDS}, image);
        cv_changes_features(changes, (cv_change_key){0, 0, example}, (cv_shape){2, BANDS, 1, FRAMES}, channels);
        for (int f = 0; f < FRAMES; f++)
            for (int b = 0; b < BANDS; b++) assert_true(channels[b * FRAMES + f] == image[f * BANDS + b]);
    }
    cv_changes_free(changes);
}

static void frames_are_rolled(void **state) {
    (void)state;
    cv_changes *roll = make_changes("frames", "{roll: 3}", NULL);
    int moved[7] = {0};
    for (uint64_t example = 0; example < 700; example++) {
        float x[FRAMES * BANDS], before[FRAMES * BANDS];
        make_frames(before);
        make_frames(x);
        cv_changes_features(roll, (cv_change_key){0, 0, example}, (cv_shape){3, 1, FRAMES, BANDS}, x);
        int by = -3;
        while (by < 3 && memcmp(x + 10 * BANDS, before + (10 - by) * BANDS, BANDS * sizeof *x) != 0) by++;
        for (int f = 0; f < FRAMES; f++)
            assert_memory_equal(x + f * BANDS, before + (f - by + FRAMES) % FRAMES * BANDS, BANDS * sizeof *x);
        moved[by + 3]++;
    }
    for (int k = 0; k < 7; k++)
        if (abs(moved[k] - 100) > 42) fail_msg("%d of 700 are rolled by %d", moved[k], k - 3);
    cv_changes_free(roll);
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
    char *augment = cv_format("{noise: {path: '%s'}, speed: 0.1, pitch: 2, shift: 0.1, gain: 6, reverb: {path: '%s'}, "
                              "band: {share: 0.5}, clipping: {share: 0.5}}",
                              (char *)*state, (char *)*state);
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
    cv_changes *changes = make_changes("sounds", "{speed: 0.2, pitch: 4, shift: 0.05}", &setup);
    float *tone = make_sound(440, 2 * COUNT), *cut = make_sound(440, 2 * COUNT);
    const size_t reach = cv_changes_reach(changes);
    assert_in_range(reach, WINDOW + 400, 3000);
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
        {"points", "{roll: 2}", "'roll' is a change of features of frames, as of mfcc and logmel, which"},
        {"sounds", "{flip: 0.5}", "'flip' is a change of pictures, which"},
        {"waveform", "{time_masks: 5}", "'time_masks' is a change of features of frames"},
        {"points", "{cutout: 5}", "'cutout' is a change of pictures, which"},
        {"points", "{cutmix: 1}", "'cutmix' is a change of examples of frames or pictures, which"},
        {"points", "{mixup: 0}", "'alpha' must be a number from 0.001"},
        {"sounds", "{reverb: {share: 0.5}}", "reverb needs 'path'"},
        {"sounds", "{band: {low: [300, 50]}}", "'low' must be"},
        {"pictures", "{crop: {padding: 2, fill: grey}}", "'fill' must be one of zero, edge, reflect"},
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
        cmocka_unit_test(two_changes_draw_different_numbers),
        cmocka_unit_test(a_share_of_the_examples_is_changed),
        cmocka_unit_test(a_shift_moves_the_samples),
        cmocka_unit_test(speed_changes_pitch_and_duration_together),
        IN_FOLDER(noise_has_the_ratio_that_was_drawn),
        IN_FOLDER(silence_gets_any_piece_of_noise_as_it_was_recorded),
        IN_FOLDER(noise_of_the_data_set_is_found_and_missed),
        cmocka_unit_test(white_noise_is_as_loud_as_asked),
        cmocka_unit_test(pitch_changes_at_the_same_tempo),
        cmocka_unit_test(pitch_leaves_events_in_their_place),
        cmocka_unit_test(resampling_reads_between_the_samples),
        IN_FOLDER(reverb_is_a_convolution),
        cmocka_unit_test(clipping_cuts_peaks),
        cmocka_unit_test(a_band_is_butterworth),
        cmocka_unit_test(masks_are_those_of_specaugment),
        cmocka_unit_test(both_layouts_are_changed_alike),
        cmocka_unit_test(frames_are_rolled),
        IN_FOLDER(versions_depend_on_their_key_alone),
        cmocka_unit_test(the_reach_is_far_enough),
        cmocka_unit_test(changes_that_make_no_sense_are_refused),
        cmocka_unit_test(the_order_in_a_recipe_does_not_matter),
    };
    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
