// Attention of one example: channels are in the lanes of the projections, and columns or channels of a head in those of
// the products between. See attention.c for the formulas.
#include "op/layers/attention.h"
#include "op/layers/conv_single.h"

typedef struct single_attention {
    cv_single single;
    attention layer;
} single_attention;

enum { IN_PACKED, IN_PACKED_BIAS, OUT_PACKED, OUT_PACKED_BIAS };

static single_conv projection_in(const single_attention *a) {
    return single_columns(a->single.in.c, 3 * a->single.in.c, a->single.in.w);
}
static single_conv projection_out(const single_attention *a) {
    return single_columns(a->single.in.c, a->single.in.c, a->single.in.w);
}

static int single_attention_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const int64_t c = ((const single_attention *)config)->single.in.c, third = lane_blocks(3 * c), blocks = in.c;
    out[IN_PACKED] = (cv_tensor){.name = "in", .dims = 3, .dim = {third, c, LANES}};
    out[IN_PACKED_BIAS] = (cv_tensor){.name = "in_bias", .dims = 2, .dim = {third, LANES}};
    out[OUT_PACKED] = (cv_tensor){.name = "out", .dims = 3, .dim = {blocks, c, LANES}};
    out[OUT_PACKED_BIAS] = (cv_tensor){.name = "out_bias", .dims = 2, .dim = {blocks, LANES}};
    return 4;
}

static void single_attention_arrange(const void *config, const void *const *from, void *const *to) {
    const single_attention *a = config;
    const single_conv in = projection_in(a), out = projection_out(a);
    const bool bias = a->layer.bias;
    SINGLE_CONV.arrange(&in, (const void *[]){from[bias + 1], a->layer.qkv_bias ? from[bias + 2] : NULL},
                        to + IN_PACKED);
    SINGLE_CONV.arrange(&out, (const void *[]){from[OUT_WEIGHT], bias ? from[OUT_BIAS] : NULL}, to + OUT_PACKED);
}

// Work memory: the three of all heads, then what one head is computed from, each row in whole vectors.
typedef struct single_heads {
    int64_t n, size, columns, channels; // of a head; vectors that hold n columns and size channels
    lanes *qkv, *o, *q, *k, *v, *p, *mean, *rest;
} single_heads;

static single_heads single_heads_of(const single_attention *a, lanes *free) {
    const int64_t c = a->single.in.c, n = a->single.in.w, size = c / a->layer.heads;
    single_heads h = {.n = n, .size = size, .columns = lane_blocks(n), .channels = lane_blocks(size)};
    h.qkv = free, free += lane_blocks(3 * c) * n;
    h.o = free, free += lane_blocks(c) * n;
    h.q = free, free += n * h.channels;
    h.k = free, free += size * h.columns;
    h.v = free, free += n * h.channels;
    h.p = free, free += n * h.columns;
    h.mean = free, free += n * h.channels;
    h.rest = free;
    return h;
}

static size_t single_attention_scratch(const void *config, cv_shape in, cv_shape out) {
    static const lanes base[1]; // nothing is written: only a distance from it is asked for
    const single_conv first = projection_in(config), last = projection_out(config);
    const size_t before = single_room(&first), behind = single_room(&last);
    (void)in, (void)out;
    return (size_t)(single_heads_of(config, (lanes *)(uintptr_t)base).rest - base) +
           (before > behind ? before : behind);
}

// to[t][c] or, turned, to[c][t] from channels first.. of qkv, in rows of whole vectors; what fills them is zero.
static void take_head(const single_heads *h, int64_t first, bool turned, lanes *to) {
    const real *from = (const real *)h->qkv;
    const int64_t rows = turned ? h->size : h->n, row = (turned ? h->columns : h->channels) * LANES;
    memset(to, 0, (size_t)(rows * row) * sizeof(real));
    for (int64_t c = 0; c < h->size; c++)
        for (int64_t t = 0; t < h->n; t++)
            ((real *)to)[turned ? c * row + t : t * row + c] = from[single_place(first + c, t, h->n)];
}

enum { TALL = 4 };

ALWAYS_INLINE void rows_times(const int rows, lanes *y, int64_t blocks, const real *a, int64_t row, const lanes *b,
                              int64_t terms, real factor) {
    for (int64_t j = 0; j < blocks; j++) {
        lanes sum[TALL] = {{0}};
        for (int64_t k = 0; k < terms; k++) {
            const lanes v = b[k * blocks + j];
            UNROLL
            for (int i = 0; i < rows; i++) sum[i] += a[i * row + k] * v;
        }
        UNROLL
        for (int i = 0; i < rows; i++) y[i * blocks + j] = sum[i] * factor;
    }
}

// y[i][j] = factor * sum over k of a[i][k] b[k][j], the columns j in the lanes. row: numbers from a row of a to the
// next.
static void multiply_heads(lanes *y, int64_t rows, int64_t blocks, const real *a, int64_t row, const lanes *b,
                           int64_t terms, real factor) {
    int64_t i = 0;
    for (; i + TALL <= rows; i += TALL) rows_times(TALL, y + i * blocks, blocks, a + i * row, row, b, terms, factor);
    for (; i < rows; i++) rows_times(1, y + i * blocks, blocks, a + i * row, row, b, terms, factor);
}

static real across(lanes v, bool largest) {
    real result = v[0];
    if (!largest) return sum_lanes(v);
    for (int l = 1; l < LANES; l++) result = v[l] > result ? v[l] : result;
    return result;
}

static void softmax_in_lanes(lanes *s, int64_t n, int64_t blocks) {
    const mask last = active_lanes((int)(n - (blocks - 1) * LANES)) > 0;
    lanes top = lanes_of(*(const real *)s), sum = {0};
    for (int64_t j = 0; j < blocks; j++) {
        if (j == blocks - 1) s[j] = select_lanes(last, s[j], top);
        top = select_lanes(s[j] > top, s[j], top);
    }
    top = lanes_of(across(top, true));
    for (int64_t j = 0; j < blocks; j++) {
        s[j] = exp_lanes(s[j] - top);
        if (j == blocks - 1) s[j] = select_lanes(last, s[j], (lanes){0});
        sum += s[j];
    }
    const real share = 1 / across(sum, false);
    for (int64_t j = 0; j < blocks; j++) s[j] *= share;
}

static void single_attention_forward(const cv_pass *p) {
    const single_attention *a = p->config;
    const single_heads h = single_heads_of(a, p->scratch[0]);
    const int64_t c = a->single.in.c, row = h.channels * LANES;
    const single_conv in = projection_in(a), out = projection_out(a);
    single_convolve(&in, p->x[0], h.qkv, p->tensor[IN_PACKED], p->tensor[IN_PACKED_BIAS], h.rest);
    for (int64_t first = 0; first < c; first += h.size) {
        take_head(&h, first, false, h.q);
        take_head(&h, c + first, true, h.k);
        take_head(&h, 2 * c + first, false, h.v);
        multiply_heads(h.p, h.n, h.columns, (const real *)h.q, row, h.k, h.size, (real)(1 / sqrt((double)h.size)));
        for (int64_t i = 0; i < h.n; i++) softmax_in_lanes(h.p + i * h.columns, h.n, h.columns);
        multiply_heads(h.mean, h.n, h.channels, (const real *)h.p, h.columns * LANES, h.v, h.n, 1);
        for (int64_t k = 0; k < h.size; k++)
            for (int64_t t = 0; t < h.n; t++)
                ((real *)h.o)[single_place(first + k, t, h.n)] = ((const real *)h.mean)[t * row + k];
    }
    single_convolve(&out, h.o, p->y, p->tensor[OUT_PACKED], p->tensor[OUT_PACKED_BIAS], h.rest);
}

static int64_t single_attention_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const cv_shape s = ((const single_attention *)config)->single.in;
    (void)in, (void)out, (void)formula, (void)size;
    return 4 * s.c * s.c * s.w + 2 * s.w * s.w * s.c;
}

const cv_op CV_JOIN(cv_single_attention, CV_ISA) = {
    .name = "attention",
    .config_size = sizeof(single_attention),
    .infer = single_infer,
    .tensors = single_attention_tensors,
    .arrange = single_attention_arrange,
    .cost = single_attention_cost,
    .scratch = single_attention_scratch,
    .forward = single_attention_forward,
};
