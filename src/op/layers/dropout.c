// In training each value is zero with probability p, else divided by 1 - p; otherwise nothing happens.
// torch.nn.Dropout; whole channels: torch.nn.Dropout1d, torch.nn.Dropout2d Which values live is drawn for the whole
// batch before the step, sample by sample from the one generator: the same for any number of threads.
#include "op/layers/lanes.h"

typedef struct dropout {
    double p;
} dropout;

static size_t dropout_noise(const void *config, cv_shape in) {
    const dropout *c = config;
    return c->p > 0 ? (size_t)cv_shape_size(in) : 0;
}

static void dropout_draw(const void *config, cv_random *random, float *out, size_t count) {
    const dropout *c = config;
    const double keep = 1 - c->p;
    const float scale = keep > 0 ? (float)(1 / keep) : 0.0f;
    for (size_t i = 0; i < count; i++) out[i] = cv_random_bernoulli(random, keep) ? scale : 0.0f;
}

static void apply(const cv_pass *p, lanes *to, const lanes *from) {
    const int64_t n = cv_shape_size(p->out);
    const lanes *noise = p->noise;
    if (p->training && noise)
        for (int64_t i = 0; i < n; i++) to[i] = from[i] * noise[i];
    else if (to != from)
        memcpy(to, from, (size_t)n * sizeof *to);
}

static void dropout_forward(const cv_pass *p) {
    apply(p, p->y, p->x[0]);
}
static void dropout_backward(const cv_pass *p) {
    apply(p, p->dx[0], p->dy);
}

CV_OP(dropout) = {
    .name = "dropout",
    .help = "zeroes values at random in training",
    .schema = CV_OPTIONS(CV_OPTION("p", CV_FLOAT, dropout, p, "probability of a zero", .fallback = 0.5,
                                   CV_RANGE(0, 1))),
    .config_size = sizeof(dropout),
    .in_place = true,
    .by_pixel = true,
    .by_channel = true,
    .noise = dropout_noise,
    .draw = dropout_draw,
    .forward = dropout_forward,
    .backward = dropout_backward,
    .torch = "F.dropout(x, {p}, training)",
    .onnx = "",
    .cases = CV_CASES({{1, 9, 1, 1}, "{p: 0}", 8}, {{1, 21, 1, 1}, NULL, 33}, {{3, 2, 3, 5}, "{p: 0.3}", 17},
                      {{2, 3, 1, 4}, "{p: 1}", 7}),
};

// --- whole channels -----------------------------------------------------------------------------------------------

static size_t channel_noise(const void *config, cv_shape in) {
    const dropout *c = config;
    return c->p > 0 ? (size_t)in.c : 0;
}

static void apply_to_channels(const cv_pass *p, lanes *to, const lanes *from) {
    const int64_t pixels = cv_shape_pixels(p->out), n = cv_shape_size(p->out);
    const lanes *noise = p->noise;
    if (p->training && noise)
        for (int64_t i = 0; i < n; i++) to[i] = from[i] * noise[i / pixels];
    else if (to != from)
        memcpy(to, from, (size_t)n * sizeof *to);
}

static void channel_dropout_forward(const cv_pass *p) {
    apply_to_channels(p, p->y, p->x[0]);
}
static void channel_dropout_backward(const cv_pass *p) {
    apply_to_channels(p, p->dx[0], p->dy);
}

CV_OP(channel_dropout) = {
    .name = "channel_dropout",
    .help = "zeroes whole channels at random in training",
    .schema = CV_OPTIONS(CV_OPTION("p", CV_FLOAT, dropout, p, "probability of a channel of zeros", .fallback = 0.5,
                                   CV_RANGE(0, 1))),
    .config_size = sizeof(dropout),
    .in_place = true,
    .by_pixel = true,
    .by_channel = true,
    .noise = channel_noise,
    .draw = dropout_draw,
    .forward = channel_dropout_forward,
    .backward = channel_dropout_backward,
    .torch = "torch.feature_dropout(x, {p}, training)",
    .onnx = "",
    .cases = CV_CASES({{2, 9, 1, 4}, "{p: 0}", 8}, {{2, 21, 1, 3}, NULL, 33}, {{3, 5, 3, 2}, "{p: 0.3}", 17}),
};
