// From the layers of a net to calls of kernels. A layer that is not in the table at the end is refused by name.
//
// Kernels have the channels of a pixel side by side, layers have them apart. For maps that makes no difference but for
// the order of weights; a flattened map is in another order than the layers think, and whoever has weights for its
// values takes them in that order.
#include "ship/layers.h"

#include "base/limits.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

const void *cv_node_option(const cv_node *n, const char *name) {
    const cv_option *option = cv_option_find(n->op->schema, name);
    return option ? (const char *)n->config + option->offset : NULL;
}

float *cv_node_tensor(const cv_net *net, const cv_node *n, const char *name) {
    for (int t = n->tensor; t < n->tensor + n->tensors; t++) {
        if (strcmp(net->tensor[t].spec.name, name) != 0) continue;
        float *values = cv_alloc(net->tensor[t].size, sizeof *values);
        if (values) cv_net_read(net, t, values);
        return values;
    }
    return NULL;
}

cv_maps cv_maps_of(cv_shape s) {
    return (cv_maps){(int32_t)s.h, (int32_t)s.w, (int32_t)s.c};
}

int64_t cv_channel_at(cv_maps order, int64_t place) {
    return place % order.c * order.h * order.w + place / order.c;
}

static int input_value(const lowering *w, const cv_node *n, int k) {
    return n->input[k] < 0 ? 0 : w->value[n->input[k]];
}
cv_maps cv_lowering_order(const lowering *w, const cv_node *n) {
    return n->input[0] < 0 ? cv_maps_of(n->in) : w->order[n->input[0]];
}

// Value i of the net is that of its input.
static void pass_on(lowering *w, int i) {
    const cv_node *n = &w->net->node[i];
    w->value[i] = input_value(w, n, 0);
    w->order[i] = cv_lowering_order(w, n);
}

cv_device_call *cv_lowering_call(lowering *w, int i, const char *kernel) {
    const cv_node *n = &w->net->node[i];
    const cv_maps maps = cv_maps_of(n->out);
    const int y = cv_program_add_value(w->program, maps, (size_t)cv_shape_size(n->out));
    const int x1 = cv_node_inputs(n) > 1 ? input_value(w, n, 1) : -1;
    const int call = y < 0 ? -1 : cv_program_add_call(w->program, kernel, input_value(w, n, 0), x1, y, n->path);
    if (call < 0) return NULL;
    w->value[i] = y;
    w->order[i] = maps;
    cv_device_call *c = &w->program->call[call];
    c->f32.g.in = cv_maps_of(n->in);
    c->f32.g.out = maps;
    if (x1 >= 0) c->f32.g.in1 = cv_maps_of(n->in1);
    return c;
}

cv_device_call *cv_lowering_between(lowering *w, int i, const char *kernel, cv_maps maps, int *y) {
    const cv_node *n = &w->net->node[i];
    *y = cv_program_add_value(w->program, maps, (size_t)maps.h * (size_t)maps.w * (size_t)maps.c);
    const int call = *y < 0 ? -1 : cv_program_add_call(w->program, kernel, input_value(w, n, 0), -1, *y, n->path);
    if (call < 0) return NULL;
    cv_device_call *c = &w->program->call[call];
    c->f32.g.in = cv_maps_of(n->in);
    c->f32.g.out = maps;
    return c;
}

// --- activations --------------------------------------------------------------------------------------------------

// Whether somebody besides node i reads value v.
static bool is_read_elsewhere(const lowering *w, int v, int i) {
    for (int k = 0; k < w->program->calls; k++)
        if (w->program->call[k].x == v || w->program->call[k].x1 == v) return true;
    for (int j = i + 1; j < w->net->nodes; j++)
        for (int k = 0; k < cv_node_inputs(&w->net->node[j]); k++) {
            const int from = w->net->node[j].input[k];
            if (from < i && input_value(w, &w->net->node[j], k) == v) return true;
        }
    return false;
}

// The clamp of the call before where it has one, else a call of its own.
static convo_status lower_clamp(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const double *low = cv_node_option(n, "low"), *high = cv_node_option(n, "high");
    const int v = input_value(w, n, 0);
    cv_device_call *c = w->program->calls ? &w->program->call[w->program->calls - 1] : NULL;
    (void)f;
    if (c && c->y == v && c->kernel->clamps && c->f32.least == -FLT_MAX && c->f32.most == FLT_MAX &&
        !is_read_elsewhere(w, v, i)) {
        pass_on(w, i);
        cv_append(c->path, sizeof c->path, " %s", n->path);
    } else if ((c = cv_lowering_call(w, i, "clip"))) {
        w->order[i] = cv_lowering_order(w, n);
    } else {
        return cv_no_memory(err, n->path);
    }
    c->f32.least = low ? (float)*low : 0;
    c->f32.most = high ? (float)*high : !strcmp(n->op->name, "relu6") ? 6 : FLT_MAX;
    return CONVO_OK;
}

static convo_status lower_pointwise(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const double *alpha = cv_node_option(n, "alpha");
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, n->path);
    w->order[i] = cv_lowering_order(w, n);
    c->f32.a = alpha ? (float)*alpha : 1.67326324f; // those of selu
    c->f32.b = alpha ? 1 : 1.05070099f;
    return CONVO_OK;
}

static convo_status lower_leaky(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const double *slope = cv_node_option(n, "slope");
    const bool *per_channel = cv_node_option(n, "per_channel");
    const int64_t count = per_channel && *per_channel ? n->in.c : 1;
    float *weight = cv_program_add_table(w->program, CV_TABLE_F32, (size_t)count, n->path, "weight");
    float *from = slope ? NULL : cv_node_tensor(w->net, n, "weight");
    cv_device_call *c = weight && (slope || from) ? cv_lowering_call(w, i, f->kernel) : NULL;
    if (c) {
        const cv_maps order = cv_lowering_order(w, n);
        for (int64_t k = 0; k < count; k++)
            weight[k] = slope ? (float)*slope : from[n->in.dims == 1 && count > 1 ? cv_channel_at(order, k) : k];
        w->order[i] = order;
        c->f32.weight = weight;
        c->f32.g.groups = (int32_t)count;
    }
    free(from);
    return c ? CONVO_OK : cv_no_memory(err, n->path);
}

// --- what moves values --------------------------------------------------------------------------------------------

static convo_status lower_nothing(lowering *w, int i, const form *f, convo_error *err) {
    (void)f, (void)err;
    pass_on(w, i);
    return CONVO_OK;
}

// Whether all readers of node i do with its values in the order of maps.
static bool may_stay(const cv_net *net, int i) {
    bool read = false;
    for (int j = i + 1; j < net->nodes; j++)
        for (int k = 0; k < cv_node_inputs(&net->node[j]); k++) {
            if (net->node[j].input[k] != i) continue;
            const form *f = cv_form_find(net->node[j].op->name);
            if (!f || f->order == IN_ORDER || (f->order == ANY_ORDER && !may_stay(net, j))) return false;
            read = true;
        }
    return read;
}

static convo_status lower_flatten(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const cv_maps order = cv_lowering_order(w, n);
    const bool same = order.c == 1 || order.h * order.w == 1;
    if (same || may_stay(w->net, i)) {
        pass_on(w, i);
        if (same) w->order[i] = cv_maps_of(n->out);
        return CONVO_OK;
    }
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, n->path);
    c->f32.g.in = order;
    c->f32.g.kernel[0] = order.w, c->f32.g.kernel[1] = 1, c->f32.g.groups = order.h * order.w;
    return CONVO_OK;
}

static convo_status lower_sequence(lowering *w, int i, const form *f, convo_error *err) {
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, w->net->node[i].path);
    const cv_maps in = c->f32.g.in;
    c->f32.g.kernel[0] = 1, c->f32.g.kernel[1] = in.c * in.h, c->f32.g.groups = in.h;
    return CONVO_OK;
}

static convo_status lower_transpose(lowering *w, int i, const form *f, convo_error *err) {
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, w->net->node[i].path);
    const cv_maps in = c->f32.g.in;
    c->f32.g.kernel[0] = in.c, c->f32.g.kernel[1] = in.h * in.c, c->f32.g.groups = 1;
    return CONVO_OK;
}

// The dimensions of y in the order of the words of permute.c: where its channels, rows and columns come from.
static convo_status lower_permute(lowering *w, int i, const form *f, convo_error *err) {
    static const int from[][3] = {
        {2, 1, 0}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}; // 0 channels, 1 rows, 2 columns
    const int order = *(const int *)cv_node_option(&w->net->node[i], "order");
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, w->net->node[i].path);
    cv_geometry *g = &c->f32.g;
    const int32_t step[3] = {1, g->out.w * g->out.c, g->out.c}; // in y
    for (int d = 0; d < 3; d++) *(int32_t *[]){&g->groups, &g->kernel[0], &g->kernel[1]}[from[order][d]] = step[d];
    return CONVO_OK;
}

// First as the model counts them, then as maps of the other shape.
static convo_status lower_reshape(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const cv_maps in = cv_maps_of(n->in), out = cv_maps_of(n->out);
    int flat;
    cv_device_call *c = cv_lowering_between(w, i, f->kernel, (cv_maps){1, 1, (int32_t)cv_shape_size(n->in)}, &flat);
    if (!c) return cv_no_memory(err, n->path);
    c->f32.g.kernel[0] = in.w, c->f32.g.kernel[1] = 1, c->f32.g.groups = in.h * in.w;
    c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, n->path);
    c->x = flat;
    c->f32.g.in = (cv_maps){out.c, out.h, out.w}; // of the flat values, the columns of a map side by side
    c->f32.g.kernel[0] = 1, c->f32.g.kernel[1] = out.w * out.c, c->f32.g.groups = out.c;
    return CONVO_OK;
}

// One call, whose kernel needs no more than these: the first channel of split; the value of pad, and its padding in
// front (what is behind follows from the output).
static convo_status lower_call(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t *first = cv_node_option(n, "first"), *padding = cv_node_option(n, "padding");
    const double *value = cv_node_option(n, "value");
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, n->path);
    if (first) c->f32.g.groups = (int32_t)*first;
    for (int d = 0; padding && d < 2; d++) c->f32.g.before[d] = (int32_t)padding[d];
    if (value) c->f32.a = (float)*value;
    c->f32.g.stride[0] = c->f32.g.stride[1] = 1;
    return CONVO_OK;
}

// --- windows ------------------------------------------------------------------------------------------------------

static convo_status lower_pool(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t *kernel = cv_node_option(n, "kernel"), *stride = cv_node_option(n, "stride"),
                  *padding = cv_node_option(n, "padding"), size[2] = {n->in.h, n->in.w};
    const int *over = cv_node_option(n, "over"); // mean: 0 rows, 1 columns
    const bool *count_padding = cv_node_option(n, "count_padding");
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, n->path);
    cv_geometry *g = &c->f32.g;
    for (int d = 0; d < 2; d++) {
        const int64_t whole = over && *over != d ? 1 : size[d];
        g->kernel[d] = (int32_t)(kernel ? kernel[d] : whole);
        g->stride[d] = (int32_t)(stride ? stride[d] : whole);
        g->before[d] = padding ? (int32_t)padding[d] : 0;
        g->dilation[d] = 1;
    }
    c->f32.a = !strncmp(n->op->name, "sumpool", 7) ? 1
               : count_padding && !*count_padding  ? 0
                                                   : 1 / (float)(g->kernel[0] * g->kernel[1]);
    return CONVO_OK;
}

// Where the pixels can be shared out evenly, a window as others are; else kernel 0, see src/device/pool.h.
static convo_status lower_adaptive(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t in[2] = {n->in.h, n->in.w}, out[2] = {n->out.h, n->out.w};
    const bool even = in[0] % out[0] == 0 && in[1] % out[1] == 0;
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, n->path);
    for (int d = 0; even && d < 2; d++) c->f32.g.kernel[d] = c->f32.g.stride[d] = (int32_t)(in[d] / out[d]);
    c->f32.a = even ? 1 / (float)(c->f32.g.kernel[0] * c->f32.g.kernel[1]) : 0;
    return CONVO_OK;
}

// --- the table ----------------------------------------------------------------------------------------------------

static const form forms[] = {
    {"adaptiveavgpool1d", lower_adaptive, "avgpool", IN_ORDER},
    {"adaptiveavgpool2d", lower_adaptive, "avgpool", IN_ORDER},
    {"add", lower_call, "add", IN_ORDER},
    {"attention", cv_lower_attention, "conv", IN_ORDER},
    {"avgpool1d", lower_pool, "avgpool", IN_ORDER},
    {"avgpool2d", lower_pool, "avgpool", IN_ORDER},
    {"batchnorm", cv_lower_norm, "norm", ANY_ORDER},
    {"channel_dropout", lower_nothing, NULL, ANY_ORDER},
    {"class_token", cv_lower_token, "token", IN_ORDER},
    {"clip", lower_clamp, NULL, ANY_ORDER},
    {"column", cv_lower_column, "split", IN_ORDER},
    {"concat", lower_call, "concat", IN_ORDER},
    {"conv1d", cv_lower_conv, "conv", IN_ORDER},
    {"conv2d", cv_lower_conv, "conv", IN_ORDER},
    {"convtranspose1d", cv_lower_convtranspose, "conv", IN_ORDER},
    {"convtranspose2d", cv_lower_convtranspose, "conv", IN_ORDER},
    {"dropout", lower_nothing, NULL, ANY_ORDER},
    {"elu", lower_pointwise, "elu", ANY_ORDER},
    {"flatten", lower_flatten, "reorder", IN_ORDER},
    {"gelu", lower_pointwise, "gelu", ANY_ORDER},
    {"globalavgpool", lower_pool, "avgpool", IN_ORDER},
    {"globalmaxpool", lower_pool, "maxpool", IN_ORDER},
    {"groupnorm", cv_lower_layernorm, "layernorm", IN_ORDER},
    {"gru", cv_lower_recurrent, "gru", IN_ORDER},
    {"hardsigmoid", lower_pointwise, "hardsigmoid", ANY_ORDER},
    {"hardswish", lower_pointwise, "hardswish", ANY_ORDER},
    {"layernorm", cv_lower_layernorm, "layernorm", IN_ORDER},
    {"leaky_relu", lower_leaky, "leaky", ANY_ORDER},
    {"linear", cv_lower_linear, "conv", OWN_ORDER},
    {"lstm", cv_lower_recurrent, "lstm", IN_ORDER},
    {"maxpool1d", lower_pool, "maxpool", IN_ORDER},
    {"maxpool2d", lower_pool, "maxpool", IN_ORDER},
    {"mean", lower_pool, "avgpool", IN_ORDER},
    {"pad1d", lower_call, "pad", IN_ORDER},
    {"pad2d", lower_call, "pad", IN_ORDER},
    {"permute", lower_permute, "reorder", IN_ORDER},
    {"position_embedding", cv_lower_position, "add", IN_ORDER},
    {"prelu", lower_leaky, "leaky", ANY_ORDER},
    {"relu", lower_clamp, NULL, ANY_ORDER},
    {"relu6", lower_clamp, NULL, ANY_ORDER},
    {"reshape", lower_reshape, "reorder", IN_ORDER},
    {"scale", lower_call, "scale", IN_ORDER},
    {"selu", lower_pointwise, "elu", ANY_ORDER},
    {"sequence", lower_sequence, "reorder", IN_ORDER},
    {"sigmoid", lower_pointwise, "sigmoid", ANY_ORDER},
    {"silu", lower_pointwise, "silu", ANY_ORDER},
    {"softmax", lower_call, "softmax", IN_ORDER},
    {"split", lower_call, "split", IN_ORDER},
    {"subspectralnorm", cv_lower_norm, "norm", IN_ORDER},
    {"sumpool1d", lower_pool, "avgpool", IN_ORDER},
    {"sumpool2d", lower_pool, "avgpool", IN_ORDER},
    {"tanh", lower_pointwise, "tanh", ANY_ORDER},
    {"transpose", lower_transpose, "reorder", IN_ORDER},
};

const form *cv_form_find(const char *op) {
    for (size_t k = 0; k < CV_COUNT(forms); k++)
        if (!strcmp(forms[k].op, op)) return &forms[k];
    return NULL;
}

convo_status cv_program_layers(const cv_ship *ship, cv_program *p, convo_error *err) {
    const cv_net *net = ship->net;
    lowering w = {.program = p, .net = net, .value = cv_alloc((size_t)net->nodes + 1, sizeof *w.value)};
    w.order = cv_alloc((size_t)net->nodes + 1, sizeof *w.order);
    convo_status status = w.value && w.order ? CONVO_OK : cv_no_memory(err, "a program");
    for (int i = 0; !status && i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        const form *f = cv_form_find(n->op->name);
        char formula[256];
        if (!f)
            status = cv_fail(err, CONVO_UNSUPPORTED, n->where, "layer %s: %s has no form for devices yet", n->path,
                             n->op->name);
        else if (cv_shape_size(n->in) > CV_LIMIT_DEVICE || cv_shape_size(n->out) > CV_LIMIT_DEVICE)
            status = cv_fail(err, CONVO_LIMIT, n->where, "layer %s: %d numbers are the most of a map on a device",
                             n->path, CV_LIMIT_DEVICE);
        else
            status = f->lower(&w, i, f, err);
        if (n->op->cost) p->macs += n->op->cost(n->config, n->in, n->out, formula, sizeof formula);
    }
    p->logits = net->nodes && !status ? w.value[net->nodes - 1] : 0;
    p->outputs = (int)cv_shape_size(cv_net_output(net));
    p->made = cv_alloc((size_t)net->nodes + 1, sizeof *p->made);
    if (!p->made && !status) status = cv_no_memory(err, "a program");
    for (int i = -1; !status && i < net->nodes; i++) p->made[p->mades++] = (struct cv_made){i < 0 ? 0 : w.value[i], -1};
    free(w.value);
    free(w.order);
    return status;
}
