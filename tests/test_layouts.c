// Arrays whose dimensions lie in the order of others: NHWC, MATLAB's with the examples last, SVHN, EMNIST, MedMNIST,
// Keras.
#include "datasets.h"

static const cv_data_kind *const arrays = &cv_data_arrays, *const mat = &cv_data_mat;

// --- files --------------------------------------------------------------------------------------------------------

enum { MOST = 1 << 15 };

// Bytes in the order of `letters` of n, c, h, w, the last one fastest, or the first one (first): each tells its place
// in NCHW.
static size_t lay_bytes(const char *letters, const int size[4], bool first, uint8_t *out) {
    static const char order[] = "nchw";
    const int dims = (int)strlen(letters);
    size_t count = 1;
    for (int d = 0; d < dims; d++) count *= (size_t)size[strchr(order, letters[d]) - order];
    for (size_t i = 0; i < count; i++) {
        size_t rest = i, at[4] = {0}, place = 0;
        for (int k = 0; k < dims; k++) {
            const int letter = (int)(strchr(order, letters[first ? k : dims - 1 - k]) - order);
            at[letter] = rest % (size_t)size[letter];
            rest /= (size_t)size[letter];
        }
        for (int k = 0; k < 4; k++) place = place * (size_t)(strchr(letters, order[k]) ? size[k] : 1) + at[k];
        out[i] = (uint8_t)(place % 251);
    }
    return count;
}

static int size_of_letter(const int size[4], char letter) {
    return size[strchr("nchw", letter) - "nchw"];
}

static void write_bytes_npy(const char *folder, const char *name, const char *letters, const int size[4]) {
    static uint8_t byte[MOST];
    char shape[64] = "(";
    for (const char *at = letters; *at; at++)
        snprintf(shape + strlen(shape), 16, "%d,%s", size_of_letter(size, *at), at[1] ? " " : ")");
    const size_t count = lay_bytes(letters, size, false, byte);
    write_npy(folder, name, "|u1", shape, byte, count);
}

// An element of MATLAB's version 5: a matrix of bytes. Returns the end.
static uint8_t *put_matrix(uint8_t *at, const char *name, const int *dim, int dims, const uint8_t *byte, size_t count) {
    enum { INT8 = 1, UINT8 = 2, INT32 = 5, UINT32 = 6, MATRIX = 14, UINT8_CLASS = 9 };
    uint8_t *const tag = at;
    const size_t length = strlen(name);
    put_number(at += 8, UINT32, 4);
    put_number(at += 4, 8, 4);
    put_number(at += 4, UINT8_CLASS, 4);
    put_number(at += 8, INT32, 4);
    put_number(at += 4, (uint32_t)dims * 4, 4);
    at += 4;
    for (int d = 0; d < dims; d++) put_number(at + 4 * d, (uint32_t)dim[d], 4);
    put_number(at += (dims * 4 + 7) / 8 * 8, INT8, 4);
    put_number(at += 4, (uint32_t)length, 4);
    memcpy(at += 4, name, length);
    put_number(at += (length + 7) / 8 * 8, UINT8, 4);
    put_number(at += 4, (uint32_t)count, 4);
    memcpy(at += 4, byte, count);
    at += (count + 7) / 8 * 8;
    put_number(tag, MATRIX, 4);
    put_number(tag + 4, (uint32_t)(at - tag - 8), 4);
    return at;
}

// X in the order of `letters`, whose last dimensions of 1 MATLAB leaves out, and y, a column.
static void write_mat(const char *folder, const char *file, const char *letters, const int size[4], const char *y_name,
                      const uint8_t *label) {
    static uint8_t bytes[2 * MOST], byte[MOST];
    memset(bytes, 0, sizeof bytes);
    memset(bytes, ' ', 124);
    memcpy(bytes, "MATLAB 5.0 MAT-file", 19);
    memcpy(bytes + 124, "\0\1IM", 4);
    int dim[4], dims = (int)strlen(letters);
    for (int d = 0; d < dims; d++) dim[d] = size_of_letter(size, letters[d]);
    while (dims > 2 && dim[dims - 1] == 1) dims--;
    const size_t count = lay_bytes(letters, size, true, byte);
    uint8_t *end = put_matrix(bytes + 128, "X", dim, dims, byte, count);
    end = put_matrix(end, y_name, (int[]){size[0], 1}, 2, label, (size_t)size[0]);
    write_file(folder, file, bytes, (size_t)(end - bytes));
}

// --- checks -------------------------------------------------------------------------------------------------------

static float value_of(const cv_dataset *d, size_t i) {
    return d->values.byte ? d->values.of_byte[d->values.byte[i]] : d->values.value[i];
}

// The examples from `first` on hold 0, 1, 2, ...: everything is in the order of NCHW. Divided by `divisor`.
static void check_counting(const cv_dataset *d, size_t first, size_t count, double divisor, const char *what) {
    const size_t size = (size_t)cv_shape_size(d->shape);
    for (size_t i = 0; i < count * size; i++)
        if (value_of(d, first * size + i) != (float)((double)(i % 251) / divisor))
            fail_msg("%s: number %zu is %g", what, i, (double)value_of(d, first * size + i));
}

static const int few[4] = {5, 3, 2, 4}; // n, c, h, w
static const uint8_t zero_to_two[5] = {0, 1, 2, 0, 1}, one_to_three[5] = {1, 2, 3, 1, 2};
static const struct {
    const char *option, *letters;
    int dims, c, h, w;
} layouts[] = {{"hwc", "nhwc", 3, 3, 2, 4},  {"nhwc", "nhwc", 3, 3, 2, 4}, {"chw", "nchw", 3, 3, 2, 4},
               {"hwcn", "hwcn", 3, 3, 2, 4}, {"whcn", "whcn", 3, 3, 2, 4}, {"cwhn", "cwhn", 3, 3, 2, 4},
               {"hw", "nhw", 3, 1, 2, 4},    {"whn", "whn", 3, 1, 2, 4},   {"wc", "nwc", 2, 3, 1, 4},
               {"cwn", "cwn", 2, 3, 1, 4},   {"w", "nw", 2, 1, 1, 4},      {"cn", "cn", 1, 3, 1, 1}};

static void check_layout(const cv_data_kind *kind, const char *path, size_t k, size_t examples, bool from_1) {
    char option[32];
    snprintf(option, sizeof option, "layout=%s", layouts[k].option);
    const char *const settings[] = {option, from_1 ? "first_label=1" : NULL, NULL};
    cv_dataset *d = open_data(kind, path, settings);
    assert_int_equal(d->count, examples);
    check_shape(d, layouts[k].dims, layouts[k].c, layouts[k].h, layouts[k].w);
    check_counting(d, 0, examples, 1, layouts[k].option);
    for (size_t i = 0; i < examples; i++) assert_int_equal(d->example[i].label, zero_to_two[i]);
    assert_int_equal(d->label_count, examples == 1 ? 1 : 3);
    cv_dataset_free(d);
}

// --- tests --------------------------------------------------------------------------------------------------------

static void arrays_of_any_layout_are_read(void **state) {
    for (size_t k = 0; k < CV_COUNT(layouts); k++) {
        write_bytes_npy(*state, "X.npy", layouts[k].letters, few);
        write_npy(*state, "y.npy", "|u1", "(5,)", zero_to_two, 5);
        check_layout(arrays, *state, k, 5, false);
        write_npy(*state, "y.npy", "|u1", "(5, 1)", one_to_three, 5);
        check_layout(arrays, *state, k, 5, true);
    }
}

static void matlab_files_of_any_layout_are_read(void **state) {
    static const int single[4] = {1, 3, 2, 4};
    char *path = cv_format("%s/Y.mat", (char *)*state);
    for (size_t k = 0; k < CV_COUNT(layouts); k++) {
        write_mat(*state, "Y.mat", layouts[k].letters, few, "Y", one_to_three);
        check_layout(mat, path, k, 5, true);
        write_mat(*state, "Y.mat", layouts[k].letters, single, "Y", one_to_three);
        check_layout(mat, path, k, 1, true);
    }
    free(path);
}

static void layouts_that_do_not_fit_are_refused(void **state) {
    static const struct {
        const char *option;
        convo_status status;
        const char *word;
    } cases[] = {{"layout=nhw", CONVO_SHAPE, "has 4 dimensions"}, {"layout=hc", CONVO_ARGUMENT, "'hc'"},
                 {"layout=hwx", CONVO_ARGUMENT, "'hwx'"},         {"layout=hwcc", CONVO_ARGUMENT, "'hwcc'"},
                 {"layout=wcc", CONVO_ARGUMENT, "'wcc'"},         {"layout=nhwcw", CONVO_ARGUMENT, "data.layout"},
                 {"layout=n", CONVO_ARGUMENT, "such as hwc"},     {"layout=HWC", CONVO_ARGUMENT, "'HWC'"}};
    write_bytes_npy(*state, "X.npy", "nhwc", few);
    write_npy(*state, "y.npy", "|u1", "(5,)", zero_to_two, 5);
    for (size_t k = 0; k < CV_COUNT(cases); k++)
        refuse_data(arrays, *state, (const char *const[]){cases[k].option, NULL}, cases[k].status, cases[k].word);
    refuse_data(arrays, *state, (const char *const[]){"first_label=1", NULL}, CONVO_FORMAT,
                "label 0 is 0: whole numbers from 1 to");
}

// The names and shapes of pathmnist.npz (colours) and breastmnist.npz (gray): NHWC and NHW, labels in a column.
static void medmnist_is_read_by_its_names(void **state) {
    static const char *const parts[] = {"train", "val", "test"};
    static const int size[4] = {5, 3, 6, 4};
    for (int gray = 0; gray < 2; gray++) {
        for (int part = 0; part < 3; part++) {
            char name[32];
            snprintf(name, sizeof name, "%s_images.npy", parts[part]);
            write_bytes_npy(*state, name, gray ? "nhw" : "nhwc", size);
            snprintf(name, sizeof name, "%s_labels.npy", parts[part]);
            write_npy(*state, name, "|u1", "(5, 1)", zero_to_two, 5);
        }
        cv_dataset *d = open_data(arrays, *state, NULL);
        assert_int_equal(d->count, 15);
        check_shape(d, 3, gray ? 1 : 3, 6, 4);
        for (int part = 0; part < 3; part++) {
            assert_int_equal(count_part(d, part), 5);
            assert_int_equal(d->example[5 * part].part, part);
            check_counting(d, (size_t)part * 5, 5, 1, parts[part]);
        }
        cv_dataset_free(d);
    }
    write_npy(*state, "y_val.npy", "|u1", "(5, 1)", zero_to_two, 5);
    refuse_data(arrays, *state, NULL, CONVO_FORMAT, "holds y_val but no X_val");
    write_bytes_npy(*state, "x_val.npy", "nchw", (const int[]){5, 1, 6, 4});
    refuse_data(arrays, *state, NULL, CONVO_FORMAT, "one of them is too many");
}

// mnist.npz of keras.datasets: x_train, y_train, x_test, y_test; pictures without channels.
static void keras_arrays_are_read_by_their_names(void **state) {
    static const char *const rows[] = {"layout=hw", NULL};
    static const int size[4] = {5, 1, 6, 4};
    write_bytes_npy(*state, "x_train.npy", "nhw", size);
    write_npy(*state, "y_train.npy", "|u1", "(5,)", zero_to_two, 5);
    write_bytes_npy(*state, "x_test.npy", "nhw", size);
    write_npy(*state, "y_test.npy", "|u1", "(5,)", zero_to_two, 5);
    cv_dataset *d = open_data(arrays, *state, rows);
    check_shape(d, 3, 1, 6, 4);
    assert_int_equal(count_part(d, CONVO_TRAIN), 5);
    assert_int_equal(count_part(d, CONVO_TEST), 5);
    check_counting(d, 5, 5, 1, "x_test");
    cv_dataset_free(d);
}

static void svhn_is_read(void **state) {
    static const cv_data_kind *const svhn = &cv_data_svhn;
    static const int size[4] = {4, 3, 32, 32}, narrow[4] = {4, 3, 32, 30};
    static const uint8_t label[] = {1, 10, 9, 2}, wrong[2][4] = {{1, 11, 9, 2}, {1, 0, 9, 2}};
    static const char *const extra[] = {"extra=true", NULL};
    write_mat(*state, "train_32x32.mat", "hwcn", size, "y", label);
    refuse_data(svhn, *state, NULL, CONVO_IO, "test_32x32.mat");
    write_mat(*state, "test_32x32.mat", "hwcn", size, "y", label);
    refuse_data(svhn, *state, extra, CONVO_IO, "extra_32x32.mat");
    write_mat(*state, "extra_32x32.mat", "hwcn", size, "y", label);
    for (int more = 0; more < 2; more++) {
        cv_dataset *d = open_data(svhn, *state, more ? extra : NULL);
        assert_int_equal(count_part(d, CONVO_TRAIN), more ? 8 : 4);
        assert_int_equal(count_part(d, CONVO_TEST), 4);
        check_shape(d, 3, 3, 32, 32);
        assert_int_equal(d->label_count, 10);
        assert_string_equal(d->labels[0], "0");
        for (size_t i = 0; i < d->count; i++) assert_int_equal(d->example[i].label, label[i % 4] % 10);
        for (size_t i = 0; i < d->count; i += 4) check_counting(d, i, 4, 255, "SVHN");
        cv_dataset_free(d);
    }
    for (int k = 0; k < 2; k++) {
        write_mat(*state, "test_32x32.mat", "hwcn", size, "y", wrong[k]);
        refuse_data(svhn, *state, NULL, CONVO_FORMAT, k ? "label 1 is 0" : "label 1 is 11");
    }
    write_mat(*state, "train_32x32.mat", "hwcn", narrow, "y", label);
    refuse_data(svhn, *state, NULL, CONVO_SHAPE, "32 x 32");
}

// Two pictures whose rows are stored as columns.
static void write_emnist(const char *folder, const char *stem, const uint8_t label[2]) {
    static const int size[4] = {2, 1, 28, 28};
    uint8_t bytes[16 + 2 * 784] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28},
                           labels[] = {0, 0, 8, 1, 0, 0, 0, 2, label[0], label[1]};
    char name[96];
    lay_bytes("nwh", size, false, bytes + 16);
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", stem);
    write_file(folder, name, bytes, sizeof bytes);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", stem);
    write_file(folder, name, labels, sizeof labels);
}

static void emnist_stands_upright(void **state) {
    static const cv_data_kind *const emnist = &cv_data_emnist;
    static const struct {
        const char *variant;
        uint8_t label[2];
        int classes;
        const char *first, *second;
    } cases[] = {{"letters", {1, 26}, 26, "a", "z"},  {"balanced", {0, 46}, 47, "0", "t"},
                 {"byclass", {35, 61}, 62, "Z", "z"}, {"bymerge", {36, 44}, 47, "a", "q"},
                 {"digits", {9, 0}, 10, "9", "0"},    {"mnist", {3, 7}, 10, "3", "7"}};
    char *folder = cv_format("%s/gzip", (char *)*state);
    for (int inner = 0; inner < 2; inner++) {
        const char *place = inner ? folder : *state;
        if (inner) assert_int_equal(cv_folder_make(folder, NULL), CONVO_OK);
        for (size_t k = 0; k < CV_COUNT(cases); k++) {
            char stem[64], option[32];
            for (int part = 0; part < 2; part++) {
                snprintf(stem, sizeof stem, "emnist-%s-%s", cases[k].variant, part ? "test" : "train");
                write_emnist(place, stem, cases[k].label);
            }
            snprintf(option, sizeof option, "variant=%s", cases[k].variant);
            cv_dataset *d = open_data(emnist, *state, k ? (const char *const[]){option, NULL} : NULL);
            assert_int_equal(d->count, 4);
            assert_int_equal(count_part(d, CONVO_TEST), 2);
            check_shape(d, 3, 1, 28, 28);
            assert_int_equal(d->label_count, cases[k].classes);
            assert_string_equal(d->labels[d->example[0].label], cases[k].first);
            assert_string_equal(d->labels[d->example[1].label], cases[k].second);
            check_counting(d, 0, 2, 255, option);
            check_counting(d, 2, 2, 255, option);
            cv_dataset_free(d);
        }
    }
    write_emnist(folder, "emnist-letters-test", (const uint8_t[]){0, 27});
    refuse_data(emnist, *state, NULL, CONVO_FORMAT, "label 0 is 0");
    free(folder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(arrays_of_any_layout_are_read),
        TEST(matlab_files_of_any_layout_are_read),
        TEST(layouts_that_do_not_fit_are_refused),
        TEST(medmnist_is_read_by_its_names),
        TEST(keras_arrays_are_read_by_their_names),
        TEST(svhn_is_read),
        TEST(emnist_stands_upright),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
