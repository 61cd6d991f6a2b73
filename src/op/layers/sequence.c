// Maps as a sequence: the rows of every channel become channels, so that 1-d layers run along the columns.
// (c, h, w) becomes (c h, w). Their order in memory is already that: nothing moves.    x.flatten(1, 2)
#include "op/layers/single.h"

static bool sequence_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config, (void)why, (void)why_size;
    *out = (cv_shape){2, in->c * in->h, 1, in->w};
    return true;
}

static void keep_lanes(lanes *to, const lanes *from, int64_t n) {
    if (to != from) memcpy(to, from, (size_t)n * sizeof *to);
}

static void sequence_forward(const cv_pass *p) {
    keep_lanes(p->y, p->x[0], cv_shape_size(p->out));
}
static void sequence_backward(const cv_pass *p) {
    keep_lanes(p->dx[0], p->dy, cv_shape_size(p->out));
}

// One example: row r of channel c is channel c h + r, in another lane.
static void single_sequence_forward(const cv_pass *p) {
    const cv_single *s = p->config;
    const real *x = p->x[0];
    lanes *y = p->y;
    for (int64_t to = 0; to < s->out.c; to++) {
        const int64_t c = to / s->in.h, row = to % s->in.h;
        for (int64_t i = 0; i < s->in.w; i++)
            y[to / LANES * s->in.w + i][to % LANES] =
                s->plain ? x[(c * s->in.h + row) * s->in.w + i]
                         : x[(((c / LANES * s->in.h) + row) * s->in.w + i) * LANES + c % LANES];
    }
}

static const cv_op single_sequence = {
    .name = "sequence",
    .config_size = sizeof(cv_single),
    .plain_input = true,
    .infer = single_infer,
    .forward = single_sequence_forward,
};

static bool sequence_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    (void)config, (void)in, (void)in1;
    cv_print(text, size, "y = Reshape(x, #[0, %lld, %lld])", (long long)out.c, (long long)out.w);
    return true;
}

CV_OP(sequence) = {
    .name = "sequence",
    .help = "maps as a sequence: the rows of every channel become channels, for 1-d layers",
    .dims = 3,
    .in_place = true,
    .infer = sequence_infer,
    .by_pixel = true,
    .forward = sequence_forward,
    .backward = sequence_backward,
    .torch = "x.flatten(1, 2)",
    .say_onnx = sequence_say,
    .cases = CV_CASES({{3, 2, 3, 5}, NULL, 7}, {{3, 1, 19, 4}, NULL, 17}, {{3, 18, 2, 3}, NULL, 8}),
    .single = &single_sequence,
};
