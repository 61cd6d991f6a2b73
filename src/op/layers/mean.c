// y = the mean over all rows, or over all columns, which become one.    dx = dy / n.    x.mean(2, keepdim=True)
#include "op/layers/lanes.h"

typedef struct mean {
    int over;
} mean;

enum { ROWS, COLUMNS };

static bool mean_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const mean *c = config;
    *out = in[0];
    if (c->over == ROWS)
        out->h = 1;
    else
        out->w = 1;
    if (in->dims == 3 || (in->dims == 2 && c->over == COLUMNS)) return true;
    char text[48];
    cv_shape_text(*in, text, sizeof text);
    cv_print(why, why_size, "a mean over %s needs feature maps, but its input is %s",
             c->over == ROWS ? "rows" : "columns", text);
    return false;
}

// Pixel i of a map belongs to this pixel of the means.
static inline int64_t mean_of(const cv_pass *p, int64_t i) {
    return ((const mean *)p->config)->over == ROWS ? i % p->in.w : i / p->in.w;
}

static void mean_forward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->in), means = cv_shape_pixels(p->out);
    const lanes *x = p->x[0];
    lanes *y = p->y;
    memset(y, 0, (size_t)(p->in.c * means) * sizeof *y);
    for (int64_t c = 0; c < p->in.c; c++, x += pixels, y += means) {
        for (int64_t i = 0; i < pixels; i++) y[mean_of(p, i)] += x[i];
        for (int64_t i = 0; i < means; i++) y[i] /= (real)(pixels / means);
    }
}

static void mean_backward(const cv_pass *p) {
    const int64_t pixels = cv_shape_pixels(p->in), means = cv_shape_pixels(p->out);
    const lanes *dy = p->dy;
    lanes *dx = p->dx[0];
    for (int64_t c = 0; c < p->in.c; c++, dx += pixels, dy += means)
        for (int64_t i = 0; i < pixels; i++) dx[i] = dy[mean_of(p, i)] / (real)(pixels / means);
}

static bool mean_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    (void)in1, (void)out;
    cv_print(text, size, "y = ReduceMean(x) axes=[%d] keepdims=1", ((const mean *)config)->over == ROWS ? 2 : in.dims);
    return true;
}

CV_OP(mean) = {
    .name = "mean",
    .help = "mean over all rows or over all columns, which become one",
    .schema = CV_OPTIONS(CV_OPTION("over", CV_WORD, mean, over, "which become one", .required = true,
                                   .words = "rows|columns")),
    .config_size = sizeof(mean),
    .by_channel = true,
    .infer = mean_infer,
    .forward = mean_forward,
    .backward = mean_backward,
    .torch = "x.mean(2 if '{over}' == 'rows' else -1, keepdim=True)",
    .say_onnx = mean_say,
    .cases = CV_CASES({{3, 3, 4, 5}, "{over: rows}", 17}, {{3, 2, 5, 3}, "{over: columns}", 7},
                      {{2, 4, 1, 7}, "{over: columns}", 8}),
};
