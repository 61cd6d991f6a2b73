// Batch normalisation folded into the layer before it, for nets that are no longer trained:
//   weight' = weight s,   bias' = (bias - mean) s + shift,   s = scale / sqrt(var + eps)   per output channel
#include "net/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int tensor_of(const cv_net *net, const cv_node *node, const char *name) {
    for (int t = node->tensor; t < node->tensor + node->tensors; t++)
        if (!strcmp(net->tensor[t].spec.name, name)) return t;
    return -1;
}

// The layer that node i can be folded into, or -1: its output must go nowhere else.
static int target_of(const cv_net *net, int i) {
    const int from = net->node[i].input[0];
    if (strcmp(net->node[i].op->name, "batchnorm") != 0 || from < 0) return -1;
    if (!(net->node[from].op->traits & CV_LINEAR)) return -1;
    for (int j = 0; j < net->nodes; j++)
        for (int k = 0; k < (net->node[j].op->inputs ? net->node[j].op->inputs : 1); k++)
            if (j != i && net->node[j].input[k] == from) return -1;
    return from;
}

// The values of a tensor of a node, else `fallback` as often; NULL without memory.
static float *read_or(const cv_net *net, const cv_node *node, const char *name, size_t count, float fallback) {
    const int t = tensor_of(net, node, name);
    float *values = cv_alloc(count, sizeof *values);
    if (values && t >= 0) cv_net_read(net, t, values);
    for (size_t k = 0; values && t < 0 && k < count; k++) values[k] = fallback;
    return values;
}

// Writes weight and bias of the folded layer; `to` is its node in the new net.
static bool fold_into(const cv_net *net, const cv_node *layer, const cv_node *norm, cv_net *made, const cv_node *to) {
    const size_t channels = (size_t)to->out.c;
    const int w = tensor_of(made, to, "weight"), b = tensor_of(made, to, "bias");
    const size_t size = made->tensor[w].size, row = size / channels;
    const cv_option *eps = cv_option_find(norm->op->schema, "eps");
    float *weight = read_or(net, layer, "weight", size, 0), *bias = read_or(net, layer, "bias", channels, 0);
    float *scale = read_or(net, norm, "weight", channels, 1), *shift = read_or(net, norm, "bias", channels, 0);
    float *mean = read_or(net, norm, "running_mean", channels, 0),
          *var = read_or(net, norm, "running_var", channels, 1);
    const bool fits = weight && bias && scale && shift && mean && var;
    for (size_t c = 0; fits && c < channels; c++) {
        const double s =
            (double)scale[c] /
            sqrt((double)var[c] + *(const double *)(const void *)((const char *)norm->config + eps->offset));
        for (size_t i = 0; i < row; i++) weight[c * row + i] = (float)((double)weight[c * row + i] * s);
        bias[c] = (float)(((double)bias[c] - (double)mean[c]) * s + (double)shift[c]);
    }
    if (fits) cv_net_write(made, w, weight);
    if (fits) cv_net_write(made, b, bias);
    free(weight);
    free(bias);
    free(scale);
    free(shift);
    free(mean);
    free(var);
    return fits;
}

// place[i + 1]: the new number of node i; norm[i]: the batch norm that goes into it, or -1.
static convo_status add_nodes(const cv_net *net, cv_net *made, int *place, const int *norm, convo_error *err) {
    place[0] = -1;
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        const int target = target_of(net, i);
        if (target >= 0) {
            place[i + 1] = place[target + 1];
            continue;
        }
        int input[CV_MAX_INPUTS];
        for (int k = 0; k < CV_MAX_INPUTS; k++) input[k] = place[n->input[k] + 1];
        char *config = cv_alloc(1, n->op->config_size + 1), why[64];
        if (!config) return cv_no_memory(err, "a layer");
        memcpy(config, n->config, n->op->config_size);
        if (norm[i] >= 0) cv_option_set(cv_option_find(n->op->schema, "bias"), config, "true", why, sizeof why);
        const convo_status status = cv_net_add(made, n->op, config, input, n->path, n->where, err);
        free(config);
        if (status) return status;
        place[i + 1] = made->nodes - 1;
    }
    return cv_net_finish(made, err);
}

static convo_status copy_values(const cv_net *net, cv_net *made, const int *place, const int *norm, convo_error *err) {
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *from = &net->node[i], *to = &made->node[place[i + 1]];
        if (target_of(net, i) >= 0) continue;
        if (norm[i] >= 0) {
            if (!fold_into(net, from, &net->node[norm[i]], made, to)) return cv_no_memory(err, from->path);
            continue;
        }
        for (int t = 0; t < from->tensors; t++) {
            float *values =
                read_or(net, from, net->tensor[from->tensor + t].spec.name, net->tensor[from->tensor + t].size, 0);
            if (!values) return cv_no_memory(err, from->path);
            cv_net_write(made, to->tensor + t, values);
            free(values);
        }
    }
    return CONVO_OK;
}

convo_status cv_net_fold(const cv_net *net, cv_net **folded, convo_error *err) {
    const size_t nodes = (size_t)net->nodes + 1;
    int *place = cv_alloc(nodes, sizeof *place), *norm = cv_alloc(nodes, sizeof *norm);
    cv_net *made = NULL;
    convo_status status = place && norm ? cv_net_new(net->isa, net->input, &made, err) : cv_no_memory(err, "a net");
    for (int i = 0; !status && i < net->nodes; i++) norm[i] = -1;
    for (int i = 0; !status && i < net->nodes; i++)
        if (target_of(net, i) >= 0) norm[target_of(net, i)] = i;
    if (!status) status = add_nodes(net, made, place, norm, err);
    if (!status) status = copy_values(net, made, place, norm, err);
    free(place);
    free(norm);
    *folded = status ? NULL : made;
    if (status) cv_net_free(made);
    return status;
}
