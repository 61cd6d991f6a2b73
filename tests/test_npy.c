// NumPy files: those that NumPy wrote (golden/data.py), made-up ones, damaged ones, our own.
#include "format/npy.h"
#include "sounds.h"

#define GOLDEN "tests/golden/data/"

static cv_bytes read_golden(const char *name) {
    char path[128];
    cv_bytes bytes;
    convo_error err;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (cv_file_read(path, 1 << 20, &bytes, &err)) fail_msg("%s: %s", err.where, err.message);
    return bytes;
}

// In memory of exactly this size, so that a sanitizer sees each step beyond it.
static convo_status parse(const uint8_t *data, size_t size, cv_numbers *out, convo_error *err) {
    uint8_t *copy = malloc(size + !size);
    memcpy(copy, data, size);
    const convo_status status = cv_npy_parse("test.npy", copy, size, out, err);
    free(copy);
    out->data = NULL;
    return status;
}

// --- reading ----------------------------------------------------------------------------------------------------

// The file holds 0 to 23, less `shift`, as 2 x 3 x 4 numbers.
static void check_counting(const char *name, int shift) {
    cv_bytes bytes = read_golden(name);
    cv_numbers n;
    convo_error err;
    double row[12];
    if (cv_npy_parse(name, bytes.data, bytes.size, &n, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(n.dims, 3);
    assert_true(n.dim[0] == 2 && n.dim[1] == 3 && n.dim[2] == 4 && cv_numbers_row_size(&n) == 12);
    for (int i = 0; i < 24; i++) {
        if (i % 12 == 0) cv_numbers_row(&n, i / 12, row);
        const double want = shift < 0 ? i % 3 == 0 : i - shift;
        if (row[i % 12] != want) fail_msg("%s: number %d is %g, not %g", name, i, row[i % 12], want);
    }
    free(bytes.data);
}

static void every_type_and_byte_order_is_read_as_numpy_wrote_it(void **state) {
    (void)state;
    static const char *const types[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"};
    for (size_t k = 0; k < CV_COUNT(types); k++) // f4: in Fortran order
        for (int big = 0; big < 2; big++) {
            char name[32];
            snprintf(name, sizeof name, "%s-%s.npy", big ? "big" : "little", types[k]);
            check_counting(name, types[k][0] == 'u' ? 0 : 12);
        }
    check_counting("bool.npy", -1);
    check_counting("version-2.npy", 12);
    check_counting("version-3.npy", 12);
}

static void half_precision_numbers_are_exact(void **state) {
    (void)state;
    static const struct {
        uint16_t bits;
        double value;
    } cases[] = {{0x0000, 0},
                 {0x8000, -0.0},
                 {0x3c00, 1},
                 {0xc000, -2},
                 {0x3555, 0x1.554p-2},
                 {0x7bff, 65504},
                 {0x0001, 0x1p-24},
                 {0x83ff, -0x1.ff8p-15},
                 {0x0400, 0x1p-14},
                 {0x7c00, (double)INFINITY},
                 {0xfc00, (double)-INFINITY},
                 {0x7e00, (double)NAN}};
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const cv_numbers n = {.data = (const uint8_t *)&cases[k].bits,
                              .type = 'f',
                              .size = 2,
                              .dims = 2,
                              .dim = {1, 1},
                              .stride = {2, 2}};
        double got;
        cv_numbers_row(&n, 0, &got);
        const double want = cases[k].value;
        if (isnan(want) ? !isnan(got) : got != want || signbit(got) != signbit(want))
            fail_msg("half %04x is %g, not %g", cases[k].bits, got, want);
    }
}

static void the_largest_and_smallest_whole_numbers_are_read(void **state) {
    (void)state;
    static const struct {
        char type;
        int size;
        double want;
    } cases[] = {{'i', 1, -1},    {'i', 2, -1},           {'i', 4, -1},     {'i', 8, -1}, {'u', 1, 255},
                 {'u', 2, 65535}, {'u', 4, 4294967295.0}, {'u', 8, 0x1p64}, {'b', 1, 1}};
    uint8_t ones[8];
    memset(ones, 0xff, sizeof ones);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const cv_numbers n = {.data = ones, .type = cases[k].type, .size = cases[k].size, .dims = 1, .dim = {1}};
        double got;
        cv_numbers_row(&n, 0, &got);
        if (got != cases[k].want) fail_msg("%c%d: %g, not %g", cases[k].type, cases[k].size, got, cases[k].want);
    }
}

static void what_holds_no_numbers_is_refused_with_a_remedy(void **state) {
    (void)state;
    static const struct {
        const char *file, *remedy;
    } cases[] = {{"pickled.npy", "allow_pickle=False"}, {"records.npy", "each field"}, {"complex.npy", "astype"}};
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_bytes bytes = read_golden(cases[k].file);
        cv_numbers n;
        convo_error err = {.message = ""};
        assert_int_equal(parse(bytes.data, bytes.size, &n, &err), CONVO_UNSUPPORTED);
        if (!strstr(err.message, cases[k].remedy)) fail_msg("%s: %s", cases[k].file, err.message);
        free(bytes.data);
    }
}

// --- headers ----------------------------------------------------------------------------------------------------

static convo_status parse_header(const char *header, size_t bytes, cv_numbers *out, convo_error *err) {
    uint8_t file[2048] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    const size_t length = strlen(header);
    assert_true(10 + length + bytes <= sizeof file);
    put_number(file + 8, (uint32_t)length, 2);
    memcpy(file + 10, header, length);
    return parse(file, 10 + length + bytes, out, err);
}

static void headers_are_read_as_python_reads_them(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t bytes;
        int dims;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }", 48, 2},
        {"{'shape': (3,), 'fortran_order': True, 'descr': '<f8'}", 24, 1},
        {"{\"descr\":\"|u1\",\"fortran_order\":False,\"shape\":()}   \n", 1, 0},
        {" { 'descr' : '>i2' , 'fortran_order' : False , 'shape' : ( 2 , 1 , 3 , 2 , ) , } \n", 24, 4},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999), }", 0, 2},
        {"{'descr': '=f4', 'fortran_order': False, 'shape': (5, 0), }", 0, 2},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_numbers n;
        convo_error err = {.message = ""};
        if (parse_header(cases[k].header, cases[k].bytes, &n, &err)) fail_msg("%s: %s", cases[k].header, err.message);
        assert_int_equal(n.dims, cases[k].dims);
    }
}

static void headers_that_make_no_sense_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *header;
        convo_status status;
    } cases[] = {
        {"", CONVO_FORMAT},
        {"{", CONVO_FORMAT},
        {"{}", CONVO_FORMAT},
        {"{'descr': '<f4', 'shape': (3, 4)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)} x", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)", CONVO_FORMAT},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), 'more': 1}", CONVO_FORMAT},
        {"{'descr' '<f4', 'fortran_order': False, 'shape': (3, 4)}", CONVO_FORMAT},
        {"{'descr': '<f4' 'fortran_order': False, 'shape': (3, 4)}", CONVO_FORMAT},
        {"{'descr': '<f4, 'fortran_order': False, 'shape': (3, 4)}", CONVO_UNSUPPORTED},
        {"{'descr': <f4, 'fortran_order': False, 'shape': (3, 4)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3 4)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, -4)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4.0)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': [3, 4]}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5)}", CONVO_FORMAT}, // there are only 48 bytes
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", CONVO_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", CONVO_LIMIT},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (0, 4294967296, 4294967296)}", CONVO_LIMIT},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (9223372036854775807,)}", CONVO_LIMIT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 3, 4)}", CONVO_UNSUPPORTED},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (4, 4)}", CONVO_UNSUPPORTED},
        {"{'descr': '', 'fortran_order': False, 'shape': (4, 4)}", CONVO_UNSUPPORTED},
        {"{'descr': '<', 'fortran_order': False, 'shape': (4, 4)}", CONVO_UNSUPPORTED},
        {"{'descr': '<U4', 'fortran_order': False, 'shape': (3,)}", CONVO_UNSUPPORTED},
        {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (12,)}", CONVO_UNSUPPORTED},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        cv_numbers n;
        convo_error err = {.message = ""};
        const convo_status status = parse_header(cases[k].header, 48, &n, &err);
        if (status != cases[k].status)
            fail_msg("%s: %s, not %s", cases[k].header, convo_status_name(status), convo_status_name(cases[k].status));
        if (!err.message[0]) fail_msg("%s: no message", cases[k].header);
    }
}

// --- damage -----------------------------------------------------------------------------------------------------

static void a_file_cut_short_at_any_byte_is_refused(void **state) {
    (void)state;
    static const char *const files[] = {"little-f4.npy", "version-2.npy", "version-3.npy"};
    for (size_t k = 0; k < CV_COUNT(files); k++) {
        cv_bytes bytes = read_golden(files[k]);
        cv_numbers n;
        for (size_t size = 0; size < bytes.size; size++)
            if (parse(bytes.data, size, &n, NULL) == CONVO_OK) fail_msg("%s: %zu bytes are taken", files[k], size);
        assert_int_equal(parse(bytes.data, bytes.size, &n, NULL), CONVO_OK);
        free(bytes.data);
    }
}

// Whatever is taken must fit the bytes that are there.
static void a_damaged_header_never_promises_more_than_there_is(void **state) {
    (void)state;
    cv_bytes bytes = read_golden("little-f8.npy");
    for (size_t at = 0; at < 128; at++)
        for (int value = 0; value < 256; value++) {
            const uint8_t kept = bytes.data[at];
            bytes.data[at] = (uint8_t)value;
            cv_numbers n;
            if (parse(bytes.data, bytes.size, &n, NULL) == CONVO_OK) {
                int64_t count = n.size;
                for (int d = 0; d < n.dims; d++) count *= n.dim[d];
                if (count != 192) fail_msg("byte %zu as %d: %lld bytes of numbers", at, value, (long long)count);
            }
            bytes.data[at] = kept;
        }
    free(bytes.data);
}

// --- writing ----------------------------------------------------------------------------------------------------

static void what_is_saved_is_read_again(void **state) {
    float value[24];
    for (int i = 0; i < 24; i++) value[i] = (float)(i - 5) * 0.37f;
    static const convo_array shapes[] = {{.dims = 0},
                                         {.dims = 1, .dim = {24}},
                                         {.dims = 3, .dim = {2, 3, 4}},
                                         {.dims = 4, .dim = {3, 1, 4, 2}},
                                         {.dims = 2, .dim = {5, 0}}};
    char *path = cv_format("%s/a.npy", (char *)*state);
    for (size_t k = 0; k < CV_COUNT(shapes); k++) {
        convo_array array = shapes[k];
        array.value = value;
        convo_error err = {.message = ""};
        if (convo_array_save(&array, path, &err)) fail_msg("%s", err.message);
        cv_bytes bytes;
        cv_numbers n;
        assert_int_equal(cv_file_read(path, 1 << 20, &bytes, NULL), CONVO_OK);
        if (cv_npy_parse(path, bytes.data, bytes.size, &n, &err)) fail_msg("%s", err.message);
        assert_int_equal(n.dims, array.dims);
        size_t count = 1;
        for (int d = 0; d < n.dims; d++) {
            assert_int_equal(n.dim[d], array.dim[d]);
            count *= (size_t)n.dim[d];
        }
        assert_memory_equal(n.data, value, count * sizeof *value);
        assert_int_equal((n.data - bytes.data) % 64, 0); // aligned, as NumPy asks for
        free(bytes.data);
    }
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_byte_order_is_read_as_numpy_wrote_it),
        cmocka_unit_test(half_precision_numbers_are_exact),
        cmocka_unit_test(the_largest_and_smallest_whole_numbers_are_read),
        cmocka_unit_test(what_holds_no_numbers_is_refused_with_a_remedy),
        cmocka_unit_test(headers_are_read_as_python_reads_them),
        cmocka_unit_test(headers_that_make_no_sense_are_refused),
        cmocka_unit_test(a_file_cut_short_at_any_byte_is_refused),
        cmocka_unit_test(a_damaged_header_never_promises_more_than_there_is),
        cmocka_unit_test_setup_teardown(what_is_saved_is_read_again, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
