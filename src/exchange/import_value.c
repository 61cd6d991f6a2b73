// What the readers of operators share: what a node of the graph reads, and the layers and values that it makes.
#include "exchange/import.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cv_import_note(const cv_import *d, const char *format, ...) {
    char text[512];
    if (!d->note) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->note(text, d->user);
}

convo_status cv_import_refuse(const cv_import *d, const cv_graph_node *node, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cv_fail(d->err, CONVO_UNSUPPORTED, d->path, "%.40s '%.60s' %s", node->type, node->name, text);
}

// --- what a node reads --------------------------------------------------------------------------------------------

int64_t cv_import_whole(const cv_graph_node *n, const char *attribute, int64_t fallback) {
    const cv_attribute *a = cv_graph_attribute(n, attribute);
    return a && a->kind == CV_ATTRIBUTE_INTS && a->count == 1 ? a->ints[0] : fallback;
}

double cv_import_number(const cv_graph_node *n, const char *attribute, double fallback) {
    const cv_attribute *a = cv_graph_attribute(n, attribute);
    return a && a->kind == CV_ATTRIBUTE_FLOAT ? (double)a->number : fallback;
}

bool cv_import_has(const cv_graph_node *n, size_t input) {
    return input < n->inputs && *n->input[input];
}

cv_import_value *cv_import_find(const cv_import *d, const char *name) {
    for (size_t k = d->values; k > 0; k--)
        if (!strcmp(d->value[k - 1].name, name)) return &d->value[k - 1];
    return NULL;
}

static const cv_import_value *value_of(const cv_import *d, const cv_graph_node *n, size_t input) {
    return cv_import_has(n, input) ? cv_import_find(d, n->input[input]) : NULL;
}

const cv_constant *cv_import_constant(const cv_import *d, const cv_graph_node *n, size_t input) {
    const cv_import_value *v = value_of(d, n, input);
    return v && v->kind == CV_IMPORT_CONSTANT ? v->constant : NULL;
}

double cv_import_element(const cv_constant *c, size_t i) {
    if (c->type == CV_CONST_F32) return (double)((const float *)c->data)[i];
    return c->type == CV_CONST_F64 ? ((const double *)c->data)[i] : (double)((const int64_t *)c->data)[i];
}

bool cv_import_scalar(const cv_import *d, const cv_graph_node *n, size_t input, double *value) {
    const cv_constant *c = cv_import_constant(d, n, input);
    if (!c || c->count != 1) return false;
    *value = cv_import_element(c, 0);
    return isfinite(*value);
}

bool cv_import_wholes(const cv_import *d, const cv_graph_node *n, const char *attribute, size_t input,
                      cv_import_value *out) {
    const cv_attribute *a = cv_graph_attribute(n, attribute);
    const cv_import_value *v = value_of(d, n, input);
    const cv_constant *c = v && v->kind == CV_IMPORT_CONSTANT ? v->constant : NULL;
    *out = (cv_import_value){.kind = CV_IMPORT_WHOLE};
    if (a && a->kind == CV_ATTRIBUTE_INTS && a->count <= CV_IMPORT_INTS) {
        out->count = (int)a->count;
        memcpy(out->whole, a->ints, a->count * sizeof *a->ints);
    } else if (v && v->kind == CV_IMPORT_WHOLE) {
        *out = *v;
    } else if (c && c->type == CV_CONST_I64 && c->dims <= 1 && c->count <= CV_IMPORT_INTS) {
        out->count = (int)c->count;
        out->scalar = c->dims == 0;
        memcpy(out->whole, c->data, c->count * sizeof *out->whole);
    } else {
        return false;
    }
    return true;
}

convo_status cv_import_input(cv_import *d, const cv_graph_node *n, size_t input, bool padded, cv_import_value *value) {
    const cv_import_value *v = value_of(d, n, input);
    if (!v)
        return cv_import_refuse(d, n, "reads '%.60s', which no earlier node produces",
                                input < n->inputs ? n->input[input] : "");
    if (v->kind != CV_IMPORT_LAYER) return cv_import_refuse(d, n, "computes with constants");
    *value = *v;
    return padded ? CONVO_OK : cv_import_pad(d, n, 0, value);
}

convo_status cv_import_pad(cv_import *d, const cv_graph_node *n, double number, cv_import_value *value) {
    const int64_t *p = value->pad;
    const bool maps = cv_import_shape(d, value).dims == 3;
    cv_setting s[2] = {{.name = "padding"}, {.name = "value"}};
    if (!(p[0] | p[1] | p[2] | p[3])) return CONVO_OK;
    if (maps)
        cv_print(s[0].text, sizeof s[0].text, "[%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "]", p[0], p[2], p[1],
                 p[3]);
    else
        cv_print(s[0].text, sizeof s[0].text, "[%" PRId64 ", %" PRId64 "]", p[1], p[3]);
    cv_import_float_text((float)number, s[1].text, sizeof s[1].text);
    CV_TRY(cv_import_layer(d, n, maps ? "pad2d" : "pad1d", s, 2, value, NULL, NULL));
    *value = (cv_import_value){.name = value->name, .node = d->net->nodes - 1};
    return CONVO_OK;
}

cv_shape cv_import_shape(const cv_import *d, const cv_import_value *value) {
    return value->node < 0 ? d->net->input : d->net->node[value->node].out;
}

void cv_import_sizes(cv_shape s, int64_t size[3]) {
    size[0] = s.c;
    size[1] = s.dims == 3 ? s.h : s.w;
    size[2] = s.w;
}

const cv_graph_node *cv_import_only_reader(const cv_import *d, const char *value) {
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

convo_status cv_import_add(cv_import *d, const cv_import_value *value) {
    if (cv_import_find(d, value->name))
        return cv_fail(d->err, CONVO_FORMAT, d->path, "'%.100s' is produced twice", value->name);
    if (!cv_grow(&d->value, &d->room, d->values + 1, sizeof *d->value)) return cv_no_memory(d->err, d->path);
    d->value[d->values++] = *value;
    return CONVO_OK;
}

convo_status cv_import_pass_on(cv_import *d, const cv_graph_node *n) {
    const cv_import_value *v = value_of(d, n, 0);
    if (!v) return cv_import_refuse(d, n, "reads a value that no earlier node produces");
    cv_import_value same = *v;
    same.name = n->output[0];
    return cv_import_add(d, &same);
}

// The same normalisation must stand in front of every layer that reads the input.
static convo_status use_input(cv_import *d, const cv_graph_node *n, const cv_import_value *v) {
    if (v->node >= 0) return CONVO_OK;
    if (d->used_input && v->normal != d->used_normal)
        return cv_import_refuse(d, n, "reads the input with another normalisation than an earlier layer");
    d->used_input = true;
    d->used_normal = v->normal;
    return CONVO_OK;
}

convo_status cv_import_layer(cv_import *d, const cv_graph_node *n, const char *layer, const cv_setting *settings,
                             int count, const cv_import_value *x, const cv_import_value *y, const char *out) {
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
            status = cv_import_refuse(d, n, "has a %s that must be %.150s", settings[k].name, why);
    cv_print(where, sizeof where, "%.40s '%.60s'", n->type, n->name);
    if (!status) status = cv_net_add(d->net, op, config, input, n->name, where, d->err);
    free(config);
    if (status || !out) return status;
    return cv_import_add(d, &(cv_import_value){.name = out, .node = d->net->nodes - 1});
}

convo_status cv_import_tensor(cv_import *d, const cv_graph_node *n, const char *name, float *values, size_t count) {
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
        status = cv_import_refuse(d, n, "has %zu numbers for its %s, but needs %zu", count, name, need);
    else if (!finite)
        status =
            cv_fail(d->err, CONVO_NUMERIC, d->path, "%s of '%.60s' holds numbers that are not finite", name, n->name);
    else
        status = cv_net_start_with(d->net, t, values, d->err);
    free(values);
    return status;
}

float *cv_import_floats(const cv_constant *c, size_t count, double factor) {
    float *values = cv_alloc(count, sizeof *values);
    for (size_t i = 0; values && i < count; i++)
        values[i] = (float)(factor * cv_import_element(c, c->count == 1 ? 0 : i));
    return values;
}

convo_status cv_import_bias(cv_import *d, const cv_graph_node *n, const cv_constant *c, double factor) {
    const size_t count = (size_t)d->net->node[d->net->nodes - 1].out.c;
    if (c->count != 1 && c->count != count)
        return cv_import_refuse(d, n, "has a bias of %zu numbers for %zu outputs", c->count, count);
    return cv_import_tensor(d, n, "bias", cv_import_floats(c, count, factor), count);
}
