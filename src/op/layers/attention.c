// Multi-head self-attention over the columns of a sequence.    torch.nn.MultiheadAttention(x, x, x)
// Vaswani et al. 2017, https://arxiv.org/abs/1706.03762. With q, k, v = the rows of W_in x + b_in in three parts, each
// cut into heads of n channels, of every head
//
//   p[i][j] = softmax over j of  sum_c q[c][i] k[c][j] / sqrt(n)       o[c][i] = sum_j v[c][j] p[i][j]
//   y = W_out o + b_out
//
//   ds = p (dp - sum_j p dp),  dp[i][j] = sum_c do[c][i] v[c][j],  dv[c][j] = sum_i do[c][i] p[i][j]
//   dq[c][i] = sum_j k[c][j] ds[i][j] / sqrt(n),  dk[c][j] = sum_i q[c][i] ds[i][j] / sqrt(n)
#include "op/layers/attention.h"

#include "op/layers/tile.h"

static bool attention_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const attention *c = config;
    *out = *in;
    if (in->c % c->heads)
        cv_print(why, why_size, "%lld channels are not a multiple of %lld heads", (long long)in->c,
                 (long long)c->heads);
    else if (in->w > 1 << 14 || in->c > (1 << 28) / in->w) // offsets are counted in 32 bits
        cv_print(why, why_size, "%lld columns of %lld channels are more than attention takes", (long long)in->w,
                 (long long)in->c);
    else
        return true;
    return false;
}

// In the order in which PyTorch draws them: it makes the outer layer first, and sets both biases to zero afterwards.
static int attention_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const attention *c = config;
    int n = 0;
    out[n++] = (cv_tensor){.name = "out_proj.weight", .dims = 2, .dim = {in.c, in.c}, .fan_in = in.c};
    if (c->bias)
        out[n++] =
            (cv_tensor){.name = "out_proj.bias", .dims = 1, .dim = {in.c}, .init = CV_INIT_DRAWN_ZERO, .fan_in = in.c};
    out[n++] = (cv_tensor){
        .name = "in_proj_weight", .dims = 2, .dim = {3 * in.c, in.c}, .init = CV_INIT_XAVIER, .fan_in = 4 * in.c};
    if (c->qkv_bias) out[n++] = (cv_tensor){.name = "in_proj_bias", .dims = 1, .dim = {3 * in.c}, .init = CV_INIT_ZERO};
    return n;
}

static int64_t attention_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const attention *c = config;
    (void)out;
    cv_print(formula, size, "4*%lld*%lld", (long long)in.c, (long long)in.c);
    if (c->qkv_bias) cv_append(formula, size, " + 3*%lld", (long long)in.c);
    if (c->bias) cv_append(formula, size, " + %lld", (long long)in.c);
    return 4 * in.c * in.c * in.w + 2 * in.w * in.w * in.c;
}

static cv_span attention_sees(const void *config, cv_shape in, cv_shape out, int d, int64_t at) {
    (void)config, (void)out;
    return d ? (cv_span){0, in.w} : (cv_span){at, at + 1};
}

// --- where values lie ---------------------------------------------------------------------------------------------

// What a pass works with: maps of c channels and n columns. qkv, p and o are kept for the way back.
typedef struct heads {
    int64_t c, n, count, size;
    lanes *qkv, *p, *o; // [3 c][n], [heads][n][n], [c][n]
    lanes *dqkv, *ds, *dout;
    real *turned;
    int32_t *tap, *pixel;
    lanes *end;
} heads;

static size_t attention_saved(const void *config, cv_shape in, cv_shape out) {
    const attention *c = config;
    (void)out;
    return (size_t)(4 * in.c * in.w + c->heads * in.w * in.w);
}

static heads heads_of(const attention *a, cv_shape in, lanes *saved, lanes *free) {
    const int64_t map = in.c * in.w, square = in.w * in.w;
    heads h = {.c = in.c, .n = in.w, .count = a->heads, .size = in.c / a->heads};
    h.tap = (int32_t *)free, free += in_lanes(3 * in.c, sizeof(int32_t));
    h.pixel = (int32_t *)free, free += in_lanes(in.w, sizeof(int32_t));
    h.turned = (real *)free, free += in_lanes(3 * in.c * in.c, sizeof(real));
    h.ds = free, free += square;
    h.dout = free, free += map;
    h.dqkv = free, free += 3 * map;
    h.end = free;
    h.qkv = saved ? saved : h.dqkv; // without a way back one takes the place of the other
    h.o = saved ? saved + 3 * map : h.dout;
    h.p = saved ? saved + 4 * map : h.ds;
    return h;
}

static size_t attention_scratch(const void *config, cv_shape in, cv_shape out) {
    static const lanes base[1]; // nothing is written: only a distance from it is asked for
    (void)out;
    return (size_t)(heads_of(config, in, NULL, (lanes *)(uintptr_t)base).end - base);
}

// --- products -----------------------------------------------------------------------------------------------------

typedef struct columns_tile {
    const heads *h;
    const real *w, *bias;
    int64_t taps;
    const lanes *x;
    const int32_t *pixel;
    lanes *y;
    int64_t columns;
} columns_tile;

ALWAYS_INLINE void columns_rows(const int rows, const void *work) {
    const columns_tile *t = work;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_start(rows, sum, t->bias);
    tile_correlate(rows, sum, t->w, t->taps, t->x, t->h->tap, t->taps, t->pixel);
    tile_store(rows, t->y, t->h->n, sum, t->columns);
}

// y[m][t] = bias[m] + sum over k of w[m][k] x[k][t]
static void at_each_column(const heads *h, lanes *y, int64_t rows, const real *w, const real *bias, const lanes *x,
                           int64_t taps) {
    for (int64_t k = 0; k < taps; k++) h->tap[k] = (int32_t)(k * h->n);
    for (int64_t t = 0; t < h->n; t++) h->pixel[t] = (int32_t)t;
    for (int64_t t = 0; t < h->n; t += TILE_COLUMNS) {
        int32_t pixel[TILE_COLUMNS];
        tile_offsets(pixel, h->pixel, t, h->n);
        for (int64_t m = 0; m < rows; m += TILE_ROWS) {
            const columns_tile tile = {h, w + m * taps, bias ? bias + m : NULL, taps,
                                       x, pixel,        y + m * h->n + t,       h->n - t};
            tile_of_height(rows - m, columns_rows, &tile);
        }
    }
}

// dx[k][t] = sum over m of w[m][k] dy[m][t]
static void back_through_columns(const heads *h, lanes *dx, const real *w, const lanes *dy, int64_t rows) {
    for (int64_t m = 0; m < rows; m++)
        for (int64_t k = 0; k < h->c; k++) h->turned[k * rows + m] = w[m * h->c + k];
    at_each_column(h, dx, h->c, h->turned, NULL, dy, rows);
}

typedef struct matrix_tile {
    const heads *h;
    const lanes *dy, *x;
    const int32_t *tap;
    real *dw;
    int64_t columns;
    bool set;
} matrix_tile;

ALWAYS_INLINE void matrix_rows(const int rows, const void *work) {
    const matrix_tile *t = work;
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_outer(rows, sum, t->dy, t->h->n, t->x, t->h->pixel, t->h->n, t->tap);
    tile_total(rows, sum, t->dw, t->h->c, t->columns, t->set);
}

// dw[m][k] = sum over t of dy[m][t] x[k][t], and db
static void matrix_gradient(const heads *h, real *dw, real *db, const lanes *dy, int64_t rows, const lanes *x,
                            bool set) {
    for (int64_t k = 0; k < h->c; k++) h->tap[k] = (int32_t)(k * h->n);
    for (int64_t t = 0; t < h->n; t++) h->pixel[t] = (int32_t)t;
    for (int64_t k = 0; dw && k < h->c; k += TILE_COLUMNS) {
        int32_t tap[TILE_COLUMNS];
        tile_offsets(tap, h->tap, k, h->c);
        for (int64_t m = 0; m < rows; m += TILE_ROWS) {
            const matrix_tile tile = {
                h, dy + m * h->n, x, tap, dw + m * h->c + k, h->c - k < TILE_COLUMNS ? h->c - k : TILE_COLUMNS, set};
            tile_of_height(rows - m, matrix_rows, &tile);
        }
    }
    for (int64_t m = 0; db && m < rows; m++) {
        lanes sum = {0};
        for (int64_t t = 0; t < h->n; t++) sum += dy[m * h->n + t];
        db[m] = (set ? 0 : db[m]) + sum_lanes(sum);
    }
}

// A product of two matrices of each sample: element (i, j) of either is at i row + j column.
typedef struct view {
    const lanes *at;
    int64_t row, column;
} view;

typedef struct pair_tile {
    view a, b; // a(i, k), b(k, j)
    int64_t terms, columns, last;
    lanes *y;
    int64_t row;
    real factor;
} pair_tile;

ALWAYS_INLINE void pair_rows(const int rows, const void *work) {
    const pair_tile *t = work;
    const lanes *a[TILE_ROWS], *b[TILE_COLUMNS];
    lanes sum[TILE_ROWS][TILE_COLUMNS];
    tile_start(rows, sum, NULL);
    UNROLL
    for (int i = 0; i < rows; i++) a[i] = t->a.at + i * t->a.row;
    UNROLL
    for (int j = 0; j < TILE_COLUMNS; j++) b[j] = t->b.at + (j < t->last ? j : t->last) * t->b.column;
    for (int64_t k = 0; k < t->terms; k++) {
        const int64_t in_a = k * t->a.column, in_b = k * t->b.row;
        lanes v[TILE_COLUMNS];
        UNROLL
        for (int j = 0; j < TILE_COLUMNS; j++) v[j] = b[j][in_b];
        UNROLL
        for (int i = 0; i < rows; i++) {
            const lanes u = a[i][in_a];
            UNROLL
            for (int j = 0; j < TILE_COLUMNS; j++) sum[i][j] += u * v[j];
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int j = 0; j < TILE_COLUMNS; j++) sum[i][j] *= t->factor;
    }
    tile_store(rows, t->y, t->row, sum, t->columns);
}

// y[rows][columns] = factor a b
static void multiply_pair(lanes *y, int64_t rows, int64_t columns, view a, view b, int64_t terms, real factor) {
    for (int64_t j = 0; j < columns; j += TILE_COLUMNS)
        for (int64_t i = 0; i < rows; i += TILE_ROWS) {
            const pair_tile tile = {.a = {a.at + i * a.row, a.row, a.column},
                                    .b = {b.at + j * b.column, b.row, b.column},
                                    .terms = terms,
                                    .columns = columns - j,
                                    .last = columns - j - 1,
                                    .y = y + i * columns + j,
                                    .row = columns,
                                    .factor = factor};
            tile_of_height(rows - i, pair_rows, &tile);
        }
}

// --- the passes ---------------------------------------------------------------------------------------------------

static real factor_of(const heads *h) {
    return (real)(1 / sqrt((double)h->size));
}

static void softmax_of_row(lanes *s, int64_t n) {
    lanes top = s[0], sum = {0};
    for (int64_t j = 1; j < n; j++) top = select_lanes(s[j] > top, s[j], top);
    for (int64_t j = 0; j < n; j++) sum += s[j] = exp_lanes(s[j] - top);
    sum = 1 / sum;
    for (int64_t j = 0; j < n; j++) s[j] *= sum;
}

static const real *in_bias_of(const attention *c, void *const *tensor) {
    return c->qkv_bias ? tensor[c->bias + 2] : NULL;
}

static void attention_forward(const cv_pass *p) {
    const attention *c = p->config;
    const heads h = heads_of(c, p->in, p->saved, p->scratch[0]);
    const int64_t n = h.n, map = h.c * n;
    at_each_column(&h, h.qkv, 3 * h.c, p->tensor[c->bias + 1], in_bias_of(c, p->tensor), p->x[0], h.c);
    for (int64_t head = 0; head < h.count; head++) {
        const lanes *q = h.qkv + head * h.size * n, *k = q + map, *v = k + map;
        lanes *weights = p->saved ? h.p + head * n * n : h.p;
        multiply_pair(weights, n, n, (view){q, 1, n}, (view){k, n, 1}, h.size, factor_of(&h));
        for (int64_t i = 0; i < n; i++) softmax_of_row(weights + i * n, n);
        multiply_pair(h.o + head * h.size * n, h.size, n, (view){v, n, 1}, (view){weights, 1, n}, n, 1);
    }
    at_each_column(&h, p->y, h.c, p->tensor[OUT_WEIGHT], c->bias ? p->tensor[OUT_BIAS] : NULL, h.o, h.c);
}

static void attention_backward(const cv_pass *p) {
    const attention *c = p->config;
    const heads h = heads_of(c, p->in, p->saved, p->scratch[1]);
    const int64_t n = h.n, map = h.c * n;
    matrix_gradient(&h, p->grad[OUT_WEIGHT], c->bias ? p->grad[OUT_BIAS] : NULL, p->dy, h.c, h.o, p->set);
    back_through_columns(&h, h.dout, p->tensor[OUT_WEIGHT], p->dy, h.c);
    for (int64_t head = 0; head < h.count; head++) {
        const lanes *q = h.qkv + head * h.size * n, *k = q + map, *v = k + map, *weights = h.p + head * n * n,
                    *dout = h.dout + head * h.size * n;
        lanes *dq = h.dqkv + head * h.size * n, *dk = dq + map, *dv = dk + map;
        multiply_pair(dv, h.size, n, (view){dout, n, 1}, (view){weights, n, 1}, n, 1);
        multiply_pair(h.ds, n, n, (view){dout, 1, n}, (view){v, n, 1}, h.size, 1);
        for (int64_t i = 0; i < n; i++) {
            lanes *ds = h.ds + i * n, dot = {0};
            for (int64_t j = 0; j < n; j++) dot += ds[j] * weights[i * n + j];
            for (int64_t j = 0; j < n; j++) ds[j] = weights[i * n + j] * (ds[j] - dot);
        }
        multiply_pair(dq, h.size, n, (view){k, n, 1}, (view){h.ds, 1, n}, n, factor_of(&h));
        multiply_pair(dk, h.size, n, (view){q, n, 1}, (view){h.ds, n, 1}, n, factor_of(&h));
    }
    matrix_gradient(&h, p->grad[c->bias + 1], c->qkv_bias ? p->grad[c->bias + 2] : NULL, h.dqkv, 3 * h.c, p->x[0],
                    p->set);
    if (p->dx[0]) back_through_columns(&h, p->dx[0], p->tensor[c->bias + 1], h.dqkv, 3 * h.c);
}

// --- ONNX ---------------------------------------------------------------------------------------------------------

static bool attention_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    static const char *const names[] = {"q", "k", "v"};
    const attention *c = config;
    const long long all = (long long)in.c, n = (long long)in.w, part = all / c->heads;
    (void)in1, (void)out;
    cv_print(text, size, "s = Transpose(x) perm=[0, 2, 1]; all = MatMul(s, IN)");
    if (c->qkv_bias) cv_append(text, size, "; plus = Add(all, in_proj_bias)");
    for (int k = 0; k < 3; k++)
        cv_append(text, size,
                  "; %s1 = Slice(%s, #[%lld], #[%lld], #[2]); %s2 = Reshape(%s1, #[0, %lld, %lld, %lld]); %s = "
                  "Transpose(%s2) perm=%s",
                  names[k], c->qkv_bias ? "plus" : "all", k * all, (k + 1) * all, names[k], names[k], n,
                  (long long)c->heads, part, names[k], names[k], k == 1 ? "[0, 2, 3, 1]" : "[0, 2, 1, 3]");
    cv_append(text, size,
              "; qk = MatMul(q, k); small = Mul(qk, #%.9g); p = Softmax(small) axis=-1; pv = MatMul(p, v); beside = "
              "Transpose(pv) perm=[0, 2, 1, 3]; o = Reshape(beside, #[0, %lld, %lld]); out = MatMul(o, OUT)",
              1 / sqrt((double)part), n, all);
    if (c->bias) cv_append(text, size, "; last = Add(out, out_proj.bias)");
    cv_append(text, size, "; y = Transpose(%s) perm=[0, 2, 1]", c->bias ? "last" : "out");
    return true;
}

// IN and OUT: the matrices with rows and columns exchanged.
static int attention_constant(const void *config, cv_shape in, const char *name, const float *const *tensor,
                              int64_t dim[4], float *values) {
    const attention *c = config;
    const bool first = !strcmp(name, "IN");
    if (!first && strcmp(name, "OUT") != 0) return 0;
    dim[0] = in.c;
    dim[1] = first ? 3 * in.c : in.c;
    const float *from = tensor[first ? c->bias + 1 : OUT_WEIGHT];
    for (int64_t i = 0; values && i < dim[1]; i++)
        for (int64_t j = 0; j < in.c; j++) values[j * dim[1] + i] = from[i * in.c + j];
    return 2;
}

CV_OP(attention) = {
    .name = "attention",
    .help = "multi-head self-attention: each column becomes a weighted mean over all columns",
    .dims = 2,
    .schema = CV_OPTIONS(CV_OPTION("heads", CV_INT, attention, heads, "that the channels are cut into", .fallback = 1,
                                   CV_RANGE(1, 1 << 10)),
                         CV_OPTION("bias", CV_BOOL, attention, bias, "add a bias to the outputs", .fallback = true),
                         CV_OPTION("qkv_bias", CV_BOOL, attention, qkv_bias, "add biases to queries, keys and values",
                                   .fallback = true)),
    .config_size = sizeof(attention),
    .reads_x = true,
    .products = true,
    .infer = attention_infer,
    .tensors = attention_tensors,
    .cost = attention_cost,
    .sees = attention_sees,
    .saved = attention_saved,
    .scratch = attention_scratch,
    .forward = attention_forward,
    .backward = attention_backward,
    .torch = "(lambda x, g: F.multi_head_attention_forward(x, x, x, x.shape[2], {heads}, g['in_proj_weight'], "
             "g.get('in_proj_bias'), None, None, False, 0.0, g['out_proj.weight'], g.get('out_proj.bias'), "
             "need_weights=False)[0].movedim(0, 2))(x.movedim(2, 0), globals())",
    .say_onnx = attention_say,
    .constant = attention_constant,
    .cases = CV_CASES({{2, 4, 1, 1}, "{heads: 2}", 3}, {{2, 6, 1, 7}, "{heads: 1}", 17},
                      {{2, 6, 1, 5}, "{heads: 3, qkv_bias: false}", 16},
                      {{2, 4, 1, 13}, "{heads: 2, bias: false, qkv_bias: false}", 8},
                      {{2, 20, 1, 3}, "{heads: 4, bias: false}", 33}),
    .single = &CV_JOIN(cv_single_attention, CV_ISA),
};
