// A graph as an ONNX file.
#include "format/onnx.h"

#ifdef CONVO_HAVE_ONNX

#include "base/file.h"

#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ONNX holds raw numbers little-endian: this machine needs them swapped"
#endif

// Messages are made in an arena: small pieces that are all given up at once.
typedef struct arena {
    struct piece {
        struct piece *before;
        max_align_t data[];
    } * last;
    bool failed;
} arena;

static void *make(arena *a, size_t count, size_t size) {
    size_t bytes;
    struct piece *piece = NULL;
    if (cv_mul(count, size, &bytes)) piece = cv_alloc(1, sizeof *piece + bytes);
    if (!piece) {
        a->failed = true;
        return NULL;
    }
    piece->before = a->last;
    a->last = piece;
    return piece->data;
}

static void free_arena(arena *a) {
    for (struct piece *piece = a->last, *before; piece; piece = before) {
        before = piece->before;
        free(piece);
    }
}

static void *make_copy(arena *a, const void *from, size_t size) {
    void *to = make(a, 1, size);
    return to ? memcpy(to, from, size) : NULL;
}

// A new message, and a list of `count` pointers to messages; NULL without memory.
#define NEW(a, type, START)  ((type *)make_copy(a, &(const type)START, sizeof(type)))
#define LIST(a, type, count) ((type **)make(a, (count) + 1, sizeof(type *)))

static Onnx__TensorProto *pack_constant(arena *a, const cv_constant *c) {
    static const int32_t types[] = {[CV_CONST_F32] = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                    [CV_CONST_F64] = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
                                    [CV_CONST_I64] = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
                                    [CV_CONST_I32] = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
                                    [CV_CONST_U8] = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8};
    Onnx__TensorProto *t = NEW(a, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
    if (!t) return NULL;
    t->name = c->name;
    t->n_dims = (size_t)c->dims;
    t->dims = (int64_t *)c->dim;
    t->has_data_type = t->has_raw_data = 1;
    t->data_type = types[c->type];
    t->raw_data = (ProtobufCBinaryData){c->count * cv_constant_size(c->type), c->data};
    return t;
}

static Onnx__AttributeProto *pack_attribute(arena *a, const cv_attribute *from) {
    Onnx__AttributeProto *to = NEW(a, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
    if (!to) return NULL;
    to->name = from->name;
    to->has_type = 1;
    if (from->kind == CV_ATTRIBUTE_FLOAT) {
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        to->has_f = 1;
        to->f = from->number;
    } else if (from->kind == CV_ATTRIBUTE_TEXT) {
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        to->has_s = 1;
        to->s = (ProtobufCBinaryData){strlen(from->text), (uint8_t *)from->text};
    } else if (from->list) {
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        to->n_ints = from->count;
        to->ints = from->ints;
    } else {
        to->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        to->has_i = 1;
        to->i = from->ints[0];
    }
    return to;
}

static Onnx__NodeProto *pack_node(arena *a, const cv_graph_node *from) {
    Onnx__NodeProto *to = NEW(a, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
    Onnx__AttributeProto **attributes = LIST(a, Onnx__AttributeProto, from->attributes);
    if (!to || !attributes) return NULL;
    to->name = from->name;
    to->op_type = from->type;
    to->n_input = from->inputs;
    to->input = from->input;
    to->n_output = from->outputs;
    to->output = from->output;
    to->n_attribute = from->attributes;
    to->attribute = attributes;
    for (size_t k = 0; k < from->attributes; k++) attributes[k] = pack_attribute(a, &from->attribute[k]);
    return to;
}

static Onnx__ValueInfoProto *pack_value(arena *a, const cv_graph_value *from) {
    Onnx__ValueInfoProto *to = NEW(a, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
    Onnx__TypeProto *type = NEW(a, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
    Onnx__TypeProto__Tensor *tensor = NEW(a, Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
    Onnx__TensorShapeProto *shape = NEW(a, Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
    Onnx__TensorShapeProto__Dimension **dims = LIST(a, Onnx__TensorShapeProto__Dimension, (size_t)from->dims);
    if (!to || !type || !tensor || !shape || !dims) return NULL;
    for (int d = 0; d < from->dims; d++) {
        dims[d] = NEW(a, Onnx__TensorShapeProto__Dimension, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
        if (!dims[d]) return NULL;
        const bool any = from->dim[d] < 0;
        dims[d]->value_case = any ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                                  : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (any)
            dims[d]->dim_param = (char *)(uintptr_t) "N";
        else
            dims[d]->dim_value = from->dim[d];
    }
    to->name = from->name;
    to->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape;
    shape->n_dim = (size_t)from->dims;
    shape->dim = dims;
    return to;
}

static Onnx__GraphProto *pack_graph(arena *a, const cv_graph *from, const char *name) {
    Onnx__GraphProto *to = NEW(a, Onnx__GraphProto, ONNX__GRAPH_PROTO__INIT);
    Onnx__NodeProto **nodes = LIST(a, Onnx__NodeProto, from->nodes);
    Onnx__TensorProto **constants = LIST(a, Onnx__TensorProto, from->constants);
    Onnx__ValueInfoProto **values = LIST(a, Onnx__ValueInfoProto, from->sources + from->results);
    if (!to || !nodes || !constants || !values) return NULL;
    for (size_t k = 0; k < from->nodes; k++) nodes[k] = pack_node(a, &from->node[k]);
    for (size_t k = 0; k < from->constants; k++) constants[k] = pack_constant(a, &from->constant[k]);
    for (size_t k = 0; k < from->sources; k++) values[k] = pack_value(a, &from->source[k]);
    for (size_t k = 0; k < from->results; k++) values[from->sources + k] = pack_value(a, &from->result[k]);
    to->name = (char *)(uintptr_t)name;
    to->n_node = from->nodes;
    to->node = nodes;
    to->n_initializer = from->constants;
    to->initializer = constants;
    to->n_input = from->sources;
    to->n_output = from->results;
    to->input = values;
    to->output = values + from->sources;
    return to;
}

static Onnx__ModelProto *pack_model(arena *a, const cv_graph *from, const char *name) {
    Onnx__ModelProto *model = NEW(a, Onnx__ModelProto, ONNX__MODEL_PROTO__INIT);
    Onnx__OperatorSetIdProto **sets = LIST(a, Onnx__OperatorSetIdProto, 1);
    Onnx__StringStringEntryProto **texts = LIST(a, Onnx__StringStringEntryProto, from->texts);
    if (!model || !sets || !texts) return NULL;
    sets[0] = NEW(a, Onnx__OperatorSetIdProto, ONNX__OPERATOR_SET_ID_PROTO__INIT);
    for (size_t k = 0; k < from->texts; k++) {
        texts[k] = NEW(a, Onnx__StringStringEntryProto, ONNX__STRING_STRING_ENTRY_PROTO__INIT);
        if (texts[k]) texts[k]->key = from->text[k].key;
        if (texts[k]) texts[k]->value = from->text[k].value;
    }
    if (a->failed) return NULL;
    sets[0]->domain = (char *)(uintptr_t) "";
    sets[0]->has_version = 1;
    sets[0]->version = CV_ONNX_OPSET;
    model->has_ir_version = 1;
    model->ir_version = CV_ONNX_IR;
    model->producer_name = (char *)(uintptr_t) "convo";
    model->producer_version = (char *)(uintptr_t)convo_version();
    model->n_opset_import = 1;
    model->opset_import = sets;
    model->n_metadata_props = from->texts;
    model->metadata_props = texts;
    model->graph = pack_graph(a, from, name);
    return a->failed ? NULL : model;
}

convo_status cv_onnx_write(const cv_graph *graph, const char *name, const char *path, convo_error *err) {
    arena a = {0};
    uint8_t *bytes = NULL;
    convo_status status;
    const Onnx__ModelProto *model = pack_model(&a, graph, name);
    const size_t size = model ? onnx__model_proto__get_packed_size(model) : 0;
    if (size > CV_LIMIT_ONNX)
        status = cv_fail(err, CONVO_LIMIT, path, "the model needs %zu bytes, an ONNX file has at most %zu", size,
                         CV_LIMIT_ONNX);
    else if (!model || !(bytes = cv_alloc(size, 1)))
        status = cv_no_memory(err, path);
    else
        status = cv_file_write(path, bytes, onnx__model_proto__pack(model, bytes), err);
    free(bytes);
    free_arena(&a);
    return status;
}

#else

convo_status cv_onnx_write(const cv_graph *graph, const char *name, const char *path, convo_error *err) {
    (void)graph, (void)name;
    return cv_fail(err, CONVO_UNSUPPORTED, path,
                   "this build has no ONNX: install " CV_ONNX_PACKAGES ", and build again");
}

#endif
