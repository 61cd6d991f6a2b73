// Layers that are several nodes of a graph: those whose text says which, and those whose text depends on their options,
// which are found by trying what the graph leaves open.
#include "exchange/import.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NODES = 40, NEARBY = 256 }; // a pattern's nodes lie so close together

// The nodes of a layer's text, and the nodes and constants of the graph that they stand for.
typedef struct pattern {
    const cv_import *import;
    cv_graph text;
    const cv_graph_node *found[MOST_NODES];
    const char *x; // what the first one reads
    struct {
        const char *name; // of the text
        const cv_constant *constant;
    } bound[MOST_NODES];
    size_t count;
} pattern;

// The value of the graph that a name of the text stands for; NULL: not known yet.
static const char *value_found(const pattern *p, const char *name) {
    if (!strcmp(name, "x")) return p->x;
    for (size_t k = 0; k < p->text.nodes && p->found[k]; k++)
        for (size_t o = 0; o < p->text.node[k].outputs; o++)
            if (!strcmp(p->text.node[k].output[o], name)) return p->found[k]->output[o];
    return NULL;
}

static bool is_made(const pattern *p, const char *name) {
    for (size_t k = 0; k < p->text.nodes; k++)
        for (size_t o = 0; o < p->text.node[k].outputs; o++)
            if (!strcmp(p->text.node[k].output[o], name)) return true;
    return false;
}

// A number or a list of them.
static bool constant_fits(const pattern *p, const cv_constant *expected, const cv_graph_node *node, size_t input) {
    cv_import_value list;
    double number;
    if (expected->type != CV_CONST_I64)
        return cv_import_scalar(p->import, node, input, &number) &&
               fabs(number - cv_import_element(expected, 0)) <= 1e-6 * fabs(cv_import_element(expected, 0));
    return cv_import_wholes(p->import, node, "", input, &list) && list.count == (int)expected->count &&
           !memcmp(list.whole, expected->data, expected->count * sizeof *list.whole);
}

static bool bind(pattern *p, const char *name, const cv_constant *constant) {
    for (size_t k = 0; k < p->count; k++)
        if (!strcmp(p->bound[k].name, name)) return p->bound[k].constant == constant;
    if (!constant || p->count == MOST_NODES) return false;
    p->bound[p->count].name = name;
    p->bound[p->count++].constant = constant;
    return true;
}

static bool input_fits(pattern *p, const char *name, const cv_graph_node *node, size_t input) {
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

// Sums and products may have their factors in either order.
static bool node_fits(pattern *p, size_t k, const cv_graph_node *node) {
    const cv_graph_node *expected = &p->text.node[k];
    const bool either = !strcmp(node->type, "Add") || !strcmp(node->type, "Mul");
    if (strcmp(node->type, expected->type) != 0 || node->inputs != expected->inputs ||
        node->outputs < expected->outputs || !attributes_fit(expected, node))
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

static size_t count_readers(const cv_graph *graph, const char *value) {
    size_t count = 0;
    for (size_t k = 0; k < graph->nodes; k++)
        for (size_t i = 0; i < graph->node[k].inputs; i++) count += !strcmp(graph->node[k].input[i], value);
    return count;
}

// What lies between the nodes must be read by them alone.
static bool is_apart(const pattern *p) {
    const cv_graph *graph = p->import->graph;
    for (size_t k = 0; k < p->text.nodes; k++)
        for (size_t o = 0; o < p->found[k]->outputs; o++) {
            const char *value = p->found[k]->output[o],
                       *name = o < p->text.node[k].outputs ? p->text.node[k].output[o] : "";
            if (!*value || (k + 1 == p->text.nodes && o == 0)) continue;
            if (!strcmp(value, graph->output.name) ||
                count_readers(graph, value) != (*name ? count_readers(&p->text, name) : 0))
                return false;
        }
    return true;
}

static bool is_taken(const pattern *p, const cv_graph_node *node) {
    for (size_t k = 0; k < p->text.nodes && p->found[k]; k++)
        if (p->found[k] == node) return true;
    return p->import->claimed[node - p->import->graph->node];
}

static bool pattern_fits(pattern *p, size_t first) {
    const cv_graph *graph = p->import->graph;
    memset(p->found, 0, sizeof p->found);
    p->x = NULL;
    p->count = 0;
    for (size_t k = 0; k < p->text.nodes; k++) {
        for (size_t n = first; !p->found[k] && n < graph->nodes && n < first + (k ? NEARBY : 1); n++)
            if (!is_taken(p, &graph->node[n]) && node_fits(p, k, &graph->node[n])) p->found[k] = &graph->node[n];
        if (!p->found[k]) return false;
    }
    return is_apart(p);
}

static const char *claim_nodes(cv_import *d, const pattern *p) {
    for (size_t k = 0; k < p->text.nodes; k++) d->claimed[p->found[k] - d->graph->node] = true;
    return p->found[p->text.nodes - 1]->output[0];
}

// --- texts without options ----------------------------------------------------------------------------------------

static bool is_pattern(const cv_op *op) {
    return op->kind == CV_LAYER && op->onnx && !op->tensors && op->inputs <= 1 && strchr(op->onnx, ';') &&
           !strpbrk(op->onnx, "{[");
}

convo_status cv_import_find_patterns(cv_import *d) {
    const cv_isa *isa = cv_isa_find("baseline");
    for (int o = 0; o < isa->op_count; o++) {
        pattern p = {.import = d};
        if (!is_pattern(isa->ops[o])) continue;
        const bool done = cv_graph_parse(&p.text, isa->ops[o]->onnx, NULL) && p.text.nodes <= MOST_NODES;
        for (size_t n = 0; done && n < d->graph->nodes; n++) {
            if (d->claimed[n] || !pattern_fits(&p, n)) continue;
            d->layer[n] = (cv_import_pattern){isa->ops[o], p.x, claim_nodes(d, &p)};
        }
        cv_graph_free(&p.text);
        if (!done) return cv_no_memory(d->err, d->path);
    }
    return CONVO_OK;
}

// --- texts that depend on options and shapes ----------------------------------------------------------------------

enum { MOST_SETTINGS = 5 };

// A layer that may begin at a node. set: fills the options of try number k; returns how many, -1: no more tries.
typedef struct own {
    const char *op, *type; // type: of the first node
    int dims;              // of what it reads; 0: any
    int (*set)(const cv_import *d, const cv_graph_node *n, cv_shape in, int k, cv_setting *s);
} own;

static void write_setting(cv_setting *s, const char *name, const char *format, ...) CV_PRINTF(3, 4);
static void write_setting(cv_setting *s, const char *name, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(s->text, sizeof s->text, format, args);
    va_end(args);
    s->name = name;
}

// The node behind n, of any of its readers; NULL: there is none.
static const cv_graph_node *node_behind(const cv_import *d, const cv_graph_node *n) {
    for (size_t k = 0; k < d->graph->nodes; k++)
        if (d->graph->node[k].inputs && !strcmp(d->graph->node[k].input[0], n->output[0])) return &d->graph->node[k];
    return NULL;
}

// Layers 1 to 4, all columns or the last.
static int set_recurrent(const cv_import *d, const cv_graph_node *n, int k, cv_setting *s, const char *type) {
    enum { LAYERS = 4 };
    const cv_graph_node *cell = node_behind(d, n);
    if (!cell || strcmp(cell->type, type) != 0 || k >= 2 * LAYERS) return -1;
    const cv_attribute *direction = cv_graph_attribute(cell, "direction");
    const bool both = direction && direction->text && !strcmp(direction->text, "bidirectional");
    write_setting(&s[0], "hidden", "%" PRId64, cv_import_whole(cell, "hidden_size", 0));
    write_setting(&s[1], "layers", "%d", k / 2 + 1);
    write_setting(&s[2], "bidirectional", both ? "true" : "false");
    write_setting(&s[3], "output", k % 2 ? "last" : "all");
    write_setting(&s[4], "bias", cv_import_has(cell, 3) ? "true" : "false");
    return 5;
}
static int set_gru(const cv_import *d, const cv_graph_node *n, cv_shape in, int k, cv_setting *s) {
    (void)in;
    return set_recurrent(d, n, k, s, "GRU");
}
static int set_lstm(const cv_import *d, const cv_graph_node *n, cv_shape in, int k, cv_setting *s) {
    (void)in;
    return set_recurrent(d, n, k, s, "LSTM");
}

// With and without biases; as many heads as divide the channels.
static int set_attention(const cv_import *d, const cv_graph_node *n, cv_shape in, int k, cv_setting *s) {
    const cv_graph_node *product = node_behind(d, n);
    int heads = k / 4 + 1;
    if (!product || strcmp(product->type, "MatMul") != 0 || heads > in.c || heads > 1 << 10) return -1;
    write_setting(&s[0], "heads", "%d", in.c % heads ? 1 : heads); // one that does not divide tries 1 again
    write_setting(&s[1], "bias", k % 2 ? "false" : "true");
    write_setting(&s[2], "qkv_bias", k / 2 % 2 ? "false" : "true");
    return 3;
}

static int set_nothing(const cv_import *d, const cv_graph_node *n, cv_shape in, int k, cv_setting *s) {
    (void)d, (void)n, (void)in, (void)s;
    return k ? -1 : 0;
}

static int set_column(const cv_import *d, const cv_graph_node *n, cv_shape in, int k, cv_setting *s) {
    cv_import_value start;
    (void)in;
    if (k || !cv_import_wholes(d, n, "starts", 1, &start) || start.count != 1) return -1;
    write_setting(&s[0], "at", "%" PRId64, start.whole[0]);
    return 1;
}

static int set_adaptive(const cv_import *d, const cv_graph_node *n, cv_shape in, int k, cv_setting *s) {
    const cv_constant *columns = cv_import_constant(d, n, 1);
    const cv_graph_node *next = cv_import_only_reader(d, n->output[0]);
    const cv_constant *rows = next && in.dims == 3 ? cv_import_constant(d, next, 0) : NULL;
    if (k || !columns || columns->dims != 2 || (in.dims == 3 && (!rows || rows->dims != 2))) return -1;
    if (in.dims == 3)
        write_setting(&s[0], "out", "[%" PRId64 ", %" PRId64 "]", rows->dim[0], columns->dim[1]);
    else
        write_setting(&s[0], "out", "%" PRId64, columns->dim[1]);
    return 1;
}

static const own owns[] = {
    {"gru", "Transpose", 2, set_gru},
    {"lstm", "Transpose", 2, set_lstm},
    {"attention", "Transpose", 2, set_attention},
    {"class_token", "Pad", 2, set_nothing},
    {"position_embedding", "Add", 2, set_nothing},
    {"column", "Slice", 2, set_column},
    {"adaptiveavgpool1d", "MatMul", 2, set_adaptive},
    {"adaptiveavgpool2d", "MatMul", 3, set_adaptive},
};

// Options and shape in, text out; false: the op refuses.
static bool text_of(const cv_op *op, const cv_setting *s, int count, cv_shape in, void *config, char *text,
                    size_t size) {
    char why[256];
    cv_shape out = in;
    cv_options_default(op->schema, config);
    for (int k = 0; k < count; k++)
        if (!cv_option_set(cv_option_find(op->schema, s[k].name), config, s[k].text, why, sizeof why)) return false;
    return (!op->infer || op->infer(config, &in, &out, why, sizeof why)) &&
           op->say_onnx(config, in, (cv_shape){0}, out, text, size);
}

// Numbers 1, 2, ... for the elements of all tensors, one tensor behind the other: where they turn up in a constant says
// where its elements come from. at: of each tensor. NULL: there is no memory.
static float *number_elements(const cv_tensor *spec, int tensors, float *at[CV_MAX_TENSORS],
                              size_t count[CV_MAX_TENSORS]) {
    size_t all = 0;
    for (int t = 0; t < tensors; t++) {
        count[t] = 1;
        for (int k = 0; k < spec[t].dims; k++) count[t] *= (size_t)spec[t].dim[k];
        all += count[t];
    }
    float *numbers = all < 1 << 24 ? cv_alloc(all + 1, sizeof *numbers) : NULL; // as far as floats count
    for (size_t i = 0; numbers && i < all; i++) numbers[i] = (float)(i + 1);
    for (int t = 0, done = 0; numbers && t < tensors; done += (int)count[t++]) at[t] = numbers + done;
    return numbers;
}

// One constant of the graph into the tensors' values; false: it is not what the text's would be.
static bool take_constant(const cv_op *op, const void *config, cv_shape in, const cv_tensor *spec, int tensors,
                          float *const at[], const char *name, const cv_constant *c, float *values) {
    int64_t dim[CV_GRAPH_DIMS] = {0};
    for (int t = 0; t < tensors; t++)
        if (!strcmp(spec[t].name, name)) {
            size_t size = 1;
            for (int k = 0; k < spec[t].dims; k++) size *= (size_t)spec[t].dim[k];
            for (size_t i = 0; i < size && size == c->count; i++)
                values[at[t] - at[0] + (ptrdiff_t)i] = (float)cv_import_element(c, i);
            return size == c->count;
        }
    const int dims = op->constant ? op->constant(config, in, name, (const float *const *)at, dim, NULL) : 0;
    bool same = dims && c->dims >= dims;
    for (int k = 0; same && k < c->dims; k++)
        same = c->dim[k] == (k < c->dims - dims ? 1 : dim[k - c->dims + dims]); // ones in front
    float *from = same ? cv_alloc(c->count + 1, sizeof *from) : NULL;
    if (!from) return false;
    op->constant(config, in, name, (const float *const *)at, dim, from);
    for (size_t i = 0; same && i < c->count; i++) {
        const float value = (float)cv_import_element(c, i);
        if (tensors && from[i] >= 1)
            values[(size_t)from[i] - 1] = value;
        else
            same = fabsf(value - from[i]) <= 1e-6f * fabsf(from[i]);
    }
    free(from);
    return same;
}

// The layer that a pattern stands for, and its tensors.
static convo_status add_own(cv_import *d, const cv_graph_node *n, const pattern *p, const cv_op *op, const void *config,
                            const cv_import_value *x, const cv_setting *s, int count, bool *done) {
    const cv_shape in = cv_import_shape(d, x);
    cv_tensor spec[CV_MAX_TENSORS];
    float *at[CV_MAX_TENSORS] = {NULL};
    size_t size[CV_MAX_TENSORS], all = 0;
    const int tensors = op->tensors ? op->tensors(config, in, spec) : 0;
    float *numbers = number_elements(spec, tensors, at, size);
    for (int t = 0; t < tensors; t++) all += size[t];
    float *values = numbers ? cv_alloc(all + 1, sizeof *values) : NULL;
    bool fits = values;
    for (size_t k = 0; fits && k < p->count; k++)
        fits = take_constant(op, config, in, spec, tensors, at, p->bound[k].name, p->bound[k].constant, values);
    convo_status status = CONVO_OK;
    if (fits) {
        *done = true;
        status = cv_import_layer(d, n, op->name, s, count, x, NULL, claim_nodes(d, p));
    }
    for (int t = 0; fits && !status && t < tensors; t++) {
        float *copy = cv_alloc(size[t] + 1, sizeof *copy);
        if (copy) memcpy(copy, values + (at[t] - at[0]), size[t] * sizeof *copy);
        status = cv_import_tensor(d, n, spec[t].name, copy, size[t]);
    }
    free(numbers);
    free(values);
    return status;
}

static convo_status try_own(cv_import *d, const cv_graph_node *n, const own *o, const cv_import_value *x, bool *done) {
    const cv_op *op = cv_op_find(cv_isa_find("baseline"), o->op);
    void *config = cv_alloc(1, op->config_size + 1);
    convo_status status = config ? CONVO_OK : cv_no_memory(d->err, d->path);
    cv_setting s[MOST_SETTINGS];
    int count;
    for (int k = 0; !status && !*done && (count = o->set(d, n, cv_import_shape(d, x), k, s)) >= 0; k++) {
        char text[2048];
        pattern p = {.import = d};
        if (!text_of(op, s, count, cv_import_shape(d, x), config, text, sizeof text)) continue;
        if (cv_graph_parse(&p.text, text, NULL) && p.text.nodes <= MOST_NODES &&
            pattern_fits(&p, (size_t)(n - d->graph->node)))
            status = add_own(d, n, &p, op, config, x, s, count, done);
        cv_graph_free(&p.text);
    }
    free(config);
    return status;
}

convo_status cv_import_own(cv_import *d, const cv_graph_node *n, bool *done) {
    *done = false;
    for (size_t k = 0; !*done && k < CV_COUNT(owns); k++) {
        const cv_import_value *value =
            n->inputs && !strcmp(owns[k].type, n->type) ? cv_import_find(d, n->input[0]) : NULL;
        if (!value || value->kind != CV_IMPORT_LAYER) continue;
        cv_import_value x = *value;
        if (owns[k].dims && cv_import_shape(d, &x).dims != owns[k].dims) continue;
        if (x.pad[0] | x.pad[1] | x.pad[2] | x.pad[3]) continue;
        CV_TRY(try_own(d, n, &owns[k], &x, done));
    }
    return CONVO_OK;
}

static convo_status refuse_recurrent(cv_import *d, const cv_graph_node *n) {
    return cv_import_refuse(d, n,
                            "is not in the form of PyTorch's: forward or in both directions, with its usual functions, "
                            "over the columns of (channels, columns)");
}

const cv_import_operator cv_import_recurrent[] = {
    {"GRU", refuse_recurrent, "hidden_size linear_before_reset direction"},
    {"LSTM", refuse_recurrent, "hidden_size direction"},
    {0},
};
