// ONNX operators that move values. Most change the view of a value only; a layer is made where some of a value is
// taken, values are joined, or zeros are added.
#include "exchange/import.h"

#include <inttypes.h>
#include <string.h>

static convo_status unknown_shape(const cv_import *d, const cv_graph_node *n) {
    return cv_import_refuse(d, n, "has a shape that is not known, or does not fit");
}

// A tensor [N, C H, W] or [N, C H W], of maps as they lie in memory, is a layer of its own.
static convo_status shape_eagerly(cv_import *d, const cv_graph_node *n, cv_import_value *x) {
    const cv_graph_node *next = cv_import_only_reader(d, n->output[0]);
    cv_import_layout l;
    if (x->raw && !d->moves && (x->view.dims != 2 || d->source->dims < 3)) return CONVO_OK; // the first layer decides
    if (x->raw) CV_TRY(cv_import_declare(d, n, NULL, x));
    if ((next && !strcmp(next->type, "InstanceNormalization")) || !cv_import_maps(&x->view, &l) || l.dims > 2 ||
        !cv_import_is_plain(d, x))
        return CONVO_OK;
    const cv_shape s = cv_import_shape(d, x);
    if (l.dims == 1 && s.dims > 1) return cv_import_flatten(d, n, x);
    const bool rows = l.dims == 2 && s.dims == 3 && cv_import_size(&x->view, 1) == s.c * s.h;
    return rows ? cv_import_arrange(d, n, &l, x) : CONVO_OK;
}

// A shape that cuts across the dimensions of the value needs its numbers in a row.
static convo_status set_dims(cv_import *d, const cv_graph_node *n, cv_import_value *x, const int64_t *to, int count) {
    const int64_t batch = cv_import_batch(d);
    if (!cv_import_reshape(&x->view, to, count, batch)) {
        CV_TRY(cv_import_vector(d, n, x));
        if (!cv_import_reshape(&x->view, to, count, batch)) return unknown_shape(d, n);
    }
    CV_TRY(shape_eagerly(d, n, x));
    return cv_import_name(d, x, n->output[0]);
}

static convo_status read_reshape(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_list to;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (!cv_import_wholes(d, n, "shape", 1, &to)) return unknown_shape(d, n);
    return set_dims(d, n, &x, to.whole, to.count);
}

static convo_status read_flatten(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int axis = cv_import_axis(cv_import_whole(n, "axis", 1), x.view.dims + 1);
    if (axis < 0) return unknown_shape(d, n);
    int64_t to[2] = {1, 1};
    for (int k = 0; k < x.view.dims; k++) {
        const int64_t size = cv_import_size(&x.view, k);
        int64_t *part = &to[k >= axis];
        *part = size < 0 || *part < 0 ? (size < 0 && *part == 1 ? size : size == 1 ? *part : -1) : *part * size;
    }
    return set_dims(d, n, &x, to, 2);
}

static convo_status read_transpose(cv_import *d, const cv_graph_node *n) {
    const cv_attribute *perm = cv_graph_attribute(n, "perm");
    int64_t order[CV_GRAPH_DIMS];
    unsigned seen = 0;
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int dims = x.view.dims;
    for (int k = 0; k < dims; k++) order[k] = dims - 1 - k;
    if (perm && perm->kind == CV_ATTRIBUTE_INTS && perm->count == (size_t)dims)
        memcpy(order, perm->ints, (size_t)dims * sizeof *order);
    for (int k = 0; k < dims; k++) seen |= order[k] >= 0 && order[k] < dims ? 1U << order[k] : 0;
    if ((perm && perm->count != (size_t)dims) || seen != (1U << dims) - 1)
        return cv_import_refuse(d, n, "permutes other dimensions than the %d of its input", dims);
    cv_import_permute(&x.view, order);
    return cv_import_name(d, &x, n->output[0]);
}

static convo_status read_squeeze(cv_import *d, const cv_graph_node *n) {
    const bool one = cv_import_batch(d) == 1;
    cv_import_value x;
    cv_import_list axes;
    bool named[CV_GRAPH_DIMS] = {false};
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const bool listed = cv_import_wholes(d, n, "axes", 1, &axes);
    for (int k = 0; listed && k < axes.count; k++) {
        const int axis = cv_import_axis(axes.whole[k], x.view.dims);
        const bool examples = axis >= 0 && cv_import_is_examples(&x.view, axis);
        if (axis < 0 || (examples ? !one : cv_import_size(&x.view, axis) != 1))
            return cv_import_refuse(d, n, "removes a dimension of more than one value");
        named[axis] = true;
    }
    for (int k = x.view.dims - 1; k >= 0; k--)
        if (listed ? named[k] : cv_import_size(&x.view, k) == 1) cv_import_remove(&x.view, k);
    CV_TRY(shape_eagerly(d, n, &x));
    return cv_import_name(d, &x, n->output[0]);
}

static convo_status read_unsqueeze(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_list axes;
    bool named[CV_GRAPH_DIMS] = {false};
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (!cv_import_wholes(d, n, "axes", 1, &axes) || x.view.dims + axes.count > CV_GRAPH_DIMS)
        return unknown_shape(d, n);
    const int dims = x.view.dims + axes.count;
    for (int k = 0; k < axes.count; k++) {
        const int axis = cv_import_axis(axes.whole[k], dims);
        if (axis < 0 || named[axis]) return unknown_shape(d, n);
        named[axis] = true;
    }
    for (int k = 0; k < dims; k++)
        if (named[k]) cv_import_insert(&x.view, k, cv_import_batch(d));
    return cv_import_name(d, &x, n->output[0]);
}

// Another type of numbers is the same value: all is computed in floats.
static convo_status read_cast(cv_import *d, const cv_graph_node *n) {
    enum { FLOAT = 1, HALF = 10, DOUBLE = 11, BFLOAT = 16 };
    const int64_t to = cv_import_whole(n, "to", 0);
    if (to != FLOAT && to != HALF && to != DOUBLE && to != BFLOAT && !cv_import_is_last(d, n->output[0]))
        return cv_import_refuse(d, n, "makes whole numbers of values");
    return cv_import_pass_on(d, n);
}

static convo_status read_argmax(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int axis = cv_import_axis(cv_import_whole(n, "axis", 0), x.view.dims);
    if (!cv_import_is_last(d, n->output[0]) || axis < 0 || cv_import_size(&x.view, axis) != cv_import_count(&x.view))
        return cv_import_refuse(d, n, "is inside the net, or not over the classes");
    cv_import_note(d, "%s: the last ArgMax is omitted: the model gives the scores from which it chooses", d->path);
    return cv_import_name(d, &x, n->output[0]);
}

// --- some of a value ----------------------------------------------------------------------------------------------

// A dimension whose positions are groups of channels, side by side: some of the groups. *done: it is that.
static convo_status take_groups(cv_import *d, const cv_graph_node *n, int dim, int64_t first, int64_t count,
                                cv_import_value *x, bool *done) {
    const int at = dim ? x->view.end[dim - 1] : 0;
    const cv_import_run outer = x->view.run[at];
    const int64_t order[CV_GRAPH_DIMS] = {0, 1, 2, 3, 4, 5, 6, 7};
    cv_setting s[2] = {{.name = "first"}, {.name = "count"}};
    *done = !x->raw && x->view.end[dim] == at + 1 && outer.axis == 0 && outer.step > 1 &&
            outer.size * outer.step == cv_import_shape(d, x).c;
    if (!*done) return CONVO_OK;
    cv_import_view view = x->view;
    view.run[at].size = count;
    cv_import_permute(&view, order); // without runs of 1
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, first * outer.step);
    cv_print(s[1].text, sizeof s[1].text, "%" PRId64, count * outer.step);
    x->view.dims = 0;
    CV_TRY(cv_import_apply(d, n, "split", s, 2, x, NULL));
    x->view = view;
    return CONVO_OK;
}

// `count` positions from `first` along a dimension.
static convo_status take_part(cv_import *d, const cv_graph_node *n, int dim, int64_t first, int64_t count,
                              cv_import_value *x) {
    cv_import_layout l;
    cv_setting s[2] = {{.name = "first"}, {.name = "count"}};
    if (count < 1) return cv_import_refuse(d, n, "takes nothing");
    if (first == 0 && count == cv_import_size(&x->view, dim)) return CONVO_OK;
    bool done;
    CV_TRY(take_groups(d, n, dim, first, count, x, &done));
    if (done) return CONVO_OK;
    if (!cv_import_channels(&x->view, dim, 1, &l))
        return cv_import_refuse(d, n, "cuts a dimension that holds examples");
    CV_TRY(cv_import_arrange(d, n, &l, x));
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, first);
    cv_print(s[1].text, sizeof s[1].text, "%" PRId64, count);
    return cv_import_apply(d, n, "split", s, 2, x, NULL);
}

static convo_status read_slice(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_list start, end, axes, step;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const bool listed = cv_import_wholes(d, n, "axes", 3, &axes), steps = cv_import_wholes(d, n, "", 4, &step);
    if (!cv_import_wholes(d, n, "starts", 1, &start) || !cv_import_wholes(d, n, "ends", 2, &end) ||
        start.count != end.count || (listed && axes.count != start.count) || (steps && step.count != start.count))
        return cv_import_refuse(d, n, "cuts where is not known");
    for (int k = 0; k < start.count; k++) {
        const int dim = cv_import_axis(listed ? axes.whole[k] : k, x.view.dims);
        if (dim < 0 || (steps && step.whole[k] != 1)) return cv_import_refuse(d, n, "takes every other value, or none");
        const int64_t size = cv_import_size(&x.view, dim);
        int64_t first = start.whole[k], last = end.whole[k];
        if (size < 0 && first == 0 && (last > 1 << 30 || last == size)) continue; // all examples
        if (size < 0 || first <= CV_IMPORT_UNKNOWN) return cv_import_refuse(d, n, "cuts the examples");
        first = first < 0 ? (first < -size ? 0 : first + size) : first > size ? size : first;
        last = last < 0 ? (last < -size ? 0 : last + size) : last > size ? size : last;
        CV_TRY(take_part(d, n, dim, first, last - first, &x));
    }
    return cv_import_name(d, &x, n->output[0]);
}

static convo_status read_gather(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_list index;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int dim = cv_import_axis(cv_import_whole(n, "axis", 0), x.view.dims);
    if (dim < 0 || !cv_import_wholes(d, n, "", 1, &index) || index.count < 1)
        return cv_import_refuse(d, n, "gathers values that are not known, or too many");
    const int64_t size = cv_import_size(&x.view, dim),
                  first = index.whole[0] < 0 ? index.whole[0] + size : index.whole[0];
    if (size < 0 && index.scalar && cv_import_batch(d) == 1 && (first == 0 || index.whole[0] == -1)) {
        cv_import_remove(&x.view, dim); // the one example
        return cv_import_name(d, &x, n->output[0]);
    }
    if (size < 0 || first < 0 || first >= size) return cv_import_refuse(d, n, "picks what is not there");
    for (int k = 1; k < index.count; k++)
        if (index.whole[k] != first + k || index.whole[k] >= size)
            return cv_import_refuse(d, n, "gathers values in another order");
    CV_TRY(take_part(d, n, dim, first, index.count, &x));
    if (index.scalar) cv_import_remove(&x.view, dim);
    return cv_import_name(d, &x, n->output[0]);
}

static convo_status read_split(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_list parts;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int dim = cv_import_axis(cv_import_whole(n, "axis", 0), x.view.dims);
    const int64_t size = dim < 0 ? -1 : cv_import_size(&x.view, dim), outputs = (int64_t)n->outputs,
                  each = (size + outputs - 1) / outputs;
    const bool listed = cv_import_wholes(d, n, "split", 1, &parts);
    int64_t first = 0;
    if (size < 0 || (listed && parts.count != outputs)) return cv_import_refuse(d, n, "splits what cannot be split");
    for (int64_t k = 0; k < outputs; k++) {
        const int64_t left = size - first, count = listed ? parts.whole[k] : each < left ? each : left;
        cv_import_value part = x;
        if (count < 1 || count > left) return cv_import_refuse(d, n, "splits into other sizes than it reads");
        if (*n->output[k]) {
            CV_TRY(take_part(d, n, dim, first, count, &part));
            CV_TRY(cv_import_name(d, &part, n->output[k]));
        }
        first += count;
    }
    return CONVO_OK;
}

// --- joining ------------------------------------------------------------------------------------------------------

// Constant columns in front of a sequence [N, columns, channels] or [N, channels, columns], as ViT's class token.
static convo_status add_tokens(cv_import *d, const cv_graph_node *n, size_t tokens) {
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, tokens, false, &x));
    const int dim = cv_import_axis(cv_import_whole(n, "axis", 1), x.view.dims), channel = 3 - dim;
    const cv_import_layout l = {.dims = 2, .count = {1, 0, 1}, .dim = {{channel}, {0}, {dim}}};
    if (n->inputs != tokens + 1 || x.view.dims != 3 || dim < 1 || !cv_import_is_examples(&x.view, 0))
        return cv_import_refuse(d, n, "joins constants to something else than the end of a sequence");
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    const size_t size = (size_t)cv_import_size(&x.view, channel);
    for (size_t k = tokens; k > 0; k--) {
        const cv_constant *c = cv_import_constant(d, n, k - 1);
        if (c->dims != 3 || c->count != size || c->dim[channel] != (int64_t)size)
            return cv_import_refuse(d, n, "joins constants that are more than a column of a sequence each");
        CV_TRY(cv_import_apply(d, n, "class_token", NULL, 0, &x, NULL));
        CV_TRY(cv_import_tensor(d, n, "weight", cv_import_floats(c, size, 1), size));
    }
    return cv_import_name(d, &x, n->output[0]);
}

static convo_status read_concat(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, y;
    cv_import_layout l;
    size_t tokens = 0;
    while (tokens < n->inputs && cv_import_constant(d, n, tokens)) tokens++;
    if (tokens && tokens < n->inputs) return add_tokens(d, n, tokens);
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (n->inputs == 1) return cv_import_name(d, &x, n->output[0]);
    const int dim = cv_import_axis(cv_import_whole(n, "axis", 1), x.view.dims);
    if (dim < 0 || !cv_import_channels(&x.view, dim, 1, &l)) return cv_import_refuse(d, n, "joins examples");
    CV_TRY(l.dims == 1 ? cv_import_vector(d, n, &x) : cv_import_arrange(d, n, &l, &x));
    for (size_t k = 1; k < n->inputs; k++) {
        CV_TRY(cv_import_input(d, n, k, false, &y));
        if (y.view.dims != x.view.dims || !cv_import_channels(&y.view, dim, 1, &l))
            return cv_import_refuse(d, n, "joins values of different dimensions");
        CV_TRY(l.dims == 1 ? cv_import_vector(d, n, &y) : cv_import_arrange(d, n, &l, &y));
        if (l.dims == 1) cv_import_join_runs(&x.view, dim);
        CV_TRY(cv_import_apply(d, n, "concat", NULL, 0, &x, &y));
    }
    return cv_import_name(d, &x, n->output[0]);
}

// --- zeros around maps ----------------------------------------------------------------------------------------------

// The pads of all dimensions, before and behind, whatever the version. false: they are not known.
static bool read_all_pads(const cv_import *d, const cv_graph_node *n, int dims, int64_t before[CV_GRAPH_DIMS],
                          int64_t behind[CV_GRAPH_DIMS]) {
    cv_import_list pads, axes;
    if (!cv_import_wholes(d, n, "pads", 1, &pads)) return false;
    const bool listed = cv_import_wholes(d, n, "", 3, &axes);
    const int count = listed ? axes.count : dims;
    for (int k = 0; k < dims; k++) before[k] = behind[k] = 0;
    if (pads.count != 2 * count) return false;
    for (int k = 0; k < count; k++) {
        const int dim = listed ? cv_import_axis(axes.whole[k], dims) : k;
        if (dim < 0) return false;
        before[dim] = pads.whole[k];
        behind[dim] = pads.whole[count + k];
    }
    return true;
}

// Rows and columns: dimensions 2 and on, or, where channels are last, those between.
static bool layout_of_pads(const cv_import_view *v, const int64_t *before, const int64_t *behind, cv_import_layout *l) {
    const int last = v->dims - 1;
    bool inside = true;
    for (int k = 0; k < v->dims; k++) {
        if (before[k] < 0 || behind[k] < 0 || before[k] > 1 << 20 || behind[k] > 1 << 20) return false;
        inside = inside && (k > 1 || !(before[k] | behind[k]));
    }
    if (inside) return cv_import_maps(v, l) && l->dims > 1;
    return !(before[0] | behind[0] | before[last] | behind[last]) && v->dims <= 4 &&
           cv_import_channels(v, last, 1, l) && l->dims == v->dims - 1;
}

static convo_status read_pad(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_layout l;
    int64_t before[CV_GRAPH_DIMS], behind[CV_GRAPH_DIMS];
    const cv_attribute *mode = cv_graph_attribute(n, "mode");
    const cv_graph_node *next = cv_import_only_reader(d, n->output[0]);
    double value = cv_import_number(n, "value", 0);
    CV_TRY(cv_import_input(d, n, 0, true, &x));
    if ((mode && mode->text && strcmp(mode->text, "constant") != 0) ||
        (cv_import_has(n, 2) && !cv_import_scalar(d, n, 2, &value)))
        return cv_import_refuse(d, n, "pads with something else than one number");
    if (!read_all_pads(d, n, x.view.dims, before, behind)) return cv_import_refuse(d, n, "has unknown pads");
    if (!layout_of_pads(&x.view, before, behind, &l))
        return cv_import_refuse(d, n, "crops, or pads dimensions other than rows and columns");
    const bool waits =
        value == 0 && l.dim[0][0] == 1 && next &&
        (!strcmp(next->type, "Conv") || !strcmp(next->type, "AveragePool") || !strcmp(next->type, "Pad"));
    if (!waits) CV_TRY(cv_import_pad(d, n, 0, &x));
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    for (int axis = 1; axis < 3; axis++)
        for (int k = 0; k < l.count[axis]; k++) {
            x.pad[axis - 1] += before[l.dim[axis][k]];
            x.pad[axis + 1] += behind[l.dim[axis][k]];
        }
    if (!waits) CV_TRY(cv_import_pad(d, n, value, &x));
    return cv_import_name(d, &x, n->output[0]);
}

// Of values whose shape is known it is computed with the constants.
static convo_status read_shape(cv_import *d, const cv_graph_node *n) {
    return cv_import_refuse(d, n, "is of a value without a shape");
}

const cv_import_operator cv_import_shapes[] = {
    {"ArgMax", read_argmax, "axis keepdims select_last_index"},
    {"Cast", read_cast, "to saturate"},
    {"Concat", read_concat, "axis"},
    {"DequantizeLinear", cv_import_rounding, "axis block_size output_dtype"},
    {"Flatten", read_flatten, "axis"},
    {"Gather", read_gather, "axis"},
    {"Identity", cv_import_pass_on, ""},
    {"Pad", read_pad, "mode pads value"},
    {"QuantizeLinear", cv_import_rounding, "axis block_size output_dtype saturate precision"},
    {"Reshape", read_reshape, "shape allowzero"},
    {"Shape", read_shape, "start end"},
    {"Slice", read_slice, "starts ends axes"},
    {"Split", read_split, "axis split num_outputs"},
    {"Squeeze", read_squeeze, "axes"},
    {"Transpose", read_transpose, "perm"},
    {"Unsqueeze", read_unsqueeze, "axes"},
    {0},
};
