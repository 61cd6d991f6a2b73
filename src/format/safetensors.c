#include "format/safetensors.h"

#include "base/file.h"
#include "format/json.h"
#include "format/numbers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian: this machine needs its tensors swapped when they are read and written"
#endif

static const struct {
    const char *name;
    size_t size;
} types[] = {[CV_F32] = {"F32", 4}, [CV_I64] = {"I64", 8}, [CV_F64] = {"F64", 8},  [CV_I32] = {"I32", 4},
             [CV_U8] = {"U8", 1},   [CV_F16] = {"F16", 2}, [CV_BF16] = {"BF16", 2}};

static bool tensor_bytes(const cv_st_tensor *tensor, size_t *bytes) {
    *bytes = types[tensor->type].size;
    for (int d = 0; d < tensor->dims; d++)
        if (tensor->dim[d] < 0 || !cv_mul(*bytes, (size_t)tensor->dim[d], bytes)) return false;
    return true;
}

// --- reading ----------------------------------------------------------------------------------------------------

typedef struct st_reader {
    const char *path;
    const uint8_t *data; // of the tensors
    size_t size;
    convo_error *err;
} st_reader;

static convo_status read_dtype(const st_reader *r, const json_t *entry, cv_st_tensor *tensor) {
    const char *type = json_string_value(json_object_get(entry, "dtype"));
    if (!type) return cv_fail(r->err, CONVO_FORMAT, r->path, "tensor '%.100s' has no type", tensor->name);
    for (size_t k = 0; k < CV_COUNT(types); k++)
        if (!strcmp(types[k].name, type)) {
            tensor->type = (__typeof__(tensor->type))k;
            return CONVO_OK;
        }
    return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                   "tensor '%.100s' is of type %.20s; F32, F64, F16, BF16, I64, I32 and U8 are read", tensor->name,
                   type);
}

static convo_status read_dims(const st_reader *r, const json_t *entry, cv_st_tensor *tensor) {
    const json_t *shape = json_object_get(entry, "shape");
    size_t dims = json_array_size(shape);
    if (!json_is_array(shape))
        return cv_fail(r->err, CONVO_FORMAT, r->path, "tensor '%.100s' has no shape", tensor->name);
    if (dims > CV_COUNT(tensor->dim))
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path, "tensor '%.100s' has %zu dimensions, at most %zu are read",
                       tensor->name, dims, CV_COUNT(tensor->dim));
    tensor->dims = (int)dims;
    for (size_t d = 0; d < dims; d++) {
        const json_t *size = json_array_get(shape, d);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return cv_fail(r->err, CONVO_FORMAT, r->path,
                           "size %zu of tensor '%.100s' is not a whole number of at least 0", d, tensor->name);
        tensor->dim[d] = json_integer_value(size);
    }
    if (!tensor_bytes(tensor, &tensor->bytes))
        return cv_fail(r->err, CONVO_LIMIT, r->path, "tensor '%.100s' is larger than memory can be", tensor->name);
    return CONVO_OK;
}

static convo_status read_range(const st_reader *r, const json_t *entry, cv_st_tensor *tensor) {
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return cv_fail(r->err, CONVO_FORMAT, r->path, "tensor '%.100s' has no pair of data_offsets", tensor->name);
    json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < begin || (uint64_t)end > r->size)
        return cv_fail(r->err, CONVO_FORMAT, r->path,
                       "tensor '%.100s' lies at %" PRIdMAX " to %" PRIdMAX
                       " of %zu bytes of data; is the file cut short?",
                       tensor->name, (intmax_t)begin, (intmax_t)end, r->size);
    if ((uint64_t)(end - begin) != tensor->bytes)
        return cv_fail(r->err, CONVO_FORMAT, r->path,
                       "tensor '%.100s' needs %zu bytes by its shape, its data has %" PRIdMAX, tensor->name,
                       tensor->bytes, (intmax_t)(end - begin));
    tensor->data = r->data + begin;
    return CONVO_OK;
}

static convo_status read_entry(const st_reader *r, const char *name, const json_t *entry, cv_st_tensor *tensor) {
    tensor->name = cv_format("%s", name);
    if (!tensor->name) return cv_no_memory(r->err, "a tensor's name");
    if (!json_is_object(entry) || json_object_size(entry) != 3)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "tensor '%.100s' must have a dtype, a shape and data_offsets",
                       name);
    CV_TRY(read_dtype(r, entry, tensor));
    CV_TRY(read_dims(r, entry, tensor));
    return read_range(r, entry, tensor);
}

static convo_status read_texts(const st_reader *r, json_t *texts, cv_safetensors *file) {
    if (!json_is_object(texts)) return cv_fail(r->err, CONVO_FORMAT, r->path, "__metadata__ must be an object");
    file->text = cv_alloc(json_object_size(texts) + 1, sizeof *file->text);
    if (!file->text) return cv_no_memory(r->err, r->path);
    const char *key;
    json_t *value;
    json_object_foreach(texts, key, value) {
        if (!json_is_string(value))
            return cv_fail(r->err, CONVO_FORMAT, r->path, "'%.100s' in __metadata__ must be a string", key);
        cv_st_text *text = &file->text[file->texts++];
        text->key = cv_format("%s", key);
        text->value = cv_format("%s", json_string_value(value));
        if (!text->key || !text->value) return cv_no_memory(r->err, r->path);
    }
    return CONVO_OK;
}

static int by_offset(const void *a, const void *b) {
    const cv_st_tensor *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->data, q = (uintptr_t)y->data;
    if (p != q) return p < q ? -1 : 1;
    return (x->bytes > y->bytes) -
           (x->bytes < y->bytes); // an empty tensor before the one that begins at the same offset
}

// The tensors, now in the order of their data, must cover it: no byte twice, none left over.
static convo_status check_cover(const st_reader *r, cv_safetensors *file) {
    if (file->tensors) qsort(file->tensor, file->tensors, sizeof *file->tensor, by_offset);
    size_t covered = 0;
    for (size_t t = 0; t < file->tensors; t++) {
        size_t begin = (size_t)((const uint8_t *)file->tensor[t].data - r->data);
        if (begin != covered)
            return cv_fail(r->err, CONVO_FORMAT, r->path, "the data of tensor '%.100s' begins at %zu, %s at %zu",
                           file->tensor[t].name, begin, begin < covered ? "overlapping one that ends" : "after a gap",
                           covered);
        covered += file->tensor[t].bytes;
    }
    if (covered == r->size) return CONVO_OK;
    return cv_fail(r->err, CONVO_FORMAT, r->path, "%zu bytes at the end belong to no tensor", r->size - covered);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(cv_st_tensor *const *)a)->name, (*(cv_st_tensor *const *)b)->name);
}

static convo_status sort_names(cv_safetensors *file, convo_error *err) {
    file->named = cv_alloc(file->tensors, sizeof *file->named);
    if (!file->named) return cv_no_memory(err, "a list of tensors");
    for (size_t t = 0; t < file->tensors; t++) file->named[t] = &file->tensor[t];
    if (file->tensors) qsort(file->named, file->tensors, sizeof *file->named, by_name);
    return CONVO_OK;
}

static convo_status read_tensors(const st_reader *r, json_t *header, cv_safetensors *file) {
    file->tensor = cv_alloc(json_object_size(header) + 1, sizeof *file->tensor);
    if (!file->tensor) return cv_no_memory(r->err, r->path);
    const char *key;
    json_t *value;
    json_object_foreach(header, key, value) {
        bool texts = !strcmp(key, "__metadata__");
        convo_status status =
            texts ? read_texts(r, value, file) : read_entry(r, key, value, &file->tensor[file->tensors++]);
        if (status) return status;
    }
    CV_TRY(check_cover(r, file));
    return sort_names(file, r->err);
}

static convo_status parse(const char *path, const cv_bytes *bytes, cv_safetensors *file, convo_error *err) {
    uint64_t length = 0;
    if (bytes->size < sizeof length)
        return cv_fail(err, CONVO_FORMAT, path, "%zu bytes are too short for a safetensors file", bytes->size);
    memcpy(&length, bytes->data, sizeof length);
    char where[CV_COUNT(((convo_error *)0)->where)];
    cv_print(where, sizeof where, "%.460s@0", path);
    if (length > CV_LIMIT_HEADER)
        return cv_fail(err, CONVO_LIMIT, where,
                       "the header is said to have %" PRIu64
                       " bytes, at most %zu are read; is this a safetensors file?",
                       length, CV_LIMIT_HEADER);
    if (length > bytes->size - sizeof length)
        return cv_fail(err, CONVO_FORMAT, where,
                       "the header is said to have %" PRIu64
                       " bytes, %zu are there; the file is cut short or no safetensors file",
                       length, bytes->size - sizeof length);
    const char *text = (const char *)bytes->data + sizeof length;
    json_t *header;
    CV_TRY(cv_json_read(path, sizeof length, text, (size_t)length, &header, err));
    st_reader r = {path, (const uint8_t *)text + length, bytes->size - sizeof length - (size_t)length, err};
    convo_status status = json_is_object(header) ? read_tensors(&r, header, file)
                                                 : cv_fail(err, CONVO_FORMAT, where, "the header is not a JSON object");
    json_decref(header);
    return status;
}

convo_status cv_safetensors_read(const char *path, cv_safetensors *file, convo_error *err) {
    *file = (cv_safetensors){0};
    cv_bytes bytes;
    CV_TRY(cv_file_read(path, CV_LIMIT_SAFETENSORS, &bytes, err));
    file->bytes = bytes.data;
    convo_status status = parse(path, &bytes, file, err);
    if (status) cv_safetensors_free(file);
    return status;
}

void cv_safetensors_free(cv_safetensors *file) {
    for (size_t t = 0; t < file->tensors; t++) free(file->tensor[t].name);
    for (size_t t = 0; t < file->texts; t++) {
        free(file->text[t].key);
        free(file->text[t].value);
    }
    free(file->tensor);
    free(file->named);
    free(file->text);
    free(file->bytes);
    *file = (cv_safetensors){0};
}

const cv_st_tensor *cv_safetensors_find(const cv_safetensors *file, const char *name) {
    cv_st_tensor sought = {.name = (char *)(uintptr_t)name}, *key = &sought;
    cv_st_tensor **found =
        file->tensors ? bsearch(&key, file->named, file->tensors, sizeof *file->named, by_name) : NULL;
    return found ? *found : NULL;
}

const char *cv_safetensors_text(const cv_safetensors *file, const char *key) {
    for (size_t t = 0; t < file->texts; t++)
        if (!strcmp(file->text[t].key, key)) return file->text[t].value;
    return NULL;
}

// --- numbers ----------------------------------------------------------------------------------------------------

// The upper half of a float.
static float from_bfloat(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void cv_safetensors_floats(const cv_st_tensor *tensor, float *out) {
    const size_t size = types[tensor->type].size;
    for (size_t i = 0; i < tensor->bytes / size; i++) {
        union {
            float f32;
            double f64;
            int64_t i64;
            int32_t i32;
            uint16_t half;
            uint8_t u8;
        } n;
        memcpy(&n, (const uint8_t *)tensor->data + i * size, size);
        switch (tensor->type) {
        case CV_F32: out[i] = n.f32; break;
        case CV_F64: out[i] = (float)n.f64; break;
        case CV_I64: out[i] = (float)n.i64; break;
        case CV_I32: out[i] = (float)n.i32; break;
        case CV_U8: out[i] = n.u8; break;
        case CV_F16: out[i] = (float)cv_half(n.half); break;
        case CV_BF16: out[i] = from_bfloat(n.half); break;
        }
    }
}

// --- writing ----------------------------------------------------------------------------------------------------

// The tensor's entry in the header, its data beginning at *offset.
static json_t *tensor_entry(const cv_st_tensor *tensor, size_t *offset) {
    json_t *shape = json_array();
    size_t begin = *offset;
    for (int d = 0; d < tensor->dims; d++)
        if (json_array_append_new(shape, json_integer(tensor->dim[d]))) {
            json_decref(shape);
            return NULL;
        }
    *offset += tensor->bytes;
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", types[tensor->type].name, "shape", shape, "data_offsets",
                     (json_int_t)begin, (json_int_t)*offset);
}

// Tensors of the widest numbers come first: the format allows no gaps, and so each is aligned to its numbers.
static const size_t widths[] = {8, 4, 2, 1};

static convo_status make_header(const char *path, const cv_safetensors *file, json_t *header, convo_error *err) {
    json_t *texts = json_object();
    for (size_t t = 0; t < file->texts; t++)
        if (json_object_set_new(texts, file->text[t].key, json_string(file->text[t].value))) {
            json_decref(texts);
            return cv_fail(err, CONVO_ARGUMENT, path, "'%.100s' holds text that is not UTF-8", file->text[t].key);
        }
    if (json_object_set_new(header, "__metadata__", texts)) return cv_no_memory(err, path);
    size_t offset = 0;
    for (size_t w = 0; w < CV_COUNT(widths); w++)
        for (size_t t = 0; t < file->tensors; t++) {
            const cv_st_tensor *tensor = &file->tensor[t];
            if (types[tensor->type].size != widths[w]) continue;
            size_t bytes;
            if (!tensor_bytes(tensor, &bytes) || bytes != tensor->bytes || bytes > CV_LIMIT_SAFETENSORS - offset)
                return cv_fail(err, CONVO_ARGUMENT, path, "tensor '%.100s' has a size that cannot be written",
                               tensor->name);
            if (json_object_get(header, tensor->name))
                return cv_fail(err, CONVO_ARGUMENT, path, "two tensors are called '%.100s'", tensor->name);
            if (json_object_set_new(header, tensor->name, tensor_entry(tensor, &offset)))
                return cv_no_memory(err, path);
        }
    return CONVO_OK;
}

convo_status cv_safetensors_write(const char *path, const cv_safetensors *file, convo_error *err) {
    json_t *header = json_object();
    char *text = NULL;
    convo_status status = header ? make_header(path, file, header, err) : cv_no_memory(err, path);
    if (status) goto done;
    text = cv_json_text(header, JSON_COMPACT);
    if (!text) {
        status = cv_no_memory(err, path);
        goto done;
    }
    uint64_t length = (strlen(text) + 7) / 8 * 8;
    if (length > CV_LIMIT_HEADER) {
        status = cv_fail(err, CONVO_LIMIT, path, "the names and texts are longer than %zu bytes", CV_LIMIT_HEADER);
        goto done;
    }
    cv_output out;
    status = cv_file_open(&out, path, err);
    if (status) goto done;
    fwrite(&length, sizeof length, 1, out.stream); // what fails here shows in cv_file_commit
    fprintf(out.stream, "%-*s", (int)length, text);
    for (size_t w = 0; w < CV_COUNT(widths); w++)
        for (size_t t = 0; t < file->tensors; t++)
            if (types[file->tensor[t].type].size == widths[w] && file->tensor[t].bytes)
                fwrite(file->tensor[t].data, 1, file->tensor[t].bytes, out.stream);
    status = cv_file_commit(&out, err);
done:
    free(text);
    json_decref(header);
    return status;
}
