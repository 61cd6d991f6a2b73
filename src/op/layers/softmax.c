// y_c = e^x_c / sum_k e^x_k over the channels.    dx_c = y_c (dy_c - sum_k dy_k y_k).    torch.nn.Softmax(dim=1)
#include "op/layers/single.h"

static void softmax_forward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes *y = p->y;
    const int64_t channels = p->in.c, pixels = cv_shape_pixels(p->in);
    for (int64_t i = 0; i < pixels; i++) {
        lanes top = x[i], sum = {0};
        for (int64_t c = 1; c < channels; c++) {
            lanes v = x[c * pixels + i];
            top = select_lanes(v > top, v, top);
        }
        for (int64_t c = 0; c < channels; c++) sum += y[c * pixels + i] = exp_lanes(x[c * pixels + i] - top);
        for (int64_t c = 0; c < channels; c++) y[c * pixels + i] /= sum;
    }
}

static void softmax_backward(const cv_pass *p) {
    const lanes *y = p->y, *dy = p->dy;
    lanes *dx = p->dx[0];
    const int64_t channels = p->in.c, pixels = cv_shape_pixels(p->in);
    for (int64_t i = 0; i < pixels; i++) {
        lanes dot = {0};
        for (int64_t c = 0; c < channels; c++) dot += y[c * pixels + i] * dy[c * pixels + i];
        for (int64_t c = 0; c < channels; c++) dx[c * pixels + i] = y[c * pixels + i] * (dy[c * pixels + i] - dot);
    }
}

// One example: the sums run across the lanes too, without those past the last channel.
static void single_softmax_forward(const cv_pass *p) {
    const int64_t channels = ((const cv_single *)p->config)->in.c, pixels = cv_shape_pixels(p->in);
    for (int64_t i = 0; i < pixels; i++) {
        const lanes *x = (const lanes *)p->x[0] + i;
        lanes *y = (lanes *)p->y + i;
        real top = x[0][0], sum = 0;
        for (int64_t c = 1; c < channels; c++) {
            const real v = x[c / LANES * pixels][c % LANES];
            top = v > top ? v : top;
        }
        for (int64_t b = 0; b < p->in.c; b++) {
            const int64_t left = channels - b * LANES;
            y[b * pixels] = exp_lanes(x[b * pixels] - top);
            for (int64_t l = 0; l < LANES && l < left; l++) sum += y[b * pixels][l];
        }
        for (int64_t b = 0; b < p->in.c; b++) y[b * pixels] /= sum;
    }
}

static const cv_op single_softmax = {
    .name = "softmax",
    .config_size = sizeof(cv_single),
    .in_place = true,
    .infer = single_infer,
    .forward = single_softmax_forward,
};

CV_OP(softmax) = {
    .name = "softmax",
    .help = "probabilities over the channels; not in front of cross_entropy, which wants logits",
    .reads_y = true,
    .in_place = true,
    .by_pixel = true,
    .forward = softmax_forward,
    .backward = softmax_backward,
    .torch = "torch.softmax(x, 1)",
    .onnx = "y = Softmax(x) axis=1",
    .cases = CV_CASES({{1, 10, 1, 1}, NULL, 8}, {{2, 3, 1, 7}, NULL, 16}, {{3, 4, 3, 5}, NULL, 7}),
    .single = &single_softmax,
};
