#include "audio/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

cv_shape cv_rows_shape(const cv_rows *o, int64_t count, int64_t values) {
    if (o->layout == CV_ROWS_IMAGE) return (cv_shape){.dims = 3, .c = 1 + o->deltas, .h = count, .w = values};
    return (cv_shape){.dims = 2, .c = values * (1 + o->deltas), .h = 1, .w = count};
}

bool cv_rows_plain(const cv_rows *o) {
    return o->layout == CV_ROWS_IMAGE && o->deltas == 0 && o->scale == CV_ROWS_AS_THEY_ARE;
}

const char *cv_rows_whole(const cv_rows *o) {
    return o->scale != CV_ROWS_AS_THEY_ARE ? "scale needs the mean of the whole clip" : NULL;
}

// --- within a clip ------------------------------------------------------------------------------------------------

// Zero mean of x[0], x[step], ...; unit variance, divided by their number, if they vary.
static void standardise(float *x, size_t count, size_t step, bool variance) {
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++) mean += (double)x[i * step];
    mean /= (double)count;
    for (size_t i = 0; i < count; i++) squares += ((double)x[i * step] - mean) * ((double)x[i * step] - mean);
    const double gain = !variance ? 1 : squares > 0 ? 1 / sqrt(squares / (double)count) : 0;
    for (size_t i = 0; i < count; i++) x[i * step] = (float)(((double)x[i * step] - mean) * gain);
}

static void scale_rows(const cv_rows *o, size_t count, size_t values, float *rows) {
    if (o->scale == CV_ROWS_CLIP) standardise(rows, count * values, 1, true);
    for (size_t v = 0; o->scale >= CV_ROWS_CMN && v < values; v++)
        standardise(rows + v, count, values, o->scale == CV_ROWS_CMVN);
}

// Sum over n = 1 ... N of n (x[t + n] - x[t - n]) / (2 sum of n^2): the slope of the line through 2 N + 1 frames. What
// lies beyond the ends is the first or the last frame.
static double delta_norm(int64_t reach) {
    double sum = 0;
    for (int64_t n = 1; n <= reach; n++) sum += (double)(n * n);
    return 2 * sum;
}

static size_t frame_at(size_t count, size_t t, int64_t away) {
    const int64_t at = (int64_t)t + away;
    return at < 0 ? 0 : at >= (int64_t)count ? count - 1 : (size_t)at;
}

static void add_deltas(const cv_rows *o, size_t count, size_t values, const float *rows, float *deltas) {
    const double norm = delta_norm(o->delta_reach);
    for (size_t t = 0; t < count; t++)
        for (size_t v = 0; v < values; v++) {
            double sum = 0;
            for (int64_t n = 1; n <= o->delta_reach; n++)
                sum += (double)n * ((double)rows[frame_at(count, t, n) * values + v] -
                                    (double)rows[frame_at(count, t, -n) * values + v]);
            deltas[t * values + v] = (float)(sum / norm);
        }
}

size_t cv_rows_work(const cv_rows *o, size_t count, size_t values) {
    return o->layout == CV_ROWS_IMAGE ? 0 : (size_t)(1 + o->deltas) * count * values;
}

void cv_rows_finish(const cv_rows *o, size_t count, size_t values, float *rows, float *work, float *out) {
    const size_t size = count * values, maps = (size_t)(1 + o->deltas);
    float *all = o->layout == CV_ROWS_IMAGE ? out : work;
    scale_rows(o, count, values, rows);
    memcpy(all, rows, size * sizeof *all);
    for (size_t m = 1; m < maps; m++) add_deltas(o, count, values, all + (m - 1) * size, all + m * size);
    if (all == out) return;
    for (size_t m = 0; m < maps; m++)
        for (size_t t = 0; t < count; t++)
            for (size_t v = 0; v < values; v++) out[(m * values + v) * count + t] = all[m * size + t * values + v];
}

// --- as a graph ---------------------------------------------------------------------------------------------------

static void scale_graph(const cv_rows *o, cv_graph *graph) {
    const char *axes = o->scale == CV_ROWS_CLIP ? "[1, 2]" : "[1]";
    cv_graph_print(graph,
                   "front.wide = Cast(front.rows) to=11; front.clip_mean = ReduceMean(front.wide) axes=%s keepdims=1; "
                   "front.moved = Sub(front.wide, front.clip_mean)",
                   axes);
    if (o->scale == CV_ROWS_CMN) {
        cv_graph_print(graph, "front.scaled_rows = Cast(front.moved) to=1");
        return;
    }
    cv_graph_print(graph,
                   "front.squares = Mul(front.moved, front.moved); "
                   "front.variance = ReduceMean(front.squares) axes=%s keepdims=1; "
                   "front.deviation = Sqrt(front.variance); front.divisor = Max(front.deviation, #1e-300d); "
                   "front.unit = Div(front.moved, front.divisor); front.scaled_rows = Cast(front.unit) to=1",
                   axes);
}

// [count][count]: the deltas of a column of values as a product.
static void add_slope(const cv_rows *o, size_t count, cv_graph *graph) {
    const double norm = delta_norm(o->delta_reach);
    double *slope =
        cv_graph_add_constant(graph, "front.slope", CV_CONST_F64, 2, (int64_t[]){(int64_t)count, (int64_t)count});
    for (size_t t = 0; slope && t < count; t++)
        for (int64_t n = 1; n <= o->delta_reach; n++) {
            slope[t * count + frame_at(count, t, n)] += (double)n / norm;
            slope[t * count + frame_at(count, t, -n)] -= (double)n / norm;
        }
}

void cv_rows_graph(const cv_rows *o, size_t count, cv_graph *graph) {
    const char *rows = "front.rows", *all = rows;
    if (o->scale != CV_ROWS_AS_THEY_ARE) {
        scale_graph(o, graph);
        all = rows = "front.scaled_rows";
    }
    if (o->deltas) {
        add_slope(o, count, graph);
        cv_graph_print(graph,
                       "front.first = Cast(%s) to=11; front.delta1 = MatMul(front.slope, front.first); "
                       "front.float1 = Cast(front.delta1) to=1",
                       rows);
    }
    if (o->deltas == 2)
        cv_graph_print(graph,
                       "front.second = Cast(front.float1) to=11; front.delta2 = MatMul(front.slope, front.second); "
                       "front.float2 = Cast(front.delta2) to=1");
    if (o->layout == CV_ROWS_CHANNELS) { // (frames, values of all) turned
        if (o->deltas)
            cv_graph_print(graph, "front.together = Concat(%s, front.float1%s) axis=2", rows,
                           o->deltas == 2 ? ", front.float2" : "");
        cv_graph_print(graph, "features = Transpose(%s) perm=[0, 2, 1]", o->deltas ? "front.together" : all);
        return;
    }
    cv_graph_print(graph, o->deltas ? "front.map0 = Unsqueeze(%s, #[1])" : "features = Unsqueeze(%s, #[1])", all);
    if (o->deltas) cv_graph_print(graph, "front.map1 = Unsqueeze(front.float1, #[1])");
    if (o->deltas == 2) cv_graph_print(graph, "front.map2 = Unsqueeze(front.float2, #[1])");
    if (o->deltas)
        cv_graph_print(graph, "features = Concat(front.map0, front.map1%s) axis=1",
                       o->deltas == 2 ? ", front.map2" : "");
}
