// Maps with rows and columns of a number around them.    torch.nn.functional.pad
#include "op/layers/lanes.h"
#include "op/layers/sides.h"

typedef struct pad {
    int64_t padding[4];
    double value;
} pad;

static bool pad_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const pad *c = config;
    (void)why, (void)why_size;
    *out = (cv_shape){in->dims, in->c, padded_size(c->padding, 0, in->h), padded_size(c->padding, 1, in->w)};
    return true;
}

static cv_window pad_window(const void *config, cv_shape in) {
    const pad *c = config;
    (void)in;
    return (cv_window){{1, 1}, {1, 1}, {c->padding[0], c->padding[1]}, {1, 1}};
}

// The first pixel of a row of x in y.
static inline int64_t pad_row(const cv_pass *p, int64_t channel, int64_t row) {
    const pad *c = p->config;
    return (channel * p->out.h + c->padding[0] + row) * p->out.w + c->padding[1];
}

static void pad_forward(const cv_pass *p) {
    const lanes *x = p->x[0], value = lanes_of((real)((const pad *)p->config)->value);
    lanes *y = p->y;
    for (int64_t i = 0, n = cv_shape_size(p->out); i < n; i++) y[i] = value;
    for (int64_t c = 0; c < p->in.c; c++)
        for (int64_t row = 0; row < p->in.h; row++, x += p->in.w)
            memcpy(y + pad_row(p, c, row), x, (size_t)p->in.w * sizeof *y);
}

static void pad_backward(const cv_pass *p) {
    lanes *dx = p->dx[0];
    for (int64_t c = 0; c < p->in.c; c++)
        for (int64_t row = 0; row < p->in.h; row++, dx += p->in.w)
            memcpy(dx, (const lanes *)p->dy + pad_row(p, c, row), (size_t)p->in.w * sizeof *dx);
}

static bool pad_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const pad *c = config;
    const int64_t *n = c->padding;
    char value[32];
    (void)in1, (void)out;
    cv_print(value, sizeof value, "%.9g", c->value);
    if (in.dims == 2)
        cv_print(text, size, "y = Pad(x, #[0, 0, %lld, 0, 0, %lld], #%s)", (long long)n[1], (long long)n[3], value);
    else
        cv_print(text, size, "y = Pad(x, #[0, 0, %lld, %lld, 0, 0, %lld, %lld], #%s)", (long long)n[0], (long long)n[1],
                 (long long)n[2], (long long)n[3], value);
    return true;
}

#define PAD(sides, dims_)                                                                                              \
    .name = "pad" #dims_ "d", .help = "rows and columns added around maps, " #dims_ "-d", .dims = dims_ + 1,           \
    .schema =                                                                                                          \
        CV_OPTIONS(CV_OPTION("padding", sides, pad, padding, "their number", .required = true, CV_RANGE(0, 1 << 20)),  \
                   CV_OPTION("value", CV_FLOAT, pad, value, "what they hold", CV_RANGE(-1e9, 1e9))),                   \
    .config_size = sizeof(pad), .by_channel = true, .infer = pad_infer, .window = pad_window, .forward = pad_forward,  \
    .backward = pad_backward, .say_onnx = pad_say

CV_OP(pad1d) = {
    PAD(CV_ENDS, 1),
    .torch = "F.pad(x, {padding}, value={value})",
    .cases = CV_CASES({{2, 3, 1, 7}, "{padding: 2}", 15}, {{2, 2, 1, 5}, "{padding: [0, 3], value: 1.5}", 8}),
};
CV_OP(pad2d) = {
    PAD(CV_SIDES, 2),
    .torch = "F.pad(x, {padding}, value={value})",
    .cases = CV_CASES({{3, 2, 3, 4}, "{padding: [1, 2]}", 17},
                      {{3, 3, 2, 5}, "{padding: [0, 1, 2, 3], value: -0.5}", 7}),
};
