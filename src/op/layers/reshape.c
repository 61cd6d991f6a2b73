// The same values in another shape. Their order in memory stays: nothing moves.    x.reshape(n, c, h, w)
#include "op/layers/single.h"

typedef struct reshape {
    int64_t channels, rows, columns;
} reshape;

static bool reshape_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const reshape *c = config;
    char text[48];
    *out = (cv_shape){c->rows ? 3 : 2, c->channels, c->rows ? c->rows : 1, c->columns};
    size_t size;
    if (cv_mul((size_t)c->channels, (size_t)out->h, &size) && cv_mul(size, (size_t)c->columns, &size) &&
        size == (size_t)cv_shape_size(*in))
        return true;
    cv_shape_text(*in, text, sizeof text);
    cv_print(why, why_size, "%lld x %lld x %lld values are not those of its input, %s", (long long)c->channels,
             (long long)out->h, (long long)c->columns, text);
    return false;
}

static void reshape_lanes(lanes *to, const lanes *from, int64_t n) {
    if (to != from) memcpy(to, from, (size_t)n * sizeof *to);
}

static void reshape_forward(const cv_pass *p) {
    reshape_lanes(p->y, p->x[0], cv_shape_size(p->out));
}
static void reshape_backward(const cv_pass *p) {
    reshape_lanes(p->dx[0], p->dy, cv_shape_size(p->out));
}

static bool reshape_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    (void)config, (void)in, (void)in1;
    if (out.dims == 2)
        cv_print(text, size, "y = Reshape(x, #[0, %lld, %lld])", (long long)out.c, (long long)out.w);
    else
        cv_print(text, size, "y = Reshape(x, #[0, %lld, %lld, %lld])", (long long)out.c, (long long)out.h,
                 (long long)out.w);
    return true;
}

// One example: number after number, wherever it lies.
static void single_reshape_forward(const cv_pass *p) {
    const cv_single *s = p->config;
    const int64_t from = cv_shape_pixels(s->in), to = cv_shape_pixels(s->out), size = cv_shape_size(s->in);
    for (int64_t i = 0; i < size; i++)
        ((real *)p->y)[single_place(i / to, i % to, to)] =
            ((const real *)p->x[0])[single_place(i / from, i % from, from)];
}

static const cv_op single_reshape = {
    .name = "reshape",
    .config_size = sizeof(cv_single) + sizeof(reshape),
    .infer = single_infer,
    .forward = single_reshape_forward,
};

CV_OP(reshape) = {
    .name = "reshape",
    .help = "the same values, in the same order, as maps of another shape",
    .schema = CV_OPTIONS(
        CV_OPTION("channels", CV_INT, reshape, channels, "their number", .required = true, CV_RANGE(1, 1 << 28)),
        CV_OPTION("rows", CV_INT, reshape, rows, "of each; 0: it is 1-d", CV_RANGE(0, 1 << 28)),
        CV_OPTION("columns", CV_INT, reshape, columns, "of each", .required = true, CV_RANGE(1, 1 << 28))),
    .config_size = sizeof(reshape),
    .in_place = true,
    .infer = reshape_infer,
    .forward = reshape_forward,
    .backward = reshape_backward,
    .torch = "x.reshape([len(x)] + [k for k in ({channels}, {rows}, {columns}) if k])",
    .say_onnx = reshape_say,
    .cases = CV_CASES({{1, 12, 1, 1}, "{channels: 2, rows: 3, columns: 2}", 7},
                      {{3, 2, 3, 5}, "{channels: 5, columns: 6}", 17}),
    .single = &single_reshape,
};
