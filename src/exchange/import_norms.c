// Norms: of the batch, of layers, of groups.
#include "exchange/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// --- of the batch -------------------------------------------------------------------------------------------------

// A tensor [N, C B, H / B, W], made of maps [N, C, H, W]: batch norm by bands of rows. 1: it is not that.
static int64_t bands_of(const cv_import *d, const cv_import_value *x) {
    const int64_t *in = d->source->dim;
    const bool maps = x->raw && d->source->dims == 4;
    const cv_shape s =
        x->raw ? (cv_shape){maps ? 3 : 1, in[1], maps ? in[2] : 1, maps ? in[3] : 1} : cv_import_shape(d, x);
    const cv_import_view *v = &x->view;
    if (s.dims != 3 || v->dims != 4 || !cv_import_is_plain(d, x) || !cv_import_is_examples(v, 0)) return 1;
    const int64_t bands = cv_import_size(v, 1) / s.c;
    return bands > 1 && cv_import_size(v, 1) == bands * s.c && cv_import_size(v, 3) == s.w &&
                   cv_import_size(v, 2) * bands == s.h
               ? bands
               : 1;
}

static convo_status read_batchnorm(cv_import *d, const cv_graph_node *n) {
    static const char *const tensors[] = {"weight", "bias", "running_mean", "running_var"};
    cv_setting s[3] = {{.name = "eps"}, {.name = "momentum"}, {.name = "bands"}};
    cv_import_value x;
    cv_import_layout l;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int64_t bands = bands_of(d, &x);
    cv_print(s[2].text, sizeof s[2].text, "%" PRId64, bands);
    if (cv_import_whole(n, "training_mode", 0) || !cv_import_whole(n, "spatial", 1))
        return cv_import_refuse(d, n, "is in training mode, or not per channel: export the net for inference");
    cv_import_float_text((float)cv_import_number(n, "epsilon", 1e-5), s[0].text, sizeof s[0].text);
    // PyTorch's momentum is the weight of the newest batch, ONNX's that of the past.
    cv_print(s[1].text, sizeof s[1].text, "%.6g", 1 - cv_import_number(n, "momentum", 0.9));
    if (bands == 1 && (x.view.dims < 2 || !cv_import_channels(&x.view, 1, 1, &l)))
        return cv_import_refuse(d, n, "reads a value without channels");
    CV_TRY(bands == 1 ? cv_import_arrange(d, n, &l, &x) : cv_import_declare(d, n, NULL, &x));
    CV_TRY(cv_import_layer(d, n, bands > 1 ? "subspectralnorm" : "batchnorm", s, bands > 1 ? 3 : 2, &x, NULL,
                           n->output[0]));
    for (size_t k = 0; k < CV_COUNT(tensors); k++) {
        const cv_constant *c = cv_import_constant(d, n, k + 1);
        if (!c) return cv_import_refuse(d, n, "has no constant %s", tensors[k]);
        CV_TRY(cv_import_tensor(d, n, tensors[k], cv_import_floats(c, c->count, 1), c->count));
    }
    return CONVO_OK;
}

// --- of one example -----------------------------------------------------------------------------------------------

// A weight and a bias, inputs 1 and 2 of nodes, where each number has its place. place: NULL, they are in order.
static convo_status set_weights(cv_import *d, const cv_graph_node *n, const cv_graph_node *of[2], const size_t input[2],
                                const size_t *place) {
    static const char *const names[] = {"weight", "bias"};
    const cv_node *last = &d->net->node[d->net->nodes - 1];
    const int tensor = last->tensor;
    for (int t = 0; t < 2; t++) {
        const size_t size = d->net->tensor[tensor + t].size;
        const cv_constant *c = cv_import_constant(d, of[t], input[t]);
        if (cv_import_has(of[t], input[t]) && !c)
            return cv_import_refuse(d, n, "has a %s that is not constant", names[t]);
        if (c && c->count != size && c->count != 1)
            return cv_import_refuse(d, n, "has %zu numbers for its %s, but needs %zu", c->count, names[t], size);
        float *values = cv_alloc(size, sizeof *values);
        for (size_t i = 0; values && i < size; i++)
            values[place ? place[i] : i] = c ? (float)cv_import_element(c, c->count == 1 ? 0 : i) : t == 0 ? 1 : 0;
        CV_TRY(cv_import_tensor(d, n, names[t], values, size));
    }
    return CONVO_OK;
}

// Over the last dimensions, from `axis`: of a value's all, or those that become its channels.
static convo_status read_layernorm(cv_import *d, const cv_graph_node *n) {
    cv_setting s[2] = {{.name = "eps"}, {.name = "over"}};
    cv_import_value x;
    cv_import_layout l;
    cv_import_list axes;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int dims = x.view.dims;
    int first = cv_import_axis(cv_import_whole(n, "axis", -1), dims), count = dims - first;
    if (cv_import_wholes(d, n, "axes", 9, &axes)) { // written out: any that lie side by side
        first = dims;
        count = axes.count;
        for (int k = 0; k < count; k++) {
            const int axis = cv_import_axis(axes.whole[k], dims);
            first = axis < first ? axis : first;
        }
    }
    if (first < 0 || count < 1 || !cv_import_channels(&x.view, first, count, &l))
        return cv_import_refuse(d, n, "is over the examples, or an axis that is not there");
    const bool all = l.dims == 1;
    cv_import_float_text((float)cv_import_number(n, "epsilon", 1e-5), s[0].text, sizeof s[0].text);
    if (all) CV_TRY(cv_import_declare(d, n, NULL, &x));
    if (!all) CV_TRY(cv_import_arrange(d, n, &l, &x));
    cv_print(s[1].text, sizeof s[1].text, "%s", all && cv_import_shape(d, &x).dims > 1 ? "all" : "channels");
    size_t *place = all ? cv_import_places(d, &x) : NULL;
    if (all && !place) return cv_no_memory(d->err, d->path);
    convo_status status = cv_import_layer(d, n, "layernorm", s, 2, &x, NULL, n->output[0]);
    if (!status) status = set_weights(d, n, (const cv_graph_node *[]){n, n}, (const size_t[]){1, 2}, place);
    free(place);
    return status;
}

static convo_status add_groupnorm(cv_import *d, const cv_graph_node *n, int64_t groups, bool affine,
                                  cv_import_value *x) {
    cv_setting s[3] = {{.name = "eps"}, {.name = "groups"}, {.name = "affine"}};
    cv_import_float_text((float)cv_import_number(n, "epsilon", 1e-5), s[0].text, sizeof s[0].text);
    cv_print(s[1].text, sizeof s[1].text, "%" PRId64, groups);
    cv_print(s[2].text, sizeof s[2].text, "%s", affine ? "true" : "false");
    return cv_import_apply(d, n, "groupnorm", s, 3, x, NULL);
}

static const cv_graph_node *next_of_type(const cv_import *d, const cv_graph_node *n, const char *type) {
    const cv_graph_node *next = n ? cv_import_only_reader(d, n->output[0]) : NULL;
    return next && !strcmp(next->type, type) ? next : NULL;
}

bool cv_import_is_all(const cv_import *d, const cv_graph_node *n, size_t input, double number) {
    const cv_constant *c = cv_import_constant(d, n, input);
    for (size_t k = 0; c && k < c->count; k++)
        if (cv_import_element(c, k) != number) return false;
    return c;
}

// A product or sum of a value and a number for each of its channels: which input the numbers are, 2: it is not that.
static size_t numbers_of(const cv_import *d, const cv_graph_node *n, int64_t channels) {
    for (size_t k = 0; n && n->inputs == 2 && k < 2; k++) {
        const cv_constant *c = cv_import_constant(d, n, k);
        if (c && (int64_t)c->count == channels && (c->dims > 1 || channels == 1)) return k;
    }
    return 2;
}

// A tensor [N, groups, ...] of values with more channels: what follows, a Reshape back, weights and biases, belongs to
// the norm.
static convo_status add_grouped_norm(cv_import *d, const cv_graph_node *n, cv_import_value *x) {
    const int64_t groups = cv_import_size(&x->view, 1), channels = cv_import_shape(d, x).c;
    const cv_graph_node *back = next_of_type(d, n, "Reshape"), *times = next_of_type(d, back, "Mul"),
                        *plus = next_of_type(d, times, "Add");
    const size_t weight = numbers_of(d, times, channels), bias = numbers_of(d, plus, channels);
    cv_import_list to;
    const bool affine = weight < 2 && bias < 2 && cv_import_wholes(d, back, "shape", 1, &to);
    CV_TRY(add_groupnorm(d, n, groups, affine, x));
    if (!affine) return cv_import_name(d, x, n->output[0]);
    CV_TRY(set_weights(d, n, (const cv_graph_node *[]){times, plus}, (const size_t[]){weight, bias}, NULL));
    // The nodes between are read for the shape that they make; then the sum is the norm itself.
    if (!cv_import_reshape(&x->view, to.whole, to.count, cv_import_batch(d)))
        return cv_import_refuse(d, back, "has a shape that is not known, or does not fit");
    cv_import_claim(d, back);
    cv_import_claim(d, times);
    cv_import_claim(d, plus);
    return cv_import_name(d, x, plus->output[0]);
}

static convo_status read_instancenorm(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_layout l;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int64_t own = !x.raw ? cv_import_shape(d, &x).c : d->source->dims > 2 ? d->source->dim[1] : 0;
    if (x.view.dims < 2) return cv_import_refuse(d, n, "reads a value without channels");
    const int64_t groups = cv_import_size(&x.view, 1);
    if (own && groups > 0 && own % groups == 0 && cv_import_is_plain(d, &x) && cv_import_is_all(d, n, 1, 1) &&
        cv_import_is_all(d, n, 2, 0)) {
        CV_TRY(cv_import_declare(d, n, NULL, &x));
        return add_grouped_norm(d, n, &x);
    }
    if (!cv_import_channels(&x.view, 1, 1, &l)) return cv_import_refuse(d, n, "reads a value without channels");
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    CV_TRY(add_groupnorm(d, n, cv_import_shape(d, &x).c, true, &x)); // every channel by itself
    CV_TRY(set_weights(d, n, (const cv_graph_node *[]){n, n}, (const size_t[]){1, 2}, NULL));
    return cv_import_name(d, &x, n->output[0]);
}

// Weights for each channel; in opset 18, for each group.
static convo_status read_groupnorm(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_layout l;
    const int64_t groups = cv_import_whole(n, "num_groups", 1);
    const cv_constant *scale = cv_import_constant(d, n, 1);
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (x.view.dims < 2 || !cv_import_channels(&x.view, 1, 1, &l) || !scale)
        return cv_import_refuse(d, n, "reads a value without channels, or has weights that are not constant");
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    if (scale->count != (size_t)cv_import_shape(d, &x).c && scale->count != 1)
        return cv_import_refuse(d, n, "has weights for groups: export the model with opset 21");
    CV_TRY(add_groupnorm(d, n, groups, true, &x));
    CV_TRY(set_weights(d, n, (const cv_graph_node *[]){n, n}, (const size_t[]){1, 2}, NULL));
    return cv_import_name(d, &x, n->output[0]);
}

const cv_import_operator cv_import_norms[] = {
    {"BatchNormalization", read_batchnorm, "epsilon momentum training_mode spatial is_test"},
    {"GroupNormalization", read_groupnorm, "epsilon num_groups stash_type"},
    {"InstanceNormalization", read_instancenorm, "epsilon"},
    {"LayerNormalization", read_layernorm, "axis axes epsilon stash_type"},
    {0},
};
