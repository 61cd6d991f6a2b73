// y = x where x > 0, weight x elsewhere: a slope that is learned, one for all or one per channel.
// dx = dy, or weight dy;  dw = sum of x dy where x <= 0.    torch.nn.PReLU    He et al. 2015,
// https://arxiv.org/abs/1502.01852
#include "op/layers/single.h"

typedef struct prelu {
    bool per_channel;
} prelu;

static int prelu_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const int64_t count = ((const prelu *)config)->per_channel ? in.c : 1;
    out[0] = (cv_tensor){.name = "weight", .dims = 1, .dim = {count}, .init = CV_INIT_FILL, .fill = 0.25f};
    return 1;
}

static int64_t prelu_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    cv_print(formula, size, "%lld", ((const prelu *)config)->per_channel ? (long long)in.c : 1);
    return cv_shape_size(out);
}

static real slope_of(const cv_pass *p, int64_t channel) {
    return ((const real *)p->tensor[0])[((const prelu *)p->config)->per_channel ? channel : 0];
}

static void prelu_forward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->in);
    const lanes *x = p->x[0];
    lanes *y = p->y;
    for (int64_t c = 0; c < p->in.c; c++, x += pixels, y += pixels) {
        const real slope = slope_of(p, c);
        for (int64_t i = 0; i < pixels; i++) y[i] = select_lanes(x[i] > 0, x[i], x[i] * slope);
    }
}

// Idle lanes have a dy of zero and add nothing.
static void prelu_backward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->in);
    const bool each = ((const prelu *)p->config)->per_channel;
    const lanes *x = p->x[0], *dy = p->dy, zero = {0};
    lanes *dx = p->dx[0];
    real *dw = p->grad[0];
    for (int64_t c = 0; c < p->in.c; c++, x += pixels, dy += pixels) {
        const real slope = slope_of(p, c);
        lanes sum = zero;
        for (int64_t i = 0; i < pixels; i++) sum += select_lanes(x[i] > 0, zero, x[i] * dy[i]);
        if (dw) dw[each ? c : 0] = (p->set && (each || c == 0) ? 0 : dw[each ? c : 0]) + sum_lanes(sum);
        for (int64_t i = 0; dx && i < pixels; i++) dx[c * pixels + i] = select_lanes(x[i] > 0, dy[i], dy[i] * slope);
    }
}

// --- one example --------------------------------------------------------------------------------------------------

typedef struct single_prelu {
    cv_single single;
    prelu layer;
} single_prelu;

static int single_prelu_tensors(const void *config, cv_shape in, cv_tensor *out) {
    (void)config;
    out[0] = (cv_tensor){.name = "weight", .dims = 2, .dim = {in.c, LANES}};
    return 1;
}

static void single_prelu_arrange(const void *config, const void *const *from, void *const *to) {
    const single_prelu *l = config;
    for (int64_t c = 0; c < l->single.in.c; c++)
        ((real *)to[0])[c] = ((const real *)from[0])[l->layer.per_channel ? c : 0];
}

static void single_prelu_forward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->in);
    const lanes *x = p->x[0], *slope = p->tensor[0];
    lanes *y = p->y;
    for (int64_t b = 0; b < p->in.c; b++)
        for (int64_t i = b * pixels; i < (b + 1) * pixels; i++) y[i] = select_lanes(x[i] > 0, x[i], x[i] * slope[b]);
}

static const cv_op single_prelu_op = {
    .name = "prelu",
    .config_size = sizeof(single_prelu),
    .in_place = true,
    .infer = single_infer,
    .tensors = single_prelu_tensors,
    .arrange = single_prelu_arrange,
    .forward = single_prelu_forward,
};

CV_OP(prelu) = {
    .name = "prelu",
    .help = "negative values are multiplied by a number that is learned",
    .schema = CV_OPTIONS(CV_OPTION("per_channel", CV_BOOL, prelu, per_channel,
                                   "a slope for every channel, not one for all")),
    .config_size = sizeof(prelu),
    .reads_x = true,
    .dx_in_place = true,
    .tensors = prelu_tensors,
    .cost = prelu_cost,
    .by_pixel = true,
    .forward = prelu_forward,
    .backward = prelu_backward,
    .torch = "F.prelu(x, weight)",
    .onnx = "y = PRelu(x, weight^)",
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 3}, {{1, 19, 1, 1}, "{per_channel: true}", 8}, {{2, 3, 1, 37}, NULL, 33},
                      {{3, 4, 3, 5}, "{per_channel: true}", 17}),
    .single = &single_prelu_op,
};
