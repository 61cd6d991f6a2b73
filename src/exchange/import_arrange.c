// Layouts: a layer gets its input with channels first. The net's input takes the order that its first layer needs, so
// that the transposes of NHWC and time-major models vanish; elsewhere layers put values in order.
#include "exchange/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int begin_of(const cv_import_view *v, int dim) {
    return dim ? v->end[dim - 1] : 0;
}

// How far apart neighbours along an axis are in memory.
static int64_t stride_of(const cv_import *d, const cv_import_value *value, int axis) {
    const cv_shape s = cv_import_shape(d, value);
    int64_t stride = 1;
    if (!value->raw) return axis == 0 ? s.h * s.w : axis == 1 ? s.w : 1;
    for (int k = axis + 1; k < d->source->dims; k++) stride *= k == d->examples ? 1 : d->source->dim[k];
    return stride;
}

static int64_t plain_size(const cv_import_view *v, int dim) {
    int64_t size = 1;
    for (int r = begin_of(v, dim); r < v->end[dim]; r++)
        size *= v->run[r].axis == CV_IMPORT_EXAMPLES ? 1 : v->run[r].size;
    return size;
}

static int64_t axis_size(const cv_import_view *v, const cv_import_layout *l, int axis) {
    int64_t size = 1;
    for (int k = 0; k < l->count[axis]; k++) size *= plain_size(v, l->dim[axis][k]);
    return size;
}

// Runs of memory in the order of some dimensions: .step counts values, .axis means nothing. As few as there can be.
typedef struct memory_runs {
    int count;
    cv_import_run run[CV_IMPORT_RUNS];
} memory_runs;

static void add_memory(const cv_import *d, const cv_import_value *value, int dim, memory_runs *out) {
    for (int r = begin_of(&value->view, dim); r < value->view.end[dim]; r++) {
        cv_import_run run = value->view.run[r];
        if (run.axis == CV_IMPORT_EXAMPLES || run.size == 1) continue;
        run.step *= stride_of(d, value, run.axis);
        cv_import_run *last = out->count ? &out->run[out->count - 1] : NULL;
        if (last && last->step == run.size * run.step)
            *last = (cv_import_run){0, last->size * run.size, run.step};
        else
            out->run[out->count++] = run;
    }
}

static memory_runs memory_of(const cv_import *d, const cv_import_value *value, const cv_import_layout *l) {
    memory_runs out = {0};
    for (int axis = 0; axis < 3; axis++)
        for (int k = 0; k < l->count[axis]; k++) add_memory(d, value, l->dim[axis][k], &out);
    return out;
}

bool cv_import_is_plain(const cv_import *d, const cv_import_value *value) {
    memory_runs runs = {0};
    for (int k = 0; k < value->view.dims; k++) add_memory(d, value, k, &runs);
    return runs.count < 2;
}

size_t *cv_import_places(const cv_import *d, const cv_import_value *value) {
    memory_runs runs = {0};
    for (int k = 0; k < value->view.dims; k++) add_memory(d, value, k, &runs);
    const size_t count = (size_t)cv_import_count(&value->view);
    size_t *places = cv_alloc(count + 1, sizeof *places);
    for (size_t i = 0; places && i < count; i++) {
        size_t left = i;
        for (int r = runs.count - 1; r >= 0; r--) {
            places[i] += left % (size_t)runs.run[r].size * (size_t)runs.run[r].step;
            left /= (size_t)runs.run[r].size;
        }
    }
    return places;
}

// --- the input ----------------------------------------------------------------------------------------------------

// Axis and step of values that lie so far apart in a value of the net.
static cv_import_run run_of_stride(cv_shape s, int64_t size, int64_t stride) {
    const int axis = stride >= s.h * s.w ? 0 : stride >= s.w ? 1 : 2;
    return (cv_import_run){axis, size, stride / (axis == 0 ? s.h * s.w : axis == 1 ? s.w : 1)};
}

static int compare_moves(const void *a, const void *b) {
    const int64_t x = ((const cv_import_move *)a)->from, y = ((const cv_import_move *)b)->from;
    return x > y ? -1 : x < y;
}

// A run of the graph's input, and what lies of it in each run of the net's: the outermost first. false: they cut each
// other.
static bool split_run(const cv_import *d, int64_t size, int64_t from, cv_import_move out[CV_IMPORT_RUNS], int *count) {
    int64_t found = 1;
    *count = 0;
    for (int k = 0; k < d->moves; k++) {
        const cv_import_move *m = &d->move[k];
        const int64_t low = from > m->from ? from : m->from, end = from * size, last = m->from * m->size,
                      high = end < last ? end : last;
        if (low >= high) continue;
        out[(*count)++] = (cv_import_move){high / low, low, m->to * (low / m->from)};
        found *= high / low;
    }
    qsort(out, (size_t)*count, sizeof *out, compare_moves);
    return found == size;
}

static convo_status give_axes(const cv_import *d, const cv_graph_node *n, cv_import_value *value) {
    cv_import_view made = {.dims = value->view.dims};
    int count = 0;
    for (int dim = 0; dim < made.dims; dim++) {
        for (int r = begin_of(&value->view, dim); r < value->view.end[dim]; r++) {
            const cv_import_run *run = &value->view.run[r];
            cv_import_move part[CV_IMPORT_RUNS];
            int parts = 0;
            const bool examples = run->axis == CV_IMPORT_EXAMPLES;
            if (!examples && !split_run(d, run->size, run->step * stride_of(d, value, run->axis), part, &parts))
                return cv_import_refuse(d, n, "reads the input in an order that does not go with an earlier layer's");
            if (count + parts + examples > CV_IMPORT_RUNS) return cv_import_refuse(d, n, "cuts the input too often");
            if (examples) made.run[count++] = *run;
            for (int k = 0; k < parts; k++) made.run[count++] = run_of_stride(d->net->input, part[k].size, part[k].to);
        }
        made.end[dim] = count;
    }
    value->view = made;
    value->raw = false;
    return CONVO_OK;
}

// Channels, rows and columns in the order of the graph; more than three dimensions become three.
static cv_import_layout own_layout(const cv_import *d) {
    cv_import_layout l = {.dims = 0};
    const int dims = d->source->dims - (d->examples >= 0);
    for (int k = 0, at = 0; k < d->source->dims; k++) {
        if (k == d->examples) continue;
        const int left = dims - 1 - at, axis = at == 0 ? 0 : left == 0 ? 2 : left == 1 ? 1 : 0;
        l.dim[axis][l.count[axis]++] = k;
        at++;
    }
    l.dims = dims < 3 ? dims : 3;
    return l;
}

// Which dimension of the graph's input each of the net's is, where they are whole ones.
static void note_order(const cv_import *d, const cv_import_value *value, const cv_import_layout *l) {
    const cv_import_view *v = &value->view;
    char have[96], made[48], order[64] = "";
    bool whole = true;
    for (int axis = 0; axis < 3; axis++)
        for (int k = 0; k < l->count[axis]; k++) {
            const int dim = l->dim[axis][k], first = begin_of(v, dim);
            int from = d->examples == 0;
            if (v->end[dim] > first)
                from = v->run[first].axis;
            else // any of size 1
                while (from < d->source->dims && (d->source->dim[from] != 1 || from == d->examples)) from++;
            whole = whole && l->count[axis] == 1 && from >= 0 && from < d->source->dims && v->end[dim] <= first + 1 &&
                    plain_size(v, dim) == d->source->dim[from];
            cv_append(order, sizeof order, "%s%d", *order ? ", " : ": its dimensions ", from);
        }
    cv_dims_text(d->source->dims, d->source->dim, have, sizeof have);
    cv_shape_text(d->net->input, made, sizeof made);
    cv_import_note(d, "%s: the graph's input is %s, the model's is %s, channels first%s", d->path, have, made,
                   whole ? order : "");
}

static bool is_expected(const cv_import *d, const cv_import_value *value, const cv_import_layout *l) {
    const cv_import_view *v = &value->view;
    const cv_shape s = d->expected;
    return s.dims == l->dims && s.c == axis_size(v, l, 0) && s.h == axis_size(v, l, 1) && s.w == axis_size(v, l, 2);
}

convo_status cv_import_declare(cv_import *d, const cv_graph_node *n, const cv_import_layout *layout,
                               cv_import_value *value) {
    if (!value->raw) return CONVO_OK;
    if (d->moves) return give_axes(d, n, value);
    cv_import_value whole = *cv_import_find(d, d->source->name);
    cv_import_layout l = own_layout(d);
    memory_runs runs = layout ? memory_of(d, value, layout) : (memory_runs){0};
    const bool own = !layout || (layout->dims == 1 && runs.count < 2) ||
                     (is_expected(d, &whole, &l) && !is_expected(d, value, layout));
    if (!own) l = *layout;
    const cv_import_value *from = own ? &whole : value;
    runs = memory_of(d, from, &l);
    d->net->input =
        (cv_shape){l.dims, axis_size(&from->view, &l, 0), axis_size(&from->view, &l, 1), axis_size(&from->view, &l, 2)};
    for (int axis = 0; axis < 3; axis++) { // a move stays within an axis
        memory_runs part = {0};
        for (int k = 0; k < l.count[axis]; k++) add_memory(d, from, l.dim[axis][k], &part);
        for (int k = 0; k < part.count; k++)
            d->move[d->moves++] = (cv_import_move){part.run[k].size, part.run[k].step, 1};
    }
    for (int k = d->moves - 2; k >= 0; k--) d->move[k].to = d->move[k + 1].to * d->move[k + 1].size;
    if (!d->moves) d->move[d->moves++] = (cv_import_move){1, 1, 1};
    if (runs.count > 1) note_order(d, from, &l);
    return give_axes(d, n, value);
}

// --- layers that put values in order ------------------------------------------------------------------------------

static convo_status add_mover(cv_import *d, const cv_graph_node *n, const char *layer, const cv_setting *settings,
                              int count, cv_import_value *value) {
    const cv_import_view view = value->view;
    value->view.dims = 0;
    const convo_status status = cv_import_apply(d, n, layer, settings, count, value, NULL);
    value->view = view;
    return status;
}

static convo_status set_shape(cv_import *d, const cv_graph_node *n, cv_shape to, cv_import_value *value) {
    const cv_shape now = cv_import_shape(d, value);
    cv_setting s[3] = {{.name = "channels"}, {.name = "rows"}, {.name = "columns"}};
    if (now.dims == to.dims && now.c == to.c && now.h == to.h && now.w == to.w) return CONVO_OK;
    if (to.dims == 1) return add_mover(d, n, "flatten", NULL, 0, value);
    if (now.dims == 3 && to.dims == 2 && to.w == now.w) return add_mover(d, n, "sequence", NULL, 0, value);
    cv_print(s[0].text, sizeof s[0].text, "%" PRId64, to.c);
    cv_print(s[1].text, sizeof s[1].text, "%" PRId64, to.dims == 3 ? to.h : 0);
    cv_print(s[2].text, sizeof s[2].text, "%" PRId64, to.w);
    return add_mover(d, n, "reshape", s, 3, value);
}

static int compare_runs(const void *a, const void *b) {
    const int64_t x = ((const cv_import_run *)a)->step, y = ((const cv_import_run *)b)->step;
    return x > y ? -1 : x < y;
}

// Puts runs of memory in the order in which they are listed.
static convo_status set_order(cv_import *d, const cv_graph_node *n, const memory_runs *runs, cv_import_value *value) {
    memory_runs now = *runs;
    cv_setting order = {.name = "order"};
    if (runs->count > 3)
        return cv_import_refuse(d, n, "permutes %d groups of dimensions: convo permutes up to three", runs->count);
    qsort(now.run, (size_t)now.count, sizeof *now.run, compare_runs);
    const bool maps = now.count == 3;
    const cv_shape shape = {now.count, now.run[0].size, maps ? now.run[1].size : 1, now.run[now.count - 1].size};
    for (int k = 0; k < now.count; k++)
        for (int from = 0; from < now.count; from++)
            if (now.run[from].step == runs->run[k].step) order.text[k] = (maps ? "chw" : "cw")[from];
    CV_TRY(set_shape(d, n, shape, value));
    if (!strcmp(order.text, "cwh")) return add_mover(d, n, "transpose", NULL, 0, value);
    return add_mover(d, n, "permute", &order, 1, value);
}

// The view of a value that lies as the layout says. An axis of size 1 has a run too, which a layer may make longer.
static void set_view(const cv_import_layout *l, cv_import_view *v) {
    const cv_import_view from = *v;
    int64_t step[CV_GRAPH_DIMS] = {0};
    int axis_of[CV_GRAPH_DIMS] = {0}, count = 0;
    for (int axis = 0; axis < 3; axis++) {
        int64_t left = axis_size(&from, l, axis);
        for (int k = 0; k < l->count[axis]; k++) {
            const int dim = l->dim[axis][k];
            const bool whole = left == 1 && k == 0 && axis_size(&from, l, axis) == 1;
            axis_of[dim] = axis;
            step[dim] = whole ? -1 : left;
            left /= plain_size(&from, dim);
        }
    }
    for (int dim = 0; dim < from.dims; dim++) {
        int64_t left = step[dim];
        for (int r = begin_of(&from, dim); r < from.end[dim]; r++) {
            cv_import_run run = from.run[r];
            if (run.axis != CV_IMPORT_EXAMPLES && run.size == 1) continue;
            if (run.axis != CV_IMPORT_EXAMPLES) run = (cv_import_run){axis_of[dim], run.size, left /= run.size};
            cv_import_run *last = count > (dim ? v->end[dim - 1] : 0) ? &v->run[count - 1] : NULL;
            if (last && last->axis == run.axis && run.axis >= 0 && last->step == run.size * run.step)
                *last = (cv_import_run){run.axis, last->size * run.size, run.step};
            else
                v->run[count++] = run;
        }
        if (step[dim] < 0 && count < CV_IMPORT_RUNS) v->run[count++] = (cv_import_run){axis_of[dim], 1, 1};
        v->end[dim] = count;
    }
}

convo_status cv_import_arrange(cv_import *d, const cv_graph_node *n, const cv_import_layout *l,
                               cv_import_value *value) {
    CV_TRY(cv_import_declare(d, n, l, value));
    const memory_runs runs = memory_of(d, value, l);
    const cv_shape to = {l->dims, axis_size(&value->view, l, 0), axis_size(&value->view, l, 1),
                         axis_size(&value->view, l, 2)},
                   now = cv_import_shape(d, value);
    const bool same = runs.count < 2 && to.c == now.c && to.h == now.h && to.w == now.w;
    if (cv_shape_size(to) != cv_shape_size(now)) return cv_import_refuse(d, n, "reads some of a value only");
    if (runs.count > 1) CV_TRY(set_order(d, n, &runs, value));
    if (!same || (to.dims > 1 && to.dims != now.dims)) CV_TRY(set_shape(d, n, to, value));
    set_view(l, &value->view);
    return CONVO_OK;
}

convo_status cv_import_flatten(cv_import *d, const cv_graph_node *n, cv_import_value *value) {
    CV_TRY(cv_import_declare(d, n, NULL, value));
    const cv_shape now = cv_import_shape(d, value);
    for (int r = 0; r < (value->view.dims ? value->view.end[value->view.dims - 1] : 0); r++) {
        cv_import_run *run = &value->view.run[r];
        if (run->axis >= 0) *run = (cv_import_run){0, run->size, run->step * stride_of(d, value, run->axis)};
    }
    return set_shape(d, n, (cv_shape){1, cv_shape_size(now), 1, 1}, value);
}

convo_status cv_import_vector(cv_import *d, const cv_graph_node *n, cv_import_value *value) {
    cv_import_layout l = {.dims = 1};
    for (int k = 0; k < value->view.dims; k++)
        if (!cv_import_is_examples(&value->view, k)) l.dim[0][l.count[0]++] = k;
    if (!cv_import_is_plain(d, value)) CV_TRY(cv_import_arrange(d, n, &l, value));
    return cv_import_flatten(d, n, value);
}
