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

int cv_import_axis(int64_t axis, int dims) {
    return axis < -dims || axis >= dims ? -1 : (int)(axis < 0 ? axis + dims : axis);
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
    return v && v->kind == CV_IMPORT_CONSTANT ? &d->graph->constant[v->constant] : NULL;
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
                      cv_import_list *out) {
    const cv_attribute *a = cv_graph_attribute(n, attribute);
    const cv_constant *c = cv_import_constant(d, n, input);
    *out = (cv_import_list){0};
    if (a && a->kind == CV_ATTRIBUTE_INTS && a->count <= CV_COUNT(out->whole)) {
        out->count = (int)a->count;
        if (a->count) memcpy(out->whole, a->ints, a->count * sizeof *a->ints);
    } else if (c && c->type == CV_CONST_I64 && c->dims <= 1 && c->count <= CV_COUNT(out->whole)) {
        out->count = (int)c->count;
        out->scalar = c->dims == 0;
        if (c->count) memcpy(out->whole, c->data, c->count * sizeof *out->whole);
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
    if (value->raw && d->moves) CV_TRY(cv_import_declare(d, n, NULL, value));
    return padded ? CONVO_OK : cv_import_pad(d, n, 0, value);
}

convo_status cv_import_pad(cv_import *d, const cv_graph_node *n, double number, cv_import_value *value) {
    const int64_t *p = value->pad;
    if (!(p[0] | p[1] | p[2] | p[3])) return CONVO_OK;
    const bool maps = cv_import_shape(d, value).dims == 3;
    cv_setting s[2] = {{.name = "padding"}, {.name = "value"}};
    if (maps)
        cv_print(s[0].text, sizeof s[0].text, "[%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "]", p[0], p[2], p[1],
                 p[3]);
    else
        cv_print(s[0].text, sizeof s[0].text, "[%" PRId64 ", %" PRId64 "]", p[1], p[3]);
    cv_import_float_text((float)number, s[1].text, sizeof s[1].text);
    memset(value->pad, 0, sizeof value->pad);
    return cv_import_apply(d, n, maps ? "pad2d" : "pad1d", s, 2, value, NULL);
}

cv_shape cv_import_shape(const cv_import *d, const cv_import_value *value) {
    return value->node < 0 ? d->net->input : d->net->node[value->node].out;
}

static const cv_graph_node *find_reader(const cv_import *d, const char *value, bool of_values) {
    const cv_graph_node *found = NULL;
    if (!strcmp(value, d->result)) return NULL;
    for (size_t k = 0; k < d->nodes; k++) {
        const cv_graph_node *n = &d->graph->node[d->order[k]];
        if (of_values && !strcmp(n->type, "Shape")) continue;
        for (size_t i = 0; i < n->inputs; i++) {
            if (strcmp(n->input[i], value) != 0) continue;
            if (found) return NULL;
            found = n;
        }
    }
    return found;
}

const cv_graph_node *cv_import_only_reader(const cv_import *d, const char *value) {
    return find_reader(d, value, false);
}

const cv_graph_node *cv_import_only_user(const cv_import *d, const char *value) {
    return find_reader(d, value, true);
}

void cv_import_claim(cv_import *d, const cv_graph_node *n) {
    d->claimed[n - d->graph->node] = true;
}

bool cv_import_is_last(const cv_import *d, const char *value) {
    static const char *const nothing[] = {"ArgMax",  "Cast",    "Dropout",   "Flatten",  "Identity",
                                          "Reshape", "Squeeze", "Transpose", "Unsqueeze"};
    for (size_t steps = 0; steps <= d->nodes; steps++) {
        if (!strcmp(value, d->result)) return true;
        const cv_graph_node *next = cv_import_only_reader(d, value);
        bool passes = false;
        for (size_t k = 0; next && k < CV_COUNT(nothing); k++) passes = passes || !strcmp(next->type, nothing[k]);
        if (!passes || !next->outputs || strcmp(next->input[0], value) != 0) return false;
        value = next->output[0];
    }
    return false;
}

// --- what it makes ------------------------------------------------------------------------------------------------

convo_status cv_import_add(cv_import *d, const cv_import_value *value) {
    if (cv_import_find(d, value->name))
        return cv_fail(d->err, CONVO_FORMAT, d->path, "'%.100s' is produced twice", value->name);
    if (!cv_grow(&d->value, &d->room, d->values + 1, sizeof *d->value)) return cv_no_memory(d->err, d->path);
    d->value[d->values++] = *value;
    return CONVO_OK;
}

convo_status cv_import_name(cv_import *d, cv_import_value *value, const char *out) {
    value->name = out;
    return cv_import_add(d, value);
}

convo_status cv_import_pass_on(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    return cv_import_name(d, &x, n->output[0]);
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

// What the view of x is of y: along the axes that a layer has made longer or shorter.
static bool follow_layer(cv_import_view *v, cv_shape from, cv_shape to) {
    const int64_t old[3] = {from.c, from.h, from.w}, now[3] = {to.c, to.h, to.w};
    for (int axis = 0; axis < 3; axis++) {
        bool done = old[axis] == now[axis];
        for (int r = 0; v->dims && !done && r < v->end[v->dims - 1]; r++) {
            cv_import_run *run = &v->run[r];
            if (run->axis != axis || run->size != old[axis]) continue;
            run->size = now[axis];
            done = true;
        }
        if (!done && v->dims) return false;
    }
    return true;
}

convo_status cv_import_apply(cv_import *d, const cv_graph_node *n, const char *layer, const cv_setting *settings,
                             int count, cv_import_value *x, const cv_import_value *y) {
    const cv_op *op = cv_op_find(d->net->isa, layer);
    const int input[CV_MAX_INPUTS] = {x->node, y ? y->node : -1};
    char where[128], why[256] = "";
    CV_TRY(cv_import_declare(d, n, NULL, x));
    void *config = cv_alloc(1, op->config_size + 1);
    if (!config) return cv_no_memory(d->err, "a layer");
    convo_status status = use_input(d, n, x);
    if (!status && y) status = use_input(d, n, y);
    if (op->schema) cv_options_default(op->schema, config);
    for (int k = 0; !status && k < count; k++)
        if (!cv_option_set(cv_option_find(op->schema, settings[k].name), config, settings[k].text, why, sizeof why))
            status = cv_import_refuse(d, n, "has a %s that must be %.150s", settings[k].name, why);
    cv_print(where, sizeof where, "%.40s '%.60s'", n->type, n->name);
    const cv_shape from = cv_import_shape(d, x);
    if (!status) status = cv_net_add(d->net, op, config, input, n->name, where, d->err);
    free(config);
    if (status) return status;
    *x = (cv_import_value){.name = x->name, .node = d->net->nodes - 1, .view = x->view};
    if (follow_layer(&x->view, from, cv_import_shape(d, x))) return CONVO_OK;
    return cv_import_refuse(d, n, "changes a dimension that is split");
}

convo_status cv_import_fresh(cv_import *d, const cv_graph_node *n, const char *layer, const cv_setting *settings,
                             int count, cv_import_value *x) {
    x->view.dims = 0;
    CV_TRY(cv_import_apply(d, n, layer, settings, count, x, NULL));
    const cv_shape s = cv_import_shape(d, x);
    const int64_t size[3] = {s.c, s.dims == 3 ? s.h : s.w, s.w};
    cv_import_view *v = &x->view;
    *v = (cv_import_view){.dims = s.dims + 1, .end = {1}, .run = {{CV_IMPORT_EXAMPLES, 1, 1}}};
    for (int k = 1; k <= s.dims; k++) {
        v->run[k] = (cv_import_run){k == 1 ? 0 : k == s.dims ? 2 : 1, size[k - 1], 1};
        v->end[k] = k + 1;
    }
    return CONVO_OK;
}

convo_status cv_import_layer(cv_import *d, const cv_graph_node *n, const char *layer, const cv_setting *settings,
                             int count, const cv_import_value *x, const cv_import_value *y, const char *out) {
    cv_import_value made = *x;
    CV_TRY(cv_import_apply(d, n, layer, settings, count, &made, y));
    return cv_import_name(d, &made, out);
}

// The shortest decimal that is the same float.
void cv_import_float_text(float x, char *text, size_t size) {
    for (int digits = 1; digits <= 9; digits++) {
        cv_print(text, size, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x) return;
    }
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

convo_status cv_import_bias(cv_import *d, const cv_graph_node *n, const char *name, const cv_constant *c,
                            double factor) {
    const size_t count = (size_t)d->net->node[d->net->nodes - 1].out.c;
    if (c->count != 1 && c->count != count)
        return cv_import_refuse(d, n, "has a bias of %zu numbers for %zu outputs", c->count, count);
    return cv_import_tensor(d, n, name, cv_import_floats(c, count, factor), count);
}
