// What a graph does to its input before the first layers: it becomes the model's normalisation.
#include "exchange/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static size_t count_of(const size_t dim[CV_GRAPH_DIMS]) {
    size_t count = 1;
    for (int k = 0; k < CV_GRAPH_DIMS; k++) count *= dim[k];
    return count;
}

// The dimensions of the graph's input along which a constant beside a view of it varies. false: it varies along others.
static bool constant_sizes(const cv_import *d, const cv_constant *c, const cv_import_view *v, size_t dim[CV_GRAPH_DIMS],
                           int axis_of[CV_GRAPH_DIMS]) {
    for (int k = 0; k < CV_GRAPH_DIMS; k++) dim[k] = 1;
    for (int k = 0; k < c->dims; k++) {
        const int at = v->dims - c->dims + k;
        axis_of[k] = -1;
        if (c->dim[k] == 1) continue;
        const cv_import_run *run =
            at >= 0 && v->end[at] - (at ? v->end[at - 1] : 0) == 1 ? &v->run[v->end[at] - 1] : NULL;
        if (!run || run->axis < 0 || run->size != c->dim[k] || run->size != d->source->dim[run->axis]) return false;
        axis_of[k] = run->axis;
        dim[run->axis] = (size_t)run->size;
    }
    return true;
}

// Where position `at` of the sizes `to` is in those that are broadcast to them.
static size_t broadcast(const size_t dim[CV_GRAPH_DIMS], const size_t to[CV_GRAPH_DIMS], size_t at) {
    size_t place = 0, step = 1;
    for (int k = CV_GRAPH_DIMS - 1; k >= 0; at /= to[k--]) {
        if (dim[k] > 1) place += at % to[k] * step;
        step *= dim[k];
    }
    return place;
}

// The same in a constant, whose dimensions are those of the input in whatever order.
static size_t place_in(const cv_constant *c, const int axis_of[CV_GRAPH_DIMS], const size_t to[CV_GRAPH_DIMS],
                       size_t at) {
    size_t digit[CV_GRAPH_DIMS], place = 0;
    for (int k = CV_GRAPH_DIMS - 1; k >= 0; at /= to[k--]) digit[k] = at % to[k];
    for (int k = 0; k < c->dims; k++) place = place * (size_t)c->dim[k] + (axis_of[k] < 0 ? 0 : digit[axis_of[k]]);
    return place;
}

// A new entry: an earlier one, broadcast beside a constant's sizes. NULL: no memory.
static cv_import_normal *add_normal(cv_import *d, size_t from, const size_t dim[CV_GRAPH_DIMS]) {
    cv_import_normal made = {.mean = NULL};
    if (!cv_grow(&d->normal, &d->normal_room, d->normals + 2, sizeof *d->normal)) return NULL;
    for (int k = 0; k < CV_GRAPH_DIMS; k++) made.dim[k] = 1;
    if (d->normals == 0) d->normal[d->normals++] = made; // number 0
    const cv_import_normal *was = &d->normal[from];
    for (int k = 0; k < CV_GRAPH_DIMS; k++) made.dim[k] = was->dim[k] > dim[k] ? was->dim[k] : dim[k];
    const size_t count = count_of(made.dim);
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

convo_status cv_import_normalize(cv_import *d, const cv_graph_node *n, size_t constant, cv_import_value *x,
                                 bool *done) {
    const bool sub = !strcmp(n->type, "Sub"), div = !strcmp(n->type, "Div"), add = !strcmp(n->type, "Add");
    const cv_constant *c = cv_import_constant(d, n, constant);
    size_t dim[CV_GRAPH_DIMS];
    int axis_of[CV_GRAPH_DIMS];
    *done = x->raw && c && !cv_graph_attribute(n, "axis") && constant_sizes(d, c, &x->view, dim, axis_of) &&
            !(constant == 0 && (sub || div));
    for (size_t k = 0; *done && k < c->count; k++) {
        const double y = cv_import_element(c, k);
        *done = isfinite(y) && (sub || add || (y > 0 && isfinite(1 / y)));
    }
    if (!*done) return CONVO_OK;
    cv_import_normal *made = add_normal(d, x->normal, dim);
    if (!made) return cv_no_memory(d->err, "a normalisation");
    for (size_t i = 0; i < count_of(made->dim); i++) {
        const double y = cv_import_element(c, place_in(c, axis_of, made->dim, i));
        if (sub || add)
            made->mean[i] += (sub ? y : -y) * made->std[i];
        else
            made->std[i] *= div ? y : 1 / y;
    }
    x->normal = d->normals - 1;
    return CONVO_OK;
}

// Which of the normalisation's numbers is that of a value of the net's input.
static size_t number_of(const cv_import *d, const cv_import_normal *from, size_t at) {
    size_t raw = 0, size[CV_GRAPH_DIMS];
    for (int k = 0; k < CV_GRAPH_DIMS; k++)
        size[k] = k < d->source->dims && k != d->examples ? (size_t)d->source->dim[k] : 1;
    for (int k = d->moves - 1; k >= 0; at /= (size_t)d->move[k--].size)
        raw += at % (size_t)d->move[k].size * (size_t)d->move[k].from;
    return broadcast(from->dim, size, raw);
}

// Whether numbers for (channels, rows, columns) are the same along an axis.
static bool is_same_along(const float *value, const size_t row[3], int axis) {
    const size_t step = axis == 0 ? row[1] * row[2] : axis == 1 ? row[2] : 1, count = row[0] * row[1] * row[2];
    for (size_t i = 0; i < count; i++)
        if (i / step % row[axis] && value[i] != value[i - step]) return false;
    return true;
}

bool cv_import_normalization(const cv_import *d, cv_normal *normal) {
    const cv_shape in = d->net->input;
    const size_t row[3] = {(size_t)in.c, (size_t)in.h, (size_t)in.w}, count = row[0] * row[1] * row[2];
    const cv_import_normal *from = d->used_normal ? &d->normal[d->used_normal] : NULL;
    size_t dim[3] = {1, 1, 1};
    if (!from) return cv_normal_new(row, dim, normal);
    float *mean = cv_alloc(count, 2 * sizeof *mean), *std = mean ? mean + count : NULL;
    for (size_t i = 0; mean && i < count; i++) {
        const size_t k = number_of(d, from, i);
        mean[i] = (float)from->mean[k];
        std[i] = (float)from->std[k];
    }
    for (int k = 0; mean && k < 3; k++)
        if (!is_same_along(mean, row, k) || !is_same_along(std, row, k)) dim[k] = row[k];
    const bool done = mean && cv_normal_new(row, dim, normal);
    for (size_t i = 0; done && i < cv_normal_count(normal); i++) {
        const size_t c = i / dim[2] / dim[1], r = i / dim[2] % dim[1], w = i % dim[2];
        const size_t at = ((dim[0] > 1 ? c : 0) * row[1] + (dim[1] > 1 ? r : 0)) * row[2] + (dim[2] > 1 ? w : 0);
        normal->mean[i] = mean[at];
        normal->std[i] = std[at];
    }
    free(mean);
    return done;
}
