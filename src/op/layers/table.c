// The table of one instruction set: all its ops, and the kernels that move samples in and out of the lanes.
#include "op/layers/lanes.h"

#define X(name) extern const cv_op CV_JOIN(cv_op_##name, CV_ISA);
#include "op_list.inc"
#undef X

static const cv_op *const ops[] = {
#define X(name) &CV_JOIN(cv_op_##name, CV_ISA),
#include "op_list.inc"
#undef X
};

// Rows of floats, or of bytes and what each stands for.
typedef struct row_source {
    const float *const *rows;
    const uint8_t *const *bytes;
    const float *of_byte;
    int count;
    float mean, std; // floats are normalised; std 0: not
} row_source;

typedef float floats __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

ALWAYS_INLINE real number_at(const row_source *s, int l, int64_t i) {
    // NOLINTNEXTLINE(*NullDereference): one of the two is there
    const float x = s->bytes ? s->of_byte[s->bytes[l][i]] : s->rows[l][i];
    return (real)(s->std == 0 ? x : (x - s->mean) / s->std);
}

// LANES numbers of row l from number i on.
ALWAYS_INLINE lanes numbers_at(const row_source *s, int l, int64_t i) {
    // NOLINTNEXTLINE(*NullDereference): the same
    if (!s->bytes) {
        floats x = *(const floats *)(s->rows[l] + i);
        if (s->std != 0) x = (x - s->mean) / s->std;
        return __builtin_convertvector(x, lanes);
    }
    lanes v;
    for (int k = 0; k < LANES; k++) v[k] = number_at(s, l, i + k);
    return v;
}

// Idle lanes repeat the last row.
ALWAYS_INLINE void pack_from(const row_source *s, int64_t size, lanes *y) {
    int64_t i = 0;
    for (; i + LANES <= size; i += LANES) {
        lanes square[LANES];
        UNROLL
        for (int l = 0; l < LANES; l++) square[l] = numbers_at(s, l < s->count ? l : s->count - 1, i);
        transpose_lanes(square);
        memcpy(y + i, square, sizeof square);
    }
    for (; i < size; i++) {
        y[i] = lanes_of(number_at(s, s->count - 1, i));
        for (int l = 0; l < s->count - 1; l++) y[i][l] = number_at(s, l, i);
    }
}

static void pack(const float *const *rows, int count, int64_t size, float mean, float std, void *out) {
    if (std == 0)
        pack_from(&(row_source){.rows = rows, .count = count}, size, out);
    else
        pack_from(&(row_source){.rows = rows, .count = count, .mean = mean, .std = std}, size, out);
}

static void pack_bytes(const uint8_t *const *rows, int count, const float *of_byte, int64_t size, void *out) {
    pack_from(&(row_source){.bytes = rows, .of_byte = of_byte, .count = count}, size, out);
}

static void scale(const int16_t *sample, size_t count, double shift, double gain, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = (float)(((double)sample[i] / 32768 - shift) * gain);
}

static void unpack(const void *from, int64_t size, int active, float *const *rows) {
    const lanes *x = from;
    for (int l = 0; l < active; l++)
        for (int64_t i = 0; i < size; i++) rows[l][i] = (float)x[i][l];
}

static void add(void *to, const void *from, int64_t size) {
    lanes *y = to;
    const lanes *x = from;
    for (int64_t i = 0; i < size; i++) y[i] += x[i];
}

static bool all_finite(const void *from, int64_t size, int active) {
    const lanes *x = from;
    for (int64_t i = 0; i < size; i++)
        for (int l = 0; l < active; l++)
            if (!isfinite((double)x[i][l])) return false;
    return true;
}

// Twelve sums that do not wait for each other: more than latency times multiply-adds a cycle asks for (8 to 10 on
// x86-64 and arm64), and few enough for 16 registers.
static int64_t peak(int64_t rounds, double *out) {
    enum { SUMS = 12 };
    const lanes factor = lanes_of((real)0.5), term = lanes_of((real)*out);
    lanes sum[SUMS];
    UNROLL
    for (int i = 0; i < SUMS; i++) sum[i] = term + (real)i;
    for (int64_t n = 0; n < rounds; n++) {
        UNROLL
        for (int i = 0; i < SUMS; i++) sum[i] = sum[i] * factor + term;
    }
    UNROLL
    for (int i = 0; i < SUMS; i++) *out += (double)sum_lanes(sum[i]);
    return rounds * SUMS * LANES;
}

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
extern const cv_isa CV_JOIN(cv_isa, CV_ISA);
const cv_isa CV_JOIN(cv_isa, CV_ISA) = {
    .name = TEXT(CV_ISA),
    .lanes = LANES,
    .real = sizeof(real),
    .ops = ops,
    .op_count = (int)CV_COUNT(ops),
    .pack = pack,
    .pack_bytes = pack_bytes,
    .scale = scale,
    .unpack = unpack,
    .add = add,
    .finite = all_finite,
    .peak = peak,
};
