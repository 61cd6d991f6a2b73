// Constants of an ONNX file: numbers of several types, in the file itself or in one beside it.
#include "format/onnx.h"

#ifdef CONVO_HAVE_ONNX

#include "format/onnx_tensor.h"
#include "format/safetensors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// What a type is read as, and the bytes of one number.
typedef struct number_type {
    int32_t type;
    enum cv_constant_type as;
    size_t size;
} number_type;

static const number_type number_types[] = {
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, CV_CONST_F32, 4},
    {ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, CV_CONST_F64, 8},
    {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16, CV_CONST_F32, 2},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16, CV_CONST_F32, 2},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT64, CV_CONST_I64, 8},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT32, CV_CONST_I64, 4},
    {ONNX__TENSOR_PROTO__DATA_TYPE__UINT8, CV_CONST_I64, 1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__INT8, CV_CONST_I64, 1},
    {ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, CV_CONST_I64, 1},
};

const char *cv_onnx_type_name(int32_t type) {
    static const char *const names[] = {"UNDEFINED", "FLOAT",  "UINT8",     "INT8",       "UINT16",   "INT16",
                                        "INT32",     "INT64",  "STRING",    "BOOL",       "FLOAT16",  "DOUBLE",
                                        "UINT32",    "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16", "FLOAT8",
                                        "FLOAT8",    "FLOAT8", "FLOAT8",    "UINT4",      "INT4",     "FLOAT4"};
    return type >= 0 && type < (int32_t)CV_COUNT(names) ? names[type] : "unknown";
}

static int64_t whole_at(int32_t type, const uint8_t *raw) {
    int64_t wide;
    int32_t narrow;
    memcpy(&wide, raw, type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 ? sizeof wide : 0);
    memcpy(&narrow, raw, type == ONNX__TENSOR_PROTO__DATA_TYPE__INT32 ? sizeof narrow : 0);
    switch (type) {
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT64: return wide;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT32: return narrow;
    case ONNX__TENSOR_PROTO__DATA_TYPE__INT8: return (int8_t)*raw;
    default: return *raw;
    }
}

static void copy_raw(const number_type *type, const uint8_t *raw, size_t count, void *out) {
    if (type->size == 2) {
        const bool half = type->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
        cv_safetensors_floats(&(cv_st_tensor){.type = half ? CV_F16 : CV_BF16, .data = raw, .bytes = count * 2}, out);
    } else if (type->as == CV_CONST_I64) {
        for (size_t i = 0; i < count; i++) ((int64_t *)out)[i] = whole_at(type->type, raw + i * type->size);
    } else if (count) {
        memcpy(out, raw, count * type->size);
    }
}

// Numbers in the lists of protobuf: one list per kind.
static bool copy_lists(const number_type *type, const Onnx__TensorProto *t, size_t count, void *out) {
    if (type->type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && t->n_float_data == count) {
        memcpy(out, t->float_data, count * sizeof(float));
    } else if (type->type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE && t->n_double_data == count) {
        memcpy(out, t->double_data, count * sizeof(double));
    } else if (type->type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64 && t->n_int64_data == count) {
        memcpy(out, t->int64_data, count * sizeof(int64_t));
    } else if (type->size < 8 && type->type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT && t->n_int32_data == count) {
        for (size_t i = 0; i < count; i++) {
            const uint16_t half = (uint16_t)t->int32_data[i];
            if (type->as == CV_CONST_I64)
                ((int64_t *)out)[i] = t->int32_data[i];
            else
                copy_raw(type, (const uint8_t *)&half, 1, (float *)out + i);
        }
    } else {
        return false;
    }
    return true;
}

// --- numbers in another file --------------------------------------------------------------------------------------

static const char *entry_of(const Onnx__TensorProto *t, const char *key) {
    for (size_t k = 0; k < t->n_external_data; k++)
        if (t->external_data[k]->key && t->external_data[k]->value && !strcmp(t->external_data[k]->key, key))
            return t->external_data[k]->value;
    return NULL;
}

// The model's own folder and those below it: no file may make another program read what lies elsewhere.
static bool stays_inside(const char *name) {
    if (!*name || *name == '/' || strpbrk(name, "\\:")) return false;
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL)
        if (!strncmp(part, "..", 2) && (part[2] == '/' || !part[2])) return false;
    return true;
}

static bool number_of(const char *text, size_t fallback, size_t *number) {
    char *end;
    *number = fallback;
    if (!text) return true;
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    *number = (size_t)value;
    return !*end && !errno && value <= SIZE_MAX;
}

// The bytes of a constant in the file that it names, which stays in memory for the next one.
static convo_status find_outside(cv_onnx_reader *r, const char *name, const Onnx__TensorProto *t, size_t need,
                                 uint8_t **bytes, size_t *size) {
    const char *location = entry_of(t, "location"), *slash = strrchr(r->path, '/');
    size_t offset;
    if (!location || !stays_inside(location))
        return cv_fail(r->err, CONVO_FORMAT, r->path,
                       "constant '%.100s' is in the file '%.100s': only files in the model's folder are read", name,
                       location ? location : "");
    char *path = cv_format("%.*s%s", slash ? (int)(slash + 1 - r->path) : 0, r->path, location);
    if (!path) return cv_no_memory(r->err, r->path);
    if (!r->other || strcmp(r->other, path) != 0) {
        free(r->other);
        free(r->bytes.data);
        r->other = path;
        const convo_status status = cv_file_read(path, CV_LIMIT_ONNX, &r->bytes, r->err);
        if (status == CONVO_IO && r->err)
            cv_append(r->err->message, sizeof r->err->message, ": it holds numbers of %.100s and belongs beside it",
                      slash ? slash + 1 : r->path);
        CV_TRY(status);
    } else {
        free(path);
    }
    if (!number_of(entry_of(t, "offset"), 0, &offset) || !number_of(entry_of(t, "length"), need, size) ||
        offset > r->bytes.size || *size > r->bytes.size - offset)
        return cv_fail(r->err, CONVO_FORMAT, r->other, "it ends before the numbers of constant '%.100s'", name);
    *bytes = r->bytes.data + offset;
    return CONVO_OK;
}

void cv_onnx_reader_free(cv_onnx_reader *r) {
    free(r->other);
    free(r->bytes.data);
}

convo_status cv_onnx_read_tensor(cv_onnx_reader *r, const char *name, const Onnx__TensorProto *t) {
    const number_type *type = NULL;
    size_t count = 1;
    for (size_t k = 0; k < CV_COUNT(number_types); k++)
        if (t->has_data_type && number_types[k].type == t->data_type) type = &number_types[k];
    if (!type)
        return cv_fail(
            r->err, CONVO_UNSUPPORTED, r->path,
            "constant '%.100s' is of type %s: FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT64, INT32, INT8, UINT8 and "
            "BOOL are read; export the model in float32",
            name, cv_onnx_type_name(t->data_type));
    if (t->n_dims > CV_GRAPH_DIMS)
        return cv_fail(r->err, CONVO_LIMIT, r->path, "constant '%.100s' has %zu dimensions", name, t->n_dims);
    for (size_t d = 0; d < t->n_dims; d++)
        if (t->dims[d] < 0 || !cv_mul(count, (size_t)t->dims[d], &count) || count > CV_LIMIT_ONNX)
            return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' has a size that cannot be", name);
    uint8_t *bytes = t->has_raw_data ? t->raw_data.data : NULL;
    size_t there = t->raw_data.len;
    const bool outside =
        t->n_external_data || (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL);
    if (outside) CV_TRY(find_outside(r, name, t, count * type->size, &bytes, &there));
    const bool raw = outside || t->has_raw_data;
    if (raw && there != count * type->size)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' needs %zu bytes by its shape, it has %zu",
                       name, count * type->size, there);
    // Before memory is asked for: numbers that are in lists must be there.
    if (!raw && count > t->n_float_data + t->n_double_data + t->n_int64_data + t->n_int32_data)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' has fewer than its %zu numbers", name, count);
    void *data = cv_graph_add_constant(r->graph, name, type->as, (int)t->n_dims, t->dims);
    if (!data) return cv_no_memory(r->err, r->path);
    if (raw)
        copy_raw(type, bytes, count, data);
    else if (count && !copy_lists(type, t, count, data))
        return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' does not have its %zu numbers as %s", name,
                       count, cv_onnx_type_name(type->type));
    return CONVO_OK;
}

#else
typedef int nothing_to_read_constants_from;
#endif
