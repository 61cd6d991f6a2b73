// Folders of word folders: which are classes, who speaks, which part each recording is in.
#include "base/option.h"
#include "data/dataset.h"
#include "sounds.h"

static void make_empty(const char *folder, const char *name) { // word/name
    char *path = cv_format("%s/%s", folder, name), *slash = strrchr(path, '/');
    *slash = 0;
    assert_int_equal(cv_folder_make(path, NULL), CONVO_OK);
    free(path);
    write_file(folder, name, "", 0);
}

static convo_status open_with(const char *folder, const char *classes, cv_dataset **dataset, convo_error *err) {
    const cv_data_kind *kind = &cv_data_audiofolder;
    void *config = cv_alloc(1, kind->config_size);
    char why[256];
    cv_options_default(kind->schema, config);
    assert_true(cv_option_set(cv_option_find(kind->schema, "classes"), config, classes, why, sizeof why));
    convo_status status = cv_dataset_open(kind, folder, config, dataset, err);
    free(config);
    return status;
}

static cv_dataset *open_folder(const char *folder, const char *classes) {
    cv_dataset *dataset;
    convo_error err = {.message = ""};
    if (open_with(folder, classes, &dataset, &err)) fail_msg("%s: %s", err.where, err.message);
    return dataset;
}

static void word_folders_are_classes(void **state) {
    static const struct {
        const char *name, *label, *group; // NULL: not an example; no speaker
    } cases[] = {
        // in the order of the examples
        {"_unknown_/a.aiff", "_unknown_", NULL},
        {"cat/0a7c2a8d_nohash_0.wav", "cat", "0a7c2a8d"},
        {"cat/0a7c2a8d_nohash_1.flac", "cat", "0a7c2a8d"},
        {"cat/notes.txt", NULL, NULL},
        {"cat/plain.MP3", "cat", NULL},
        {"happy/ffff_nohash_0.ogg", "happy", "ffff"},
        {"happy/.hidden.wav", NULL, NULL},
        {"happy/wav", NULL, NULL},
        {"zero/0a7c2a8d_nohash_0.wav", "zero", "0a7c2a8d"},
        {"_background_noise_/tap.wav", NULL, NULL},
        {".git/a.wav", NULL, NULL},
        {"__MACOSX/a.wav", NULL, NULL},
        {"./loose.wav", NULL, NULL},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) make_empty(*state, cases[k].name);
    cv_dataset *dataset = open_folder(*state, "");
    size_t i = 0;
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        if (!cases[k].label) continue;
        assert_true(i < dataset->count);
        const cv_example *e = &dataset->example[i++];
        char *path = cv_format("%s/%s", (char *)*state, cases[k].name);
        assert_string_equal(e->path, path);
        free(path);
        assert_string_equal(dataset->labels[e->label], cases[k].label);
        if (cases[k].group)
            assert_string_equal(dataset->groups[e->group], cases[k].group);
        else
            assert_int_equal(e->group, -1);
    }
    assert_int_equal(dataset->count, i);
    assert_int_equal(dataset->label_count, 4);
    assert_int_equal(dataset->group_count, 2);
    cv_dataset_free(dataset);
}

static void check_found(const cv_dataset *dataset, cv_finding kind, const char *sentence) {
    const convo_finding *found = &dataset->found.of[kind];
    if (strcmp(found->sentence, sentence) != 0) fail_msg("'%s', not '%s'", found->sentence, sentence);
}

static void every_folder_below_a_class_is_walked(void **state) {
    static const char *const names[] = {"a/1.wav",       "a/ann/2.wav", "a/ann/mon/3.caf", "a/bob/4.W64", "b/5.opus",
                                        "b/6.oga",       "b/7.au",      "b/8.aif",         "b/9.mp3",     "b/x/10.ogg",
                                        "b/x/notes.txt", "b/y.m4a",     "b/z/x/y/11.webm"};
    enum { TAKEN = 10 };
    for (size_t k = 0; k < CV_COUNT(names); k++) make_empty(*state, names[k]);
    cv_dataset *dataset = open_folder(*state, "");
    assert_int_equal(dataset->count, TAKEN);
    for (size_t i = 0; i < dataset->count; i++) {
        char *end = cv_format("/%s", names[i]);
        if (!strstr(dataset->example[i].path, end)) fail_msg("%s is not %s", dataset->example[i].path, names[i]);
        assert_int_equal(dataset->example[i].label, names[i][0] == 'b');
        free(end);
    }
    cv_dataset_free(dataset);
}

static void what_is_skipped_is_counted_and_named(void **state) {
    static const char *const names[] = {"a/1.wav", "a/2.m4a", "a/b/3.webm",  "a/4",
                                        "a/5.wma", "x.wav",   "a/notes.txt", "a/Thumbs.db"};
    for (size_t k = 0; k < CV_COUNT(names); k++) make_empty(*state, names[k]);
    char *loop = cv_format("%s/a/loop", (char *)*state), *empty = cv_format("%s/a/empty", (char *)*state);
    char *deep = cv_format("%s/a/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", (char *)*state);
    assert_int_equal(symlink("..", loop), 0);
    assert_int_equal(cv_folder_make(empty, NULL), CONVO_OK);
    assert_int_equal(cv_folder_make(deep, NULL), CONVO_OK);
    cv_dataset *dataset = open_folder(*state, "");
    check_found(dataset, CV_FOUND_FORMAT, "skipped 4 files of a format that is not read: a/2.m4a, a/4, a/5.wma, ...");
    check_found(dataset, CV_FOUND_OUTSIDE, "skipped 1 file outside of the class folders: x.wav");
    check_found(dataset, CV_FOUND_LOOP, "skipped 1 link back to a folder above: a/loop");
    check_found(dataset, CV_FOUND_EMPTY, "skipped 1 folder with nothing in it: a/empty");
    check_found(dataset, CV_FOUND_DEEP,
                "skipped 1 folder more than 16 levels deep: a/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16");
    cv_dataset_free(dataset);
    unlink(loop);
    free(loop);
    free(empty);
    free(deep);
}

static void a_class_without_a_recording_is_an_error(void **state) {
    static const char *const names[] = {"quiet/notes.txt", "loud/1.m4a", "both/x/y.webm"};
    make_empty(*state, "bed/1.wav");
    for (size_t k = 0; k < CV_COUNT(names); k++) {
        cv_dataset *dataset;
        convo_error err = {.message = ""};
        char *folder = cv_format("%s/%.*s", (char *)*state, (int)strcspn(names[k], "/"), names[k]);
        char *aside = cv_format("%s/.aside%zu", (char *)*state, k);
        make_empty(*state, names[k]);
        assert_int_equal(open_with(*state, "", &dataset, &err), CONVO_FORMAT);
        assert_string_equal(err.where, folder);
        if (!strstr(err.message, "this class holds no recordings")) fail_msg("%s", err.message);
        assert_string_equal(convo_data_guess(*state), "audiofolder");
        cv_dataset_free(open_folder(*state, "bed"));
        assert_int_equal(rename(folder, aside), 0);
        free(folder);
        free(aside);
    }
}

static void parts_may_be_folders(void **state) {
    static const struct {
        const char *name;
        int part;
    } cases[] = {
        {"TRAIN/bed/a_nohash_0.wav", CONVO_TRAIN},
        {"TRAIN/cat/ann/1.wav", CONVO_TRAIN},
        {"Training/cat/2.wav", CONVO_TRAIN},
        {"dev/bed/c.wav", CONVO_VALIDATION},
        {"val/cat/d.wav", CONVO_VALIDATION},
        {"valid/cat/d.wav", CONVO_VALIDATION},
        {"validation/cat/d.wav", CONVO_VALIDATION},
        {"eval/bed/e.wav", CONVO_TEST},
        {"testing/bed/815a47c5_nohash_0.wav", CONVO_TEST},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) make_empty(*state, cases[k].name);
    cv_dataset *dataset = open_folder(*state, "");
    assert_int_equal(dataset->count, CV_COUNT(cases));
    assert_int_equal(dataset->label_count, 2);
    assert_int_equal(dataset->group_count, 2);
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        if (dataset->example[k].part != cases[k].part || !strstr(dataset->example[k].path, cases[k].name))
            fail_msg("%s is in part %d", dataset->example[k].path, dataset->example[k].part);
    cv_dataset_free(dataset);
}

static void a_class_may_have_the_name_of_a_part(void **state) {
    make_empty(*state, "train/1.wav");
    make_empty(*state, "test/1.wav");
    cv_dataset *dataset = open_folder(*state, "");
    assert_int_equal(dataset->label_count, 2);
    cv_dataset_free(dataset);
    make_empty(*state, "bus/ann/1.wav");
    dataset = open_folder(*state, "");
    assert_int_equal(dataset->label_count, 3);
    assert_int_equal(dataset->example[0].part, -1);
    cv_dataset_free(dataset);
}

static void only_the_classes_asked_for_are_taken(void **state) {
    static const char *const lists[] = {"bed zero", "zero,bed", " zero , bed,", "bed bed zero", "bed\nzero\n"};
    make_empty(*state, "bed/1.wav");
    make_empty(*state, "cat/1.wav");
    make_empty(*state, "zero/1.wav");
    make_empty(*state, "zero/2.wav");
    make_empty(*state, "be/1.wav"); // beginnings, and what begins so
    make_empty(*state, "bedroom/1.wav");
    for (size_t k = 0; k < CV_COUNT(lists); k++) {
        cv_dataset *dataset = open_folder(*state, lists[k]);
        assert_int_equal(dataset->label_count, 2);
        assert_string_equal(dataset->labels[0], "bed");
        assert_string_equal(dataset->labels[1], "zero");
        assert_int_equal(dataset->count, 3);
        cv_dataset_free(dataset);
    }
}

static void classes_that_are_not_there_are_refused(void **state) {
    static const struct {
        const char *classes, *says;
        convo_status status;
    } cases[] = {
        {"bed hapy", "no folder 'hapy' in it, did you mean 'happy'?", CONVO_ARGUMENT},
        {"bed _background_noise_", "no folder '_background_noise_'", CONVO_ARGUMENT},
        {"bed ..", "no folder '..'", CONVO_ARGUMENT},
        {"bed quiet", "holds no recordings", CONVO_FORMAT},
        {"bed hey", "write names with spaces as a list, such as [hey mycroft]", CONVO_ARGUMENT},
    };
    make_empty(*state, "bed/1.wav");
    make_empty(*state, "happy/1.wav");
    make_empty(*state, "quiet/notes.txt");
    make_empty(*state, "hey mycroft/1.wav");
    make_empty(*state, "_background_noise_/1.wav");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset *dataset;
        convo_error err = {.message = ""};
        if (open_with(*state, cases[k].classes, &dataset, &err) != cases[k].status ||
            !strstr(err.message, cases[k].says))
            fail_msg("'%s': wanted '%s', got '%s'", cases[k].classes, cases[k].says, err.message);
        assert_null(dataset);
    }
}

static void a_folder_without_word_folders_is_refused(void **state) {
    cv_dataset *dataset;
    convo_error err;
    make_empty(*state, "./loose.wav");
    make_empty(*state, "_background_noise_/1.wav");
    assert_int_equal(open_with(*state, "", &dataset, &err), CONVO_FORMAT);
    assert_string_equal(err.where, *state);
    assert_int_equal(open_with("/no/such/folder", "", &dataset, &err), CONVO_IO);
}

// --- parts --------------------------------------------------------------------------------------------------------

// Computed with Python's hashlib by the rule of input_data.py; its percentages.
static void speakers_fall_into_parts_by_their_hash(void **state) {
    static const struct {
        const char *speaker;
        int part;
    } cases[] = {
        {"5804f922", CONVO_VALIDATION}, // 1.42
        {"3bab6c39", CONVO_VALIDATION}, // 7.79
        {"64c2f2e3", CONVO_VALIDATION}, // 9.97
        {"815a47c5", CONVO_TEST},       // 10.18
        {"8a9a021e", CONVO_TEST},       // 19.80
        {"c4647159", CONVO_TEST},       // 19.87
        {"b610a9f7", CONVO_TRAIN},      // 20.12
        {"3a902931", CONVO_TRAIN},      // 20.70
        {"f320cd57", CONVO_TRAIN},      // 97.76
    };
    char name[64];
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        for (int i = 0; i < 2; i++) {
            snprintf(name, sizeof name, "word/%s_nohash_%d.wav", cases[k].speaker, i);
            make_empty(*state, name);
        }
    cv_dataset *dataset = open_folder(*state, "");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        int seen = 0;
        for (size_t i = 0; i < dataset->count; i++) {
            const cv_example *e = &dataset->example[i];
            if (strcmp(dataset->groups[e->group], cases[k].speaker) != 0) continue;
            if (e->part != cases[k].part) fail_msg("%s is in part %d", e->path, e->part);
            seen++;
        }
        assert_int_equal(seen, 2);
    }
    cv_dataset_free(dataset);
}

// The lists come first, whatever the hash says; the ending does not count.
static void lists_decide_when_they_are_there(void **state) {
    static const char validation[] = "cat/b610a9f7_nohash_0.wav\r\ncat/gone.wav\r\n",
                      testing[] = "bed/5804f922_nohash_0.wav\ncat/plain.wav";
    static const struct {
        const char *name;
        int part;
    } cases[] = {
        {"bed/5804f922_nohash_0.flac", CONVO_TEST},
        {"bed/5804f922_nohash_1.flac", CONVO_TRAIN},
        {"cat/b610a9f7_nohash_0.wav", CONVO_VALIDATION},
        {"cat/plain.wav", CONVO_TEST},
        {"cat/plainer.wav", CONVO_TRAIN},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) make_empty(*state, cases[k].name);
    write_file(*state, "validation_list.txt", validation, strlen(validation));
    write_file(*state, "testing_list.txt", testing, strlen(testing));
    cv_dataset *dataset = open_folder(*state, "");
    assert_int_equal(dataset->count, CV_COUNT(cases));
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        if (dataset->example[k].part != cases[k].part)
            fail_msg("%s is in part %d", dataset->example[k].path, dataset->example[k].part);
    cv_dataset_free(dataset);
}

static void plain_names_have_no_official_split(void **state) {
    make_empty(*state, "bed/815a47c5_nohash_0.wav");
    make_empty(*state, "cat/1.wav");
    cv_dataset *dataset = open_folder(*state, "");
    cv_split_config official = {.by = 1, .seed = -1};
    cv_split split;
    convo_error err = {.message = ""};
    assert_int_equal(cv_split_make(&official, dataset, 0, &split, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "has no official split: give fractions"));
    cv_dataset_free(dataset);
}

static void three_words_of_speech_commands_have_their_counts(void **state) {
    (void)state;
    const char *data = getenv("CONVO_TEST_DATA");
    char *folder = data ? cv_format("%s/gsc3", data) : NULL;
    if (!folder || !cv_is_folder(folder)) {
        print_message("[  SKIPPED ] CONVO_TEST_DATA names no folder with gsc3, three words of Speech Commands\n");
        free(folder);
        skip();
        return;
    }
    cv_dataset *dataset = open_folder(folder, "");
    cv_split_config official = {.by = 1, .seed = -1};
    cv_split split;
    assert_int_equal(dataset->count, 5188);
    assert_int_equal(dataset->label_count, 3);
    assert_int_equal(cv_split_make(&official, dataset, 0, &split, NULL), CONVO_OK);
    assert_int_equal(split.count[CONVO_TRAIN], 4112);
    assert_int_equal(split.count[CONVO_VALIDATION], 554);
    assert_int_equal(split.count[CONVO_TEST], 522);
    cv_split_free(&split);
    cv_dataset_free(dataset);
    free(folder);
}

// --- describing ---------------------------------------------------------------------------------------------------

static void what_a_folder_holds_is_guessed(void **state) {
    char *words = cv_format("%s/words", (char *)*state), *digits = cv_format("%s/digits", (char *)*state);
    make_empty(words, "cat/1.wav");
    make_empty(digits, "./1_ann_0.wav");
    assert_string_equal(convo_data_guess(words), "audiofolder");
    assert_string_equal(convo_data_guess(digits), "fsdd");
    assert_null(convo_data_guess("/no/such/folder"));
    make_empty(words, "../nothing/here.txt");
    char *nothing = cv_format("%s/nothing", (char *)*state);
    assert_null(convo_data_guess(nothing));
    free(nothing);
    free(words);
    free(digits);
}

static void a_word_folder_is_described(void **state) {
    make_empty(*state, "bed/broken.wav");
    make_empty(*state, "cat/x");
    write_tone(*state, "cat/a_nohash_0.wav", 16000, 1600, 1000);
    write_tone(*state, "cat/b_nohash_0.wav", 16000, 3200, 1000);
    convo_data_info info;
    assert_int_equal(convo_data_describe("audiofolder", *state, &(convo_train_options){.threads = 2}, &info, NULL),
                     CONVO_OK);
    assert_int_equal(info.files, 3);
    assert_int_equal(info.class_count, 2);
    assert_string_equal(info.classes[1].name, "cat");
    assert_int_equal(info.classes[1].count, 2);
    assert_int_equal(info.group_count, 2);
    assert_int_equal(info.unreadable, 1);
    assert_true(fabs(info.seconds - 0.3) < 1e-9);
    convo_data_info_free(&info);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(word_folders_are_classes),
        IN_FOLDER(every_folder_below_a_class_is_walked),
        IN_FOLDER(what_is_skipped_is_counted_and_named),
        IN_FOLDER(a_class_without_a_recording_is_an_error),
        IN_FOLDER(parts_may_be_folders),
        IN_FOLDER(a_class_may_have_the_name_of_a_part),
        IN_FOLDER(only_the_classes_asked_for_are_taken),
        IN_FOLDER(classes_that_are_not_there_are_refused),
        IN_FOLDER(a_folder_without_word_folders_is_refused),
        IN_FOLDER(speakers_fall_into_parts_by_their_hash),
        IN_FOLDER(lists_decide_when_they_are_there),
        IN_FOLDER(plain_names_have_no_official_split),
        cmocka_unit_test(three_words_of_speech_commands_have_their_counts),
        IN_FOLDER(what_a_folder_holds_is_guessed),
        IN_FOLDER(a_word_folder_is_described),
    };
    return cmocka_run_group_tests_name("audiofolder", tests, NULL, NULL);
}
