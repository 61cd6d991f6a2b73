// y = W x + b.    dW = dy x^T, db = dy, dx = W^T dy, summed over the samples.    torch.nn.Linear
#include "op/layers/linear_bf16.h"
#include "op/layers/linear_pairs.h"

extern const cv_op CV_JOIN(cv_single_linear, CV_ISA);

typedef struct linear {
    int64_t out;
    bool bias;
} linear;

static bool linear_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const linear *c = config;
    if (in->dims != 1) {
        char text[48];
        cv_shape_text(*in, text, sizeof text);
        cv_print(why, why_size, "linear needs a vector, but its input is %s: add a flatten layer before it", text);
        return false;
    }
    *out = (cv_shape){1, c->out, 1, 1};
    return true;
}

static int linear_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const linear *c = config;
    out[0] = (cv_tensor){.name = "weight", .dims = 2, .dim = {c->out, in.c}, .fan_in = in.c};
    out[1] = (cv_tensor){.name = "bias", .dims = 1, .dim = {c->out}, .init = CV_INIT_UNIFORM, .fan_in = in.c};
    return c->bias ? 2 : 1;
}

static int64_t linear_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const linear *c = config;
    cv_print(formula, size, "%lld*%lld", (long long)in.c, (long long)out.c);
    if (c->bias) cv_append(formula, size, " + %lld", (long long)out.c);
    return in.c * out.c;
}

ALWAYS_INLINE void multiply_blocks(const cv_pass *p, lanes *y, cv_span rows, const real *bias, int64_t row,
                                   int64_t column, const lanes *x, int64_t n) {
    const size_t apart = p->share.apart;
    int left = p->share.blocks;
    for (; left >= 4; left -= 4, y += 4 * apart, x += 4 * apart)
        multiply_rows(4, y, rows, bias, p->tensor[0], row, column, x, n, apart);
    for (; left >= 2; left -= 2, y += 2 * apart, x += 2 * apart)
        multiply_rows(2, y, rows, bias, p->tensor[0], row, column, x, n, apart);
    if (left) multiply_rows(1, y, rows, bias, p->tensor[0], row, column, x, n, apart);
}

// A part of a forward pass is some of the outputs.
static void linear_forward(const cv_pass *p) {
    const linear *c = p->config;
    const cv_span outputs = cv_part(&p->share, p->out.c, SUMS);
    const real *bias = c->bias ? p->tensor[1] : NULL;
    if (cv_bf16_linear_forward(p, outputs, bias)) return;
    if (linear_in_pairs(p))
        paired_forward(p, outputs, bias);
    else
        multiply_blocks(p, p->y, outputs, bias, p->in.c, 1, p->x[0], p->in.c);
}

// Work memory: the inputs transposed so that a vector holds LANES inputs of one sample.
static int64_t columns_of(int64_t n) {
    return (n + LANES - 1) / LANES;
}

static size_t linear_scratch(const void *config, cv_shape in, cv_shape out) {
    (void)config, (void)out;
    return (size_t)(columns_of(in.c) * LANES);
}

static int samples_of(const cv_pass *p, int block) {
    return block + 1 < p->share.blocks ? LANES : p->active;
}

// Inputs first..end of a block. Only the vectors of the samples that count are read later.
static void transpose_inputs(lanes *transposed, const lanes *x, cv_span inputs, int samples) {
    if (samples == 1) {
        for (int64_t k = inputs.first; k < inputs.end; k++) transposed[k / LANES * LANES][k % LANES] = x[k][0];
        return;
    }
    for (int64_t k = inputs.first; k < inputs.end; k += LANES) {
        lanes square[LANES] = {{0}};
        for (int64_t i = 0; i < LANES && k + i < inputs.end; i++) square[i] = x[k + i];
        transpose_lanes(square);
        memcpy(transposed + k, square, sizeof square);
    }
}

// The first `count` numbers of v, set or added.
ALWAYS_INLINE void put(real *to, lanes v, int64_t count, bool set) {
    if (count >= LANES) {
        if (!set) v += *(const lanes_anywhere *)to;
        *(lanes_anywhere *)to = v;
        return;
    }
    for (int l = 0; l < count; l++) to[l] = (set ? 0 : to[l]) + v[l];
}

// A tile of dW: rows o.., vectors of inputs k..end.
typedef struct linear_tile {
    const cv_pass *pass;
    int64_t o, k, end, inputs; // inputs: of the part
    const int32_t *tap, *pixel;
} linear_tile;

ALWAYS_INLINE void linear_weight_columns(const bool paired, const int rows, const int width, const linear_tile *t) {
    const cv_pass *p = t->pass;
    const cv_share *share = &p->share;
    const lanes *dy = (const lanes *)p->dy + t->o, *transposed = p->scratch[1];
    const int64_t n = p->in.c, first = t->k * LANES, last = t->end * LANES;
    lanes sum[TILE_ROWS][TILE_COLUMNS], all[TILE_ROWS][TILE_COLUMNS], pairs[TILE_ROWS];
    tile_start(rows, sum, NULL);
    for (int b = 0; b < share->blocks; b++, dy += share->apart, transposed += share->apart) {
        const int samples = samples_of(p, b);
        if (paired) pair_samples(rows, pairs, dy);
        tile_correlate_terms(paired, rows, width, sum, (const real *)(paired ? pairs : dy), paired ? LANES / 2 : LANES,
                             NULL, transposed, t->tap, paired ? (samples + 1) / 2 : samples, t->pixel);
    }
    if (!share->receive && t->end - t->k == width && last <= t->inputs) { // without a detour through memory
        UNROLL
        for (int i = 0; i < rows; i++) {
            UNROLL
            for (int j = 0; j < width; j++)
                put((real *)p->grad[0] + (t->o + i) * n + first + j * LANES, sum[i][j], LANES, p->set);
        }
        return;
    }
    tile_copy(rows, all, sum);
    for (int i = 0; i < rows; i++) {
        const int64_t row = (t->o + i) * n;
        if (share->receive)
            share->receive(share->receiver, 0, row + first, (last < t->inputs ? last : t->inputs) - first, all[i]);
        for (int64_t j = 0; !share->receive && t->k + j < t->end; j++)
            put((real *)p->grad[0] + row + (t->k + j) * LANES, all[i][j], n - (t->k + j) * LANES, p->set);
    }
}

enum { NARROW = 4 < TILE_COLUMNS ? 4 : TILE_COLUMNS };
ALWAYS_INLINE void linear_weight_rows(const int rows, const void *work) {
    linear_weight_columns(false, rows, TILE_COLUMNS, work);
}
ALWAYS_INLINE void narrow_weight_rows(const int rows, const void *work) {
    linear_weight_columns(false, rows, NARROW, work);
}
ALWAYS_INLINE void linear_paired_rows(const int rows, const void *work) {
    linear_weight_columns(true, rows, TILE_COLUMNS, work);
}
ALWAYS_INLINE void narrow_paired_rows(const int rows, const void *work) {
    linear_weight_columns(true, rows, NARROW, work);
}

// dW[o][k] = sum over the samples of dy[o] x[k]. Summing across lanes would cost as much again as multiplying; with the
// inputs transposed, the samples are the terms of a sum over as many taps, and vectors run along the rows of dW. Two
// narrow tiles of 64 inputs take less time than two tiles of 96.
ALWAYS_INLINE void multiply_transposed(const cv_pass *p, const bool paired, cv_span inputs) {
    const int64_t first = inputs.first / LANES, end = columns_of(inputs.end), vectors = end - first,
                  tiles = (vectors + TILE_COLUMNS - 1) / TILE_COLUMNS, wide = vectors > NARROW * tiles;
    const int64_t width = wide ? TILE_COLUMNS : NARROW;
    int32_t tap[LANES], pixel[TILE_COLUMNS];
    for (int l = 0; l < LANES; l++) tap[l] = l;
    for (int64_t o = 0; o < p->out.c; o += TILE_ROWS)
        for (int64_t k = first; k < end; k += width) {
            for (int j = 0; j < TILE_COLUMNS; j++)
                pixel[j] = (int32_t)((k + j < end ? k + j : end - 1) * (paired ? LANES / 2 : LANES));
            const linear_tile tile = {p, o, k, k + width < end ? k + width : end, inputs.end, tap, pixel};
            if (paired && wide)
                tile_of_height(p->out.c - o, linear_paired_rows, &tile);
            else if (paired)
                tile_of_height(p->out.c - o, narrow_paired_rows, &tile);
            else if (wide)
                tile_of_height(p->out.c - o, linear_weight_rows, &tile);
            else
                tile_of_height(p->out.c - o, narrow_weight_rows, &tile);
        }
}

// To the bit what sum_lanes makes of each output.
static void linear_bias_gradient(const cv_pass *p) {
    real *db = p->grad[1];
    for (int64_t o = 0; o < p->out.c; o += LANES) {
        const int64_t count = p->out.c - o < LANES ? p->out.c - o : LANES;
        const lanes *dy = (const lanes *)p->dy + o;
        lanes sum = p->set ? (lanes){0} : some_numbers(db + o, count);
        for (int b = 0; b < p->share.blocks; b++, dy += p->share.apart) {
            lanes square[LANES] = {{0}};
            for (int64_t i = 0; i < count; i++) square[i] = dy[i];
            sum += sum_square(square);
        }
        if (p->share.receive)
            p->share.receive(p->share.receiver, 1, o, count, &sum);
        else
            put(db + o, sum, count, true);
    }
}

static void linear_input_gradient(const cv_pass *p, cv_span inputs) {
    if (cv_bf16_linear_input_gradient(p, inputs)) return;
    if (linear_in_pairs(p))
        paired_input_gradient(p, inputs);
    else
        multiply_blocks(p, p->dx[0], inputs, NULL, 1, p->in.c, p->dy, p->out.c);
}

static void linear_weight_gradient(const cv_pass *p, cv_span inputs) {
    if (cv_bf16_linear_weight_gradient(p, inputs)) return;
    const bool paired = linear_in_pairs(p);
    for (int b = 0; b < p->share.blocks; b++) {
        const size_t at = (size_t)b * p->share.apart;
        const lanes *x = (const lanes *)p->x[0] + at;
        lanes *transposed = (lanes *)p->scratch[1] + at;
        if (paired)
            transpose_pairs(transposed, x, inputs);
        else
            transpose_inputs(transposed, x, inputs, samples_of(p, b));
    }
    if (PAIRS && paired)
        multiply_transposed(p, true, inputs);
    else
        multiply_transposed(p, false, inputs);
}

// A part of a backward pass is some of the inputs: dx of these, and these columns of dW. Whoever receives dW may change
// these columns of W: dx is done with them by then.
static void linear_backward(const cv_pass *p) {
    const cv_span inputs = cv_part(&p->share, p->in.c, LANES * TILE_COLUMNS);
    if (p->dx[0]) linear_input_gradient(p, inputs);
    if (!p->grad[0] && !p->share.receive) return;
    linear_weight_gradient(p, inputs);
    if (p->share.part == 0 && ((const linear *)p->config)->bias) linear_bias_gradient(p);
}

CV_OP(linear) = {
    .name = "linear",
    .help = "every output is a weighted sum of all inputs",
    .schema = CV_OPTIONS(CV_OPTION("out", CV_INT, linear, out, "output features", .required = true,
                                   CV_RANGE(1, 1 << 24)),
                         CV_OPTION("bias", CV_BOOL, linear, bias, "add a bias", .fallback = true)),
    .config_size = sizeof(linear),
    .reads_x = true,
    .linear = true,
    .lockstep = true,
    .in_parts = true,
    .splits = true,
    .infer = linear_infer,
    .tensors = linear_tensors,
    .cost = linear_cost,
    .scratch = linear_scratch,
    .forward = linear_forward,
    .backward = linear_backward,
    .single = &CV_JOIN(cv_single_linear, CV_ISA),
    .torch = "F.linear(x, weight, bias)",
    .onnx = "y = Gemm(x, weight, bias?) transB=1",
    .cases = CV_CASES({{1, 1, 1, 1}, "{out: 1}", 1}, {{1, 2, 1, 1}, "{out: 7}", 1}, {{1, 17, 1, 1}, "{out: 3}", 7},
                      {{1, 33, 1, 1}, "{out: 13}", 8}, {{1, 48, 1, 1}, "{out: 26}", 16},
                      {{1, 40, 1, 1}, "{out: 10, bias: false}", 15}, {{1, 5, 1, 1}, "{out: 24}", 33},
                      {{1, 130, 1, 1}, "{out: 12}", 17}),
};
