#include "inspect/field.h"

#include "inspect/layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int inputs_of(const cv_node *n) {
    return n->op->inputs ? n->op->inputs : 1;
}

// Flattened, or a weighted sum of everything: an output depends on all pixels.
static bool sees_everything(const cv_node *n) {
    return !n->op->window && !n->op->sees && n->out.dims == 1 && (n->in.dims > 1 || (n->op->tensors && n->op->cost));
}

// All rows (d 0) or columns became one, by a mean say.
static bool sees_all_of(const cv_node *n, int d) {
    return !n->op->window && !n->op->sees && (d ? n->out.w == 1 && n->in.w > 1 : n->out.h == 1 && n->in.h > 1);
}

// --- size, jump and start -----------------------------------------------------------------------------------------

// Where branches meet, a pixel sees from the lowest start to the highest end.
static void unite(cv_view *v, const cv_view *other, int d) {
    if (!v->size[d]) return;
    if (!other->size[d]) {
        v->size[d] = v->jump[d] = v->start[d] = 0;
        return;
    }
    const int64_t end = v->start[d] + v->size[d], other_end = other->start[d] + other->size[d];
    if (other->start[d] < v->start[d]) v->start[d] = other->start[d];
    v->size[d] = (other_end > end ? other_end : end) - v->start[d];
    if (other->jump[d] > v->jump[d]) v->jump[d] = other->jump[d];
}

//   size' = size + (reach - 1) jump,   jump' = jump stride,   start' = start - padding jump
// with reach = dilation (kernel - 1) + 1.    Araujo et al. 2019, https://distill.pub/2019/computing-receptive-fields
static void slide(cv_view *v, const cv_window *w, int d) {
    if (!v->size[d]) return;
    v->size[d] += w->dilation[d] * (w->kernel[d] - 1) * v->jump[d];
    v->start[d] -= w->padding[d] * v->jump[d];
    v->jump[d] *= w->stride[d];
}

// What differs from place to place: the largest size, and the mean jump, at least 1.
static void look(cv_view *v, const cv_node *n, int d) {
    const int64_t in = d ? n->in.w : n->in.h, out = d ? n->out.w : n->out.h;
    const int64_t start = n->op->sees(n->config, n->in, n->out, d, 0).first,
                  last = n->op->sees(n->config, n->in, n->out, d, out - 1).first;
    int64_t most = 0;
    for (int64_t at = 0; at < out; at++) {
        const cv_span s = n->op->sees(n->config, n->in, n->out, d, at);
        if (s.end - s.first > most) most = s.end - s.first;
    }
    if (!v->size[d]) return;
    if (most >= in && in > 1) {
        v->size[d] = v->jump[d] = v->start[d] = 0;
        return;
    }
    const int64_t jump = out > 1 ? v->jump[d] * (last - start) / (out - 1) : v->jump[d];
    v->size[d] += (most - 1) * v->jump[d];
    v->start[d] += start * v->jump[d];
    v->jump[d] = jump > 0 ? jump : 1;
}

void cv_field_views(const cv_net *net, cv_view *views) {
    views[0] = (cv_view){{1, 1}, {1, 1}, {0, 0}};
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        cv_view v = views[n->input[0] + 1];
        if (sees_everything(n)) v = (cv_view){{0, 0}, {0, 0}, {0, 0}};
        for (int d = 0; d < 2; d++) {
            if (sees_all_of(n, d)) v.size[d] = v.jump[d] = v.start[d] = 0;
            for (int k = 1; k < inputs_of(n); k++) unite(&v, &views[n->input[k] + 1], d);
            if (n->op->sees) look(&v, n, d);
            if (!n->op->window) continue;
            const cv_window w = n->op->window(n->config, n->in);
            slide(&v, &w, d);
        }
        views[i + 1] = v;
    }
}

// --- pixel by pixel -----------------------------------------------------------------------------------------------

// Adds the ways through the window: an output pixel reaches each input pixel under its window, once per input map.
static void spread(const cv_node *n, double maps, bool heat, const double *from, double *to) {
    const cv_window w = n->op->window(n->config, n->in);
    for (int64_t y = 0; y < n->out.h; y++)
        for (int64_t x = 0; x < n->out.w; x++) {
            const double ways = maps * from[y * n->out.w + x];
            for (int64_t i = 0; ways > 0 && i < w.kernel[0]; i++)
                for (int64_t j = 0; j < w.kernel[1]; j++) {
                    const int64_t row = y * w.stride[0] - w.padding[0] + i * w.dilation[0];
                    const int64_t column = x * w.stride[1] - w.padding[1] + j * w.dilation[1];
                    if (row < 0 || row >= n->in.h || column < 0 || column >= n->in.w) continue;
                    double *at = &to[row * n->in.w + column];
                    *at = heat ? *at + ways : 1;
                }
        }
}

// The same through spans.
static void spread_over(const cv_node *n, bool heat, const double *from, double *to) {
    for (int64_t y = 0; y < n->out.h; y++) {
        const cv_span rows = n->op->sees(n->config, n->in, n->out, 0, y);
        for (int64_t x = 0; x < n->out.w; x++) {
            const cv_span columns = n->op->sees(n->config, n->in, n->out, 1, x);
            const double ways = from[y * n->out.w + x];
            for (int64_t row = rows.first < 0 ? 0 : rows.first; ways > 0 && row < rows.end && row < n->in.h; row++)
                for (int64_t column = columns.first < 0 ? 0 : columns.first; column < columns.end && column < n->in.w;
                     column++) {
                    double *at = &to[row * n->in.w + column];
                    *at = heat ? *at + ways : 1;
                }
        }
    }
}

// Feature maps that an output pixel sums: the fan-in of the weight, without the kernel. A pool stays in its own map.
static double maps_of(const cv_node *n) {
    cv_tensor tensor[CV_MAX_TENSORS];
    if (!n->op->window || !n->op->tensors || !n->op->tensors(n->config, n->in, tensor)) return 1;
    const cv_window w = n->op->window(n->config, n->in);
    return (double)(tensor[0].fan_in / (w.kernel[0] * w.kernel[1]));
}

// Without a window: from pixel to pixel, and where there is but one row or column on one side, from it to all.
static void pass_on(cv_shape in, cv_shape out, bool heat, const double *from, double *to) {
    for (int64_t i = 0; i < cv_shape_pixels(in); i++)
        for (int64_t row = 0; row < out.h; row++) {
            if (in.h == out.h && row != i / in.w) continue;
            const int64_t first = in.w == out.w ? i % in.w : 0, end = in.w == out.w ? first + 1 : out.w;
            for (int64_t column = first; column < end; column++) {
                const double ways = from[row * out.w + column];
                to[i] = heat ? to[i] + ways : fmax(to[i], ways);
            }
        }
}

static convo_status trace_node(const cv_net *net, int node, bool heat, double **ways, convo_error *err) {
    const cv_node *n = &net->node[node];
    const double *from = ways[node + 1];
    for (int k = 0; k < inputs_of(n); k++) {
        const cv_shape in = cv_node_shape(n, k);
        double **to = &ways[n->input[k] + 1];
        if (!*to) *to = cv_alloc((size_t)cv_shape_pixels(in), sizeof **to);
        if (!*to) return cv_no_memory(err, "a receptive field");
        if (n->op->window)
            spread(n, maps_of(n), heat, from, *to);
        else if (n->op->sees)
            spread_over(n, heat, from, *to);
        else
            pass_on(in, n->out, heat, from, *to);
    }
    return CONVO_OK;
}

// The number of ways grows with every layer; only shares matter, so all grids are scaled before a double is too small.
static void keep_finite(const cv_net *net, int node, double **ways) {
    double largest = 0;
    for (int64_t i = 0; i < cv_shape_pixels(net->node[node].out); i++) largest = fmax(largest, ways[node + 1][i]);
    if (largest < 1e100) return;
    for (int v = 0; v <= node + 1; v++) {
        const int64_t pixels = cv_shape_pixels(v ? net->node[v - 1].out : net->input);
        for (int64_t i = 0; ways[v] && i < pixels; i++) ways[v][i] /= largest;
    }
}

convo_status cv_field_trace(const cv_net *net, int node, const int64_t at[2], bool heat, double **ways,
                            convo_error *err) {
    const cv_shape out = net->node[node].out;
    ways[node + 1] = cv_alloc((size_t)cv_shape_pixels(out), sizeof **ways);
    if (!ways[node + 1]) return cv_no_memory(err, "a receptive field");
    ways[node + 1][at[0] * out.w + at[1]] = 1;
    convo_status status = CONVO_OK;
    for (int i = node; !status && i >= 0; i--) {
        if (!ways[i + 1]) continue; // a branch that the layer does not read
        keep_finite(net, i, ways);
        status = trace_node(net, i, heat, ways, err);
    }
    return status;
}

// --- convo_field_find ---------------------------------------------------------------------------------------------

static void measure(convo_field_grid *g) {
    double largest = 0;
    for (int d = 0; d < 2; d++) g->first[d] = d ? g->columns : g->rows;
    for (int64_t i = 0; i < g->rows * g->columns; i++) {
        const int64_t at[2] = {i / g->columns, i % g->columns};
        if (!(g->share[i] > 0)) continue;
        largest = fmax(largest, g->share[i]);
        g->seen++;
        for (int d = 0; d < 2; d++) {
            if (at[d] < g->first[d]) g->first[d] = at[d];
            if (at[d] > g->last[d]) g->last[d] = at[d];
        }
    }
    for (int64_t i = 0; largest > 0 && i < g->rows * g->columns; i++) g->share[i] /= largest;
}

// The grid of value v takes ways[v] over.
static void describe_grid(const cv_net *net, int v, const cv_view *view, double *ways, convo_field_grid *g) {
    const cv_node *n = v ? &net->node[v - 1] : NULL;
    const cv_shape s = n ? n->out : net->input;
    cv_print(g->path, sizeof g->path, "%s", n ? n->path : "");
    cv_print(g->type, sizeof g->type, "%s", n ? n->op->name : "input");
    cv_shape_text(s, g->shape, sizeof g->shape);
    g->rows = s.h;
    g->columns = s.w;
    g->moves = n && (n->op->window || n->op->sees || n->op->inputs > 1);
    memcpy(g->size, view->size, sizeof g->size);
    memcpy(g->jump, view->jump, sizeof g->jump);
    memcpy(g->start, view->start, sizeof g->start);
    g->share = ways;
    measure(g);
}

static convo_status choose(const cv_net *net, const char *layer, const int64_t at[2], int *node, int64_t pixel[2],
                           convo_error *err) {
    CV_TRY(cv_layers_find(net, layer, node, err));
    if (*node < 0) return cv_fail(err, CONVO_SHAPE, "", "no layer of the net has pixels: it reads a vector");
    const cv_node *n = &net->node[*node];
    if (n->out.dims < 2)
        return cv_fail(err, CONVO_SHAPE, n->where,
                       "layer %s (%s) has no pixels, each of its outputs sees all of the input", n->path, n->op->name);
    pixel[0] = at ? at[0] : (n->out.h - 1) / 2;
    pixel[1] = at ? at[1] : (n->out.w - 1) / 2;
    if (pixel[0] >= 0 && pixel[0] < n->out.h && pixel[1] >= 0 && pixel[1] < n->out.w) return CONVO_OK;
    return cv_fail(err, CONVO_ARGUMENT, n->where,
                   "layer %s (%s) has no pixel %lld,%lld: rows are 0 to %lld, columns 0 to %lld", n->path, n->op->name,
                   (long long)pixel[0], (long long)pixel[1], (long long)n->out.h - 1, (long long)n->out.w - 1);
}

static convo_status find(const cv_net *net, int node, bool heat, convo_field *field, convo_error *err) {
    const size_t values = (size_t)node + 2;
    cv_view *views = cv_alloc((size_t)net->nodes + 1, sizeof *views);
    double **ways = cv_alloc(values, sizeof *ways);
    field->grid = cv_alloc(values, sizeof *field->grid);
    convo_status status = views && ways && field->grid ? CONVO_OK : cv_no_memory(err, "a receptive field");
    if (!status) status = cv_field_trace(net, node, field->at, heat, ways, err);
    if (!status) {
        cv_field_views(net, views);
        for (size_t v = 0; v < values; v++) {
            if (!ways[v]) continue;
            describe_grid(net, (int)v, &views[v], ways[v], &field->grid[field->count++]);
            ways[v] = NULL;
        }
        for (int i = 0; i <= node; i++)
            for (int t = 0; t < net->node[i].tensors; t++) {
                const cv_net_tensor *tensor = &net->tensor[net->node[i].tensor + t];
                if (!tensor->spec.buffer) field->parameters += (int64_t)tensor->size;
            }
    }
    for (size_t v = 0; ways && v < values; v++) free(ways[v]);
    free(ways);
    free(views);
    return status;
}

convo_status convo_field_find(const convo_recipe *recipe, const char *layer, const int64_t at[2], bool heat,
                              convo_field *field, convo_error *err) {
    cv_net *net = NULL;
    int node;
    if (!recipe || !field) return cv_fail(err, CONVO_ARGUMENT, "", "a recipe and room for the field are needed");
    *field = (convo_field){0};
    convo_status status = cv_recipe_outline(recipe, cv_isa_find("baseline"), &net, err);
    if (!status) status = choose(net, layer, at, &node, field->at, err);
    if (!status) field->dims = net->node[node].out.dims - 1;
    if (!status) status = find(net, node, heat, field, err);
    cv_net_free(net);
    if (status) convo_field_free(field);
    return status;
}

void convo_field_free(convo_field *field) {
    if (!field) return;
    for (int k = 0; k < field->count; k++) free(field->grid[k].share);
    free(field->grid);
    *field = (convo_field){0};
}
