// Keyword sets: words, others and silence in every part, from folders named as those of Speech Commands.
#include "data/dataset.h"
#include "sounds.h"

enum { SPEAKERS = 60, WORDS = 6, RATE = 1000 };
static const char *const words[WORDS] = {"yes", "no", "up", "bed", "cat", "dog"};

static void put_empty(const char *folder, const char *name) { // word/name
    char *path = cv_format("%s/%s", folder, name);
    *strrchr(path, '/') = 0;
    assert_int_equal(cv_folder_make(path, NULL), CONVO_OK);
    free(path);
    write_file(folder, name, "", 0);
}

static void put_noise(const char *folder, const char *name, size_t samples) {
    char *noise = cv_format("%s/_background_noise_", folder);
    assert_int_equal(cv_folder_make(noise, NULL), CONVO_OK);
    write_tone(noise, name, RATE, samples, 1000);
    free(noise);
}

// Every speaker says every word, a third of them twice.
static void put_words(const char *folder) {
    char name[64];
    for (unsigned k = 0; k < SPEAKERS; k++)
        for (unsigned w = 0; w < WORDS; w++)
            for (unsigned take = 0; take < (k % 3 ? 1 : 2); take++) {
                snprintf(name, sizeof name, "%s/%08x_nohash_%u.wav", words[w], k * 0x1234567, take);
                put_empty(folder, name);
            }
    put_noise(folder, "a.wav", 1500);
    put_noise(folder, "b.wav", 4000);
    put_noise(folder, "README.md", 10);
}

static convo_status open_set(const char *folder, const char *options, cv_dataset **dataset, convo_error *err) {
    const cv_data_kind *kind = &cv_data_speech_commands_v2;
    void *config = calloc(1, kind->config_size);
    char why[256], text[256], *rest = text;
    cv_options_default(kind->schema, config);
    snprintf(text, sizeof text, "%s", options);
    for (char *part; (part = strtok_r(rest, ";", &rest));) {
        char *value = strchr(part, '=');
        *value++ = 0;
        if (!cv_option_set(cv_option_find(kind->schema, part), config, value, why, sizeof why))
            fail_msg("%s: %s", part, why);
    }
    const convo_status status = cv_dataset_open(kind, folder, config, dataset, err);
    free(config);
    return status;
}

static cv_dataset *open_good(const char *folder, const char *options) {
    cv_dataset *dataset;
    convo_error err = {.message = ""};
    if (open_set(folder, options, &dataset, &err)) fail_msg("%s: %s", err.where, err.message);
    return dataset;
}

static size_t count_of(const cv_dataset *d, const char *label, int32_t part) {
    size_t count = 0;
    for (size_t i = 0; i < d->count; i++)
        count += d->example[i].part == part && strcmp(d->labels[d->example[i].label], label) == 0;
    return count;
}

static void every_part_has_its_share_of_other_words_and_silence(void **state) {
    static const struct {
        const char *options;
        double unknown, silence;
        int labels;
    } cases[] = {
        {"keywords=yes no", 0.1, 0.1, 4},
        {"keywords=yes no;unknown=0.35;silence=0.02", 0.35, 0.02, 4},
        {"keywords=yes no;unknown=0", 0, 0.1, 3},
        {"keywords=yes no;silence=0;seed=7", 0.1, 0, 3},
        {"keywords=no yes no;unknown=1.5;silence=1", 1.5, 1, 4},
    };
    put_words(*state);
    cv_dataset *all = open_good(*state, "");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset *d = open_good(*state, cases[k].options);
        assert_int_equal(d->label_count, cases[k].labels);
        assert_string_equal(d->labels[d->label_count - 1], "yes");
        for (int32_t part = CONVO_TRAIN; part <= CONVO_TEST; part++) {
            const size_t yes = count_of(d, "yes", part), no = count_of(d, "no", part), n = yes + no;
            assert_int_equal(yes, count_of(all, "yes", part));
            assert_int_equal(no, count_of(all, "no", part));
            assert_true(n > 0);
            // ceil, as in Python: math.ceil(n * percent / 100)
            const int percent[] = {(int)lround(100 * cases[k].unknown), (int)lround(100 * cases[k].silence)};
            assert_int_equal(count_of(d, "_unknown_", part), (n * (size_t)percent[0] + 99) / 100);
            assert_int_equal(count_of(d, "_silence_", part), (n * (size_t)percent[1] + 99) / 100);
        }
        cv_dataset_free(d);
    }
    cv_dataset_free(all);
}

// 25 * 0.28 is above 7 in doubles.
static void a_share_is_rounded_up_as_a_percentage(void **state) {
    char name[64];
    for (unsigned k = 0; k < 50; k++) {
        snprintf(name, sizeof name, "%s/0a7c2a8d_nohash_%u.wav", k % 2 ? "yes" : "bed", k);
        put_empty(*state, name);
    }
    cv_dataset *d = open_good(*state, "keywords=yes;unknown=0.28;silence=0");
    assert_int_equal(d->count, 25 + 7);
    cv_dataset_free(d);
}

static void what_is_drawn_is_what_it_should_be(void **state) {
    put_words(*state);
    cv_dataset *d = open_good(*state, "keywords=yes no;unknown=0.5;silence=0.5"), *all = open_good(*state, "");
    size_t from[WORDS] = {0}, long_noise = 0, silences = 0, quiet = 0;
    for (size_t i = 0; i < d->count; i++) {
        const cv_example *e = &d->example[i];
        const char *label = d->labels[e->label];
        if (strcmp(label, "_silence_") == 0) {
            const double length = strstr(e->path, "/_background_noise_/a.wav") ? 1.5 : 4;
            if (length > 2) assert_non_null(strstr(e->path, "/_background_noise_/b.wav"));
            silences++;
            long_noise += length > 2;
            quiet += e->piece.gain < 0.5;
            if (!(e->piece.start >= 0 && e->piece.start + e->piece.seconds <= length && e->piece.seconds == 1 &&
                  e->piece.gain > 0 && e->piece.gain <= 1))
                fail_msg("%s from %g, gain %g", e->path, e->piece.start, e->piece.gain);
            for (size_t j = 0; j < i; j++)
                if (memcmp(&d->example[j].piece, &e->piece, sizeof e->piece) == 0) fail_msg("%zu is %zu again", i, j);
            assert_int_equal(e->group, -1);
            continue;
        }
        assert_memory_equal(&e->piece, &(cv_piece){0}, sizeof e->piece);
        for (size_t j = 0; j < i; j++)
            if (strcmp(d->example[j].path, e->path) == 0) fail_msg("%s appears twice", e->path);
        const char *slash = strrchr(e->path, '/'), *word = slash - 1;
        while (word[-1] != '/') word--;
        const bool keyword = strcmp(label, "_unknown_") != 0;
        for (size_t w = 0; w < WORDS; w++)
            if (strncmp(words[w], word, strlen(words[w])) == 0) {
                assert_int_equal(keyword, w < 2);
                if (keyword) assert_string_equal(label, words[w]);
                from[w]++;
            }
        assert_memory_equal(d->groups[e->group], slash + 1, 8);
        for (size_t j = 0; j < all->count; j++)
            if (strcmp(all->example[j].path, e->path) == 0) assert_int_equal(all->example[j].part, e->part);
    }
    for (size_t w = 2; w < WORDS; w++) assert_in_range(from[w], 8, 32); // 20 each on average
    assert_in_range(silences, 80, 83);
    assert_in_range(long_noise, 25, 57);
    assert_in_range(quiet, 25, 57);
    cv_dataset_free(d);
    cv_dataset_free(all);
}

static bool same(const cv_dataset *a, const cv_dataset *b) {
    if (a->count != b->count) return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->example[i].path, b->example[i].path) != 0 || a->example[i].label != b->example[i].label ||
            a->example[i].piece.start != b->example[i].piece.start)
            return false;
    return true;
}

static void the_seed_decides_what_is_drawn(void **state) {
    put_words(*state);
    cv_dataset *one = open_good(*state, "keywords=yes no"), *again = open_good(*state, "keywords=yes no;seed=0"),
               *other = open_good(*state, "keywords=yes no;seed=1");
    assert_true(same(one, again));
    assert_false(same(one, other));
    cv_dataset_free(one);
    cv_dataset_free(again);
    cv_dataset_free(other);
}

static void twelve_are_the_published_classes(void **state) {
    static const char *const all[] = {"_silence_", "_unknown_", "down",  "go",   "left", "no",
                                      "off",       "on",        "right", "stop", "up",   "yes"};
    char name[64];
    for (size_t k = 2; k < CV_COUNT(all); k++) {
        snprintf(name, sizeof name, "%s/0b7c2a8d_nohash_0.wav", all[k]);
        put_empty(*state, name);
    }
    put_empty(*state, "bed/01234567_nohash_0.wav");
    put_noise(*state, "a.wav", 1000);
    cv_dataset *d = open_good(*state, "keywords=12");
    assert_int_equal(d->label_count, CV_COUNT(all));
    for (size_t k = 0; k < CV_COUNT(all); k++) assert_string_equal(d->labels[k], all[k]);
    assert_int_equal(d->count, CV_COUNT(all));
    cv_dataset_free(d);
    d = open_good(*state, "keywords=12;unknown=0"); // the speaker of "bed" is gone
    assert_int_equal(d->group_count, 1);
    assert_int_equal(d->example[0].group, 0);
    cv_dataset_free(d);
}

// Its folders are the twelve classes; nothing is drawn, and there is no noise.
static void the_test_archive_is_taken_as_it_is(void **state) {
    static const char *const names[] = {
        "yes/815a47c5_nohash_0.wav",       "no/8a9a021e_nohash_0.wav", "_unknown_/815a47c5_nohash_0.wav",
        "_unknown_/c4647159_nohash_3.wav", "_silence_/0.wav",          "_silence_/1.wav"};
    for (size_t k = 0; k < CV_COUNT(names); k++) put_empty(*state, names[k]);
    cv_dataset *d = open_good(*state, "keywords=yes no;unknown=1;silence=1");
    assert_int_equal(d->count, CV_COUNT(names));
    for (size_t i = 0; i < d->count; i++) assert_int_equal(d->example[i].part, CONVO_TEST);
    assert_int_equal(count_of(d, "_unknown_", CONVO_TEST), 2);
    assert_int_equal(count_of(d, "_silence_", CONVO_TEST), 2);
    cv_dataset_free(d);
}

static void keywords_that_cannot_be_had_are_refused(void **state) {
    static const struct {
        const char *options, *says;
    } cases[] = {
        {"keywords=yes noo", "keywords: there is no folder 'noo' in it, did you mean 'no'?"},
        {"keywords=12", "keywords: there is no folder 'down' in it"},
        {"keywords=yes;classes=yes", "exclude each other"},
        {"unknown=0.1", "unknown, silence and seed need keywords"},
        {"seed=3", "unknown, silence and seed need keywords"},
        {"keywords=yes no up bed cat dog", "no other words to draw _unknown_ from; 'unknown: 0'"},
        {"keywords=yes no", "is shorter than the second"},
    };
    put_words(*state);
    put_noise(*state, "c.wav", 999);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset *d;
        convo_error err = {.message = ""};
        if (!open_set(*state, cases[k].options, &d, &err) || !strstr(err.message, cases[k].says))
            fail_msg("'%s': wanted '%s', got '%s'", cases[k].options, cases[k].says, err.message);
        assert_null(d);
    }
    char *command = cv_format("rm -r '%s/_background_noise_'", (char *)*state);
    assert_int_equal(system(command), 0);
    free(command);
    cv_dataset *d;
    convo_error err = {.message = ""};
    assert_int_equal(open_set(*state, "keywords=yes no", &d, &err), CONVO_FORMAT);
    assert_non_null(strstr(err.message, "holds no recordings in _background_noise_"));
    cv_dataset_free(open_good(*state, "keywords=yes no;silence=0"));
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(every_part_has_its_share_of_other_words_and_silence),
        IN_FOLDER(a_share_is_rounded_up_as_a_percentage),
        IN_FOLDER(what_is_drawn_is_what_it_should_be),
        IN_FOLDER(the_seed_decides_what_is_drawn),
        IN_FOLDER(twelve_are_the_published_classes),
        IN_FOLDER(the_test_archive_is_taken_as_it_is),
        IN_FOLDER(keywords_that_cannot_be_had_are_refused),
    };
    return cmocka_run_group_tests_name("keywords", tests, NULL, NULL);
}
