// Segments and windows of recordings that a CSV file lists with times.
#include "data/dataset.h"
#include "sounds.h"

enum { RATE = 1000 };

static convo_status open_list(const char *folder, const char *file, const char *text, const char *options,
                              cv_dataset **dataset, convo_error *err) {
    const cv_data_kind *kind = &cv_data_manifest;
    void *config = calloc(1, kind->config_size);
    char why[256], copy[256], *rest = copy, *path = cv_format("%s%s%s", folder, *file ? "/" : "", file);
    cv_options_default(kind->schema, config);
    snprintf(copy, sizeof copy, "%s", options);
    for (char *part; (part = strtok_r(rest, ";", &rest));) {
        char *value = strchr(part, '=');
        *value++ = 0;
        if (!cv_option_set(cv_option_find(kind->schema, part), config, value, why, sizeof why)) fail_msg("%s", why);
    }
    if (text) write_file(folder, file, text, strlen(text));
    const convo_status status = cv_dataset_open(kind, path, config, dataset, err);
    free(config);
    free(path);
    return status;
}

// "label start+seconds part" of each example.
static void check_examples(const cv_dataset *d, const char *want) {
    char got[1024] = "";
    for (size_t i = 0; i < d->count; i++) {
        const cv_example *e = &d->example[i];
        cv_append(got, sizeof got, "%s%s %g+%g%s", i ? ", " : "", d->labels[e->label], e->piece.start, e->piece.seconds,
                  strstr(e->path, "/b.wav") ? " b" : "");
    }
    assert_string_equal(got, want);
}

static void times_become_pieces_and_windows(void **state) {
    static const struct {
        const char *options, *rows, *examples;
    } cases[] = {
        {"", "a.wav,0.5,1.5,yes\na.wav,2,,no\nb.wav,,,no", "yes 0.5+1, no 2+0, no 0+0 b"},
        {"window=1", "a.wav,0,1.6,yes\na.wav,1.6,3,no", "yes 0+1, yes 1+1, no 2+1"}, // 0.6 of the second window
        {"window=1;hop=0.5", "a.wav,1.2,1.5,yes", "yes 0.5+1, yes 1+1"},             // all of a short segment
        {"window=1;hop=0.5", "a.wav,0,1.1,no\na.wav,1.2,1.5,yes", "no 0+1, no 0.5+1, yes 1+1"}, // the larger share
        {"window=1;rest=_silence_", "b.wav,,,no\na.wav,1,1.4,yes",
         "_silence_ 0+1, yes 1+1, _silence_ 2+1, _silence_ "
         "3+1, no 0+1 b"},
        {"window=2", "b.wav,,,no", "no 0+2 b"}, // shorter than a window
    };
    write_tone(*state, "a.wav", RATE, 4000, 1000);
    write_tone(*state, "b.wav", RATE, 1500, 1000);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset *d;
        convo_error err = {.message = ""};
        char *text = cv_format("path,start,end,label\n%s\n", cases[k].rows);
        if (open_list(*state, "list.csv", text, cases[k].options, &d, &err)) fail_msg("%s: %s", err.where, err.message);
        check_examples(d, cases[k].examples);
        cv_dataset_free(d);
        free(text);
    }
}

static void windows_of_a_recording_are_a_group(void **state) {
    cv_dataset *d;
    write_tone(*state, "a.wav", RATE, 3000, 1000);
    write_tone(*state, "b.wav", RATE, 2000, 1000);
    assert_int_equal(
        open_list(*state, "list.csv", "path,label,split\na.wav,x,train\nb.wav,y,test\n", "window=1", &d, NULL), 0);
    assert_int_equal(d->group_count, 2);
    assert_string_equal(d->groups[0], "a.wav");
    for (size_t i = 0; i < d->count; i++) {
        assert_int_equal(d->example[i].group, i > 2);
        assert_int_equal(d->example[i].part, i > 2 ? CONVO_TEST : CONVO_TRAIN);
    }
    cv_dataset_free(d);
    assert_int_equal(
        open_list(*state, "list.csv", "path,label,speaker\na.wav,x,ann\nb.wav,y,ann\n", "window=1", &d, NULL), 0);
    assert_int_equal(d->group_count, 1);
    cv_dataset_free(d);
}

static void a_folder_has_a_list_beside_each_recording(void **state) {
    cv_dataset *d;
    convo_error err;
    write_tone(*state, "a.wav", RATE, 2000, 1000);
    write_tone(*state, "b.wav", RATE, 2000, 1000);
    write_file(*state, "a.csv", "start,end,label\n0,1,x\n1,2,y\n", 28);
    assert_int_equal(open_list(*state, "", NULL, "window=1", &d, &err), CONVO_FORMAT);
    assert_non_null(strstr(err.message, "b.wav has no list"));
    assert_null(convo_data_guess(*state));
    write_file(*state, "b.csv", "end;start;label\n1;0;y\n", 22);
    assert_int_equal(open_list(*state, "", NULL, "window=1", &d, NULL), CONVO_OK);
    check_examples(d, "x 0+1, y 1+1, y 0+1 b");
    cv_dataset_free(d);
}

static void times_that_make_no_sense_are_refused(void **state) {
    static const struct {
        const char *options, *text, *says;
    } cases[] = {
        {"", "path,start,end,label\na.wav,1,0.5,x\n", "end must be after start"},
        {"", "path,start,end,label\na.wav,-1,0.5,x\n", "start must be a number of seconds"},
        {"", "path,start,end,label\na.wav,1,2s,x\n", "end must be a number of seconds, not '2s'"},
        {"window=1", "path,start,end,label\na.wav,2.5,3,x\n", "is 2 s long, and a segment"},
        {"window=1", "path,split,label\na.wav,train,x\na.wav,test,x\n", "two parts of the split"},
        {"hop=1", "path,label\na.wav,x\n", "hop and rest need window"},
        {"window=1", "path,start,end,label\na.wav,0,0.2,x\na.wav,0,0.2,x\ngone.wav,0,1,x\n", "cannot be opened"},
    };
    write_tone(*state, "a.wav", RATE, 2000, 1000);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset *d;
        convo_error err = {.message = ""};
        if (!open_list(*state, "list.csv", cases[k].text, cases[k].options, &d, &err) ||
            !strstr(err.message, cases[k].says))
            fail_msg("case %zu: wanted '%s', got '%s'", k, cases[k].says, err.message);
    }
}

static void skipped(void **state) {
    (void)state;
    print_message("[  SKIPPED ] this build cannot read CSV files\n");
    skip();
}

int main(void) {
    if (cv_data_manifest.missing) {
        const struct CMUnitTest none[] = {cmocka_unit_test(skipped)};
        return cmocka_run_group_tests_name("windows", none, NULL, NULL);
    }
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(times_become_pieces_and_windows),
        IN_FOLDER(windows_of_a_recording_are_a_group),
        IN_FOLDER(a_folder_has_a_list_beside_each_recording),
        IN_FOLDER(times_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
