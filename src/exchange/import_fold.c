// Constant folding: what is known before the net runs, such as weights that are transposed, and sizes of a shape:
// x.view(x.size(0), -1) of PyTorch is Shape, Gather, Unsqueeze, Concat and Reshape.
#include "exchange/import_fold.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_FOLDED = 1 << 24 }; // numbers in a list, and steps

cv_sizes cv_fold_sizes(const cv_constant *c) {
    cv_sizes s = {.dims = c->dims};
    memcpy(s.dim, c->dim, sizeof s.dim);
    return s;
}

int64_t cv_fold_whole(const cv_constant *c, size_t i) {
    if (c->type == CV_CONST_I64) return ((const int64_t *)c->data)[i];
    const double x = cv_import_element(c, i);
    return x > -9e18 && x < 9e18 ? (int64_t)x : x == (double)CV_IMPORT_BATCH ? CV_IMPORT_BATCH : CV_IMPORT_UNKNOWN;
}

void cv_fold_put(void *data, enum cv_constant_type type, size_t i, double x) {
    if (type == CV_CONST_F32)
        ((float *)data)[i] = (float)x;
    else
        ((double *)data)[i] = x;
}

void *cv_fold_output(cv_folding *f, enum cv_constant_type type, const cv_sizes *s) {
    size_t count = 1;
    for (int k = 0; k < s->dims; k++)
        if (s->dim[k] < 0 || !cv_mul(count, (size_t)s->dim[k], &count) || count > f->d->folds_left) return NULL;
    if (f->n->outputs != 1) return NULL;
    f->d->folds_left -= count;
    void *data = cv_graph_add_constant(f->d->graph, f->n->output[0], type, s->dims, s->dim);
    if (!data) f->failed = true;
    return data;
}

// Fills the output from a constant: position (i, j, ...) comes from offset + i step[0] + j step[1] + ...
static bool gather_steps(cv_folding *f, const cv_constant *from, const cv_sizes *s, const int64_t *step,
                         int64_t offset) {
    int64_t at[CV_GRAPH_DIMS] = {0}, place = offset;
    const size_t size = from->type == CV_CONST_F32 ? sizeof(float) : sizeof(int64_t);
    uint8_t *to = cv_fold_output(f, from->type, s);
    size_t count = 1;
    if (!to) return false;
    for (int k = 0; k < s->dims; k++) count *= (size_t)s->dim[k];
    for (size_t i = 0; i < count; i++, to += size) {
        memcpy(to, (const uint8_t *)from->data + (size_t)place * size, size);
        for (int k = s->dims - 1; k >= 0; k--) {
            place += step[k];
            if (++at[k] < s->dim[k]) break;
            place -= step[k] * at[k];
            at[k] = 0;
        }
    }
    return true;
}

static void steps_of(const cv_sizes *s, int64_t *step) {
    int64_t next = 1;
    for (int k = s->dims - 1; k >= 0; next *= s->dim[k--]) step[k] = next;
}

static bool same_in(cv_folding *f, const cv_sizes *s) {
    int64_t step[CV_GRAPH_DIMS];
    steps_of(s, step);
    return gather_steps(f, &f->in[0], s, step, 0);
}

// --- shapes -------------------------------------------------------------------------------------------------------

static bool fold_identity(cv_folding *f) {
    const cv_sizes s = cv_fold_sizes(&f->in[0]);
    return same_in(f, &s);
}

static bool fold_reshape(cv_folding *f) {
    cv_import_list to;
    cv_sizes s = {0};
    int64_t known = 1, open = -1;
    if (!cv_import_wholes(f->d, f->n, "shape", 1, &to) || to.count > CV_GRAPH_DIMS) return false;
    s.dims = to.count;
    for (int k = 0; k < to.count; k++) {
        s.dim[k] = to.whole[k] == 0 && k < f->in[0].dims ? f->in[0].dim[k] : to.whole[k];
        if (s.dim[k] == -1 && open < 0)
            open = k;
        else if (s.dim[k] < 0 || (s.dim[k] && known > MOST_FOLDED / s.dim[k]))
            return false;
        else
            known *= s.dim[k];
    }
    if (open >= 0) s.dim[open] = known ? (int64_t)f->in[0].count / known : 0;
    return (open >= 0 ? known * s.dim[open] : known) == (int64_t)f->in[0].count && same_in(f, &s);
}

// Squeeze, Unsqueeze, Flatten.
static bool fold_squeeze(cv_folding *f) {
    const bool squeeze = !strcmp(f->n->type, "Squeeze");
    const cv_constant *c = &f->in[0];
    cv_import_list axes;
    cv_sizes s = {0};
    bool named[2 * CV_GRAPH_DIMS] = {false};
    const bool listed = cv_import_wholes(f->d, f->n, "axes", 1, &axes);
    if (!listed && !squeeze) return false;
    const int dims = squeeze ? c->dims : c->dims + axes.count;
    if (dims > CV_GRAPH_DIMS) return false;
    for (int k = 0; listed && k < axes.count; k++) {
        const int axis = cv_import_axis(axes.whole[k], dims);
        if (axis < 0) return false;
        named[axis] = true;
    }
    for (int k = 0, from = 0; k < dims; k++) {
        if (!squeeze)
            s.dim[s.dims++] = named[k] || from >= c->dims ? 1 : c->dim[from++];
        else if (!(listed ? named[k] : c->dim[k] == 1))
            s.dim[s.dims++] = c->dim[k];
        else if (c->dim[k] != 1)
            return false;
    }
    return same_in(f, &s);
}

static bool fold_transpose(cv_folding *f) {
    const cv_attribute *perm = cv_graph_attribute(f->n, "perm");
    const cv_sizes from = cv_fold_sizes(&f->in[0]);
    int64_t step[CV_GRAPH_DIMS], to[CV_GRAPH_DIMS];
    cv_sizes s = {.dims = from.dims};
    steps_of(&from, step);
    if (perm && (perm->kind != CV_ATTRIBUTE_INTS || perm->count != (size_t)from.dims)) return false;
    for (int k = 0; k < s.dims; k++) {
        const int64_t axis = perm ? perm->ints[k] : s.dims - 1 - k;
        if (axis < 0 || axis >= s.dims) return false;
        s.dim[k] = from.dim[axis];
        to[k] = step[axis];
    }
    return gather_steps(f, &f->in[0], &s, to, 0);
}

static bool fold_slice(cv_folding *f) {
    cv_import_list start, end, axes, by;
    cv_sizes s = cv_fold_sizes(&f->in[0]);
    int64_t step[CV_GRAPH_DIMS], offset = 0;
    steps_of(&s, step);
    if (!cv_import_wholes(f->d, f->n, "starts", 1, &start) || !cv_import_wholes(f->d, f->n, "ends", 2, &end) ||
        start.count != end.count)
        return false;
    const bool listed = cv_import_wholes(f->d, f->n, "axes", 3, &axes),
               steps = cv_import_wholes(f->d, f->n, "", 4, &by);
    for (int k = 0; k < start.count; k++) {
        const int axis = cv_import_axis(listed && k < axes.count ? axes.whole[k] : k, s.dims);
        const int64_t jump = steps && k < by.count ? by.whole[k] : 1;
        if (axis < 0 || jump == 0 || jump < -MOST_FOLDED || jump > MOST_FOLDED) return false;
        const int64_t size = s.dim[axis], least = jump < 0 ? -1 : 0, most = jump < 0 ? size - 1 : size;
        int64_t first = start.whole[k], last = end.whole[k];
        first = first < 0 ? (first < -size ? least : first + size) : first > most ? most : first;
        last = last < 0 ? (last < -size ? least : last + size) : last > most ? most : last;
        s.dim[axis] = jump > 0 ? (last > first ? (last - first + jump - 1) / jump : 0)
                               : (first > last ? (first - last - jump - 1) / -jump : 0);
        if (s.dim[axis]) offset += first * step[axis];
        step[axis] *= jump;
    }
    return gather_steps(f, &f->in[0], &s, step, offset);
}

// Expand, and Tile of a single number along a dimension.
static bool fold_expand(cv_folding *f) {
    const bool tile = !strcmp(f->n->type, "Tile");
    cv_import_list to;
    const cv_sizes from = cv_fold_sizes(&f->in[0]);
    int64_t step[CV_GRAPH_DIMS], spread[CV_GRAPH_DIMS] = {0};
    cv_sizes s = {0};
    steps_of(&from, step);
    if (!cv_import_wholes(f->d, f->n, "", 1, &to) || to.count > CV_GRAPH_DIMS) return false;
    s.dims = to.count > from.dims ? to.count : from.dims;
    for (int k = 0; k < s.dims; k++) {
        const int a = k - (s.dims - from.dims), b = k - (s.dims - to.count);
        const int64_t have = a < 0 ? 1 : from.dim[a], all = b < 0 ? 1 : to.whole[b],
                      want = all == CV_IMPORT_BATCH ? 1 : all; // the same for every example
        if ((tile || have != want) && have != 1 && want != 1) return false;
        s.dim[k] = have == 1 ? want : have;
        spread[k] = a < 0 || have == 1 ? 0 : step[a];
    }
    return gather_steps(f, &f->in[0], &s, spread, 0);
}

static bool fold_gather(cv_folding *f) {
    const cv_constant *c = &f->in[0], *index = &f->in[1];
    const int axis = cv_import_axis(cv_import_whole(f->n, "axis", 0), c->dims);
    if (axis < 0 || f->inputs != 2 || index->type != CV_CONST_I64 || c->dims - 1 + index->dims > CV_GRAPH_DIMS)
        return false;
    cv_sizes s = {.dims = 0};
    size_t outer = 1, inner = c->type == CV_CONST_F32 ? sizeof(float) : sizeof(int64_t);
    for (int k = 0; k < axis; k++) outer *= (size_t)(s.dim[s.dims++] = c->dim[k]);
    for (int k = 0; k < index->dims; k++) s.dim[s.dims++] = index->dim[k];
    for (int k = axis + 1; k < c->dims; k++) inner *= (size_t)(s.dim[s.dims++] = c->dim[k]);
    const int64_t size = c->dim[axis], *at = index->data;
    for (size_t i = 0; i < index->count; i++)
        if (at[i] < -size || at[i] >= size) return false;
    uint8_t *to = cv_fold_output(f, c->type, &s);
    if (!to) return false;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < index->count; i++, to += inner)
            memcpy(to,
                   (const uint8_t *)c->data + (o * (size_t)size + (size_t)(at[i] < 0 ? at[i] + size : at[i])) * inner,
                   inner);
    return true;
}

static bool fold_concat(cv_folding *f) {
    cv_sizes s = cv_fold_sizes(&f->in[0]);
    const int axis = cv_import_axis(cv_import_whole(f->n, "axis", 1), s.dims);
    size_t outer = 1, inner = f->in[0].type == CV_CONST_F32 ? sizeof(float) : sizeof(int64_t);
    if (axis < 0) return false;
    for (int k = 0; k < axis; k++) outer *= (size_t)s.dim[k];
    for (int k = axis + 1; k < s.dims; k++) inner *= (size_t)s.dim[k];
    for (int i = 1; i < f->inputs; i++) {
        if (f->in[i].dims != s.dims || f->in[i].type != f->in[0].type) return false;
        for (int k = 0; k < s.dims; k++)
            if (k != axis && f->in[i].dim[k] != s.dim[k]) return false;
        s.dim[axis] += f->in[i].dim[axis];
    }
    uint8_t *to = cv_fold_output(f, f->in[0].type, &s);
    for (size_t o = 0; to && o < outer; o++)
        for (int i = 0; i < f->inputs; i++) {
            const size_t bytes = (size_t)f->in[i].dim[axis] * inner;
            if (bytes) memcpy(to, (const uint8_t *)f->in[i].data + o * bytes, bytes);
            to += bytes;
        }
    return to;
}

static bool fold_constant_of_shape(cv_folding *f) {
    const cv_attribute *value = cv_graph_attribute(f->n, "value");
    const bool whole = value && value->kind == CV_ATTRIBUTE_INTS;
    cv_sizes s = {.dims = (int)f->in[0].count};
    if (f->in[0].count > CV_GRAPH_DIMS || (value && value->kind == CV_ATTRIBUTE_OTHER)) return false;
    for (int k = 0; k < s.dims; k++) {
        s.dim[k] = cv_fold_whole(&f->in[0], (size_t)k);
        if (s.dim[k] == CV_IMPORT_BATCH) s.dim[k] = 1; // the same for every example
    }
    void *to = cv_fold_output(f, whole ? CV_CONST_I64 : CV_CONST_F32, &s);
    const cv_constant *made = to ? &f->d->graph->constant[f->d->graph->constants - 1] : NULL;
    for (size_t i = 0; made && i < made->count; i++) {
        if (whole) ((int64_t *)to)[i] = value->ints[0];
        if (!whole) ((float *)to)[i] = value ? value->number : 0;
    }
    return to;
}

static bool fold_range(cv_folding *f) {
    if (f->inputs != 3 || f->in[0].type != CV_CONST_I64 || f->in[0].count != 1 || f->in[1].count != 1 ||
        f->in[2].count != 1)
        return false;
    const int64_t first = cv_fold_whole(&f->in[0], 0), last = cv_fold_whole(&f->in[1], 0),
                  by = cv_fold_whole(&f->in[2], 0);
    if (by == 0 || llabs(by) > MOST_FOLDED || first < -MOST_FOLDED || first > MOST_FOLDED || last < -MOST_FOLDED ||
        last > MOST_FOLDED)
        return false;
    const int64_t count = (last - first + by - (by > 0 ? 1 : -1)) / by;
    const cv_sizes s = {1, {count > 0 ? count : 0}};
    int64_t *to = cv_fold_output(f, CV_CONST_I64, &s);
    for (int64_t i = 0; to && i < s.dim[0]; i++) to[i] = first + i * by;
    return to;
}

// To whole numbers or to floats: a half's values are read as floats.
static bool fold_cast(cv_folding *f) {
    enum { FLOAT = 1, INT32 = 6, INT64 = 7, HALF = 10, DOUBLE = 11 };
    const int64_t to = cv_import_whole(f->n, "to", 0);
    const cv_sizes s = cv_fold_sizes(&f->in[0]);
    const cv_constant c = f->in[0];
    const bool whole = to != FLOAT && to != HALF && to != DOUBLE;
    if ((whole && to != INT32 && to != INT64) || to == HALF) return false;
    const enum cv_constant_type type = whole ? CV_CONST_I64 : to == DOUBLE ? CV_CONST_F64 : CV_CONST_F32;
    void *out = cv_fold_output(f, type, &s);
    for (size_t i = 0; out && i < c.count; i++) {
        if (whole) ((int64_t *)out)[i] = cv_fold_whole(&c, i);
        if (!whole) cv_fold_put(out, type, i, cv_import_element(&c, i));
    }
    return out;
}

static bool fold_shape_of_constant(cv_folding *f) {
    const cv_sizes of = cv_fold_sizes(&f->in[0]), s = {1, {of.dims}};
    if (cv_graph_attribute(f->n, "start") || cv_graph_attribute(f->n, "end")) return false;
    int64_t *to = cv_fold_output(f, CV_CONST_I64, &s);
    if (to) memcpy(to, of.dim, (size_t)of.dims * sizeof *to);
    return to;
}

// --- the table ----------------------------------------------------------------------------------------------------

static const struct {
    const char *type;
    cv_fold_function *fold;
} folds[] = {
    {"Abs", cv_fold_unary},
    {"Add", cv_fold_binary},
    {"And", cv_fold_binary},
    {"Or", cv_fold_binary},
    {"Cast", fold_cast},
    {"Ceil", cv_fold_unary},
    {"Concat", fold_concat},
    {"ConstantOfShape", fold_constant_of_shape},
    {"QuantizeLinear", cv_fold_quantize},
    {"DequantizeLinear", cv_fold_dequantize},
    {"Div", cv_fold_binary},
    {"Equal", cv_fold_binary},
    {"Exp", cv_fold_unary},
    {"Expand", fold_expand},
    {"Floor", cv_fold_unary},
    {"Gather", fold_gather},
    {"Greater", cv_fold_binary},
    {"Identity", fold_identity},
    {"Less", cv_fold_binary},
    {"Log", cv_fold_unary},
    {"Max", cv_fold_binary},
    {"Min", cv_fold_binary},
    {"Mul", cv_fold_binary},
    {"Neg", cv_fold_unary},
    {"Pow", cv_fold_binary},
    {"Range", fold_range},
    {"Reciprocal", cv_fold_unary},
    {"ReduceMax", cv_fold_reduce},
    {"ReduceMin", cv_fold_reduce},
    {"ReduceProd", cv_fold_reduce},
    {"ReduceSum", cv_fold_reduce},
    {"Reshape", fold_reshape},
    {"Round", cv_fold_unary},
    {"Shape", fold_shape_of_constant},
    {"Slice", fold_slice},
    {"Sqrt", cv_fold_unary},
    {"Squeeze", fold_squeeze},
    {"Sub", cv_fold_binary},
    {"Tile", fold_expand},
    {"Transpose", fold_transpose},
    {"Unsqueeze", fold_squeeze},
    {"Where", cv_fold_where},
};

// The sizes of a value of the net, from start to end.
static bool fold_shape(cv_folding *f, const cv_import_view *view) {
    int64_t start = cv_import_whole(f->n, "start", 0), end = cv_import_whole(f->n, "end", view->dims);
    start = start < 0 ? start + view->dims : start;
    end = end < 0 ? end + view->dims : end;
    start = start < 0 ? 0 : start;
    end = end > view->dims ? view->dims : end;
    const cv_sizes s = {1, {end > start ? end - start : 0}};
    int64_t *to = cv_fold_output(f, CV_CONST_I64, &s);
    for (int64_t k = start; to && k < end; k++) to[k - start] = cv_import_size(view, (int)k);
    return to;
}

convo_status cv_import_fold(cv_import *d, const cv_graph_node *n, bool *done) {
    cv_folding f = {.d = d, .n = n};
    const cv_import_value *first = n->inputs ? cv_import_find(d, n->input[0]) : NULL;
    *done = false;
    if (first && first->kind == CV_IMPORT_LAYER && !strcmp(n->type, "Shape")) {
        *done = fold_shape(&f, &first->view);
    } else {
        if (!first || n->inputs > CV_FOLD_INPUTS) return CONVO_OK;
        for (; f.inputs < (int)n->inputs; f.inputs++) {
            const cv_constant *c = cv_import_constant(d, n, (size_t)f.inputs);
            const bool left_out = f.inputs >= 3 && !cv_import_has(n, (size_t)f.inputs); // the axes of a Slice
            if (!c && !left_out) return CONVO_OK;
            if (c) f.in[f.inputs] = *c;
        }
        for (size_t k = 0; k < CV_COUNT(folds) && !*done; k++)
            if (!strcmp(folds[k].type, n->type)) *done = folds[k].fold(&f);
    }
    if (f.failed) return cv_no_memory(d->err, d->path);
    if (!*done) return CONVO_OK;
    const size_t made = d->graph->constants - 1;
    return cv_import_add(d, &(cv_import_value){.name = n->output[0], .kind = CV_IMPORT_CONSTANT, .constant = made});
}
