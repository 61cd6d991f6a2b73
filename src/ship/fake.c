// The net that is trained for 8-bit numbers. Training changes the weights so that what they give is right although
// values and weights are rounded; the ranges are those that were measured, and stay.
#include "op/fake_quantize.h"
#include "ship/quantize.h"

#include <stdlib.h>
#include <string.h>

convo_status cv_program_keep_floats(const cv_program *p, const char *layers, cv_range *range, convo_error *err) {
    const char *rest = layers;
    for (cv_layer_entry e; cv_layer_next(&rest, &e);) {
        bool found = false;
        for (int i = 0; i < p->calls; i++) {
            const cv_device_call *c = &p->call[i];
            char path[sizeof c->path];
            for (const char *word = c->path; c->y >= 0 && *word; word += strspn(word, " ")) {
                const size_t length = strcspn(word, " ");
                cv_print(path, sizeof path, "%.*s", (int)length, word);
                if (cv_layer_covers(&e, path)) range[c->y].floats = found = true;
                word += length;
            }
        }
        if (!found)
            return cv_fail(err, CONVO_ARGUMENT, layers,
                           "no layer '%s' is computed on a device, so none can stay in floats: 'convo summary --on "
                           "device' lists them (a batch norm is part of the layer before it)",
                           e.text);
    }
    return CONVO_OK;
}

typedef struct faking {
    const cv_program *p;
    const cv_range *range;
    const cv_scale *scale;
    const cv_net *net, *folded;
} faking;

// The number of a node in the folded net, whose nodes keep their paths and their order; -1: it is folded into another.
static int folded_of(const faking *f, int node) {
    int k = -1;
    if (cv_net_fold_target(f->net, node) >= 0) return -1;
    for (int i = 0; i <= node; i++) k += cv_net_fold_target(f->net, i) < 0;
    return k;
}

static int value_of(const faking *f, int folded) {
    return f->p->made[folded + 1].value;
}

static bool is_i8_call(const faking *f, const cv_device_call *c) {
    return c->y >= 0 && !f->range[c->y].floats && cv_quantize_has_form(c);
}

static const cv_device_call *writer_of(const faking *f, int value) {
    for (int i = 0; i < f->p->calls; i++)
        if (f->p->call[i].y == value) return &f->p->call[i];
    return NULL;
}

// Whether a value is there in 8-bit numbers: they are what writes it or what reads it.
static bool is_i8_value(const faking *f, int v) {
    for (int i = 0; i < f->p->calls; i++) {
        const cv_device_call *c = &f->p->call[i];
        if ((cv_call_reads(c, v) || c->y == v) && is_i8_call(f, c)) return true;
    }
    return false;
}

static bool is_weighted(const faking *f, int node) {
    const int k = folded_of(f, node);
    const cv_device_call *c = k < 0 ? NULL : writer_of(f, value_of(f, k));
    return c && f->net->node[node].op->linear && is_i8_call(f, c);
}

// Whether node k of the folded net is followed by a clamp that its call does.
static bool is_clamped_later(const faking *f, int k) {
    for (int j = k + 1; j < f->folded->nodes; j++)
        if (f->folded->node[j].input[0] == k && f->folded->node[j].op->cuts && value_of(f, j) == value_of(f, k))
            return true;
    return false;
}

// The value that is complete behind a node of the net, in 8-bit numbers; -1: none is.
static int value_behind(const faking *f, int node) {
    const int target = cv_net_fold_target(f->net, node);
    for (int i = node + 1; target < 0 && i < f->net->nodes; i++)
        if (cv_net_fold_target(f->net, i) == node) return -1;
    const int k = folded_of(f, target < 0 ? node : target), v = value_of(f, k);
    const cv_node *n = &f->folded->node[k];
    const bool passed_on = value_of(f, n->input[0]) == v && !n->op->cuts;
    return passed_on || is_clamped_later(f, k) || !is_i8_value(f, v) ? -1 : v;
}

// Appends what rounds value v, which node `from` makes, and returns its number.
static convo_status add_rounding(const faking *f, cv_net *made, int v, int *from, convo_error *err) {
    const cv_fake_quantize config = {(double)f->scale[v].scale, f->scale[v].zero};
    const cv_node *n = *from < 0 ? NULL : &made->node[*from];
    const int input[CV_MAX_INPUTS] = {*from};
    char path[sizeof n->path], where[sizeof n->where];
    cv_print(path, sizeof path, "%s", n ? n->path : "input");
    cv_print(where, sizeof where, "%s", n ? n->where : "");
    CV_TRY(cv_net_add(made, cv_op_find(made->isa, "fake_quantize"), &config, input, path, where, err));
    *from = made->nodes - 1;
    return CONVO_OK;
}

// moved[i + 1]: what stands for node i of the net.
static convo_status add_all(const faking *f, cv_net *made, int *moved, convo_error *err) {
    moved[0] = -1;
    if (is_i8_value(f, 0)) CV_TRY(add_rounding(f, made, 0, &moved[0], err));
    for (int i = 0; i < f->net->nodes; i++) {
        const cv_node *n = &f->net->node[i];
        const int v = value_behind(f, i);
        int input[CV_MAX_INPUTS];
        for (int k = 0; k < CV_MAX_INPUTS; k++) input[k] = moved[n->input[k] + 1];
        CV_TRY(cv_net_add(made, n->op, n->config, input, n->path, n->where, err));
        made->node[made->nodes - 1].frozen = n->frozen;
        made->node[made->nodes - 1].rounded = is_weighted(f, i);
        moved[i + 1] = made->nodes - 1;
        if (v >= 0) CV_TRY(add_rounding(f, made, v, &moved[i + 1], err));
    }
    return cv_net_finish(made, err);
}

convo_status cv_program_fake(const cv_program *p, const cv_range *range, const cv_net *net, cv_net **fake,
                             convo_error *err) {
    cv_net *made = NULL, *folded = NULL;
    cv_scale *scale = cv_alloc((size_t)p->values, sizeof *scale);
    int *moved = cv_alloc((size_t)net->nodes + 1, sizeof *moved);
    convo_status status = CONVO_OK;
    *fake = NULL;
    if (!scale || !moved || !cv_quantize_scales(p, range, scale)) status = cv_no_memory(err, "a net of 8-bit numbers");
    if (!status) status = cv_net_fold(net, &folded, err);
    if (!status) status = cv_net_new(net->isa, net->input, &made, err);
    const faking f = {p, range, scale, net, folded};
    if (!status) status = add_all(&f, made, moved, err);
    if (!status) status = cv_net_copy(net, made, err);
    cv_net_free(folded);
    free(scale);
    free(moved);
    if (status)
        cv_net_free(made);
    else
        *fake = made;
    return status;
}
