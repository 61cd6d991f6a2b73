// Features and labels as MATLAB saves them (-v4, -v6, -v7), through matio.
#include "base/file.h"
#include "base/limits.h"
#include "data/examples.h"

#include <string.h>
#include <strings.h>

typedef struct mat_config {
    char file[3][CV_TEXT_SIZE]; // of train, validation, test
    char x[CV_TEXT_SIZE], y[CV_TEXT_SIZE];
} mat_config;

#define TEXT(field) .type = CV_TEXT, .offset = offsetof(mat_config, field)
static const cv_option schema[] = {
    {.name = "train", TEXT(file[CONVO_TRAIN]), .help = "file to train on; without, the one with 'train' in its name"},
    {.name = "validation", TEXT(file[CONVO_VALIDATION]), .help = "file to validate on; without, the one with 'val'"},
    {.name = "test", TEXT(file[CONVO_TEST]), .help = "file to test on; without, the one with 'test'"},
    {.name = "x", TEXT(x), .text = "X", .help = "the variable of the features, one example a row"},
    {.name = "y", TEXT(y), .text = "Y", .help = "the variable of the labels"},
    {.name = NULL},
};

#ifdef CONVO_HAVE_MATIO

#include <matio.h>
#include <stdlib.h>
#include <zlib.h>

static const struct type {
    enum matio_classes matio;
    char type;
    int size;
} types[] = {{MAT_C_DOUBLE, 'f', 8}, {MAT_C_SINGLE, 'f', 4}, {MAT_C_INT8, 'i', 1},  {MAT_C_UINT8, 'u', 1},
             {MAT_C_INT16, 'i', 2},  {MAT_C_UINT16, 'u', 2}, {MAT_C_INT32, 'i', 4}, {MAT_C_UINT32, 'u', 4},
             {MAT_C_INT64, 'i', 8},  {MAT_C_UINT64, 'u', 8}};

// Says what is in the variable, from its header; the data are not yet read. `size` bytes of a file may be packed by
// deflate, and hold doubles as single bytes.
static convo_status describe(const matvar_t *variable, size_t size, cv_numbers *out, convo_error *err) {
    for (size_t k = 0; k < CV_COUNT(types); k++)
        if (types[k].matio == variable->class_type) {
            out->type = types[k].type;
            out->size = types[k].size;
        }
    if (!out->type || variable->isComplex)
        return cv_fail(err, CONVO_UNSUPPORTED, out->where, "is no array of real numbers");
    if (variable->rank < 1 || variable->rank > CV_MAX_DIMS)
        return cv_fail(err, CONVO_UNSUPPORTED, out->where, "has %d dimensions, at most %d are read", variable->rank,
                       CV_MAX_DIMS);
    out->dims = variable->rank;
    for (int d = 0; d < out->dims; d++)
        out->dim[d] = variable->dims[d] > CV_LIMIT_ARRAYS ? INT64_MAX : (int64_t)variable->dims[d];
    size_t bytes;
    if (!cv_numbers_lay_out(out, CV_FORTRAN_ORDER, &bytes) || bytes > CV_LIMIT_ARRAYS)
        return cv_fail(err, CONVO_LIMIT, out->where, "has more than the %zu bytes that are accepted", CV_LIMIT_ARRAYS);
    if (bytes / sizeof(double) / CV_DEFLATE_RATIO > size)
        return cv_fail(err, CONVO_FORMAT, out->where, "cannot be read: a file of %zu bytes does not hold %zu", size,
                       bytes);
    return CONVO_OK;
}

// *variable: freed by the caller, even after a failure
static convo_status load(mat_t *mat, size_t size, const char *name, cv_numbers *out, matvar_t **variable,
                         convo_error *err) {
    *variable = Mat_VarReadInfo(mat, name);
    if (!*variable)
        return cv_fail(err, CONVO_FORMAT, out->where, "is not there or damaged: see 'x' and 'y' of the recipe's data");
    convo_status status = describe(*variable, size, out, err);
    if (status) return status;
    if (Mat_VarReadDataAll(mat, *variable) || !(*variable)->data || (*variable)->nbytes < (size_t)out->size)
        return cv_fail(err, CONVO_FORMAT, out->where, "cannot be read: the file is cut short or damaged");
    out->data = (*variable)->data;
    return CONVO_OK;
}

static uint32_t read_u32(const uint8_t *at, bool big) {
    uint32_t value = 0;
    for (int k = 0; k < 4; k++) value |= (uint32_t)at[k] << 8 * (big ? 3 - k : k);
    return value;
}

// The start of an element, as it is or unpacked, filled up with zeros; false where it cannot be unpacked: matio then
// goes on with whatever lies in its memory. Tags of 8 bytes (type, size) in front of all of the variable, of its flags
// (8 bytes, with the class), dimensions, name.
enum { TAG = 8, FLAGS = 16, DIMS = 24, MOST_DIMS = 128, MOST_NAME = 256, START = DIMS + TAG + MOST_DIMS + TAG };

static bool read_start(const uint8_t *element, size_t size, bool big, uint8_t start[START]) {
    enum { PACKED = 15 };
    memset(start, 0, START);
    if (read_u32(element, big) == PACKED) {
        z_stream stream = {.next_in = (uint8_t *)(uintptr_t)element + TAG, .next_out = start, .avail_out = START};
        stream.avail_in = size - TAG < UINT32_MAX ? (uInt)(size - TAG) : UINT32_MAX;
        if (inflateInit(&stream) != Z_OK) return false;
        const bool whole = inflate(&stream, Z_SYNC_FLUSH) == Z_STREAM_END || stream.avail_out == 0;
        inflateEnd(&stream);
        return whole;
    }
    memcpy(start, element, size < START ? size : START);
    return true;
}

// matio believes what is said of the number of cells and structs, the dimensions and the length of the name, and asks
// for as much memory. Dimensions that are no int32, or no whole number of them, it reads as if there were none, and
// what they are as the length of a name. It passes over what is no variable.
static bool is_harmless(const uint8_t start[START], bool big) {
    enum { INT32 = 5, MATRIX = 14 };
    const uint32_t class = read_u32(start + FLAGS, big) & 255, dims = read_u32(start + DIMS + 4, big);
    if (read_u32(start, big) != MATRIX || read_u32(start + 4, big) == 0) return true;
    if (class == MAT_C_CELL || class == MAT_C_STRUCT || class == MAT_C_OBJECT || class > MAT_C_UINT64) return false;
    if (read_u32(start + DIMS, big) != INT32) return false;
    if (dims < 2 * sizeof(int32_t) || dims > MOST_DIMS || dims % sizeof(int32_t)) return false; // two at least
    const uint8_t *name = start + DIMS + TAG + (dims + 7) / 8 * 8;
    return read_u32(name, big) >> 16 || read_u32(name + 4, big) <= MOST_NAME; // up to 4 bytes stand in the tag
}

// One element after the other; matio makes up the end of a packed one that is cut short.
static convo_status check_elements(const char *path, const cv_bytes *bytes, size_t at, bool big, convo_error *err) {
    uint8_t start[START];
    while (at < bytes->size && bytes->size - at >= TAG) {
        if (!read_start(bytes->data + at, bytes->size - at, big, start) || !is_harmless(start, big))
            return cv_fail(err, CONVO_UNSUPPORTED, path,
                           "holds cells, structs or objects, or is damaged: save features and labels alone, "
                           "save('f.mat', 'X', 'Y')");
        at += TAG + (size_t)read_u32(bytes->data + at + 4, big);
    }
    return at == bytes->size ? CONVO_OK : cv_fail(err, CONVO_FORMAT, path, "is cut short or damaged");
}

// Version 4: a type, rows, columns, whether there are imaginary parts, and the length of the name that follows; then
// the numbers. The type is in decimal order, precision and kind: 1000 order + 10 precision + kind.
static convo_status check_version_4(const char *path, const cv_bytes *bytes, convo_error *err) {
    enum { HEADER = 20, LARGEST_TYPE = 4052 };
    static const size_t precision[] = {8, 4, 4, 2, 2, 1};
    const bool big = bytes->size >= 4 && read_u32(bytes->data, false) > LARGEST_TYPE;
    size_t at = 0, size;
    while (bytes->size - at >= HEADER) {
        uint32_t head[HEADER / 4];
        for (size_t k = 0; k < CV_COUNT(head); k++) head[k] = read_u32(bytes->data + at + 4 * k, big);
        const size_t kind = head[0] / 10 % 10;
        at += HEADER;
        if (head[0] > LARGEST_TYPE || kind >= CV_COUNT(precision) || head[3] > 1 || !cv_mul(head[1], head[2], &size) ||
            !cv_mul(size, precision[kind] << head[3], &size) || head[4] > bytes->size - at ||
            size > bytes->size - at - head[4])
            break;
        at += head[4] + size;
        if (at == bytes->size) return CONVO_OK;
    }
    return cv_fail(err, CONVO_FORMAT, path, "is no MATLAB file, or it is cut short or damaged");
}

// What matio leaves to its caller. A header of 128 bytes ends in a version, 0x0100 or 0x0200, and "MI" in the byte
// order of the file; version 4 has none. Elements of a type, a size and as many bytes follow.
static convo_status check_file(const char *path, size_t *size, convo_error *err) {
    enum { HEADER = 128, END = 124 };
    cv_bytes bytes;
    convo_status status = cv_file_read(path, CV_LIMIT_ARRAYS, &bytes, err);
    if (status) return status;
    *size = bytes.size;
    const char *end = bytes.size >= HEADER ? (const char *)bytes.data + END : "\0\0\0";
    const bool big = !memcmp(end, "\1\0MI", 4);
    if (big || !memcmp(end, "\0\1IM", 4))
        status = check_elements(path, &bytes, HEADER, big, err);
    else if (!memcmp(end, "\2\0MI", 4) || !memcmp(end, "\0\2IM", 4))
        status = cv_fail(err, CONVO_UNSUPPORTED, path, "is a MATLAB 7.3 file: save it with save(..., '-v7')");
    else
        status = check_version_4(path, &bytes, err);
    free(bytes.data);
    return status;
}

static convo_status add_file(const char *path, const mat_config *config, int part, cv_examples *examples,
                             convo_error *err) {
    char *x_where = cv_format("%s: %s", path, config->x), *y_where = cv_format("%s: %s", path, config->y);
    matvar_t *x_variable = NULL, *y_variable = NULL;
    cv_numbers x = {.where = x_where}, y = {.where = y_where};
    mat_t *mat = NULL;
    size_t size = 0;
    convo_status status = x_where && y_where ? check_file(path, &size, err) : cv_no_memory(err, path);
    if (!status && !(mat = Mat_Open(path, MAT_ACC_RDONLY)))
        status = cv_fail(err, CONVO_FORMAT, path, "is no MATLAB file");
    if (!status) status = load(mat, size, config->x, &x, &x_variable, err);
    if (!status) status = load(mat, size, config->y, &y, &y_variable, err);
    if (!status && y.dims == 2 && y.dim[0] == 1 && x.dim[0] != 1) { // a row of labels is as good as a column
        y.dims = 1;
        y.dim[0] = y.dim[1];
        y.stride[0] = y.stride[1];
    }
    if (!status) status = cv_examples_add(examples, &x, &y, part, err);
    Mat_VarFree(x_variable);
    Mat_VarFree(y_variable);
    if (mat) Mat_Close(mat);
    free(x_where);
    free(y_where);
    return status;
}

// --- which files ------------------------------------------------------------------------------------------------

static bool contains(const char *text, const char *word) {
    for (; *text; text++)
        if (strncasecmp(text, word, strlen(word)) == 0) return true;
    return false;
}

// The file whose name has `word` in it; *found is NULL when there is none.
static convo_status find_file(const char *folder, char *const *names, size_t count, const char *word,
                              const char **found, convo_error *err) {
    *found = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *ending = strrchr(names[i], '.');
        if (!ending || strcasecmp(ending, ".mat") != 0 || !contains(names[i], word)) continue;
        if (*found)
            return cv_fail(err, CONVO_FORMAT, folder,
                           "%s and %s both have '%s' in their names: say which one in the recipe", *found, names[i],
                           word);
        *found = names[i];
    }
    return CONVO_OK;
}

static convo_status scan_folder(const char *folder, const mat_config *config, cv_examples *examples, convo_error *err) {
    static const char *const words[] = {"train", "val", "test"};
    char **names = NULL;
    size_t count = 0;
    convo_status status = cv_folder_list(folder, &names, &count, err);
    for (int part = CONVO_TRAIN; part <= CONVO_TEST && !status; part++) {
        const char *name = config->file[part];
        if (!*name) status = find_file(folder, names, count, words[part], &name, err);
        if (status || !name) continue;
        char *path = cv_format("%s/%s", folder, name);
        status = path ? add_file(path, config, part, examples, err) : cv_no_memory(err, folder);
        free(path);
    }
    cv_folder_free(names, count);
    if (!status && examples->dataset->count == 0)
        status = cv_fail(err, CONVO_FORMAT, folder, "holds no .mat file with train, val or test in its name");
    return status;
}

static convo_status scan(const char *path, const void *config, cv_dataset *dataset, convo_error *err) {
    cv_examples examples = {.dataset = dataset, .divisor = 1};
    const convo_status status =
        cv_is_file(path) ? add_file(path, config, -1, &examples, err) : scan_folder(path, config, &examples, err);
    return status ? status : cv_examples_finish(&examples, NULL, 0, path, err);
}

#endif

const cv_data_kind cv_data_mat = {
    .name = "mat",
    .help = "MATLAB files with features X and labels Y: one of them, or one each for train, val and test",
    .schema = schema,
    .config_size = sizeof(mat_config),
#ifdef CONVO_HAVE_MATIO
    .scan = scan,
#else
    .missing = "libmatio-dev and zlib1g-dev, and build again",
#endif
};
