// Layers with weights: the order in which kernels read them.
#include "ship/layers.h"

#include "base/limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// weight: [groups][outputs][depth][rows][columns], as PyTorch has it. to: see src/device/conv.c.
static void arrange_fours(const cv_sums *k, const float *weight, float *to) {
    const int64_t taps = k->rows * k->columns, fours = (k->outputs + 3) / 4;
    for (int64_t group = 0; group < k->groups; group++)
        for (int64_t four = 0; four < fours; four++)
            for (int64_t t = 0; t < taps; t++)
                for (int64_t c = 0; c < k->depth; c++)
                    for (int64_t o = 4 * four; o < 4 * four + 4; o++, to++) {
                        const int64_t from = k->order.c ? cv_channel_at(k->order, c) : c;
                        if (o < k->outputs) *to = weight[((group * k->outputs + o) * k->depth + from) * taps + t];
                    }
}

static void arrange_bias(const cv_sums *k, const float *bias, float *to) {
    const int64_t padded = (k->outputs + 3) / 4 * 4;
    for (int64_t group = 0; bias && group < k->groups; group++)
        memcpy(to + group * padded, bias + group * k->outputs, (size_t)k->outputs * sizeof *to);
}

bool cv_add_sums(cv_program *p, cv_device_call *c, const char *path, const cv_sums *k, const float *weight,
                 const float *bias) {
    const size_t outputs = (size_t)(k->groups * ((k->outputs + 3) / 4 * 4)),
                 taps = (size_t)(k->rows * k->columns * k->depth);
    float *to = cv_program_add_table(p, CV_TABLE_F32, outputs * taps, path, "weight"),
          *to_bias = cv_program_add_table(p, CV_TABLE_F32, outputs, path, "bias");
    if (!to || !to_bias) return false;
    arrange_fours(k, weight, to);
    arrange_bias(k, bias, to_bias);
    c->f32.weight = to;
    c->f32.bias = to_bias;
    c->f32.g.groups = (int32_t)k->groups;
    return true;
}

static convo_status add_weights(lowering *w, int i, const char *kernel, const cv_sums *k, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    float *weight = cv_node_tensor(w->net, n, "weight"), *bias = cv_node_tensor(w->net, n, "bias");
    cv_device_call *c = weight ? cv_lowering_call(w, i, kernel) : NULL;
    const bool added = c && cv_add_sums(w->program, c, n->path, k, weight, bias);
    free(weight);
    free(bias);
    return added ? CONVO_OK : cv_no_memory(err, n->path);
}

// [channel][taps] becomes [tap][channel].
static convo_status add_depthwise(lowering *w, int i, int64_t taps, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t channels = n->out.c;
    float *weight = cv_node_tensor(w->net, n, "weight"), *bias = cv_node_tensor(w->net, n, "bias");
    float *to = cv_program_add_table(w->program, CV_TABLE_F32, (size_t)(channels * taps), n->path, "weight"),
          *to_bias = cv_program_add_table(w->program, CV_TABLE_F32, (size_t)channels, n->path, "bias");
    cv_device_call *c = weight && to && to_bias ? cv_lowering_call(w, i, "depthwise") : NULL;
    if (c) {
        for (int64_t k = 0; k < channels; k++)
            for (int64_t t = 0; t < taps; t++) to[t * channels + k] = weight[k * taps + t];
        if (bias) memcpy(to_bias, bias, (size_t)channels * sizeof *bias);
        c->f32.weight = to;
        c->f32.bias = to_bias;
    }
    free(weight);
    free(bias);
    return c ? CONVO_OK : cv_no_memory(err, n->path);
}

convo_status cv_lower_conv(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t *kernel = cv_node_option(n, "kernel"), *stride = cv_node_option(n, "stride"),
                  *padding = cv_node_option(n, "padding"), *dilation = cv_node_option(n, "dilation"),
                  *groups = cv_node_option(n, "groups");
    const bool alone = *groups > 1 && *groups == n->in.c && n->in.c == n->out.c;
    const cv_sums k = {*groups, n->out.c / *groups, kernel[0], kernel[1], n->in.c / *groups, {0}};
    convo_status status =
        alone ? add_depthwise(w, i, kernel[0] * kernel[1], err) : add_weights(w, i, f->kernel, &k, err);
    cv_geometry *g = status ? NULL : &w->program->call[w->program->calls - 1].f32.g;
    for (int d = 0; g && d < 2; d++) {
        g->kernel[d] = (int32_t)kernel[d];
        g->stride[d] = (int32_t)stride[d];
        g->before[d] = (int32_t)padding[d];
        g->dilation[d] = (int32_t)dilation[d];
    }
    return status;
}

// [group's inputs][outputs][taps] becomes [outputs][group's inputs][taps], the last tap first.
static float *turn_kernels(const cv_sums *k, const float *weight) {
    const int64_t taps = k->rows * k->columns, size = k->groups * k->outputs * k->depth * taps;
    float *to = cv_alloc((size_t)size, sizeof *to);
    for (int64_t i = 0; to && i < size; i++) {
        const int64_t tap = i % taps, c = i / taps % k->depth, o = i / taps / k->depth;
        const int64_t group = o / k->outputs, output = o % k->outputs;
        to[i] = weight[((group * k->depth + c) * k->outputs + output) * taps + taps - 1 - tap];
    }
    return to;
}

// The convolution with the kernel turned round, over the map with zeros between its pixels.
convo_status cv_lower_convtranspose(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t *kernel = cv_node_option(n, "kernel"), *stride = cv_node_option(n, "stride"),
                  *padding = cv_node_option(n, "padding"), *dilation = cv_node_option(n, "dilation"),
                  groups = *(const int64_t *)cv_node_option(n, "groups");
    const cv_sums k = {groups, n->out.c / groups, kernel[0], kernel[1], n->in.c / groups, {0}};
    const cv_shape spread = {n->in.dims, n->in.c, (n->in.h - 1) * stride[0] + 1, (n->in.w - 1) * stride[1] + 1};
    float *given = cv_node_tensor(w->net, n, "weight"), *bias = cv_node_tensor(w->net, n, "bias");
    float *weight = given ? turn_kernels(&k, given) : NULL;
    int v = -1;
    if (cv_shape_size(spread) > CV_LIMIT_DEVICE) {
        free(given), free(bias), free(weight);
        return cv_fail(err, CONVO_LIMIT, n->where, "layer %s: %d numbers are the most of a map on a device", n->path,
                       CV_LIMIT_DEVICE);
    }
    cv_device_call *c = weight ? cv_lowering_between(w, i, "pad", cv_maps_of(spread), &v) : NULL;
    if (c) c->f32.g.stride[0] = (int32_t)stride[0], c->f32.g.stride[1] = (int32_t)stride[1];
    if (c) c = cv_lowering_call(w, i, f->kernel);
    const bool added = c && cv_add_sums(w->program, c, n->path, &k, weight, bias);
    if (added) c->x = v, c->f32.g.in = cv_maps_of(spread);
    for (int d = 0; added && d < 2; d++) {
        cv_geometry *g = &c->f32.g;
        g->kernel[d] = (int32_t)kernel[d];
        g->stride[d] = 1;
        g->dilation[d] = (int32_t)dilation[d];
        g->before[d] = (int32_t)((kernel[d] - 1) * dilation[d] - padding[d]);
    }
    free(given), free(bias), free(weight);
    return added ? CONVO_OK : cv_no_memory(err, n->path);
}

convo_status cv_lower_linear(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const cv_sums k = {1, n->out.c, 1, 1, n->in.c, cv_lowering_order(w, n)};
    const convo_status status = add_weights(w, i, f->kernel, &k, err);
    if (status) return status;
    cv_geometry *g = &w->program->call[w->program->calls - 1].f32.g;
    for (int d = 0; d < 2; d++) g->kernel[d] = g->stride[d] = g->dilation[d] = 1;
    return CONVO_OK;
}

// (x - mean) factor + shift as batchnorm.c has them, for each band of each channel.
convo_status cv_lower_norm(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t *given = cv_node_option(n, "bands"), bands = given ? *given : 1, channels = n->in.c;
    const double eps = *(const double *)cv_node_option(n, "eps");
    const size_t count = (size_t)(bands * channels);
    const cv_maps order = cv_lowering_order(w, n);
    float *weight = cv_node_tensor(w->net, n, "weight"), *bias = cv_node_tensor(w->net, n, "bias"),
          *mean = cv_node_tensor(w->net, n, "running_mean"), *var = cv_node_tensor(w->net, n, "running_var");
    float *factor = cv_program_add_table(w->program, CV_TABLE_F32, count, n->path, "factor"),
          *shift = cv_program_add_table(w->program, CV_TABLE_F32, count, n->path, "shift"),
          *middle = cv_program_add_table(w->program, CV_TABLE_F32, count, n->path, "mean");
    cv_device_call *c = mean && var && factor && shift && middle ? cv_lowering_call(w, i, f->kernel) : NULL;
    for (int64_t to = 0; c && to < (int64_t)count; to++) {
        const int64_t channel = n->in.dims == 1 ? cv_channel_at(order, to) : to % channels;
        const int64_t from = channel * bands + to / channels;
        factor[to] = (float)(1 / sqrt((double)var[from] + eps) * (weight ? (double)weight[from] : 1));
        shift[to] = bias ? bias[from] : 0;
        middle[to] = mean[from];
    }
    if (c) {
        if (n->in.dims == 1) w->order[i] = order;
        c->f32.weight = factor, c->f32.bias = shift, c->f32.third = middle;
        c->f32.g.groups = (int32_t)bands;
    }
    free(weight), free(bias), free(mean), free(var);
    return c ? CONVO_OK : cv_no_memory(err, n->path);
}

convo_status cv_lower_layernorm(lowering *w, int i, const form *f, convo_error *err) {
    enum { CHANNELS, ALL }; // as layernorm.c has them
    const cv_node *n = &w->net->node[i];
    const int64_t *groups = cv_node_option(n, "groups");
    const int *over = cv_node_option(n, "over");
    const bool each = over && *over == ALL && n->in.dims > 1; // a weight for every value
    const size_t count = (size_t)(each ? cv_shape_size(n->in) : n->in.c);
    float *weight = cv_node_tensor(w->net, n, "weight"), *bias = cv_node_tensor(w->net, n, "bias");
    float *to = cv_program_add_table(w->program, CV_TABLE_F32, count, n->path, "weight"),
          *to_bias = cv_program_add_table(w->program, CV_TABLE_F32, count, n->path, "bias");
    cv_device_call *c = to && to_bias ? cv_lowering_call(w, i, f->kernel) : NULL;
    for (size_t k = 0; c && k < count; k++) {
        const size_t from = each ? (size_t)cv_channel_at(cv_maps_of(n->in), (int64_t)k) : k;
        to[k] = weight ? weight[from] : 1;
        to_bias[k] = bias ? bias[from] : 0;
    }
    if (c) {
        c->f32.weight = to, c->f32.bias = to_bias;
        c->f32.a = (float)*(const double *)cv_node_option(n, "eps");
        c->f32.g.groups = groups ? (int32_t)*groups : 1;
        c->f32.g.kernel[0] = over && *over == CHANNELS;
        c->f32.g.kernel[1] = each;
    }
    free(weight), free(bias);
    return c ? CONVO_OK : cv_no_memory(err, n->path);
}
