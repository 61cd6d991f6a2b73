// Data sets of numbers: NumPy arrays, MATLAB files, generated moons.
#include "format/archive.h"
#include "base/limits.h"
#include "datasets.h"

// --- files of our own -------------------------------------------------------------------------------------------

static const float six[6] = {0.5f, 1, 2, 3, 4, 5}; // three examples of two features

static void write_x(const char *folder, const char *name) {
    write_npy(folder, name, "<f4", "(3, 2)", six, sizeof six);
}

// Bytes as labels, or one-hot with `columns` > 1.
static void write_y(const char *folder, const char *name, const char *descr, const int8_t *label, int rows,
                    int columns) {
    char shape[32];
    snprintf(shape, sizeof shape, columns ? "(%d, %d)" : "(%d,)", rows, columns);
    write_npy(folder, name, descr, shape, label, (size_t)(rows * (columns ? columns : 1)));
}

static const cv_data_kind *const arrays = &cv_data_arrays;

// --- arrays -----------------------------------------------------------------------------------------------------

static void bytes_stay_bytes_until_floats_come(void **state) {
    static const uint8_t pixel[] = {0, 255, 7, 128, 1, 254};
    write_npy(*state, "X_train.npy", "|u1", "(3, 2)", pixel, sizeof pixel);
    write_y(*state, "y_train.npy", "|i1", (const int8_t[]){0, 1, 0}, 3, 0);
    cv_dataset *d = open_data(arrays, *state, NULL);
    assert_null(d->values.value);
    for (size_t row = 0; row < 3; row++) {
        float scratch[2];
        const float *x = cv_values_row(&d->values, row, 2, scratch);
        for (size_t i = 0; i < 2; i++) assert_true(x[i] == (float)pixel[2 * row + i]);
    }
    cv_dataset_free(d);
    write_x(*state, "X_val.npy");
    write_y(*state, "y_val.npy", "|i1", (const int8_t[]){0, 1, 0}, 3, 0);
    d = open_data(arrays, *state, NULL);
    assert_null(d->values.byte);
    for (int i = 0; i < 6; i++) assert_true(d->values.value[i] == (float)pixel[i]);
    assert_memory_equal(d->values.value + 6, six, sizeof six);
    cv_dataset_free(d);
}

static void parts_are_found_by_their_names(void **state) {
    static const struct {
        const char *x, *y;
        int part;
    } cases[] = {{"X_val", "y_val", CONVO_VALIDATION},
                 {"x_validation", "y_validation", CONVO_VALIDATION},
                 {"x_test", "y_test", CONVO_TEST},
                 {"X_test", "y_test", CONVO_TEST}};
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char *folder = cv_format("%s/%zu", (char *)*state, k), *x = cv_format("%s.npy", cases[k].x),
             *y = cv_format("%s.npy", cases[k].y);
        assert_int_equal(cv_folder_make(folder, NULL), CONVO_OK);
        write_x(folder, x);
        write_y(folder, y, "|i1", (const int8_t[]){2, 1, 0}, 3, 0);
        cv_dataset *alone = open_data(arrays, folder, NULL); // to be scored
        assert_int_equal(alone->count, 3);
        assert_int_equal(count_part(alone, cases[k].part), 3);
        cv_dataset_free(alone);
        write_x(folder, "x_train.npy");
        write_y(folder, "y_train.npy", "|u1", (const int8_t[]){0, 3, 0}, 3, 0);
        cv_dataset *d = open_data(arrays, folder, NULL);
        assert_int_equal(count_part(d, CONVO_TRAIN), 3);
        assert_int_equal(count_part(d, cases[k].part), 3);
        assert_int_equal(d->label_count, 4);
        cv_dataset_free(d);
        free(folder);
        free(x);
        free(y);
    }
}

static void labels_become_classes(void **state) {
    static const struct {
        const char *descr;
        int columns;
        int8_t label[12];
        int32_t want[3];
        int classes;
        const char *first, *last;
    } cases[] = {
        {"|i1", 0, {0, 2, 1}, {0, 2, 1}, 3, "0", "2"},
        {"|u1", 1, {5, 0, 0}, {5, 0, 0}, 6, "0", "5"},
        {"|b1", 0, {1, 0, 1}, {1, 0, 1}, 2, "0", "1"},
        {"|i1", 0, {-1, 1, -1}, {0, 1, 0}, 2, "-1", "+1"},
        {"|i1", 1, {1, 1, -1}, {1, 1, 0}, 2, "-1", "+1"},
        {"|i1", 4, {0, 1, 0, 0, /**/ 1, 0, 0, 0, /**/ 0, 1, 0, 0}, {1, 0, 1}, 4, "0", "3"},
        {"|b1", 2, {0, 1, /**/ 1, 0, /**/ 0, 1}, {1, 0, 1}, 2, "0", "1"},
    };
    write_x(*state, "X.npy");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        write_y(*state, "y.npy", cases[k].descr, cases[k].label, 3, cases[k].columns);
        cv_dataset *d = open_data(arrays, *state, NULL);
        for (int i = 0; i < 3; i++)
            if (d->example[i].label != cases[k].want[i] || d->example[i].part != -1)
                fail_msg("case %zu: label %d is %d, not %d", k, i, d->example[i].label, cases[k].want[i]);
        assert_int_equal(d->label_count, cases[k].classes);
        assert_string_equal(d->labels[0], cases[k].first);
        assert_string_equal(d->labels[d->label_count - 1], cases[k].last);
        cv_dataset_free(d);
    }
    const double as_floats[] = {-1, 1, 1};
    write_npy(*state, "y.npy", "<f8", "(3,)", as_floats, sizeof as_floats);
    cv_dataset *d = open_data(arrays, *state, NULL);
    assert_int_equal(d->label_count, 2);
    assert_int_equal(d->example[2].label, 1);
    cv_dataset_free(d);
}

static void labels_that_make_no_sense_are_refused_by_their_number(void **state) {
    static const struct {
        double label[3];
        const char *word;
    } cases[] = {{{0, 1, 0.5}, "label 2 is 0.5"},         {{0, -2, 0}, "label 1 is -2"},
                 {{(double)NAN, 0, 0}, "label 0 is nan"}, {{0, 0, 1e9}, "label 2 is 1e+09"},
                 {{0, 0, 65536}, "0 to 65535"},           {{-1, 1, 0}, "example 2 is 0"},
                 {{-1, 2, 1}, "example 1 is 2"},          {{0, (double)INFINITY, 1}, "label 1 is inf"}};
    write_x(*state, "X.npy");
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        write_npy(*state, "y.npy", "<f8", "(3,)", cases[k].label, sizeof cases[k].label);
        refuse_data(arrays, *state, NULL, CONVO_FORMAT, cases[k].word);
    }
    static const int8_t hot[][6] = {{0, 1, 0, 2, 0, 1}, {0, 1, 2, 0, 0, 1}, {0, 1, 1, 2, 0, 1}};
    for (size_t k = 0; k < CV_COUNT(hot); k++) {
        write_y(*state, "y.npy", "|i1", hot[k], 3, 2);
        refuse_data(arrays, *state, NULL, CONVO_FORMAT, "row 1 has 2: zeros and ones are wanted");
    }
}

static void features_that_are_not_finite_are_refused_by_their_index(void **state) {
    static const struct {
        double value;
        size_t at;
        const char *word;
    } cases[] = {{(double)NAN, 0, "[0, 0, 0]"}, {(double)INFINITY, 7, "[1, 0, 1]"}, {1e300, 11, "[1, 2, 1] is 1e+300"}};
    write_y(*state, "y.npy", "|i1", (const int8_t[]){0, 1}, 2, 0);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        double x[12] = {0};
        x[cases[k].at] = cases[k].value;
        write_npy(*state, "X.npy", "<f8", "(2, 3, 2)", x, sizeof x);
        refuse_data(arrays, *state, NULL, CONVO_NUMERIC, cases[k].word);
    }
}

static void arrays_that_do_not_fit_together_are_refused(void **state) {
    static const struct {
        const char *x_shape, *y_shape;
        size_t x_count, y_count;
        const char *word;
    } cases[] = {
        {"(6,)", "(6,)", 6, 6, "X.npy"},        {"(0, 2)", "(0,)", 0, 0, "X.npy"},
        {"(3, 0)", "(3,)", 0, 3, "X.npy"},      {"()", "()", 1, 1, "X.npy"},
        {"(3, 2)", "(2,)", 6, 2, "y.npy"},      {"(3, 2)", "()", 6, 1, "y.npy"},
        {"(3, 2)", "(3, 1, 1)", 6, 3, "y.npy"}, {"(3, 2)", "(3, 0)", 6, 0, "y.npy"},
    };
    const float zeros[8] = {0};
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        write_npy(*state, "X.npy", "<f4", cases[k].x_shape, zeros, cases[k].x_count * 4);
        write_npy(*state, "y.npy", "|u1", cases[k].y_shape, zeros, cases[k].y_count);
        refuse_data(arrays, *state, NULL, CONVO_SHAPE, cases[k].word);
    }
    remove_folder(state);
    make_folder(state);
    write_x(*state, "X_train.npy");
    write_y(*state, "y_train.npy", "|u1", (const int8_t *)zeros, 3, 0);
    write_npy(*state, "X_val.npy", "<f4", "(2, 3)", zeros, 24);
    write_y(*state, "y_val.npy", "|u1", (const int8_t *)zeros, 2, 0);
    refuse_data(arrays, *state, NULL, CONVO_SHAPE, "X_val.npy");
}

static void arrays_that_are_missing_or_too_many_are_named(void **state) {
    char *nowhere = cv_format("%s/nowhere", (char *)*state);
    refuse_data(arrays, nowhere, NULL, CONVO_IO, "neither");
    free(nowhere);
    refuse_data(arrays, *state, NULL, CONVO_FORMAT, "X_train.npy");
    write_x(*state, "X_train.npy");
    refuse_data(arrays, *state, NULL, CONVO_FORMAT, "no y_train");
    write_y(*state, "y_train.npy", "|i1", (const int8_t[]){0, 1, 0}, 3, 0);
    write_y(*state, "y_test.npy", "|i1", (const int8_t[]){0, 1, 0}, 3, 0);
    refuse_data(arrays, *state, NULL, CONVO_FORMAT, "no X_test");
    write_x(*state, "X_test.npy");
    write_x(*state, "X.npy");
    write_y(*state, "y.npy", "|i1", (const int8_t[]){0, 1, 0}, 3, 0);
    refuse_data(arrays, *state, NULL, CONVO_FORMAT, "X_train and X:");
    for (const char *const *name = (const char *const[]){"_val", "_validation", NULL}; *name; name++) {
        char *x = cv_format("X%s.npy", *name), *y = cv_format("y%s.npy", *name);
        write_x(*state, x);
        write_y(*state, y, "|i1", (const int8_t[]){0, 1, 0}, 3, 0);
        free(x);
        free(y);
    }
    refuse_data(arrays, *state, NULL, CONVO_FORMAT, "X_val and X_validation:");
}

#ifdef CONVO_HAVE_LIBARCHIVE
static void check_golden_parts(const char *path) {
    size_t count;
    float *want = golden_array(GOLDEN "X.npy", &count);
    cv_dataset *d = open_data(arrays, path, NULL);
    assert_int_equal(d->count, 12);
    check_shape(d, 2, 4, 1, 3);
    assert_int_equal(count, 12 * 12);
    assert_memory_equal(d->values.value, want, count * sizeof *want);
    assert_int_equal(d->label_count, 3);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(d->example[i].label, i % 3);
        assert_int_equal(d->example[i].part, i < 6 ? CONVO_TRAIN : i < 9 ? CONVO_VALIDATION : CONVO_TEST);
        assert_int_equal(d->example[i].group, -1);
        assert_null(d->example[i].path);
    }
    assert_string_equal(d->labels[2], "2");
    cv_dataset_free(d);
    free(want);
}

static void npz_files_are_read_as_numpy_wrote_them(void **state) {
    (void)state;
    check_golden_parts(GOLDEN "stored.npz");
    check_golden_parts(GOLDEN "packed.npz");
}

// Each of the arrays that are looked for would be looked for among all of them.
static void npz_files_of_thousands_of_arrays_are_refused(void **state) {
    char *path = cv_format("%s/a.npz", (char *)*state);
    cv_zip *zip;
    convo_error err = {0};
    assert_int_equal(cv_zip_create(path, &zip, &err), CONVO_OK);
    for (int k = 0; k <= CV_LIMIT_MEMBERS; k++) {
        char name[32];
        snprintf(name, sizeof name, "a%d.npy", k);
        assert_int_equal(cv_zip_add(zip, name, 0, &err), CONVO_OK);
    }
    assert_int_equal(cv_zip_commit(zip, &err), CONVO_OK);
    refuse_data(arrays, path, NULL, CONVO_LIMIT, "X and y alone");
    free(path);
}

// As far as both have the same examples: a file without one of its parts is another file.
static bool same_rows(const cv_dataset *a, const cv_dataset *b) {
    const size_t count = a->count < b->count ? a->count : b->count, size = (size_t)cv_shape_size(a->shape);
    return memcmp(a->values.value, b->values.value, count * size * sizeof(float)) == 0;
}

// Taken only if nothing of the contents is lost, refused otherwise; never a crash.
static void damaged_npz_files_are_refused(void **state) {
    static const char *const files[] = {GOLDEN "stored.npz", GOLDEN "packed.npz"};
    char *path = cv_format("%s/a.npz", (char *)*state);
    cv_dataset *d;
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        cv_bytes bytes = read_whole(files[k]);
        cv_dataset *whole = open_data(arrays, files[k], NULL);
        for (size_t size = 0; size < bytes.size; size++) {
            write_damaged(path, bytes.data, size);
            if (try_data(arrays, path, NULL, &d, NULL) == CONVO_OK) fail_msg("%s: %zu bytes are taken", files[k], size);
        }
        for (size_t at = 0; at < bytes.size; at += 5) {
            bytes.data[at] ^= 0x55;
            write_damaged(path, bytes.data, bytes.size);
            if (try_data(arrays, path, NULL, &d, NULL) == CONVO_OK) {
                if (!same_rows(d, whole)) fail_msg("%s: with byte %zu changed it is taken", files[k], at);
                cv_dataset_free(d);
            }
            bytes.data[at] ^= 0x55;
        }
        cv_dataset_free(whole);
        free(bytes.data);
    }
    free(path);
}
#else
static void npz_files_are_read_as_numpy_wrote_them(void **state) {
    (void)state;
    refuse_data(arrays, GOLDEN "stored.npz", NULL, CONVO_UNSUPPORTED, "libarchive-dev");
}

static void damaged_npz_files_are_refused(void **state) {
    (void)state;
    print_message("[  SKIPPED ] built without libarchive\n");
    skip();
}
#define npz_files_of_thousands_of_arrays_are_refused damaged_npz_files_are_refused
#endif

// --- MATLAB -----------------------------------------------------------------------------------------------------

static const cv_data_kind *const mat = &cv_data_mat;

#ifdef CONVO_HAVE_ZLIB
#define MATLAB_FILES                                                                                                   \
    { "v4-train.mat", "v6-train.mat", "v7-train.mat" }
#else
#define MATLAB_FILES                                                                                                   \
    { "v4-train.mat", "v6-train.mat" }
#endif

static void copy_golden(const char *from, const char *folder, const char *to) {
    char *path = cv_format(GOLDEN "%s", from);
    cv_bytes bytes = read_whole(path);
    write_file(folder, to, bytes.data, bytes.size);
    free(bytes.data);
    free(path);
}

static void matlab_files_are_read_as_scipy_wrote_them(void **state) {
    static const char *const files[] = MATLAB_FILES;
    size_t count;
    float *want = golden_array(GOLDEN "X.npy", &count); // of each example, the first 3 of 4 x 3
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        remove_folder(state);
        make_folder(state);
        copy_golden(files[k], *state, "Train.MAT");
        copy_golden(files[k], *state, "my_val.mat");
        cv_dataset *d = open_data(mat, *state, NULL);
        assert_int_equal(d->count, 24);
        check_shape(d, 1, 3, 1, 1);
        assert_int_equal(d->label_count, 2);
        assert_string_equal(d->labels[0], "-1");
        assert_string_equal(d->labels[1], "+1");
        for (size_t i = 0; i < 24; i++) {
            assert_memory_equal(d->values.value + 3 * i, want + 12 * (i % 12), 3 * sizeof *want);
            assert_int_equal(d->example[i].label, i % 3 != 0);
            assert_int_equal(d->example[i].part, i < 12 ? CONVO_TRAIN : CONVO_VALIDATION);
        }
        cv_dataset_free(d);
    }
    free(want);
    cv_dataset *d = open_data(mat, GOLDEN "v6-train.mat", NULL); // one file: no official split
    assert_int_equal(count_part(d, -1), 12);
    cv_dataset_free(d);
}

static void the_recipe_can_say_which_files_and_variables(void **state) {
    static const char *const swapped[] = {"x=Y", "y=Y", NULL}, *const none[] = {"y=Z", NULL},
                             *const words[] = {"x=note", NULL}, *const chosen[] = {"train=b_train.mat", NULL},
                             *const missing[] = {"test=c.mat", "train=b_train.mat", NULL};
    copy_golden("v6-train.mat", *state, "a_train.mat");
    cv_dataset *d = open_data(mat, *state, swapped);
    check_shape(d, 1, 1, 1, 1);
    assert_true(d->values.value[0] == -1 && d->values.value[1] == 1);
    cv_dataset_free(d);
    refuse_data(mat, *state, none, CONVO_FORMAT, ": Z");
    refuse_data(mat, *state, words, CONVO_UNSUPPORTED, ": note");
    copy_golden("v4-train.mat", *state, "b_train.mat");
    refuse_data(mat, *state, NULL, CONVO_FORMAT, "a_train.mat and b_train.mat");
    d = open_data(mat, *state, chosen);
    assert_int_equal(d->count, 12);
    cv_dataset_free(d);
    refuse_data(mat, *state, missing, CONVO_IO, "c.mat");
}

// A file that lost something may still hold all that is asked for; never a crash.
static void damaged_matlab_files_are_refused(void **state) {
    static const char *const files[] = MATLAB_FILES;
    char *path = cv_format("%s/a.mat", (char *)*state);
    size_t count;
    float *want = golden_array(GOLDEN "X.npy", &count);
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        char *from = cv_format(GOLDEN "%s", files[k]);
        cv_bytes bytes = read_whole(from);
        cv_dataset *d;
        for (size_t size = 0; size < bytes.size; size++) {
            write_damaged(path, bytes.data, size);
            if (try_data(mat, path, NULL, &d, NULL)) continue;
            for (size_t i = 0; i < 12; i++)
                if (memcmp(d->values.value + 3 * i, want + 12 * i, 3 * sizeof *want) ||
                    d->example[i].label != (i % 3 != 0))
                    fail_msg("%s: %zu of %zu bytes are taken for other numbers", files[k], size, bytes.size);
            cv_dataset_free(d);
        }
        for (size_t at = 0; at < bytes.size; at += 5) {
            bytes.data[at] ^= 0x55;
            write_damaged(path, bytes.data, bytes.size);
            if (try_data(mat, path, NULL, &d, NULL) == CONVO_OK) cv_dataset_free(d);
            bytes.data[at] ^= 0x55;
        }
        free(bytes.data);
        free(from);
    }
    free(want);
    uint8_t hdf5[128] = "MATLAB 7.3 MAT-file";
    memcpy(hdf5 + 124, "\0\2IM", 4);
    write_file(*state, "a.mat", hdf5, sizeof hdf5);
    refuse_data(mat, path, NULL, CONVO_UNSUPPORTED, "-v7");
#ifndef CONVO_HAVE_ZLIB
    refuse_data(mat, GOLDEN "v7-train.mat", NULL, CONVO_UNSUPPORTED, "zlib1g-dev");
#endif
    free(path);
}

// What a MATLAB file says of X, of 3 x 2 doubles as a rule.
typedef struct claim {
    uint32_t class, rows, type, bytes;
    convo_status status;
    const char *word;
} claim;

static size_t put_words(uint8_t *at, const uint32_t *word, size_t count) {
    for (size_t k = 0; k < count; k++) put_number(at + 4 * k, word[k], 4);
    return 4 * count;
}

static size_t put_matrix(uint8_t *at, char name, const claim *c, uint32_t columns) {
    enum { NUMBERS = 48 };
    const uint32_t padded = (c->bytes + 7) / 8 * 8;
    const uint32_t head[] = {14, NUMBERS + padded, 6,       8,           c->class,       0,       5,
                             8,  c->rows,          columns, 1 << 16 | 1, (uint32_t)name, c->type, c->bytes};
    const size_t size = put_words(at, head, CV_COUNT(head));
    memset(at + size, 0, padded);
    return size + padded;
}

static void what_a_matlab_file_says_of_itself_is_checked(void **state) {
    enum { DOUBLE = 6, COMPLEX = 0x800, NEGATIVE = 0xfffffffd };
    static const claim labels = {DOUBLE, 3, 9, 24, CONVO_OK, ""};
    static const claim cases[] = {{DOUBLE, 3, 9, 48, CONVO_OK, ""},
                                  {DOUBLE, 3, 2, 6, CONVO_OK, ""}, // doubles stored as bytes
                                  {DOUBLE, 300, 9, 48, CONVO_FORMAT, "dimensions"},
                                  {DOUBLE, 2, 9, 48, CONVO_FORMAT, "dimensions"},
                                  {DOUBLE, NEGATIVE, 9, 48, CONVO_FORMAT, "dimensions"},
                                  {DOUBLE, 3, 99, 48, CONVO_FORMAT, "type"},
                                  {DOUBLE, 3, 16, 48, CONVO_FORMAT, "type"},
                                  {DOUBLE, 3, 14, 48, CONVO_FORMAT, "type"},
                                  {DOUBLE | COMPLEX, 3, 9, 48, CONVO_UNSUPPORTED, "complex"},
                                  {1, 3, 9, 48, CONVO_UNSUPPORTED, "cell"},
                                  {2, 3, 9, 48, CONVO_UNSUPPORTED, "struct"},
                                  {4, 3, 4, 16, CONVO_UNSUPPORTED, "text"},
                                  {5, 3, 9, 48, CONVO_UNSUPPORTED, "full"},
                                  {17, 3, 9, 48, CONVO_UNSUPPORTED, "object"}};
    char *path = cv_format("%s/a.mat", (char *)*state);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        uint8_t file[512] = "MATLAB 5.0";
        size_t size = 128;
        memcpy(file + 124, "\0\1IM", 4);
        claim other = cases[k]; // whatever it is: it is not asked for
        size += put_matrix(file + size, 'Z', &other, 2);
        size += put_matrix(file + size, 'X', &cases[k], 2);
        size += put_matrix(file + size, 'Y', &labels, 1);
        write_file(*state, "a.mat", file, size);
        if (cases[k].status)
            refuse_data(mat, path, NULL, cases[k].status, cases[k].word);
        else
            cv_dataset_free(open_data(mat, path, NULL));
    }
    free(path);
}

// --- moons ------------------------------------------------------------------------------------------------------

typedef struct moments {
    double mean[2], covariance[3]; // xx, xy, yy
} moments;

static moments measure(const cv_dataset *d, int label) {
    moments m = {0};
    double n = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (d->example[i].label != label) continue;
        for (int k = 0; k < 2; k++) m.mean[k] += (double)d->values.value[2 * i + (size_t)k];
        n++;
    }
    for (int k = 0; k < 2; k++) m.mean[k] /= n;
    for (size_t i = 0; i < d->count; i++) {
        if (d->example[i].label != label) continue;
        const double x = (double)d->values.value[2 * i] - m.mean[0], y = (double)d->values.value[2 * i + 1] - m.mean[1];
        m.covariance[0] += x * x / n;
        m.covariance[1] += x * y / n;
        m.covariance[2] += y * y / n;
    }
    return m;
}

// The course's files: means and covariances of each class over both files, 1,000 points.
static const moments course[2] = {{{1.551645, 0.261157}, {0.396400, 0.003592, 2.098759}},
                                  {{-0.162748, -1.551126}, {0.423044, -0.062100, 2.058470}}};

// Standard errors of 1,000 such points, by drawing them 4,000 times in NumPy. Both sides have them.
static void moons_have_the_moments_of_the_courses_files(void **state) {
    (void)state;
    static const double error[5] = {0.0200, 0.0446, 0.0135, 0.0311, 0.0466}; // mean x, y; covariance xx, xy, yy
    cv_dataset *d = open_data(&cv_data_moons, "", NULL);
    assert_int_equal(d->count, 2000);
    assert_int_equal(count_part(d, CONVO_TRAIN), 1000);
    assert_int_equal(count_part(d, CONVO_VALIDATION), 1000);
    check_shape(d, 1, 2, 1, 1);
    assert_string_equal(d->labels[0], "-1");
    assert_string_equal(d->labels[1], "+1");
    for (int label = 0; label < 2; label++) {
        const moments m = measure(d, label);
        const double got[5] = {m.mean[0], m.mean[1], m.covariance[0], m.covariance[1], m.covariance[2]};
        const moments *c = &course[label];
        const double want[5] = {c->mean[0], c->mean[1], c->covariance[0], c->covariance[1], c->covariance[2]};
        for (int k = 0; k < 5; k++)
            if (fabs(got[k] - want[k]) > 3 * sqrt(2) * error[k])
                fail_msg("class %d: moment %d is %.4f, the course's is %.4f", label, k, got[k], want[k]);
    }
    cv_dataset_free(d);
}

// Each is within the ring, and no two moons overlap: a net can get all of them right.
static void moons_lie_where_they_should(void **state) {
    (void)state;
    static const char *const many[] = {"examples=20000", "seed=3", NULL};
    cv_dataset *d = open_data(&cv_data_moons, "", many);
    for (size_t i = 0; i < d->count; i++) {
        const double x = (double)d->values.value[2 * i], y = (double)d->values.value[2 * i + 1];
        const bool positive = d->example[i].label;
        // The centre of the square noise is the centre of the ring; its corner is 0.3 sqrt 2 away.
        const double r = positive ? hypot(x - 1.1, y + 1.5) : hypot(x - 0.3, y - 0.3);
        if (fabs(r - 2) > 0.43 || (positive ? x > 1.4001 : x < -0.0001))
            fail_msg("point %zu (%g, %g) is off its moon", i, x, y);
    }
    cv_dataset_free(d);
}

static void moons_depend_on_the_seed_and_on_nothing_else(void **state) {
    (void)state;
    static const char *const other[] = {"seed=1", NULL}, *const thin[] = {"noise=0", NULL};
    cv_dataset *a = open_data(&cv_data_moons, "", NULL), *b = open_data(&cv_data_moons, "", NULL),
               *c = open_data(&cv_data_moons, "", other), *t = open_data(&cv_data_moons, "", thin);
    assert_memory_equal(a->values.value, b->values.value, 4000 * sizeof(float));
    assert_memory_not_equal(a->values.value, c->values.value, 4000 * sizeof(float));
    for (size_t i = 0; i < 500; i++)
        assert_true(fabs(hypot((double)t->values.value[2 * i], (double)t->values.value[2 * i + 1]) - 2) < 1e-6);
    cv_dataset_free(a);
    cv_dataset_free(b);
    cv_dataset_free(c);
    cv_dataset_free(t);
}

// CONVO_MOONS names a folder with the course's files.
static void the_courses_files_have_these_moments(void **state) {
    (void)state;
    const char *folder = getenv("CONVO_MOONS");
    if (!folder || cv_data_mat.missing) {
        print_message("[  SKIPPED ] CONVO_MOONS names no folder with double_moon_train1000.mat\n");
        skip();
    }
    cv_dataset *d = open_data(mat, folder, NULL);
    assert_int_equal(d->count, 2000);
    for (int label = 0; label < 2; label++) {
        const moments m = measure(d, label);
        if (fabs(m.mean[0] - course[label].mean[0]) > 1e-5 ||
            fabs(m.covariance[2] - course[label].covariance[2]) > 1e-5)
            fail_msg("class %d: mean %.6f %.6f, covariance %.6f %.6f %.6f", label, m.mean[0], m.mean[1],
                     m.covariance[0], m.covariance[1], m.covariance[2]);
    }
    cv_dataset_free(d);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(bytes_stay_bytes_until_floats_come),
        IN_FOLDER(parts_are_found_by_their_names),
        IN_FOLDER(labels_become_classes),
        IN_FOLDER(labels_that_make_no_sense_are_refused_by_their_number),
        IN_FOLDER(features_that_are_not_finite_are_refused_by_their_index),
        IN_FOLDER(arrays_that_do_not_fit_together_are_refused),
        IN_FOLDER(arrays_that_are_missing_or_too_many_are_named),
        cmocka_unit_test(npz_files_are_read_as_numpy_wrote_them),
        IN_FOLDER(damaged_npz_files_are_refused),
        IN_FOLDER(npz_files_of_thousands_of_arrays_are_refused),
        IN_FOLDER(matlab_files_are_read_as_scipy_wrote_them),
        IN_FOLDER(the_recipe_can_say_which_files_and_variables),
        IN_FOLDER(damaged_matlab_files_are_refused),
        IN_FOLDER(what_a_matlab_file_says_of_itself_is_checked),
        cmocka_unit_test(moons_have_the_moments_of_the_courses_files),
        cmocka_unit_test(moons_lie_where_they_should),
        cmocka_unit_test(moons_depend_on_the_seed_and_on_nothing_else),
        cmocka_unit_test(the_courses_files_have_these_moments),
    };
    return cmocka_run_group_tests_name("arrays", tests, NULL, NULL);
}
