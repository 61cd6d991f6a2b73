// y = W x + b of one example: the terms of a sum are in the lanes. LANES rows of W are read side by side, so that their
// sums, once transposed, are a vector of outputs.
#include "op/layers/single.h"

extern const cv_op CV_JOIN(cv_single_linear, CV_ISA);

static int single_linear_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const int64_t blocks = lane_blocks(((const cv_single *)config)->out.c);
    out[0] = (cv_tensor){.name = "weight", .dims = 4, .dim = {blocks, in.c, LANES, LANES}};
    out[1] = (cv_tensor){.name = "bias", .dims = 2, .dim = {blocks, LANES}};
    return 2;
}

// to[block][k][row][LANES]: a block is read from one end to the other. What fills the last block and the rows is zero.
static void single_linear_arrange(const void *config, const void *const *from, void *const *to) {
    const int64_t n = ((const cv_single *)config)->in.c, m = ((const cv_single *)config)->out.c,
                  columns = lane_blocks(n);
    const real *weight = from[0];
    real *packed = to[0];
    for (int64_t o = 0; o < m; o++)
        for (int64_t k = 0; k < columns; k++) {
            const int64_t left = n - k * LANES;
            memcpy(packed + ((o / LANES * columns + k) * LANES + o % LANES) * LANES, weight + o * n + k * LANES,
                   (size_t)(left < LANES ? left : LANES) * sizeof *packed);
        }
    if (from[1]) memcpy(to[1], from[1], (size_t)m * sizeof *packed);
}

static void single_linear_forward(const cv_pass *p) {
    const int64_t n = ((const cv_single *)p->config)->in.c, columns = p->in.c;
    const lanes *w = p->tensor[0], *bias = p->tensor[1], *x = p->x[0];
    const lanes last = select_lanes(active_lanes((int)(n - (columns - 1) * LANES)) > 0, x[columns - 1], (lanes){0});
    const cv_span blocks = cv_part(&p->share, p->out.c, 1);
    lanes *y = p->y;
    w += blocks.first * columns * LANES;
    for (int64_t b = blocks.first; b < blocks.end; b++) {
        lanes sum[LANES] = {{0}}, total = bias[b];
        for (int64_t k = 0; k < columns; k++, w += LANES) {
            const lanes v = k < columns - 1 ? x[k] : last;
            UNROLL
            for (int i = 0; i < LANES; i++) sum[i] += w[i] * v;
        }
        transpose_lanes(sum);
        UNROLL
        for (int i = 0; i < LANES; i++) total += sum[i];
        y[b] = total;
    }
}

static int64_t single_linear_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    (void)config, (void)formula, (void)size;
    return in.c * LANES * out.c * LANES;
}

const cv_op CV_JOIN(cv_single_linear, CV_ISA) = {
    .name = "linear",
    .config_size = sizeof(cv_single),
    .in_parts = true,
    .infer = single_infer,
    .tensors = single_linear_tensors,
    .arrange = single_linear_arrange,
    .cost = single_linear_cost,
    .forward = single_linear_forward,
};
