// https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
#include "format/mat.h"

#include "format/inflate.h"

#include <string.h>

static uint32_t read_u32(const uint8_t *at, bool big) {
    uint32_t value = 0;
    for (int k = 0; k < 4; k++) value |= (uint32_t)at[k] << 8 * (big ? 3 - k : k);
    return value;
}

static bool is_foreign(bool big) {
    return big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

static convo_status damaged(const char *path, convo_error *err) {
    return cv_fail(err, CONVO_FORMAT, path, "is not a MATLAB file, or it is cut short or damaged");
}

static convo_status not_there(const char *where, convo_error *err) {
    return cv_fail(err, CONVO_FORMAT, where, "not found: check 'x' and 'y' in the recipe's data");
}

// The numbers fill `size` bytes exactly. Type, size and dims of *out are set.
static convo_status lay_out(const uint8_t *data, size_t size, bool big, cv_numbers *out, convo_error *err) {
    size_t bytes;
    out->swapped = is_foreign(big);
    if (!cv_numbers_lay_out(out, CV_FORTRAN_ORDER, &bytes) || bytes != size)
        return cv_fail(err, CONVO_FORMAT, out->where, "is damaged: its dimensions do not fit its %zu bytes of data",
                       size);
    out->data = data;
    return CONVO_OK;
}

// --- version 5 ----------------------------------------------------------------------------------------------------

enum element_type { INT8 = 1, UINT8 = 2, INT32 = 5, UINT32 = 6, MATRIX = 14, PACKED = 15, UTF8 = 16 };
enum { TAG = 8, HEADER = 128, HEADER_END = 124 };

// How numbers are stored: of any type that holds the values of the array's class.
static const struct {
    char type;
    uint8_t size;
} stored[] = {[1] = {'i', 1}, [2] = {'u', 1}, [3] = {'i', 2}, [4] = {'u', 2},  [5] = {'i', 4},
              [6] = {'u', 4}, [7] = {'f', 4}, [9] = {'f', 8}, [12] = {'i', 8}, [13] = {'u', 8}};

// Bytes that are still to be read.
typedef struct reader {
    const uint8_t *at;
    size_t size;
    bool big; // byte order
} reader;

// An element is a type, a size and as many bytes, filled up to 8 where it is no packed one; up to 4 bytes may stand in
// the tag, behind a half-word each of size and type.
static bool next_element(reader *r, uint32_t *type, reader *data) {
    if (r->size < TAG) return false;
    const uint32_t first = read_u32(r->at, r->big), length = first >> 16;
    const size_t size = length ? length : read_u32(r->at + 4, r->big), start = length ? 4 : TAG;
    *type = length ? first & 0xffff : first;
    if (size > (length ? 4 : r->size - TAG)) return false;
    *data = (reader){r->at + start, size, r->big};
    size_t step = TAG + (length ? 0 : *type == PACKED ? size : (size + 7) / 8 * 8);
    if (step > r->size) step = r->size;
    r->at += step;
    r->size -= step;
    return true;
}

// What stands in front of a matrix's numbers. Tables and other objects have no dimensions here.
typedef struct head {
    uint32_t class;
    reader dims, name;
} head;

static bool read_head(reader *matrix, head *out) {
    uint32_t type;
    reader flags;
    *out = (head){0};
    if (!next_element(matrix, &type, &flags) || type != UINT32 || flags.size != 8) return false;
    out->class = read_u32(flags.at, flags.big);
    if (!next_element(matrix, &type, &out->name)) return false;
    if (type == INT32) {
        out->dims = out->name;
        if (!next_element(matrix, &type, &out->name)) return false;
    }
    return type == INT8 || type == UINT8 || type == UTF8;
}

// NULL: an array of real numbers
static const char *what_else(uint32_t class) {
    static const char *const kinds[] = {"nothing that is known", "a cell array", "a struct", "an object", "text",
                                        "a sparse array"};
    enum { COMPLEX = 0x800, FIRST_NUMBERS = 6, LAST_NUMBERS = 15 };
    const uint32_t kind = class & 255;
    if (kind < FIRST_NUMBERS) return kinds[kind];
    if (kind > LAST_NUMBERS) return "an object or a function";
    return class & COMPLEX ? "an array of complex numbers" : NULL;
}

static convo_status read_numbers(reader *matrix, const head *h, cv_numbers *out, convo_error *err) {
    uint32_t type;
    reader data;
    const char *other = what_else(h->class);
    const size_t dims = h->dims.size / sizeof(int32_t);
    if (other)
        return cv_fail(err, CONVO_UNSUPPORTED, out->where, "is %s: expected an array of real numbers%s", other,
                       strstr(other, "sparse") ? ", such as full(X)" : "");
    if (dims > CV_MAX_DIMS)
        return cv_fail(err, CONVO_UNSUPPORTED, out->where, "has %zu dimensions, at most %d are read", dims,
                       CV_MAX_DIMS);
    if (!dims || h->dims.size % sizeof(int32_t) || !next_element(matrix, &type, &data) || type >= CV_COUNT(stored) ||
        !stored[type].size)
        return cv_fail(err, CONVO_FORMAT, out->where,
                       "is damaged: its dimensions or the type of its numbers are invalid");
    out->type = stored[type].type;
    out->size = stored[type].size;
    out->dims = (int)dims;
    for (size_t d = 0; d < dims; d++) out->dim[d] = (int32_t)read_u32(h->dims.at + d * sizeof(int32_t), h->dims.big);
    return lay_out(data.at, data.size, data.big, out, err);
}

static bool is_called(const head *h, const char *name) {
    return h->name.size == strlen(name) && memcmp(h->name.at, name, h->name.size) == 0;
}

// Arrays of other names are passed over, and of packed ones no more is unpacked than tells their names.
static convo_status find_5(const char *path, reader file, const char *name, cv_numbers *out, cv_bytes *unpacked,
                           convo_error *err) {
    enum { START = 1024 };
    uint8_t start[START];
    reader element;
    uint32_t type;
    head h;
    while (file.size) {
        if (!next_element(&file, &type, &element)) return damaged(path, err);
        const bool packed = type == PACKED;
        reader matrix = element;
        if (packed) {
            const convo_status status = cv_zlib_start(path, element.at, element.size, start, START, err);
            if (status) return status;
            type = read_u32(start, file.big);
            matrix = (reader){start + TAG, START - TAG, file.big};
        }
        if (type != MATRIX || !matrix.size) continue;
        if (!read_head(&matrix, &h)) return damaged(path, err);
        if (!is_called(&h, name)) continue;
        if (!packed) return read_numbers(&matrix, &h, out, err);
        CV_TRY(cv_zlib_unpack(out->where, element.at, element.size, unpacked, err));
        reader whole = {unpacked->data, unpacked->size, file.big};
        if (!next_element(&whole, &type, &matrix) || !read_head(&matrix, &h)) return damaged(path, err);
        return read_numbers(&matrix, &h, out, err);
    }
    return not_there(out->where, err);
}

// --- version 4 ----------------------------------------------------------------------------------------------------

// A type, rows, columns, whether there are imaginary parts, and the length of the name that follows; then the numbers.
// The type is in decimal order, precision and kind: 1000 order + 10 precision + kind.
static convo_status find_4(const char *path, const cv_bytes *file, const char *name, cv_numbers *out,
                           convo_error *err) {
    enum { HEAD = 5, LARGEST_TYPE = 1052 };
    static const int precision[][2] = {{'f', 8}, {'f', 4}, {'i', 4}, {'i', 2}, {'u', 2}, {'u', 1}};
    static const char *const kinds[] = {"", "text", "a sparse array"};
    const bool big = file->size >= 4 && read_u32(file->data, false) > LARGEST_TYPE;
    const uint8_t *at = file->data, *end = at + file->size;
    do {
        uint32_t field[HEAD];
        size_t size;
        if ((size_t)(end - at) < sizeof field) return damaged(path, err);
        for (int k = 0; k < HEAD; k++, at += 4) field[k] = read_u32(at, big);
        const uint32_t order = field[0] / 1000, form = field[0] / 10 % 100, kind = field[0] % 10, length = field[4];
        if (order != big || form >= CV_COUNT(precision) || kind >= CV_COUNT(kinds) || field[3] > 1 ||
            !cv_mul(field[1], field[2], &size) || !cv_mul(size, (size_t)precision[form][1] << field[3], &size) ||
            length > (size_t)(end - at) || size > (size_t)(end - at) - length)
            return damaged(path, err);
        const bool found = length && !at[length - 1] && strcmp((const char *)at, name) == 0;
        at += length;
        if (found && (kind || field[3]))
            return cv_fail(err, CONVO_UNSUPPORTED, out->where, "is %s: expected an array of real numbers",
                           kind ? kinds[kind] : "an array of complex numbers");
        if (found) {
            *out = (cv_numbers){.where = out->where,
                                .type = (char)precision[form][0],
                                .size = precision[form][1],
                                .dims = 2,
                                .dim = {field[1], field[2]}};
            return lay_out(at, size, big, out, err);
        }
        at += size;
    } while (at < end);
    return not_there(out->where, err);
}

// --- both ---------------------------------------------------------------------------------------------------------

// The header of version 5 ends in a version and in "MI", in the byte order of the file.
convo_status cv_mat_find(const char *path, const cv_bytes *file, const char *name, cv_numbers *out, cv_bytes *unpacked,
                         convo_error *err) {
    static const char hdf5[] = "\x89HDF";
    const char *end = file->size >= HEADER ? (const char *)file->data + HEADER_END : "\0\0\0";
    const bool big = !memcmp(end, "\1\0MI", 4);
    *unpacked = (cv_bytes){0};
    if (!memcmp(end, "\2\0MI", 4) || !memcmp(end, "\0\2IM", 4) || !strncmp((const char *)file->data, hdf5, 4))
        return cv_fail(err, CONVO_UNSUPPORTED, path,
                       "is a MATLAB 7.3 file, which is HDF5: save it with save(..., '-v7')");
    if (!big && memcmp(end, "\0\1IM", 4) != 0) return find_4(path, file, name, out, err);
    return find_5(path, (reader){file->data + HEADER, file->size - HEADER, big}, name, out, unpacked, err);
}
