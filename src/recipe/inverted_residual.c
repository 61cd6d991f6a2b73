// More channels by 1 x 1, each convolved by itself, fewer channels by 1 x 1; the input is added where its shape is
// kept. Sandler et al. 2018, https://arxiv.org/abs/1801.04381; with squeeze and excitation: Howard et al. 2019,
// https://arxiv.org/abs/1905.02244
#include "recipe/block.h"

typedef struct inverted {
    int64_t out, expand, kernel, stride, squeeze;
    char activation[CV_TEXT_SIZE];
} inverted;

static const cv_option inverted_schema[] = {
    CV_OPTION("out", CV_INT, inverted, out, "output feature maps", .required = true, CV_RANGE(1, 1 << 20)),
    CV_OPTION("expand", CV_INT, inverted, expand, "so many times more channels in between; 1: no first convolution",
              .fallback = 6, CV_RANGE(1, 64)),
    CV_OPTION("kernel", CV_INT, inverted, kernel, "kernel size, odd", .fallback = 3, CV_RANGE(1, 1 << 10)),
    CV_OPTION("stride", CV_INT, inverted, stride, "step of the kernel", .fallback = 1, CV_RANGE(1, 1 << 10)),
    CV_OPTION("squeeze", CV_INT, inverted, squeeze, "the `reduce` of a squeeze_excite in between; 0: none",
              CV_RANGE(0, 1 << 20)),
    CV_OPTION("activation", CV_TEXT, inverted, activation, "a layer, or none", .text = "relu6"),
    {.name = NULL},
};

static bool inverted_text(const void *config, cv_shape in, char *text, size_t size, char *why, size_t why_size) {
    const inverted *c = config;
    const int dims = in.dims - 1;
    if (dims < 1 || c->kernel % 2 == 0) {
        cv_print(why, why_size,
                 dims < 1 ? "it needs feature maps, but its input is a vector" : "its kernel is not odd");
        return false;
    }
    cv_append(text, size, "[");
    if (c->expand > 1) {
        cv_append(text, size, "{conv%dd: {out: %lld, kernel: 1, bias: false}}, batchnorm", dims,
                  (long long)(c->expand * in.c));
        if (!cv_block_activation(c->activation, text, size, why, why_size)) return false;
        cv_append(text, size, ", ");
    }
    cv_append(text, size,
              "{conv%dd: {out: channels, groups: channels, kernel: %lld, stride: %lld, padding: %lld, bias: false}}, "
              "batchnorm",
              dims, (long long)c->kernel, (long long)c->stride, (long long)(c->kernel / 2));
    if (!cv_block_activation(c->activation, text, size, why, why_size)) return false;
    if (c->squeeze) cv_append(text, size, ", {squeeze_excite: {reduce: %lld}}", (long long)c->squeeze);
    cv_append(text, size, ", {conv%dd: {out: %lld, kernel: 1, bias: false}}, batchnorm", dims, (long long)c->out);
    if (c->stride == 1 && c->out == in.c) cv_append(text, size, ", {add: {from: [previous, '@block']}}");
    cv_append(text, size, "]");
    return true;
}

const cv_block cv_block_inverted_residual = {
    .name = "inverted_residual",
    .help = "MobileNet's block: more channels, each convolved by itself, fewer channels, and the input added where its "
            "shape is kept",
    .schema = inverted_schema,
    .config_size = sizeof(inverted),
    .text = inverted_text,
};
