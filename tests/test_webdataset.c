// Recordings in tar files: WebDataset's naming, every sort of tar header, damaged files; what is read is in place.
#include "audio/sound.h"
#include "base/slice.h"
#include "datasets.h"

#ifdef CONVO_HAVE_LIBARCHIVE
#include "packer.h"

static const cv_data_kind *const webdataset = &cv_data_webdataset;

// --- tar files, as libarchive writes them -------------------------------------------------------------------------

typedef struct member {
    const char *name; // NULL ends a list
    const char *text; // NULL: a recording of 100 + number samples
    int number;
    mode_t type; // 0: a file
} member;

enum { RATE = 8000, SHORTEST = 100 };

// The WAV file of a recording. Free it.
static cv_bytes recording(const char *folder, int number) {
    write_tone(folder, "one.wav", RATE, SHORTEST + (size_t)number, (int16_t)(1000 + number));
    char *path = cv_format("%s/one.wav", folder);
    const cv_bytes wav = read_whole(path);
    remove(path);
    free(path);
    return wav;
}

static void write_tar(const char *folder, const char *name, int format, const member *members) {
    char *path = cv_format("%s/%s", folder, name);
    struct archive *tar = archive_write_new();
    assert_int_equal(archive_write_set_format(tar, format), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(tar, path), ARCHIVE_OK);
    for (; members->name; members++) {
        struct archive_entry *entry = archive_entry_new();
        cv_bytes wav = members->text ? (cv_bytes){NULL, strlen(members->text)} : recording(folder, members->number);
        const bool file = !members->type || members->type == AE_IFREG;
        archive_entry_set_pathname(entry, members->name);
        archive_entry_set_filetype(entry, members->type ? members->type : AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, file ? (int64_t)wav.size : 0);
        if (members->type == AE_IFLNK) archive_entry_set_symlink(entry, "elsewhere");
        assert_true(archive_write_header(tar, entry) >= ARCHIVE_WARN); // of a name beyond ASCII
        if (file) archive_write_data(tar, members->text ? members->text : (const char *)wav.data, wav.size);
        archive_entry_free(entry);
        free(wav.data);
    }
    assert_int_equal(archive_write_free(tar), ARCHIVE_OK);
    free(path);
}

static void write_shard(const char *folder, const char *name, const member *members) {
    write_tar(folder, name, ARCHIVE_FORMAT_TAR_USTAR, members);
}

static void check_recording(const cv_dataset *d, size_t i, int number) {
    cv_sound sound;
    convo_error err;
    if (cv_sound_read(d->example[i].path, 0, &sound, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(sound.rate, RATE);
    assert_int_equal(sound.count, SHORTEST + number);
    const float want = (float)lround((1000 + number) * sin(0.3 * 5)) / 32768;
    assert_true(sound.sample[5] == want);
    cv_sound_free(&sound);
}

static const char *label_of(const cv_dataset *d, size_t i) {
    return d->labels[d->example[i].label];
}

// --- tests --------------------------------------------------------------------------------------------------------

#define LONG   "folders/that/are/long/"
#define LONGER LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG

static void recordings_are_read_in_place(void **state) {
    static const int formats[] = {ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_TAR_GNUTAR,
                                  ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED};
    static const member members[] = {{LONG "one.wav", NULL, 1, 0},
                                     {LONG "one.cls", "cat\n", 0, 0},
                                     {LONG "two.txt", " dog ", 0, 0},
                                     {LONG "two.WAV", NULL, 22, 0},
                                     {LONG, "", 0, AE_IFDIR},
                                     {LONG "thr\xc3\xa9"
                                           "e.json",
                                      "{\"label\": \"cat\", \"speaker\": 7}", 0, 0},
                                     {LONG "thr\xc3\xa9"
                                           "e.wav",
                                      NULL, 333, 0},
                                     {NULL, NULL, 0, 0}};
    static const member longer[] = {
        {LONGER "one.wav", NULL, 4, 0}, {LONGER "one.cls", "eel", 0, 0}, {NULL, NULL, 0, 0}};
    for (size_t k = 0; k < CV_COUNT(formats); k++) {
        write_tar(*state, "a.tar", formats[k], members);
        if (formats[k] != ARCHIVE_FORMAT_TAR_USTAR) write_tar(*state, "b.tar", formats[k], longer);
        cv_dataset *d = open_data(webdataset, *state, NULL);
        assert_int_equal(d->count, formats[k] == ARCHIVE_FORMAT_TAR_USTAR ? 3 : 4);
        check_recording(d, 0, 1);
        check_recording(d, 1, 22);
        check_recording(d, 2, 333);
        if (d->count == 4) check_recording(d, 3, 4);
        if (d->count == 4) assert_non_null(strstr(d->example[3].path, "/" LONGER "one.wav"));
        assert_string_equal(label_of(d, 0), "cat");
        assert_string_equal(label_of(d, 1), "dog");
        assert_string_equal(label_of(d, 2), "cat");
        assert_int_equal(d->example[1].group, -1);
        assert_string_equal(d->groups[d->example[2].group], "7");
        assert_int_equal(d->example[0].part, -1);
        cv_dataset_free(d);
    }
}

static void parts_are_in_the_names_of_shards_and_folders(void **state) {
    static const struct {
        const char *folder, *name;
        int part;
    } cases[] = {{"", "words-train-000000.tar", CONVO_TRAIN},
                 {"", "words_val.tar", CONVO_VALIDATION},
                 {"", "Test-1.TAR", CONVO_TEST},
                 {"", "latest.tar", -1},
                 {"/dev", "train-0.tar", CONVO_VALIDATION},
                 {"/test", "0.tar", CONVO_TEST}};
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const member members[] = {{"1.wav", NULL, (int)k, 0}, {"1.cls", "a", 0, 0}, {NULL, NULL, 0, 0}};
        char *folder = cv_format("%s%s", (char *)*state, cases[k].folder);
        assert_int_equal(cv_folder_make(folder, NULL), CONVO_OK);
        write_shard(folder, cases[k].name, members);
        free(folder);
    }
    write_file(*state, "notes.txt", "x", 1);
    cv_dataset *d = open_data(webdataset, *state, NULL);
    assert_int_equal(d->count, CV_COUNT(cases));
    for (size_t i = 0; i < d->count; i++) {
        cv_sound sound;
        assert_int_equal(cv_sound_read(d->example[i].path, 0, &sound, NULL), CONVO_OK);
        assert_int_equal(d->example[i].part, cases[sound.count - SHORTEST].part);
        cv_sound_free(&sound);
    }
    cv_dataset_free(d);
}

static void classes_that_are_numbers_are_counted_from_0(void **state) {
    static const member members[] = {{"1.wav", NULL, 1, 0},  {"1.cls", "10", 0, 0}, {"2.wav", NULL, 2, 0},
                                     {"2.cls", "2\n", 0, 0}, {"3.wav", NULL, 3, 0}, {"3.json", "{\"label\": 0}", 0, 0},
                                     {NULL, NULL, 0, 0}};
    static const char names[] = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n";
    static const char *const two[] = {"classes=a b", NULL};
    write_shard(*state, "a.tar", members);
    for (int named = 0; named < 2; named++) {
        if (named) write_file(*state, "labels.txt", names, strlen(names));
        cv_dataset *d = open_data(webdataset, *state, NULL);
        assert_int_equal(d->label_count, 11);
        assert_int_equal(d->example[0].label, 10);
        assert_int_equal(d->example[1].label, 2);
        assert_int_equal(d->example[2].label, 0);
        assert_string_equal(d->labels[10], named ? "k" : "10");
        cv_dataset_free(d);
    }
    refuse_data(webdataset, *state, two, CONVO_FORMAT, "label 10 is beyond");
    write_shard(*state, "b.tar", (const member[]){{"4.wav", NULL, 1, 0}, {"4.cls", "03", 0, 0}, {NULL, NULL, 0, 0}});
    write_shard(*state, "c.tar", (const member[]){{"5.wav", NULL, 1, 0}, {"5.cls", "5", 0, 0}, {NULL, NULL, 0, 0}});
    cv_dataset *d = open_data(webdataset, *state, NULL); // words now
    assert_int_equal(d->label_count, 5);
    cv_dataset_free(d);
    refuse_data(webdataset, *state, two, CONVO_ARGUMENT, "are words");
}

static void options_name_the_label_and_the_speaker(void **state) {
    static const member members[] = {
        {"1.wav", NULL, 1, 0},
        {"1.cls", "cls", 0, 0},
        {"1.word", "word", 0, 0},
        {"1.txt", "txt", 0, 0},
        {"1.json", "{\"label\": \"json\", \"w\": \"w\", \"speaker\": \"ann\", \"who\": 1}", 0, 0},
        {NULL, NULL, 0, 0}};
    static const struct {
        const char *setting, *setting2, *label, *group;
    } cases[] = {{NULL, NULL, "cls", "ann"},
                 {"label=txt", NULL, "txt", "ann"},
                 {"label=word", NULL, "word", "ann"},
                 {"label=json", NULL, "json", "ann"},
                 {"label=json", "field=w", "w", "ann"},
                 {"speaker=who", NULL, "cls", "1"},
                 {"speaker=nobody", NULL, "cls", NULL}};
    write_shard(*state, "a.tar", members);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_dataset *d = open_data(webdataset, *state, (const char *const[]){cases[k].setting, cases[k].setting2, NULL});
        assert_string_equal(label_of(d, 0), cases[k].label);
        assert_int_equal(d->group_count, cases[k].group != NULL);
        if (cases[k].group) assert_string_equal(d->groups[0], cases[k].group);
        cv_dataset_free(d);
    }
    refuse_data(webdataset, *state, (const char *const[]){"label=lbl", NULL}, CONVO_FORMAT, "no file 1.lbl");
}

static void what_is_no_example_is_told_or_refused(void **state) {
    static const struct {
        member members[5];
        convo_status status;
        const char *word;
    } cases[] = {
        {{{"1.wav", NULL, 1, 0}, {"2.wav", NULL, 1, 0}}, CONVO_FORMAT, "no file 1.cls follows"},
        {{{"1.wav", NULL, 1, 0}, {"2.wav", NULL, 1, 0}, {"2.cls", "a", 0, 0}}, CONVO_FORMAT, "/1.wav"},
        {{{"1.wav", NULL, 1, 0}, {"1.flac", NULL, 1, 0}, {"1.cls", "a", 0, 0}}, CONVO_FORMAT, "followed by 1.flac"},
        {{{"1.wav", NULL, 1, 0}, {"1.cls", "", 0, 0}}, CONVO_FORMAT, "it has 0 bytes"},
        {{{"1.wav", NULL, 1, 0}, {"1.json", "{", 0, 0}}, CONVO_FORMAT, "this is not JSON"},
        {{{"1.wav", NULL, 1, 0}, {"1.json", "[]", 0, 0}}, CONVO_FORMAT, "no file 1.cls"},
        {{{"1.wav", NULL, 1, 0}, {"1.json", "{\"label\": 0.5}", 0, 0}}, CONVO_FORMAT, "no file 1.cls"},
        {{{"1.jpg", "x", 0, 0}, {"1.cls", "a", 0, 0}}, CONVO_FORMAT, "no recordings in tar files"},
        {{{"1.wav", NULL, 1, AE_IFLNK}, {"1.cls", "a", 0, 0}}, CONVO_FORMAT, "no recordings in tar files"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        write_shard(*state, "a.tar", cases[k].members);
        refuse_data(webdataset, *state, NULL, cases[k].status, cases[k].word);
    }
    static const member some[] = {{"README", "x", 0, 0}, {"._1.wav", "x", 0, 0},          {"notes.txt", "x", 0, 0},
                                  {"1.wav", NULL, 1, 0}, {"1.mel.npy", "x", 0, 0},        {"1.cls", "a", 0, 0},
                                  {"2.jpg", "x", 0, 0},  {"link.wav", NULL, 0, AE_IFLNK}, {NULL, NULL, 0, 0}};
    write_shard(*state, "a.tar", some);
    cv_dataset *d = open_data(webdataset, *state, NULL);
    assert_int_equal(d->count, 1);
    const convo_finding *f = &d->found.of[CV_FOUND_FORMAT];
    assert_int_equal(f->count, 3);
    assert_string_equal(f->name[0], "1.mel.npy");
    assert_string_equal(f->name[2], "link.wav");
    cv_dataset_free(d);
    write_file(*state, "b.tar.gz", "x", 1);
    refuse_data(webdataset, *state, NULL, CONVO_UNSUPPORTED, "gunzip");
}

// Cut anywhere, or with another byte in a header: refused. Elsewhere, the recording or the label is another.
static void damaged_tar_files_are_refused(void **state) {
    static const member members[] = {{"1.cls", "a", 0, 0}, {"1.wav", NULL, 1, 0}, {NULL, NULL, 0, 0}};
    char *path = cv_format("%s/a.tar", (char *)*state);
    cv_dataset *d;
    write_tar(*state, "a.tar", ARCHIVE_FORMAT_TAR_USTAR, members);
    cv_bytes bytes = read_whole(path);
    for (size_t size = 0; size < 5 * 512; size += 64) { // two headers, a block and the first of two blocks
        write_damaged(path, bytes.data, size);
        if (!try_data(webdataset, *state, NULL, &d, NULL)) fail_msg("%zu bytes are taken", size);
    }
    for (size_t at = 0; at < 3 * 512; at += at % 512 < 160 ? 3 : 37) {
        bytes.data[at] ^= 1;
        write_damaged(path, bytes.data, bytes.size);
        const bool taken = !try_data(webdataset, *state, NULL, &d, NULL);
        if (taken) cv_dataset_free(d);
        if (taken && at / 512 != 1) fail_msg("a header with a wrong byte %zu is taken", at);
        bytes.data[at] ^= 1;
    }
    write_damaged(path, bytes.data, bytes.size);
    d = open_data(webdataset, *state, NULL);
    write_damaged(path, bytes.data, 3 * 512);
    cv_sound sound;
    convo_error err;
    assert_int_equal(cv_sound_read(d->example[0].path, 0, &sound, &err), CONVO_FORMAT);
    assert_non_null(strstr(err.message, "beyond the end of its tar file"));
    remove(path);
    assert_int_equal(cv_sound_read(d->example[0].path, 0, &sound, &err), CONVO_IO);
    cv_dataset_free(d);
    free(bytes.data);
    free(path);
}
#else
static void skipped(void **state) {
    (void)state;
    print_message("[  SKIPPED ] built without libarchive, which writes the tar files\n");
    skip();
}
#define recordings_are_read_in_place                 skipped
#define parts_are_in_the_names_of_shards_and_folders skipped
#define classes_that_are_numbers_are_counted_from_0  skipped
#define options_name_the_label_and_the_speaker       skipped
#define what_is_no_example_is_told_or_refused        skipped
#define damaged_tar_files_are_refused                skipped
#endif

static void parts_of_files_have_paths(void **state) {
    struct stat about;
    char *tar = cv_format("%s/x.tar", (char *)*state), *path = cv_slice_path(tar, 2, 3, "a.tar@1+1/b.wav");
    cv_slice slice;
    write_file(*state, "x.tar", "0123456789", 10);
    assert_int_equal(cv_slice_open(path, &slice, NULL), CONVO_OK);
    assert_int_equal(slice.begin, 2);
    assert_int_equal(slice.size, 3);
    close(slice.descriptor);
    assert_true(cv_slice_stat(path, &about) && about.st_size == 3);
    assert_true(cv_slice_stat(tar, &about) && about.st_size == 10);
    static const char *const files[] = {
        ".tar@", ".tar@1+", ".tar@+2/x", ".tar@1+2", ".tar@-1+2/x", ".tar@1 +2/x", ".tar@99999999999999999999+1/x"};
    for (size_t k = 0; k < CV_COUNT(files); k++) { // no parts: there are no such files
        char *other = cv_format("%s/x%s", (char *)*state, files[k]);
        assert_int_equal(cv_slice_open(other, &slice, NULL), CONVO_IO);
        assert_int_equal(slice.descriptor, -1);
        assert_false(cv_slice_stat(other, &about));
        free(other);
    }
    free(path);
    path = cv_slice_path(tar, 8, 3, "x");
    assert_int_equal(cv_slice_open(path, &slice, NULL), CONVO_FORMAT);
    free(path);
    free(tar);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(recordings_are_read_in_place),
        TEST(parts_are_in_the_names_of_shards_and_folders),
        TEST(classes_that_are_numbers_are_counted_from_0),
        TEST(options_name_the_label_and_the_speaker),
        TEST(what_is_no_example_is_told_or_refused),
        TEST(damaged_tar_files_are_refused),
        TEST(parts_of_files_have_paths),
    };
    return cmocka_run_group_tests_name("webdataset", tests, NULL, NULL);
}
