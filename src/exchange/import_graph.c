// Turns an ONNX graph into a net, node by node.
#include "exchange/import.h"
#include "model/weights.h"

#include <stdlib.h>
#include <string.h>

// An operator, and room for the words of one that a layer names.
typedef struct known {
    cv_import_operator is;
    char words[128];
} known;

static bool find_operator(const char *type, known *out) {
    const cv_import_operator *const tables[] = {cv_import_layers, cv_import_norms, cv_import_windows, cv_import_shapes,
                                                cv_import_recurrent};
    for (size_t k = 0; k < CV_COUNT(tables); k++)
        for (const cv_import_operator *o = tables[k]; o->type; o++)
            if (!strcmp(o->type, type)) return out->is = *o, true;
    return cv_import_node_operator(type, &out->is, out->words, sizeof out->words);
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
static convo_status check_operators(const cv_import *d) {
    cv_name_list types = {0}, attributes = {0};
    const char *first = NULL;
    for (size_t k = 0; k < d->graph->nodes; k++) {
        const cv_graph_node *node = &d->graph->node[k];
        known operator;
        if (d->claimed[k]) continue;
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
    return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                   "the graph has operators or attributes that convo does not support: %s%s%s%s%s", types.text,
                   types.count && attributes.count ? "; " : "", attributes.text, first ? ". " : "",
                   first ? remedy_for(first) : "");
}

static convo_status set_input(cv_import *d) {
    const cv_graph_value *in = &d->graph->input;
    cv_shape shape = {in->dims - 1, in->dim[1], 1, 1};
    if (in->dims > 2) shape.w = in->dim[in->dims - 1];
    if (in->dims == 4) shape.h = in->dim[2];
    if (in->dims < 2 || in->dims > 4)
        return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                       "the input '%.100s' has %d dimensions: expected 2 to 4, the first one being the batch", in->name,
                       in->dims);
    for (int k = 1; k < in->dims; k++)
        if (in->dim[k] < 1)
            return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                           "size %d of the input '%.100s' is not fixed: export the net with a fixed one", k, in->name);
    CV_TRY(cv_net_new(cv_isa_find("baseline"), shape, &d->net, d->err));
    return cv_import_add(d, &(cv_import_value){.name = in->name, .node = -1});
}

static convo_status read_nodes(cv_import *d) {
    for (size_t k = 0; k < d->graph->nodes; k++) {
        const cv_graph_node *node = &d->graph->node[k];
        const cv_import_pattern *layer = &d->layer[k];
        if (layer->op) {
            const cv_import_value *x = cv_import_find(d, layer->x);
            if (!x || x->kind != CV_IMPORT_LAYER)
                return cv_import_refuse(d, node, "does not read the output of a layer");
            cv_import_value from = *x;
            CV_TRY(cv_import_pad(d, node, 0, &from));
            CV_TRY(cv_import_layer(d, node, layer->op->name, NULL, 0, &from, NULL, layer->y));
        }
        if (d->claimed[k]) continue;
        if (node->outputs < 1) return cv_import_refuse(d, node, "has no output");
        bool done;
        CV_TRY(cv_import_own(d, node, &done));
        if (done) continue;
        known operator;
        convo_status status = CONVO_OK;
        if (find_operator(node->type, &operator)) status = operator.is.read(d, node);
        if (status) return status;
    }
    const cv_import_value *last = cv_import_find(d, d->graph->output.name);
    if (!last)
        return cv_fail(d->err, CONVO_FORMAT, d->path, "no node produces the output '%.100s'", d->graph->output.name);
    if (last->kind != CV_IMPORT_LAYER || last->node < 0)
        return cv_fail(d->err, CONVO_UNSUPPORTED, d->path, "the output '%.100s' is not produced by a layer",
                       last->name);
    d->output = last->node;
    return CONVO_OK;
}

convo_status cv_import_read(cv_import *d) {
    d->claimed = cv_alloc(d->graph->nodes + 1, sizeof *d->claimed);
    d->layer = cv_alloc(d->graph->nodes + 1, sizeof *d->layer);
    convo_status status = d->claimed && d->layer ? CONVO_OK : cv_no_memory(d->err, d->path);
    for (size_t k = 0; !status && k < d->graph->constants; k++) {
        const cv_constant *c = &d->graph->constant[k];
        status = cv_import_add(d, &(cv_import_value){.name = c->name, .kind = CV_IMPORT_CONSTANT, .constant = c});
    }
    if (!status) status = cv_import_find_patterns(d);
    if (!status) status = check_operators(d);
    if (!status) status = set_input(d);
    return status ? status : read_nodes(d);
}

void cv_import_free(cv_import *d) {
    for (size_t k = 0; k < d->normals; k++) free(d->normal[k].mean);
    free(d->normal);
    cv_net_free(d->net);
    free(d->value);
    free(d->claimed);
    free(d->layer);
}
