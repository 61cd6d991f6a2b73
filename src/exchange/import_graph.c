// Turns an ONNX graph into a net, node by node.
#include "exchange/import.h"
#include "model/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cv_draft_note(const cv_draft *d, const char *format, ...) {
    char text[512];
    if (!d->note) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->note(text, d->user);
}

convo_status cv_draft_refuse(const cv_draft *d, const cv_graph_node *node, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cv_fail(d->err, CONVO_UNSUPPORTED, d->path, "%.40s '%.60s' %s", node->type, node->name, text);
}

// --- what a node reads --------------------------------------------------------------------------------------------

int64_t cv_draft_whole(const cv_graph_node *n, const char *attribute, int64_t fallback) {
    const cv_attribute *a = cv_graph_attribute(n, attribute);
    return a && a->kind == CV_ATTRIBUTE_INTS && a->count == 1 ? a->ints[0] : fallback;
}

double cv_draft_number(const cv_graph_node *n, const char *attribute, double fallback) {
    const cv_attribute *a = cv_graph_attribute(n, attribute);
    return a && a->kind == CV_ATTRIBUTE_FLOAT ? (double)a->number : fallback;
}

bool cv_draft_has(const cv_graph_node *n, size_t input) {
    return input < n->inputs && *n->input[input];
}

cv_draft_value *cv_draft_find(const cv_draft *d, const char *name) {
    for (size_t k = d->values; k > 0; k--)
        if (!strcmp(d->value[k - 1].name, name)) return &d->value[k - 1];
    return NULL;
}

static const cv_draft_value *value_of(const cv_draft *d, const cv_graph_node *n, size_t input) {
    return cv_draft_has(n, input) ? cv_draft_find(d, n->input[input]) : NULL;
}

const cv_constant *cv_draft_constant(const cv_draft *d, const cv_graph_node *n, size_t input) {
    const cv_draft_value *v = value_of(d, n, input);
    return v && v->kind == CV_DRAFT_CONSTANT ? v->constant : NULL;
}

double cv_draft_element(const cv_constant *c, size_t i) {
    if (c->type == CV_CONST_F32) return (double)((const float *)c->data)[i];
    return c->type == CV_CONST_F64 ? ((const double *)c->data)[i] : (double)((const int64_t *)c->data)[i];
}

bool cv_draft_scalar(const cv_draft *d, const cv_graph_node *n, size_t input, double *value) {
    const cv_constant *c = cv_draft_constant(d, n, input);
    if (!c || c->count != 1) return false;
    *value = cv_draft_element(c, 0);
    return isfinite(*value);
}

bool cv_draft_wholes(const cv_draft *d, const cv_graph_node *n, const char *attribute, size_t input,
                     cv_draft_value *out) {
    const cv_attribute *a = cv_graph_attribute(n, attribute);
    const cv_draft_value *v = value_of(d, n, input);
    const cv_constant *c = v && v->kind == CV_DRAFT_CONSTANT ? v->constant : NULL;
    *out = (cv_draft_value){.kind = CV_DRAFT_WHOLE};
    if (a && a->kind == CV_ATTRIBUTE_INTS && a->count <= CV_DRAFT_INTS) {
        out->count = (int)a->count;
        memcpy(out->whole, a->ints, a->count * sizeof *a->ints);
    } else if (v && v->kind == CV_DRAFT_WHOLE) {
        *out = *v;
    } else if (c && c->type == CV_CONST_I64 && c->dims <= 1 && c->count <= CV_DRAFT_INTS) {
        out->count = (int)c->count;
        out->scalar = c->dims == 0;
        memcpy(out->whole, c->data, c->count * sizeof *out->whole);
    } else {
        return false;
    }
    return true;
}

convo_status cv_draft_input(cv_draft *d, const cv_graph_node *n, size_t input, bool padded, cv_draft_value *value) {
    const cv_draft_value *v = value_of(d, n, input);
    if (!v)
        return cv_draft_refuse(d, n, "reads '%.60s', which nothing before it makes",
                               input < n->inputs ? n->input[input] : "");
    if (v->kind != CV_DRAFT_LAYER) return cv_draft_refuse(d, n, "computes with constants");
    for (int k = 0; k < 4 && !padded; k++)
        if (v->pad[k]) return cv_draft_refuse(d, n, "reads what a Pad made: only a convolution or an average pool may");
    *value = *v;
    return CONVO_OK;
}

cv_shape cv_draft_shape(const cv_draft *d, const cv_draft_value *value) {
    return value->node < 0 ? d->net->input : d->net->node[value->node].out;
}

void cv_draft_sizes(cv_shape s, int64_t size[3]) {
    size[0] = s.c;
    size[1] = s.dims == 3 ? s.h : s.w;
    size[2] = s.w;
}

const cv_graph_node *cv_draft_only_reader(const cv_draft *d, const char *value) {
    const cv_graph_node *found = NULL;
    if (!strcmp(value, d->graph->output.name)) return NULL;
    for (size_t k = 0; k < d->graph->nodes; k++)
        for (size_t i = 0; i < d->graph->node[k].inputs; i++) {
            if (strcmp(d->graph->node[k].input[i], value) != 0) continue;
            if (found) return NULL;
            found = &d->graph->node[k];
        }
    return found;
}

// --- what it makes ------------------------------------------------------------------------------------------------

convo_status cv_draft_add(cv_draft *d, const cv_draft_value *value) {
    if (cv_draft_find(d, value->name))
        return cv_fail(d->err, CONVO_FORMAT, d->path, "'%.100s' is made twice", value->name);
    if (!cv_grow(&d->value, &d->room, d->values + 1, sizeof *d->value)) return cv_no_memory(d->err, d->path);
    d->value[d->values++] = *value;
    return CONVO_OK;
}

convo_status cv_draft_pass_on(cv_draft *d, const cv_graph_node *n) {
    const cv_draft_value *v = value_of(d, n, 0);
    if (!v) return cv_draft_refuse(d, n, "reads what nothing before it makes");
    cv_draft_value same = *v;
    same.name = n->output[0];
    return cv_draft_add(d, &same);
}

// The same normalisation must stand in front of every layer that reads the input.
static convo_status use_input(cv_draft *d, const cv_graph_node *n, const cv_draft_value *v) {
    if (v->node >= 0) return CONVO_OK;
    if (d->used_input && (v->mean != d->mean || v->std != d->std))
        return cv_draft_refuse(d, n, "reads the input otherwise normalised than another layer does");
    d->used_input = true;
    d->mean = v->mean;
    d->std = v->std;
    return CONVO_OK;
}

convo_status cv_draft_layer(cv_draft *d, const cv_graph_node *n, const char *layer, const cv_setting *settings,
                            int count, const cv_draft_value *x, const cv_draft_value *y, const char *out) {
    const cv_op *op = cv_op_find(d->net->isa, layer);
    const int input[CV_MAX_INPUTS] = {x->node, y ? y->node : -1};
    char where[128], why[256] = "";
    void *config = cv_alloc(1, op->config_size + 1);
    if (!config) return cv_no_memory(d->err, "a layer");
    convo_status status = use_input(d, n, x);
    if (!status && y) status = use_input(d, n, y);
    if (op->schema) cv_options_default(op->schema, config);
    for (int k = 0; !status && k < count; k++)
        if (!cv_option_set(cv_option_find(op->schema, settings[k].name), config, settings[k].text, why, sizeof why))
            status = cv_draft_refuse(d, n, "has a %s that must be %.150s", settings[k].name, why);
    cv_print(where, sizeof where, "%.40s '%.60s'", n->type, n->name);
    if (!status) status = cv_net_add(d->net, op, config, input, n->name, where, d->err);
    free(config);
    if (status) return status;
    return cv_draft_add(d, &(cv_draft_value){.name = out, .node = d->net->nodes - 1, .std = 1});
}

convo_status cv_draft_tensor(cv_draft *d, const cv_graph_node *n, const char *name, float *values, size_t count) {
    const cv_node *last = &d->net->node[d->net->nodes - 1];
    const int end = last->tensor + last->tensors;
    int t = last->tensor;
    while (t < end && strcmp(d->net->tensor[t].spec.name, name) != 0) t++;
    const size_t need = t < end ? d->net->tensor[t].size : 0;
    convo_status status;
    bool finite = true;
    for (size_t i = 0; values && i < count; i++) finite = finite && isfinite(values[i]);
    if (!values)
        status = cv_no_memory(d->err, n->name);
    else if (need != count)
        status = cv_draft_refuse(d, n, "has %zu numbers as its %s, it needs %zu", count, name, need);
    else if (!finite)
        status =
            cv_fail(d->err, CONVO_NUMERIC, d->path, "%s of '%.60s' holds numbers that are not finite", name, n->name);
    else
        status = cv_net_start_with(d->net, t, values, d->err);
    free(values);
    return status;
}

float *cv_draft_floats(const cv_constant *c, size_t count, double factor) {
    float *values = cv_alloc(count, sizeof *values);
    for (size_t i = 0; values && i < count; i++)
        values[i] = (float)(factor * cv_draft_element(c, c->count == 1 ? 0 : i));
    return values;
}

convo_status cv_draft_bias(cv_draft *d, const cv_graph_node *n, const cv_constant *c, double factor) {
    const size_t count = (size_t)d->net->node[d->net->nodes - 1].out.c;
    if (c->count != 1 && c->count != count)
        return cv_draft_refuse(d, n, "has a bias of %zu numbers for %zu outputs", c->count, count);
    return cv_draft_tensor(d, n, "bias", cv_draft_floats(c, count, factor), count);
}

// --- the whole ----------------------------------------------------------------------------------------------------

// An operator, and room for the words of one that a layer names.
typedef struct known {
    cv_draft_operator is;
    char words[128];
} known;

static bool find_operator(const char *type, known *out) {
    const cv_draft_operator *const tables[] = {cv_draft_layers, cv_draft_windows, cv_draft_shapes};
    for (size_t k = 0; k < CV_COUNT(tables); k++)
        for (const cv_draft_operator *o = tables[k]; o->type; o++)
            if (!strcmp(o->type, type)) return out->is = *o, true;
    return cv_draft_node_operator(type, &out->is, out->words, sizeof out->words);
}

static bool knows(const char *words, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = words; length && (at = strstr(at, name)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    return false;
}

// What to do about the first operator that is not known.
static const char *remedy_for(const char *type) {
    static const char tracing[] = "Export the net without control flow, by tracing it",
                      floats[] = "Export the net before it is quantised",
                      trees[] = "Trees, support vectors and the like are no nets";
    static const char *const remedies[][2] = {{"If", tracing},
                                              {"Loop", tracing},
                                              {"Scan", tracing},
                                              {"QuantizeLinear", floats},
                                              {"DequantizeLinear", floats},
                                              {"DynamicQuantizeLinear", floats},
                                              {"QLinear", floats},
                                              {"ConvInteger", floats},
                                              {"MatMulInteger", floats},
                                              {"ai.onnx.ml.", trees}};
    for (size_t k = 0; k < CV_COUNT(remedies); k++)
        if (!strncmp(type, remedies[k][0], strlen(remedies[k][0]))) return remedies[k][1];
    return "Build the net of the layers that 'convo recipe' lists";
}

// All that is not known, in one sentence, before any of it is read.
static convo_status check_operators(const cv_draft *d) {
    cv_name_list types = {0}, attributes = {0};
    const char *first = NULL;
    for (size_t k = 0; k < d->graph->nodes; k++) {
        const cv_graph_node *node = &d->graph->node[k];
        known operator;
        if (d->taken[k]) continue;
        const bool found = find_operator(node->type, &operator);
        if (!found && !first) first = node->type;
        if (!found) cv_name_list_add(&types, "%.30s '%.60s'", node->type, node->name);
        for (size_t a = 0; found && a < node->attributes; a++)
            if (!knows(operator.is.attributes, node->attribute[a].name))
                cv_name_list_add(&attributes, "%.30s of %.30s '%.50s'", node->attribute[a].name, node->type,
                                 node->name);
    }
    cv_name_list_end(&types);
    cv_name_list_end(&attributes);
    if (!types.count && !attributes.count) return CONVO_OK;
    return cv_fail(d->err, CONVO_UNSUPPORTED, d->path, "the graph has what no layer of convo can do: %s%s%s%s%s",
                   types.text, types.count && attributes.count ? "; " : "", attributes.text, first ? ". " : "",
                   first ? remedy_for(first) : "");
}

static convo_status set_input(cv_draft *d) {
    const cv_graph_value *in = &d->graph->input;
    cv_shape shape = {in->dims - 1, in->dim[1], 1, 1};
    if (in->dims > 2) shape.w = in->dim[in->dims - 1];
    if (in->dims == 4) shape.h = in->dim[2];
    if (in->dims < 2 || in->dims > 4)
        return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                       "'%.100s', what goes in, has %d dimensions; 2 to 4 are read, the first one being the batch",
                       in->name, in->dims);
    for (int k = 1; k < in->dims; k++)
        if (in->dim[k] < 1)
            return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                           "size %d of '%.100s', what goes in, is not fixed: export the net with a fixed one", k,
                           in->name);
    const convo_status status = cv_net_new(cv_isa_find("baseline"), shape, &d->net, d->err);
    return status ? status : cv_draft_add(d, &(cv_draft_value){.name = in->name, .node = -1, .std = 1});
}

static convo_status read_nodes(cv_draft *d) {
    for (size_t k = 0; k < d->graph->nodes; k++) {
        const cv_graph_node *node = &d->graph->node[k];
        const cv_draft_pattern *layer = &d->layer[k];
        if (layer->op) {
            const cv_draft_value *x = cv_draft_find(d, layer->x);
            if (!x || x->kind != CV_DRAFT_LAYER) return cv_draft_refuse(d, node, "reads what is no layer's output");
            const convo_status status = cv_draft_layer(d, node, layer->op->name, NULL, 0, x, NULL, layer->y);
            if (status) return status;
        }
        if (d->taken[k]) continue;
        if (node->outputs < 1) return cv_draft_refuse(d, node, "makes nothing");
        known operator;
        convo_status status = CONVO_OK;
        if (find_operator(node->type, &operator)) status = operator.is.read(d, node);
        if (status) return status;
    }
    const cv_draft_value *last = cv_draft_find(d, d->graph->output.name);
    if (!last)
        return cv_fail(d->err, CONVO_FORMAT, d->path, "nothing makes '%.100s', what comes out", d->graph->output.name);
    if (last->kind != CV_DRAFT_LAYER || last->node < 0)
        return cv_fail(d->err, CONVO_UNSUPPORTED, d->path, "'%.100s', what comes out, is made by no layer", last->name);
    d->output = last->node;
    return CONVO_OK;
}

convo_status cv_draft_read(cv_draft *d) {
    d->std = 1;
    d->taken = cv_alloc(d->graph->nodes + 1, sizeof *d->taken);
    d->layer = cv_alloc(d->graph->nodes + 1, sizeof *d->layer);
    convo_status status = d->taken && d->layer ? CONVO_OK : cv_no_memory(d->err, d->path);
    for (size_t k = 0; !status && k < d->graph->constants; k++) {
        const cv_constant *c = &d->graph->constant[k];
        status = cv_draft_add(d, &(cv_draft_value){.name = c->name, .kind = CV_DRAFT_CONSTANT, .constant = c});
    }
    if (!status) status = cv_draft_find_patterns(d);
    if (!status) status = check_operators(d);
    if (!status) status = set_input(d);
    return status ? status : read_nodes(d);
}

void cv_draft_free(cv_draft *d) {
    cv_net_free(d->net);
    free(d->value);
    free(d->taken);
    free(d->layer);
}
