// y = W x + b.    dW = dy x^T, db = dy, dx = W^T dy, summed over the samples.    torch.nn.Linear
#include "op/tile.h"

typedef struct linear {
    int64_t out;
    bool bias;
} linear;

static const cv_option linear_schema[] = {
    {.name = "out",
     .type = CV_INT,
     .offset = offsetof(linear, out),
     .required = true,
     .min = 1,
     .max = 1 << 24,
     .help = "output features"},
    {.name = "bias", .type = CV_BOOL, .offset = offsetof(linear, bias), .fallback = true, .help = "add a bias"},
    {.name = NULL},
};

// Sums of one vector have no second index to share loads over: a tall tile hides the latency of the multiply-add.
enum { TALL = TILE_COLUMNS > 3 ? 16 : 8 };

static bool linear_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const linear *c = config;
    if (in->dims != 1) {
        char text[48];
        cv_shape_text(*in, text, sizeof text);
        cv_print(why, why_size, "linear wants a vector, its input is %s: put a flatten in front of it", text);
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

// y[0..rows] of the outputs whose weights start at w, n apart.
ALWAYS_INLINE void rows_forward(const int rows, lanes *y, const real *bias, const real *w, const lanes *x, int64_t n) {
    lanes sum[TALL];
    UNROLL
    for (int i = 0; i < rows; i++) sum[i] = lanes_of(bias ? bias[i] : 0);
    for (int64_t k = 0; k < n; k++) {
        const lanes v = x[k];
        UNROLL
        for (int i = 0; i < rows; i++) sum[i] += w[i * n + k] * v;
    }
    UNROLL
    for (int i = 0; i < rows; i++) y[i] = sum[i];
}

static void linear_forward(const cv_pass *p) {
    const linear *c = p->config;
    const int64_t n = p->in.c, m = p->out.c;
    const real *weight = p->tensor[0], *bias = c->bias ? p->tensor[1] : NULL;
    lanes *y = p->y;
    int64_t o = 0;
    for (; o + TALL <= m; o += TALL) rows_forward(TALL, y + o, bias ? bias + o : NULL, weight + o * n, p->x[0], n);
    for (; o + 4 <= m; o += 4) rows_forward(4, y + o, bias ? bias + o : NULL, weight + o * n, p->x[0], n);
    for (; o < m; o++) rows_forward(1, y + o, bias ? bias + o : NULL, weight + o * n, p->x[0], n);
}

// dx[0..columns] of the inputs whose weights start at w.
ALWAYS_INLINE void columns_backward(const int columns, lanes *dx, const real *w, const lanes *dy, int64_t n,
                                    int64_t m) {
    lanes sum[TALL];
    UNROLL
    for (int i = 0; i < columns; i++) sum[i] = (lanes){0};
    for (int64_t o = 0; o < m; o++) {
        const lanes d = dy[o];
        UNROLL
        for (int i = 0; i < columns; i++) sum[i] += w[o * n + i] * d;
    }
    UNROLL
    for (int i = 0; i < columns; i++) dx[i] = sum[i];
}

static void input_gradient(lanes *dx, const real *weight, const lanes *dy, int64_t n, int64_t m) {
    int64_t k = 0;
    for (; k + TALL <= n; k += TALL) columns_backward(TALL, dx + k, weight + k, dy, n, m);
    for (; k + 4 <= n; k += 4) columns_backward(4, dx + k, weight + k, dy, n, m);
    for (; k < n; k++) columns_backward(1, dx + k, weight + k, dy, n, m);
}

// Work memory: the inputs turned so that a vector holds LANES inputs of one sample.
static int64_t columns_of(int64_t n) {
    return (n + LANES - 1) / LANES;
}

static size_t linear_scratch(const void *config, cv_shape in, cv_shape out) {
    (void)config, (void)out;
    return (size_t)(columns_of(in.c) * LANES);
}

static void turn_inputs(lanes *turned, const lanes *x, int64_t n) {
    const int64_t columns = columns_of(n);
    for (int64_t k = 0; k < columns; k++) {
        lanes square[LANES] = {{0}};
        for (int64_t i = 0; i < LANES && k * LANES + i < n; i++) square[i] = x[k * LANES + i];
        transpose_lanes(square);
        for (int l = 0; l < LANES; l++) turned[l * columns + k] = square[l];
    }
}

// dW[o][k] = sum over the lanes of dy[o] x[k]. Summing across lanes would cost as much again as multiplying; with the
// inputs turned, the lanes are the terms of a sum over LANES taps, and vectors run along the rows of dW.
static void weight_gradient(real *dw, bool set, const lanes *turned, const lanes *dy, int64_t n, int64_t m) {
    const int64_t columns = columns_of(n);
    int32_t tap[LANES], pixel[TILE_COLUMNS];
    for (int l = 0; l < LANES; l++) tap[l] = (int32_t)(l * columns);
    for (int64_t o = 0; o < m; o += TILE_ROWS)
        for (int64_t k = 0; k < columns; k += TILE_COLUMNS) {
            for (int j = 0; j < TILE_COLUMNS; j++) pixel[j] = (int32_t)(k + j < columns ? k + j : columns - 1);
            lanes sum[TILE_ROWS][TILE_COLUMNS];
#define BODY(rows)                                                                                                     \
    tile_correlate(rows, sum, NULL, (const real *)(dy + o), LANES, turned, tap, LANES, pixel);                         \
    for (int i = 0; i < rows; i++)                                                                                     \
        for (int j = 0; j < TILE_COLUMNS && k + j < columns; j++) {                                                    \
            real *to = dw + (o + i) * n + (k + j) * LANES;                                                             \
            const int64_t left = n - (k + j) * LANES;                                                                  \
            if (left >= LANES) {                                                                                       \
                if (!set) sum[i][j] += *(lanes_anywhere *)to;                                                          \
                *(lanes_anywhere *)to = sum[i][j];                                                                     \
            } else {                                                                                                   \
                for (int l = 0; l < left; l++) to[l] = (set ? 0 : to[l]) + sum[i][j][l];                               \
            }                                                                                                          \
        }
            TILE_HEIGHT(m - o, BODY)
#undef BODY
        }
}

static void linear_backward(const cv_pass *p) {
    const linear *c = p->config;
    const int64_t n = p->in.c, m = p->out.c;
    const lanes *dy = p->dy;
    turn_inputs(p->scratch, p->x[0], n);
    weight_gradient(p->grad[0], p->set, p->scratch, dy, n, m);
    if (c->bias) {
        real *db = p->grad[1];
        for (int64_t o = 0; o < m; o++) db[o] = (p->set ? 0 : db[o]) + sum_lanes(dy[o]);
    }
    if (p->dx[0]) input_gradient(p->dx[0], p->tensor[0], dy, n, m);
}

static const cv_case linear_cases[] = {
    {{1, 1, 1, 1}, "{out: 1}", 1},   {{1, 2, 1, 1}, "{out: 7}", 1},     {{1, 17, 1, 1}, "{out: 3}", 7},
    {{1, 33, 1, 1}, "{out: 13}", 8}, {{1, 48, 1, 1}, "{out: 26}", 16},  {{1, 40, 1, 1}, "{out: 10, bias: false}", 15},
    {{1, 5, 1, 1}, "{out: 24}", 33}, {{1, 130, 1, 1}, "{out: 12}", 17}, {.batch = 0},
};

CV_OP(linear) = {
    .name = "linear",
    .help = "every output is a weighted sum of all inputs",
    .schema = linear_schema,
    .config_size = sizeof(linear),
    .traits = CV_READS_X | CV_LINEAR,
    .infer = linear_infer,
    .tensors = linear_tensors,
    .cost = linear_cost,
    .scratch = linear_scratch,
    .forward = linear_forward,
    .backward = linear_backward,
    .torch = "F.linear(x, weight, bias)",
    .onnx = "y = Gemm(x, weight, bias?) transB=1",
    .cases = linear_cases,
};
