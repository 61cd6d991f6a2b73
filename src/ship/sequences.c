// Layers of sequences: attention and recurrent layers, and what transformers put into a sequence and take out of it.
#include "ship/layers.h"

#include "base/limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Names a call after its layer and what it does there; so are its tables.
static void name_call(cv_device_call *c, const cv_node *n, const char *part) {
    cv_print(c->path, sizeof c->path, "%s.%s", n->path, part);
}

// Makes a call sums of each column alone. weight: [outputs][depth]
static bool sum_columns(lowering *w, cv_device_call *c, int64_t outputs, int64_t depth, const float *weight,
                        const float *bias) {
    const cv_sums sums = {1, outputs, 1, 1, depth, {0}};
    cv_geometry *g = &c->f32.g;
    for (int d = 0; d < 2; d++) g->kernel[d] = g->stride[d] = g->dilation[d] = 1;
    return weight && cv_add_sums(w->program, c, c->path, &sums, weight, bias);
}

static int add_work_floats(lowering *w, int64_t count) {
    return cv_program_add_value(w->program, (cv_maps){1, 1, (int32_t)count}, (size_t)count);
}

static convo_status check_numbers(const cv_node *n, int64_t count, convo_error *err) {
    if (count <= CV_LIMIT_DEVICE) return CONVO_OK;
    return cv_fail(err, CONVO_LIMIT, n->where, "layer %s: %d numbers are the most of a map on a device", n->path,
                   CV_LIMIT_DEVICE);
}

// --- attention ----------------------------------------------------------------------------------------------------

static bool add_attention(lowering *w, int i, const float *const tensor[4]) {
    const cv_node *n = &w->net->node[i];
    const int64_t channels = n->in.c, columns = n->in.w, heads = *(const int64_t *)cv_node_option(n, "heads");
    int qkv, joined;
    cv_device_call *c =
        cv_lowering_between(w, i, "conv", (cv_maps){1, (int32_t)columns, (int32_t)(3 * channels)}, &qkv);
    if (!c) return false;
    name_call(c, n, "in_proj");
    if (!sum_columns(w, c, 3 * channels, channels, tensor[0], tensor[1])) return false;
    const int work = add_work_floats(w, columns);
    c = work < 0 ? NULL : cv_lowering_between(w, i, "attention", cv_maps_of(n->in), &joined);
    if (!c) return false;
    name_call(c, n, "heads");
    c->x = qkv, c->x1 = work;
    c->f32.g.groups = (int32_t)heads;
    c->f32.a = 1 / sqrtf((float)(channels / heads));
    c = cv_lowering_call(w, i, "conv");
    if (!c) return false;
    name_call(c, n, "out_proj");
    c->x = joined;
    return sum_columns(w, c, channels, channels, tensor[2], tensor[3]);
}

convo_status cv_lower_attention(lowering *w, int i, const form *f, convo_error *err) {
    static const char *const names[4] = {"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"};
    const cv_node *n = &w->net->node[i];
    float *tensor[4];
    (void)f;
    CV_TRY(check_numbers(n, 3 * n->in.c * n->in.w, err));
    for (int k = 0; k < 4; k++) tensor[k] = cv_node_tensor(w->net, n, names[k]);
    const bool added = add_attention(w, i, (const float *const[]){tensor[0], tensor[1], tensor[2], tensor[3]});
    for (int k = 0; k < 4; k++) free(tensor[k]);
    return added ? CONVO_OK : cv_no_memory(err, n->path);
}

// --- recurrent layers ---------------------------------------------------------------------------------------------

// One direction of one layer.
typedef struct walked {
    int64_t gates, hidden, inputs, columns;
    bool backwards, last;
    int x;
    char tail[16]; // of its tensors' names: "l0_reverse"
} walked;

static float *tensor_of(const lowering *w, const cv_node *n, const char *kind, const char *tail) {
    char name[40];
    cv_print(name, sizeof name, "%s_%s", kind, tail);
    return cv_node_tensor(w->net, n, name);
}

// The sums of the input for all columns, then the steps. Returns the value of the states, -1 without memory.
static int add_walk(lowering *w, int i, const char *kernel, const walked *d) {
    const cv_node *n = &w->net->node[i];
    const int64_t rows = d->gates * d->hidden, padded = (rows + 3) / 4 * 4;
    float *ih = tensor_of(w, n, "weight_ih", d->tail), *hh = tensor_of(w, n, "weight_hh", d->tail);
    float *bias_ih = tensor_of(w, n, "bias_ih", d->tail), *bias_hh = tensor_of(w, n, "bias_hh", d->tail);
    int sums, y = -1, work = -1;
    char part[32];
    cv_device_call *c = cv_lowering_between(w, i, "conv", (cv_maps){1, (int32_t)d->columns, (int32_t)rows}, &sums);
    bool ok = c;
    if (ok) {
        cv_print(part, sizeof part, "ih_%s", d->tail);
        name_call(c, n, part);
        c->x = d->x;
        c->f32.g.in = (cv_maps){1, (int32_t)d->columns, (int32_t)d->inputs};
        ok = sum_columns(w, c, rows, d->inputs, ih, bias_ih);
        work = add_work_floats(w, padded + (d->gates > 3 ? d->hidden : 0));
    }
    const cv_maps states = {1, d->last ? 1 : (int32_t)d->columns, (int32_t)d->hidden};
    c = ok && work >= 0 ? cv_lowering_between(w, i, kernel, states, &y) : NULL;
    if (c) {
        cv_print(part, sizeof part, "hh_%s", d->tail);
        name_call(c, n, part);
        c->x = sums, c->x1 = work;
        c->f32.g.in = (cv_maps){1, (int32_t)d->columns, (int32_t)rows};
        ok = sum_columns(w, c, rows, d->hidden, hh, bias_hh);
        c->f32.g.kernel[0] = d->backwards, c->f32.g.kernel[1] = d->last;
    }
    free(ih), free(hh), free(bias_ih), free(bias_hh);
    return c && ok ? y : -1;
}

convo_status cv_lower_recurrent(lowering *w, int i, const form *f, convo_error *err) {
    enum { ALL_STEPS, LAST }; // as recurrent.h has them
    const cv_node *n = &w->net->node[i];
    const int64_t *hidden = cv_node_option(n, "hidden"), *layers = cv_node_option(n, "layers");
    const bool both = *(const bool *)cv_node_option(n, "bidirectional");
    walked d = {.gates = strcmp(f->kernel, "gru") ? 4 : 3, .hidden = *hidden, .inputs = n->in.c, .columns = n->in.w};
    d.x = n->input[0] < 0 ? 0 : w->value[n->input[0]];
    CV_TRY(check_numbers(n, d.gates * d.hidden * d.columns, err));
    for (int layer = 0; layer < *layers; layer++) {
        int y[2] = {-1, -1}, joined;
        d.last = layer + 1 == *layers && *(const int *)cv_node_option(n, "output") == LAST;
        for (int side = 0; side <= both; side++) {
            d.backwards = side;
            cv_print(d.tail, sizeof d.tail, "l%d%s", layer, side ? "_reverse" : "");
            y[side] = add_walk(w, i, f->kernel, &d);
            if (y[side] < 0) return cv_no_memory(err, n->path);
        }
        d.x = y[0];
        if (both) {
            const cv_maps half = {1, d.last ? 1 : (int32_t)d.columns, (int32_t)d.hidden},
                          whole = {1, half.w, 2 * half.c};
            cv_device_call *c = cv_lowering_between(w, i, "concat", whole, &joined);
            if (!c) return cv_no_memory(err, n->path);
            c->x = y[0], c->x1 = y[1];
            c->f32.g.in = c->f32.g.in1 = half;
            d.x = joined;
        }
        d.inputs = d.hidden * (1 + both);
    }
    w->value[i] = d.x;
    w->order[i] = cv_maps_of(n->out);
    return CONVO_OK;
}

// --- tokens -------------------------------------------------------------------------------------------------------

convo_status cv_lower_token(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    float *given = cv_node_tensor(w->net, n, "weight");
    float *weight = cv_program_add_table(w->program, CV_TABLE_F32, (size_t)n->in.c, n->path, "weight");
    cv_device_call *c = given && weight ? cv_lowering_call(w, i, f->kernel) : NULL;
    if (c) memcpy(weight, given, (size_t)n->in.c * sizeof *weight), c->f32.weight = weight;
    free(given);
    return c ? CONVO_OK : cv_no_memory(err, n->path);
}

convo_status cv_lower_position(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const size_t count = (size_t)(n->in.w * n->in.c);
    float *given = cv_node_tensor(w->net, n, "weight"); // [columns][channels], as it is here
    float *weight = cv_program_add_table(w->program, CV_TABLE_F32, count, n->path, "weight");
    cv_device_call *c = given && weight ? cv_lowering_call(w, i, f->kernel) : NULL;
    if (c) {
        memcpy(weight, given, count * sizeof *weight);
        c->f32.weight = weight;
        c->f32.g.in1 = c->f32.g.in;
    }
    free(given);
    return c ? CONVO_OK : cv_no_memory(err, n->path);
}

// Some channels of all columns as one pixel.
convo_status cv_lower_column(lowering *w, int i, const form *f, convo_error *err) {
    const cv_node *n = &w->net->node[i];
    const int64_t at = *(const int64_t *)cv_node_option(n, "at"), place = at < 0 ? at + n->in.w : at;
    cv_device_call *c = cv_lowering_call(w, i, f->kernel);
    if (!c) return cv_no_memory(err, n->path);
    c->f32.g.in = (cv_maps){1, 1, (int32_t)cv_shape_size(n->in)};
    c->f32.g.groups = (int32_t)(place * n->in.c);
    return CONVO_OK;
}
