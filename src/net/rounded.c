// Weights as 8-bit numbers hold them. A node that is .rounded reads them in every run rounded to whole steps, of which
// the largest weight of an output is 127; their gradient goes to the weights as they are (straight through).
// torch.fake_quantize_per_channel_affine, with -127 ... 127 and zero points of 0.
//
// A batch norm behind the layer multiplies all weights of an output, and their step, by one number: rounded here and
// then folded, or folded and then rounded, they are the same.
#include "net/runner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int cv_node_weight(const cv_net *net, const cv_node *n) {
    for (int t = 0; t < n->tensors; t++)
        if (!strcmp(net->tensor[n->tensor + t].spec.name, "weight")) return n->tensor + t;
    return -1;
}

static double round_half_even(double x) {
    const double step = 6755399441055744.0; // 1.5 * 2^52: what is added to it is rounded to whole numbers
    return x + step - step;
}

// Weights run by run, each of one output: all of it, or where they are in another order, a single one.
static void round_weights(const cv_node *n, const float *w, int64_t size, double *step, float *to) {
    const int64_t channels = n->out.c, run = n->op->channel ? 1 : size / channels;
    for (int64_t c = 0; c < channels; c++) step[c] = 0;
    for (int64_t i = 0; i < size; i += run) {
        double *largest = &step[n->op->channel ? n->op->channel(n->config, n->in, i) : i / run];
        for (int64_t k = i; k < i + run; k++) *largest = fmax(*largest, fabs((double)w[k]));
    }
    for (int64_t c = 0; c < channels; c++) step[c] = step[c] > 0 ? (double)(float)(step[c] / 127) : 1;
    for (int64_t i = 0; i < size; i += run) {
        const double s = step[n->op->channel ? n->op->channel(n->config, n->in, i) : i / run];
        for (int64_t k = i; k < i + run; k++) to[k] = (float)(round_half_even((double)w[k] / s) * s);
    }
}

static void round_node(void *context, int task, int worker) {
    const cv_runner *r = context;
    const cv_node *n = &r->net->node[task];
    if (!n->rounded) return;
    const cv_net_tensor *weight = &r->net->tensor[cv_node_weight(r->net, n)];
    round_weights(n, (const float *)r->net->values + weight->offset, (int64_t)weight->size,
                  r->steps + (size_t)worker * r->widest, r->rounded + weight->offset);
}

void cv_round_weights(const cv_runner *r) {
    if (r->rounded) cv_pool_run(r->pool, r->net->nodes, round_node, (void *)(uintptr_t)r);
}
