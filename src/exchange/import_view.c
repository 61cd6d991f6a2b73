// Views: how a tensor of the graph lies in a value of the net. Operators that only move values (Transpose, Reshape,
// Squeeze, ...) change the view; no layer is made of them until one needs the values in another order.
#include "exchange/import.h"

#include <stdlib.h>
#include <string.h>

static int first_run(const cv_import_view *v, int dim) {
    return dim ? v->end[dim - 1] : 0;
}

static int runs_of(const cv_import_view *v) {
    return v->dims ? v->end[v->dims - 1] : 0;
}

int64_t cv_import_size(const cv_import_view *v, int dim) {
    int64_t size = 1;
    for (int r = first_run(v, dim); r < v->end[dim]; r++) {
        if (v->run[r].axis == CV_IMPORT_EXAMPLES)
            return v->end[dim] - first_run(v, dim) == 1 ? CV_IMPORT_BATCH : CV_IMPORT_UNKNOWN;
        size *= v->run[r].size;
    }
    return size;
}

int64_t cv_import_count(const cv_import_view *v) {
    int64_t count = 1;
    for (int r = 0; r < runs_of(v); r++) count *= v->run[r].axis == CV_IMPORT_EXAMPLES ? 1 : v->run[r].size;
    return count;
}

int64_t cv_import_batch(const cv_import *d) {
    return d->examples < 0 ? -1 : d->source->dim[d->examples];
}

// --- building -----------------------------------------------------------------------------------------------------

static void add_dim(cv_import_view *v) {
    const int end = runs_of(v);
    v->end[v->dims++] = end;
}

// Adds a run to the last dimension; two that follow each other along the same axis become one.
static bool add_run(cv_import_view *v, cv_import_run run) {
    int *end = &v->end[v->dims - 1];
    cv_import_run *last = *end > first_run(v, v->dims - 1) ? &v->run[*end - 1] : NULL;
    if (run.size == 1 && run.axis != CV_IMPORT_EXAMPLES) return true;
    if (last && run.axis != CV_IMPORT_EXAMPLES && last->axis == run.axis && last->step == run.size * run.step) {
        *last = (cv_import_run){run.axis, last->size * run.size, run.step};
        return true;
    }
    if (*end == CV_IMPORT_RUNS) return false;
    v->run[(*end)++] = run;
    return true;
}

void cv_import_permute(cv_import_view *v, const int64_t *order) {
    const cv_import_view from = *v;
    *v = (cv_import_view){0};
    for (int k = 0; k < from.dims; k++) {
        add_dim(v);
        for (int r = first_run(&from, (int)order[k]); r < from.end[order[k]]; r++) add_run(v, from.run[r]);
    }
}

void cv_import_insert(cv_import_view *v, int dim, int64_t batch) {
    bool examples = false;
    for (int r = 0; r < runs_of(v); r++) examples = examples || v->run[r].axis == CV_IMPORT_EXAMPLES;
    const cv_import_view from = *v;
    *v = (cv_import_view){0};
    for (int k = 0; k <= from.dims; k++) {
        if (k == dim) add_dim(v);
        if (k == dim && k == 0 && !examples && batch == 1) add_run(v, (cv_import_run){CV_IMPORT_EXAMPLES, 1, 1});
        if (k == from.dims) break;
        add_dim(v);
        for (int r = first_run(&from, k); r < from.end[k]; r++) add_run(v, from.run[r]);
    }
}

void cv_import_remove(cv_import_view *v, int dim) {
    const cv_import_view from = *v;
    *v = (cv_import_view){0};
    for (int k = 0; k < from.dims; k++) {
        if (k == dim) continue;
        add_dim(v);
        for (int r = first_run(&from, k); r < from.end[k]; r++) add_run(v, from.run[r]);
    }
}

void cv_import_join_runs(cv_import_view *v, int dim) {
    const cv_import_view from = *v;
    const int64_t count = cv_import_count(v);
    *v = (cv_import_view){0};
    for (int k = 0; k < from.dims; k++) {
        add_dim(v);
        for (int r = first_run(&from, k); r < from.end[k]; r++)
            if (from.run[r].axis == CV_IMPORT_EXAMPLES) add_run(v, from.run[r]);
        if (k == dim) v->run[v->end[k]++] = (cv_import_run){0, count, 1}; // a layer may make it longer, even from 1
    }
}

// --- another shape ------------------------------------------------------------------------------------------------

// The runs of a tensor, taken from either end.
typedef struct cursor {
    cv_import_run run[CV_IMPORT_RUNS];
    int first, end;
} cursor;

// Takes a dimension of this size from the left or the right end, as runs in their order. -1: it cannot be.
static int take_runs(cursor *c, int64_t size, int64_t batch, bool left, cv_import_run out[CV_IMPORT_RUNS]) {
    int count = 0;
    // From the right, the examples are left to a -1 before them where one example may be any dimension of size 1.
    const bool examples = size == CV_IMPORT_BATCH || (batch > (left ? 0 : 1) && size == batch);
    if (examples && c->first < c->end && c->run[left ? c->first : c->end - 1].axis == CV_IMPORT_EXAMPLES) {
        out[count++] = c->run[left ? c->first++ : --c->end];
        return count;
    }
    while (size > 1) {
        if (c->first == c->end) return -1;
        cv_import_run *next = &c->run[left ? c->first : c->end - 1], part = *next;
        if (next->axis == CV_IMPORT_EXAMPLES) return -1;
        if (size % next->size == 0) {
            size /= next->size;
            if (left) c->first++;
            if (!left) c->end--;
        } else if (next->size % size == 0) { // the outer or the inner part of it
            const int64_t rest = next->size / size;
            part = (cv_import_run){next->axis, size, left ? next->step * rest : next->step};
            *next = (cv_import_run){next->axis, rest, left ? next->step : next->step * size};
            size = 1;
        } else {
            return -1;
        }
        out[count++] = part;
    }
    for (int k = 0; !left && k < count / 2; k++) {
        const cv_import_run swap = out[k];
        out[k] = out[count - 1 - k];
        out[count - 1 - k] = swap;
    }
    return size == 1 ? count : -1;
}

static cursor cursor_of(const cv_import_view *v, bool examples) {
    cursor c = {.end = 0};
    for (int r = 0; r < runs_of(v); r++)
        if (v->run[r].axis == CV_IMPORT_EXAMPLES ? examples : v->run[r].size > 1) {
            cv_import_run *last = c.end ? &c.run[c.end - 1] : NULL, run = v->run[r];
            if (last && run.axis >= 0 && last->axis == run.axis && last->step == run.size * run.step)
                *last = (cv_import_run){run.axis, last->size * run.size, run.step};
            else
                c.run[c.end++] = run;
        }
    return c;
}

static bool reshape_runs(const cv_import_view *from, const int64_t *to, int count, int64_t batch, bool examples,
                         cv_import_view *made) {
    cursor c = cursor_of(from, examples);
    cv_import_run part[CV_GRAPH_DIMS][CV_IMPORT_RUNS];
    int parts[CV_GRAPH_DIMS], open = -1;
    for (int k = 0; k < count && open < 0; k++) {
        if (to[k] == -1)
            open = k;
        else if ((parts[k] = take_runs(&c, to[k], batch, true, part[k])) < 0)
            return false;
    }
    for (int k = count - 1; open >= 0 && k > open; k--)
        if (to[k] == -1 || (parts[k] = take_runs(&c, to[k], batch, false, part[k])) < 0) return false;
    if (open >= 0) {
        parts[open] = c.end - c.first;
        memcpy(part[open], c.run + c.first, (size_t)parts[open] * sizeof *c.run);
        c.first = c.end;
    }
    *made = (cv_import_view){0};
    for (int k = 0; k < count; k++) {
        add_dim(made);
        for (int r = 0; r < parts[k]; r++)
            if (!add_run(made, part[k][r])) return false;
    }
    return c.first == c.end;
}

bool cv_import_reshape(cv_import_view *v, const int64_t *to, int count, int64_t batch) {
    int64_t size[CV_GRAPH_DIMS];
    cv_import_view made;
    int open = 0;
    if (count > CV_GRAPH_DIMS) return false;
    for (int k = 0; k < count; k++) {
        size[k] = to[k] == 0 && k < v->dims ? cv_import_size(v, k) : to[k]; // 0: as it was
        if (size[k] == CV_IMPORT_UNKNOWN) size[k] = -1; // such as the examples times four: what the others leave
        if (size[k] < -1 && size[k] != CV_IMPORT_BATCH) return false;
        open += size[k] == -1;
    }
    if (open > 1) return false;
    // Of one example the examples may be left out, and may come back in front.
    bool done = reshape_runs(v, size, count, batch, true, &made);
    if (!done && batch == 1) done = reshape_runs(v, size, count, batch, false, &made);
    if (!done) return false;
    if (batch == 1 && count > 1 && to[0] == 1 && runs_of(&made) < CV_IMPORT_RUNS) {
        bool examples = false;
        for (int r = 0; r < runs_of(&made); r++) examples = examples || made.run[r].axis == CV_IMPORT_EXAMPLES;
        if (!examples) {
            cv_import_remove(&made, 0);
            cv_import_insert(&made, 0, batch);
        }
    }
    *v = made;
    return true;
}

// --- layouts ------------------------------------------------------------------------------------------------------

bool cv_import_is_examples(const cv_import_view *v, int dim) {
    return v->end[dim] - first_run(v, dim) == 1 && v->run[v->end[dim] - 1].axis == CV_IMPORT_EXAMPLES;
}

bool cv_import_maps(const cv_import_view *v, cv_import_layout *out) {
    *out = (cv_import_layout){.dims = v->dims - 1};
    if (v->dims < 2 || v->dims > 4 || !cv_import_is_examples(v, 0)) return false;
    for (int k = 1; k < v->dims; k++) {
        const int axis = k == 1 ? 0 : k == v->dims - 1 ? 2 : 1;
        out->dim[axis][out->count[axis]++] = k;
        if (cv_import_size(v, k) < 0) return false;
    }
    return true;
}

bool cv_import_channels(const cv_import_view *v, int first, int count, cv_import_layout *out) {
    int others = 0;
    int64_t pixels = 1;
    *out = (cv_import_layout){.dims = 1};
    for (int k = 0; k < v->dims; k++) {
        if (cv_import_is_examples(v, k)) {
            if (k >= first && k < first + count) return false;
            continue;
        }
        if (k >= first && k < first + count) {
            out->dim[0][out->count[0]++] = k;
            if (cv_import_size(v, k) < 0) return false;
        } else {
            out->dim[2][others++] = k;
            const int64_t size = cv_import_size(v, k);
            pixels *= size > 1 || size < 0 ? 2 : 1; // whether there are any
        }
    }
    out->count[2] = others;
    if (pixels > 1) out->dims = others == 1 ? 2 : 3;
    if (out->dims < 3) return true;
    out->count[1] = others - 1; // all but the last
    memcpy(out->dim[1], out->dim[2], (size_t)out->count[1] * sizeof out->dim[1][0]);
    out->dim[2][0] = out->dim[2][others - 1];
    out->count[2] = 1;
    return true;
}
