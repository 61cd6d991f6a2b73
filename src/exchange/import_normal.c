// What a graph does to its input before the first layers: it becomes the model's normalisation.
#include "exchange/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Sizes of a constant beside an example, (channels, rows, columns), as ONNX broadcasts it: its last dimension is the
// last of the input. Returns false if it is no such constant.
static bool constant_sizes(const cv_import *d, const cv_constant *c, size_t dim[3]) {
    const cv_shape in = d->net->input;
    const size_t row[3] = {(size_t)in.c, (size_t)in.h, (size_t)in.w};
    static const int place[4][3] = {{0}, {0}, {0, 2}, {0, 1, 2}}; // of the dimensions of an example
    for (int k = 0; k < 3; k++) dim[k] = 1;
    for (int k = 0; k < c->dims; k++) {
        const int at = in.dims - c->dims + k; // -1: the batch
        if (c->dim[k] == 1) continue;
        if (at < 0 || (size_t)c->dim[k] != row[place[in.dims][at]]) return false;
        dim[place[in.dims][at]] = (size_t)c->dim[k];
    }
    return true;
}

// The number of a pair of broadcast numbers for place `at` of the larger sizes that they are broadcast to.
static size_t broadcast(const size_t dim[3], const size_t to[3], size_t at) {
    const size_t place[3] = {at / to[2] / to[1], at / to[2] % to[1], at % to[2]};
    size_t k = 0;
    for (int i = 0; i < 3; i++) k = k * dim[i] + (dim[i] > 1 ? place[i] : 0);
    return k;
}

// A new entry: an earlier one, broadcast beside a constant's sizes. NULL: no memory.
static cv_import_normal *add_normal(cv_import *d, size_t from, const size_t dim[3]) {
    cv_import_normal made = {.dim = {1, 1, 1}};
    if (!cv_grow(&d->normal, &d->normal_room, d->normals + 2, sizeof *d->normal)) return NULL;
    if (d->normals == 0) d->normal[d->normals++] = made; // number 0
    const cv_import_normal *was = &d->normal[from];
    for (int k = 0; k < 3; k++) made.dim[k] = was->dim[k] > dim[k] ? was->dim[k] : dim[k];
    const size_t count = made.dim[0] * made.dim[1] * made.dim[2];
    if (!(made.mean = cv_alloc(count, 2 * sizeof *made.mean))) return NULL;
    made.std = made.mean + count;
    for (size_t i = 0; i < count; i++) {
        const size_t k = broadcast(was->dim, made.dim, i);
        made.mean[i] = was->mean ? was->mean[k] : 0;
        made.std[i] = was->mean ? was->std[k] : 1;
    }
    d->normal[d->normals] = made;
    return &d->normal[d->normals++];
}

// Sub, Div, Add, Mul by a constant, where nothing but such has touched the input.
convo_status cv_import_scale(cv_import *d, const cv_graph_node *n) {
    const size_t at = cv_import_constant(d, n, 0) ? 1 : 0;
    const bool sub = !strcmp(n->type, "Sub"), div = !strcmp(n->type, "Div"), add = !strcmp(n->type, "Add");
    cv_import_value x;
    size_t dim[3];
    if (n->inputs != 2) return cv_import_refuse(d, n, "has %zu inputs, not two", n->inputs);
    CV_TRY(cv_import_input(d, n, at, false, &x));
    const cv_constant *c = cv_import_constant(d, n, 1 - at);
    bool good = x.node < 0 && c && constant_sizes(d, c, dim) && !(at == 1 && (sub || div));
    for (size_t k = 0; good && k < c->count; k++) {
        const double y = cv_import_element(c, k);
        good = isfinite(y) && (sub || add || y > 0);
    }
    if (!good)
        return cv_import_refuse(d, n,
                                "computes with a constant: only the net's input can be shifted and scaled, by one "
                                "number or by one for each channel, row or column");
    cv_import_normal *made = add_normal(d, x.normal, dim);
    if (!made) return cv_no_memory(d->err, "a normalisation");
    for (size_t i = 0; i < made->dim[0] * made->dim[1] * made->dim[2]; i++) {
        const double y = cv_import_element(c, broadcast(dim, made->dim, i));
        if (sub || add)
            made->mean[i] += (sub ? y : -y) * made->std[i];
        else
            made->std[i] *= div ? y : 1 / y;
    }
    x.normal = d->normals - 1;
    x.name = n->output[0];
    return cv_import_add(d, &x);
}

bool cv_import_normalization(const cv_import *d, cv_normal *normal) {
    const cv_shape in = d->net->input;
    const size_t row[3] = {(size_t)in.c, (size_t)in.h, (size_t)in.w};
    const cv_import_normal *from = d->used_normal ? &d->normal[d->used_normal] : NULL;
    if (!cv_normal_new(row, from ? from->dim : (const size_t[3]){1, 1, 1}, normal)) return false;
    for (size_t k = 0; from && k < cv_normal_count(normal); k++) {
        normal->mean[k] = (float)from->mean[k];
        normal->std[k] = (float)from->std[k];
    }
    return true;
}
