// Several nodes that are one layer. What a layer's own .onnx says in several nodes is read back by the same text; what
// other exporters write out (layer norm) becomes the one node that stands for it. import_own.c has the layers whose
// text depends on their options.
#include "exchange/import_pattern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NEARBY = 256 }; // a pattern's nodes lie so close together

// The value of the graph that a name of the text stands for; NULL: not known yet.
static const char *value_found(const cv_pattern *p, const char *name) {
    if (!strcmp(name, "x")) return p->x;
    for (size_t k = 0; k < p->text.nodes && p->found[k]; k++)
        for (size_t o = 0; o < p->text.node[k].outputs; o++)
            if (!strcmp(p->text.node[k].output[o], name)) return p->found[k]->output[o];
    return NULL;
}

static bool is_made(const cv_pattern *p, const char *name) {
    for (size_t k = 0; k < p->text.nodes; k++)
        for (size_t o = 0; o < p->text.node[k].outputs; o++)
            if (!strcmp(p->text.node[k].output[o], name)) return true;
    return false;
}

// A number or a list of them.
static bool constant_fits(const cv_pattern *p, const cv_constant *expected, const cv_graph_node *node, size_t input) {
    cv_import_list list;
    double number;
    if (expected->type != CV_CONST_I64)
        return cv_import_scalar(p->import, node, input, &number) &&
               fabs(number - cv_import_element(expected, 0)) <= 1e-6 * fabs(cv_import_element(expected, 0));
    return cv_import_wholes(p->import, node, "", input, &list) && list.count == (int)expected->count &&
           !memcmp(list.whole, expected->data, expected->count * sizeof *list.whole);
}

static bool bind(cv_pattern *p, const char *name, const cv_constant *constant) {
    for (size_t k = 0; k < p->count; k++)
        if (!strcmp(p->bound[k].name, name)) return p->bound[k].constant == constant;
    if (!constant || p->count == CV_PATTERN_NODES) return false;
    p->bound[p->count].name = name;
    p->bound[p->count++].constant = constant;
    return true;
}

static bool input_fits(cv_pattern *p, const char *name, const cv_graph_node *node, size_t input) {
    const cv_constant *expected = cv_graph_constant(&p->text, name);
    if (expected) return constant_fits(p, expected, node, input);
    if (!strcmp(name, "x") && !p->x && !cv_import_constant(p->import, node, input)) p->x = node->input[input];
    const char *value = value_found(p, name);
    if (!value && !is_made(p, name)) return bind(p, name, cv_import_constant(p->import, node, input));
    return value && !strcmp(value, node->input[input]);
}

static bool attributes_fit(const cv_graph_node *expected, const cv_graph_node *node) {
    if (node->attributes != expected->attributes) return false;
    for (size_t k = 0; k < expected->attributes; k++) {
        const cv_attribute *a = &expected->attribute[k], *b = cv_graph_attribute(node, a->name);
        if (!b || b->kind != a->kind) return false;
        if (a->kind == CV_ATTRIBUTE_TEXT && strcmp(a->text, b->text) != 0) return false;
        if (a->kind == CV_ATTRIBUTE_FLOAT && !(fabsf(a->number - b->number) <= 1e-6f * fabsf(a->number))) return false;
        if (a->kind == CV_ATTRIBUTE_INTS &&
            (a->count != b->count || memcmp(a->ints, b->ints, a->count * sizeof *a->ints) != 0))
            return false;
    }
    return true;
}

static bool is_square(const cv_graph_node *expected, const cv_graph_node *node) {
    return !strcmp(expected->type, "Pow") && !strcmp(node->type, "Mul") && node->inputs == 2 &&
           !strcmp(node->input[0], node->input[1]);
}

// Sums and products may have their factors in either order; a square may be a product, and a mean has axes.
static bool node_fits(cv_pattern *p, size_t k, const cv_graph_node *node) {
    const cv_graph_node *expected = &p->text.node[k];
    const bool either = !strcmp(node->type, "Add") || !strcmp(node->type, "Mul");
    const bool mean = !strcmp(node->type, "ReduceMean") && !expected->attributes;
    if (is_square(expected, node)) return input_fits(p, expected->input[0], node, 0);
    if (strcmp(node->type, expected->type) != 0 || node->outputs < expected->outputs ||
        (mean ? !node->inputs : node->inputs != expected->inputs || !attributes_fit(expected, node)))
        return false;
    for (size_t swap = 0; swap <= (either ? 1U : 0U); swap++) {
        const size_t count = p->count;
        bool fits = true;
        for (size_t i = 0; fits && i < expected->inputs; i++)
            fits = input_fits(p, expected->input[i], node, swap ? 1 - i : i);
        if (fits) return true;
        if (k == 0) p->x = NULL;
        p->count = count;
    }
    return false;
}

static const cv_graph_node *node_at(const cv_import *d, size_t k) {
    return &d->graph->node[d->order[k]];
}

static size_t count_readers(const cv_import *d, const char *value) {
    size_t count = 0;
    for (size_t k = 0; k < d->nodes; k++)
        for (size_t i = 0; i < node_at(d, k)->inputs; i++) count += !strcmp(node_at(d, k)->input[i], value);
    return count;
}

static size_t count_in_text(const cv_pattern *p, const char *name) {
    size_t count = 0;
    for (size_t n = 0; n < p->text.nodes; n++)
        for (size_t i = 0; i < p->text.node[n].inputs; i++)
            count += strcmp(p->text.node[n].input[i], name) ? 0 : is_square(&p->text.node[n], p->found[n]) ? 2 : 1;
    return count;
}

// What lies between the nodes must be read by them alone.
static bool is_apart(const cv_pattern *p) {
    for (size_t k = 0; k < p->text.nodes; k++)
        for (size_t o = 0; o < p->found[k]->outputs; o++) {
            const char *value = p->found[k]->output[o],
                       *name = o < p->text.node[k].outputs ? p->text.node[k].output[o] : "";
            if (!*value || (k + 1 == p->text.nodes && o == 0)) continue;
            if (!strcmp(value, p->import->result) ||
                count_readers(p->import, value) != (*name ? count_in_text(p, name) : 0))
                return false;
        }
    return true;
}

static bool is_taken(const cv_pattern *p, const cv_graph_node *node) {
    for (size_t k = 0; k < p->text.nodes && p->found[k]; k++)
        if (p->found[k] == node) return true;
    return p->import->claimed[node - p->import->graph->node];
}

bool cv_pattern_fits(cv_pattern *p, size_t first) {
    const cv_import *d = p->import;
    memset(p->found, 0, sizeof p->found);
    p->x = NULL;
    p->count = 0;
    for (size_t k = 0; k < p->text.nodes; k++) {
        for (size_t n = first; !p->found[k] && n < d->nodes && n < first + (k ? NEARBY : 1); n++)
            if (!is_taken(p, node_at(d, n)) && node_fits(p, k, node_at(d, n))) p->found[k] = node_at(d, n);
        if (!p->found[k]) return false;
    }
    return is_apart(p);
}

const char *cv_pattern_claim(cv_import *d, const cv_pattern *p) {
    for (size_t k = 0; k < p->text.nodes; k++) d->claimed[p->found[k] - d->graph->node] = true;
    return p->found[p->text.nodes - 1]->output[0];
}

// --- texts without options ----------------------------------------------------------------------------------------

static bool is_pattern(const cv_op *op) {
    return op->kind == CV_LAYER && op->onnx && !op->tensors && !op->infer && op->inputs <= 1 && strchr(op->onnx, ';') &&
           !strpbrk(op->onnx, "{[");
}

// Calls found for each place where the text stands. false: no memory.
static bool find_text(cv_import *d, const char *text, const void *user,
                      bool (*found)(cv_import *d, const cv_pattern *p, size_t first, const void *user)) {
    cv_pattern p = {.import = d};
    bool done = cv_graph_parse(&p.text, text, NULL) && p.text.nodes <= CV_PATTERN_NODES;
    for (size_t n = 0; done && n < d->nodes; n++)
        if (!d->claimed[d->order[n]] && cv_pattern_fits(&p, n)) done = found(d, &p, n, user);
    cv_graph_free(&p.text);
    return done;
}

static bool take_layer(cv_import *d, const cv_pattern *p, size_t first, const void *op) {
    d->layer[d->order[first]] = (cv_import_pattern){op, p->x, cv_pattern_claim(d, p)};
    return true;
}

// --- layer norm, written out --------------------------------------------------------------------------------------

// The deviations, and what makes 1 / sqrt(v + eps) of their mean square; with a weight and a bias, or without. The last
// two are those of TensorFlow: x a + (beta - m a), a = gamma / sqrt(v + eps).
#define CENTRE "m = ReduceMean(x); d = Sub(x, m); s = Pow(d, #2); v = ReduceMean(s); e = Add(v, eps); r = Sqrt(e); "
#define AFFINE "; g = Mul(n, gamma); y = Add(g, beta)"
#define SPREAD "; b = Mul(m, a); c = Sub(beta, b); f = Mul(x, a); y = Add(f, c)"
static const char *const layer_norms[] = {
    CENTRE "n = Div(d, r)" AFFINE,
    CENTRE "i = Reciprocal(r); n = Mul(d, i)" AFFINE,
    CENTRE "n = Div(d, r)",
    CENTRE "i = Reciprocal(r); n = Mul(d, i)",
    CENTRE "i = Reciprocal(r); a = Mul(i, gamma)" SPREAD,
    CENTRE "a = Div(gamma, r)" SPREAD,
};

static const cv_constant *bound_to(const cv_pattern *p, const char *name) {
    for (size_t k = 0; k < p->count; k++)
        if (!strcmp(p->bound[k].name, name)) return p->bound[k].constant;
    return NULL;
}

// Both means over the same axes, which stay as dimensions of size 1.
static bool same_means(const cv_pattern *p, cv_import_list *axes) {
    const cv_graph_node *mean[2] = {p->found[0], p->found[3]};
    cv_import_list list[2];
    for (int k = 0; k < 2; k++)
        if (!cv_import_wholes(p->import, mean[k], "axes", 1, &list[k]) || !list[k].count ||
            !cv_import_whole(mean[k], "keepdims", 1))
            return false;
    *axes = list[0];
    return list[0].count == list[1].count &&
           !memcmp(list[0].whole, list[1].whole, (size_t)list[0].count * sizeof *list[0].whole);
}

// The last node becomes a LayerNormalization, with the axes of the means.
static bool make_norm(cv_import *d, const cv_pattern *p, size_t first, const void *user) {
    const cv_constant *gamma = bound_to(p, "gamma"), *beta = bound_to(p, "beta");
    const size_t last = p->text.nodes - 1;
    cv_import_list axes;
    double eps;
    (void)first, (void)user;
    const cv_graph_node *add = p->found[4];
    if (!same_means(p, &axes) || (!cv_import_scalar(d, add, 0, &eps) && !cv_import_scalar(d, add, 1, &eps)))
        return true;
    char *x = cv_format("%s", p->x), *weight = cv_format("%s", gamma ? gamma->name : ""),
         *bias = cv_format("%s", beta ? beta->name : "");
    for (size_t k = 0; k < last; k++) cv_import_claim(d, p->found[k]);
    cv_graph_node *node = &d->graph->node[p->found[last] - d->graph->node];
    if (x && weight && bias && cv_graph_reset_node(d->graph, node, "LayerNormalization")) {
        cv_graph_add_input(d->graph, node, x);
        cv_graph_add_input(d->graph, node, weight);
        cv_graph_add_input(d->graph, node, bias);
        cv_attribute *a = cv_graph_add_attribute(d->graph, node, "epsilon");
        if (a) a->kind = CV_ATTRIBUTE_FLOAT;
        if (a) a->number = (float)eps;
        a = cv_graph_add_attribute(d->graph, node, "axes");
        if (a) a->ints = cv_alloc((size_t)axes.count, sizeof *a->ints);
        if (a && a->ints) memcpy(a->ints, axes.whole, (a->count = (size_t)axes.count) * sizeof *a->ints);
        d->graph->failed = d->graph->failed || !a || !a->ints;
    } else {
        d->graph->failed = true;
    }
    free(x);
    free(weight);
    free(bias);
    return !d->graph->failed;
}

convo_status cv_import_find_patterns(cv_import *d) {
    const cv_isa *isa = cv_isa_find("baseline");
    bool done = true;
    for (size_t k = 0; done && k < CV_COUNT(layer_norms); k++) done = find_text(d, layer_norms[k], NULL, make_norm);
    for (int o = 0; done && o < isa->op_count; o++)
        if (is_pattern(isa->ops[o])) done = find_text(d, isa->ops[o]->onnx, isa->ops[o], take_layer);
    return done ? CONVO_OK : cv_no_memory(d->err, d->path);
}
