// A convolution in two: each channel by itself (depthwise), then all channels of each pixel (1 x 1).
// Chollet 2017, https://arxiv.org/abs/1610.02357; DS-CNN: Zhang et al. 2017, https://arxiv.org/abs/1711.07128
#include "recipe/block.h"

#include <stdio.h>

typedef struct separable {
    int64_t out, kernel[2], stride[2], padding[4], dilation[2];
    bool bias, norm;
    char activation[CV_TEXT_SIZE];
} separable;

static const cv_option separable_schema[] = {
    CV_OPTION("out", CV_INT, separable, out, "output feature maps", .required = true, CV_RANGE(1, 1 << 20)),
    CV_OPTION("kernel", CV_PAIR, separable, kernel, "kernel size of the first", .required = true, CV_RANGE(1, 1 << 20)),
    CV_OPTION("stride", CV_PAIR, separable, stride, "its step", .fallback = 1, CV_RANGE(1, 1 << 20)),
    CV_OPTION("padding", CV_SIDES, separable, padding, "zeros around its input, as those of a convolution",
              CV_RANGE(0, 1 << 20), .words = "same|causal"),
    CV_OPTION("dilation", CV_PAIR, separable, dilation, "distance between its kernel points", .fallback = 1,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("norm", CV_BOOL, separable, norm,
              "batchnorm and activation behind both convolutions, which then have no bias"),
    CV_OPTION("activation", CV_TEXT, separable, activation, "a layer, or none", .text = "relu"),
    CV_OPTION("bias", CV_BOOL, separable, bias, "add a bias, where there is no norm", .fallback = true),
    {.name = NULL},
};

// An option as the convolution of so many dimensions has it; in 1-d a pair is left and right, or two equal numbers.
static void append_option(const cv_option *option, const separable *c, int dims, char *text, size_t size) {
    const int64_t *n = (const int64_t *)(const void *)((const char *)c + option->offset);
    char value[96];
    cv_option_get(option, c, value, sizeof value);
    if (dims == 1 && option->type == CV_PAIR) cv_print(value, sizeof value, "%lld", (long long)n[1]);
    if (dims == 1 && option->type == CV_SIDES && n[0] >= 0)
        cv_print(value, sizeof value, "[%lld, %lld]", (long long)n[0], (long long)n[1]);
    cv_append(text, size, ", %s: %s", option->name, value);
}

static bool separable_text(const void *config, cv_shape in, char *text, size_t size, char *why, size_t why_size) {
    const separable *c = config;
    const int dims = in.dims - 1;
    const char *bias = c->bias && !c->norm ? "true" : "false";
    if (dims < 1) cv_print(why, why_size, "it needs feature maps, but its input is a vector");
    if (dims < 1) return false;
    cv_append(text, size, "[{conv%dd: {out: channels, groups: channels, bias: %s", dims, bias);
    for (int k = 1; k <= 4; k++) append_option(&separable_schema[k], c, dims, text, size);
    cv_append(text, size, "}}");
    for (int k = 0; k < 2; k++) {
        if (k) cv_append(text, size, ", {conv%dd: {out: %lld, kernel: 1, bias: %s}}", dims, (long long)c->out, bias);
        if (!c->norm) continue;
        cv_append(text, size, ", batchnorm");
        if (!cv_block_activation(c->activation, text, size, why, why_size)) return false;
    }
    cv_append(text, size, "]");
    return true;
}

const cv_block cv_block_separable = {
    .name = "separable",
    .help = "a convolution of each channel by itself, then one of 1 x 1 over all channels, 1-d or 2-d",
    .schema = separable_schema,
    .config_size = sizeof(separable),
    .text = separable_text,
};
