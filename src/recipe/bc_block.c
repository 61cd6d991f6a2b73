// BC-ResNet's block: a convolution over frequencies, and a residual over time that is computed from the mean over all
// frequencies and added to each of them. y = relu(x + f2(x) + f1(mean f2(x))), without x where the channels change.
// Kim et al. 2021, https://arxiv.org/abs/2106.04140
#include "recipe/block.h"

typedef struct bc {
    int64_t out, stride, dilation, bands;
    double dropout;
} bc;

static const cv_option bc_schema[] = {
    CV_OPTION("out", CV_INT, bc, out, "output feature maps; another number than come in makes a transition",
              .required = true, CV_RANGE(1, 1 << 20)),
    CV_OPTION("stride", CV_INT, bc, stride, "step over the rows, the frequencies", .fallback = 1, CV_RANGE(1, 64)),
    CV_OPTION("dilation", CV_INT, bc, dilation, "of the convolution over the columns, the time", .fallback = 1,
              CV_RANGE(1, 1 << 10)),
    CV_OPTION("bands", CV_INT, bc, bands, "of the subspectralnorm", .fallback = 5, CV_RANGE(1, 1 << 10)),
    CV_OPTION("dropout", CV_FLOAT, bc, dropout, "of channels, at the end of the residual", .fallback = 0.1,
              CV_RANGE(0, 1)),
    {.name = NULL},
};

static bool bc_text(const void *config, cv_shape in, char *text, size_t size, char *why, size_t why_size) {
    const bc *c = config;
    const bool transition = c->out != in.c;
    if (in.dims != 3) cv_print(why, why_size, "it needs maps of frequencies and time: channels x height x width");
    if (in.dims != 3) return false;
    if (!transition && c->stride > 1) cv_print(why, why_size, "a stride needs another number of channels than come in");
    if (!transition && c->stride > 1) return false;
    cv_append(text, size, "[");
    if (transition)
        cv_append(text, size, "{conv2d: {out: %lld, kernel: 1, bias: false}}, batchnorm, relu, ", (long long)c->out);
    cv_append(text, size,
              "{conv2d: {out: channels, groups: channels, kernel: [3, 1], stride: [%lld, 1], padding: [1, 0], bias: "
              "false}}, {subspectralnorm: {bands: %lld, name: f2}}, {mean: rows}, ",
              (long long)c->stride, (long long)c->bands);
    cv_append(
        text, size,
        "{conv2d: {out: channels, groups: channels, kernel: [1, 3], dilation: [1, %lld], padding: [0, %lld], bias: "
        "false}}, batchnorm, silu, {conv2d: {out: channels, kernel: 1, bias: false}}, {channel_dropout: %.17g}, "
        "{add: {from: [f2, previous]}}%s, relu]",
        (long long)c->dilation, (long long)c->dilation, c->dropout,
        transition ? "" : ", {add: {from: [previous, '@block']}}");
    return true;
}

const cv_block cv_block_bc = {
    .name = "bc_block",
    .help = "BC-ResNet's block: a convolution over frequencies and a residual over time, broadcast to all frequencies",
    .schema = bc_schema,
    .config_size = sizeof(bc),
    .text = bc_text,
};
