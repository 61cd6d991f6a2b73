// ONNX of 8-bit numbers, as QuantizeLinear and DequantizeLinear around floats: constants become floats again, and
// values pass, since a model of convo has floats and rounds them when it is told to (export --int8).
#include "exchange/import_fold.h"

#include <math.h>
#include <string.h>

// A pair of scale and zero for all numbers, or for each position of an axis: number i has pair i / this, modulo the
// number of pairs. 0: they do not fit.
static size_t pairs_apart(const cv_folding *f, const cv_constant *x, const cv_constant *scale,
                          const cv_constant *zero) {
    const int axis = cv_import_axis(cv_import_whole(f->n, "axis", 1), x->dims);
    size_t inner = 1;
    if (f->inputs < 2 || f->inputs > 3 || !scale->count || (zero->data && zero->count != scale->count)) return 0;
    if (scale->count == 1) return 1;
    if (axis < 0 || (size_t)x->dim[axis] != scale->count) return 0;
    for (int k = axis + 1; k < x->dims; k++) inner *= (size_t)x->dim[k];
    return inner;
}

// (x - zero) scale
bool cv_fold_dequantize(cv_folding *f) {
    const cv_constant x = f->in[0], by = f->in[1], middle = f->inputs > 2 ? f->in[2] : (cv_constant){0};
    const size_t inner = pairs_apart(f, &x, &by, &middle);
    const cv_sizes s = cv_fold_sizes(&x);
    float *to = inner ? cv_fold_output(f, CV_CONST_F32, &s) : NULL;
    for (size_t i = 0; to && i < x.count; i++) {
        const size_t at = i / inner % by.count;
        const double q = cv_import_element(&x, i) - (middle.data ? cv_import_element(&middle, at) : 0);
        to[i] = (float)(q * cv_import_element(&by, at));
    }
    return to;
}

// round(x / scale) + zero, halves to the even one. Of the type only this is known: numbers below 0 have a sign.
bool cv_fold_quantize(cv_folding *f) {
    const cv_constant x = f->in[0], by = f->in[1], middle = f->inputs > 2 ? f->in[2] : (cv_constant){0};
    const size_t inner = pairs_apart(f, &x, &by, &middle);
    const cv_sizes s = cv_fold_sizes(&x);
    int64_t *to = inner ? cv_fold_output(f, CV_CONST_I64, &s) : NULL, least = 0;
    for (size_t i = 0; to && i < x.count; i++) {
        const size_t at = i / inner % by.count;
        const double q = cv_import_element(&x, i) / cv_import_element(&by, at);
        to[i] = (int64_t)rint(fmax(-1e6, fmin(1e6, q))) + (middle.data ? cv_fold_whole(&middle, at) : 0);
        if (to[i] < least) least = to[i];
    }
    for (size_t i = 0; to && i < x.count; i++) {
        const int64_t low = least < 0 ? -128 : 0;
        to[i] = to[i] < low ? low : to[i] > low + 255 ? low + 255 : to[i];
    }
    return to;
}

convo_status cv_import_rounding(cv_import *d, const cv_graph_node *n) {
    const cv_graph *graph = d->graph;
    for (size_t k = 0; k < graph->sources; k++)
        if (!strcmp(n->type, "DequantizeLinear") && n->inputs && !strcmp(graph->source[k].name, n->input[0]))
            return cv_import_refuse(d, n, "reads the model's input, which is of 8-bit numbers: it must be of floats");
    size_t first = 0;
    while (first < graph->nodes && strcmp(graph->node[first].type, "QuantizeLinear") != 0) first++;
    if (first < graph->nodes && n == &graph->node[first])
        cv_import_note(d, "the model has 8-bit numbers: its weights become floats, and its values are not rounded; "
                          "'convo export --int8' measures their ranges anew");
    return cv_import_pass_on(d, n);
}
