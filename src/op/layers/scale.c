// y = x x1: maps times a number for each channel (squeeze and excitation), or for each pixel, see broadcast.h.
// dx = dy x1,   dx1 = dy x, summed over the pixels that a number of x1 was multiplied with.
#include "op/layers/broadcast.h"

static void scale_forward(const cv_pass *p) {
    const lanes *x = p->x[0], *x1 = p->x[1];
    lanes *y = p->y;
    FOR_EACH_PAIR(p, y[i] = x[i] * x1[j])
}

// dx may be dy: it is read before it is written.
static void scale_backward(const cv_pass *p) {
    const lanes *x = p->x[0], *x1 = p->x[1], *dy = p->dy;
    lanes *dx = p->dx[0], *dx1 = p->dx[1];
    if (dx1) {
        memset(dx1, 0, (size_t)cv_shape_size(p->in1) * sizeof *dx1);
        FOR_EACH_PAIR(p, dx1[j] += dy[i] * x[i])
    }
    if (dx) FOR_EACH_PAIR(p, dx[i] = dy[i] * x1[j])
}

static bool scale_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    (void)config, (void)out;
    say_broadcast("Mul", in, in1, text, size);
    return true;
}

static cv_shape number_per_channel(cv_shape in) {
    return (cv_shape){1, in.c, 1, 1};
}

CV_OP(scale) = {
    .name = "scale",
    .help = "product of two values; the second one may be a row, a column or a number for each channel",
    .inputs = 2,
    .second = number_per_channel,
    .reads_x = true,
    .dx_in_place = true,
    .by_pixel = true,
    .by_channel = true,
    .infer = broadcast_infer,
    .forward = scale_forward,
    .backward = scale_backward,
    .torch = "x * x1.reshape(x1.shape + (1,) * (x.dim() - 2))",
    .say_onnx = scale_say,
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{2, 3, 1, 7}, NULL, 15}, {{3, 19, 3, 5}, NULL, 17}),
};
