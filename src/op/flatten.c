// Feature maps as one vector, channel by channel. Their order in memory is already that: nothing moves.
// torch.nn.Flatten
#include "op/lanes.h"

static bool flatten_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config, (void)why, (void)why_size;
    *out = (cv_shape){1, cv_shape_size(in[0]), 1, 1};
    return true;
}

static void copy_lanes(lanes *to, const lanes *from, int64_t n) {
    if (to != from) memcpy(to, from, (size_t)n * sizeof *to);
}

static void flatten_forward(const cv_pass *p) {
    copy_lanes(p->y, p->x[0], p->out.c);
}
static void flatten_backward(const cv_pass *p) {
    copy_lanes(p->dx[0], p->dy, p->out.c);
}

static const cv_case flatten_cases[] = {{{3, 2, 3, 5}, NULL, 7}, {{2, 3, 1, 4}, NULL, 17}, {.batch = 0}};

CV_OP(flatten) = {
    .name = "flatten",
    .help = "feature maps as one vector",
    .traits = CV_INPLACE,
    .infer = flatten_infer,
    .forward = flatten_forward,
    .backward = flatten_backward,
    .torch = "x.flatten(1)",
    .onnx = "y = Flatten(x) axis=1",
    .cases = flatten_cases,
};
