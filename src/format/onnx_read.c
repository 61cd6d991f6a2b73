// Reads an ONNX file as a graph. The result is plain and checked; its meaning is left to exchange/import_graph.c.
#include "format/onnx.h"

#ifdef CONVO_HAVE_ONNX

#include "base/file.h"
#include "format/onnx_unpack.h"
#include "format/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- constants ----------------------------------------------------------------------------------------------------

typedef struct onnx_reader {
    const char *path;
    cv_graph *graph;
    convo_error *err;
} onnx_reader;

// Names are shown to people: control characters would spoil the terminal.
static const char *clean(char *name) {
    for (char *c = name; c && *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    return name ? name : "";
}

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

static const char *type_name(int32_t type) {
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

static convo_status read_tensor(const onnx_reader *r, const char *name, const Onnx__TensorProto *t) {
    const number_type *type = NULL;
    size_t count = 1;
    for (size_t k = 0; k < CV_COUNT(number_types); k++)
        if (t->has_data_type && number_types[k].type == t->data_type) type = &number_types[k];
    if (!type)
        return cv_fail(
            r->err, CONVO_UNSUPPORTED, r->path,
            "constant '%.100s' is of type %s: FLOAT, DOUBLE, FLOAT16, BFLOAT16, INT64, INT32, INT8, UINT8 and "
            "BOOL are read; export the model in float32",
            name, type_name(t->data_type));
    if (t->n_external_data || (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL))
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                       "constant '%.100s' is in another file: save the model as one file, with "
                       "onnx.save(model, path, save_as_external_data=False)",
                       name);
    if (t->n_dims > CV_GRAPH_DIMS)
        return cv_fail(r->err, CONVO_LIMIT, r->path, "constant '%.100s' has %zu dimensions", name, t->n_dims);
    for (size_t d = 0; d < t->n_dims; d++)
        if (t->dims[d] < 0 || !cv_mul(count, (size_t)t->dims[d], &count) || count > CV_LIMIT_ONNX)
            return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' has a size that cannot be", name);
    const bool raw = t->has_raw_data;
    const size_t there = t->raw_data.len;
    if (raw && there != count * type->size)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' needs %zu bytes by its shape, it has %zu",
                       name, count * type->size, there);
    // Before memory is asked for: numbers that are in lists must be there.
    if (!raw && count > t->n_float_data + t->n_double_data + t->n_int64_data + t->n_int32_data)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' has fewer than its %zu numbers", name, count);
    void *data = cv_graph_add_constant(r->graph, name, type->as, (int)t->n_dims, t->dims);
    if (!data) return cv_no_memory(r->err, r->path);
    if (raw)
        copy_raw(type, t->raw_data.data, count, data);
    else if (count && !copy_lists(type, t, count, data))
        return cv_fail(r->err, CONVO_FORMAT, r->path, "constant '%.100s' does not have its %zu numbers as %s", name,
                       count, type_name(type->type));
    return CONVO_OK;
}

// A Constant node is a constant like others.
static convo_status read_constant(const onnx_reader *r, const Onnx__NodeProto *node) {
    if (node->n_output != 1 || node->n_attribute != 1)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "a Constant has one output and one value");
    const Onnx__AttributeProto *a = node->attribute[0];
    const char *name = clean(node->output[0]), *kind = a->name ? a->name : "";
    if (!strcmp(kind, "value") && a->t) return read_tensor(r, name, a->t);
    const bool ints = !strcmp(kind, "value_ints"), floats = !strcmp(kind, "value_floats");
    const bool one_int = !strcmp(kind, "value_int") && a->has_i, one_float = !strcmp(kind, "value_float") && a->has_f;
    if (!ints && !floats && !one_int && !one_float)
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                       "constant '%.100s' is given as '%.50s': a dense tensor, numbers and lists of them are read",
                       name, clean(a->name));
    const int64_t count = ints ? (int64_t)a->n_ints : floats ? (int64_t)a->n_floats : 1;
    void *data =
        cv_graph_add_constant(r->graph, name, ints || one_int ? CV_CONST_I64 : CV_CONST_F32, ints || floats, &count);
    if (!data) return cv_no_memory(r->err, r->path);
    if (ints && count) memcpy(data, a->ints, (size_t)count * sizeof *a->ints);
    if (floats && count) memcpy(data, a->floats, (size_t)count * sizeof *a->floats);
    if (one_int) *(int64_t *)data = a->i;
    if (one_float) *(float *)data = a->f;
    return CONVO_OK;
}

// --- nodes --------------------------------------------------------------------------------------------------------

static convo_status read_attribute(const onnx_reader *r, cv_graph_node *node, Onnx__AttributeProto *from) {
    cv_attribute *to = cv_graph_add_attribute(r->graph, node, clean(from->name));
    if (!to) return cv_no_memory(r->err, r->path);
    to->kind = CV_ATTRIBUTE_OTHER;
    const bool one = from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT; // a number that is 0 may be left out
    if (one || from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS) {
        to->kind = CV_ATTRIBUTE_INTS;
        to->list = !one;
        to->count = one ? 1 : from->n_ints;
        to->ints = cv_alloc(to->count + 1, sizeof *to->ints);
        if (!to->ints) return cv_no_memory(r->err, r->path);
        if (to->count) memcpy(to->ints, one ? &from->i : from->ints, to->count * sizeof *to->ints);
    } else if (from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR && from->t && from->t->raw_data.len == 8 &&
               from->t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64) { // ConstantOfShape: what it is filled with
        to->kind = CV_ATTRIBUTE_INTS;
        to->count = 1;
        to->ints = cv_alloc(1, sizeof *to->ints);
        if (!to->ints) return cv_no_memory(r->err, r->path);
        memcpy(to->ints, from->t->raw_data.data, sizeof *to->ints);
    } else if (from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT) {
        to->kind = CV_ATTRIBUTE_FLOAT;
        to->number = from->f;
    } else if (from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING && from->has_s) {
        to->kind = CV_ATTRIBUTE_TEXT;
        to->text = cv_format("%.*s", (int)(from->s.len < 64 ? from->s.len : 64), (const char *)from->s.data);
        if (!to->text) return cv_no_memory(r->err, r->path);
        clean(to->text);
    }
    return CONVO_OK;
}

// Of ONNX itself.
static bool is_own(const char *domain) {
    return !domain || !*domain || !strcmp(domain, "ai.onnx");
}

static convo_status read_node(const onnx_reader *r, const Onnx__NodeProto *from) {
    const bool own = is_own(from->domain);
    const char *name = clean(from->name);
    char type[CV_GRAPH_NAME];
    cv_print(type, sizeof type, "%s%s%s", own ? "" : clean(from->domain), own ? "" : ".", clean(from->op_type));
    if (!strcmp(type, "Constant")) return read_constant(r, from);
    if (!*name && from->n_output) name = clean(from->output[0]);
    cv_graph_node *node = cv_graph_add_node(r->graph, type, name);
    for (size_t k = 0; k < from->n_input; k++) cv_graph_add_input(r->graph, node, clean(from->input[k]));
    for (size_t k = 0; k < from->n_output; k++) cv_graph_add_output(r->graph, node, clean(from->output[k]));
    if (r->graph->failed) return cv_no_memory(r->err, r->path);
    for (size_t k = 0; k < from->n_attribute; k++) {
        CV_TRY(read_attribute(r, node, from->attribute[k]));
    }
    return CONVO_OK;
}

// A single tensor of floats, and how large it is.
static convo_status check_input(const onnx_reader *r, const char *name, const Onnx__TypeProto *type) {
    if (type && type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
        type->value_case != ONNX__TYPE_PROTO__VALUE__NOT_SET)
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                       "the input '%.100s' is a sequence, a map or the like: expected one tensor", name);
    const Onnx__TypeProto__Tensor *tensor = type ? type->tensor_type : NULL;
    if (!tensor || !tensor->shape)
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                       "the input '%.100s' has no shape: export the net with one, such as [1, 3, 32, 32]", name);
    if (tensor->elem_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                       "the input '%.100s' is of type %s: export the net in float32", name,
                       type_name(tensor->elem_type));
    if (tensor->shape->n_dim >= 1 && tensor->shape->n_dim <= CV_GRAPH_DIMS) return CONVO_OK;
    return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                   "the input '%.100s' has %zu dimensions: expected 2 to 4, the first one being the batch", name,
                   tensor->shape->n_dim);
}

static convo_status read_value(const onnx_reader *r, const Onnx__ValueInfoProto *from, cv_graph_value *to, bool sized) {
    const char *name = clean(from->name);
    int64_t dim[CV_GRAPH_DIMS] = {0};
    const convo_status status = sized ? check_input(r, name, from->type) : CONVO_OK;
    if (status) return status;
    const Onnx__TensorShapeProto *shape = sized ? from->type->tensor_type->shape : NULL;
    const size_t dims = shape ? shape->n_dim : 0;
    for (size_t d = 0; d < dims; d++) {
        const Onnx__TensorShapeProto__Dimension *size = shape->dim[d];
        dim[d] = size->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? size->dim_value : -1;
    }
    cv_graph_set_value(r->graph, to, name, (int)dims, dim);
    return r->graph->failed ? cv_no_memory(r->err, r->path) : CONVO_OK;
}

// Constants may be listed as inputs too (before IR version 4 they must be).
static convo_status read_ends(const onnx_reader *r, const Onnx__GraphProto *from) {
    const Onnx__ValueInfoProto *input = NULL;
    for (size_t k = 0; k < from->n_input; k++) {
        if (cv_graph_constant(r->graph, clean(from->input[k]->name))) continue;
        if (input)
            return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                           "a net has one input, this graph has '%.100s' and '%.100s'", clean(input->name),
                           clean(from->input[k]->name));
        input = from->input[k];
    }
    if (!input) return cv_fail(r->err, CONVO_FORMAT, r->path, "the graph has no input");
    if (from->n_output != 1)
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path, "a net has one output, this graph has %zu", from->n_output);
    CV_TRY(read_value(r, input, &r->graph->input, true));
    return read_value(r, from->output[0], &r->graph->output, false);
}

// The version of ONNX's own operators. A graph of none of them (trees, say) need not name one, and is refused for what
// it has.
static convo_status read_opset(const onnx_reader *r, const Onnx__ModelProto *model) {
    int64_t opset = 0;
    bool named = false, needed = false;
    for (size_t k = 0; k < model->n_opset_import; k++) {
        const Onnx__OperatorSetIdProto *set = model->opset_import[k];
        if (!is_own(set->domain)) continue;
        named = true;
        opset = set->version;
    }
    for (size_t k = 0; k < model->graph->n_node; k++) needed = needed || is_own(model->graph->node[k]->domain);
    if (!named && needed)
        return cv_fail(r->err, CONVO_FORMAT, r->path,
                       "the file does not state the opset of its operators: export it again");
    if (named && (opset < CV_ONNX_OPSET_MIN || opset > CV_ONNX_OPSET_MAX))
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path,
                       "opset %" PRId64 " is not one from %d to %d: export the model with opset %d", opset,
                       CV_ONNX_OPSET_MIN, CV_ONNX_OPSET_MAX, CV_ONNX_OPSET);
    r->graph->opset = (int)opset;
    return CONVO_OK;
}

static convo_status read_model(const onnx_reader *r, const Onnx__ModelProto *model) {
    const Onnx__GraphProto *from = model->graph;
    if (!from || !model->has_ir_version)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "this is not an ONNX file: it has no %s",
                       from ? "version" : "graph");
    convo_status status = read_opset(r, model);
    if (status) return status;
    if (from->n_sparse_initializer)
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path, "it has sparse constants: save them as dense tensors");
    if (from->n_node > CV_LIMIT_ONNX_NODES || from->n_initializer > CV_LIMIT_ONNX_NODES)
        return cv_fail(r->err, CONVO_LIMIT, r->path, "%zu nodes and %zu constants are more than the %d that are read",
                       from->n_node, from->n_initializer, CV_LIMIT_ONNX_NODES);
    for (size_t k = 0; !status && k < from->n_initializer; k++)
        status = read_tensor(r, clean(from->initializer[k]->name), from->initializer[k]);
    for (size_t k = 0; !status && k < from->n_node; k++) status = read_node(r, from->node[k]);
    if (!status) status = read_ends(r, from);
    for (size_t k = 0; !status && k < model->n_metadata_props; k++) {
        const Onnx__StringStringEntryProto *text = model->metadata_props[k];
        cv_graph_add_text(r->graph, text->key ? text->key : "", text->value ? text->value : "");
    }
    return !status && r->graph->failed ? cv_no_memory(r->err, r->path) : status;
}

convo_status cv_onnx_read(const char *path, cv_graph *graph, convo_error *err) {
    cv_bytes bytes;
    *graph = (cv_graph){0};
    CV_TRY(cv_file_read(path, CV_LIMIT_ONNX, &bytes, err));
    Onnx__ModelProto *model = NULL;
    convo_status status = cv_onnx_unpack(path, &bytes, &model, err);
    free(bytes.data);
    if (!status) status = read_model(&(onnx_reader){path, graph, err}, model);
    if (model) onnx__model_proto__free_unpacked(model, NULL);
    if (status) cv_graph_free(graph);
    return status;
}

#else

convo_status cv_onnx_read(const char *path, cv_graph *graph, convo_error *err) {
    *graph = (cv_graph){0};
    return cv_fail(err, CONVO_UNSUPPORTED, path,
                   "this build has no ONNX: install " CV_ONNX_PACKAGES ", and build again");
}

#endif
