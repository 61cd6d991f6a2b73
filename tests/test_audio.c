// Front ends and the FFT below them. golden/audio.py and golden/peers.py made the golden values.
#include "audio/feature.h"
#include "audio/fft.h"
#include "audio/sound.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// --- golden values ------------------------------------------------------------------------------------------------

static uint8_t *read_bytes(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    if (!file) fail_msg("%s cannot be opened", name);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

// The float32 values of a one-dimensional .npy file of version 1: 10 bytes, the last two the length of a text, the
// text.
static float *read_npy(const char *name, size_t *count) {
    size_t size;
    uint8_t *bytes = read_bytes(name, &size);
    assert_memory_equal(bytes, "\x93NUMPY\x01", 7);
    size_t start = 10 + (size_t)bytes[8] + ((size_t)bytes[9] << 8);
    *count = (size - start) / sizeof(float);
    float *value = malloc(*count * sizeof *value);
    memcpy(value, bytes + start, *count * sizeof *value);
    free(bytes);
    return value;
}

static const cv_feature *kind_of(const char *name) {
    for (size_t k = 0; cv_feature_at(k); k++)
        if (!strcmp(cv_feature_at(k)->name, name)) return cv_feature_at(k);
    fail_msg("there is no kind %s", name);
    return NULL;
}

// Options of a kind from text; freed by the caller.
static void *config_of(const cv_feature *kind, const json_t *options) {
    void *config = cv_alloc(1, kind->config_size);
    cv_options_default(kind->schema, config);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)options, name, value) {
        char why[256] = "";
        const cv_option *option = cv_option_find(kind->schema, name);
        if (!option) fail_msg("%s has no option %s", kind->name, name);
        if (!cv_option_set(option, config, json_string_value(value), why, sizeof why))
            fail_msg("%s.%s: %s", kind->name, name, why);
    }
    return config;
}

// A front end by the kind's name and options as text; whatever infer refuses goes to err.
static convo_status front_new(const char *kind_name, int rate, const json_t *options, cv_front **front,
                              convo_error *err) {
    const cv_feature *kind = kind_of(kind_name);
    void *config = config_of(kind, options);
    convo_status status = cv_front_new(kind, config, rate, front, err);
    free(config);
    return status;
}

// "samples=6000 fft=512"
static json_t *parse_options(const char *text) {
    json_t *options = json_object();
    char name[32], value[32];
    for (int used; sscanf(text, " %31[^=]=%31s%n", name, value, &used) == 2; text += used)
        json_object_set_new(options, name, json_string(value));
    return options;
}

static void check_shape(cv_shape got, const json_t *want, const char *what) {
    int64_t size[3] = {got.c, got.dims == 2 ? got.w : got.h, got.w};
    if ((size_t)got.dims != json_array_size(want)) fail_msg("%s: %d dimensions", what, got.dims);
    for (size_t k = 0; k < json_array_size(want); k++)
        if (size[k] != json_integer_value(json_array_get(want, k)))
            fail_msg("%s: size %zu is %lld", what, k, (long long)size[k]);
}

// Both sides compute in double and round to float: what is left is a few roundings of the largest value. Other programs
// say how far they may be apart.
static const double ROUNDED = 2e-7;

static void check_values(const float *got, const float *want, size_t count, double tolerance, const char *what) {
    size_t worst = 0;
    double largest = 0, error = 0;
    for (size_t i = 0; i < count; i++) {
        double e = fabs((double)got[i] - want[i]);
        if (!(e <= error)) error = e, worst = i;
        largest = fmax(largest, fabs((double)want[i]));
    }
    if (!(error <= tolerance * largest))
        fail_msg("%s: value %zu is %.9g, should be %.9g (%.2g of the largest)", what, worst, (double)got[worst],
                 (double)want[worst], error / largest);
}

static void check_golden(const char *name, size_t least) {
    size_t count, used = 0;
    char path[64];
    snprintf(path, sizeof path, "tests/golden/%s.npy", name);
    float *want = read_npy(path, &count);
    snprintf(path, sizeof path, "tests/golden/%s.json", name);
    json_t *root = json_load_file(path, 0, NULL), *cases = json_object_get(root, "cases"), *one;
    size_t k;
    assert_true(json_array_size(cases) >= least);
    json_array_foreach(cases, k, one) {
        const char *kind = json_string_value(json_object_get(one, "kind"));
        const char *file = json_string_value(json_object_get(one, "file"));
        int rate = (int)json_integer_value(json_object_get(one, "rate"));
        char what[512];
        char *text = json_dumps(json_object_get(one, "options"), JSON_COMPACT);
        snprintf(what, sizeof what, "%s of %s at %d Hz %s", kind, file, rate, text);
        free(text);

        cv_front *front;
        convo_error err;
        if (front_new(kind, rate, json_object_get(one, "options"), &front, &err)) fail_msg("%s: %s", what, err.message);
        cv_shape shape = cv_front_shape(front);
        check_shape(shape, json_object_get(one, "shape"), what);
        size_t size = (size_t)cv_shape_size(shape);
        assert_true(used + size <= count);

        cv_sound sound; // the recording as it is: `rate` is only what the front end is told
        char recording[128];
        snprintf(recording, sizeof recording, "data/fsdd/%s", file);
        if (cv_sound_read(recording, 0, &sound, &err)) fail_msg("%s: %s", what, err.message);
        float *got = malloc(size * sizeof *got);
        assert_int_equal(cv_front_compute(front, sound.sample, sound.count, got, &err), CONVO_OK);
        const json_t *tolerance = json_object_get(one, "tolerance");
        check_values(got, want + used, size, tolerance ? json_number_value(tolerance) : ROUNDED, what);
        used += size;
        free(got);
        cv_sound_free(&sound);
        cv_front_free(front);
    }
    assert_int_equal(used, count);
    json_decref(root);
    free(want);
}

static void front_ends_equal_golden_values(void **state) {
    (void)state;
    check_golden("audio", 80);
}

static void front_ends_equal_the_programs_they_follow(void **state) {
    (void)state;
    check_golden("peers", 18);
}

// What frontend_test.cc of tflite-micro expects of two frames.
static void the_micro_front_end_gives_its_published_values(void **state) {
    (void)state;
    static const float want[2][2] = {{479, 425}, {436, 378}};
    json_t *options = parse_options("samples=36 window_ms=25 hop_ms=10 filters=2 low=8 high=450");
    cv_front *front;
    float sample[36], got[2][2];
    for (size_t i = 0; i < CV_COUNT(sample); i++) sample[i] = i % 4 == 1 ? 32767 / 32768.0f : i % 4 == 3 ? -1 : 0;
    assert_int_equal(front_new("micro", 1000, options, &front, NULL), CONVO_OK);
    assert_int_equal(cv_shape_size(cv_front_shape(front)), 2 * 2);
    assert_int_equal(cv_front_compute(front, sample, CV_COUNT(sample), got[0], NULL), CONVO_OK);
    assert_memory_equal(got, want, sizeof want);
    cv_front_free(front);
    json_decref(options);
}

// Which features of a moment need what comes later.
static void kinds_say_whether_they_need_the_whole_clip(void **state) {
    (void)state;
    static const struct {
        const char *kind, *options, *says;
    } cases[] = {
        {"mfcc", "samples=1000", NULL},
        {"logmel", "samples=1000", NULL},
        {"logmel", "samples=1000 range=60", "range needs"},
        {"logmel", "samples=1000 scale=cmvn", "scale needs"},
        {"logmel", "samples=1000 deltas=2", NULL},
        {"mfcc_torch", "samples=1000", "range needs"},
        {"mfcc_torch", "samples=1000 range=0", NULL},
        {"fbank", "samples=1000", NULL},
        {"fbank", "samples=1000 scale=clip", "scale needs"},
        {"pcen", "samples=1000", NULL},
        {"micro", "samples=1000", NULL},
        {"waveform", "samples=1000", "scale needs"},
        {"waveform", "samples=1000 scale=unit", NULL},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        json_t *options = parse_options(cases[k].options);
        const cv_feature *kind = kind_of(cases[k].kind);
        void *config = config_of(kind, options);
        const char *why = cv_feature_whole(kind, config);
        if (!why != !cases[k].says || (why && !strstr(why, cases[k].says)))
            fail_msg("%s %s: '%s'", cases[k].kind, cases[k].options, why ? why : "frame by frame");
        free(config);
        json_decref(options);
    }
}

// Values that do not vary have no deviation to be divided by: they become 0.
static void a_silent_clip_is_scaled_to_zeros(void **state) {
    (void)state;
    static const char *const scales[] = {"clip", "cmn", "cmvn"};
    static const float silence[1000];
    for (size_t k = 0; k < CV_COUNT(scales); k++) {
        char text[64];
        snprintf(text, sizeof text, "samples=1000 deltas=1 scale=%s", scales[k]);
        json_t *options = parse_options(text);
        cv_front *front;
        assert_int_equal(front_new("logmel", 8000, options, &front, NULL), CONVO_OK);
        const size_t size = (size_t)cv_shape_size(cv_front_shape(front));
        float *out = malloc(size * sizeof *out);
        assert_int_equal(cv_front_compute(front, silence, CV_COUNT(silence), out, NULL), CONVO_OK);
        for (size_t i = 0; i < size; i++) assert_true(out[i] == 0);
        free(out);
        cv_front_free(front);
        json_decref(options);
    }
}

static void a_file_gives_the_features_of_its_resampled_samples(void **state) {
    (void)state;
    enum { SIZE = 101 * 40 };
    static float from_file[SIZE], from_samples[SIZE];
    json_t *options = parse_options("samples=16000");
    cv_front *front;
    cv_sound sound;
    float *resampled;
    size_t count;
    assert_int_equal(front_new("logmel", 16000, options, &front, NULL), CONVO_OK);
    assert_int_equal(cv_shape_size(cv_front_shape(front)), SIZE);
    assert_int_equal(cv_front_compute_file(front, "data/fsdd/7_jackson_40.flac", from_file, NULL, NULL), CONVO_OK);
    assert_int_equal(cv_sound_read("data/fsdd/7_jackson_40.flac", 0, &sound, NULL), CONVO_OK);
    assert_int_equal(cv_resample(sound.sample, sound.count, 8000, 16000, &resampled, &count, NULL), CONVO_OK);
    assert_int_equal(count, 2 * sound.count);
    assert_int_equal(cv_front_compute(front, resampled, count, from_samples, NULL), CONVO_OK);
    assert_memory_equal(from_file, from_samples, sizeof from_file);
    free(resampled);
    cv_sound_free(&sound);
    cv_front_free(front);
    json_decref(options);
}

static void a_clip_is_scaled_with_its_padding(void **state) {
    (void)state;
    static const struct {
        size_t count;
        float value, head, tail;
    } cases[] = {
        {1000, 0.1f, 0, 0}, // constant
        {1, 0, 0, 0},
        {100, 0.5f, 3, -1 / 3.0f}, // mean 0.05, standard deviation 0.15
    };
    json_t *options = parse_options("samples=1000");
    cv_front *front;
    float clip[1000], out[1000], want[1000];
    assert_int_equal(front_new("waveform", 8000, options, &front, NULL), CONVO_OK);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        for (size_t t = 0; t < CV_COUNT(clip); t++) {
            clip[t] = cases[k].value;
            want[t] = t < cases[k].count ? cases[k].head : cases[k].tail;
        }
        assert_int_equal(cv_front_compute(front, clip, cases[k].count, out, NULL), CONVO_OK);
        check_values(out, want, CV_COUNT(want), ROUNDED, "clip");
    }
    cv_front_free(front);
    json_decref(options);
}

static void options_that_do_not_fit_are_refused_in_words(void **state) {
    (void)state;
    static const struct {
        const char *kind;
        int rate;
        const char *options, *says;
    } cases[] = {
        {"mfcc", 999, "samples=6000", "sample rate of 999 Hz"},
        {"mfcc", 8000, "samples=6000 hop_ms=0.1 window_ms=0.1", NULL},
        {"mfcc", 1000, "samples=6000 hop_ms=0.1", "less than one sample"},
        {"mfcc", 8000, "samples=6000 fft=128", "smaller than the window"},
        {"mfcc", 8000, "samples=6000 fft=300", NULL},
        {"mfcc", 8000, "samples=6000 fft=1 window_ms=0.125", "fft must be at least 2"},
        {"logmel", 16000, "samples=1000 fft=401 window_ms=25", NULL},
        {"mfcc", 8000, "samples=6000 high=4001", "above half the sample rate"},
        {"mfcc", 8000, "samples=6000 low=900 high=800", "not below"},
        {"mfcc", 8000, "samples=6000 cepstra=27", "27 cepstra cannot be had from 26 filters"},
        {"logmel", 16000, "samples=16000 filters=128", "cannot be resolved"},
        {"logmel", 16000, "samples=16000 filters=128 fft=2048", NULL},
        {"logmel", 16000, "samples=16000 filters=200 mel=slaney", "cannot be resolved"},
        {"logmel", 16000, "samples=256", "cannot be mirrored"},
        {"logmel", 16000, "samples=257", NULL},
        {"logmel", 16000, "samples=1 pad=zero", NULL},
        {"logmel", 16000, "samples=399 center=false", "does not fit into a clip"},
        {"logmel", 16000, "samples=400 center=false", NULL},
        {"logmel", 16000, "samples=511 center=false align=transform", "a transform of 512 samples does not fit"},
        {"logmel", 16000, "samples=512 center=false align=transform", NULL},
        {"logmel", 16000, "samples=1 pad=zero fft=401", NULL},
        {"logmel", 8000, "samples=300 deltas=2 delta_reach=100 scale=cmvn", NULL}, // more than there are frames
        {"mfcc_torch", 16000, "samples=16000 cepstra=41", "41 cepstra cannot be had from 40 filters"},
        {"mfcc_torch", 16000, "samples=257", NULL},
        {"fbank", 16000, "samples=399", "does not fit into a clip of 399: say snip_edges: false"},
        {"fbank", 16000, "samples=400", NULL},
        {"fbank", 16000, "samples=80 snip_edges=false", NULL}, // mirrored more than once
        {"fbank", 16000, "samples=79 snip_edges=false", "does not fit"},
        {"fbank", 16000, "samples=16000 filters=200", "cannot be resolved"},
        {"fbank", 8000, "samples=6000 window_ms=0.125", "is too short"},
        {"pcen", 16000, "samples=257 bias=0 start=one", NULL},
        {"pcen", 16000, "samples=200", "cannot be mirrored"},
        {"micro", 16000, "samples=479", "does not fit into a clip of 479"},
        {"micro", 16000, "samples=480", NULL},
        {"micro", 8000, "samples=480", "not below half the sample rate"},
        {"micro", 16000, "samples=480 low=7600", "not below"},
        {"micro", 16000, "samples=960 gain_bits=14", "gain_bits must be at least 15"},
        {"micro", 16000, "samples=960 gain_bits=14 pcan=false", NULL},
        {"micro", 16000, "samples=960 smoothing_bits=2", "smoothing_bits 3"},
        {"micro", 1000, "samples=960 window_ms=2 high=400", "a window has 3 to 32768 samples"},
        {"micro", 1000, "samples=960 window_ms=3 high=200 low=10 filters=1 pcan=false", NULL},
        {"waveform", 2000000, "samples=6000", "sample rate"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        json_t *options = parse_options(cases[k].options);
        cv_front *front;
        convo_error err = {0};
        convo_status status = front_new(cases[k].kind, cases[k].rate, options, &front, &err);
        if (!cases[k].says != !status || (status && (!strstr(err.message, cases[k].says) || front)))
            fail_msg("%s %s: %s %s", cases[k].kind, cases[k].options, convo_status_name(status), err.message);
        if (!status) { // and the smallest clip works
            float *out = malloc((size_t)cv_shape_size(cv_front_shape(front)) * sizeof *out);
            assert_int_equal(cv_front_compute(front, &(float){0.5f}, 1, out, NULL), CONVO_OK);
            free(out);
        }
        cv_front_free(front);
        json_decref(options);
    }
}

static void samples_that_are_not_numbers_are_refused(void **state) {
    (void)state;
    json_t *options = parse_options("samples=1000");
    cv_front *front;
    convo_error err;
    float out[1000];
    assert_int_equal(front_new("waveform", 8000, options, &front, NULL), CONVO_OK);
    assert_int_equal(cv_front_compute(front, (float[]){0, NAN}, 2, out, &err), CONVO_NUMERIC);
    assert_non_null(strstr(err.message, "sample 1 is nan"));
    assert_int_equal(cv_front_compute(front, out, 0, out, &err), CONVO_ARGUMENT);
    cv_front_free(front);
    json_decref(options);
}

// Only silence has no logarithm: however quiet a recording, its coefficients are those of a loud one, shifted.
static void quiet_recordings_keep_their_logarithm(void **state) {
    (void)state;
    enum { SAMPLES = 1000, EXPONENT = -50 };
    json_t *options = parse_options("samples=1000 lifter=0 log_energy=true");
    cv_front *front;
    float loud[SAMPLES], quiet[SAMPLES], features[2][13 * 16];
    assert_int_equal(front_new("mfcc", 8000, options, &front, NULL), CONVO_OK);
    const cv_shape shape = cv_front_shape(front);
    assert_in_range(cv_shape_size(shape), 13, 13 * 16);
    uint32_t random = 1;
    for (int t = 0; t < SAMPLES; t++) {
        loud[t] = (float)((double)(random = random * 1664525 + 1013904223) / 0x1p32 - 0.5);
        quiet[t] = ldexpf(loud[t], EXPONENT);
    }
    assert_int_equal(cv_front_compute(front, loud, SAMPLES, features[0], NULL), CONVO_OK);
    assert_int_equal(cv_front_compute(front, quiet, SAMPLES, features[1], NULL), CONVO_OK);
    for (int64_t i = 0; i < cv_shape_size(shape); i++) {
        const double shift = i < shape.w ? 2 * EXPONENT * M_LN2 : 0; // the energy comes first
        if (!(fabs((double)features[1][i] - (double)features[0][i] - shift) < 1e-4))
            fail_msg("value %lld is %g, %g of a loud one", (long long)i, (double)features[1][i],
                     (double)features[0][i]);
    }
    cv_front_free(front);
    json_decref(options);
}

// --- Fourier transform --------------------------------------------------------------------------------------------

// Products of small primes, primes with a stage of their own, and larger ones.
static void fft_equals_the_sum_it_stands_for(void **state) {
    (void)state;
    enum { ALL = 300, LARGEST = 2206 };
    static const size_t larger[] = {400, 441, 480, 512, 600, 882, 1000, 1024, 1102, 1103, 1323, 2048, 2205, 2206};
    static double x[LARGEST], re[LARGEST / 2 + 1], im[LARGEST / 2 + 1], power[LARGEST / 2 + 1];
    uint32_t random = 1;
    for (size_t t = 0; t < LARGEST; t++) x[t] = (double)(random = random * 1664525 + 1013904223) / 0x1p31 - 1;
    for (size_t k = 2; k <= ALL + CV_COUNT(larger); k++) {
        const size_t n = k <= ALL ? k : larger[k - ALL - 1];
        cv_fft *fft = cv_fft_new(n);
        double *work = cv_alloc(cv_fft_work(fft), sizeof *work);
        cv_fft_real(fft, x, re, im, work);
        cv_fft_power(fft, x, power, work);
        for (size_t b = 0; b <= n / 2; b++) {
            double want_re = 0, want_im = 0;
            for (size_t t = 0; t < n; t++) {
                double angle = 2 * M_PI * (double)(b * t % n) / (double)n;
                want_re += x[t] * cos(angle);
                want_im -= x[t] * sin(angle);
            }
            if (hypot(re[b] - want_re, im[b] - want_im) > 2e-12 ||
                fabs(power[b] - want_re * want_re - want_im * want_im) > 4e-10)
                fail_msg("%zu points, bin %zu: %g %+gi, should be %g %+gi", n, b, re[b], im[b], want_re, want_im);
        }
        free(work);
        cv_fft_free(fft);
    }
}

static void kinds_are_listed(void **state) {
    (void)state;
    size_t k = 0;
    while (cv_feature_at(k)) k++;
    assert_int_equal(k, 7);
}

int main(void) {
    const struct CMUnitTest audio[] = {
        cmocka_unit_test(kinds_are_listed),
        cmocka_unit_test(quiet_recordings_keep_their_logarithm),
        cmocka_unit_test(fft_equals_the_sum_it_stands_for),
        cmocka_unit_test(front_ends_equal_golden_values),
        cmocka_unit_test(front_ends_equal_the_programs_they_follow),
        cmocka_unit_test(a_file_gives_the_features_of_its_resampled_samples),
        cmocka_unit_test(a_clip_is_scaled_with_its_padding),
        cmocka_unit_test(the_micro_front_end_gives_its_published_values),
        cmocka_unit_test(kinds_say_whether_they_need_the_whole_clip),
        cmocka_unit_test(a_silent_clip_is_scaled_to_zeros),
        cmocka_unit_test(options_that_do_not_fit_are_refused_in_words),
        cmocka_unit_test(samples_that_are_not_numbers_are_refused),
    };
    return cmocka_run_group_tests(audio, NULL, NULL);
}
