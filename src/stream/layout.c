#include "stream/layout.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_PERIODS = 64 }; // windows whose columns lie between each other

void cv_layout_free(cv_layout *l) {
    if (!l) return;
    free(l->flow);
    free(l->reach);
    free(l);
}

static int64_t common_step(int64_t a, int64_t b) {
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void cv_flow_settle(cv_flow *f, int64_t hop) {
    const int64_t divisor = common_step(f->step, hop);
    f->fresh = hop / divisor;
    f->period = f->step / divisor;
    if (!f->flows) return;
    if (f->fresh >= f->columns)
        f->why = "nothing of a window is left in the next one";
    else if (f->period > MOST_PERIODS)
        f->why = "the hop fits its steps too seldom";
    f->flows = !f->why;
}

// The dimension of time of the output, from what becomes of it where the input is one column shorter; -1: it is not
// clear.
static int dimension_behind(const cv_node *n, int along) {
    const int64_t less = cv_flow_columns(n->in, along) - 1;
    const cv_shape in[CV_MAX_INPUTS] = {cv_flow_shape(n->in, along, less), cv_flow_shape(n->in1, along, less)};
    cv_shape out = in[0];
    char why[256];
    void *config = cv_alloc(1, n->op->config_size + 1);
    if (!config) return -1;
    if (n->op->config_size) memcpy(config, n->config, n->op->config_size);
    const bool good = !n->op->infer || n->op->infer(config, in, &out, why, sizeof why);
    free(config);
    if (!good || out.c != n->out.c || out.dims != n->out.dims) return -1;
    if (out.h == n->out.h && out.w == n->out.w - 1) return 1;
    return out.w == n->out.w && out.h == n->out.h - 1 ? 0 : -1;
}

// A node whose output column is made from `reach` input columns, `stride` apart from the next one's, the first of them
// behind `offset`.
typedef struct slide {
    int64_t reach, stride, offset;
} slide;

// Why a node does not flow though its inputs do; NULL: it does.
static const char *examine(const cv_node *n, const cv_flow *in, bool carry, cv_flow *out, slide *how) {
    *how = (slide){1, 1, 0};
    *out = (cv_flow){.flows = true, .along = in->along, .step = in->step};
    if (carry && n->op->carries && n->op->carries(n->config) && in->along && in->period == 1) {
        out->carries = true;
        out->fresh = in->fresh;
        if (n->out.dims == 1 || n->out.w != n->in.w) return "its output is no sequence any more";
    } else if (n->op->window) {
        const cv_window w = n->op->window(n->config, n->in);
        const int d = in->along;
        *how = (slide){(w.kernel[d] - 1) * w.dilation[d] + 1, w.stride[d], -w.padding[d]};
        out->step *= w.stride[d];
    } else if (n->op->by_pixel) {
        out->along = dimension_behind(n, in->along);
        if (out->along < 0) return "it mixes rows with channels";
    } else {
        return "it needs the whole window";
    }
    out->columns = cv_flow_columns(n->out, out->along);
    if (how->offset < 0 || (out->columns - 1) * how->stride + how->offset + how->reach > in->columns)
        return "it is padded in time";
    return NULL;
}

static bool same_flow(const cv_flow *a, const cv_flow *b) {
    return a->along == b->along && a->step == b->step && a->columns == b->columns;
}

static void flow_through(cv_layout *l, const cv_net *net, int i, int64_t hop, bool carry) {
    const cv_node *n = &net->node[i];
    cv_flow *out = &l->flow[i + 1];
    const int inputs = cv_node_inputs(n);
    slide how = {1, 1, 0};
    *out = (cv_flow){.flows = true};
    for (int k = 0; k < inputs; k++) {
        const cv_flow *in = &l->flow[n->input[k] + 1];
        if (!in->flows)
            out->why = "what it reads is computed anew";
        else if (!same_flow(in, &l->flow[n->input[0] + 1]) || (k && n->in1.h != n->in.h) || (k && n->in1.w != n->in.w))
            out->why = "its inputs differ in time";
    }
    if (!out->why) out->why = examine(n, &l->flow[n->input[0] + 1], carry, out, &how);
    if (!out->why) cv_flow_settle(out, hop);
    out->flows = !out->why;
    for (int k = 0; k < inputs; k++) {
        const cv_flow *in = &l->flow[n->input[k] + 1];
        cv_reach *reach = &l->reach[i][k];
        if (!in->flows) continue;
        *reach = (cv_reach){in->columns, in->columns};
        if (out->carries) *reach = (cv_reach){in->fresh, in->fresh};
        if (!out->flows || out->carries) continue;
        reach->keep = in->columns - (out->columns - out->fresh) * how.stride - how.offset;
        reach->used = (out->fresh - 1) * how.stride + how.reach;
    }
}

convo_status cv_layout_new(const cv_net *net, const cv_flow *input, int64_t hop, bool carry, cv_layout **layout,
                           convo_error *err) {
    cv_layout *l = *layout = cv_alloc(1, sizeof *l);
    if (!l) return cv_no_memory(err, "a stream");
    l->nodes = net->nodes;
    l->flow = cv_alloc((size_t)net->nodes + 1, sizeof *l->flow);
    l->reach = cv_alloc((size_t)net->nodes, sizeof *l->reach);
    if (!l->flow || !l->reach) {
        cv_layout_free(l);
        *layout = NULL;
        return cv_no_memory(err, "a stream");
    }
    l->flow[0] = *input;
    cv_flow_settle(&l->flow[0], hop);
    for (int i = 0; i < net->nodes; i++) flow_through(l, net, i, hop, carry);
    return CONVO_OK;
}
