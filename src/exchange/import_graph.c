// Turns an ONNX graph into a net, node by node. A node that cannot be read is remembered, with the reason, and so are
// those that follow: all reasons are reported at once.
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
    const cv_import_operator *const tables[] = {cv_import_layers,  cv_import_affines, cv_import_norms,
                                                cv_import_windows, cv_import_shapes,  cv_import_recurrent};
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

// --- what is refused ----------------------------------------------------------------------------------------------

typedef struct refusals {
    cv_name_list types, attributes;
    const char *first; // type
    char text[300];    // of nodes that are known, but not like this
    int texts, left_out;
} refusals;

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

static void add_reason(refusals *r, const char *reason) {
    if (strlen(r->text) + strlen(reason) + 3 < sizeof r->text)
        cv_append(r->text, sizeof r->text, "%s%s", r->texts++ ? "; " : "", reason);
    else if (r->texts++ == 0) // one at least, cut if need be
        cv_append(r->text, sizeof r->text, "%s", reason);
    else
        r->left_out++;
}

static convo_status report(const cv_import *d, refusals *r) {
    const bool operators = r->types.count || r->attributes.count;
    char more[32] = "";
    cv_name_list_end(&r->types);
    cv_name_list_end(&r->attributes);
    if (r->left_out) cv_print(more, sizeof more, "; and %d more", r->left_out);
    if (!operators && !r->texts) return CONVO_OK;
    if (!operators) return cv_fail(d->err, CONVO_UNSUPPORTED, d->path, "%s%s", r->text, more);
    return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                   "%s%s%sthe graph has operators or attributes that convo does not support: %s%s%s%s%s", r->text, more,
                   r->texts ? "; " : "", r->types.text, r->types.count && r->attributes.count ? "; " : "",
                   r->attributes.text, r->first ? ". " : "", r->first ? remedy_for(r->first) : "");
}

// --- the input ----------------------------------------------------------------------------------------------------

static const char *fault_of_input(const cv_graph_value *in, int examples, char *why, size_t size) {
    int64_t count = 1;
    if (!in->type)
        cv_print(why, size, "the input '%.60s' is a sequence, a map or the like: expected one tensor", in->name);
    else if (!strcmp(in->type, "STRING") || !strcmp(in->type, "BOOL"))
        cv_print(why, size, "the input '%.60s' is of type %s: export the net in float32", in->name, in->type);
    else if (in->dims < 0)
        cv_print(why, size, "the input '%.60s' has no shape: export the net with one, such as [1, 3, 32, 32]",
                 in->name);
    else if (in->dims < 1)
        cv_print(why, size, "the input '%.60s' is a single number", in->name);
    for (int k = 0; !*why && k < in->dims; k++)
        if (k != examples && (in->dim[k] < 1 || in->dim[k] > CV_LIMIT_MAP || (count *= in->dim[k]) > CV_LIMIT_MAP))
            cv_print(why, size,
                     in->dim[k] < 1 ? "size %d of the input '%.60s' is not fixed: export the net with a fixed one"
                                    : "size %d of the input '%.60s' is too large",
                     k, in->name);
    return why;
}

// Of several dimensions the first is that of the examples; the second, where a recurrent operator reads the input as it
// is: [columns, examples, channels].
static int find_examples(const cv_import *d) {
    for (size_t k = 0; k < d->nodes && d->source->dims == 3; k++) {
        const cv_graph_node *n = &d->graph->node[d->order[k]];
        const bool recurrent = !strcmp(n->type, "LSTM") || !strcmp(n->type, "GRU");
        if (recurrent && n->inputs && !strcmp(n->input[0], d->source->name) && !cv_import_whole(n, "layout", 0))
            return 1;
    }
    return d->source->dims > 1 ? 0 : -1;
}

static convo_status set_input(cv_import *d, refusals *r) {
    cv_import_value value = {.name = d->source->name, .node = -1, .raw = true};
    char why[256] = "";
    d->examples = find_examples(d);
    if (*fault_of_input(d->source, d->examples, why, sizeof why)) {
        add_reason(r, why);
        value.kind = CV_IMPORT_REFUSED;
    }
    cv_import_view *v = &value.view;
    for (int k = 0; value.kind == CV_IMPORT_LAYER && k < d->source->dims; k++) {
        const bool examples = k == d->examples;
        const int end = k ? v->end[k - 1] : 0;
        const bool has = examples || d->source->dim[k] > 1;
        if (has) v->run[end] = (cv_import_run){examples ? CV_IMPORT_EXAMPLES : k, examples ? 1 : d->source->dim[k], 1};
        v->end[k] = end + has;
    }
    v->dims = value.kind == CV_IMPORT_LAYER ? d->source->dims : 0;
    CV_TRY(cv_net_new(cv_isa_find("baseline"), (cv_shape){1, 1, 1, 1}, &d->net, d->err));
    for (size_t k = 0; k < d->graph->sources; k++) {
        const cv_graph_value *source = &d->graph->source[k];
        if (source != d->source)
            CV_TRY(cv_import_add(d, &(cv_import_value){.name = source->name, .kind = CV_IMPORT_REFUSED}));
    }
    return cv_import_add(d, &value);
}

// --- nodes --------------------------------------------------------------------------------------------------------

static convo_status read_pattern(cv_import *d, const cv_graph_node *n, const cv_import_pattern *layer) {
    const cv_import_value *x = cv_import_find(d, layer->x);
    if (!x || x->kind == CV_IMPORT_CONSTANT) return cv_import_refuse(d, n, "does not read the output of a layer");
    cv_import_value from = *x;
    CV_TRY(cv_import_declare(d, n, NULL, &from));
    CV_TRY(cv_import_pad(d, n, 0, &from));
    return cv_import_layer(d, n, layer->op->name, NULL, 0, &from, NULL, layer->y);
}

static bool reads_refused(const cv_import *d, const cv_graph_node *n) {
    for (size_t i = 0; i < n->inputs; i++) {
        const cv_import_value *v = *n->input[i] ? cv_import_find(d, n->input[i]) : NULL;
        if (v && v->kind == CV_IMPORT_REFUSED) return true;
    }
    return false;
}

static convo_status check_operator(const cv_graph_node *n, known *operator, refusals * r) {
    const bool found = find_operator(n->type, operator);
    bool good = found;
    if (!found && !r->first) r->first = n->type;
    if (!found) cv_name_list_add(&r->types, "%.30s '%.60s'", n->type, n->name);
    for (size_t a = 0; found && a < n->attributes; a++) {
        if (knows(operator->is.attributes, n->attribute[a].name)) continue;
        good = false;
        cv_name_list_add(&r->attributes, "%.30s of %.30s '%.50s'", n->attribute[a].name, n->type, n->name);
    }
    return good ? CONVO_OK : CONVO_UNSUPPORTED;
}

static convo_status refuse_values(cv_import *d, char *const *names, size_t count) {
    for (size_t o = 0; o < count; o++)
        if (*names[o] && !cv_import_find(d, names[o]))
            CV_TRY(cv_import_add(d, &(cv_import_value){.name = names[o], .kind = CV_IMPORT_REFUSED}));
    return CONVO_OK;
}

// What cannot be read is refused, and its outputs are values that cannot be read. pattern: the node begins one.
static convo_status read_node(cv_import *d, const cv_graph_node *n, const cv_import_pattern *pattern, refusals *r) {
    convo_error *const err = d->err;
    convo_error one = {0};
    known operator;
    bool done = false;
    if (!n->outputs) return CONVO_OK;
    if (!pattern) CV_TRY(cv_import_fold(d, n, &done));
    if (done) return CONVO_OK;
    char *const *outputs = pattern ? (char *const *)&pattern->y : n->output;
    const size_t count = pattern ? 1 : n->outputs;
    if ((!pattern && check_operator(n, &operator, r)) || reads_refused(d, n)) return refuse_values(d, outputs, count);
    d->err = &one;
    convo_status status = pattern ? read_pattern(d, n, pattern) : cv_import_own(d, n, &done);
    if (!pattern && !status && !done) status = cv_import_attention(d, n, &done);
    if (!pattern && !status && !done) status = operator.is.read(d, n);
    d->err = err;
    if (!status) return CONVO_OK;
    if (status != CONVO_UNSUPPORTED && status != CONVO_SHAPE) {
        if (err) *err = one;
        return status;
    }
    add_reason(r, one.message);
    return refuse_values(d, outputs, count);
}

// The net's output is a vector: one number for each class.
static convo_status set_output(cv_import *d, refusals *r) {
    const cv_import_value *last = cv_import_find(d, d->result);
    if (r->texts || r->types.count || r->attributes.count) return CONVO_OK;
    if (!last) return cv_fail(d->err, CONVO_FORMAT, d->path, "no node produces the output '%.100s'", d->result);
    if (last->kind != CV_IMPORT_LAYER || last->node < 0)
        return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                       last->kind == CV_IMPORT_CONSTANT ? "the output '%.100s' does not depend on the input"
                                                        : "the output '%.100s' is not produced by a layer",
                       d->result);
    cv_import_value value = *last;
    const cv_graph_node at = {.type = "Output", .name = (char *)(uintptr_t)d->result};
    int wide = 0;
    for (int k = 0; k < value.view.dims; k++) wide += cv_import_size(&value.view, k) > 1;
    if (wide > 1) {
        char shape[48];
        cv_shape_text(cv_import_shape(d, &value), shape, sizeof shape);
        return cv_fail(d->err, CONVO_UNSUPPORTED, d->path,
                       "its output '%.60s' is maps or a table, %s: convo's models give one number for each class",
                       d->result, shape);
    }
    CV_TRY(cv_import_vector(d, &at, &value));
    d->output = value.node;
    return CONVO_OK;
}

static convo_status read_nodes(cv_import *d) {
    refusals r = {0};
    if (*d->several) add_reason(&r, d->several);
    CV_TRY(set_input(d, &r));
    for (size_t k = 0; k < d->nodes; k++) {
        const size_t at = d->order[k];
        const cv_graph_node *n = &d->graph->node[at];
        if (d->layer[at].op) CV_TRY(read_node(d, n, &d->layer[at], &r));
        if (!d->claimed[at]) CV_TRY(read_node(d, n, NULL, &r));
    }
    CV_TRY(report(d, &r));
    return set_output(d, &r);
}

static convo_status add_constants(cv_import *d) {
    size_t total = 1 << 20;
    for (size_t k = 0; k < d->graph->constants; k++) {
        const cv_constant *c = &d->graph->constant[k];
        total += 2 * c->count;
        CV_TRY(cv_import_add(d, &(cv_import_value){.name = c->name, .kind = CV_IMPORT_CONSTANT, .constant = k}));
    }
    d->folds_left = total;
    return CONVO_OK;
}

// Nodes that read constants alone.
static convo_status fold_constants(cv_import *d) {
    for (size_t k = 0; k < d->nodes; k++) {
        bool done;
        CV_TRY(cv_import_fold(d, &d->graph->node[d->order[k]], &done));
        if (done) d->claimed[d->order[k]] = true;
    }
    return CONVO_OK;
}

convo_status cv_import_read(cv_import *d) {
    d->claimed = cv_alloc(d->graph->nodes + 1, sizeof *d->claimed);
    d->layer = cv_alloc(d->graph->nodes + 1, sizeof *d->layer);
    convo_status status = d->claimed && d->layer ? CONVO_OK : cv_no_memory(d->err, d->path);
    if (!status) status = cv_import_order(d);
    if (!status) status = add_constants(d);
    if (!status) status = fold_constants(d);
    if (!status) status = cv_import_find_patterns(d);
    return status ? status : read_nodes(d);
}

void cv_import_free(cv_import *d) {
    for (size_t k = 0; k < d->normals; k++) free(d->normal[k].mean);
    free(d->normal);
    cv_net_free(d->net);
    free(d->order);
    free(d->value);
    free(d->claimed);
    free(d->layer);
    free(d->scores);
}
