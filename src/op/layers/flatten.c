// Feature maps as one vector, channel by channel. Their order in memory is already that: nothing moves.
// torch.nn.Flatten
#include "op/layers/single.h"

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

// One example: what lies channel by channel within a block is transposed, LANES pixels at a time.
static void single_flatten_forward(const cv_pass *p) {
    const cv_single *single = p->config;
    const int64_t pixels = cv_shape_pixels(single->in);
    if (single->plain) {
        copy_lanes(p->y, p->x[0], p->out.c);
        return;
    }
    for (int64_t first = 0; first < single->in.c; first += LANES) {
        const lanes *x = (const lanes *)p->x[0] + first / LANES * pixels;
        const int64_t left = single->in.c - first, channels = left < LANES ? left : LANES;
        for (int64_t i = 0; i < pixels; i += LANES) {
            const int64_t count = pixels - i < LANES ? pixels - i : LANES;
            lanes square[LANES];
            for (int64_t k = 0; k < LANES; k++) square[k] = x[k < count ? i + k : i];
            transpose_lanes(square);
            for (int64_t c = 0; c < channels; c++)
                memcpy((real *)p->y + (first + c) * pixels + i, &square[c], (size_t)count * sizeof(real));
        }
    }
}

static const cv_op single_flatten = {
    .name = "flatten",
    .config_size = sizeof(cv_single),
    .plain_input = true,
    .infer = single_infer,
    .forward = single_flatten_forward,
};

CV_OP(flatten) = {
    .name = "flatten",
    .help = "feature maps as one vector",
    .in_place = true,
    .infer = flatten_infer,
    .forward = flatten_forward,
    .backward = flatten_backward,
    .torch = "x.flatten(1)",
    .onnx = "y = Flatten(x) axis=1",
    .cases = CV_CASES({{3, 2, 3, 5}, NULL, 7}, {{2, 3, 1, 4}, NULL, 17}),
    .single = &single_flatten,
};
