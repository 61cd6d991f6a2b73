// Affine ops (batch norm) folded into the layer before them, for nets that are no longer trained:
//   weight' = weight factor,   bias' = (bias - mean) factor + shift   per output channel
#include "net/net.h"

#include <stdlib.h>
#include <string.h>

int cv_net_fold_target(const cv_net *net, int i) {
    const int from = net->node[i].input[0];
    if (!net->node[i].op->affine || from < 0 || !net->node[from].op->linear) return -1;
    for (int j = 0; j < net->nodes; j++)
        for (int k = 0; k < cv_node_inputs(&net->node[j]); k++)
            if (j != i && net->node[j].input[k] == from) return -1;
    return from;
}

static int tensor_of(const cv_net *net, const cv_node *node, const char *name) {
    for (int t = node->tensor; t < node->tensor + node->tensors; t++)
        if (!strcmp(net->tensor[t].spec.name, name)) return t;
    return -1;
}

// Tensor t of a net, else `count` zeros; NULL without memory.
static float *read_or_zero(const cv_net *net, int t, size_t count) {
    float *values = cv_alloc(count, sizeof *values);
    if (values && t >= 0) cv_net_read(net, t, values);
    return values;
}

// Writes weight and bias of the folded layer; `to` is its node in the new net.
static bool fold_into(const cv_net *net, const cv_node *layer, const cv_node *affine, cv_net *made, const cv_node *to) {
    const size_t channels = (size_t)to->out.c;
    const int w = tensor_of(made, to, "weight"), b = tensor_of(made, to, "bias");
    const size_t size = made->tensor[w].size, row = size / channels;
    float *weight = read_or_zero(net, tensor_of(net, layer, "weight"), size);
    float *bias = read_or_zero(net, tensor_of(net, layer, "bias"), channels);
    double *factor = cv_alloc(channels, sizeof *factor);
    const bool fits = weight && bias && factor;
    if (fits) {
        void *tensor[CV_MAX_TENSORS];
        cv_node_tensors(net, affine, tensor);
        for (size_t c = 0; c < channels; c++) {
            const cv_affine a = affine->op->affine(affine->config, (const void *const *)tensor, (int64_t)c);
            factor[c] = a.factor;
            bias[c] = (float)(((double)bias[c] - a.mean) * a.factor + a.shift);
        }
        for (size_t i = 0; i < size; i++) {
            const size_t c =
                layer->op->channel ? (size_t)layer->op->channel(layer->config, layer->in, (int64_t)i) : i / row;
            weight[i] = (float)((double)weight[i] * factor[c]);
        }
        cv_net_write(made, w, weight);
        cv_net_write(made, b, bias);
    }
    free(weight);
    free(bias);
    free(factor);
    return fits;
}

// moved[i + 1]: the new number of node i; affine[i]: the node that goes into it, or -1.
static convo_status add_nodes(const cv_net *net, cv_net *made, int *moved, const int *affine, convo_error *err) {
    moved[0] = -1;
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        const int target = cv_net_fold_target(net, i);
        if (target >= 0) {
            moved[i + 1] = moved[target + 1];
            continue;
        }
        int input[CV_MAX_INPUTS];
        for (int k = 0; k < CV_MAX_INPUTS; k++) input[k] = moved[n->input[k] + 1];
        char *config = cv_alloc(1, n->op->config_size + 1), why[64];
        if (!config) return cv_no_memory(err, "a layer");
        memcpy(config, n->config, n->op->config_size);
        if (affine[i] >= 0) cv_option_set(cv_option_find(n->op->schema, "bias"), config, "true", why, sizeof why);
        const convo_status status = cv_net_add(made, n->op, config, input, n->path, n->where, err);
        free(config);
        if (status) return status;
        moved[i + 1] = made->nodes - 1;
    }
    return cv_net_finish(made, err);
}

static convo_status copy_values(const cv_net *net, cv_net *made, const int *moved, const int *affine,
                                convo_error *err) {
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *from = &net->node[i], *to = &made->node[moved[i + 1]];
        if (cv_net_fold_target(net, i) >= 0) continue;
        if (affine[i] >= 0) {
            if (!fold_into(net, from, &net->node[affine[i]], made, to)) return cv_no_memory(err, from->path);
            continue;
        }
        for (int t = 0; t < from->tensors; t++) {
            float *values = read_or_zero(net, from->tensor + t, net->tensor[from->tensor + t].size);
            if (!values) return cv_no_memory(err, from->path);
            cv_net_write(made, to->tensor + t, values);
            free(values);
        }
    }
    return CONVO_OK;
}

convo_status cv_net_fold(const cv_net *net, cv_net **folded, convo_error *err) {
    const size_t nodes = (size_t)net->nodes + 1;
    int *moved = cv_alloc(nodes, sizeof *moved), *affine = cv_alloc(nodes, sizeof *affine);
    cv_net *made = NULL;
    convo_status status = moved && affine ? cv_net_new(net->isa, net->input, &made, err) : cv_no_memory(err, "a net");
    for (int i = 0; !status && i < net->nodes; i++) affine[i] = -1;
    for (int i = 0; !status && i < net->nodes; i++)
        if (cv_net_fold_target(net, i) >= 0) affine[cv_net_fold_target(net, i)] = i;
    if (!status) status = add_nodes(net, made, moved, affine, err);
    if (!status) status = copy_values(net, made, moved, affine, err);
    free(moved);
    free(affine);
    *folded = status ? NULL : made;
    if (status) cv_net_free(made);
    return status;
}
