// y = x + x1: where a residual block's body and its shortcut meet; or a row of time added to every frequency, see
// broadcast.h.    dx = dy, dx1 = dy, summed over the pixels that a number of x1 was added to.
#include "op/layers/broadcast.h"

static void add_forward(const cv_pass *p) {
    const lanes *a = p->x[0], *b = p->x[1];
    lanes *y = p->y;
    if (is_same_shape(p))
        for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = a[i] + b[i];
    else
        FOR_EACH_PAIR(p, y[i] = a[i] + b[j])
}

static void add_backward(const cv_pass *p) {
    const size_t bytes = (size_t)cv_shape_size(p->out) * sizeof(lanes);
    const lanes *dy = p->dy;
    lanes *dx1 = p->dx[1];
    if (dx1 && !is_same_shape(p)) {
        memset(dx1, 0, (size_t)cv_shape_size(p->in1) * sizeof *dx1);
        FOR_EACH_PAIR(p, dx1[j] += dy[i])
    } else if (dx1 && dx1 != dy) {
        memcpy(dx1, dy, bytes);
    }
    if (p->dx[0] && p->dx[0] != p->dy) memcpy(p->dx[0], dy, bytes);
}

static bool add_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    (void)config, (void)out;
    say_broadcast("Add", in, in1, text, size);
    return true;
}

CV_OP(add) = {
    .name = "add",
    .help =
        "sum of two values; the second one may be a row, a column or a number for each channel. `from` may name more "
        "than two",
    .inputs = 2,
    .many = true,
    .sum = true,
    .in_place = true,
    .by_pixel = true,
    .by_channel = true,
    .infer = broadcast_infer,
    .forward = add_forward,
    .backward = add_backward,
    .torch = "x + x1",
    .say_onnx = add_say,
    .cases = CV_CASES({{2, 3, 1, 7}, NULL, 15}, {{3, 2, 3, 5}, NULL, 17}),
};
