// safetensors and .npy files: round trips, and files that are cut short or lie.
#include "base/file.h"
#include "format/safetensors.h"
#include "folder.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// after the headers that it needs
#include <cmocka.h>

static char path[64];

static int make_path(void **state) {
    if (make_folder(state)) return -1;
    snprintf(path, sizeof path, "%s/t.safetensors", test_folder);
    return 0;
}

// --- round trip -------------------------------------------------------------------------------------------------

static const float weights[6] = {1, -2.5f, 3e-39f, 4, 5, 6};
static const int64_t tracked[1] = {1234567890123};
static const uint8_t bytes[3] = {7, 8, 9};
static const double doubles[2] = {0.1, -1e300};
static const int32_t ints[1] = {-5};

static void write_sample(void) {
    cv_st_tensor tensor[] = {
        {.name = "0.weight", .type = CV_F32, .dims = 2, .dim = {3, 2}, .data = weights, .bytes = sizeof weights},
        {.name = "state", .type = CV_U8, .dims = 1, .dim = {3}, .data = bytes, .bytes = sizeof bytes},
        {.name = "1.num_batches_tracked", .type = CV_I64, .dims = 0, .data = tracked, .bytes = sizeof tracked},
        {.name = "empty", .type = CV_F32, .dims = 2, .dim = {0, 4}, .data = weights, .bytes = 0},
        {.name = "d", .type = CV_F64, .dims = 1, .dim = {2}, .data = doubles, .bytes = sizeof doubles},
        {.name = "i", .type = CV_I32, .dims = 3, .dim = {1, 1, 1}, .data = ints, .bytes = sizeof ints},
    };
    cv_st_text text[] = {{"format", "pt"}, {"note", "caf\xc3\xa9 \"quoted\"\nline"}};
    cv_safetensors file = {.tensor = tensor, .tensors = CV_COUNT(tensor), .text = text, .texts = CV_COUNT(text)};
    convo_error err = {0};
    if (cv_safetensors_write(path, &file, &err)) fail_msg("%s: %s", err.where, err.message);
}

// Others map files into memory: numbers lie at multiples of their size, whatever the header's length.
static void numbers_are_aligned_in_the_file(void **state) {
    (void)state;
    for (size_t length = 0; length < 16; length++) {
        char note[17] = "";
        memset(note, 'x', length);
        const cv_st_tensor tensor[] = {
            {.name = "d", .type = CV_F64, .dims = 1, .dim = {2}, .data = doubles, .bytes = sizeof doubles}};
        cv_st_text text[] = {{"note", note}};
        const cv_safetensors file = {
            .tensor = (cv_st_tensor *)(uintptr_t)tensor, .tensors = 1, .text = text, .texts = 1};
        cv_safetensors back;
        convo_error err = {0};
        if (cv_safetensors_write(path, &file, &err) || cv_safetensors_read(path, &back, &err))
            fail_msg("%s: %s", err.where, err.message);
        const ptrdiff_t at = (const char *)cv_safetensors_find(&back, "d")->data - (const char *)back.bytes;
        if (at % 8) fail_msg("behind a text of %zu letters the numbers begin at byte %td", length, at);
        cv_safetensors_free(&back);
    }
}

static void check_tensor(const cv_safetensors *file, const char *name, int dims, const void *data, size_t size) {
    const cv_st_tensor *tensor = cv_safetensors_find(file, name);
    if (!tensor) fail_msg("%s is missing", name);
    assert_int_equal(tensor->dims, dims);
    assert_int_equal(tensor->bytes, size);
    assert_memory_equal(tensor->data, data, size);
}

static void what_is_written_is_read(void **state) {
    (void)state;
    write_sample();
    cv_safetensors file;
    convo_error err = {0};
    if (cv_safetensors_read(path, &file, &err)) fail_msg("%s: %s", err.where, err.message);
    assert_int_equal(file.tensors, 6);
    check_tensor(&file, "0.weight", 2, weights, sizeof weights);
    check_tensor(&file, "state", 1, bytes, sizeof bytes);
    check_tensor(&file, "1.num_batches_tracked", 0, tracked, sizeof tracked);
    check_tensor(&file, "empty", 2, weights, 0);
    check_tensor(&file, "d", 1, doubles, sizeof doubles);
    check_tensor(&file, "i", 3, ints, sizeof ints);
    assert_int_equal(cv_safetensors_find(&file, "0.weight")->dim[0], 3);
    assert_int_equal(cv_safetensors_find(&file, "1.num_batches_tracked")->type, CV_I64);
    for (size_t t = 0; t < file.tensors; t++)
        if (file.tensor[t].bytes % 8 == 0) assert_int_equal((uintptr_t)file.tensor[t].data % 8, 0);
    assert_string_equal(cv_safetensors_text(&file, "note"), "caf\xc3\xa9 \"quoted\"\nline");
    assert_null(cv_safetensors_text(&file, "nothing"));
    assert_null(cv_safetensors_find(&file, "nothing"));
    cv_safetensors_free(&file);
}

static void what_cannot_be_read_back_is_not_written(void **state) {
    (void)state;
    unlink(path);
    const struct {
        cv_st_tensor tensor[2];
        cv_st_text text;
    } table[] = {
        {{{.name = "a", .data = weights, .bytes = 4}, {.name = "a", .data = weights, .bytes = 4}}, {"k", "v"}},
        {{{.name = "a", .data = weights, .bytes = 8}, {.name = "b", .data = weights, .bytes = 4}}, {"k", "v"}},
        {{{.name = "a", .dims = 1, .dim = {-1}, .data = weights}, {.name = "b", .bytes = 4, .data = weights}},
         {"k", "v"}},
        {{{.name = "__metadata__", .data = weights, .bytes = 4}, {.name = "b", .data = weights, .bytes = 4}},
         {"k", "v"}},
        {{{.name = "a", .data = weights, .bytes = 4}, {.name = "b", .data = weights, .bytes = 4}}, {"k", "\xff"}},
    };
    for (size_t k = 0; k < CV_COUNT(table); k++) {
        cv_st_tensor tensor[2];
        cv_st_text text = table[k].text;
        memcpy(tensor, table[k].tensor, sizeof tensor);
        cv_safetensors file = {.tensor = tensor, .tensors = 2, .text = &text, .texts = 1};
        convo_error err = {0};
        if (cv_safetensors_write(path, &file, &err) != CONVO_ARGUMENT) fail_msg("case %zu was written", k);
        assert_false(cv_is_file(path));
    }
    cv_safetensors file = {0};
    assert_int_equal(cv_safetensors_write("/no/such/folder/x", &file, NULL), CONVO_IO);
}

// Without the flush to the disk of cv_file_write: there are thousands.
static void put_file(const void *data, size_t size) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

// --- damaged files ----------------------------------------------------------------------------------------------

static void a_file_cut_short_is_refused_at_every_byte(void **state) {
    (void)state;
    write_sample();
    cv_bytes whole;
    assert_int_equal(cv_file_read(path, 1 << 20, &whole, NULL), CONVO_OK);
    for (size_t size = 0; size < whole.size; size++) {
        cv_safetensors file;
        convo_error err = {0};
        put_file(whole.data, size);
        if (!cv_safetensors_read(path, &file, &err)) fail_msg("accepted with %zu of %zu bytes", size, whole.size);
        assert_true(err.message[0]);
        assert_non_null(strstr(err.where, path));
        assert_null(file.tensor);
    }
    free(whole.data);
}

static void a_damaged_header_never_crashes(void **state) {
    (void)state;
    write_sample();
    cv_bytes whole;
    assert_int_equal(cv_file_read(path, 1 << 20, &whole, NULL), CONVO_OK);
    static const uint8_t replacement[] = {0, 1, '"', '{', '}', '[', ']', '9', '-', ',', 0x80, 0xff};
    for (size_t at = 0; at < whole.size; at++)
        for (size_t k = 0; k < sizeof replacement; k += 1 + at % 2) {
            uint8_t kept = whole.data[at];
            whole.data[at] = replacement[k];
            put_file(whole.data, whole.size);
            cv_safetensors file;
            convo_error err = {0};
            if (cv_safetensors_read(path, &file, &err)) assert_true(err.message[0]);
            cv_safetensors_free(&file);
            whole.data[at] = kept;
        }
    free(whole.data);
}

#define T(type, shape, from, to) "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static const struct {
    const char *header;
    size_t data; // bytes of zeros after it
    convo_status status;
    const char *phrase;
} lies[] = {
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", 8, CONVO_OK, ""},
    {"{}", 0, CONVO_OK, ""},
    {"[]", 0, CONVO_FORMAT, "not a JSON object"},
    {"", 0, CONVO_FORMAT, "not JSON"},
    {"{", 0, CONVO_FORMAT, "not JSON"},
    {"{}{}", 0, CONVO_FORMAT, "not JSON"},
    {"{\"a\":1}", 0, CONVO_FORMAT, "'a' must have a dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, CONVO_FORMAT, "'a' must have a dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"offsets\":[0,8]}}", 8, CONVO_FORMAT, "no pair of data_offsets"},
    {"{\"a\":{\"dtype\":1,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, CONVO_FORMAT, "no type"},
    {"{\"a\":" T("F8_E4M3", "[4]", "0", "4") "}", 4, CONVO_UNSUPPORTED, "of type F8_E4M3"},
    {"{\"a\":" T("F32", "2", "0", "8") "}", 8, CONVO_FORMAT, "no shape"},
    {"{\"a\":" T("F32", "[-2]", "0", "8") "}", 8, CONVO_FORMAT, "size 0 of tensor 'a' is not a whole number"},
    {"{\"a\":" T("F32", "[2.0]", "0", "8") "}", 8, CONVO_FORMAT, "size 0 of tensor 'a' is not a whole number"},
    {"{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, CONVO_UNSUPPORTED, "9 dimensions"},
    {"{\"a\":" T("F32", "[4294967296,4294967296]", "0", "8") "}", 8, CONVO_LIMIT, "larger than memory"},
    {"{\"a\":" T("F32", "[4611686018427387904]", "0", "0") "}", 0, CONVO_LIMIT, "larger than memory"},
    {"{\"a\":" T("F32", "[99999999999999999999]", "0", "8") "}", 8, CONVO_FORMAT, "not JSON"},
    {"{\"a\":" T("F32", "[2]", "0", "12") "}", 12, CONVO_FORMAT, "needs 8 bytes by its shape"},
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", 4, CONVO_FORMAT, "cut short"},
    {"{\"a\":" T("F32", "[2]", "-8", "0") "}", 8, CONVO_FORMAT, "lies at -8"},
    {"{\"a\":" T("F32", "[2]", "8", "0") "}", 8, CONVO_FORMAT, "lies at 8"},
    {"{\"a\":" T("F32", "[2]", "0", "9223372036854775807") "}", 8, CONVO_FORMAT, "cut short"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "4", "12") "}", 12, CONVO_FORMAT, "overlapping"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "0", "8") "}", 8, CONVO_FORMAT, "overlapping"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "12", "20") "}", 20, CONVO_FORMAT, "after a gap"},
    {"{\"a\":" T("F32", "[2]", "4", "12") "}", 12, CONVO_FORMAT, "after a gap"},
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", 9, CONVO_FORMAT, "1 bytes at the end belong to no tensor"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"a\":" T("F32", "[2]", "8", "16") "}", 16, CONVO_FORMAT, "not JSON"},
    {"{\"__metadata__\":{\"a\":1}}", 0, CONVO_FORMAT, "'a' in __metadata__ must be a string"},
    {"{\"__metadata__\":\"a\"}", 0, CONVO_FORMAT, "__metadata__ must be an object"},
    {"{\"a\":\"\\u0000\"}", 0, CONVO_FORMAT, "not JSON"},
    {"{\"a\xff\":1}", 0, CONVO_FORMAT, "not JSON"},
};

static void write_raw(uint64_t length, const char *header, size_t size, size_t data) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    fwrite(&length, 1, sizeof length, stream);
    fwrite(header, 1, size, stream);
    for (size_t k = 0; k < data; k++) fputc(0, stream);
    fclose(stream);
}

static void a_lying_header_is_refused(void **state) {
    (void)state;
    for (size_t k = 0; k < CV_COUNT(lies); k++) {
        size_t size = strlen(lies[k].header);
        write_raw(size, lies[k].header, size, lies[k].data);
        cv_safetensors file;
        convo_error err = {0};
        convo_status status = cv_safetensors_read(path, &file, &err);
        if (status != lies[k].status || !strstr(err.message, lies[k].phrase))
            fail_msg("%s\n  expected %s, ...%s..., but got %s: %s", lies[k].header, convo_status_name(lies[k].status),
                     lies[k].phrase, convo_status_name(status), err.message);
        cv_safetensors_free(&file);
    }
}

static void a_lying_header_length_is_refused(void **state) {
    (void)state;
    static const struct {
        uint64_t length;
        convo_status status;
    } table[] = {
        {3, CONVO_FORMAT},         {1, CONVO_FORMAT},
        {0, CONVO_FORMAT},         {100 << 20, CONVO_FORMAT},
        {UINT64_MAX, CONVO_LIMIT}, {UINT64_MAX - 7, CONVO_LIMIT},
        {1ull << 63, CONVO_LIMIT}, {(100 << 20) + 1, CONVO_LIMIT},
    };
    for (size_t k = 0; k < CV_COUNT(table); k++) {
        write_raw(table[k].length, "{}", 2, 0);
        cv_safetensors file;
        convo_error err = {0};
        assert_int_equal(cv_safetensors_read(path, &file, &err), table[k].status);
        assert_non_null(strstr(err.where, path));
    }
}

static void deep_nesting_is_refused(void **state) {
    (void)state;
    enum { DEPTH = 1 << 17 };
    char *header = malloc(DEPTH);
    assert_non_null(header);
    for (int k = 0; k < 2; k++) {
        memset(header, k ? '{' : '[', DEPTH);
        for (int i = 1; k && i < DEPTH - 4; i += 5) memcpy(header + i, "\"a\":{", 5);
        write_raw(DEPTH, header, DEPTH, 0);
        cv_safetensors file;
        convo_error err = {0};
        assert_int_equal(cv_safetensors_read(path, &file, &err), CONVO_FORMAT);
        assert_non_null(strstr(err.message, "not JSON"));
    }
    free(header);
}

// jansson needs a hundred bytes and more for each value. What is in a string is none.
static void a_header_of_too_many_values_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *head, *tail;
        convo_status status;
    } table[] = {{"{\"a\":[1", "]}", CONVO_LIMIT}, {"{\"__metadata__\":{\"a\":\"\\\"", "\"}}", CONVO_OK}};
    enum { VALUES = CV_LIMIT_JSON + 8 };
    char *header = malloc(2 * VALUES + 64);
    assert_non_null(header);
    for (size_t k = 0; k < CV_COUNT(table); k++) {
        size_t size = strlen(table[k].head);
        memcpy(header, table[k].head, size);
        for (int i = 0; i < VALUES; i++, size += 2) memcpy(header + size, ",1", 2);
        memcpy(header + size, table[k].tail, strlen(table[k].tail));
        size += strlen(table[k].tail);
        write_raw(size, header, size, 0);
        cv_safetensors file;
        assert_int_equal(cv_safetensors_read(path, &file, NULL), table[k].status);
        cv_safetensors_free(&file);
    }
    free(header);
}

// --- .npy -------------------------------------------------------------------------------------------------------

static void an_array_is_written_as_numpy_reads_it(void **state) {
    (void)state;
    float value[6] = {1, 2, 3, 4, 5, 6};
    const convo_array array = {.dims = 2, .dim = {2, 3}, .value = value};
    assert_int_equal(convo_array_save(&array, path, NULL), CONVO_OK);
    cv_bytes file;
    assert_int_equal(cv_file_read(path, 1 << 20, &file, NULL), CONVO_OK);
    static const uint8_t start[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    assert_memory_equal(file.data, start, sizeof start);
    size_t header = file.data[8] + 256u * file.data[9];
    assert_int_equal((10 + header) % 64, 0);
    assert_int_equal(file.size, 10 + header + sizeof value);
    assert_non_null(strstr((char *)file.data + 10, "'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }"));
    assert_int_equal(file.data[10 + header - 1], '\n');
    assert_memory_equal(file.data + 10 + header, value, sizeof value);
    free(file.data);

    const convo_array bad[] = {{.dims = 5, .value = value},
                               {.dims = 1, .dim = {-1}, .value = value},
                               {.dims = 1, .dim = {3}},
                               {.dims = 2, .dim = {INT64_MAX, INT64_MAX}, .value = value}};
    for (size_t k = 0; k < CV_COUNT(bad); k++) assert_int_equal(convo_array_save(&bad[k], path, NULL), CONVO_ARGUMENT);
    assert_int_equal(convo_array_save(NULL, path, NULL), CONVO_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(numbers_are_aligned_in_the_file),
        cmocka_unit_test(what_cannot_be_read_back_is_not_written),
        cmocka_unit_test(a_file_cut_short_is_refused_at_every_byte),
        cmocka_unit_test(a_damaged_header_never_crashes),
        cmocka_unit_test(a_lying_header_is_refused),
        cmocka_unit_test(a_lying_header_length_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_header_of_too_many_values_is_refused),
        cmocka_unit_test(an_array_is_written_as_numpy_reads_it),
    };
    return cmocka_run_group_tests_name("safetensors", tests, make_path, remove_folder);
}
