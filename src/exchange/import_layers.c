// ONNX operators that become layers in a way of their own: activations, weighted sums.
// https://onnx.ai/onnx/operators
#include "exchange/import.h"
#include "format/onnx.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- activations --------------------------------------------------------------------------------------------------

// The last operator of a classifier, which the loss computes itself.
static convo_status leave_out(cv_import *d, const cv_graph_node *n, const char *loss, cv_import_value *x) {
    cv_import_note(d, "%s: the last %s is omitted: %s computes probabilities itself", d->path, n->type, loss);
    d->ended = !strcmp(n->type, "Sigmoid") ? CV_IMPORT_SIGMOID : CV_IMPORT_SOFTMAX;
    return cv_import_name(d, x, n->output[0]);
}

static convo_status read_sigmoid(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_layout l;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (!cv_import_is_last(d, n->output[0])) return cv_import_node(d, n);
    if (cv_import_count(&x.view) == 1) return leave_out(d, n, "the logistic loss", &x);
    if (!cv_import_channels(&x.view, 1, 1, &l) || l.dims != 1) return cv_import_node(d, n);
    return leave_out(d, n, "binary cross-entropy", &x);
}

// Over one axis, or, before opset 13, over it and all behind it.
static convo_status read_softmax(cv_import *d, const cv_graph_node *n) {
    enum { BY_AXIS = 13 };
    const bool old = d->graph->opset < BY_AXIS;
    cv_import_value x;
    cv_import_layout l;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int axis = cv_import_axis(cv_import_whole(n, "axis", old ? 1 : -1), x.view.dims);
    if (axis < 0 || !cv_import_channels(&x.view, axis, old ? x.view.dims - axis : 1, &l))
        return cv_import_refuse(d, n, "is over the examples, or an axis that is not there");
    if (cv_import_is_last(d, n->output[0]) && l.dims == 1) return leave_out(d, n, "the loss", &x);
    if (strcmp(n->type, "Softmax") != 0) return cv_import_refuse(d, n, "is inside the net, not at its end");
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    return cv_import_layer(d, n, "softmax", NULL, 0, &x, NULL, n->output[0]);
}

static convo_status read_dropout(cv_import *d, const cv_graph_node *n) {
    double p = cv_import_number(n, "ratio", 0.5), training = 0;
    cv_setting s[1] = {{.name = "p"}};
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (cv_import_has(n, 1) && !cv_import_scalar(d, n, 1, &p))
        return cv_import_refuse(d, n, "has a ratio that is not constant");
    if (cv_import_has(n, 2) && (!cv_import_scalar(d, n, 2, &training) || training != 0))
        return cv_import_refuse(d, n, "is in training mode: export the net for inference");
    cv_import_float_text((float)p, s[0].text, sizeof s[0].text);
    return cv_import_layer(d, n, "dropout", s, 1, &x, NULL, n->output[0]);
}

static convo_status clip(cv_import *d, const cv_graph_node *n, double low, double high, const cv_import_value *x) {
    cv_setting s[2] = {{.name = "low"}, {.name = "high"}};
    cv_import_float_text((float)low, s[0].text, sizeof s[0].text);
    cv_import_float_text((float)high, s[1].text, sizeof s[1].text);
    if (low == 0 && high == 6) return cv_import_layer(d, n, "relu6", NULL, 0, x, NULL, n->output[0]);
    if (low == 0 && high >= FLT_MAX) return cv_import_layer(d, n, "relu", NULL, 0, x, NULL, n->output[0]);
    return cv_import_layer(d, n, "clip", s, 2, x, NULL, n->output[0]);
}

// The limits are inputs, or attributes before opset 11; one that is absent is none.
static convo_status read_clip(cv_import *d, const cv_graph_node *n) {
    double limit[2] = {cv_import_number(n, "min", -FLT_MAX), cv_import_number(n, "max", FLT_MAX)};
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    for (size_t k = 0; k < 2; k++)
        if (cv_import_has(n, k + 1) && !cv_import_scalar(d, n, k + 1, &limit[k]))
            return cv_import_refuse(d, n, "has limits that are not constant numbers");
    return clip(d, n, limit[0], limit[1], &x);
}

// Min, Max of a value and a number.
static convo_status read_limit(cv_import *d, const cv_graph_node *n) {
    const bool least = !strcmp(n->type, "Max");
    const size_t at = cv_import_constant(d, n, 0) ? 1 : 0;
    double c;
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, at, false, &x));
    if (n->inputs != 2 || !cv_import_scalar(d, n, 1 - at, &c))
        return cv_import_refuse(d, n, "is not of a value and one number");
    return clip(d, n, least ? c : -FLT_MAX, least ? FLT_MAX : c, &x);
}

// Of another slope than that of PyTorch, 1/6, it is a scale that is clipped.
static convo_status read_hardsigmoid(cv_import *d, const cv_graph_node *n) {
    const double alpha = cv_import_number(n, "alpha", 0.2), beta = cv_import_number(n, "beta", 0.5);
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (fabs(alpha - 1.0 / 6) < 1e-6 && beta == 0.5)
        return cv_import_layer(d, n, "hardsigmoid", NULL, 0, &x, NULL, n->output[0]);
    CV_TRY(cv_import_scale(d, n, alpha, beta, &x));
    return clip(d, n, 0, 1, &x);
}

// The slope: one for all, or one for each position of the dimensions along which it varies.
static convo_status read_prelu(cv_import *d, const cv_graph_node *n) {
    const cv_setting each = {"per_channel", "true"};
    cv_import_value x;
    cv_import_layout l;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const cv_constant *c = cv_import_constant(d, n, 1);
    int first, count;
    if (!c || !cv_import_varies(c, x.view.dims, &first, &count) ||
        (count && !cv_import_channels(&x.view, first, count, &l)))
        return cv_import_refuse(d, n, "has slopes that are not constant");
    if (count) CV_TRY(cv_import_arrange(d, n, &l, &x));
    CV_TRY(cv_import_layer(d, n, "prelu", &each, count > 0, &x, NULL, n->output[0]));
    return cv_import_tensor(d, n, "weight", cv_import_floats(c, c->count, 1), c->count);
}

// --- weighted sums ------------------------------------------------------------------------------------------------

typedef struct product {
    bool transposed; // the weights are [out][in]
    double factor, bias_factor;
    const cv_constant *weight, *bias;
} product;

// [out][in] of the weights, each row in the order in which the inputs lie (NULL: as it is). NULL without memory.
static float *arrange_weights(const product *p, size_t in, size_t out, const size_t *place) {
    float *given = cv_import_floats(p->weight, in * out, p->factor), *made = cv_alloc(in * out, sizeof *made);
    for (size_t o = 0; given && made && o < out; o++)
        for (size_t i = 0; i < in; i++)
            made[o * in + (place ? place[i] : i)] = p->transposed ? given[o * in + i] : given[i * out + o];
    free(given);
    return made;
}

// Over the last dimension. Of a vector it is a layer linear; else the last dimension are the channels of a convolution
// of one point.
static convo_status add_linear(cv_import *d, const cv_graph_node *n, const product *p, cv_import_value *x) {
    const cv_constant *c = p->weight;
    const int last = x->view.dims - 1;
    cv_import_layout l;
    if (!c || c->dims != 2) return cv_import_refuse(d, n, "has no constant matrix of weights");
    const int64_t outputs = c->dim[p->transposed ? 0 : 1], inputs = c->dim[p->transposed ? 1 : 0];
    const int64_t have = last < 0 ? -1 : cv_import_size(&x->view, last);
    if (inputs != have || !outputs || !inputs)
        return cv_import_refuse(d, n, "has weights for %" PRId64 " inputs, it reads %" PRId64, inputs,
                                have < 0 ? cv_import_count(&x->view) : have);
    const bool vector = cv_import_count(&x->view) == inputs;
    cv_setting s[4] = {{.name = "out"}, {.name = "bias"}, {"kernel", "1"}, {"kernel", "1"}};
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, outputs);
    cv_print(s[1].text, sizeof s[1].text, "%s", p->bias ? "true" : "false");
    size_t *place = NULL;
    if (vector) {
        CV_TRY(cv_import_flatten(d, n, x));
        place = cv_import_places(d, x);
        if (!place) return cv_no_memory(d->err, d->path);
    } else {
        if (!cv_import_channels(&x->view, last, 1, &l)) return cv_import_refuse(d, n, "multiplies examples");
        CV_TRY(cv_import_arrange(d, n, &l, x));
    }
    if (vector) cv_import_join_runs(&x->view, last);
    const bool output = n == d->projection && x->node == d->projected; // of the attention before it
    convo_status status = output ? CONVO_OK
                                 : cv_import_apply(d, n,
                                                   vector        ? "linear"
                                                   : l.dims == 2 ? "conv1d"
                                                                 : "conv2d",
                                                   s, vector ? 2 : 3, x, NULL);
    if (!status)
        status = cv_import_tensor(d, n, output ? "out_proj.weight" : "weight",
                                  arrange_weights(p, (size_t)inputs, (size_t)outputs, place), c->count);
    free(place);
    return status || !p->bias ? status
                              : cv_import_bias(d, n, output ? "out_proj.bias" : "bias", p->bias, p->bias_factor);
}

static convo_status add_product(cv_import *d, const cv_graph_node *n, product *p, cv_import_value *x) {
    const int dims = x->view.dims;
    const bool known = !p->bias && p->weight && p->weight->dims == 2;
    const cv_graph_node *add =
        known ? cv_import_bias_behind(d, n, dims, dims - 1, p->weight->dim[p->transposed ? 0 : 1], &p->bias) : NULL;
    CV_TRY(add_linear(d, n, p, x));
    if (add) cv_import_claim(d, add);
    return cv_import_name(d, x, add ? add->output[0] : n->output[0]);
}

static convo_status read_gemm(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    product p = {.transposed = cv_import_whole(n, "transB", 0),
                 .factor = cv_import_number(n, "alpha", 1),
                 .bias_factor = cv_import_number(n, "beta", 1),
                 .weight = cv_import_constant(d, n, 1),
                 .bias = cv_import_constant(d, n, 2)};
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (cv_import_whole(n, "transA", 0)) return cv_import_refuse(d, n, "has transA: its rows are not examples");
    if (cv_import_has(n, 2) && !p.bias) return cv_import_refuse(d, n, "adds a value that is not constant");
    if (!p.bias) p.bias_factor = 1;
    return add_product(d, n, &p, &x);
}

static void swap_last(cv_import_view *v) {
    int64_t order[CV_GRAPH_DIMS];
    for (int k = 0; k < v->dims; k++) order[k] = k < v->dims - 2 ? k : 2 * v->dims - 3 - k;
    cv_import_permute(v, order);
}

// Constants on the left are over the last dimension but one.
static convo_status read_matmul(cv_import *d, const cv_graph_node *n) {
    const cv_constant *left = cv_import_constant(d, n, 0);
    cv_import_value x;
    product p = {.factor = 1, .bias_factor = 1, .weight = left ? left : cv_import_constant(d, n, 1)};
    CV_TRY(cv_import_input(d, n, left ? 1 : 0, false, &x));
    if (!left) return add_product(d, n, &p, &x);
    if (x.view.dims < 3) return cv_import_refuse(d, n, "multiplies examples");
    p.transposed = true;
    swap_last(&x.view);
    CV_TRY(add_linear(d, n, &p, &x));
    swap_last(&x.view);
    return cv_import_name(d, &x, n->output[0]);
}

const cv_import_operator cv_import_layers[] = {
    {"Clip", read_clip, "min max"},
    {"Dropout", read_dropout, "ratio seed is_test"},
    {"Gemm", read_gemm, "alpha beta transA transB broadcast"},
    {"HardSigmoid", read_hardsigmoid, "alpha beta"},
    {"LogSoftmax", read_softmax, "axis"},
    {"MatMul", read_matmul, ""},
    {"Max", read_limit, ""},
    {"Min", read_limit, ""},
    {"PRelu", read_prelu, ""},
    {"Sigmoid", read_sigmoid, ""},
    {"Softmax", read_softmax, "axis"},
    {0},
};
