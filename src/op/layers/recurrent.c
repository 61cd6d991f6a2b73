// gru and lstm: layers with a state h, one step for each column.    torch.nn.GRU, torch.nn.LSTM
// Cho et al. 2014, https://arxiv.org/abs/1406.1078; Hochreiter & Schmidhuber 1997. With a = W_ih x + b_ih of this
// column, u = W_hh h + b_hh of the state before, and s the logistic function:
//
//   gru    r = s(a_r + u_r)   z = s(a_z + u_z)   n = tanh(a_n + r u_n)               h' = (1 - z) n + z h
//   lstm   i = s(a_i + u_i)   f = s(a_f + u_f)   g = tanh(a_g + u_g)   o = s(a_o + u_o)
//          c' = f c + i g                                                            h' = o tanh c'
//
// A direction of a layer is a product of matrices for all columns (a, and on the way back dx and dW_ih), the loop over
// the columns with a product of a matrix and a vector in each, and one more product of matrices (dW_hh).
#include "op/layers/recurrent.h"

// --- steps back ---------------------------------------------------------------------------------------------------

// The way back through a step. dh: of the state behind it; becomes what does not go through the gates. d: of the sums,
// in the order of struct gates.
typedef struct back_step {
    const lanes *kept, *before; // before: the state in front, h (gru, a stride apart) or c (lstm); NULL: zero
    int64_t stride;
    lanes *dh, *dc, *d;
} back_step;

static void gru_back(const back_step *s, int64_t hidden) {
    for (int64_t j = 0; j < hidden; j++) {
        const lanes r = s->kept[j], z = s->kept[hidden + j], n = s->kept[2 * hidden + j], un = s->kept[3 * hidden + j],
                    dh = s->dh[j], h = s->before ? s->before[j * s->stride] : (lanes){0},
                    dn = dh * (1 - z) * (1 - n * n);
        s->d[j] = dn;
        s->d[hidden + j] = dn * un * r * (1 - r);
        s->d[2 * hidden + j] = dh * (h - n) * z * (1 - z);
        s->d[3 * hidden + j] = dn * r;
        s->dh[j] = dh * z;
    }
}

static void lstm_back(const back_step *s, int64_t hidden) {
    for (int64_t j = 0; j < hidden; j++) {
        const lanes i = s->kept[j], f = s->kept[hidden + j], g = s->kept[2 * hidden + j], o = s->kept[3 * hidden + j],
                    t = tanh_lanes(s->kept[4 * hidden + j]), dh = s->dh[j], dc = s->dc[j] + dh * o * (1 - t * t),
                    c = s->before ? s->before[j] : (lanes){0};
        s->d[j] = dc * g * i * (1 - i);
        s->d[hidden + j] = dc * c * f * (1 - f);
        s->d[2 * hidden + j] = dc * i * (1 - g * g);
        s->d[3 * hidden + j] = dh * t * o * (1 - o);
        s->dc[j] = dc * f;
        s->dh[j] = (lanes){0};
    }
}

// --- forward ------------------------------------------------------------------------------------------------------

// a[m][t] for some columns from `first` on.
static void project(const run *r, const lanes *x, int64_t first, int64_t count) {
    const recurrent *c = r->c;
    const int64_t rows = gates_of(c) * c->hidden;
    for (int64_t t = 0; t < count; t += TILE_COLUMNS) {
        int32_t pixel[TILE_COLUMNS];
        for (int j = 0; j < TILE_COLUMNS; j++) pixel[j] = (int32_t)(first + (t + j < count ? t + j : count - 1));
        for (int64_t m = 0; m < rows; m += TILE_ROWS) {
            const project_tile tile = {r, x, m, pixel, r->room.a + m * COLUMNS + t, count - t};
            tile_of_height(rows - m, project_rows, &tile);
        }
    }
}

static void walk(const run *r, const lanes *x, lanes *y) {
    const recurrent *c = r->c;
    const int64_t hidden = c->hidden, rows = gates_of(c) * hidden, n = r->columns;
    const workplace *m = &r->room;
    memset(m->h, 0, (size_t)hidden * sizeof *m->h);
    memset(m->c, 0, (size_t)hidden * sizeof *m->c);
    turn(m->turned, r->w[HH], rows, hidden);
    for (int64_t k = 0; k < r->inputs; k++) m->tap[k] = (int32_t)(k * n);
    for (int64_t done = 0; done < n; done += COLUMNS) {
        const int64_t count = n - done < COLUMNS ? n - done : COLUMNS, first = r->reverse ? n - done - count : done;
        project(r, x, first, count);
        for (int64_t k = 0; k < count; k++) {
            const int64_t column = r->reverse ? count - 1 - k : k, t = first + column;
            multiply_rows(1, m->u, (cv_span){0, rows}, r->w[BIAS_HH], m->turned, 1, rows, m->h, hidden, 0);
            const step s = {.a = m->a + column,
                            .u = m->u,
                            .stride = COLUMNS,
                            .h = m->h,
                            .c = m->c,
                            .kept = r->kept ? r->kept + t * kept_of(c) * hidden : NULL};
            (c->cell == GRU ? gru_step : lstm_step)(&s, hidden);
            for (int64_t j = 0; j < hidden; j++) y[j * n + t] = m->h[j];
        }
    }
}

static void recurrent_forward(const cv_pass *p) {
    const recurrent *c = p->config;
    const int64_t n = p->in.w, hidden = c->hidden, outputs = directions_of(c) * hidden;
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int layer = 0; layer < c->layers; layer++) {
        lanes *to = sequence_of(p, layer);
        for (int d = 0; d < directions_of(c); d++) {
            const run r = run_of(p, layer, d, p->scratch[0]);
            walk(&r, x, to + d * hidden * n);
        }
        x = to;
    }
    for (int64_t j = 0; c->output == LAST && j < outputs; j++) y[j] = x[j * n + (j < hidden ? n - 1 : 0)];
    if (c->output == ALL_STEPS) memcpy(y, x, (size_t)(outputs * n) * sizeof *y);
}

// --- backward -----------------------------------------------------------------------------------------------------

// The loop over the columns, from the last to the first. dy: of all outputs of this direction; NULL: of the last alone.
static void walk_back(const run *r, const lanes *y, const lanes *dy, const lanes *last) {
    const recurrent *c = r->c;
    const int64_t hidden = c->hidden, gates = gates_of(c) * hidden, n = r->columns, kept = kept_of(c) * hidden;
    const workplace *m = &r->room;
    memset(m->c, 0, (size_t)hidden * sizeof *m->c);
    memset(m->h, 0, (size_t)hidden * sizeof *m->h);
    memset(m->sums, 0, (size_t)(4 * hidden) * sizeof *m->sums);
    if (last) memcpy(m->h, last, (size_t)hidden * sizeof *m->h);
    for (int64_t k = n - 1; k >= 0; k--) {
        const int64_t t = r->reverse ? n - 1 - k : k, before = !k ? t : r->reverse ? t + 1 : t - 1;
        lanes *d = m->d + t * 4 * hidden;
        for (int64_t j = 0; dy && j < hidden; j++) m->h[j] += dy[j * n + t];
        const lanes *state = c->cell == GRU ? y + before : r->kept + before * kept + 4 * hidden;
        const back_step s = {
            .kept = r->kept + t * kept, .before = k ? state : NULL, .stride = n, .dh = m->h, .dc = m->c, .d = d};
        (c->cell == GRU ? gru_back : lstm_back)(&s, hidden);
        for (int64_t j = 0; j < 4 * hidden; j++) m->sums[j] += d[j];
        if (!k) break;
        multiply_rows(1, m->u, (cv_span){0, hidden}, NULL, r->w[HH], 1, hidden, d + 4 * hidden - gates, gates, 0);
        for (int64_t j = 0; j < hidden; j++) m->h[j] += m->u[j];
    }
}

// Where the sum of gate m from the input is in d: that of the state is at m + 4 hidden - gates.
static int64_t place_of_gate(const recurrent *c, int64_t m) {
    return c->cell == LSTM ? m : m < 2 * c->hidden ? m + c->hidden : m - 2 * c->hidden;
}

static void gate_bias_gradients(const run *r) {
    const recurrent *c = r->c;
    const int64_t gates = gates_of(c) * c->hidden;
    real *ih = r->grad[BIAS_IH], *hh = r->grad[BIAS_HH];
    for (int64_t m = 0; ih && hh && m < gates; m++) {
        ih[m] = (r->set ? 0 : ih[m]) + sum_lanes(r->room.sums[place_of_gate(c, m)]);
        hh[m] = (r->set ? 0 : hh[m]) + sum_lanes(r->room.sums[m + 4 * c->hidden - gates]);
    }
}

// dw[m][k] = sum over t of d[t][place of m] x[k][t]
static void gradient_of_weights(const run *r, real *dw, int64_t inputs, const lanes *x, int64_t columns, const lanes *d,
                                bool from_input) {
    const recurrent *c = r->c;
    const int64_t gates = gates_of(c) * c->hidden;
    if (!dw) return;
    for (int64_t m = 0; m < gates; m++)
        r->room.tap[m] = (int32_t)(from_input ? place_of_gate(c, m) : m + 4 * c->hidden - gates);
    for (int64_t t = 0; t < columns; t++) r->room.pixel[t] = (int32_t)(t * 4 * c->hidden);
    for (int64_t m = 0; m < gates; m += TILE_COLUMNS) {
        int32_t tap[TILE_COLUMNS];
        tile_offsets(tap, r->room.tap, m, gates);
        for (int64_t k = 0; k < inputs; k += TILE_ROWS) {
            const weights_tile tile = {.r = r,
                                       .x = x + k * r->columns,
                                       .d = d,
                                       .tap = tap,
                                       .columns = columns,
                                       .gates = gates - m < TILE_COLUMNS ? gates - m : TILE_COLUMNS,
                                       .dw = dw + m * inputs + k,
                                       .inputs = inputs};
            tile_of_height(inputs - k, weights_rows, &tile);
        }
    }
}

// dx[k][t] = sum over m of w[m][k] d[t][place of m], written or added to
static void gradient_of_input(const run *r, lanes *dx, bool add) {
    const recurrent *c = r->c;
    const int64_t gates = gates_of(c) * c->hidden, n = r->columns;
    turn(r->room.turned, r->w[IH], gates, r->inputs);
    for (int64_t m = 0; m < gates; m++) r->room.tap[m] = (int32_t)place_of_gate(c, m);
    for (int64_t t = 0; t < n; t++) r->room.pixel[t] = (int32_t)(t * 4 * c->hidden);
    for (int64_t t = 0; t < n; t += TILE_COLUMNS) {
        int32_t pixel[TILE_COLUMNS];
        tile_offsets(pixel, r->room.pixel, t, n);
        for (int64_t k = 0; k < r->inputs; k += TILE_ROWS) {
            const input_tile tile = {r, r->room.turned + k * gates, pixel, gates, dx + k * n + t, n - t, add};
            tile_of_height(r->inputs - k, input_rows, &tile);
        }
    }
}

static void recurrent_backward(const cv_pass *p) {
    const recurrent *c = p->config;
    const int64_t n = p->in.w, hidden = c->hidden;
    const lanes *dy = c->output == LAST ? NULL : p->dy;
    for (int layer = (int)c->layers - 1; layer >= 0; layer--) {
        const lanes *x = layer ? sequence_of(p, layer - 1) : p->x[0], *y = sequence_of(p, layer);
        lanes *dx = layer ? gradient_room(p, layer) : p->dx[0];
        for (int d = 0; d < directions_of(c); d++) {
            const run r = run_of(p, layer, d, p->scratch[1]);
            const lanes *own = y + d * hidden * n;
            walk_back(&r, own, dy ? dy + d * hidden * n : NULL, dy ? NULL : (const lanes *)p->dy + d * hidden);
            if (dx) gradient_of_input(&r, dx, d > 0);
            gate_bias_gradients(&r);
            gradient_of_weights(&r, r.grad[IH], r.inputs, x, n, r.room.d, true);
            gradient_of_weights(&r, r.grad[HH], hidden, d ? own + 1 : own, n - 1, r.room.d + (d ? 0 : 4 * hidden),
                                false);
        }
        dy = dx;
    }
}

// --- ONNX ---------------------------------------------------------------------------------------------------------

static bool recurrent_carries(const void *config) {
    return !((const recurrent *)config)->bidirectional;
}

static bool recurrent_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const recurrent *c = config;
    const long long hidden = (long long)c->hidden, outputs = directions_of(c) * hidden;
    (void)in, (void)in1, (void)out;
    cv_print(text, size, "s = Transpose(x) perm=[2, 0, 1]");
    for (int k = 0; k < c->layers; k++) {
        const bool state = c->output == LAST && k + 1 == c->layers;
        cv_append(text, size, state ? "; _, h = " : "; y%d = ", k);
        cv_append(text, size, "%s(s", c->cell == GRU ? "GRU" : "LSTM");
        if (k) cv_append(text, size, "%d", k - 1);
        cv_append(text, size, c->bias ? ", W%d, R%d, B%d" : ", W%d, R%d", k, k, k);
        cv_append(text, size, ") hidden_size=%lld%s%s", hidden, c->cell == GRU ? " linear_before_reset=1" : "",
                  c->bidirectional ? " direction=bidirectional" : "");
        if (state)
            cv_append(text, size, "; t = Transpose(h) perm=[1, 0, 2]; y = Reshape(t, #[0, %lld])", outputs);
        else if (c->bidirectional)
            cv_append(text, size, "; t%d = Transpose(y%d) perm=[0, 2, 1, 3]; s%d = Reshape(t%d, #[0, 0, %lld])", k, k,
                      k, k, outputs);
        else
            cv_append(text, size, "; s%d = Squeeze(y%d, #[1])", k, k);
    }
    if (c->output == ALL_STEPS) cv_append(text, size, "; y = Transpose(s%d) perm=[1, 2, 0]", (int)c->layers - 1);
    return true;
}

// W0, R0, B0, W1, ...: the tensors of both directions, their gates in the order of ONNX: z r n; i o f g.
static int recurrent_constant(const void *config, cv_shape in, const char *name, const float *const *tensor,
                              int64_t dim[4], float *values) {
    static const int order[2][4] = {{1, 0, 2}, {0, 3, 1, 2}};
    const recurrent *c = config;
    const int layer = name[1] - '0', kind = name[0] == 'W' ? IH : name[0] == 'R' ? HH : BIAS_IH;
    if (!strchr("WRB", name[0]) || layer < 0 || layer >= c->layers) return 0;
    const int64_t hidden = c->hidden, gates = gates_of(c), times = kind == BIAS_IH ? 2 : 1,
                  row = kind == IH   ? inputs_of_layer(c, in.c, layer)
                        : kind == HH ? hidden
                                     : 1;
    dim[0] = directions_of(c);
    dim[1] = times * gates * hidden;
    dim[2] = row;
    for (int d = 0; values && d < directions_of(c); d++)
        for (int k = kind; k < kind + times; k++)
            for (int64_t g = 0; g < gates; g++, values += hidden * row)
                memcpy(values,
                       tensor[(layer * directions_of(c) + d) * kinds_of(c) + k] + order[c->cell][g] * hidden * row,
                       (size_t)(hidden * row) * sizeof *values);
    return kind == BIAS_IH ? 2 : 3;
}

// --- the ops ------------------------------------------------------------------------------------------------------

#define RECURRENT(cell_)                                                                                               \
    .dims = 2,                                                                                                         \
    .schema = CV_OPTIONS(CV_OPTION("hidden", CV_INT, recurrent, hidden,                                                \
                                   "values of the state, and outputs of each direction", .required = true,             \
                                   CV_RANGE(1, 1 << 16)),                                                              \
                         CV_OPTION("layers", CV_INT, recurrent, layers, "one behind the other", .fallback = 1,         \
                                   CV_RANGE(1, MOST_LAYERS)),                                                          \
                         CV_OPTION("bidirectional", CV_BOOL, recurrent, bidirectional,                                 \
                                   "a second one from the last column to the first, "                                  \
                                   "behind the outputs of the first"),                                                 \
                         CV_OPTION("output", CV_WORD, recurrent, output,                                               \
                                   "all columns, or the state behind the last, as a vector", .words = "all|last"),     \
                         CV_OPTION("bias", CV_BOOL, recurrent, bias, "add biases", .fallback = true)),                 \
    .config_size = sizeof(recurrent), .reads_x = true, .products = true, .infer = cell_##_infer,                       \
    .tensors = recurrent_tensors, .cost = recurrent_cost, .sees = recurrent_sees, .saved = recurrent_saved,            \
    .scratch = recurrent_scratch, .forward = recurrent_forward, .backward = recurrent_backward,                        \
    .carries = recurrent_carries, .say_onnx = recurrent_say, .constant = recurrent_constant,                           \
    .single = &CV_JOIN(cv_single_recurrent, CV_ISA)
#define RECURRENT_TORCH(call, state)                                                                                   \
    "(lambda y, h: h[-(2 if {bidirectional} else 1):].transpose(0, 1).flatten(1) if '{output}' == 'last' else "        \
    "y.movedim(1, 2))(*torch." call "(x.movedim(1, 2), " state ", [globals()[n] for n in list(globals()) if 'h_l' in " \
    "n], {bias}, {layers}, 0.0, False, {bidirectional}, True)[:2])"
#define RECURRENT_ZEROS "torch.zeros({layers} * (2 if {bidirectional} else 1), len(x), {hidden}, dtype=x.dtype)"

CV_OP(gru) = {
    RECURRENT(gru),
    .name = "gru",
    .help = "gated recurrent units along the columns",
    .torch = RECURRENT_TORCH("gru", RECURRENT_ZEROS),
    .cases = CV_CASES({{2, 3, 1, 1}, "{hidden: 2}", 3}, {{2, 5, 1, 7}, "{hidden: 6}", 17},
                      {{2, 3, 1, 14}, "{hidden: 5, output: last, bias: false}", 16},
                      {{2, 4, 1, 5}, "{hidden: 3, bidirectional: true, output: last}", 8},
                      {{2, 3, 1, 13}, "{hidden: 4, layers: 2, bidirectional: true}", 33},
                      {{2, 18, 1, 3}, "{hidden: 19, layers: 3}", 7}),
};

CV_OP(lstm) = {
    RECURRENT(lstm),
    .name = "lstm",
    .help = "long short-term memory along the columns",
    .torch = RECURRENT_TORCH("lstm", "(" RECURRENT_ZEROS ",) * 2"),
    .cases = CV_CASES({{2, 3, 1, 1}, "{hidden: 2}", 3}, {{2, 5, 1, 7}, "{hidden: 6}", 17},
                      {{2, 3, 1, 14}, "{hidden: 5, output: last, bias: false}", 16},
                      {{2, 4, 1, 5}, "{hidden: 3, bidirectional: true, output: last}", 8},
                      {{2, 3, 1, 13}, "{hidden: 4, layers: 2, bidirectional: true}", 33},
                      {{2, 18, 1, 3}, "{hidden: 19, layers: 3}", 7}),
};
