// What gru and lstm are and where their values lie, and the tiles of their products.
#pragma once

#include "op/layers/product.h"
#include "op/layers/tile.h"

typedef struct recurrent {
    int64_t hidden, layers;
    bool bidirectional, bias;
    int output, cell;
} recurrent;

enum { ALL_STEPS, LAST };
enum { GRU, LSTM };
enum { MOST_LAYERS = 4 };
enum { IH, HH, BIAS_IH, BIAS_HH, KINDS };                // tensors of a direction of a layer, in PyTorch's order
extern const cv_op CV_JOIN(cv_single_recurrent, CV_ISA); // see recurrent_single.c

enum { COLUMNS = 12 }; // that the input's sums are made for at a time, so that they stay in the cache

static inline int64_t gates_of(const recurrent *c) {
    return c->cell == GRU ? 3 : 4;
}
static inline int64_t kept_of(const recurrent *c) { // values of a step, in states
    return c->cell == GRU ? 4 : 5;
}
static inline int directions_of(const recurrent *c) {
    return c->bidirectional ? 2 : 1;
}
static inline int64_t inputs_of_layer(const recurrent *c, int64_t in, int layer) {
    return layer ? directions_of(c) * c->hidden : in;
}

// --- shapes, tensors, cost ----------------------------------------------------------------------------------------

static inline bool recurrent_infer(recurrent *c, int cell, const cv_shape *in, cv_shape *out, char *why,
                                   size_t why_size) {
    c->cell = cell;
    *out = (cv_shape){2, directions_of(c) * c->hidden, 1, in->w};
    if (c->output == LAST) out->dims = 1, out->w = 1;
    // Offsets are counted in 32 bits, and what is kept of all steps must be a size.
    if (in->w <= INT32_MAX / (8 * c->hidden) && in->c <= INT32_MAX / in->w) return true;
    cv_print(why, why_size, "%lld columns of %lld values are more than a recurrent layer takes", (long long)in->w,
             (long long)(in->c > c->hidden ? in->c : c->hidden));
    return false;
}
static inline bool gru_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    return recurrent_infer(config, GRU, in, out, why, why_size);
}
static inline bool lstm_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    return recurrent_infer(config, LSTM, in, out, why, why_size);
}

static const char *recurrent_name(int layer, int direction, int kind) {
#define NAMES_OF(tail)                                                                                                 \
    { "weight_ih_l" tail, "weight_hh_l" tail, "bias_ih_l" tail, "bias_hh_l" tail }
    static const char *const names[MOST_LAYERS][2][KINDS] = {{NAMES_OF("0"), NAMES_OF("0_reverse")},
                                                             {NAMES_OF("1"), NAMES_OF("1_reverse")},
                                                             {NAMES_OF("2"), NAMES_OF("2_reverse")},
                                                             {NAMES_OF("3"), NAMES_OF("3_reverse")}};
    return names[layer][direction][kind];
}

static inline int kinds_of(const recurrent *c) {
    return c->bias ? KINDS : BIAS_IH;
}

// All of them uniform in +-1/sqrt(hidden).
static inline int recurrent_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const recurrent *c = config;
    const int64_t rows = gates_of(c) * c->hidden;
    int n = 0;
    for (int layer = 0; layer < c->layers; layer++)
        for (int d = 0; d < directions_of(c); d++)
            for (int kind = 0; kind < kinds_of(c); kind++)
                out[n++] = (cv_tensor){.name = recurrent_name(layer, d, kind),
                                       .dims = kind < BIAS_IH ? 2 : 1,
                                       .dim = {rows, kind == IH   ? inputs_of_layer(c, in.c, layer)
                                                     : kind == HH ? c->hidden
                                                                  : 0},
                                       .init = CV_INIT_UNIFORM,
                                       .fan_in = c->hidden};
    return n;
}

static inline int64_t recurrent_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const recurrent *c = config;
    const int64_t rows = gates_of(c) * c->hidden;
    int64_t cost = 0;
    (void)out;
    formula[0] = 0;
    for (int layer = 0; layer < c->layers && layer < 2; layer++) { // all but the first are alike
        const int64_t inputs = inputs_of_layer(c, in.c, layer), alike = layer ? c->layers - 1 : 1;
        cv_append(formula, size, "%s", layer ? " + " : "");
        if (alike > 1) cv_append(formula, size, "%lld*", (long long)alike);
        cv_append(formula, size, "%s%lld*(%lld + %lld%s)", c->bidirectional ? "2*" : "", (long long)rows,
                  (long long)inputs, (long long)c->hidden, c->bias ? " + 2" : "");
        cost += alike * directions_of(c) * rows * (inputs + c->hidden) * in.w;
    }
    return cost;
}

static inline cv_span recurrent_sees(const void *config, cv_shape in, cv_shape out, int d, int64_t at) {
    const recurrent *c = config;
    if (d == 0) return (cv_span){at, at + 1};
    return (cv_span){0, c->bidirectional || out.dims == 1 ? in.w : at + 1};
}

// --- where values lie ---------------------------------------------------------------------------------------------

// What is kept for the way back, layer by layer: the steps of each direction, [columns][kept][hidden], then the layer's
// outputs, [direction][hidden][columns].
static inline int64_t kept_lanes(const recurrent *c, int64_t columns) {
    return directions_of(c) * (kept_of(c) + 1) * c->hidden * columns;
}

static inline size_t recurrent_saved(const void *config, cv_shape in, cv_shape out) {
    const recurrent *c = config;
    (void)out;
    return (size_t)(c->layers * kept_lanes(c, in.w));
}

// Work memory of a call.
typedef struct workplace {
    lanes *h, *c, *u, *sums; // the state and what is made of it
    lanes *a;                // [gates][COLUMNS]: forward
    lanes *d;     // [columns][4][hidden], of the sums: backward. gru: n from the input, r, z, n from the state
    real *turned; // weights with rows and columns exchanged
    int32_t *tap, *pixel;
    lanes *sequence[2]; // forward without a way back: outputs of a layer; backward: gradients of one
    lanes *end;
} workplace;

static inline workplace workplace_of(const recurrent *c, cv_shape in, lanes *free) {
    const int64_t hidden = c->hidden, rows = gates_of(c) * hidden, n = in.w, outputs = directions_of(c) * hidden,
                  widest = in.c > outputs ? in.c : outputs;
    workplace m = {.h = free, .c = free + hidden, .u = free + 2 * hidden, .sums = free + 6 * hidden};
    m.a = free += 10 * hidden;
    m.d = free += rows * COLUMNS;
    free += n * 4 * hidden;
    m.turned = (real *)free, free += in_lanes(rows * widest, sizeof(real));
    m.tap = (int32_t *)free, free += in_lanes(rows + widest, sizeof(int32_t));
    m.pixel = (int32_t *)free, free += in_lanes(n, sizeof(int32_t));
    for (int k = 0; k < 2; k++) m.sequence[k] = free, free += outputs * n;
    m.end = free;
    return m;
}

static inline size_t recurrent_scratch(const void *config, cv_shape in, cv_shape out) {
    static const lanes base[1]; // nothing is written: only a distance from it is asked for
    (void)out;
    return (size_t)(workplace_of(config, in, (lanes *)(uintptr_t)base).end - base);
}

// One direction of one layer.
typedef struct run {
    const recurrent *c;
    int64_t columns, inputs;
    bool reverse, set;
    const real *w[KINDS];
    real *grad[KINDS];
    lanes *kept; // NULL: there is no way back
    workplace room;
} run;

static inline run run_of(const cv_pass *p, int layer, int direction, void *scratch) {
    const recurrent *c = p->config;
    run r = {.c = c,
             .columns = p->in.w,
             .inputs = inputs_of_layer(c, p->in.c, layer),
             .reverse = direction,
             .set = p->set,
             .room = workplace_of(c, p->in, scratch)};
    const int first = (layer * directions_of(c) + direction) * kinds_of(c);
    for (int kind = 0; kind < kinds_of(c); kind++)
        r.w[kind] = p->tensor[first + kind], r.grad[kind] = p->grad[first + kind];
    if (p->saved)
        r.kept = (lanes *)p->saved + layer * kept_lanes(c, p->in.w) + direction * kept_of(c) * c->hidden * p->in.w;
    return r;
}

// The outputs of a layer.
static inline lanes *sequence_of(const cv_pass *p, int layer) {
    const recurrent *c = p->config;
    if (!p->saved) return workplace_of(c, p->in, p->scratch[0]).sequence[layer % 2];
    return (lanes *)p->saved + layer * kept_lanes(c, p->in.w) + directions_of(c) * kept_of(c) * c->hidden * p->in.w;
}

// The gradient of what a layer reads.
static inline lanes *gradient_room(const cv_pass *p, int layer) {
    return workplace_of(p->config, p->in, p->scratch[1]).sequence[layer % 2];
}

// to[column][row] from w[row][column]
static inline void turn(real *to, const real *w, int64_t rows, int64_t columns) {
    for (int64_t m = 0; m < rows; m++)
        for (int64_t k = 0; k < columns; k++) to[k * rows + m] = w[m * columns + k];
}

// --- steps --------------------------------------------------------------------------------------------------------

// Of one column, vectors of H values one behind the other. kept: what the way back needs, where that follows.
typedef struct step {
    const lanes *a, *u; // sums of the gates, from the input (a stride apart) and from the state
    int64_t stride;
    lanes *h, *c;
    lanes *kept;
} step;

static inline void gru_step(const step *s, int64_t hidden) {
    for (int64_t j = 0; j < hidden; j++) {
        const lanes un = s->u[2 * hidden + j], r = sigmoid_lanes(s->a[j * s->stride] + s->u[j]),
                    z = sigmoid_lanes(s->a[(hidden + j) * s->stride] + s->u[hidden + j]),
                    n = tanh_lanes(s->a[(2 * hidden + j) * s->stride] + r * un);
        s->h[j] = n + z * (s->h[j] - n);
        if (!s->kept) continue;
        s->kept[j] = r, s->kept[hidden + j] = z, s->kept[2 * hidden + j] = n, s->kept[3 * hidden + j] = un;
    }
}

static inline void lstm_step(const step *s, int64_t hidden) {
    for (int64_t j = 0; j < hidden; j++) {
        const lanes i = sigmoid_lanes(s->a[j * s->stride] + s->u[j]),
                    f = sigmoid_lanes(s->a[(hidden + j) * s->stride] + s->u[hidden + j]),
                    g = tanh_lanes(s->a[(2 * hidden + j) * s->stride] + s->u[2 * hidden + j]),
                    o = sigmoid_lanes(s->a[(3 * hidden + j) * s->stride] + s->u[3 * hidden + j]);
        s->c[j] = f * s->c[j] + i * g;
        s->h[j] = o * tanh_lanes(s->c[j]);
        if (!s->kept) continue;
        s->kept[j] = i, s->kept[hidden + j] = f, s->kept[2 * hidden + j] = g, s->kept[3 * hidden + j] = o;
        s->kept[4 * hidden + j] = s->c[j];
    }
}

// --- tiles --------------------------------------------------------------------------------------------------------

typedef struct project_tile {
    const run *r;
    const lanes *x;
    int64_t m;
    const int32_t *pixel;
    lanes *a;
    int64_t columns;
} project_tile;

ALWAYS_INLINE void project_rows(const int rows, const void *work) {
    const project_tile *t = work;
    const run *r = t->r;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_start(rows, sum, r->w[BIAS_IH] ? r->w[BIAS_IH] + t->m : NULL);
    tile_correlate(rows, sum, r->w[IH] + t->m * r->inputs, r->inputs, t->x, r->room.tap, r->inputs, t->pixel);
    tile_store(rows, t->a, COLUMNS, sum, t->columns);
}

typedef struct weights_tile {
    const run *r;
    const lanes *x, *d;
    const int32_t *tap;
    int64_t columns, gates;
    real *dw;
    int64_t inputs;
} weights_tile;

// Rows of the tile are inputs, columns are gates.
ALWAYS_INLINE void weights_rows(const int rows, const void *work) {
    const weights_tile *t = work;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    real total[TILE_ROWS][TILE_COLUMNS];
    tile_outer(rows, sum, t->x, t->r->columns, t->d, t->r->room.pixel, t->columns, t->tap);
    tile_total(rows, sum, total[0], TILE_COLUMNS, TILE_COLUMNS, true);
    for (int64_t j = 0; j < t->gates; j++)
        for (int i = 0; i < rows; i++) {
            real *to = &t->dw[j * t->inputs + i];
            *to = (t->r->set ? 0 : *to) + total[i][j];
        }
}

typedef struct input_tile {
    const run *r;
    const real *w;
    const int32_t *pixel;
    int64_t gates;
    lanes *dx;
    int64_t columns;
    bool add;
} input_tile;

ALWAYS_INLINE void input_rows(const int rows, const void *work) {
    const input_tile *t = work;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_start(rows, sum, NULL);
    tile_correlate(rows, sum, t->w, t->gates, t->r->room.d, t->r->room.tap, t->gates, t->pixel);
    if (t->add) tile_add(rows, sum, t->dx, t->r->columns, t->columns);
    tile_store(rows, t->dx, t->r->columns, sum, t->columns);
}
