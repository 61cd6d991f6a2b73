// The net for one example: the same layers with channels in the lanes in place of samples, as a net of its own, so that
// plan and run need not know. See cv_alone.
#include "net/net.h"

#include <stdlib.h>
#include <string.h>

static int inputs_of(const cv_node *n) {
    return n->op->inputs ? n->op->inputs : 1;
}

// A convolution may still refuse. Doubles are for checking gradients, nothing else.
static bool may_have_form(const cv_net *net) {
    for (int i = 0; i < net->nodes; i++) {
        const cv_op *op = net->node[i].op;
        if (!op->lone && (!(op->traits & CV_BY_CHANNEL) || op->tensors)) return false;
    }
    return net->isa->real == sizeof(float);
}

// Whether all that read the net's input take it as it comes.
static bool is_plain(const cv_net *net) {
    for (int i = 0; i < net->nodes; i++)
        for (int k = 0; k < inputs_of(&net->node[i]); k++) {
            const cv_op *lone = net->node[i].op->lone;
            if (net->node[i].input[k] < 0 && !(lone && (lone->traits & CV_PLAIN))) return false;
        }
    return true;
}

static cv_shape in_blocks(cv_shape s, int lanes) {
    s.c = (s.c + lanes - 1) / lanes;
    return s;
}

static convo_status add_node(const cv_node *n, bool plain, cv_net *lone, convo_error *err) {
    const cv_alone alone = {n->in, n->out, plain && n->input[0] < 0};
    const size_t head = n->op->lone ? sizeof alone : 0;
    char *config = cv_alloc(1, head + n->op->config_size + 1);
    if (!config) return cv_no_memory(err, "a layer");
    memcpy(config, &alone, head);
    if (n->op->config_size) memcpy(config + head, n->config, n->op->config_size);
    const convo_status status =
        cv_net_add(lone, n->op->lone ? n->op->lone : n->op, config, n->input, n->path, n->where, err);
    free(config);
    return status;
}

static void turn_tensors(const cv_net *net, const cv_node *from, cv_net *lone, const cv_node *to) {
    const void *values[CV_MAX_TENSORS] = {NULL};
    void *turned[CV_MAX_TENSORS] = {NULL};
    for (int t = 0; t < from->tensors; t++)
        values[t] = (const char *)net->values + net->tensor[from->tensor + t].offset * net->isa->real;
    for (int t = 0; t < to->tensors; t++)
        turned[t] = (char *)lone->values + lone->tensor[to->tensor + t].offset * net->isa->real;
    if (to->op->turn) to->op->turn(to->config, values, turned);
}

static convo_status make(const cv_net *net, cv_net **lone, convo_error *err) {
    const bool plain = is_plain(net);
    const cv_shape vector = {1, cv_shape_size(net->input), 1, 1};
    convo_status status = cv_net_new(net->isa, in_blocks(plain ? vector : net->input, net->isa->lanes), lone, err);
    for (int i = 0; !status && i < net->nodes; i++) status = add_node(&net->node[i], plain, *lone, err);
    if (!status) status = cv_net_finish(*lone, err);
    for (int i = 0; !status && i < net->nodes; i++) turn_tensors(net, &net->node[i], *lone, &(*lone)->node[i]);
    return status;
}

convo_status cv_net_lone(const cv_net *net, cv_net **lone, convo_error *err) {
    cv_net *folded = NULL;
    bool folds = false; // else a copy of all weights would be made for nothing
    convo_status status = CONVO_OK;
    convo_error why = {0};
    *lone = NULL;
    if (!may_have_form(net)) return CONVO_OK;
    for (int i = 0; i < net->nodes; i++) folds |= net->node[i].op->statistics != NULL;
    if (folds) status = cv_net_fold(net, &folded, &why);
    if (!status) status = make(folds ? folded : net, lone, &why);
    cv_net_free(folded);
    if (!status) return CONVO_OK;
    cv_net_free(*lone);
    *lone = NULL;
    if (status == CONVO_SHAPE || status == CONVO_LIMIT) return CONVO_OK; // a layer refuses
    return cv_fail(err, status, why.where, "%s", why.message);
}

// --- in and out ---------------------------------------------------------------------------------------------------

void cv_lone_load(const cv_net *lone, cv_shape in, const float *values, void *to) {
    const int lanes = lone->isa->lanes;
    const int64_t pixels = cv_shape_pixels(in);
    if (lone->input.dims == 1) {
        memcpy(to, values, (size_t)cv_shape_size(in) * sizeof *values);
        return;
    }
    for (int64_t c = 0; c < in.c; c += lanes) {
        const float *rows[CV_MAX_LANES];
        const int count = in.c - c < lanes ? (int)(in.c - c) : lanes;
        for (int l = 0; l < count; l++) rows[l] = values + (c + l) * pixels;
        lone->isa->pack(rows, count, pixels, (float *)to + c * pixels);
    }
}

void cv_lone_unload(const cv_net *lone, cv_shape out, const void *from, float *values) {
    const int lanes = lone->isa->lanes;
    const int64_t pixels = cv_shape_pixels(out);
    for (int64_t c = 0; c < out.c; c += lanes) {
        const int active = out.c - c < lanes ? (int)(out.c - c) : lanes;
        float *rows[CV_MAX_LANES];
        for (int l = 0; l < active; l++) rows[l] = values + (c + l) * pixels;
        lone->isa->unpack((const float *)from + c * pixels, pixels, active, rows);
    }
}
