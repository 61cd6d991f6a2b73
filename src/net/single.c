// The net for one example: the same layers with channels in the lanes in place of samples, as a net of its own, so that
// plan and run need not know. See cv_single.
#include "net/net.h"

#include <stdlib.h>
#include <string.h>

// Doubles are for checking gradients, nothing else.
static bool may_have_form(const cv_net *net) {
    for (int i = 0; i < net->nodes; i++) {
        const cv_op *op = net->node[i].op;
        if (!op->single && (!op->by_channel || op->tensors)) return false;
    }
    return net->isa->real == sizeof(float);
}

// Whether all that read the net's input take it as it comes.
static bool is_plain(const cv_net *net) {
    for (int i = 0; i < net->nodes; i++)
        for (int k = 0; k < cv_node_inputs(&net->node[i]); k++) {
            const cv_op *single = net->node[i].op->single;
            if (net->node[i].input[k] < 0 && !(single && single->plain_input)) return false;
        }
    return true;
}

static cv_shape in_blocks(cv_shape s, int lanes) {
    s.c = (s.c + lanes - 1) / lanes;
    return s;
}

static convo_status add_node(const cv_node *n, bool plain, cv_net *single, convo_error *err) {
    const cv_single shapes = {n->in, n->out, plain && n->input[0] < 0};
    const size_t head = n->op->single ? sizeof shapes : 0;
    char *config = cv_alloc(1, head + n->op->config_size + 1);
    if (!config) return cv_no_memory(err, "a layer");
    memcpy(config, &shapes, head);
    if (n->op->config_size) memcpy(config + head, n->config, n->op->config_size);
    const cv_op *op = n->op->single ? n->op->single : n->op;
    const convo_status status = cv_net_add(single, op, config, n->input, n->path, n->where, err);
    free(config);
    return status;
}

static void arrange_tensors(const cv_net *net, const cv_node *from, cv_net *single, const cv_node *to) {
    void *values[CV_MAX_TENSORS], *arranged[CV_MAX_TENSORS];
    cv_node_tensors(net, from, values);
    cv_node_tensors(single, to, arranged);
    if (to->op->arrange) to->op->arrange(to->config, (const void *const *)values, arranged);
}

static convo_status make(const cv_net *net, cv_net **single, convo_error *err) {
    const bool plain = is_plain(net);
    const cv_shape vector = {1, cv_shape_size(net->input), 1, 1};
    convo_status status = cv_net_new(net->isa, in_blocks(plain ? vector : net->input, net->isa->lanes), single, err);
    for (int i = 0; !status && i < net->nodes; i++) status = add_node(&net->node[i], plain, *single, err);
    if (!status) status = cv_net_finish(*single, err);
    for (int i = 0; !status && i < net->nodes; i++) arrange_tensors(net, &net->node[i], *single, &(*single)->node[i]);
    return status;
}

convo_status cv_net_single(const cv_net *net, cv_net **single, convo_error *err) {
    cv_net *folded = NULL;
    bool folds = false; // else a copy of all weights would be made for nothing
    convo_status status = CONVO_OK;
    convo_error why = {0};
    *single = NULL;
    if (!may_have_form(net)) return CONVO_OK;
    for (int i = 0; i < net->nodes; i++) folds |= net->node[i].op->statistics != NULL;
    if (folds) status = cv_net_fold(net, &folded, &why);
    if (!status) status = make(folds ? folded : net, single, &why);
    cv_net_free(folded);
    if (!status) return CONVO_OK;
    cv_net_free(*single);
    *single = NULL;
    if (status == CONVO_SHAPE || status == CONVO_LIMIT) return CONVO_OK; // a layer refuses
    return cv_fail(err, status, why.where, "%s", why.message);
}

// --- in and out ---------------------------------------------------------------------------------------------------

void cv_single_load(const cv_net *single, cv_shape in, const float *values, void *to) {
    const int lanes = single->isa->lanes;
    const int64_t pixels = cv_shape_pixels(in);
    if (single->input.dims == 1) {
        memcpy(to, values, (size_t)cv_shape_size(in) * sizeof *values);
        return;
    }
    for (int64_t c = 0; c < in.c; c += lanes) {
        const float *rows[CV_MAX_LANES];
        const int count = in.c - c < lanes ? (int)(in.c - c) : lanes;
        for (int l = 0; l < count; l++) rows[l] = values + (c + l) * pixels;
        single->isa->pack(rows, count, pixels, 0, 0, (float *)to + c * pixels);
    }
}

void cv_single_unload(const cv_net *single, cv_shape out, const void *from, float *values) {
    const int lanes = single->isa->lanes;
    const int64_t pixels = cv_shape_pixels(out);
    for (int64_t c = 0; c < out.c; c += lanes) {
        const int active = out.c - c < lanes ? (int)(out.c - c) : lanes;
        float *rows[CV_MAX_LANES];
        for (int l = 0; l < active; l++) rows[l] = values + (c + l) * pixels;
        single->isa->unpack((const float *)from + c * pixels, pixels, active, rows);
    }
}
