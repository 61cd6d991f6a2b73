// CSV manifests: what is read, what is refused and where, and that no file at all does harm.
#include "base/random.h"
#include "data/dataset.h"
#include "sounds.h"

static char *put(const char *folder, const void *text, size_t size) {
    write_file(folder, "list.csv", text, size);
    return cv_format("%s/list.csv", folder);
}

static cv_dataset *open_text(const char *folder, const char *text) {
    cv_dataset *dataset;
    convo_error err = {.message = ""};
    char *path = put(folder, text, strlen(text));
    if (cv_dataset_open(&cv_data_manifest, path, NULL, &dataset, &err)) fail_msg("%s: %s", err.where, err.message);
    free(path);
    return dataset;
}

static void rows_are_examples_in_their_order(void **state) {
    cv_dataset *dataset = open_text(*state, "path,label,split,group\n"
                                            "b.wav,cat,train,ann\n"
                                            "sub/a.wav,bed,validation,bob\n"
                                            "/abs/c.wav,cat,test,\n");
    assert_int_equal(dataset->count, 3);
    assert_int_equal(dataset->label_count, 2);
    assert_int_equal(dataset->group_count, 2);
    static const struct {
        const char *path, *label, *group;
        bool relative;
        int part;
    } wanted[] = {{"b.wav", "cat", "ann", true, CONVO_TRAIN},
                  {"sub/a.wav", "bed", "bob", true, CONVO_VALIDATION},
                  {"/abs/c.wav", "cat", NULL, false, CONVO_TEST}};
    for (size_t k = 0; k < CV_COUNT(wanted); k++) {
        const cv_example *e = &dataset->example[k];
        char *path = cv_format("%s%s%s", wanted[k].relative ? (char *)*state : "", wanted[k].relative ? "/" : "",
                               wanted[k].path);
        assert_string_equal(e->path, path);
        free(path);
        assert_string_equal(dataset->labels[e->label], wanted[k].label);
        assert_string_equal(e->group < 0 ? "" : dataset->groups[e->group], wanted[k].group ? wanted[k].group : "");
        assert_int_equal(e->part, wanted[k].part);
    }
    cv_dataset_free(dataset);
}

static void fields_may_be_quoted(void **state) {
    cv_dataset *dataset = open_text(*state, "\xef\xbb\xbf\"label\",duration,\"path\"\r\n"
                                            "\"say \"\"yes\"\"\",1.5,\"/a, b.wav\"\r\n"
                                            "\r\n"
                                            "\"two\nlines\",2,/c.wav"); // no end of line
    assert_int_equal(dataset->count, 2);
    assert_string_equal(dataset->example[0].path, "/a, b.wav");
    assert_string_equal(dataset->labels[dataset->example[0].label], "say \"yes\"");
    assert_string_equal(dataset->labels[dataset->example[1].label], "two\nlines");
    assert_int_equal(dataset->example[0].part, -1);
    assert_int_equal(dataset->example[0].group, -1);
    cv_dataset_free(dataset);
}

static void semicolons_and_tabs_separate_too(void **state) {
    static const char *const texts[] = {
        "label;speaker;Path\r\ncat;ann;/a, b.wav\r\ndog;;/c.wav\r\n",
        "LABEL\tSpeaker\tpath\ncat\tann\t/a, b.wav\ndog\t\t/c.wav\n",
        "\n\"label\",\"speaker\",\"path\"\ncat,ann,\"/a, b.wav\"\ndog,,/c.wav",
        "label;speaker;path;\"said by, at, in, of\"\ncat;ann;/a, b.wav;x\ndog;;/c.wav;y\n",
    };
    for (size_t k = 0; k < CV_COUNT(texts); k++) {
        cv_dataset *dataset = open_text(*state, texts[k]);
        assert_int_equal(dataset->count, 2);
        assert_string_equal(dataset->example[0].path, "/a, b.wav");
        assert_string_equal(dataset->labels[1], "dog");
        assert_int_equal(dataset->group_count, 1);
        assert_string_equal(dataset->groups[0], "ann");
        assert_int_equal(dataset->example[1].group, -1);
        cv_dataset_free(dataset);
    }
}

static void parts_have_the_names_that_people_give_them(void **state) {
    cv_dataset *dataset = open_text(*state, "path,label,split\na,x,Train\nb,x,VAL\nc,x,dev\nd,x,valid\ne,x,eval\n"
                                            "f,x,testing\ng,x,training\n");
    static const int parts[] = {CONVO_TRAIN, CONVO_VALIDATION, CONVO_VALIDATION, CONVO_VALIDATION,
                                CONVO_TEST,  CONVO_TEST,       CONVO_TRAIN};
    assert_int_equal(dataset->count, CV_COUNT(parts));
    for (size_t k = 0; k < CV_COUNT(parts); k++) assert_int_equal(dataset->example[k].part, parts[k]);
    cv_dataset_free(dataset);
}

static void columns_that_are_not_read_are_told(void **state) {
    cv_dataset *dataset = open_text(*state, "path,age,label,country\na,7,x,nl\n");
    const convo_finding *found = &dataset->found.of[CV_FOUND_COLUMN];
    assert_string_equal(found->sentence, "ignored 2 columns of the manifest: age, country");
    assert_false(found->fault);
    cv_dataset_free(dataset);
}

static void what_is_wrong_is_said_with_its_line(void **state) {
    static const struct {
        const char *text, *line, *says;
    } cases[] = {
        {"", "list.csv", "has no rows"},
        {"path,label\n", "list.csv", "has no rows"},
        {"file,label\na,b\n", "list.csv:1", "must name the columns 'path' and 'label'"},
        {"a.wav,cat\n", "list.csv:1", "must name the columns"},
        {"path,lable\na,b\n", "list.csv:1", "did you mean 'label'?"},
        {"path,label,path\n", "list.csv:1", "duplicate column"},
        {"path,label,Speaker,group\n", "list.csv:1", "duplicate column 'group' ('speaker' is 'group')"},
        {"path|label\na|b\n", "list.csv:1", "separated by commas, semicolons or tabs"},
        {"path,label,speakr\na,b,c\n", "list.csv:1", "did you mean 'speaker'?"},
        {"path;label\na.wav;b\nc,d;\n", "list.csv:3", "has no label"},
        {"path,label\na,b\n\nc\n", "list.csv:4", "has 1 fields, the first line names 2 columns"},
        {"path,label\na,b,c\n", "list.csv:2", "has 3 fields"},
        {"path,label\na,b\n,c\n", "list.csv:3", "has no path"},
        {"path,label\na,\n", "list.csv:2", "has no label"},
        {"path,label,split\na,b,train\nc,d,tset\n", "list.csv:3", "not 'tset'"},
        {"path,label,split\na,b,\n", "list.csv:2", "split must be"},
        {"path,label\na,b\nc,\"d\n", "list.csv:3", "quote"},
        {"path,label\na,b\n\"c,d\ne,f\n", "list.csv:3", "quote"},
        {"path,label\na,b\nc,d\"e\n", "list.csv:3", "quote"},
        {"path,label\na,\"b\"c\n", "list.csv:2", "quote"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char *path = put(*state, cases[k].text, strlen(cases[k].text));
        cv_dataset *dataset;
        convo_error err = {.message = ""};
        if (cv_dataset_open(&cv_data_manifest, path, NULL, &dataset, &err) != CONVO_FORMAT ||
            !strstr(err.message, cases[k].says) || strcmp(strrchr(err.where, '/') + 1, cases[k].line) != 0)
            fail_msg("case %zu: wanted %s: '%s', got %s: '%s'", k, cases[k].line, cases[k].says, err.where,
                     err.message);
        free(path);
    }
    static const char nul[] = "path,label\na\0b,c\n";
    char *path = put(*state, nul, sizeof nul - 1);
    cv_dataset *dataset;
    convo_error err = {.message = ""};
    assert_int_equal(cv_dataset_open(&cv_data_manifest, path, NULL, &dataset, &err), CONVO_FORMAT);
    assert_non_null(strstr(err.message, "0 byte"));
    assert_int_equal(cv_dataset_open(&cv_data_manifest, *state, NULL, &dataset, &err),
                     CONVO_FORMAT); // a folder without recordings
    free(path);
}

static void open_anything(const char *folder, const char *text, size_t size) {
    cv_dataset *dataset;
    convo_error err = {.message = ""};
    char *path = put(folder, text, size);
    if (!cv_dataset_open(&cv_data_manifest, path, NULL, &dataset, &err)) {
        assert_true(dataset->count > 0);
        for (size_t i = 0; i < dataset->count; i++)
            assert_in_range(dataset->example[i].label, 0, dataset->label_count - 1);
        cv_dataset_free(dataset);
    } else {
        assert_int_equal(err.code, CONVO_FORMAT);
        assert_non_null(strstr(err.where, "list.csv"));
    }
    free(path);
}

static const char sample[] = "path,label,split,group\r\n"
                             "\"a,\"\"1\"\".wav\",cat,train,ann\r\n"
                             "b.wav , \"bed\" ,test, bob\n"
                             "c.wav,\"two\r\nlines\",validation,\n";

static void a_file_cut_anywhere_does_no_harm(void **state) {
    for (size_t size = 0; size < sizeof sample; size++) open_anything(*state, sample, size);
}

static void a_file_with_wrong_bytes_does_no_harm(void **state) {
    static const char likely[] = {',', '"', '\n', '\r', ' ', 0, 'a', (char)0xff};
    cv_random random;
    cv_random_seed(&random, 1);
    for (int round = 0; round < 500; round++) {
        char text[sizeof sample];
        memcpy(text, sample, sizeof sample);
        for (int k = 0; k < 3; k++)
            text[cv_random_u32(&random) % sizeof text] = likely[cv_random_u32(&random) % sizeof likely];
        open_anything(*state, text, sizeof text - 1);
    }
}

static void a_manifest_is_guessed_and_described(void **state) {
    static const char text[] = "path,label\none.wav,cat\ntwo.wav,bed\n";
    char *path = put(*state, "", 0);
    assert_string_equal(convo_data_guess(path), "manifest"); // whose reader says that it has no rows
    free(path);
    path = put(*state, text, strlen(text));
    write_tone(*state, "one.wav", 8000, 800, 1000);
    write_tone(*state, "two.wav", 8000, 1600, 1000);
    convo_data_info info;
    assert_string_equal(convo_data_guess(path), "manifest");
    assert_int_equal(convo_data_describe("manifest", path, &(convo_train_options){.threads = 1}, &info, NULL),
                     CONVO_OK);
    assert_int_equal(info.files, 2);
    assert_int_equal(info.unreadable, 0);
    assert_true(info.longest == 0.2);
    convo_data_info_free(&info);
    free(path);
}

static void a_build_without_the_library_says_what_to_install(void **state) {
    (void)state;
    cv_dataset *dataset;
    convo_error err;
    assert_int_equal(cv_dataset_open(&cv_data_manifest, "x.csv", NULL, &dataset, &err), CONVO_UNSUPPORTED);
    assert_non_null(strstr(err.message, "libcsv-dev"));
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest without[] = {cmocka_unit_test(a_build_without_the_library_says_what_to_install)};
    const struct CMUnitTest tests[] = {
        IN_FOLDER(semicolons_and_tabs_separate_too),
        IN_FOLDER(parts_have_the_names_that_people_give_them),
        IN_FOLDER(columns_that_are_not_read_are_told),
        IN_FOLDER(rows_are_examples_in_their_order),
        IN_FOLDER(fields_may_be_quoted),
        IN_FOLDER(what_is_wrong_is_said_with_its_line),
        IN_FOLDER(a_file_cut_anywhere_does_no_harm),
        IN_FOLDER(a_file_with_wrong_bytes_does_no_harm),
        IN_FOLDER(a_manifest_is_guessed_and_described),
    };
    if (cv_data_manifest.missing) return cmocka_run_group_tests_name("manifest", without, NULL, NULL);
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
