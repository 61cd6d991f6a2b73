// Sums and products: of two values, and of a value and constants. The latter are the normalisation of the net's input,
// or a batch norm whose statistics are 0 and 1.
#include "exchange/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool cv_import_varies(const cv_constant *c, int dims, int *first, int *count) {
    int last = -1;
    *first = -1;
    for (int k = 0; k < c->dims; k++) {
        if (c->dim[k] == 1) continue;
        if (*first < 0) *first = k + dims - c->dims;
        last = k + dims - c->dims;
    }
    *count = *first < 0 ? (*first = 0) : last - *first + 1;
    for (int k = 0; k < *count; k++) // a 1 between may not be spread
        if (c->dim[*first + k - dims + c->dims] == 1 && *count > 1) return false;
    return *first >= 0 && c->dims <= dims + (*count ? 0 : CV_GRAPH_DIMS);
}

static float *same_numbers(size_t count, float number) {
    float *values = cv_alloc(count, sizeof *values);
    for (size_t i = 0; values && i < count; i++) values[i] = number;
    return values;
}

convo_status cv_import_affine(cv_import *d, const cv_graph_node *n, float *weight, float *bias, cv_import_value *x) {
    const cv_setting exact = {"eps", "0"};
    CV_TRY(cv_import_declare(d, n, NULL, x));
    const size_t count = (size_t)cv_import_shape(d, x).c;
    convo_status status = cv_import_apply(d, n, "batchnorm", &exact, 1, x, NULL);
    if (status) {
        free(weight);
        free(bias);
        return status;
    }
    status = cv_import_tensor(d, n, "weight", weight ? weight : same_numbers(count, 1), count);
    if (status) {
        free(bias);
        return status;
    }
    CV_TRY(cv_import_tensor(d, n, "bias", bias ? bias : same_numbers(count, 0), count));
    CV_TRY(cv_import_tensor(d, n, "running_mean", same_numbers(count, 0), count));
    return cv_import_tensor(d, n, "running_var", same_numbers(count, 1), count);
}

convo_status cv_import_scale(cv_import *d, const cv_graph_node *n, double weight, double bias, cv_import_value *x) {
    CV_TRY(cv_import_declare(d, n, NULL, x));
    const size_t count = (size_t)cv_import_shape(d, x).c;
    float *w = same_numbers(count, (float)weight), *b = same_numbers(count, (float)bias);
    if (w && b) return cv_import_affine(d, n, w, b, x);
    free(w);
    free(b);
    return cv_no_memory(d->err, d->path);
}

// --- a value and constants ----------------------------------------------------------------------------------------

const cv_graph_node *cv_import_bias_behind(const cv_import *d, const cv_graph_node *n, int dims, int dim,
                                           int64_t outputs, const cv_constant **bias) {
    const cv_graph_node *next = cv_import_only_reader(d, n->output[0]);
    int first, count;
    if (!next || strcmp(next->type, "Add") != 0 || next->inputs != 2 || next->outputs != 1) return NULL;
    const cv_constant *c = cv_import_constant(d, next, strcmp(next->input[0], n->output[0]) ? 0 : 1);
    if (!c || cv_graph_attribute(next, "axis") || !cv_import_varies(c, dims, &first, &count)) return NULL;
    if (count && (count != 1 || first != dim || (int64_t)c->count != outputs)) return NULL;
    *bias = c;
    return next;
}

// weight x + bias, along some dimensions of x.
typedef struct affine {
    int first, count;
    size_t size;
    double *weight, *bias; // [size]
} affine;

typedef struct operand {
    const cv_constant *c;
    size_t at; // the input that it is
    int first, count;
} operand;

static bool is_operation(const cv_graph_node *n) {
    return (!strcmp(n->type, "Add") || !strcmp(n->type, "Sub") || !strcmp(n->type, "Mul") || !strcmp(n->type, "Div")) &&
           n->inputs == 2 && n->outputs == 1;
}

// Old versions say with an axis where the constant's dimensions stand.
static bool find_operand(const cv_import *d, const cv_graph_node *n, const cv_import_view *v, operand *o) {
    o->at = cv_import_constant(d, n, 0) ? 0 : 1;
    o->c = cv_import_constant(d, n, o->at);
    if (!o->c || !cv_import_varies(o->c, v->dims, &o->first, &o->count)) return false;
    const int own = o->first - v->dims + o->c->dims; // its own first dimension
    if (cv_graph_attribute(n, "axis") && o->count) {
        const int axis = cv_import_axis(cv_import_whole(n, "axis", 0), v->dims);
        if (axis < 0 || axis + o->c->dims > v->dims) return false;
        o->first += axis + o->c->dims - v->dims;
    }
    for (int k = 0; k < o->count; k++)
        if (cv_import_size(v, o->first + k) != o->c->dim[own + k]) return false;
    return true;
}

static void put_operand(const cv_graph_node *n, const operand *o, affine *a) {
    for (size_t i = 0; i < a->size; i++) {
        const double c = cv_import_element(o->c, o->c->count == 1 ? 0 : i);
        if (!strcmp(n->type, "Mul") || !strcmp(n->type, "Div")) {
            const double factor = *n->type == 'M' ? c : 1 / c;
            a->weight[i] *= factor;
            a->bias[i] *= factor;
        } else if (!strcmp(n->type, "Add")) {
            a->bias[i] += c;
        } else {
            a->weight[i] *= o->at ? 1 : -1;
            a->bias[i] = o->at ? a->bias[i] - c : c - a->bias[i];
        }
    }
}

// Sums and products with constants of the same dimensions that follow are taken too: the last of them.
static const cv_graph_node *follow_chain(cv_import *d, const cv_graph_node *n, const cv_import_view *v, affine *a) {
    for (;;) {
        operand o;
        const cv_graph_node *next = cv_import_only_reader(d, n->output[0]);
        if (!next || !is_operation(next) || d->claimed[next - d->graph->node] || !find_operand(d, next, v, &o) ||
            (o.count && (o.first != a->first || o.count != a->count)) || (o.at == 0 && *next->type == 'D'))
            return n;
        cv_import_claim(d, next);
        put_operand(next, &o, a);
        n = next;
    }
}

static convo_status add_affine(cv_import *d, const cv_graph_node *n, const affine *a, cv_import_value *x) {
    cv_import_layout l;
    float *w = cv_alloc(a->size, sizeof *w), *b = cv_alloc(a->size, sizeof *b);
    convo_status status = w && b ? CONVO_OK : cv_no_memory(d->err, d->path);
    for (size_t i = 0; !status && i < a->size; i++) {
        w[i] = (float)a->weight[i];
        b[i] = (float)a->bias[i];
    }
    if (!status && !cv_import_channels(&x->view, a->first, a->count, &l))
        status = cv_import_refuse(d, n, "computes with a constant for each example");
    if (!status) status = cv_import_arrange(d, n, &l, x);
    if (!status) return cv_import_affine(d, n, w, b, x);
    free(w);
    free(b);
    return status;
}

static convo_status read_constant_operand(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    operand o;
    bool normalizes;
    const size_t at = cv_import_constant(d, n, 0) ? 1 : 0;
    CV_TRY(cv_import_input(d, n, at, false, &x));
    CV_TRY(cv_import_normalize(d, n, 1 - at, &x, &normalizes));
    if (normalizes) return cv_import_name(d, &x, n->output[0]);
    if (!find_operand(d, n, &x.view, &o))
        return cv_import_refuse(d, n, "computes with a constant of other dimensions than its value has");
    if (o.at == 0 && *n->type == 'D') return cv_import_refuse(d, n, "divides by a value");
    affine a = {.first = o.first, .count = o.count, .size = o.c->count};
    a.weight = cv_alloc(a.size, sizeof *a.weight);
    a.bias = cv_alloc(a.size, sizeof *a.bias);
    convo_status status = a.weight && a.bias ? CONVO_OK : cv_no_memory(d->err, d->path);
    for (size_t i = 0; !status && i < a.size; i++) a.weight[i] = 1;
    if (!status) put_operand(n, &o, &a);
    const cv_graph_node *last = n;
    if (!status) {
        last = follow_chain(d, n, &x.view, &a);
        status = a.count ? add_affine(d, n, &a, &x) : cv_import_scale(d, n, a.weight[0], a.bias[0], &x);
    }
    free(a.weight);
    free(a.bias);
    return status ? status : cv_import_name(d, &x, last->output[0]);
}

// --- two values ---------------------------------------------------------------------------------------------------

// How the larger value lies, if each of its axes is some of its dimensions; else channels first.
static convo_status find_layout(cv_import *d, const cv_graph_node *n, const cv_import_value *y, cv_import_value *x,
                                cv_import_layout *l) {
    CV_TRY(cv_import_declare(d, n, NULL, x));
    *l = (cv_import_layout){.dims = cv_import_shape(d, x).dims};
    const cv_import_view *v = &x->view;
    bool whole = true;
    for (int dim = 0; dim < v->dims; dim++) {
        const int first = dim ? v->end[dim - 1] : 0;
        int axis = -1;
        for (int r = first; r < v->end[dim]; r++) {
            if (v->run[r].axis == CV_IMPORT_EXAMPLES) continue;
            whole = whole && (axis < 0 || axis == v->run[r].axis);
            axis = v->run[r].axis;
        }
        if (axis < 0) continue;
        // y has all of an axis, or one number for it
        whole = whole && (!l->count[axis] ||
                          (cv_import_size(&y->view, dim) == cv_import_size(v, dim)) ==
                              (cv_import_size(&y->view, l->dim[axis][0]) == cv_import_size(v, l->dim[axis][0])));
        l->dim[axis][l->count[axis]++] = dim;
    }
    cv_import_layout other;
    if (!whole && cv_import_channels(v, 1, 1, &other)) *l = other;
    return cv_import_arrange(d, n, l, x);
}

// The smaller value beside it: the same dimensions, some of size 1; or a vector, one number for each channel.
static convo_status put_beside(cv_import *d, const cv_graph_node *n, const cv_import_layout *l, cv_import_value *y) {
    cv_import_layout beside = *l;
    int64_t channels = 1;
    for (int k = 0; k < l->count[0]; k++) channels *= cv_import_size(&y->view, l->dim[0][k]);
    if (cv_import_count(&y->view) == channels) beside.dims = 1;
    CV_TRY(cv_import_arrange(d, n, &beside, y));
    return beside.dims == 1 && cv_import_shape(d, y).dims != l->dims ? cv_import_flatten(d, n, y) : CONVO_OK;
}

// The smaller value has one number for all channels: the channels are those dimensions that both have, the others,
// along which it is spread, pixels.
static bool spreads_channels(const cv_import *d, const cv_import_value *x, const cv_import_value *y,
                             cv_import_layout *l) {
    bool spread = false;
    *l = (cv_import_layout){.dims = 2};
    for (int k = 0; k < x->view.dims; k++) {
        const int64_t size = cv_import_size(&x->view, k);
        const cv_import_run *last = x->view.end[k] ? &x->view.run[x->view.end[k] - 1] : NULL;
        const int axis = cv_import_size(&y->view, k) == size ? 0 : 2;
        if (size <= 1) continue;
        spread = spread || (axis == 2 && (x->raw ? k == 1 : last && last->axis == 0 && cv_import_shape(d, x).c > 1));
        l->dim[axis][l->count[axis]++] = k;
    }
    return spread;
}

static convo_status join(cv_import *d, const cv_graph_node *n, const char *layer) {
    cv_import_value x, y;
    cv_import_layout l;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    CV_TRY(cv_import_input(d, n, 1, false, &y));
    if (!strcmp(n->type, "Sub")) CV_TRY(cv_import_scale(d, n, -1, 0, &y));
    if (cv_import_count(&y.view) > cv_import_count(&x.view)) {
        const cv_import_value swap = x;
        x = y;
        y = swap;
    }
    if (y.view.dims > x.view.dims) return cv_import_refuse(d, n, "joins values of different dimensions");
    while (y.view.dims < x.view.dims) cv_import_insert(&y.view, 0, -1);
    if (cv_import_count(&x.view) == 1) { // one number each: no dimension says how it lies
        CV_TRY(cv_import_flatten(d, n, &x));
        CV_TRY(cv_import_flatten(d, n, &y));
        return cv_import_layer(d, n, layer, NULL, 0, &x, &y, n->output[0]);
    }
    if (spreads_channels(d, &x, &y, &l))
        CV_TRY(cv_import_arrange(d, n, &l, &x));
    else
        CV_TRY(find_layout(d, n, &y, &x, &l));
    CV_TRY(put_beside(d, n, &l, &y));
    return cv_import_layer(d, n, layer, NULL, 0, &x, &y, n->output[0]);
}

static convo_status read_joined(cv_import *d, const cv_graph_node *n) {
    if (n->inputs != 2) return cv_import_refuse(d, n, "has %zu inputs, not two", n->inputs);
    if (cv_import_constant(d, n, 0) || cv_import_constant(d, n, 1)) return read_constant_operand(d, n);
    if (!strcmp(n->type, "Div")) return cv_import_refuse(d, n, "divides by a value");
    return join(d, n, !strcmp(n->type, "Mul") ? "scale" : "add");
}

static convo_status read_sum(cv_import *d, const cv_graph_node *n) {
    if (n->inputs == 2) return read_joined(d, n);
    return n->inputs == 1 ? cv_import_pass_on(d, n) : cv_import_refuse(d, n, "has %zu inputs, not two", n->inputs);
}

static convo_status read_neg(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    CV_TRY(cv_import_scale(d, n, -1, 0, &x));
    return cv_import_name(d, &x, n->output[0]);
}

const cv_import_operator cv_import_affines[] = {
    {"Add", read_joined, "axis broadcast"},
    {"Div", read_joined, "axis broadcast"},
    {"Mul", read_joined, "axis broadcast"},
    {"Neg", read_neg, ""},
    {"Sub", read_joined, "axis broadcast"},
    {"Sum", read_sum, ""},
    {0},
};
