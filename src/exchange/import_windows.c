// ONNX operators that move a window over feature maps, or take the whole map as one.
#include "exchange/import.h"

#include <inttypes.h>
#include <string.h>

// Rows and columns; a 1-d layer has one row.
typedef struct window {
    int64_t kernel[2], stride[2], dilation[2], before[2], behind[2];
    int64_t more[2]; // output_padding
    int dims;        // 1 or 2
} window;

static const int64_t largest = 1 << 20; // of any of these numbers, as the layers have it

// least: of them, and what they are where nothing is said.
static bool read_numbers(const cv_graph_node *n, const char *name, int dims, int64_t least, int64_t out[2]) {
    const cv_attribute *a = cv_graph_attribute(n, name);
    out[0] = out[1] = least;
    if (!a) return true;
    if (a->kind != CV_ATTRIBUTE_INTS || a->count != (size_t)dims) return false;
    for (int k = 0; k < dims; k++) {
        out[2 - dims + k] = a->ints[k];
        if (a->ints[k] < least || a->ints[k] > largest) return false;
    }
    return true;
}

static bool read_pair(const cv_graph_node *n, const char *name, int dims, int64_t out[2]) {
    return read_numbers(n, name, dims, 1, out);
}

static bool read_pads(const cv_graph_node *n, window *w) {
    const cv_attribute *a = cv_graph_attribute(n, "pads");
    if (!a) return true;
    if (a->kind != CV_ATTRIBUTE_INTS || a->count != 2 * (size_t)w->dims) return false;
    for (int k = 0; k < w->dims; k++) {
        const int64_t before = a->ints[k], behind = a->ints[w->dims + k];
        if (before < 0 || behind < 0 || before > largest || behind > largest) return false;
        w->before[2 - w->dims + k] = before;
        w->behind[2 - w->dims + k] = behind;
    }
    return true;
}

// SAME_UPPER, SAME_LOWER: as many outputs as steps fit; the odd one of the padding goes behind, or before.
static bool auto_pad(const cv_graph_node *n, window *w, cv_shape in) {
    const cv_attribute *a = cv_graph_attribute(n, "auto_pad");
    const char *mode = a && a->text ? a->text : "NOTSET";
    const bool lower = !strcmp(mode, "SAME_LOWER");
    if (!strcmp(mode, "NOTSET")) return true;
    for (int k = 0; k < 2; k++) w->before[k] = w->behind[k] = 0;
    if (!strcmp(mode, "VALID")) return true;
    if (!lower && strcmp(mode, "SAME_UPPER") != 0) return false;
    for (int k = 0; k < 2; k++) {
        const int64_t size = k ? in.w : in.h, outputs = (size + w->stride[k] - 1) / w->stride[k];
        const int64_t reach = (w->kernel[k] - 1) * w->dilation[k] + 1;
        const int64_t need = (outputs - 1) * w->stride[k] + reach - size, all = need > 0 ? need : 0;
        w->before[k] = (all + lower) / 2;
        w->behind[k] = all - w->before[k];
    }
    return true;
}

static bool has_pads(const cv_graph_node *n) {
    return cv_graph_attribute(n, "pads") || cv_graph_attribute(n, "auto_pad");
}

static convo_status not_maps(const cv_import *d, const cv_graph_node *n, const cv_import_value *x) {
    return cv_import_refuse(d, n, "reads a value of %d dimensions, examples included: 1-d and 2-d maps have 3 and 4",
                            x->view.dims);
}

// Everything but the kernel, which is known.
static convo_status read_window(cv_import *d, const cv_graph_node *n, const cv_import_value *x, cv_shape in,
                                window *w) {
    if (!read_pair(n, "strides", w->dims, w->stride) || !read_pair(n, "dilations", w->dims, w->dilation) ||
        !read_pads(n, w))
        return cv_import_refuse(d, n, "has strides, dilations or pads that are invalid for %d dimensions", w->dims);
    if (!auto_pad(n, w, in)) return cv_import_refuse(d, n, "has an unknown auto_pad");
    for (int k = 0; k < 2; k++) {
        w->before[k] += x->pad[k];
        w->behind[k] += x->pad[2 + k];
    }
    return CONVO_OK;
}

static void set_pair(cv_setting *s, const char *name, int dims, const int64_t pair[2]) {
    s->name = name;
    if (dims == 2)
        cv_print(s->text, sizeof s->text, "[%" PRId64 ", %" PRId64 "]", pair[0], pair[1]);
    else
        cv_print(s->text, sizeof s->text, "%" PRId64, pair[1]);
}

static void set_padding(cv_setting *s, const window *w) {
    s->name = "padding";
    if (w->dims == 1)
        cv_print(s->text, sizeof s->text, "[%" PRId64 ", %" PRId64 "]", w->before[1], w->behind[1]);
    else
        cv_print(s->text, sizeof s->text, "[%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "]", w->before[0],
                 w->behind[0], w->before[1], w->behind[1]);
}

// --- convolution --------------------------------------------------------------------------------------------------

// Its weights begin with the channels that come in.
static bool is_transposed(const cv_graph_node *n) {
    return !strcmp(n->type, "ConvTranspose");
}

// The weights of a Conv and what they say of its window.
static convo_status read_kernel(cv_import *d, const cv_graph_node *n, cv_shape in, const cv_constant *c, window *w) {
    const int64_t groups = cv_import_whole(n, "group", 1);
    int64_t asked[2];
    w->kernel[0] = w->dims == 2 ? c->dim[2] : 1;
    w->kernel[1] = c->dim[w->dims + 1];
    const bool fits = groups > 0 && in.c % groups == 0 && c->count > 0 &&
                      (is_transposed(n) ? c->dim[0] == in.c : c->dim[1] == in.c / groups);
    if (!fits)
        return cv_import_refuse(d, n,
                                "has weights for %" PRId64 " channels in %" PRId64 " groups, its input has %" PRId64,
                                c->dim[is_transposed(n) ? 0 : 1], groups, in.c);
    if (w->kernel[0] > largest || w->kernel[1] > largest || !read_pair(n, "kernel_shape", w->dims, asked) ||
        (cv_graph_attribute(n, "kernel_shape") && (asked[0] != w->kernel[0] || asked[1] != w->kernel[1])))
        return cv_import_refuse(d, n, "has a kernel_shape other than that of its weights");
    return CONVO_OK;
}

static int64_t outputs_of(const cv_graph_node *n, const cv_constant *weights) {
    return is_transposed(n) ? weights->dim[1] * cv_import_whole(n, "group", 1) : weights->dim[0];
}

// Of a vector, one point of maps, it is a layer linear.
static convo_status add_conv(cv_import *d, const cv_graph_node *n, const window *w, const cv_constant *bias,
                             cv_import_value *x) {
    const cv_constant *c = cv_import_constant(d, n, 1);
    const int64_t groups = cv_import_whole(n, "group", 1);
    const bool vector = cv_import_shape(d, x).dims == 1, transposed = is_transposed(n);
    char name[24];
    cv_setting s[8] = {{.name = "out"}, {.name = "bias"}, {.name = "groups"}};
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, outputs_of(n, c));
    cv_print(s[1].text, sizeof s[1].text, "%s", bias ? "true" : "false");
    cv_print(s[2].text, sizeof s[2].text, "%" PRId64, groups);
    set_pair(&s[3], "kernel", w->dims, w->kernel);
    set_pair(&s[4], "stride", w->dims, w->stride);
    set_pair(&s[5], "dilation", w->dims, w->dilation);
    set_padding(&s[6], w);
    set_pair(&s[7], "output_padding", w->dims, w->more);
    cv_print(name, sizeof name, "conv%s%dd", transposed ? "transpose" : "", w->dims);
    CV_TRY(cv_import_apply(d, n, vector ? "linear" : name, s, vector ? 2 : transposed ? 8 : 7, x, NULL));
    CV_TRY(cv_import_tensor(d, n, "weight", cv_import_floats(c, c->count, 1), c->count));
    return bias ? cv_import_bias(d, n, "bias", bias, 1) : CONVO_OK;
}

static convo_status read_conv(cv_import *d, const cv_graph_node *n) {
    const cv_constant *c = cv_import_constant(d, n, 1), *bias = cv_import_constant(d, n, 2);
    cv_import_value x;
    cv_import_layout l;
    window w = {0};
    CV_TRY(cv_import_input(d, n, 0, !is_transposed(n) && !cv_graph_attribute(n, "auto_pad"), &x));
    if (!c || (cv_import_has(n, 2) && !bias)) return cv_import_refuse(d, n, "has weights that are not constant");
    if (!cv_import_maps(&x.view, &l) || l.dims < 2) return not_maps(d, n, &x);
    w.dims = l.dims - 1;
    if (c->dims != w.dims + 2)
        return cv_import_refuse(d, n, "has weights of %d dimensions for an input of %d", c->dims, w.dims + 2);
    const cv_shape in = {l.dims, cv_import_size(&x.view, 1), w.dims == 2 ? cv_import_size(&x.view, 2) : 1,
                         cv_import_size(&x.view, w.dims + 1)};
    CV_TRY(read_kernel(d, n, in, c, &w));
    CV_TRY(read_window(d, n, &x, in, &w));
    if (is_transposed(n) && !read_numbers(n, "output_padding", w.dims, 0, w.more))
        return cv_import_refuse(d, n, "has an output_padding that is invalid for %d dimensions", w.dims);
    const bool point = cv_shape_pixels(in) * w.kernel[0] * w.kernel[1] == 1 && cv_import_whole(n, "group", 1) == 1 &&
                       !(w.before[0] | w.before[1] | w.behind[0] | w.behind[1]);
    if (point && !is_transposed(n) && x.node >= 0 && cv_import_shape(d, &x).dims == 1) l.dims = 1;
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    const cv_graph_node *add = bias ? NULL : cv_import_bias_behind(d, n, x.view.dims, 1, outputs_of(n, c), &bias);
    CV_TRY(add_conv(d, n, &w, bias, &x));
    if (add) cv_import_claim(d, add);
    memset(x.pad, 0, sizeof x.pad);
    return cv_import_name(d, &x, add ? add->output[0] : n->output[0]);
}

// --- pools --------------------------------------------------------------------------------------------------------

// ceil_mode: as many more rows or columns behind as the last window needs; none where it would begin behind the map.
static void round_up(window *w, cv_shape in) {
    for (int k = 0; k < 2; k++) {
        const int64_t size = k ? in.w : in.h, all = size + w->before[k] + w->behind[k], step = w->stride[k];
        const int64_t outputs = (all - w->kernel[k] + step - 1) / step + 1;
        const int64_t more = (outputs - 1) * step + w->kernel[k] - all;
        if (more > 0 && (outputs - 1) * step < size + w->before[k]) w->behind[k] += more;
    }
}

// A sum is the mean, multiplied: AveragePool and then Mul by the size of its window. The name of the sum; NULL: no sum.
static const char *sum_of(cv_import *d, const cv_graph_node *n, const window *w) {
    const cv_graph_node *next = cv_import_only_reader(d, n->output[0]);
    double factor = 0;
    if (!next || strcmp(next->type, "Mul") != 0 || next->inputs != 2 || next->outputs != 1) return NULL;
    if (!cv_import_scalar(d, next, 0, &factor) && !cv_import_scalar(d, next, 1, &factor)) return NULL;
    if (factor != (double)(w->kernel[0] * w->kernel[1])) return NULL;
    cv_import_claim(d, next);
    return next->output[0];
}

static convo_status read_pool(cv_import *d, const cv_graph_node *n) {
    const bool mean = !strcmp(n->type, "AveragePool");
    cv_import_value x;
    cv_import_layout l;
    CV_TRY(cv_import_input(d, n, 0, mean, &x));
    if (!cv_import_maps(&x.view, &l) || l.dims < 2) return not_maps(d, n, &x);
    window w = {.dims = l.dims - 1};
    if (!cv_graph_attribute(n, "kernel_shape") || !read_pair(n, "kernel_shape", w.dims, w.kernel))
        return cv_import_refuse(d, n, "has no kernel_shape of %d dimensions", w.dims);
    // A Pad's zeros count. They go into the pool where it has none of its own and no window sees zeros only.
    const bool own = has_pads(n);
    bool zeros = x.pad[0] | x.pad[1] | x.pad[2] | x.pad[3];
    for (int k = 0; k < 4; k++) zeros = zeros && !own && x.pad[k] < w.kernel[k % 2];
    if (!zeros) CV_TRY(cv_import_pad(d, n, 0, &x));
    CV_TRY(cv_import_arrange(d, n, &l, &x));
    const cv_shape in = cv_import_shape(d, &x);
    CV_TRY(read_window(d, n, &x, in, &w));
    if (w.dilation[0] != 1 || w.dilation[1] != 1 || cv_import_whole(n, "storage_order", 0) || n->outputs > 1)
        return cv_import_refuse(d, n, "has dilations, a storage_order or indices, which no pool of convo has");
    const bool padded = w.before[0] | w.before[1] | w.behind[0] | w.behind[1];
    const window plain = w;
    if (cv_import_whole(n, "ceil_mode", 0)) round_up(&w, in);
    const bool rounded = memcmp(&plain, &w, sizeof w) != 0;
    const bool counts = zeros || (padded ? cv_import_whole(n, "count_include_pad", 0) : !rounded);
    if (mean && counts && rounded)
        return cv_import_refuse(d, n, "has ceil_mode and padding that counts: a window counts some of it only");
    const char *sum = mean && counts ? sum_of(d, n, &w) : NULL;
    cv_setting s[4] = {[3] = {.name = "count_padding"}};
    set_pair(&s[0], "kernel", w.dims, w.kernel);
    set_pair(&s[1], "stride", w.dims, w.stride);
    set_padding(&s[2], &w);
    cv_print(s[3].text, sizeof s[3].text, "%s", counts ? "true" : "false");
    char name[16];
    cv_print(name, sizeof name, "%s%dd", sum ? "sumpool" : mean ? "avgpool" : "maxpool", w.dims);
    memset(x.pad, 0, sizeof x.pad);
    return cv_import_layer(d, n, name, s, mean && !sum ? 4 : 3, &x, NULL, sum ? sum : n->output[0]);
}

// --- whole dimensions ---------------------------------------------------------------------------------------------

// One number of all rows and columns, which the dimensions `over` are.
static convo_status pool_all(cv_import *d, const cv_graph_node *n, const char *layer, const bool *over,
                             cv_import_value *x) {
    cv_import_view view = x->view;
    x->view.dims = 0;
    CV_TRY(cv_import_apply(d, n, layer, NULL, 0, x, NULL));
    for (int k = 0, r = 0; k < view.dims; k++)
        for (; r < view.end[k]; r++)
            if (over[k]) view.run[r].size = 1;
    x->view = view;
    return CONVO_OK;
}

// The mean, largest or sum over some dimensions, which become 1: `over` of them, side by side or not.
static convo_status reduce(cv_import *d, const cv_graph_node *n, const bool *over, cv_import_value *x) {
    const bool largest_value = strstr(n->type, "Max"), sum = !strcmp(n->type, "ReduceSum");
    cv_import_layout l = {.dims = 2};
    int64_t count = 1;
    int spatial = 0, last = 0, known = 0;
    for (int k = 0; k < x->view.dims; k++) {
        const int64_t size = cv_import_size(&x->view, k);
        if (over[k] && size < 0) return cv_import_refuse(d, n, "is over the examples");
        if (cv_import_is_examples(&x->view, k)) continue;
        const int axis = over[k] ? 2 : 0;
        l.dim[axis][l.count[axis]++] = k;
        if (over[k]) count *= size;
        spatial += over[k] && k > 1;
        if (over[k]) last = k;
        known += !over[k];
    }
    cv_import_layout maps;
    const bool plain = cv_import_maps(&x->view, &maps);
    if (!largest_value && l.count[2] == 1 && plain && maps.dims == 3 && spatial == 1) {
        cv_setting s = {.name = "over"};
        cv_print(s.text, sizeof s.text, "%s", last == 2 ? "rows" : "columns");
        CV_TRY(cv_import_arrange(d, n, &maps, x));
        CV_TRY(cv_import_apply(d, n, "mean", &s, 1, x, NULL));
    } else if (count > 1) {
        if (plain && spatial == maps.dims - 1 && known == 1) l = maps; // all rows and columns
        CV_TRY(cv_import_arrange(d, n, &l, x));
        CV_TRY(pool_all(d, n, largest_value ? "globalmaxpool" : "globalavgpool", over, x));
    }
    return sum && count > 1 ? cv_import_scale(d, n, (double)count, 0, x) : CONVO_OK;
}

static convo_status read_global(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    bool over[CV_GRAPH_DIMS] = {false};
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    if (x.view.dims < 3) return cv_import_refuse(d, n, "reads a vector, not feature maps");
    for (int k = 2; k < x.view.dims; k++) over[k] = true;
    CV_TRY(reduce(d, n, over, &x));
    return cv_import_name(d, &x, n->output[0]);
}

static convo_status read_reduce(cv_import *d, const cv_graph_node *n) {
    cv_import_value x;
    cv_import_list axes;
    bool over[CV_GRAPH_DIMS] = {false};
    CV_TRY(cv_import_input(d, n, 0, false, &x));
    const bool listed = cv_import_wholes(d, n, "axes", 1, &axes) && axes.count;
    if (cv_import_has(n, 1) && !cv_import_constant(d, n, 1))
        return cv_import_refuse(d, n, "has axes that are not constant");
    if (!listed && cv_import_whole(n, "noop_with_empty_axes", 0)) return cv_import_name(d, &x, n->output[0]);
    for (int k = 0; k < x.view.dims; k++) over[k] = !listed;
    for (int k = 0; listed && k < axes.count; k++) {
        const int axis = cv_import_axis(axes.whole[k], x.view.dims);
        if (axis < 0) return cv_import_refuse(d, n, "is over an axis that is not there");
        over[axis] = true;
    }
    CV_TRY(reduce(d, n, over, &x));
    for (int k = x.view.dims - 1; k >= 0 && !cv_import_whole(n, "keepdims", 1); k--)
        if (over[k]) cv_import_remove(&x.view, k);
    return cv_import_name(d, &x, n->output[0]);
}

#define WINDOW "kernel_shape strides dilations pads auto_pad"
#define REDUCE "axes keepdims noop_with_empty_axes"

const cv_import_operator cv_import_windows[] = {
    {"AveragePool", read_pool, WINDOW " ceil_mode count_include_pad"},
    {"Conv", read_conv, WINDOW " group"},
    {"ConvTranspose", read_conv, "kernel_shape strides dilations pads group output_padding"},
    {"GlobalAveragePool", read_global, ""},
    {"GlobalMaxPool", read_global, ""},
    {"MaxPool", read_pool, WINDOW " ceil_mode storage_order"},
    {"ReduceMax", read_reduce, REDUCE},
    {"ReduceMean", read_reduce, REDUCE},
    {"ReduceSum", read_reduce, REDUCE},
    {0},
};
