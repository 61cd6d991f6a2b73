// Sound files and resampling.
#include "audio/sound.h"
#include "folder.h"

#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// libsndfile 1.2 forgets to free a damaged Ogg file's header.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libvorbis\nleak:libogg\n";
}

// --- temporary files ----------------------------------------------------------------------------------------------

typedef struct path {
    char text[512];
} path;

static path in_folder(const char *name) {
    path p;
    snprintf(p.text, sizeof p.text, "%s/%s", test_folder, name);
    return p;
}

static path write_bytes(const char *name, const void *data, size_t size) {
    path p = in_folder(name);
    FILE *file = fopen(p.text, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return p;
}

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

// Writes `frames` frames of interleaved `value`; false when this libsndfile cannot write the format.
static bool write_sound(const char *name, int format, int rate, int channels, const float *value, size_t frames,
                        path *p) {
    *p = in_folder(name);
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    if (!sf_format_check(&info)) return false;
    SNDFILE *file = sf_open(p->text, SFM_WRITE, &info);
    if (!file) return false;
    assert_int_equal(sf_writef_float(file, value, (sf_count_t)frames), frames);
    assert_int_equal(sf_close(file), 0);
    return true;
}

static float sine(double hertz, int rate, size_t t) {
    return (float)sin(2 * M_PI * hertz * (double)t / rate);
}

static const char flac_file[] = "data/fsdd/7_jackson_40.flac";

// --- sound files --------------------------------------------------------------------------------------------------

// SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, which libsndfile knows since 1.1.
enum { MP3 = 0x230000 | 0x0082 };

static void channels_of_every_format_are_mixed_to_their_mean(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int format, rate;
        double tolerance; // root mean square
        bool optional;
    } cases[] = {
        {"16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1.0 / 32768, false},
        {"24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 48000, 1e-6, false},
        {"8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 22050, 1.0 / 128, false},
        {"float.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 1e-7, false},
        {"16.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1.0 / 32768, false},
        {"16.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 11025, 1.0 / 32768, false},
        {"vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 0.02, false},
        {"opus.ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 0.02, true},
        {"layer3.mp3", MP3, 44100, 0.02, true},
    };
    enum { FRAMES = 20001 };
    static float value[2 * FRAMES];
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        int rate = cases[k].rate;
        for (size_t t = 0; t < FRAMES; t++) {
            value[2 * t] = 0.5f * sine(440, rate, t);
            value[2 * t + 1] = 0.25f * sine(440, rate, t) + 0.25f * sine(700, rate, t);
        }
        path p;
        if (!write_sound(cases[k].name, cases[k].format, rate, 2, value, FRAMES, &p)) {
            if (!cases[k].optional) fail_msg("%s cannot be written", cases[k].name);
            print_message("%s: skipped, this libsndfile cannot write it\n", cases[k].name);
            continue;
        }
        cv_sound sound;
        convo_error err;
        if (cv_sound_read(p.text, 0, &sound, &err)) fail_msg("%s: %s", cases[k].name, err.message);
        assert_int_equal(sound.rate, rate);
        if (sound.count != FRAMES) fail_msg("%s: %zu samples", cases[k].name, sound.count);
        double sum = 0;
        for (size_t t = 0; t < FRAMES; t++)
            sum += pow((double)sound.sample[t] - ((double)value[2 * t] + (double)value[2 * t + 1]) / 2, 2);
        double error = sqrt(sum / FRAMES);
        if (!(error <= cases[k].tolerance)) fail_msg("%s: off by %g", cases[k].name, error);
        cv_sound_free(&sound);
    }
}

static void resampling_keeps_frequency_amplitude_and_time(void **state) {
    (void)state;
    static const struct {
        int from, to;
        size_t count, want;
    } cases[] = {{8000, 16000, 8000, 16000},
                 {44100, 8000, 44100, 8000},
                 {48000, 16000, 47998, 15999},
                 {16000, 44100, 16001, 44103},
                 {8000, 8000, 5000, 5000}};
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        float *tone = malloc(cases[k].count * sizeof *tone), *got;
        size_t count;
        for (size_t t = 0; t < cases[k].count; t++) tone[t] = 0.8f * sine(1000, cases[k].from, t);
        assert_int_equal(cv_resample(tone, cases[k].count, cases[k].from, cases[k].to, &got, &count, NULL), CONVO_OK);
        assert_int_equal(count, cases[k].want);
        size_t edge = (size_t)cases[k].to / 50; // where the filter sees silence
        for (size_t t = edge; t < count - edge; t++) {
            double want = 0.8 * sin(2 * M_PI * 1000 * (double)t / cases[k].to);
            if (fabs((double)got[t] - want) > 1e-4)
                fail_msg("%d to %d Hz: sample %zu is %g, should be %g", cases[k].from, cases[k].to, t, (double)got[t],
                         want);
        }
        free(tone);
        free(got);
    }
}

// A piece at any place, of any format, equals the same samples of the whole recording.
static void a_piece_is_a_part_of_the_whole_recording(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int format, from, to;
        double tolerance;
        bool optional;
    } files[] = {
        {"piece.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16000, 16000, 0, false},
        {"piece.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 16000, 0, false},
        {"piece.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 8000, 8000, 0, false},
        {"vorbis.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 44100, 44100, 1e-6, false},
        {"opus.ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, 48000, 48000, 2e-3, true},
        {"piece.mp3", MP3, 44100, 44100, 2e-3, true},
        {"up.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 16000, 1e-6, false},
        {"down.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 8000, 1e-6, false},
        {"down.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 22050, 16000, 1e-6, false},
        {"prime.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 7919, 8000, 1e-6, false},
    };
    static const cv_piece pieces[] = {{0, 0.5, 0},     {0, 0, 0.25}, {0.001, 0.1, 0}, {0.73, 0.25, 2},
                                      {1.0 / 3, 1, 0}, {1.9, 1, 0},  {1.5, 0, 0.5},   {1.9999, 0, 0}};
    enum { RATE = 48000 };
    static float noise[2 * RATE];
    uint32_t random = 1;
    for (size_t t = 0; t < CV_COUNT(noise); t++) {
        random = random * 1664525 + 1013904223;
        noise[t] = 0.5f * sine(700, 16000, t) + (float)((double)random / UINT32_MAX - 0.5) * 0.2f;
    }
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        path p;
        cv_sound whole, part;
        convo_error err;
        if (!write_sound(files[k].name, files[k].format, files[k].from, 1, noise, 2 * (size_t)files[k].from, &p)) {
            if (!files[k].optional) fail_msg("%s cannot be written", files[k].name);
            continue;
        }
        if (cv_sound_read(p.text, files[k].to, &whole, &err)) fail_msg("%s: %s", files[k].name, err.message);
        for (size_t j = 0; j < CV_COUNT(pieces); j++) {
            const cv_piece *piece = &pieces[j];
            const size_t begin = (size_t)llround(piece->start * files[k].to);
            const size_t length = piece->seconds > 0 ? (size_t)llround(piece->seconds * files[k].to) : whole.count;
            const size_t want = begin + length < whole.count ? length : whole.count - begin;
            const double gain = piece->gain > 0 ? piece->gain : 1;
            if (cv_sound_read_piece(p.text, piece, files[k].to, &part, &err))
                fail_msg("%s, piece %zu: %s", files[k].name, j, err.message);
            if (part.count != want) fail_msg("%s, piece %zu: %zu samples, not %zu", p.text, j, part.count, want);
            // Whether the resampler still gives the last sample of a recording is a matter of rounding.
            const size_t sure = want - (files[k].from != files[k].to && begin + want == whole.count);
            double worst = 0;
            for (size_t t = 0; t < sure; t++)
                worst = fmax(worst, fabs((double)part.sample[t] - (double)(float)(whole.sample[begin + t] * gain)));
            if (worst > files[k].tolerance) fail_msg("%s, piece %zu: off by %g", files[k].name, j, worst);
            cv_sound_free(&part);
        }
        const cv_piece beyond = {.start = 2.1, .seconds = 1};
        assert_int_equal(cv_sound_read_piece(p.text, &beyond, files[k].to, &part, &err), CONVO_FORMAT);
        assert_string_equal(err.message, "ends before the piece that begins at 2.1 s");
        cv_sound_free(&whole);
    }
}

static void check_refused(const char *what, const char *file, int rate, convo_status code, const char *says) {
    cv_sound sound;
    convo_error err = {0};
    convo_status status = cv_sound_read(file, rate, &sound, &err);
    if (status != code || !strstr(err.message, says) || strcmp(err.where, file) != 0)
        fail_msg("%s: %s \"%s: %s\"", what, convo_status_name(status), err.where, err.message);
    assert_null(sound.sample);
}

static void bad_files_are_refused_in_words(void **state) {
    (void)state;
    path p;
    check_refused("missing", in_folder("missing.wav").text, 0, CONVO_IO, "No such file");
    check_refused("folder", test_folder, 0, CONVO_IO, "found a folder");
    check_refused("device", "/dev/null", 0, CONVO_IO, "not a regular file");
    check_refused("empty", write_bytes("empty.wav", "", 0).text, 0, CONVO_FORMAT, "is empty");
    check_refused("text", write_bytes("text.wav", "hello, world", 12).text, 0, CONVO_FORMAT, "not a sound file");
    check_refused("text called .au", write_bytes("text.au", "hello, world", 12).text, 0, CONVO_FORMAT,
                  "not a sound file");
    static const float zeros[70];
    assert_true(write_sound("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, zeros, 0, &p));
    check_refused("no samples", p.text, 0, CONVO_FORMAT, "holds no samples");
    assert_true(write_sound("nan.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 8000, 1, (float[]){0, 0, NAN}, 3, &p));
    check_refused("NaN", p.text, 0, CONVO_NUMERIC, "sample 2 is nan");
    assert_true(write_sound("inf.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 8000, 1, (float[]){-INFINITY}, 1, &p));
    check_refused("infinite", p.text, 0, CONVO_NUMERIC, "sample 0 is -inf");
    assert_true(write_sound("slow.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 10, 1, zeros, 70, &p));
    check_refused("10 Hz", p.text, 0, CONVO_LIMIT, "sample rate of 10 Hz");
    assert_true(write_sound("fast.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 2000000000, 1, zeros, 70, &p));
    check_refused("2 GHz", p.text, 0, CONVO_LIMIT, "sample rate of 2000000000 Hz");
    assert_true(write_sound("wide.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 70, zeros, 1, &p));
    check_refused("70 channels", p.text, 0, CONVO_LIMIT, "70 channels");
    assert_true(write_sound("ratio.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1000000, 1, zeros, 70, &p));
    check_refused("1000000 to 1000 Hz", p.text, 1000, CONVO_UNSUPPORTED, "cannot be resampled");
}

static const struct sort {
    const char *name;
    int format, at, bytes; // of the number that says how long the samples are; at 0: behind "data"
} sorts[] = {
    {"u8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 0, 4},
    {"s16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0, 4},
    {"s24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 0, 4},
    {"float.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0, 4},
    {"double.wav", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 0, 4},
    {"ulaw.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 0, 4},
    {"alaw.wav", SF_FORMAT_WAV | SF_FORMAT_ALAW, 0, 4},
    {"big.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16 | SF_ENDIAN_BIG, 0, 4},
    {"extensible.wav", SF_FORMAT_WAVEX | SF_FORMAT_PCM_16, 0, 4},
    {"rf64.wav", SF_FORMAT_RF64 | SF_FORMAT_PCM_16, 28, 8},
    {"s16.caf", SF_FORMAT_CAF | SF_FORMAT_PCM_16, 0, 8},
    {"s16.au", SF_FORMAT_AU | SF_FORMAT_PCM_16, 8, 4},
    {"s16.w64", SF_FORMAT_W64 | SF_FORMAT_PCM_16, 16, 8},
    {"s16.aiff", SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 4, 4},
};

static uint8_t *find(uint8_t *bytes, size_t size, const char *word) {
    for (size_t k = 0; k + 4 < size; k++)
        if (memcmp(bytes + k, word, 4) == 0) return bytes + k;
    fail_msg("no '%s'", word);
    return NULL;
}

// ffmpeg, arecord, sox and others write such headers when they write to a pipe, and whoever is killed leaves them.
static void samples_whose_length_was_left_open_go_on_to_the_end(void **state) {
    (void)state;
    enum { FRAMES = 1000 };
    static const uint8_t open[] = {0, 0xff};
    static float tone[FRAMES], silence[FRAMES];
    for (size_t t = 0; t < FRAMES; t++) tone[t] = 0.5f * sine(440, 8000, t);
    for (size_t k = 0; k < 4 * CV_COUNT(sorts); k++) {
        const struct sort *sort = &sorts[k / 4];
        path p;
        size_t size;
        cv_sound whole, streamed;
        convo_error err = {0};
        assert_true(write_sound(sort->name, sort->format, 8000, 1, k & 1 ? silence : tone, FRAMES, &p));
        assert_int_equal(cv_sound_read(p.text, 0, &whole, NULL), CONVO_OK);
        assert_int_equal(whole.count, FRAMES);
        uint8_t *bytes = read_bytes(p.text, &size), *length = bytes + sort->at;
        if (!sort->at) length = find(bytes, size, "data") + 4;
        memset(length, open[k >> 1 & 1], (size_t)sort->bytes);
        if (memcmp(bytes + 8, "WAVE", 4) == 0) memset(bytes + 4, open[k >> 1 & 1], 4);
        if (sort->at == 8 && !open[k >> 1 & 1]) memset(length, 0xff, 4); // AU has but one way
        if (cv_sound_read(write_bytes(sort->name, bytes, size).text, 0, &streamed, &err))
            fail_msg("%s, %d: %s", sort->name, open[k >> 1 & 1], err.message);
        if (streamed.count != FRAMES || memcmp(streamed.sample, whole.sample, FRAMES * sizeof(float)) != 0)
            fail_msg("%s, %d: %zu samples", sort->name, open[k >> 1 & 1], streamed.count);
        cv_sound_free(&whole);
        cv_sound_free(&streamed);
        free(bytes);
    }
}

static void an_empty_recording_with_a_title_has_no_samples(void **state) {
    (void)state;
    static const float none[1];
    path p;
    size_t size;
    assert_true(write_sound("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 8000, 1, none, 0, &p));
    uint8_t *wav = read_bytes(p.text, &size), titled[44 + 16];
    memcpy(titled, wav, 44);
    memcpy(titled + 44, "LIST\10\0\0\0INFOxxxx", 16);
    check_refused("title", write_bytes("none.wav", titled, sizeof titled).text, 0, CONVO_FORMAT, "holds no samples");
    free(wav);
}

static void a_recording_that_was_cut_short_is_refused(void **state) {
    (void)state;
    static float value[1000];
    for (size_t k = 0; k < CV_COUNT(sorts); k++) {
        path p;
        size_t size;
        assert_true(write_sound(sorts[k].name, sorts[k].format, 8000, 1, value, CV_COUNT(value), &p));
        uint8_t *bytes = read_bytes(p.text, &size);
        check_refused(sorts[k].name, write_bytes(sorts[k].name, bytes, size - 500).text, 0, CONVO_FORMAT,
                      "is cut short");
        free(bytes);
    }
}

// Bits 108 to 143 of STREAMINFO, which begins at byte 8, are the number of samples; 0 means unknown.
static void put_flac_total(uint8_t *flac, uint32_t total) {
    flac[21] &= 0xf0;
    for (size_t k = 0; k < 4; k++) flac[22 + k] = (uint8_t)(total >> (24 - 8 * k));
}

static void a_flac_header_is_checked_against_what_is_there(void **state) {
    (void)state;
    size_t size;
    cv_sound whole, streamed;
    uint8_t *flac = read_bytes(flac_file, &size);
    assert_int_equal(cv_sound_read(flac_file, 0, &whole, NULL), CONVO_OK);
    put_flac_total(flac, 0);
    assert_int_equal(cv_sound_read(write_bytes("unknown.flac", flac, size).text, 0, &streamed, NULL), CONVO_OK);
    assert_int_equal(streamed.count, whole.count);
    assert_memory_equal(streamed.sample, whole.sample, whole.count * sizeof(float));
    put_flac_total(flac, 4000000000u);
    check_refused("more promised", write_bytes("more.flac", flac, size).text, 0, CONVO_FORMAT, "is cut short");
    cv_sound_free(&whole);
    cv_sound_free(&streamed);
    free(flac);
}

// Reads the bytes as a file; an error must be a sentence and leave nothing behind.
static convo_status read_damaged(const char *name, const uint8_t *data, size_t size) {
    cv_sound sound;
    convo_error err = {0};
    path p = write_bytes(name, data, size);
    convo_status status = cv_sound_read(p.text, 0, &sound, &err);
    if (status && (!err.message[0] || strcmp(err.where, p.text) != 0 || sound.sample))
        fail_msg("%s: no clear error", name);
    cv_sound_free(&sound);
    return status;
}

static void a_truncated_flac_is_never_taken_for_a_whole_one(void **state) {
    (void)state;
    size_t size;
    uint8_t *flac = read_bytes(flac_file, &size);
    assert_int_equal(read_damaged("cut.flac", flac, size), CONVO_OK);
    for (size_t cut = 0; cut < size; cut += 64)
        if (read_damaged("cut.flac", flac, cut) != CONVO_FORMAT) fail_msg("%zu bytes of %zu were accepted", cut, size);
    if (read_damaged("cut.flac", flac, size - 1) != CONVO_FORMAT) fail_msg("a file without its last byte was accepted");
    free(flac);
}

// Every frame has a checksum. Only the MD5 of the header, which is not compared, could show a header that promises
// fewer samples than there are (bytes 21 to 25).
static void a_flac_with_a_changed_byte_is_refused_or_sounds_the_same(void **state) {
    (void)state;
    size_t size;
    cv_sound whole, sound;
    uint8_t *flac = read_bytes(flac_file, &size);
    assert_int_equal(cv_sound_read(flac_file, 0, &whole, NULL), CONVO_OK);
    int accepted = 0;
    for (size_t at = 0; at < size; at += at < 42 ? 1 : 23) { // STREAMINFO ends at 42
        if (at >= 21 && at <= 25) continue;
        flac[at] ^= 0x10;
        if (cv_sound_read(write_bytes("changed.flac", flac, size).text, 0, &sound, NULL) == CONVO_OK) {
            accepted++;
            if (sound.count != whole.count || memcmp(sound.sample, whole.sample, whole.count * sizeof(float)) != 0)
                fail_msg("with byte %zu changed it is taken, and its samples are others", at);
        }
        cv_sound_free(&sound);
        flac[at] ^= 0x10;
    }
    assert_in_range(accepted, 16, 60); // the MD5 and little else
    cv_sound_free(&whole);
    free(flac);
}

// libsndfile passes over a page with a wrong checksum, which leaves fewer samples than the last page counts.
static void an_ogg_file_that_lacks_a_page_is_refused(void **state) {
    (void)state;
    enum { FRAMES = 160000 };
    static const int formats[] = {SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_OGG | SF_FORMAT_OPUS};
    float *value = calloc(FRAMES, sizeof *value);
    uint32_t random = 1;
    for (size_t t = 0; t < FRAMES; t++)
        value[t] = 0.2f * sine(300, 48000, t) + (float)((random = random * 1664525u + 1013904223u) >> 22) / 5000;
    for (size_t k = 0; k < CV_COUNT(formats); k++) {
        path p;
        size_t size;
        if (!write_sound("pages.ogg", formats[k], 48000, 1, value, FRAMES, &p)) continue; // no Opus in this libsndfile
        uint8_t *bytes = read_bytes(p.text, &size);
        cv_sound whole;
        assert_int_equal(cv_sound_read(p.text, 0, &whole, NULL), CONVO_OK);
        assert_int_equal(whole.count, FRAMES);
        cv_sound_free(&whole);
        bytes[size / 2] ^= 4;
        check_refused("a damaged page", write_bytes("damaged.ogg", bytes, size).text, 0, CONVO_FORMAT,
                      "160000 samples");
        free(bytes);
    }
    free(value);
}

static void programs_read_recordings_whole_or_their_beginning(void **state) {
    (void)state;
    cv_sound sound;
    convo_recording whole, beginning;
    assert_int_equal(cv_sound_read(flac_file, 0, &sound, NULL), CONVO_OK);
    assert_int_equal(convo_recording_read(flac_file, 0, &whole, NULL), CONVO_OK);
    assert_int_equal(convo_recording_read(flac_file, 0.1, &beginning, NULL), CONVO_OK);
    assert_int_equal(whole.rate, 8000);
    assert_int_equal(whole.count, sound.count);
    assert_int_equal(beginning.count, 800);
    assert_memory_equal(whole.sample, sound.sample, sound.count * sizeof(float));
    assert_memory_equal(beginning.sample, sound.sample, 800 * sizeof(float));
    convo_recording_free(&whole);
    convo_recording_free(&beginning);
    convo_recording_free(NULL);
    cv_sound_free(&sound);
}

static void damaged_files_do_no_harm(void **state) {
    (void)state;
    static const int formats[] = {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_WAV | SF_FORMAT_PCM_16,
                                  SF_FORMAT_OGG | SF_FORMAT_VORBIS, SF_FORMAT_AIFF | SF_FORMAT_FLOAT};
    static float value[1000];
    for (size_t t = 0; t < CV_COUNT(value); t++) value[t] = sine(300, 8000, t);
    uint32_t random = 1;
    for (size_t k = 0; k < CV_COUNT(formats); k++) {
        path p;
        size_t size;
        assert_true(write_sound("whole", formats[k], 8000, 1, value, CV_COUNT(value), &p));
        uint8_t *data = read_bytes(p.text, &size);
        for (size_t cut = 0; cut < size; cut += 64) read_damaged("damaged", data, cut);
        for (int round = 0; round < 200; round++) { // the header gets half of the hits
            random = random * 1664525 + 1013904223;
            size_t at = (random >> 8) % (round % 2 ? size : 64);
            uint8_t kept = data[at];
            data[at] = (uint8_t)(random >> 3);
            read_damaged("damaged", data, size);
            data[at] = kept;
        }
        free(data);
    }
}

int main(void) {
    const struct CMUnitTest sound[] = {
        cmocka_unit_test(channels_of_every_format_are_mixed_to_their_mean),
        cmocka_unit_test(resampling_keeps_frequency_amplitude_and_time),
        cmocka_unit_test(a_piece_is_a_part_of_the_whole_recording),
        cmocka_unit_test(bad_files_are_refused_in_words),
        cmocka_unit_test(samples_whose_length_was_left_open_go_on_to_the_end),
        cmocka_unit_test(an_empty_recording_with_a_title_has_no_samples),
        cmocka_unit_test(a_recording_that_was_cut_short_is_refused),
        cmocka_unit_test(a_flac_header_is_checked_against_what_is_there),
        cmocka_unit_test(a_truncated_flac_is_never_taken_for_a_whole_one),
        cmocka_unit_test(a_flac_with_a_changed_byte_is_refused_or_sounds_the_same),
        cmocka_unit_test(an_ogg_file_that_lacks_a_page_is_refused),
        cmocka_unit_test(programs_read_recordings_whole_or_their_beginning),
        cmocka_unit_test(damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(sound, make_folder, remove_folder);
}
