// Values and weights are 0 to 255, 128 more than on a device: onnxruntime multiplies bytes of which one has a sign in
// sums of 16 bits, which saturate, where a processor has AVX2 and no VNNI (half of the outputs of fsdd-mfcc were off,
// by up to 10 steps); of bytes without signs its sums are exact. It rounds as a device does, see cv_quantize_output.
#include "exchange/export_qdq.h"

#include "ship/quantize.h"

#include <stdlib.h>
#include <string.h>

enum { MIDDLE = 128 };

// --- scales -------------------------------------------------------------------------------------------------------

static const cv_device_value *made_by(const cv_qdq *q, int node) {
    return &q->program->value[q->program->made[node + 1].value];
}

static bool is_i8(const cv_qdq *q, int node) {
    return made_by(q, node)->i8;
}

static void add_pair(cv_graph *graph, const cv_device_value *v, const char *name, char out[CV_GRAPH_NAME]) {
    char scale[CV_GRAPH_NAME], zero[CV_GRAPH_NAME], whole[CV_GRAPH_NAME];
    cv_print(scale, sizeof scale, "%.100s.scale", name);
    cv_print(zero, sizeof zero, "%.100s.zero", name);
    cv_print(whole, sizeof whole, "%.100s.uint8", name);
    cv_print(out, CV_GRAPH_NAME, "%.100s.values", name);
    if (cv_graph_constant(graph, scale)) return; // it is there
    float *s = cv_graph_add_constant(graph, scale, CV_CONST_F32, 0, NULL);
    uint8_t *z = cv_graph_add_constant(graph, zero, CV_CONST_U8, 0, NULL);
    if (s) *s = v->scale;
    if (z) *z = (uint8_t)(v->zero + MIDDLE);
    cv_graph_print(graph, "%s = QuantizeLinear(%s, %s, %s); %s = DequantizeLinear(%s, %s, %s)", whole, name, scale,
                   zero, out, whole, scale, zero);
}

// Whether node i is followed by a clamp that its call does: the pair stands behind that.
static bool is_clamped_behind(const cv_qdq *q, int i) {
    if (i < 0 || i + 1 >= q->net->nodes) return false;
    const cv_node *next = &q->net->node[i + 1];
    return next->input[0] == i && q->program->made[i + 2].value == q->program->made[i + 1].value &&
           (!strncmp(next->op->name, "relu", 4) || !strcmp(next->op->name, "clip"));
}

void cv_qdq_value(const cv_qdq *q, cv_graph *graph, int node, const char *name, char out[CV_GRAPH_NAME]) {
    cv_print(out, CV_GRAPH_NAME, "%s", name);
    if (is_i8(q, node) && !is_clamped_behind(q, node)) add_pair(graph, made_by(q, node), name, out);
}

void cv_qdq_read(const cv_qdq *q, cv_graph *graph, int reader, int input, const char *name, char out[CV_GRAPH_NAME]) {
    cv_print(out, CV_GRAPH_NAME, "%s", name);
    const int i8 = q->program->made[input + 1].i8;
    if (!is_i8(q, input) && is_i8(q, reader) && i8 >= 0) add_pair(graph, &q->program->value[i8], name, out);
}

// --- weights ------------------------------------------------------------------------------------------------------

static const cv_net_tensor *tensor_of(const cv_qdq *q, int node, const char *name, float **values) {
    const cv_node *n = &q->net->node[node];
    for (int t = n->tensor; t < n->tensor + n->tensors; t++) {
        const cv_net_tensor *tensor = &q->net->tensor[t];
        if (strcmp(tensor->spec.name, name) != 0) continue;
        *values = cv_alloc(tensor->size, sizeof **values);
        if (*values) cv_net_read(q->net, t, *values);
        return tensor;
    }
    *values = NULL;
    return NULL;
}

typedef struct whole_numbers {
    uint8_t *weight, *zero;
    int32_t *bias;
    float *scale, *bias_scale;
} whole_numbers;

static bool add_numbers(cv_graph *graph, const cv_net_tensor *weight, const char *path, bool has_bias,
                        whole_numbers *to) {
    char name[CV_GRAPH_NAME];
    const int64_t outputs = weight->spec.dim[0];
    cv_print(name, sizeof name, "%s.weight.uint8", path);
    to->weight = cv_graph_add_constant(graph, name, CV_CONST_U8, weight->spec.dims, weight->spec.dim);
    cv_print(name, sizeof name, "%s.weight.scale", path);
    to->scale = cv_graph_add_constant(graph, name, CV_CONST_F32, 1, &outputs);
    cv_print(name, sizeof name, "%s.weight.zero", path);
    to->zero = cv_graph_add_constant(graph, name, CV_CONST_U8, 1, &outputs);
    cv_graph_print(graph, "%s.weight = DequantizeLinear(%s.weight.uint8, %s.weight.scale, %s.weight.zero) axis=0", path,
                   path, path, path);
    if (!has_bias) return !graph->failed;
    cv_print(name, sizeof name, "%s.bias.int32", path);
    to->bias = cv_graph_add_constant(graph, name, CV_CONST_I32, 1, &outputs);
    cv_print(name, sizeof name, "%s.bias.scale", path);
    to->bias_scale = cv_graph_add_constant(graph, name, CV_CONST_F32, 1, &outputs);
    cv_graph_print(graph, "%s.bias = DequantizeLinear(%s.bias.int32, %s.bias.scale) axis=0", path, path, path);
    return !graph->failed;
}

static bool has_weights(const cv_qdq *q, int node) {
    return q->net->node[node].op->linear && is_i8(q, node);
}

void cv_qdq_weights(cv_qdq *q, cv_graph *graph, int node) {
    if (!has_weights(q, node)) return;
    const cv_node *n = &q->net->node[node];
    const int input = n->input[0];
    const cv_device_value *x = made_by(q, input), *y = made_by(q, node);
    float *weight, *bias;
    const cv_net_tensor *tensor = tensor_of(q, node, "weight", &weight);
    const bool has_bias = tensor_of(q, node, "bias", &bias);
    whole_numbers to = {0};
    if (!x->i8) x = &q->program->value[q->program->made[input + 1].i8];
    if (!weight || (has_bias && !bias)) graph->failed = true;
    if (!graph->failed && add_numbers(graph, tensor, n->path, has_bias, &to)) {
        const int64_t outputs = tensor->spec.dim[0], count = (int64_t)tensor->size / outputs;
        for (int64_t o = 0; o < outputs; o++) {
            const cv_i8_output one = {weight + o * count, count,           1, has_bias ? (double)bias[o] : 0,
                                      (double)x->scale,   (double)y->scale};
            const cv_i8_numbers numbers = cv_quantize_output(&one);
            to.scale[o] = (float)numbers.scale;
            q->ties += numbers.apart > 0;
            for (int64_t k = 0; k < count; k++)
                to.weight[o * count + k] = (uint8_t)(cv_quantize_weight(one.weight[k], numbers.scale) + MIDDLE);
            to.zero[o] = MIDDLE;
            if (has_bias) to.bias[o] = numbers.bias, to.bias_scale[o] = x->scale * to.scale[o];
        }
    }
    free(weight);
    free(bias);
}

bool cv_qdq_tensor(const cv_qdq *q, const cv_graph *graph, int node, const char *tensor, char out[CV_GRAPH_NAME]) {
    const bool is_bias = !strcmp(tensor, "bias");
    char whole[CV_GRAPH_NAME];
    if (!has_weights(q, node)) return false;
    cv_print(whole, sizeof whole, "%s.%s.%s", q->net->node[node].path, tensor, is_bias ? "int32" : "uint8");
    if (!cv_graph_constant(graph, whole)) return false;
    cv_print(out, CV_GRAPH_NAME, "%s.%s", q->net->node[node].path, tensor);
    return true;
}
