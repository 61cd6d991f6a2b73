// Reads an ONNX file as a graph. The result is plain and checked; its meaning is left to exchange/import_graph.c.
#include "format/onnx.h"

#ifdef CONVO_HAVE_ONNX

#include "format/onnx_tensor.h"
#include "format/onnx_unpack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Names are shown to people: control characters would spoil the terminal.
static const char *clean(char *name) {
    for (char *c = name; c && *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    return name ? name : "";
}

// A Constant node is a constant like others.
static convo_status read_constant(cv_onnx_reader *r, const Onnx__NodeProto *node) {
    if (node->n_output != 1 || node->n_attribute != 1)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "a Constant has one output and one value");
    const Onnx__AttributeProto *a = node->attribute[0];
    const char *name = clean(node->output[0]), *kind = a->name ? a->name : "";
    if (!strcmp(kind, "value") && a->t) return cv_onnx_read_tensor(r, name, a->t);
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

// ConstantOfShape: the one number that it is filled with.
static convo_status read_filling(cv_onnx_reader *r, cv_attribute *to, const Onnx__TensorProto *t) {
    const bool whole = t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    if (whole && t->raw_data.len == sizeof *to->ints) {
        to->kind = CV_ATTRIBUTE_INTS;
        to->count = 1;
        to->ints = cv_alloc(1, sizeof *to->ints);
        if (!to->ints) return cv_no_memory(r->err, r->path);
        memcpy(to->ints, t->raw_data.data, sizeof *to->ints);
    } else if (t->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT &&
               (t->raw_data.len == sizeof to->number || t->n_float_data == 1)) {
        to->kind = CV_ATTRIBUTE_FLOAT;
        memcpy(&to->number, t->n_float_data ? (void *)t->float_data : t->raw_data.data, sizeof to->number);
    }
    return CONVO_OK;
}

static convo_status read_words(cv_onnx_reader *r, cv_attribute *to, const ProtobufCBinaryData *from, size_t count) {
    char text[256] = "";
    for (size_t k = 0; k < count; k++)
        cv_append(text, sizeof text, "%s%.*s", k ? " " : "", (int)(from[k].len < 64 ? from[k].len : 64),
                  from[k].data ? (const char *)from[k].data : "");
    to->kind = CV_ATTRIBUTE_TEXT;
    to->text = cv_format("%s", clean(text));
    return to->text ? CONVO_OK : cv_no_memory(r->err, r->path);
}

static convo_status read_attribute(cv_onnx_reader *r, cv_graph_node *node, Onnx__AttributeProto *from) {
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
    } else if (from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR && from->t) {
        return read_filling(r, to, from->t);
    } else if (from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT) {
        to->kind = CV_ATTRIBUTE_FLOAT;
        to->number = from->f;
    } else if (from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING && from->has_s) {
        return read_words(r, to, &from->s, 1);
    } else if (from->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS) {
        return read_words(r, to, from->strings, from->n_strings);
    }
    return CONVO_OK;
}

// Of ONNX itself.
static bool is_own(const char *domain) {
    return !domain || !*domain || !strcmp(domain, "ai.onnx");
}

static convo_status read_node(cv_onnx_reader *r, const Onnx__NodeProto *from) {
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

typedef cv_graph_value *add_value(cv_graph *graph, const char *name, int dims, const int64_t *dim);

static convo_status read_value(cv_onnx_reader *r, const Onnx__ValueInfoProto *from, add_value *add) {
    const char *name = clean(from->name);
    const Onnx__TypeProto__Tensor *tensor =
        from->type && from->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? from->type->tensor_type : NULL;
    const Onnx__TensorShapeProto *shape = tensor ? tensor->shape : NULL;
    int64_t dim[CV_GRAPH_DIMS] = {0};
    if (shape && shape->n_dim > CV_GRAPH_DIMS)
        return cv_fail(r->err, CONVO_LIMIT, r->path, "'%.100s' has %zu dimensions", name, shape->n_dim);
    const size_t dims = shape ? shape->n_dim : 0;
    for (size_t d = 0; d < dims; d++) {
        const Onnx__TensorShapeProto__Dimension *size = shape->dim[d];
        dim[d] = size->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE ? size->dim_value : -1;
    }
    cv_graph_value *value = add(r->graph, name, shape ? (int)dims : -1, dim);
    if (value) value->type = tensor ? cv_onnx_type_name(tensor->elem_type) : NULL;
    return value ? CONVO_OK : cv_no_memory(r->err, r->path);
}

// Constants may be listed as inputs too (before IR version 4 they must be).
static convo_status read_ends(cv_onnx_reader *r, const Onnx__GraphProto *from) {
    for (size_t k = 0; k < from->n_input; k++)
        if (!cv_graph_constant(r->graph, clean(from->input[k]->name)))
            CV_TRY(read_value(r, from->input[k], cv_graph_add_source));
    for (size_t k = 0; k < from->n_output; k++) CV_TRY(read_value(r, from->output[k], cv_graph_add_result));
    if (!r->graph->sources) return cv_fail(r->err, CONVO_FORMAT, r->path, "the graph has no input");
    if (!r->graph->results) return cv_fail(r->err, CONVO_FORMAT, r->path, "the graph has no output");
    return CONVO_OK;
}

// The version of ONNX's own operators. A graph of none of them (trees, say) need not name one, and is refused for what
// it has.
static convo_status read_opset(cv_onnx_reader *r, const Onnx__ModelProto *model) {
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

static convo_status read_model(cv_onnx_reader *r, const Onnx__ModelProto *model) {
    const Onnx__GraphProto *from = model->graph;
    if (!from || !model->has_ir_version)
        return cv_fail(r->err, CONVO_FORMAT, r->path, "this is not an ONNX file: it has no %s",
                       from ? "version" : "graph");
    convo_status status = read_opset(r, model);
    if (status) return status;
    if (from->n_sparse_initializer)
        return cv_fail(r->err, CONVO_UNSUPPORTED, r->path, "it has sparse constants: save them as dense tensors");
    if (from->n_node > CV_LIMIT_ONNX_NODES || from->n_initializer > CV_LIMIT_ONNX_NODES ||
        from->n_input > 2 * CV_LIMIT_ONNX_NODES || from->n_output > CV_LIMIT_ONNX_NODES)
        return cv_fail(r->err, CONVO_LIMIT, r->path, "%zu nodes and %zu constants are more than the %d that are read",
                       from->n_node, from->n_initializer, CV_LIMIT_ONNX_NODES);
    for (size_t k = 0; !status && k < from->n_initializer; k++)
        status = cv_onnx_read_tensor(r, clean(from->initializer[k]->name), from->initializer[k]);
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
    cv_onnx_reader reader = {.path = path, .graph = graph, .err = err};
    if (!status) status = read_model(&reader, model);
    cv_onnx_reader_free(&reader);
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
