// A model as an ONNX graph. Every layer defines its own nodes (cv_op.onnx), as does every front end (cv_feature.graph).
#include "exchange/export.h"
#include "exchange/export_qdq.h"
#include "format/onnx.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// One layer while it is written down.
typedef struct graph_writer {
    cv_graph *graph;
    const cv_net *net;
    const cv_node *node; // NULL for a loss
    cv_qdq *qdq;         // NULL: in floats
    const char *x[CV_MAX_INPUTS], *y, *path;
} graph_writer;

// A tensor goes into the graph when the first node asks for it. spread: one number for each channel, or for all, to
// stand beside maps.
static bool add_tensor(const graph_writer *w, const char *name, bool spread, char out[CV_GRAPH_NAME]) {
    for (int t = w->node->tensor; t < w->node->tensor + w->node->tensors; t++) {
        const cv_net_tensor *tensor = &w->net->tensor[t];
        if (strcmp(tensor->spec.name, name) != 0) continue;
        cv_print(out, CV_GRAPH_NAME, "%s", tensor->name);
        if (cv_graph_constant(w->graph, out)) return true;
        const int64_t column[CV_GRAPH_DIMS] = {tensor->spec.dim[0], 1, 1};
        float *values =
            cv_graph_add_constant(w->graph, out, CV_CONST_F32, spread ? w->node->in.dims : tensor->spec.dims,
                                  spread ? column : tensor->spec.dim);
        if (values) cv_net_read(w->net, t, values);
        return true;
    }
    return false;
}

// The values of a node's tensors as floats, in one piece of memory, which the caller frees; NULL without memory.
static float *tensor_values(const graph_writer *w, const float *at[CV_MAX_TENSORS]) {
    size_t all = 1, done = 0;
    for (int t = 0; t < w->node->tensors; t++) all += w->net->tensor[w->node->tensor + t].size;
    float *values = cv_alloc(all, sizeof *values);
    for (int t = 0; values && t < w->node->tensors; done += w->net->tensor[w->node->tensor + t++].size) {
        cv_net_read(w->net, w->node->tensor + t, values + done);
        at[t] = values + done;
    }
    return values;
}

// A constant that the op makes of its tensors.
static bool add_constant(const graph_writer *w, const char *name, char out[CV_GRAPH_NAME]) {
    const cv_node *n = w->node;
    const float *tensor[CV_MAX_TENSORS] = {0};
    int64_t dim[CV_GRAPH_DIMS];
    const int dims = n->op->constant ? n->op->constant(n->config, n->in, name, tensor, dim, NULL) : 0;
    if (!dims) return false;
    cv_print(out, CV_GRAPH_NAME, "%s.%s", w->path, name);
    if (cv_graph_constant(w->graph, out)) return true;
    float *values = tensor_values(w, tensor), *to = cv_graph_add_constant(w->graph, out, CV_CONST_F32, dims, dim);
    if (!values) w->graph->failed = true;
    if (values && to) n->op->constant(n->config, n->in, name, tensor, dim, to);
    free(values);
    return true;
}

// The names of cv_op.onnx.
static void resolve(const void *context, const char *name, char out[CV_GRAPH_NAME]) {
    const graph_writer *w = context;
    const char *mark = name + strcspn(name, "|?^");
    char tensor[CV_GRAPH_NAME];
    cv_print(tensor, sizeof tensor, "%.*s", (int)(mark - name), name);
    out[0] = 0;
    if (!strcmp(name, "x") || !strcmp(name, "x1")) {
        cv_print(out, CV_GRAPH_NAME, "%s", w->x[name[1] != 0]);
    } else if (!strcmp(name, "y")) {
        cv_print(out, CV_GRAPH_NAME, "%s", w->y);
    } else if (w->qdq && w->node && cv_qdq_tensor(w->qdq, w->graph, (int)(w->node - w->net->node), tensor, out)) {
        return;
    } else if (w->node && (add_tensor(w, tensor, *mark == '^', out) || add_constant(w, tensor, out))) {
        return;
    } else if (*mark == '|') { // as many as the layer's own tensors have
        cv_print(out, CV_GRAPH_NAME, "%s.%s", w->path, tensor);
        // NOLINTNEXTLINE(*NullDereference): such names are of layers, which have a node
        const char *times = strchr(mark, '*');
        const int64_t count = times              ? strtoll(times + 1, NULL, 10)
                              : w->node->tensors ? w->net->tensor[w->node->tensor].spec.dim[0]
                                                 : w->node->in.c;
        float *values = cv_graph_add_constant(w->graph, out, CV_CONST_F32, 1, &count);
        for (int64_t c = 0; values && c < count; c++) values[c] = strtof(mark + 1, NULL);
    } else if (!*mark) {
        cv_print(out, CV_GRAPH_NAME, "%s.%s", w->path, name); // what lies between two nodes
    }
}

// {name} or {name*}, without the braces.
static bool option_text(const cv_node *node, const char *name, char *out, size_t size) {
    char plain[64];
    const bool product = name[0] && name[strlen(name) - 1] == '*';
    cv_print(plain, sizeof plain, "%.*s", (int)(strlen(name) - product), name);
    const cv_option *option = cv_option_find(node->op->schema, plain);
    if (!option) return false;
    const void *field = (const char *)node->config + option->offset;
    const int64_t *whole = field;
    out[0] = 0;
    switch (option->type) {
    case CV_INT: cv_append(out, size, "%" PRId64, whole[0]); break;
    case CV_BOOL: cv_append(out, size, "%d", *(const bool *)field); break;
    case CV_FLOAT:
        cv_append(out, size, "%.9g", *(const double *)field);
        if (!strpbrk(out, ".e")) cv_append(out, size, ".0"); // a float, not a whole number
        break;
    case CV_PAIR:
        if (product) cv_append(out, size, "%" PRId64, whole[0] * whole[1]);
        if (!product) cv_append(out, size, "%" PRId64 ", %" PRId64, whole[0], whole[1]);
        break;
    case CV_LENGTH: cv_append(out, size, "%" PRId64, whole[1]); break;
    case CV_ENDS: cv_append(out, size, "%" PRId64 ", %" PRId64, whole[1], whole[3]); break;
    case CV_SIDES:
        for (int k = 0; k < 4; k++) cv_append(out, size, "%s%" PRId64, k ? ", " : "", whole[k]);
        break;
    default: return false;
    }
    return true;
}

static bool fill_options(const cv_node *node, const char *text, char *out, size_t size) {
    out[0] = 0;
    for (const char *open; (open = strchr(text, '{')); text = strchr(open, '}') + 1) {
        char name[64], value[64];
        cv_print(name, sizeof name, "%.*s", (int)(strchr(open, '}') - open - 1), open + 1);
        if (!option_text(node, name, value, sizeof value)) return false;
        cv_append(out, size, "%.*s%s", (int)(open - text), text, value);
    }
    cv_append(out, size, "%s", text);
    return strlen(out) + 1 < size;
}

static convo_status add_layer(const graph_writer *w, convo_error *err) {
    char text[2048], said[2048];
    const cv_graph_scope scope = {resolve, w};
    const cv_node *n = w->node;
    const bool says = n->op->say_onnx && n->op->say_onnx(n->config, n->in, n->in1, n->out, said, sizeof said);
    const char *onnx = says ? said : n->op->onnx;
    if (!onnx)
        return cv_fail(err, CONVO_UNSUPPORTED, w->node->where, "layer %s: %s cannot be expressed in ONNX", w->path,
                       w->node->op->name);
    if (fill_options(n, onnx, text, sizeof text) && cv_graph_parse(w->graph, text, &scope)) return CONVO_OK;
    if (w->graph->failed) return cv_no_memory(err, w->path);
    return cv_fail(err, CONVO_STATE, w->node->op->name, "the layer's ONNX text cannot be read: %s", onnx);
}

// Every layer's value is called by the layer's path, the last one "logits".
// With qdq, a value is read behind its two nodes.
typedef char value_name[CV_GRAPH_NAME];

static convo_status add_layers(cv_graph *graph, const cv_net *net, const char *input, cv_qdq *qdq, convo_error *err) {
    value_name *value = cv_alloc((size_t)net->nodes + 1, sizeof *value), read[CV_MAX_INPUTS];
    convo_status status = value ? CONVO_OK : cv_no_memory(err, "a graph");
    for (int i = 0; !status && i < net->nodes; i++) {
        const cv_node *node = &net->node[i];
        graph_writer w = {.graph = graph, .net = net, .node = node, .path = node->path, .qdq = qdq};
        const bool last = i + 1 == net->nodes, nothing = node->op->onnx && !node->op->onnx[0];
        for (int k = 0; k < cv_node_inputs(node); k++) {
            w.x[k] = node->input[k] < 0 ? input : value[node->input[k]];
            if (qdq) cv_qdq_read(qdq, graph, i, node->input[k], w.x[k], read[k]);
            if (qdq) w.x[k] = read[k];
        }
        w.y = last && !qdq ? "logits" : nothing ? w.x[0] : node->path;
        cv_print(value[i], sizeof value[i], "%s", w.y);
        if (qdq) cv_qdq_weights(qdq, graph, i);
        if (!nothing) status = add_layer(&w, err);
        if (qdq && !nothing && !status) cv_qdq_value(qdq, graph, i, w.y, value[i]);
        if (last && (nothing || qdq)) cv_graph_print(graph, "logits = Identity(%s)", nothing ? w.x[0] : value[i]);
    }
    free(value);
    return status;
}

static convo_status add_probabilities(cv_graph *graph, const convo_recipe *recipe, cv_shape outputs, convo_error *err) {
    const cv_op *loss = recipe->loss;
    char said[256];
    const bool says =
        loss->say_onnx && loss->say_onnx(recipe->loss_config, outputs, outputs, outputs, said, sizeof said);
    const char *onnx = says ? said : loss->onnx;
    const graph_writer w = {.graph = graph, .x = {"logits"}, .y = "probabilities", .path = recipe->loss->name};
    const cv_graph_scope scope = {resolve, &w};
    if (!onnx)
        return cv_fail(err, CONVO_UNSUPPORTED, recipe->file,
                       "the probabilities of the loss '%s' cannot be expressed in ONNX", recipe->loss->name);
    return cv_graph_parse(graph, onnx, &scope) ? CONVO_OK : cv_no_memory(err, "probabilities");
}

static convo_status add_metadata(cv_graph *graph, const convo_model *model, convo_error *err) {
    const cv_model_parts parts = cv_model_parts_of(model);
    cv_st_text text[CV_MODEL_TEXTS] = {{0}};
    size_t count = 0;
    const convo_status status = cv_model_texts(&parts, text, &count, err);
    for (size_t k = 0; !status && k < count; k++)
        if (strcmp(text[k].key, "format") != 0) cv_graph_add_text(graph, text[k].key, text[k].value);
    for (size_t k = 0; k < CV_MODEL_TEXTS; k++) free(text[k].value);
    return status;
}

// The batch, then the sizes that the shape has.
typedef cv_graph_value *add_end(cv_graph *graph, const char *name, int dims, const int64_t *dim);
static void add_value_of(cv_graph *graph, add_end *add, const char *name, cv_shape shape) {
    const int64_t dim[] = {-1, shape.c, shape.dims == 3 ? shape.h : shape.w, shape.w};
    add(graph, name, shape.dims + 1, dim);
}

// From the recording to what the net sees; *x: the name of the value so far.
static convo_status add_front(cv_graph *graph, const convo_model *model, const char **x, convo_error *err) {
    const convo_recipe *recipe = model->recipe;
    char why[256] = "";
    if (!recipe->feature)
        return cv_fail(err, CONVO_ARGUMENT, recipe->file,
                       "the model has no front end: it reads arrays, not recordings");
    if (!recipe->feature->graph)
        return cv_fail(err, CONVO_UNSUPPORTED, recipe->file, "the front end '%s' cannot be expressed in ONNX",
                       recipe->feature->name);
    const int64_t samples =
        cv_feature_graph(recipe->feature, recipe->feature_config, recipe->rate, graph, why, sizeof why);
    if (graph->failed) return cv_no_memory(err, "a front end's tables");
    if (samples < 0) return cv_fail(err, CONVO_UNSUPPORTED, recipe->file, "%s: %s", recipe->feature->name, why);
    add_value_of(graph, cv_graph_add_source, "samples", (cv_shape){1, samples, 1, 1});
    *x = "features";
    return CONVO_OK;
}

// A number for all values, or a constant with one for each channel beside an example. Returns its name.
static const char *add_pairs(cv_graph *graph, const cv_net *net, const char *name, const cv_normal *normal,
                             const float *value, char text[CV_GRAPH_NAME]) {
    const int64_t dim[] = {(int64_t)normal->dim[0], (int64_t)normal->dim[net->input.dims == 3 ? 1 : 2],
                           (int64_t)normal->dim[2]};
    const size_t count = cv_normal_count(normal);
    if (count == 1) {
        cv_print(text, CV_GRAPH_NAME, "#%.9g", (double)*value);
        return text;
    }
    cv_print(text, CV_GRAPH_NAME, "%s", name);
    float *values = cv_graph_add_constant(graph, name, CV_CONST_F32, net->input.dims, dim);
    if (values) memcpy(values, value, count * sizeof *values);
    return text;
}

// Replaces *x, the name of the value so far.
static void add_normalization(cv_graph *graph, const cv_net *net, const cv_normal *normal, const char **x) {
    const size_t count = cv_normal_count(normal);
    bool shifts = false, scales = false;
    char text[CV_GRAPH_NAME];
    for (size_t k = 0; k < count; k++) {
        shifts = shifts || normal->mean[k] != 0;
        scales = scales || normal->std[k] != 1;
    }
    if (shifts) {
        cv_graph_print(graph, "centred = Sub(%s, %s)", *x, add_pairs(graph, net, "mean", normal, normal->mean, text));
        *x = "centred";
    }
    if (scales) {
        cv_graph_print(graph, "normalized = Div(%s, %s)", *x, add_pairs(graph, net, "std", normal, normal->std, text));
        *x = "normalized";
    }
}

static convo_status fill_graph(const convo_model *model, const cv_net *net, const convo_export_options *options,
                               cv_qdq *qdq, cv_graph *graph, convo_error *err) {
    const char *x = "input";
    char quantized[CV_GRAPH_NAME];
    convo_status status = CONVO_OK;
    if (options->features)
        status = add_front(graph, model, &x, err);
    else
        add_value_of(graph, cv_graph_add_source, "input", net->input);
    if (status) return status;
    add_normalization(graph, net, &model->normal, &x);
    if (qdq) cv_qdq_value(qdq, graph, -1, x, quantized), x = quantized;
    status = add_layers(graph, net, x, qdq, err);
    if (!status && options->probabilities) status = add_probabilities(graph, model->recipe, cv_net_output(net), err);
    cv_shape out = cv_net_output(net);
    if (options->probabilities) out.c = model->classes;
    add_value_of(graph, cv_graph_add_result, options->probabilities ? "probabilities" : "logits", out);
    if (!status) status = add_metadata(graph, model, err);
    return !status && graph->failed ? cv_no_memory(err, "a graph") : status;
}

convo_status cv_export_graph(const convo_model *model, const convo_export_options *options, cv_graph *graph,
                             convo_error *err) {
    cv_net *folded = NULL;
    cv_qdq qdq = {0};
    *graph = (cv_graph){0};
    convo_status status = options->fold || options->int8 ? cv_net_fold(model->net, &folded, err) : CONVO_OK;
    if (!status && options->int8) status = cv_model_program(model, true, &qdq.program, err);
    qdq.net = folded;
    if (!status)
        status = fill_graph(model, folded ? folded : model->net, options, qdq.program ? &qdq : NULL, graph, err);
    char ties[16];
    cv_print(ties, sizeof ties, "%d", qdq.ties);
    if (!status && qdq.program) cv_graph_add_text(graph, "convo.int8_ties", ties); // see export_qdq.h
    if (!status && graph->failed) status = cv_no_memory(err, "a graph");
    cv_program_free(qdq.program);
    cv_net_free(folded);
    if (status) cv_graph_free(graph);
    return status;
}

convo_status cv_export_onnx(const convo_model *model, const char *path, const convo_export_options *options,
                            convo_error *err) {
    cv_graph graph;
    if (options->name)
        return cv_fail(err, CONVO_ARGUMENT, path, "an ONNX file has no functions to name: this option applies to .c");
    if (options->stream)
        return cv_fail(err, CONVO_ARGUMENT, path,
                       "an ONNX file keeps nothing from call to call: this option applies to .c");
    CV_TRY(cv_export_graph(model, options, &graph, err));
    convo_status status = cv_onnx_write(&graph, convo_recipe_name(model->recipe), path, err);
    cv_graph_free(&graph);
    return status;
}
