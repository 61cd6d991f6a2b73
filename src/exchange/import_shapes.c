// ONNX operators that change shapes, and those that compute the numbers of a shape on the way: x.view(x.size(0), -1) of
// PyTorch is Shape, Gather, Unsqueeze, Concat and Reshape.
#include "exchange/import.h"

#include <inttypes.h>
#include <string.h>

static convo_status make_vector(cv_import *d, const cv_graph_node *n, const cv_import_value *x) {
    if (cv_import_shape(d, x).dims == 1) return cv_import_pass_on(d, n);
    return cv_import_layer(d, n, "flatten", NULL, 0, x, NULL, n->output[0]);
}

static convo_status read_flatten(cv_import *d, const cv_graph_node *n) {
    const int64_t axis = cv_import_whole(n, "axis", 1);
    cv_import_value x;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (axis != 1 && axis != -cv_import_shape(d, &x).dims)
        return cv_import_refuse(d, n, "starts at axis %" PRId64 ", not 1", axis);
    return make_vector(d, n, &x);
}

static convo_status add_wholes(cv_import *d, const cv_graph_node *n, cv_import_value made) {
    made.name = n->output[0];
    made.kind = CV_IMPORT_WHOLE;
    return cv_import_add(d, &made);
}

// The net's input, before any layer has read it, may be looked at in another shape: its numbers stay where they are.
static convo_status set_input_shape(cv_import *d, const cv_graph_node *n, const cv_import_value *x, const int64_t *size,
                                    int dims) {
    int64_t left = cv_shape_size(d->net->input);
    bool fits = x->node < 0 && !d->net->nodes && dims >= 1 && dims <= 3;
    for (int k = 0; fits && k < dims; k++) {
        fits = size[k] > 0 && left % size[k] == 0;
        if (fits) left /= size[k];
    }
    if (!fits || left != 1) return cv_import_refuse(d, n, "changes the shape inside the net, and not to a vector");
    d->net->input = (cv_shape){dims, size[0], dims == 3 ? size[1] : 1, dims > 1 ? size[dims - 1] : 1};
    return cv_import_pass_on(d, n);
}

// A list of numbers as a table, and back: [-1, 2] and [-1].
static convo_status reshape_wholes(cv_import *d, const cv_graph_node *n, cv_import_value numbers) {
    cv_import_value to;
    if (!cv_import_wholes(d, n, "shape", 1, &to) || to.count < 1 || to.count > 2 || to.whole[0] != -1 ||
        (to.count == 2 && (to.whole[1] < 1 || to.whole[1] > CV_IMPORT_INTS || numbers.count % to.whole[1])))
        return cv_import_refuse(d, n, "has an unknown shape");
    numbers.columns = to.count == 2 ? (int)to.whole[1] : 0;
    numbers.scalar = false;
    return add_wholes(d, n, numbers);
}

// Rows in bands, a batch norm, and the bands as rows again: the nodes behind the Reshape. NULL: it is not that.
static const cv_graph_node *norm_of_bands(const cv_import *d, const cv_graph_node *n, const cv_graph_node **back) {
    const cv_graph_node *norm = cv_import_only_reader(d, n->output[0]);
    *back = norm && !strcmp(norm->type, "BatchNormalization") ? cv_import_only_reader(d, norm->output[0]) : NULL;
    return *back && !strcmp((*back)->type, "Reshape") ? norm : NULL;
}

// Whether a Reshape makes maps of this shape.
static bool makes_shape(const cv_import *d, const cv_graph_node *n, cv_shape s) {
    const int64_t size[3] = {s.c, s.h, s.w};
    cv_import_value to;
    bool same = cv_import_wholes(d, n, "shape", 1, &to) && to.count == 4;
    for (int k = 0; k < 3 && same; k++) same = to.whole[k + 1] == size[k] || to.whole[k + 1] == -1;
    return same;
}

static convo_status read_reshape(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, to;
    bool done;
    if (cv_import_wholes(d, n, "", 0, &x)) return reshape_wholes(d, n, x);
    CV_TRY(cv_import_grouped_norm(d, n, &done));
    if (done) return CONVO_OK;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const cv_shape in = cv_import_shape(d, &x);
    const int64_t all = cv_shape_size(in), batch = d->graph->input.dim[0];
    int64_t size[3], known = 1, first;
    int open = 0;
    cv_import_sizes(in, size);
    if (!cv_import_wholes(d, n, "shape", 1, &to) || to.count < 2)
        return cv_import_refuse(d, n, "has an unknown shape, or one without a batch");
    for (int k = 1; k < to.count; k++) {
        if (k <= in.dims && to.whole[k] == 0) to.whole[k] = size[k - 1]; // 0: as it was
        if (to.whole[k] == -1 && !open)
            open = k;
        else if (to.whole[k] < 1 || known > all / to.whole[k])
            return cv_import_refuse(d, n, "has a shape that does not fit");
        else
            known *= to.whole[k];
    }
    first = to.whole[0];
    if (first != CV_IMPORT_BATCH && first != 0 && !(first == -1 && !open) && !(first > 0 && first == batch))
        return cv_import_refuse(d, n, "does not leave the batch as it is");
    if (open) to.whole[open] = all / known;
    if (to.count == 2 && to.whole[1] == all) return make_vector(d, n, &x);
    if (to.count == 3 && in.dims == 3 && to.whole[1] == in.c * in.h && to.whole[2] == in.w)
        return cv_import_layer(d, n, "sequence", NULL, 0, &x, NULL, n->output[0]);
    const cv_graph_node *back, *norm = norm_of_bands(d, n, &back);
    const int64_t bands = in.dims == 3 && to.count == 4 && to.whole[1] % in.c == 0 ? to.whole[1] / in.c : 0;
    if (norm && bands > 1 && to.whole[2] * bands == in.h && to.whole[3] == in.w && makes_shape(d, back, in)) {
        d->claimed[norm - d->graph->node] = d->claimed[back - d->graph->node] = true;
        return cv_import_batchnorm(d, norm, &x, bands, back->output[0]);
    }
    if (in.dims == 1 && to.whole[1] == all && d->net->nodes) return cv_import_pass_on(d, n); // (c, 1, 1) beside maps
    const bool same = to.count == in.dims + 1 && !memcmp(to.whole + 1, size, (size_t)in.dims * sizeof *size);
    return same ? cv_import_pass_on(d, n) : set_input_shape(d, n, &x, to.whole + 1, to.count - 1);
}

// --- numbers of a shape -------------------------------------------------------------------------------------------

// Whole numbers that are known, rather than the output of a layer.
static bool first_wholes(const cv_import *d, const cv_graph_node *n, cv_import_value *out) {
    return cv_import_wholes(d, n, "", 0, out);
}

static convo_status read_shape(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, made = {0};
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    made.count = cv_import_shape(d, &x).dims + 1;
    made.whole[0] = CV_IMPORT_BATCH;
    cv_import_sizes(cv_import_shape(d, &x), made.whole + 1);
    return add_wholes(d, n, made);
}

static convo_status read_gather(cv_import *d, const cv_graph_node *n) {
    cv_import_value from, index, made = {0};
    if (!first_wholes(d, n, &from) || !cv_import_wholes(d, n, "", 1, &index) || cv_import_whole(n, "axis", 0))
        return cv_import_refuse(d, n, "gathers values inside the net: only sizes of a shape can be gathered");
    for (; made.count < index.count; made.count++) {
        const int64_t at = index.whole[made.count], index_at = at < 0 ? at + from.count : at;
        if (index_at < 0 || index_at >= from.count)
            return cv_import_refuse(d, n, "picks number %" PRId64 " of %d", at, from.count);
        made.whole[made.count] = from.whole[index_at];
    }
    made.scalar = index.scalar;
    return add_wholes(d, n, made);
}

// Channels of several values: the first two, then those and the third, ...
static convo_status join_channels(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, y;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int64_t axis = cv_import_whole(n, "axis", 1);
    if (axis != 1 && axis != -cv_import_shape(d, &x).dims)
        return cv_import_refuse(d, n, "joins along axis %" PRId64 "; convo joins channels, axis 1", axis);
    if (n->inputs == 1) return cv_import_pass_on(d, n);
    for (size_t k = 1; k < n->inputs; k++) {
        CV_TRY(cv_import_input(d, n, k, false, &y));
        CV_TRY(cv_import_layer(d, n, "concat", NULL, 0, &x, &y, k + 1 < n->inputs ? NULL : n->output[0]));
        x = (cv_import_value){.node = d->net->nodes - 1};
    }
    return CONVO_OK;
}

static convo_status read_concat(cv_import *d, const cv_graph_node *n) {
    cv_import_value part, made = {0};
    if (!cv_import_wholes(d, n, "", 0, &part)) return join_channels(d, n);
    for (size_t k = 0; k < n->inputs; k++) {
        if (!cv_import_wholes(d, n, "", k, &part) || made.count + part.count > CV_IMPORT_INTS ||
            cv_import_whole(n, "axis", 0))
            return cv_import_refuse(d, n, "joins feature maps with numbers of a shape");
        memcpy(made.whole + made.count, part.whole, (size_t)part.count * sizeof *part.whole);
        made.count += part.count;
    }
    return add_wholes(d, n, made);
}

static convo_status read_constant_of_shape(cv_import *d, const cv_graph_node *n) {
    cv_import_value size, made = {0};
    if (!first_wholes(d, n, &size) || size.count != 1 || size.whole[0] < 0 || size.whole[0] > CV_IMPORT_INTS)
        return cv_import_refuse(d, n, "produces more than a short list of numbers");
    made.count = (int)size.whole[0];
    for (int k = 0; k < made.count; k++) made.whole[k] = cv_import_whole(n, "value", 0);
    return add_wholes(d, n, made);
}

// Some of the channels.
static convo_status cut_channels(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, start, end, axis, step;
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const int64_t all = cv_import_shape(d, &x).c;
    if (!cv_import_wholes(d, n, "starts", 1, &start) || !cv_import_wholes(d, n, "ends", 2, &end) ||
        !cv_import_wholes(d, n, "axes", 3, &axis) || start.count != 1 || end.count != 1 || axis.count != 1 ||
        axis.whole[0] != 1 || (cv_import_wholes(d, n, "", 4, &step) && (step.count != 1 || step.whole[0] != 1)))
        return cv_import_refuse(d, n, "cuts feature maps other than by channels, axis 1");
    const int64_t first = start.whole[0] < 0 ? start.whole[0] + all : start.whole[0],
                  last = end.whole[0] < 0     ? end.whole[0] + all
                         : end.whole[0] < all ? end.whole[0]
                                              : all;
    cv_setting s[2] = {{.name = "first"}, {.name = "count"}};
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, first);
    cv_print(s[1].text, sizeof s[1].text, "%" PRId64, last - first);
    return cv_import_layer(d, n, "split", s, 2, &x, NULL, n->output[0]);
}

// Rows of a table or numbers of a list, forwards or backwards.
static convo_status read_slice(cv_import *d, const cv_graph_node *n) {
    cv_import_value from, start, end, axis, step, made;
    if (!first_wholes(d, n, &from)) return cut_channels(d, n);
    if (!cv_import_wholes(d, n, "starts", 1, &start) || !cv_import_wholes(d, n, "ends", 2, &end))
        return cv_import_refuse(d, n, "cuts where is not known");
    if (!cv_import_wholes(d, n, "axes", 3, &axis)) axis = (cv_import_value){.count = 1};
    if (!cv_import_wholes(d, n, "", 4, &step)) step = (cv_import_value){.count = 1, .whole = {1}};
    const int64_t width = from.columns ? from.columns : 1, rows = from.count / width, by = step.whole[0];
    if (start.count != 1 || end.count != 1 || axis.count != 1 || axis.whole[0] || step.count != 1 ||
        (by != 1 && by != -1))
        return cv_import_refuse(d, n, "slices in a way that is not supported");
    const int64_t least = by < 0 ? -1 : 0, most = by < 0 ? rows - 1 : rows;
    int64_t first = start.whole[0] < 0 ? start.whole[0] + rows : start.whole[0];
    int64_t last = end.whole[0] < -rows ? least : end.whole[0] < 0 ? end.whole[0] + rows : end.whole[0];
    first = first < 0 ? 0 : first > most ? most : first;
    last = last > most ? most : last;
    made = from;
    made.count = 0;
    for (int64_t r = first; by > 0 ? r < last : r > last; r += by)
        for (int64_t c = 0; c < width; c++) made.whole[made.count++] = from.whole[r * width + c];
    return add_wholes(d, n, made);
}

static convo_status read_transpose(cv_import *d, const cv_graph_node *n) {
    cv_import_value from, made;
    bool done = false;
    if (!first_wholes(d, n, &from)) CV_TRY(cv_import_turned_norm(d, n, &done));
    if (done) return CONVO_OK;
    const bool numbers = first_wholes(d, n, &from);
    const cv_attribute *perm = cv_graph_attribute(n, "perm");
    if (!numbers && perm && perm->count == 4 && !memcmp(perm->ints, (int64_t[]){0, 1, 3, 2}, sizeof(int64_t[4])))
        return cv_import_node(d, n);
    if (!numbers || !from.columns)
        return cv_import_refuse(d, n, "permutes dimensions: convo has channels first, then rows and columns");
    const int rows = from.count / from.columns;
    made = from;
    made.columns = rows;
    for (int k = 0; k < from.count; k++) made.whole[k] = from.whole[k % rows * from.columns + k / rows];
    return add_wholes(d, n, made);
}

static convo_status read_cast(cv_import *d, const cv_graph_node *n) {
    cv_import_value numbers;
    if (first_wholes(d, n, &numbers)) return add_wholes(d, n, numbers);
    const int64_t to_float = 1;
    if (cv_import_whole(n, "to", 0) != to_float) return cv_import_refuse(d, n, "is to another type than FLOAT");
    return cv_import_pass_on(d, n);
}

static convo_status read_squeeze(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, numbers;
    if (first_wholes(d, n, &numbers)) {
        numbers.scalar = true;
        return add_wholes(d, n, numbers);
    }
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (cv_shape_pixels(cv_import_shape(d, &x)) != 1)
        return cv_import_refuse(d, n, "removes a dimension of maps with more than one pixel");
    return make_vector(d, n, &x);
}

static convo_status read_unsqueeze(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, numbers, axes;
    if (first_wholes(d, n, &numbers)) {
        numbers.scalar = false;
        return add_wholes(d, n, numbers);
    }
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const cv_shape in = cv_import_shape(d, &x);
    int64_t size[3], to[3] = {1, 1, 1}, axis = -1;
    if (cv_import_wholes(d, n, "axes", 1, &axes) && axes.count == 1)
        axis = axes.whole[0] < 0 ? axes.whole[0] + in.dims + 2 : axes.whole[0];
    if (axis < 1 || axis > in.dims + 1 || in.dims > 2)
        return cv_import_refuse(d, n, "adds a dimension that a net cannot have");
    cv_import_sizes(in, size);
    for (int k = 0, from = 0; k <= in.dims; k++) to[k] = k + 1 == axis ? 1 : size[from++];
    return set_input_shape(d, n, &x, to, in.dims + 1);
}

// --- zeros around maps ----------------------------------------------------------------------------------------------

static convo_status read_pad(cv_import *d, const cv_graph_node *n) {
    cv_import_value x, pads;
    const cv_attribute *mode = cv_graph_attribute(n, "mode");
    double value = cv_import_number(n, "value", 0);
    CV_TRY(cv_import_input(d, n, 0, true, &x));
    const int dims = cv_import_shape(d, &x).dims + 1, maps = dims - 2;
    if ((mode && mode->text && strcmp(mode->text, "constant") != 0) ||
        (cv_import_has(n, 2) && !cv_import_scalar(d, n, 2, &value)) || cv_import_has(n, 3))
        return cv_import_refuse(d, n, "pads with something else than one number, or by axes");
    if (!cv_import_wholes(d, n, "pads", 1, &pads) || pads.count != 2 * dims)
        return cv_import_refuse(d, n, "has unknown pads");
    for (int k = 0; k < 2 * dims; k++)
        if (pads.whole[k] < 0 || pads.whole[k] > 1 << 20 || (pads.whole[k] && k % dims < 2))
            return cv_import_refuse(d, n, "crops, or pads dimensions other than rows and columns");
    x.name = n->output[0];
    if (value != 0) CV_TRY(cv_import_pad(d, n, 0, &x));
    for (int k = 0; k < maps; k++) {
        x.pad[2 - maps + k] += pads.whole[2 + k];
        x.pad[4 - maps + k] += pads.whole[dims + 2 + k];
    }
    if (value != 0) CV_TRY(cv_import_pad(d, n, value, &x));
    return cv_import_add(d, &x);
}

const cv_import_operator cv_import_shapes[] = {
    {"Cast", read_cast, "to"},
    {"Concat", read_concat, "axis"},
    {"ConstantOfShape", read_constant_of_shape, "value"},
    {"Flatten", read_flatten, "axis"},
    {"Gather", read_gather, "axis"},
    {"Pad", read_pad, "mode pads value"},
    {"Reshape", read_reshape, "shape allowzero"},
    {"Shape", read_shape, ""},
    {"Slice", read_slice, "starts ends axes"},
    {"Squeeze", read_squeeze, "axes"},
    {"Transpose", read_transpose, "perm"},
    {"Unsqueeze", read_unsqueeze, "axes"},
    {0},
};
