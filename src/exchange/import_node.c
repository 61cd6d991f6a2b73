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
