// Layer norm and group norm: operators, and the forms in which exporters write them.
#include "exchange/import.h"

#include <inttypes.h>
#include <string.h>

static convo_status set_weights(cv_import *d, const cv_graph_node *n, const cv_graph_node *of[2],
                                const size_t input[2]) {
    static const char *const names[] = {"weight", "bias"};
    const cv_node *last = &d->net->node[d->net->nodes - 1];
    const int tensor = last->tensor;
    for (int t = 0; t < 2; t++) {
        const size_t size = d->net->tensor[tensor + t].size;
        const cv_constant *c = cv_import_constant(d, of[t], input[t]);
        if (cv_import_has(of[t], input[t]) && !c)
            return cv_import_refuse(d, n, "has a %s that is not constant", names[t]);
        float *values = c ? cv_import_floats(c, c->count, 1) : cv_alloc(size, sizeof(float));
        CV_TRY(cv_import_tensor(d, n, names[t], values, c ? c->count : size));
    }
    return CONVO_OK;
}

static convo_status add_layernorm(cv_import *d, const cv_graph_node *n, const cv_import_value *x, const char *over,
                                  const char *out) {
    cv_setting s[2] = {{.name = "eps"}, {.name = "over"}};
    cv_import_float_text((float)cv_import_number(n, "epsilon", 1e-5), s[0].text, sizeof s[0].text);
    cv_print(s[1].text, sizeof s[1].text, "%s", over);
    CV_TRY(cv_import_layer(d, n, "layernorm", s, 2, x, NULL, out));
    return set_weights(d, n, (const cv_graph_node *[]){n, n}, (const size_t[]){1, 2});
}

static convo_status read_layernorm(cv_import *d, const cv_graph_node *n) {
    const int64_t axis = cv_import_whole(n, "axis", -1);
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int dims = cv_import_shape(d, &x).dims;
    if (axis != 1 && axis != -dims)
        return cv_import_refuse(d, n,
                                "is over the last dimension; convo's are over the channels of each pixel, with a "
                                "Transpose on either side, or over everything, axis 1");
    return add_layernorm(d, n, &x, dims == 1 ? "channels" : "all", n->output[0]);
}

static const cv_graph_node *next_of_type(const cv_import *d, const cv_graph_node *n, const char *type) {
    const cv_graph_node *next = n ? cv_import_only_reader(d, n->output[0]) : NULL;
    return next && !strcmp(next->type, type) ? next : NULL;
}

static void claim(cv_import *d, const cv_graph_node *n) {
    d->claimed[n - d->graph->node] = true;
}

static bool has_order(const cv_graph_node *n, const int64_t *order, size_t count) {
    const cv_attribute *a = cv_graph_attribute(n, "perm");
    return a && a->kind == CV_ATTRIBUTE_INTS && a->count == count && !memcmp(a->ints, order, count * sizeof *order);
}

convo_status cv_import_turned_norm(cv_import *d, const cv_graph_node *n, bool *done) {
    const cv_graph_node *norm = next_of_type(d, n, "LayerNormalization"), *back = next_of_type(d, norm, "Transpose");
    cv_import_value x;
    *done = false;
    if (!back) return CONVO_OK;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int dims = cv_import_shape(d, &x).dims;
    const int64_t axis = cv_import_whole(norm, "axis", -1);
    const bool fits = dims == 2
                          ? has_order(n, (int64_t[]){0, 2, 1}, 3) && has_order(back, (int64_t[]){0, 2, 1}, 3)
                          : has_order(n, (int64_t[]){0, 2, 3, 1}, 4) && has_order(back, (int64_t[]){0, 3, 1, 2}, 4);
    if (dims < 2 || !fits || (axis != -1 && axis != dims)) return CONVO_OK;
    *done = true;
    claim(d, norm);
    claim(d, back);
    return add_layernorm(d, norm, &x, "channels", back->output[0]);
}

static convo_status add_groupnorm(cv_import *d, const cv_graph_node *n, const cv_import_value *x, int64_t groups,
                                  bool affine, const char *out) {
    cv_setting s[3] = {{.name = "eps"}, {.name = "groups"}, {.name = "affine"}};
    cv_import_float_text((float)cv_import_number(n, "epsilon", 1e-5), s[0].text, sizeof s[0].text);
    cv_print(s[1].text, sizeof s[1].text, "%" PRId64, groups);
    cv_print(s[2].text, sizeof s[2].text, "%s", affine ? "true" : "false");
    return cv_import_layer(d, n, "groupnorm", s, 3, x, NULL, out);
}

// Every channel by itself.
static convo_status read_instancenorm(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    CV_TRY(add_groupnorm(d, n, &x, cv_import_shape(d, &x).c, true, n->output[0]));
    return set_weights(d, n, (const cv_graph_node *[]){n, n}, (const size_t[]){1, 2});
}

static bool is_all(const cv_import *d, const cv_graph_node *n, size_t input, double number) {
    const cv_constant *c = cv_import_constant(d, n, input);
    for (size_t k = 0; c && k < c->count; k++)
        if (cv_import_element(c, k) != number) return false;
    return c;
}

// A product or sum of a value and a number for each of its channels: which input the numbers are, 2: it is not that.
static size_t numbers_of(const cv_import *d, const cv_graph_node *n, int64_t channels) {
    for (size_t k = 0; n && n->inputs == 2 && k < 2; k++) {
        const cv_constant *c = cv_import_constant(d, n, k);
        if (c && (int64_t)c->count == channels) return k;
    }
    return 2;
}

convo_status cv_import_grouped_norm(cv_import *d, const cv_graph_node *n, bool *done) {
    const cv_graph_node *norm = next_of_type(d, n, "InstanceNormalization"), *back = next_of_type(d, norm, "Reshape");
    cv_import_value x, to, from;
    *done = false;
    if (!back || !is_all(d, norm, 1, 1) || !is_all(d, norm, 2, 0)) return CONVO_OK;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const cv_shape in = cv_import_shape(d, &x);
    int64_t size[3];
    cv_import_sizes(in, size);
    bool fits = cv_import_wholes(d, n, "shape", 1, &to) && to.count == 3 && to.whole[1] > 0 &&
                in.c % to.whole[1] == 0 && cv_import_wholes(d, back, "shape", 1, &from) && from.count == in.dims + 1;
    for (int k = 0; fits && k < in.dims; k++) fits = from.whole[k + 1] == size[k] || from.whole[k + 1] == -1;
    if (!fits) return CONVO_OK;
    const cv_graph_node *times = next_of_type(d, back, "Mul"), *plus = next_of_type(d, times, "Add");
    const size_t weight = numbers_of(d, times, in.c), bias = numbers_of(d, plus, in.c);
    const bool affine = weight < 2 && bias < 2;
    *done = true;
    claim(d, norm);
    claim(d, back);
    if (!affine) return add_groupnorm(d, norm, &x, to.whole[1], false, back->output[0]);
    claim(d, times);
    claim(d, plus);
    CV_TRY(add_groupnorm(d, norm, &x, to.whole[1], true, plus->output[0]));
    return set_weights(d, norm, (const cv_graph_node *[]){times, plus}, (const size_t[]){weight, bias});
}

const cv_import_operator cv_import_norms[] = {
    {"InstanceNormalization", read_instancenorm, "epsilon"},
    {"LayerNormalization", read_layernorm, "axis epsilon stash_type"},
    {0},
};
