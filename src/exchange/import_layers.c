// ONNX operators that become layers in a way of their own: sums, products, normalisation.
// https://onnx.ai/onnx/operators
#include "exchange/import.h"
#include "format/onnx.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_output(const cv_import *d, const cv_graph_node *n) {
    return !strcmp(n->output[0], d->graph->output.name);
}

static convo_status read_sigmoid(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (!is_output(d, n) || cv_import_shape(d, &x).c != 1) return cv_import_node(d, n);
    cv_import_note(d, "%s: the last Sigmoid is omitted: the logistic loss computes probabilities itself", d->path);
    return cv_import_pass_on(d, n);
}

static convo_status read_softmax(cv_import *d, const cv_graph_node *n) {
    enum { BY_AXIS = 13 }; // before that opset it was over the axis and all behind it
    const int64_t axis = cv_import_whole(n, "axis", d->graph->opset < BY_AXIS ? 1 : -1);
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int dims = cv_import_shape(d, &x).dims;
    if (axis != 1 && axis != -dims)
        return cv_import_refuse(d, n, "is over axis %" PRId64 ": convo's is over the channels, axis 1", axis);
    if (dims > 1 && d->graph->opset < BY_AXIS)
        return cv_import_refuse(d, n, "is over channels, rows and columns together: export the model with opset %d",
                                CV_ONNX_OPSET);
    if (is_output(d, n) && dims == 1) {
        cv_import_note(d, "%s: the last %s is omitted: the loss computes probabilities itself", d->path, n->type);
        return cv_import_pass_on(d, n);
    }
    if (strcmp(n->type, "Softmax") != 0) return cv_import_refuse(d, n, "is inside the net, not at its end");
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

// The limits are inputs, or attributes before opset 11; one that is absent is none.
static convo_status read_clip(cv_import *d, const cv_graph_node *n) {
    double limit[2] = {cv_import_number(n, "min", -FLT_MAX), cv_import_number(n, "max", FLT_MAX)};
    cv_setting s[2] = {{.name = "low"}, {.name = "high"}};
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    for (size_t k = 0; k < 2; k++) {
        if (cv_import_has(n, k + 1) && !cv_import_scalar(d, n, k + 1, &limit[k]))
            return cv_import_refuse(d, n, "has limits that are not constant numbers");
        cv_import_float_text((float)limit[k], s[k].text, sizeof s[k].text);
    }
    if (limit[0] == 0 && limit[1] == 6) return cv_import_layer(d, n, "relu6", NULL, 0, &x, NULL, n->output[0]);
    return cv_import_layer(d, n, "clip", s, 2, &x, NULL, n->output[0]);
}

// One number for each channel, and beside it the sizes 1 of rows and columns; or one number for all.
static const cv_constant *per_channel(const cv_import *d, const cv_graph_node *n, size_t input, cv_shape shape) {
    const cv_constant *c = cv_import_constant(d, n, input);
    const int before = c ? c->dims - shape.dims : 0; // sizes in front of the channels
    if (!c || c->count == 1) return c;
    return before >= 0 && c->dim[before] == (int64_t)c->count && (int64_t)c->count == shape.c ? c : NULL;
}

static convo_status read_prelu(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const cv_constant *c = per_channel(d, n, 1, cv_import_shape(d, &x));
    if (!c) return cv_import_refuse(d, n, "has slopes that are neither one constant nor one for each channel");
    const cv_setting each = {"per_channel", "true"};
    CV_TRY(cv_import_layer(d, n, "prelu", &each, c->count > 1, &x, NULL, n->output[0]));
    return cv_import_tensor(d, n, "weight", cv_import_floats(c, c->count, 1), c->count);
}

convo_status cv_import_batchnorm(cv_import *d, const cv_graph_node *n, const cv_import_value *x, int64_t bands,
                                 const char *out) {
    static const char *const tensors[] = {"weight", "bias", "running_mean", "running_var"};
    cv_setting s[3] = {{.name = "eps"}, {.name = "momentum"}, {.name = "bands"}};
    cv_print(s[2].text, sizeof s[2].text, "%" PRId64, bands);
    if (cv_import_whole(n, "training_mode", 0) || !cv_import_whole(n, "spatial", 1))
        return cv_import_refuse(d, n, "is in training mode, or not per channel: export the net for inference");
    cv_import_float_text((float)cv_import_number(n, "epsilon", 1e-5), s[0].text, sizeof s[0].text);
    // PyTorch's momentum is the weight of the newest batch, ONNX's that of the past.
    cv_print(s[1].text, sizeof s[1].text, "%.6g", 1 - cv_import_number(n, "momentum", 0.9));
    convo_status status =
        cv_import_layer(d, n, bands > 1 ? "subspectralnorm" : "batchnorm", s, bands > 1 ? 3 : 2, x, NULL, out);
    for (size_t k = 0; !status && k < CV_COUNT(tensors); k++) {
        const cv_constant *c = cv_import_constant(d, n, k + 1);
        if (!c) return cv_import_refuse(d, n, "has no constant %s", tensors[k]);
        status = cv_import_tensor(d, n, tensors[k], cv_import_floats(c, c->count, 1), c->count);
    }
    return status;
}

static convo_status read_batchnorm(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    return cv_import_batchnorm(d, n, &x, 1, n->output[0]);
}

// --- weighted sums ------------------------------------------------------------------------------------------------

// [out][in] from [in][out]; frees given. NULL without memory.
static float *transpose(float *given, size_t in, size_t out) {
    float *transposed = given ? cv_alloc(in * out, sizeof *transposed) : NULL;
    for (size_t o = 0; transposed && o < out; o++)
        for (size_t i = 0; i < in; i++) transposed[o * in + i] = given[i * out + o];
    free(given);
    return transposed;
}

typedef struct product {
    bool transposed; // the weights are [out][in]
    double factor, bias_factor;
    const cv_constant *bias;
    const char *out;
} product;

static convo_status add_linear(cv_import *d, const cv_graph_node *n, const cv_import_value *x, const product *p) {
    const cv_constant *c = cv_import_constant(d, n, 1);
    const cv_shape in = cv_import_shape(d, x);
    if (!c || c->dims != 2) return cv_import_refuse(d, n, "has no constant matrix of weights");
    if (in.dims != 1) return cv_import_refuse(d, n, "reads feature maps: put a Flatten before it");
    const int64_t outputs = c->dim[p->transposed ? 0 : 1], inputs = c->dim[p->transposed ? 1 : 0];
    if (inputs != in.c)
        return cv_import_refuse(d, n, "has weights for %" PRId64 " inputs, it reads %" PRId64, inputs, in.c);
    cv_setting s[2] = {{.name = "out"}, {.name = "bias"}};
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, outputs);
    cv_print(s[1].text, sizeof s[1].text, "%s", p->bias ? "true" : "false");
    CV_TRY(cv_import_layer(d, n, "linear", s, 2, x, NULL, p->out));
    float *values = cv_import_floats(c, c->count, p->factor);
    if (!p->transposed) values = transpose(values, (size_t)inputs, (size_t)outputs);
    convo_status status = cv_import_tensor(d, n, "weight", values, c->count);
    return status || !p->bias ? status : cv_import_bias(d, n, p->bias, p->bias_factor);
}

static convo_status read_gemm(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    const product p = {.transposed = cv_import_whole(n, "transB", 0),
                       .factor = cv_import_number(n, "alpha", 1),
                       .bias_factor = cv_import_number(n, "beta", 1),
                       .bias = cv_import_constant(d, n, 2),
                       .out = n->output[0]};
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (cv_import_whole(n, "transA", 0)) return cv_import_refuse(d, n, "has transA: its rows are not examples");
    if (cv_import_has(n, 2) && !p.bias) return cv_import_refuse(d, n, "adds a value that is not constant");
    return add_linear(d, n, &x, &p);
}

// MatMul, and the Add of a constant behind it.
static convo_status read_matmul(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const cv_graph_node *next = cv_import_only_reader(d, n->output[0]);
    const bool adds = next && !strcmp(next->type, "Add") && next->inputs == 2 && next->outputs == 1;
    const cv_constant *bias = adds ? cv_import_constant(d, next, strcmp(next->input[0], n->output[0]) ? 0 : 1) : NULL;
    if (bias) d->claimed[next - d->graph->node] = true;
    const product p = {.factor = 1, .bias = bias, .bias_factor = 1, .out = bias ? next->output[0] : n->output[0]};
    return add_linear(d, n, &x, &p);
}

// Add, Mul of two values, the larger one first.
static convo_status read_joined(cv_import *d, const cv_graph_node *n) {
    const char *layer = !strcmp(n->type, "Add") ? "add" : "scale";
    cv_import_value x, y;
    if (cv_import_constant(d, n, 0) || cv_import_constant(d, n, 1) || n->inputs != 2) return cv_import_scale(d, n);
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    CV_TRY(cv_import_input(d, n, 1, false, &y));
    const bool larger = cv_shape_size(cv_import_shape(d, &y)) > cv_shape_size(cv_import_shape(d, &x));
    return cv_import_layer(d, n, layer, NULL, 0, larger ? &y : &x, larger ? &x : &y, n->output[0]);
}

const cv_import_operator cv_import_layers[] = {
    {"Add", read_joined, "axis broadcast"},
    {"BatchNormalization", read_batchnorm, "epsilon momentum training_mode spatial is_test"},
    {"Clip", read_clip, "min max"},
    {"Div", cv_import_scale, "axis broadcast"},
    {"Dropout", read_dropout, "ratio seed is_test"},
    {"Gemm", read_gemm, "alpha beta transA transB broadcast"},
    {"Identity", cv_import_pass_on, ""},
    {"LogSoftmax", read_softmax, "axis"},
    {"MatMul", read_matmul, ""},
    {"Mul", read_joined, "axis broadcast"},
    {"PRelu", read_prelu, ""},
    {"Sigmoid", read_sigmoid, ""},
    {"Softmax", read_softmax, "axis"},
    {"Sub", cv_import_scale, "axis broadcast"},
    {0},
};
