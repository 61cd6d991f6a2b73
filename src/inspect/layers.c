#include "inspect/layers.h"

#include <stdlib.h>
#include <string.h>

static convo_status check_weights(const cv_net *net, const cv_net *from, const char *where, const char *what,
                                  convo_error *err) {
    for (int t = 0; t < net->tensors && t < from->tensors; t++)
        if (net->tensor[t].size != from->tensor[t].size)
            return cv_fail(err, CONVO_SHAPE, where, "%s has %zu numbers, %s has %zu", net->tensor[t].name,
                           net->tensor[t].size, what, from->tensor[t].size);
    if (net->tensors == from->tensors) return CONVO_OK;
    return cv_fail(err, CONVO_SHAPE, where, "the net has %d parameter tensors, %s has %d", net->tensors, what,
                   from->tensors);
}

// A net for an input of another size must have the recipe's parameters, or it is another net.
static convo_status check_convolutional(const convo_recipe *recipe, const cv_isa *isa, const cv_net *net,
                                        convo_error *err) {
    cv_net *own = NULL;
    convo_status status = cv_recipe_net(recipe, isa, &own, err);
    if (!status) status = check_weights(net, own, recipe->file, "the net for the recipe's own input", err);
    cv_net_free(own);
    return status;
}

convo_status cv_layers_net(const convo_recipe *recipe, const convo_model *model, const cv_isa *isa,
                           const cv_shape *input, cv_net **net, convo_error *err) {
    convo_recipe resized = *recipe; // shares everything: only read
    cv_random random;
    if (input) resized.input = *input;
    convo_status status = cv_recipe_net(&resized, isa, net, err);
    if (status) return status;
    if (input) status = check_convolutional(recipe, isa, *net, err);
    if (!status && model) status = check_weights(*net, model->net, recipe->file, "the model", err);
    cv_random_seed(&random, (uint64_t)recipe->train.seed);
    if (!status) status = model ? cv_net_copy(model->net, *net, err) : cv_net_init(*net, &random, err);
    if (!status) return CONVO_OK;
    cv_net_free(*net);
    *net = NULL;
    return status;
}

static const char *next_path(const void *net, size_t k) {
    const cv_net *n = net;
    return k < (size_t)n->nodes ? n->node[k].path : NULL;
}

convo_status cv_layers_find(const cv_net *net, const char *path, int *node, convo_error *err) {
    *node = net->nodes - 1;
    if (!path) {
        while (*node >= 0 && net->node[*node].out.dims < 2) --*node;
        return CONVO_OK;
    }
    while (*node >= 0 && strcmp(net->node[*node].path, path) != 0) --*node;
    if (*node >= 0) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, "", "unknown layer '%s'%s ('convo summary' lists the layers)", path,
                   cv_did_you_mean(path, next_path, net).text);
}

void cv_layers_cut(cv_net *net, int node) {
    while (net->nodes > node + 1) free(net->node[--net->nodes].config);
}
