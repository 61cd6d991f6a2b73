// gru and lstm of one example: a block of the state's values is a vector, and so is one of each gate's. See recurrent.c
// for the formulas; the steps are the same.
#include "op/layers/conv_single.h"
#include "op/layers/recurrent.h"

extern const cv_op CV_JOIN(cv_single_linear, CV_ISA);
#define SINGLE_LINEAR CV_JOIN(cv_single_linear, CV_ISA)

typedef struct single_recurrent {
    cv_single single;
    recurrent layer;
} single_recurrent;

static const char *const packed_names[] = {"ih", "bias_ih", "hh", "bias_hh"};
enum { PACKED_IH, PACKED_BIAS_IH, PACKED_HH, PACKED_BIAS_HH, PACKED };

// Of a gate: from the input, at all columns, and from the state before.
static single_conv gate_of_input(const single_recurrent *r, int layer) {
    return single_columns(inputs_of_layer(&r->layer, r->single.in.c, layer), r->layer.hidden, r->single.in.w);
}
static cv_single gate_of_state(const single_recurrent *r) {
    const cv_shape state = {1, r->layer.hidden, 1, 1};
    return (cv_single){.in = state, .out = state};
}

// Of each direction of a layer four; of each of them the gates one behind the other.
static int single_recurrent_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const single_recurrent *r = config;
    const int64_t gates = gates_of(&r->layer), blocks = lane_blocks(r->layer.hidden);
    int n = 0;
    (void)in;
    for (int layer = 0; layer < r->layer.layers; layer++)
        for (int d = 0; d < directions_of(&r->layer); d++)
            for (int kind = 0; kind < PACKED; kind++) {
                const single_conv input = gate_of_input(r, layer);
                const int64_t size = kind == PACKED_IH   ? single_weights(&input)
                                     : kind == PACKED_HH ? blocks * blocks * LANES
                                                         : blocks;
                out[n++] = (cv_tensor){.name = packed_names[kind], .dims = 3, .dim = {gates, size, LANES}};
            }
    return n;
}

static void pack_gates(const single_recurrent *r, int layer, const real *const *from, void *const *to) {
    const single_conv input = gate_of_input(r, layer);
    const cv_single state = gate_of_state(r);
    const int64_t hidden = r->layer.hidden, blocks = lane_blocks(hidden), inputs = input.single.in.c;
    const bool bias = r->layer.bias;
    for (int64_t g = 0; g < gates_of(&r->layer); g++) {
        void *const ih[] = {(lanes *)to[PACKED_IH] + g * single_weights(&input),
                            (lanes *)to[PACKED_BIAS_IH] + g * blocks};
        void *const hh[] = {(lanes *)to[PACKED_HH] + g * blocks * blocks * LANES,
                            (lanes *)to[PACKED_BIAS_HH] + g * blocks};
        SINGLE_CONV.arrange(
            &input, (const void *[]){from[IH] + g * hidden * inputs, bias ? from[BIAS_IH] + g * hidden : NULL}, ih);
        SINGLE_LINEAR.arrange(
            &state, (const void *[]){from[HH] + g * hidden * hidden, bias ? from[BIAS_HH] + g * hidden : NULL}, hh);
    }
}

static void single_recurrent_arrange(const void *config, const void *const *from, void *const *to) {
    const single_recurrent *r = config;
    for (int layer = 0; layer < r->layer.layers; layer++)
        for (int d = 0; d < directions_of(&r->layer); d++) {
            pack_gates(r, layer, (const real *const *)from, to);
            from += kinds_of(&r->layer);
            to += PACKED;
        }
}

// --- the forward pass ---------------------------------------------------------------------------------------------

typedef struct single_state {
    lanes *h, *c, *u, *a, *sequence[2], *rest; // state, sums, outputs of two layers
} single_state;

static single_state single_state_of(const single_recurrent *r, lanes *free) {
    const int64_t blocks = lane_blocks(r->layer.hidden), gates = gates_of(&r->layer), n = r->single.in.w,
                  outputs = lane_blocks(directions_of(&r->layer) * r->layer.hidden);
    single_state s = {.h = free, .c = free + blocks, .u = free + 2 * blocks};
    s.a = free += (2 + gates) * blocks;
    free += gates * blocks * n;
    for (int k = 0; k < 2; k++) s.sequence[k] = free, free += outputs * n;
    s.rest = free;
    return s;
}

static size_t single_recurrent_scratch(const void *config, cv_shape in, cv_shape out) {
    static const lanes base[1]; // nothing is written: only a distance from it is asked for
    const single_recurrent *r = config;
    size_t most = 0;
    (void)in, (void)out;
    for (int layer = 0; layer < r->layer.layers; layer++) {
        const single_conv input = gate_of_input(r, layer);
        if (single_room(&input) > most) most = single_room(&input);
    }
    return (size_t)(single_state_of(r, (lanes *)(uintptr_t)base).rest - base) + most;
}

static void sum_from_state(const single_recurrent *r, const single_state *s, void *const *tensor) {
    const cv_single state = gate_of_state(r);
    const int64_t blocks = lane_blocks(r->layer.hidden);
    for (int64_t g = 0; g < gates_of(&r->layer); g++) {
        const cv_pass pass = {.config = &state,
                              .in = single_blocks(state.in),
                              .out = single_blocks(state.out),
                              .x = {s->h},
                              .y = s->u + g * blocks,
                              .tensor = {(lanes *)tensor[PACKED_HH] + g * blocks * blocks * LANES,
                                         (lanes *)tensor[PACKED_BIAS_HH] + g * blocks}};
        SINGLE_LINEAR.forward(&pass);
    }
}

// One direction of one layer. columns: of y, which are all or, where only the last counts, one.
// kept: its state from call to call, NULL: it begins with zeros.
static void walk_single(const single_recurrent *r, int layer, int direction, const single_state *s, void *const *tensor,
                        const lanes *x, lanes *y, int64_t columns, lanes *kept) {
    const recurrent *c = &r->layer;
    const single_conv input = gate_of_input(r, layer);
    const int64_t hidden = c->hidden, blocks = lane_blocks(hidden), n = r->single.in.w;
    for (int64_t g = 0; g < gates_of(c); g++)
        single_convolve(&input, x, s->a + g * blocks * n, (const lanes *)tensor[PACKED_IH] + g * single_weights(&input),
                        (const lanes *)tensor[PACKED_BIAS_IH] + g * blocks, s->rest);
    const size_t state = (size_t)(2 * blocks) * sizeof *s->h; // h and c lie one behind the other
    if (kept)
        memcpy(s->h, kept, state);
    else
        memset(s->h, 0, state);
    for (int64_t k = 0; k < n; k++) {
        const int64_t t = direction ? n - 1 - k : k;
        const step at = {.a = s->a + t, .u = s->u, .stride = n, .h = s->h, .c = s->c};
        sum_from_state(r, s, tensor);
        (c->cell == GRU ? gru_step : lstm_step)(&at, blocks);
        if (columns < n && k < n - 1) continue;
        for (int64_t j = 0; j < hidden; j++)
            ((real *)y)[single_place(direction * hidden + j, columns < n ? 0 : t, columns)] = ((const real *)s->h)[j];
    }
    if (kept) memcpy(kept, s->h, state);
}

static size_t single_recurrent_state(const void *config) {
    const recurrent *c = &((const single_recurrent *)config)->layer;
    return (size_t)(2 * c->layers * lane_blocks(c->hidden));
}

static void single_recurrent_forward(const cv_pass *p) {
    const single_recurrent *r = p->config;
    const recurrent *c = &r->layer;
    const single_state s = single_state_of(r, p->scratch[0]);
    void *const *tensor = p->tensor;
    const lanes *x = p->x[0];
    for (int layer = 0; layer < c->layers; layer++) {
        const bool last = layer + 1 == c->layers;
        lanes *y = last ? p->y : s.sequence[layer % 2];
        for (int d = 0; d < directions_of(c); d++, tensor += PACKED)
            walk_single(r, layer, d, &s, tensor, x, y, last ? p->out.w : p->in.w,
                        p->state ? (lanes *)p->state + 2 * layer * lane_blocks(c->hidden) : NULL);
        x = y;
    }
}

static int64_t single_recurrent_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const cv_single *single = config;
    char text[256];
    (void)in, (void)out, (void)formula, (void)size;
    return recurrent_cost(&((const single_recurrent *)config)->layer, single->in, single->out, text, sizeof text);
}

const cv_op CV_JOIN(cv_single_recurrent, CV_ISA) = {
    .name = "recurrent",
    .config_size = sizeof(single_recurrent),
    .infer = single_infer,
    .tensors = single_recurrent_tensors,
    .arrange = single_recurrent_arrange,
    .cost = single_recurrent_cost,
    .scratch = single_recurrent_scratch,
    .state = single_recurrent_state,
    .forward = single_recurrent_forward,
};
