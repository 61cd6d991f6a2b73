// Streams of recordings: what is where in them, how loud, and that a seed makes the same stream again.
#include "base/base.h"
#include "audio/sound.h"
#include "audio/sound_write.h"
#include "data/dataset.h"
#include "folder.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
// after the headers that it needs
#include <cmocka.h>

enum { RATE = 8000, CLIPS = 3 };

static const char *in(const char *name) {
    static char path[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", test_folder, name);
    return path[next];
}

static void write_sound(const char *name, const float *sample, size_t count) {
    cv_sound_writer writer;
    assert_int_equal(cv_sound_write_begin(&writer, in(name), RATE, NULL), CONVO_OK);
    assert_int_equal(cv_sound_write(&writer, sample, count, NULL), CONVO_OK);
    assert_int_equal(cv_sound_write_end(&writer, NULL), CONVO_OK);
}

// A second each of silence, of a tone and of silence; the tones are 500, 1000 and 1500 Hz.
static int make_recordings(void **state) {
    static float sample[3 * RATE], noise[5 * RATE];
    if (make_folder(state)) return -1;
    mkdir(in("noise"), 0777);
    mkdir(in("rooms"), 0777);
    for (int k = 0; k < CLIPS; k++) {
        char name[16];
        for (int t = 0; t < 3 * RATE; t++)
            sample[t] = t / RATE == 1 ? 0.1f * sinf(6.2831853f * 500 * (float)(k + 1) * (float)t / RATE) : 0;
        snprintf(name, sizeof name, "%d.wav", k);
        write_sound(name, sample, CV_COUNT(sample));
    }
    uint32_t x = 1;
    for (size_t t = 0; t < CV_COUNT(noise); t++) {
        x = x * 1664525 + 1013904223; // Numerical Recipes
        noise[t] = (float)(x >> 8) / (float)(1 << 24) - 0.5f;
    }
    write_sound("noise/white.wav", noise, CV_COUNT(noise));
    float room[100] = {[0] = 0.8f, [99] = 0.4f};
    write_sound("rooms/echo.wav", room, CV_COUNT(room));
    FILE *list = fopen(in("clips.csv"), "w");
    fputs("path,label,split\n0.wav,low,test\n1.wav,\"mid,dle\",test\n2.wav,high,train\n", list);
    return fclose(list);
}

static convo_mix_options options_for(const char *out) {
    return (convo_mix_options){.out = out,
                               .part = CONVO_ALL,
                               .snr = {10, 10},
                               .gap = {0.5, 1.5},
                               .level = {-40, -40},
                               .trim = 30,
                               .rounds = 1,
                               .rate = RATE};
}

static void mix_into(const convo_mix_options *o, convo_mix *mix, cv_sound *sound) {
    convo_error err = {0};
    if (convo_mix_write("manifest", in("clips.csv"), o, mix, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(cv_sound_read(o->out, 0, sound, NULL), CONVO_OK);
    assert_int_equal(sound->rate, o->rate);
    assert_true(fabs(mix->seconds - (double)sound->count / RATE) < 1e-9);
}

// The amplitude of a tone in what is said.
static double tone(const cv_sound *sound, const convo_spoken *s, double hertz) {
    double re = 0, im = 0;
    const size_t begin = (size_t)lround(s->start * RATE), end = (size_t)lround(s->end * RATE);
    for (size_t t = begin; t < end; t++) {
        re += (double)sound->sample[t] * cos(6.283185307179586 * hertz * (double)t / RATE);
        im += (double)sound->sample[t] * sin(6.283185307179586 * hertz * (double)t / RATE);
    }
    return 2 * hypot(re, im) / (double)(end - begin);
}

static double hertz_of(const convo_spoken *s) {
    return strcmp(s->word, "low") == 0 ? 500 : strcmp(s->word, "high") == 0 ? 1500 : 1000;
}

static void words_lie_where_the_list_says(void **state) {
    (void)state;
    convo_mix_options o = options_for(in("plain.wav"));
    convo_mix mix;
    cv_sound sound;
    o.rounds = 4;
    mix_into(&o, &mix, &sound);
    assert_int_equal(mix.count, 4 * CLIPS);
    double until = 0;
    int of[CLIPS] = {0};
    for (int64_t k = 0; k < mix.count; k++) {
        const convo_spoken *s = &mix.spoken[k];
        assert_true(fabs(s->end - s->start - 1) < 0.021);       // silence around it is trimmed
        assert_true(s->start - until > 1 + (k ? 1 : 0) + 0.49); // of this clip, of the last one, and the gap
        assert_true(s->start - until < 2 + 1.51 + 0.02);
        assert_true(fabs(tone(&sound, s, hertz_of(s)) - 0.1) < 0.002); // as loud as it was
        assert_true(isnan(s->snr));
        of[(int)(hertz_of(s) / 500) - 1]++;
        until = s->end;
        if (k % CLIPS == CLIPS - 1) // a round
            for (int c = 0; c < CLIPS; c++) assert_int_equal(of[c], k / CLIPS + 1);
    }
    cv_sound_free(&sound);
    convo_mix_free(&mix);
}

static void only_the_part_is_heard(void **state) {
    (void)state;
    convo_mix_options o = options_for(in("part.flac"));
    convo_mix mix;
    cv_sound sound;
    o.part = CONVO_TEST;
    mix_into(&o, &mix, &sound);
    assert_int_equal(mix.count, 2);
    for (int64_t k = 0; k < mix.count; k++) assert_string_not_equal(mix.spoken[k].word, "high");
    cv_sound_free(&sound);
    convo_mix_free(&mix);
}

static void noise_has_its_ratio(void **state) {
    (void)state;
    for (double snr = 0; snr <= 20; snr += 10) {
        convo_mix_options o = options_for(in("noisy.wav"));
        convo_mix mix;
        cv_sound sound;
        o.noise = in("noise");
        o.snr[0] = o.snr[1] = snr;
        mix_into(&o, &mix, &sound);
        for (int64_t k = 0; k < mix.count; k++) {
            const double power = pow(tone(&sound, &mix.spoken[k], hertz_of(&mix.spoken[k])), 2) / 2;
            const double measured = 10 * log10(power / 1e-4); // noise of -40 dB
            assert_true(fabs(mix.spoken[k].snr - snr) < 1e-6);
            assert_true(fabs(measured - snr) < 1);
        }
        cv_sound_free(&sound);
        convo_mix_free(&mix);
    }
}

static void what_would_not_fit_is_softer(void **state) {
    (void)state;
    convo_mix_options o = options_for(in("loud.wav"));
    convo_mix mix;
    cv_sound sound;
    o.noise = in("noise");
    o.snr[0] = o.snr[1] = 60;
    mix_into(&o, &mix, &sound);
    for (int64_t k = 0; k < mix.count; k++) assert_true(mix.spoken[k].snr > 30 && mix.spoken[k].snr < 40);
    for (size_t t = 0; t < sound.count; t++) assert_true(fabsf(sound.sample[t]) < 0.9999f);
    cv_sound_free(&sound);
    convo_mix_free(&mix);
}

static void a_room_is_heard(void **state) {
    (void)state;
    convo_mix_options o = options_for(in("dry.wav"));
    convo_mix dry, wet;
    cv_sound without, with;
    mix_into(&o, &dry, &without);
    o.out = in("wet.wav");
    o.rooms = in("rooms");
    mix_into(&o, &wet, &with);
    // the echo of half the amplitude comes 99 samples later: |0.894 + 0.447 e^(-i w 99)|
    for (int64_t k = 0; k < wet.count; k++) {
        const convo_spoken *s = &wet.spoken[k];
        const double angle = 6.283185307179586 * hertz_of(s) * 99 / RATE;
        const double expected = 0.1 * hypot(0.8944 + 0.4472 * cos(angle), 0.4472 * sin(angle));
        assert_true(fabs(tone(&with, s, hertz_of(s)) - expected) < 0.05 * 0.1);
        assert_true(fabs(s->start - dry.spoken[k].start - 0.5 * (double)k) < 0.01); // each clip has a tail
    }
    cv_sound_free(&with);
    cv_sound_free(&without);
    convo_mix_free(&wet);
    convo_mix_free(&dry);
}

static void a_seed_makes_the_same_stream(void **state) {
    (void)state;
    cv_sound sound[3];
    for (int k = 0; k < 3; k++) {
        convo_mix_options o = options_for(in("again.flac"));
        convo_mix mix;
        o.noise = in("noise");
        o.seed = k == 2;
        mix_into(&o, &mix, &sound[k]);
        convo_mix_free(&mix);
    }
    assert_int_equal(sound[0].count, sound[1].count);
    assert_memory_equal(sound[0].sample, sound[1].sample, sound[0].count * sizeof(float));
    assert_true(sound[0].count != sound[2].count);
    for (int k = 0; k < 3; k++) cv_sound_free(&sound[k]);
}

static void mistakes_are_refused(void **state) {
    (void)state;
    struct {
        const char *name;
        convo_status status;
        convo_mix_options o;
    } c[] = {
        {"a range that is upside down", CONVO_ARGUMENT, options_for(in("x.wav"))},
        {"no rounds", CONVO_ARGUMENT, options_for(in("x.wav"))},
        {"a part that is empty", CONVO_ARGUMENT, options_for(in("x.wav"))},
        {"an ending that is not written", CONVO_ARGUMENT, options_for(in("x.mp3"))},
        {"a folder that is not there", CONVO_IO, options_for("/nowhere/x.wav")},
        {"noise that is not there", CONVO_IO, options_for(in("x.wav"))},
    };
    c[0].o.snr[0] = 30;
    c[1].o.rounds = 0;
    c[2].o.part = CONVO_VALIDATION;
    c[5].o.noise = "/nowhere";
    for (size_t k = 0; k < CV_COUNT(c); k++) {
        convo_mix mix;
        convo_error err = {0};
        const convo_status status = convo_mix_write("manifest", in("clips.csv"), &c[k].o, &mix, &err);
        if (status != c[k].status || !err.message[0]) fail_msg("%s: %d %s", c[k].name, status, err.message);
        assert_int_equal(access(in("x.wav"), F_OK), -1);
    }
}

int main(void) {
    if (cv_data_manifest.missing) {
        puts("[  SKIPPED ] this build has no libcsv\n[  SKIPPED ] 7 test(s), listed below:");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_lie_where_the_list_says),
        cmocka_unit_test(only_the_part_is_heard),
        cmocka_unit_test(noise_has_its_ratio),
        cmocka_unit_test(what_would_not_fit_is_softer),
        cmocka_unit_test(a_room_is_heard),
        cmocka_unit_test(a_seed_makes_the_same_stream),
        cmocka_unit_test(mistakes_are_refused),
    };
    return cmocka_run_group_tests(tests, make_recordings, remove_folder);
}
