// The mean under windows that share the rows and columns out among a fixed number of outputs: output i of n has rows
// floor(i h / n) to ceil((i + 1) h / n).    torch.nn.AdaptiveAvgPool1d, torch.nn.AdaptiveAvgPool2d
#include "op/layers/lanes.h"

typedef struct adaptive {
    int64_t out[2]; // rows, columns
} adaptive;

static bool adaptive_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const adaptive *c = config;
    (void)why, (void)why_size;
    *out = (cv_shape){in->dims, in->c, c->out[0], c->out[1]};
    return true;
}

static cv_span share_of(int64_t i, int64_t in, int64_t out) {
    return (cv_span){i * in / out, ((i + 1) * in + out - 1) / out};
}

static cv_span adaptive_sees(const void *config, cv_shape in, cv_shape out, int d, int64_t at) {
    (void)config;
    return d ? share_of(at, in.w, out.w) : share_of(at, in.h, out.h);
}

// Does `body` for every pixel i of the input under output n of each map: `under` of them.
#define FOR_EACH_SHARE(p, start, body)                                                                                 \
    for (int64_t n = 0, map = 0; map < (p)->in.c; map++)                                                               \
        for (int64_t row = 0; row < (p)->out.h; row++)                                                                 \
            for (int64_t column = 0; column < (p)->out.w; column++, n++) {                                             \
                const cv_span rows = share_of(row, (p)->in.h, (p)->out.h),                                             \
                              columns = share_of(column, (p)->in.w, (p)->out.w);                                       \
                const real under = (real)((rows.end - rows.first) * (columns.end - columns.first));                    \
                start;                                                                                                 \
                for (int64_t y_ = rows.first; y_ < rows.end; y_++)                                                     \
                    for (int64_t x_ = columns.first; x_ < columns.end; x_++) {                                         \
                        const int64_t i = (map * (p)->in.h + y_) * (p)->in.w + x_;                                     \
                        body;                                                                                          \
                    }                                                                                                  \
            }

static void adaptive_forward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes *y = p->y;
    FOR_EACH_SHARE(p, y[n] = (lanes){0}, y[n] += x[i] / under)
}

static void adaptive_backward(const cv_pass *p) {
    const lanes *dy = p->dy;
    lanes *dx = p->dx[0];
    memset(dx, 0, (size_t)cv_shape_size(p->in) * sizeof *dx);
    FOR_EACH_SHARE(p, const lanes d = dy[n] / under, dx[i] += d)
}

// Windows of one size side by side are a pool. Others are products with matrices of shares from the left, for the rows,
// and from the right.
static bool adaptive_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const long long h = (long long)(in.h / out.h), w = (long long)(in.w / out.w);
    (void)config, (void)in1;
    if (in.h % out.h || in.w % out.w)
        cv_print(text, size,
                 in.dims == 3 ? "wide = MatMul(x, COLUMNS); y = MatMul(ROWS, wide)" : "y = MatMul(x, COLUMNS)");
    else if (in.dims == 3)
        cv_print(text, size, "y = AveragePool(x) kernel_shape=[%lld, %lld] strides=[%lld, %lld]", h, w, h, w);
    else
        cv_print(text, size, "y = AveragePool(x) kernel_shape=[%lld] strides=[%lld]", w, w);
    return true;
}

static int adaptive_constant(const void *config, cv_shape in, const char *name, const float *const *tensor,
                             int64_t dim[4], float *values) {
    const adaptive *c = config;
    const bool rows = !strcmp(name, "ROWS");
    const int64_t from = rows ? in.h : in.w, to = c->out[rows ? 0 : 1];
    (void)tensor;
    if (!rows && strcmp(name, "COLUMNS") != 0) return 0;
    dim[rows ? 0 : 1] = to;
    dim[rows ? 1 : 0] = from;
    if (values) memset(values, 0, (size_t)(from * to) * sizeof *values);
    for (int64_t i = 0; values && i < to; i++) {
        const cv_span share = share_of(i, from, to);
        for (int64_t k = share.first; k < share.end; k++)
            values[rows ? i * from + k : k * to + i] = 1 / (float)(share.end - share.first);
    }
    return 2;
}

#define ADAPTIVE(pair, dims_)                                                                                          \
    .name = "adaptiveavgpool" #dims_ "d",                                                                              \
    .help = "mean under windows that give a fixed number of outputs, " #dims_ "-d", .dims = dims_ + 1,                 \
    .schema = CV_OPTIONS(                                                                                              \
        CV_OPTION("out", pair, adaptive, out, "output size", .required = true, CV_RANGE(1, 1 << 20), .unit = 1)),      \
    .config_size = sizeof(adaptive), .by_channel = true, .infer = adaptive_infer, .sees = adaptive_sees,               \
    .forward = adaptive_forward, .backward = adaptive_backward, .say_onnx = adaptive_say,                              \
    .constant = adaptive_constant

CV_OP(adaptiveavgpool1d) = {
    ADAPTIVE(CV_LENGTH, 1),
    .torch = "F.adaptive_avg_pool1d(x, {out})",
    .cases = CV_CASES({{2, 3, 1, 9}, "{out: 3}", 17}, {{2, 18, 1, 10}, "{out: 4}", 8}, {{2, 2, 1, 3}, "{out: 5}", 7}),
};
CV_OP(adaptiveavgpool2d) = {
    ADAPTIVE(CV_PAIR, 2),
    .torch = "F.adaptive_avg_pool2d(x, {out})",
    .cases = CV_CASES({{3, 3, 6, 8}, "{out: [3, 2]}", 16}, {{3, 2, 7, 5}, "{out: [3, 4]}", 33},
                      {{3, 17, 5, 3}, "{out: 2}", 15}, {{3, 2, 2, 3}, "{out: [3, 1]}", 1}),
};
