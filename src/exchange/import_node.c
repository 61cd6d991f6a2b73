// Operators that a layer names itself: an op whose .onnx is one node without tensors, "y = LeakyRelu(x) alpha={slope}",
// is read back by the same text.
#include "exchange/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SETTINGS = 4 };

// What follows "y = TYPE(x)" in the text, or NULL when that is not how it begins.
static const char *attributes_of(const cv_op *op, const char *type) {
    char head[64];
    if (!op->onnx || op->tensors || op->inputs > 1 || op->kind != CV_LAYER || strchr(op->onnx, ';')) return NULL;
    cv_print(head, sizeof head, "y = %.40s(x)", type);
    return strncmp(op->onnx, head, strlen(head)) ? NULL : op->onnx + strlen(head);
}

static const cv_op *op_of(const char *type) {
    const cv_isa *isa = cv_isa_find("baseline");
    for (int k = 0; k < isa->op_count; k++)
        if (attributes_of(isa->ops[k], type)) return isa->ops[k];
    return NULL;
}

// The next " name={option}" or " name=0.5" of a text; false: there is none. option: "" where it is a number.
static bool next_attribute(const char **text, char name[32], char option[32], float *number) {
    int length = 0;
    option[0] = 0;
    if (sscanf(*text, " %31[a-z_]={%31[a-z_]}%n", name, option, &length) != 2 || !length) {
        option[0] = 0;
        if (sscanf(*text, " %31[a-z_]=%f%n", name, number, &length) != 2) return false;
    }
    *text += length;
    return true;
}

// The shortest decimal that is the same float.
void cv_import_float_text(float x, char *text, size_t size) {
    for (int digits = 1; digits <= 9; digits++) {
        cv_print(text, size, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x) return;
    }
}

convo_status cv_import_node(cv_import *d, const cv_graph_node *n) {
    const cv_op *op = op_of(n->type);
    const char *text = attributes_of(op, n->type);
    cv_setting setting[MOST_SETTINGS];
    char name[32], option[32];
    float number = 0;
    int count = 0;
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    while (count < MOST_SETTINGS && next_attribute(&text, name, option, &number)) {
        const cv_option *o = cv_option_find(op->schema, option);
        const cv_attribute *a = cv_graph_attribute(n, name);
        if (!*option && !(fabs(cv_import_number(n, name, NAN) - (double)number) <= 1e-6 * fabs((double)number)))
            return cv_import_refuse(d, n, "has another %s than %g, that of '%s'", name, (double)number, op->name);
        if (!o || !a) continue; // the default
        setting[count].name = o->name;
        if (a->kind == CV_ATTRIBUTE_FLOAT)
            cv_import_float_text(a->number, setting[count++].text, sizeof setting->text);
        else if (a->kind == CV_ATTRIBUTE_INTS && a->count == 1)
            cv_print(setting[count++].text, sizeof setting->text, "%lld", (long long)a->ints[0]);
        else
            return cv_import_refuse(d, n, "has an attribute %s that is no number", name);
    }
    return cv_import_layer(d, n, op->name, setting, count, &x, NULL, n->output[0]);
}

bool cv_import_node_operator(const char *type, cv_import_operator *out, char *words, size_t size) {
    const cv_op *op = op_of(type);
    const char *text = op ? attributes_of(op, type) : "";
    char name[32], option[32];
    float number;
    words[0] = 0;
    while (next_attribute(&text, name, option, &number)) cv_append(words, size, "%s ", name);
    *out = (cv_import_operator){type, cv_import_node, words};
    return op != NULL;
}

// --- patterns -----------------------------------------------------------------------------------------------------

enum { MOST_NODES = 8, NEARBY = 256 }; // a pattern's nodes lie so close together

// The nodes of a layer's text, and the nodes of the graph that they stand for.
typedef struct pattern {
    const cv_import *import;
    cv_graph text;
    const cv_graph_node *found[MOST_NODES];
    const char *x; // what the first one reads
} pattern;

static bool is_pattern(const cv_op *op) {
    return op->kind == CV_LAYER && op->onnx && !op->tensors && op->inputs <= 1 && strchr(op->onnx, ';') &&
           !strpbrk(op->onnx, "{[");
}

// The value of the graph that a name of the text stands for; NULL: not known yet.
static const char *value_found(const pattern *p, const char *name) {
    if (!strcmp(name, "x")) return p->x;
    for (size_t k = 0; k < p->text.nodes && p->found[k]; k++)
        if (!strcmp(p->text.node[k].output[0], name)) return p->found[k]->output[0];
    return NULL;
}

static bool input_fits(pattern *p, const char *name, const cv_graph_node *node, size_t input) {
    const cv_constant *expected = cv_graph_constant(&p->text, name);
    double number;
    if (expected)
        return cv_import_scalar(p->import, node, input, &number) &&
               fabs(number - cv_import_element(expected, 0)) <= 1e-6 * fabs(cv_import_element(expected, 0));
    if (!strcmp(name, "x") && !p->x && !cv_import_constant(p->import, node, input)) p->x = node->input[input];
    const char *value = value_found(p, name);
    return value && !strcmp(value, node->input[input]);
}

// Sums and products may have their factors in either order.
static bool node_fits(pattern *p, size_t k, const cv_graph_node *node) {
    const cv_graph_node *expected = &p->text.node[k];
    const bool either = !strcmp(node->type, "Add") || !strcmp(node->type, "Mul");
    if (strcmp(node->type, expected->type) != 0 || node->inputs != expected->inputs || node->outputs != 1 ||
        node->attributes != expected->attributes)
        return false;
    for (size_t swap = 0; swap <= (either ? 1U : 0U); swap++) {
        bool fits = true;
        for (size_t i = 0; fits && i < expected->inputs; i++)
            fits = input_fits(p, expected->input[i], node, swap ? 1 - i : i);
        if (fits) return true;
        if (k == 0) p->x = NULL;
    }
    return false;
}

static size_t count_readers(const cv_graph *graph, const char *value) {
    size_t count = 0;
    for (size_t k = 0; k < graph->nodes; k++)
        for (size_t i = 0; i < graph->node[k].inputs; i++) count += !strcmp(graph->node[k].input[i], value);
    return count;
}

// What lies between the nodes must be read by them alone.
static bool is_apart(const pattern *p) {
    const cv_graph *graph = p->import->graph;
    for (size_t k = 0; k + 1 < p->text.nodes; k++) {
        const char *value = p->found[k]->output[0];
        if (!strcmp(value, graph->output.name) ||
            count_readers(graph, value) != count_readers(&p->text, p->text.node[k].output[0]))
            return false;
    }
    return true;
}

static bool pattern_fits(pattern *p, size_t first) {
    const cv_graph *graph = p->import->graph;
    for (size_t k = 0; k < p->text.nodes; k++) {
        for (size_t n = first; !p->found[k] && n < graph->nodes && n < first + (k ? NEARBY : 1); n++)
            if (!p->import->claimed[n] && node_fits(p, k, &graph->node[n])) p->found[k] = &graph->node[n];
        if (!p->found[k]) return false;
    }
    return is_apart(p);
}

convo_status cv_import_find_patterns(cv_import *d) {
    const cv_isa *isa = cv_isa_find("baseline");
    for (int o = 0; o < isa->op_count; o++) {
        pattern p = {.import = d};
        if (!is_pattern(isa->ops[o])) continue;
        bool done = cv_graph_parse(&p.text, isa->ops[o]->onnx, NULL) && p.text.nodes <= MOST_NODES;
        for (size_t n = 0; done && n < d->graph->nodes; n++) {
            memset(p.found, 0, sizeof p.found);
            p.x = NULL;
            if (d->claimed[n] || !pattern_fits(&p, n)) continue;
            const size_t last = p.text.nodes - 1;
            for (size_t k = 0; k <= last; k++) d->claimed[p.found[k] - d->graph->node] = true;
            d->layer[n] = (cv_import_pattern){isa->ops[o], p.x, p.found[last]->output[0]};
        }
        cv_graph_free(&p.text);
        if (!done) return cv_no_memory(d->err, d->path);
    }
    return CONVO_OK;
}
