// Layers whose text depends on their options and shapes, which are found by trying what the graph leaves open; and the
// recurrent operators of other exporters.
#include "exchange/import_pattern.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
    for (size_t k = 0; k < d->nodes; k++) {
        const cv_graph_node *next = &d->graph->node[d->order[k]];
        if (next->inputs && !strcmp(next->input[0], n->output[0])) return next;
    }
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
    cv_import_list start;
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

// What a layer reads: a value, and how it is to lie: it may be a view, or a vector where the columns have become one.
typedef struct reading {
    const cv_import_value *value;
    const cv_import_layout *layout;
    cv_shape shape;
} reading;

// The layer that a pattern stands for, and its tensors.
static convo_status add_own(cv_import *d, const cv_graph_node *n, const cv_pattern *p, const cv_op *op,
                            const void *config, const reading *x, const cv_setting *s, int count, bool *done) {
    const cv_shape in = x->shape;
    cv_import_value made = *x->value;
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
        const cv_shape now = cv_import_shape(d, &made);
        if (!cv_import_is_plain(d, &made) || now.dims != in.dims || now.c != in.c || now.h != in.h || now.w != in.w)
            status = cv_import_arrange(d, n, x->layout, &made);
        if (!status) status = cv_import_fresh(d, n, op->name, s, count, &made);
    }
    for (int t = 0; fits && !status && t < tensors; t++) {
        float *copy = cv_alloc(size[t] + 1, sizeof *copy);
        if (copy) memcpy(copy, values + (at[t] - at[0]), size[t] * sizeof *copy);
        status = cv_import_tensor(d, n, spec[t].name, copy, size[t]);
    }
    if (fits && !status) status = cv_import_name(d, &made, cv_pattern_claim(d, p));
    free(numbers);
    free(values);
    return status;
}

static size_t position_of(const cv_import *d, const cv_graph_node *n) {
    size_t k = 0;
    while (k < d->nodes && &d->graph->node[d->order[k]] != n) k++;
    return k;
}

static convo_status try_own(cv_import *d, const cv_graph_node *n, const own *o, const reading *x, bool *done) {
    const cv_op *op = cv_op_find(cv_isa_find("baseline"), o->op);
    void *config = cv_alloc(1, op->config_size + 1);
    convo_status status = config ? CONVO_OK : cv_no_memory(d->err, d->path);
    cv_setting s[MOST_SETTINGS];
    int count;
    for (int k = 0; !status && !*done && (count = o->set(d, n, x->shape, k, s)) >= 0; k++) {
        char text[2048];
        cv_pattern p = {.import = d};
        if (!text_of(op, s, count, x->shape, config, text, sizeof text)) continue;
        if (cv_graph_parse(&p.text, text, NULL) && p.text.nodes <= CV_PATTERN_NODES &&
            cv_pattern_fits(&p, position_of(d, n)))
            status = add_own(d, n, &p, op, config, x, s, count, done);
        cv_graph_free(&p.text);
    }
    free(config);
    return status;
}

// The net's input stays undecided where it is not that.
convo_status cv_import_own(cv_import *d, const cv_graph_node *n, bool *done) {
    *done = false;
    for (size_t k = 0; !*done && k < CV_COUNT(owns); k++) {
        const cv_import_value *value =
            n->inputs && !strcmp(owns[k].type, n->type) ? cv_import_find(d, n->input[0]) : NULL;
        cv_import_layout l;
        if (!value || value->kind != CV_IMPORT_LAYER || !cv_import_maps(&value->view, &l) || l.dims != owns[k].dims)
            continue;
        cv_import_value x = *value;
        const int moves = d->moves;
        if (x.pad[0] | x.pad[1] | x.pad[2] | x.pad[3]) continue;
        CV_TRY(cv_import_declare(d, n, NULL, &x));
        const cv_shape in = {l.dims, cv_import_size(&x.view, 1), l.dims == 3 ? cv_import_size(&x.view, 2) : 1,
                             cv_import_size(&x.view, l.dims)};
        if (cv_shape_size(in) == cv_shape_size(cv_import_shape(d, &x)))
            CV_TRY(try_own(d, n, &owns[k], &(reading){&x, &l, in}, done));
        if (!*done) d->moves = moves;
    }
    return CONVO_OK;
}

// --- recurrent operators ------------------------------------------------------------------------------------------

// An input is not there, or this number throughout.
static bool is_only(const cv_import *d, const cv_graph_node *n, size_t input, double number) {
    return !cv_import_has(n, input) || cv_import_is_all(d, n, input, number);
}

// The usual functions, which may be listed in capitals or not.
static bool has_usual_functions(const cv_graph_node *n) {
    static const char *const usual[] = {"Sigmoid Tanh", "Sigmoid Tanh Tanh", "Sigmoid Tanh Sigmoid Tanh",
                                        "Sigmoid Tanh Tanh Sigmoid Tanh Tanh"};
    const cv_attribute *a = cv_graph_attribute(n, "activations");
    for (size_t k = 0; a && a->text && k < CV_COUNT(usual); k++)
        if (!strcasecmp(a->text, usual[k])) return true;
    return !a;
}

static bool reads_output(const cv_import *d, const cv_graph_node *n, size_t output) {
    if (output >= n->outputs || !*n->output[output]) return false;
    if (!strcmp(n->output[output], d->result)) return true;
    for (size_t k = 0; k < d->nodes; k++) {
        const cv_graph_node *reader = &d->graph->node[d->order[k]];
        for (size_t i = 0; i < reader->inputs; i++)
            if (!strcmp(reader->input[i], n->output[output])) return true;
    }
    return false;
}

// The tensors of a layer from W, R and B: those of its own ONNX text.
static convo_status set_gates(cv_import *d, const cv_graph_node *n, const cv_import_value *x) {
    static const char *const names[] = {"W0", "R0", "B0"};
    const cv_node *node = &d->net->node[d->net->nodes - 1];
    (void)x;
    cv_tensor spec[CV_MAX_TENSORS];
    float *at[CV_MAX_TENSORS] = {NULL};
    size_t size[CV_MAX_TENSORS], all = 0;
    const int tensors = node->op->tensors(node->config, node->in, spec);
    float *numbers = number_elements(spec, tensors, at, size);
    for (int t = 0; t < tensors; t++) all += size[t];
    float *values = numbers ? cv_alloc(all + 1, sizeof *values) : NULL;
    convo_status status = values ? CONVO_OK : cv_no_memory(d->err, d->path);
    for (size_t k = 0; !status && k < 3; k++) {
        const cv_constant *c = cv_import_constant(d, n, k + 1);
        if (!c && k == 2 && !cv_import_has(n, 3)) continue;
        if (!c || !take_constant(node->op, node->config, node->in, spec, tensors, at, names[k], c, values))
            status = cv_import_refuse(d, n, "has weights that are not constant, or of another size");
    }
    for (int t = 0; !status && t < tensors; t++) {
        float *copy = cv_alloc(size[t] + 1, sizeof *copy);
        if (copy) memcpy(copy, values + (at[t] - at[0]), size[t] * sizeof *copy);
        status = cv_import_tensor(d, n, spec[t].name, copy, size[t]);
    }
    free(numbers);
    free(values);
    return status;
}

// Y [columns, directions, N, hidden], or Y_h [directions, N, hidden], the state behind the last column.
static convo_status add_recurrent(cv_import *d, const cv_graph_node *n, bool last, const cv_import_value *from) {
    const cv_attribute *direction = cv_graph_attribute(n, "direction");
    const bool both = direction && direction->text && !strcmp(direction->text, "bidirectional");
    const int64_t hidden = cv_import_whole(n, "hidden_size", 0), directions = both ? 2 : 1;
    const int64_t batch = cv_import_batch(d);
    cv_import_value x = *from;
    cv_setting s[4];
    write_setting(&s[0], "hidden", "%" PRId64, hidden);
    write_setting(&s[1], "bidirectional", both ? "true" : "false");
    write_setting(&s[2], "output", last ? "last" : "all");
    write_setting(&s[3], "bias", cv_import_has(n, 3) ? "true" : "false");
    CV_TRY(cv_import_fresh(d, n, !strcmp(n->type, "GRU") ? "gru" : "lstm", s, 4, &x));
    CV_TRY(set_gates(d, n, from));
    const int64_t to[] = {CV_IMPORT_BATCH, directions, hidden, cv_import_shape(d, &x).w};
    if (!cv_import_reshape(&x.view, to, last ? 3 : 4, batch)) return cv_import_refuse(d, n, "has no outputs");
    cv_import_permute(&x.view, last ? (const int64_t[]){1, 0, 2} : (const int64_t[]){3, 1, 0, 2});
    return cv_import_name(d, &x, n->output[last]);
}

static convo_status read_recurrent(cv_import *d, const cv_graph_node *n) {
    const bool gru = !strcmp(n->type, "GRU");
    const cv_attribute *direction = cv_graph_attribute(n, "direction");
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if ((direction && direction->text && !strcmp(direction->text, "reverse")) || !has_usual_functions(n) ||
        cv_import_whole(n, "layout", 0) || cv_import_whole(n, "input_forget", 0) || !is_only(d, n, 5, 0) ||
        (!gru && (!is_only(d, n, 6, 0) || !is_only(d, n, 7, 0))) ||
        (gru && !cv_import_whole(n, "linear_before_reset", 0)))
        return cv_import_refuse(d, n,
                                "is not in the form of PyTorch's: forward or in both directions, with its usual "
                                "functions, from a state of zeros%s",
                                gru ? ", linear_before_reset 1" : "");
    if (reads_output(d, n, 2)) return cv_import_refuse(d, n, "gives its cell state: only outputs can be read");
    if (x.view.dims != 3 || !cv_import_is_examples(&x.view, 1) || cv_import_size(&x.view, 0) < 1)
        return cv_import_refuse(d, n, "does not read a tensor of columns, examples and channels");
    if (!is_only(d, n, 4, (double)cv_import_size(&x.view, 0)))
        return cv_import_refuse(d, n, "has sequence_lens: every example is read to its last column");
    const cv_import_layout l = {.dims = 2, .count = {1, 0, 1}, .dim = {{2}, {0}, {0}}};
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    if (reads_output(d, n, 0)) CV_TRY(add_recurrent(d, n, false, &x));
    return reads_output(d, n, 1) ? add_recurrent(d, n, true, &x) : CONVO_OK;
}

#define RECURRENT "hidden_size direction activations layout"
const cv_import_operator cv_import_recurrent[] = {
    {"GRU", read_recurrent, RECURRENT " linear_before_reset"},
    {"LSTM", read_recurrent, RECURRENT " input_forget"},
    {0},
};
