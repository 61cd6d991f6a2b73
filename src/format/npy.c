#include "format/npy.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define NATIVE  ">"
#define FOREIGN '<'
#else
#define NATIVE  "<"
#define FOREIGN '>'
#endif

static const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
enum { VERSION = sizeof magic, SHORT_PREFIX = 10, LONG_PREFIX = 12, MAX_HEADER = 65535 };

// --- reading ----------------------------------------------------------------------------------------------------

// The header as it is read. It is `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`: its keys in any order.
typedef struct npy_reader {
    const char *where;
    const uint8_t *file, *at, *end;
    convo_error *err;
} npy_reader;

static convo_status bad_header(const npy_reader *r, const char *expected) {
    char where[512];
    cv_print(where, sizeof where, "%.480s@%zu", r->where, (size_t)(r->at - r->file));
    return cv_fail(r->err, CONVO_FORMAT, where, "the header is damaged: expected %s", expected);
}

static void skip_space(npy_reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r')) r->at++;
}

static bool skip_word(npy_reader *r, const char *word) {
    skip_space(r);
    const size_t length = strlen(word);
    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return false;
    r->at += length;
    return true;
}

static convo_status read_text(npy_reader *r, char *text, size_t size) {
    skip_space(r);
    const uint8_t quote = r->at < r->end ? *r->at : 0;
    const uint8_t *close =
        quote == '\'' || quote == '"' ? memchr(r->at + 1, quote, (size_t)(r->end - r->at) - 1) : NULL;
    if (!close || (size_t)(close - r->at) > size) return bad_header(r, "a short text in quotes");
    cv_print(text, size, "%.*s", (int)(close - r->at - 1), (const char *)r->at + 1);
    r->at = close + 1;
    return CONVO_OK;
}

static convo_status read_npy_type(npy_reader *r, cv_numbers *n) {
    char text[16];
    if (skip_word(r, "["))
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->where,
                       "holds records of several fields: save the numbers of each field as an array of their own");
    CV_TRY(read_text(r, text, sizeof text));
    if (strchr(text, 'O'))
        return cv_fail(
            r->err, CONVO_UNSUPPORTED, r->where,
            "holds pickled Python objects, which could run code and are not read: make it an array of numbers, "
            "such as a.astype('float32'), or of labels np.unique(a, return_inverse=True)[1], and save it with "
            "allow_pickle=False");
    if (text[0] && (text[1] == 'U' || text[1] == 'S'))
        return cv_fail(
            r->err, CONVO_UNSUPPORTED, r->where,
            "holds text ('%s'), numbers are read: names, y = np.unique(y, return_inverse=True) makes numbers "
            "of labels; write the names into labels.txt beside the arrays, one a line",
            text);
    n->swapped = text[0] == FOREIGN;
    n->type = text[0] ? text[1] : 0;
    n->size = text[0] && text[1] && text[2] && !text[3] ? text[2] - '0' : 0;
    static const char *const accepted[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
    for (size_t k = 0; k < CV_COUNT(accepted); k++)
        if (strchr("<>|=", text[0]) && text[0] && strcmp(text + 1, accepted[k]) == 0) return CONVO_OK;
    return cv_fail(
        r->err, CONVO_UNSUPPORTED, r->where,
        "holds numbers of type '%s': floats of 16 to 64 bits, whole numbers and bool are read; convert it with "
        "a.astype('float32')",
        text);
}

static convo_status read_size(npy_reader *r, int64_t *size) {
    skip_space(r);
    const uint8_t *start = r->at;
    for (*size = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
        if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *r->at - '0', size))
            return bad_header(r, "a size that is not so large");
    return r->at > start ? CONVO_OK : bad_header(r, "a size");
}

static convo_status read_npy_shape(npy_reader *r, cv_numbers *n) {
    if (!skip_word(r, "(")) return bad_header(r, "'('");
    for (n->dims = 0; !skip_word(r, ")"); n->dims++) {
        if (n->dims == CV_MAX_DIMS)
            return cv_fail(r->err, CONVO_UNSUPPORTED, r->where, "has more than %d dimensions", CV_MAX_DIMS);
        CV_TRY(read_size(r, &n->dim[n->dims]));
        if (skip_word(r, ",")) continue;
        if (n->dims == 0 || !skip_word(r, ")")) return bad_header(r, "',' or ')'"); // (3) is a number, (3,) a shape
        n->dims++;
        break;
    }
    return CONVO_OK;
}

static convo_status read_npy_header(npy_reader *r, cv_numbers *n, cv_order *order) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    unsigned seen = 0;
    char key[16];
    convo_status status = skip_word(r, "{") ? CONVO_OK : bad_header(r, "'{'");
    while (!status && !skip_word(r, "}")) {
        CV_TRY(read_text(r, key, sizeof key));
        size_t k = 0;
        while (k < CV_COUNT(keys) && strcmp(key, keys[k]) != 0) k++;
        if (k == CV_COUNT(keys) || seen & 1u << k)
            return bad_header(r, "each of descr, fortran_order and shape, once,");
        seen |= 1u << k;
        if (!skip_word(r, ":")) return bad_header(r, "':'");
        if (k == 0)
            status = read_npy_type(r, n);
        else if (k == 2)
            status = read_npy_shape(r, n);
        else if (skip_word(r, "True"))
            *order = CV_FORTRAN_ORDER;
        else if (!skip_word(r, "False"))
            return bad_header(r, "True or False");
        if (!status && !skip_word(r, ",")) {
            if (!skip_word(r, "}")) return bad_header(r, "',' or '}'");
            break;
        }
    }
    if (status) return status;
    if (seen != 7) return bad_header(r, "each of descr, fortran_order and shape");
    skip_space(r);
    return r->at == r->end ? CONVO_OK : bad_header(r, "the end of the header");
}

convo_status cv_npy_parse(const char *where, const uint8_t *data, size_t size, cv_numbers *out, convo_error *err) {
    *out = (cv_numbers){.where = where};
    if (size < LONG_PREFIX || memcmp(data, magic, sizeof magic) != 0)
        return cv_fail(err, CONVO_FORMAT, where, "is not an .npy file: such files begin with \\x93NUMPY");
    if (data[VERSION] < 1 || data[VERSION] > 3)
        return cv_fail(err, CONVO_UNSUPPORTED, where, "has .npy format version %d: only versions 1 to 3 are supported",
                       data[VERSION]);
    const size_t prefix = data[VERSION] == 1 ? SHORT_PREFIX : LONG_PREFIX;
    size_t length = 0;
    for (size_t k = prefix; k-- > VERSION + 2;) length = length << 8 | data[k]; // little-endian
    if (length > MAX_HEADER || length > size - prefix)
        return cv_fail(err, CONVO_FORMAT, where, "is cut short or damaged: its header claims %zu bytes", length);

    npy_reader r = {where, data, data + prefix, data + prefix + length, err};
    cv_order order = CV_C_ORDER;
    CV_TRY(read_npy_header(&r, out, &order));
    size_t bytes;
    const size_t rest = size - prefix - length;
    if (!cv_numbers_lay_out(out, order, &bytes))
        return cv_fail(err, CONVO_LIMIT, where, "declares more elements than can be addressed");
    if (bytes != rest)
        return cv_fail(err, CONVO_FORMAT, where, "is %s: its header declares %zu bytes of data, but there are %zu",
                       rest < bytes ? "cut short" : "longer than it should be", bytes, rest);
    out->data = data + prefix + length;
    return CONVO_OK;
}

// --- writing ----------------------------------------------------------------------------------------------------

void cv_npy_head(const cv_numbers *form, uint8_t head[CV_NPY_HEAD]) {
    enum { LENGTH = CV_NPY_HEAD - SHORT_PREFIX };
    const uint8_t prefix[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, LENGTH & 255, LENGTH >> 8};
    char text[LENGTH + 1], padded[LENGTH + 1];
    cv_print(text, sizeof text, "{'descr': '%s%c%d', 'fortran_order': False, 'shape': (", form->size > 1 ? NATIVE : "|",
             form->type, form->size);
    for (int d = 0; d < form->dims; d++) cv_append(text, sizeof text, "%" PRId64 ", ", form->dim[d]);
    cv_append(text, sizeof text, "), }");
    cv_print(padded, sizeof padded, "%-*s\n", LENGTH - 1, text);
    memcpy(head, prefix, sizeof prefix);
    memcpy(head + sizeof prefix, padded, LENGTH);
}

void convo_array_free(convo_array *array) {
    if (!array) return;
    free(array->value);
    *array = (convo_array){0};
}

static bool count_values(const convo_array *array, size_t *count) {
    *count = 1;
    if (array->dims < 0 || array->dims > (int)CV_COUNT(array->dim)) return false;
    for (int d = 0; d < array->dims; d++)
        if (array->dim[d] < 0 || !cv_mul(*count, (size_t)array->dim[d], count)) return false;
    return array->value || !*count;
}

convo_status convo_array_save(const convo_array *array, const char *path, convo_error *err) {
    size_t count;
    if (!array || !path || !count_values(array, &count))
        return cv_fail(err, CONVO_ARGUMENT, path ? path : "", "there is no array to write");
    cv_numbers form = {.type = 'f', .size = sizeof *array->value, .dims = array->dims};
    memcpy(form.dim, array->dim, sizeof form.dim);
    uint8_t head[CV_NPY_HEAD];
    cv_npy_head(&form, head);
    cv_output out;
    CV_TRY(cv_file_open(&out, path, err));
    fwrite(head, 1, sizeof head, out.stream); // what fails here shows in cv_file_commit
    fwrite(array->value, sizeof *array->value, count, out.stream);
    return cv_file_commit(&out, err);
}
