// Every layer reads the outputs of all layers before it.    Huang et al. 2017, https://arxiv.org/abs/1608.06993
#include "recipe/block.h"

typedef struct dense {
    int64_t layers, growth, kernel;
    bool bottleneck;
    char activation[CV_TEXT_SIZE];
} dense;

static const cv_option dense_schema[] = {
    CV_OPTION("layers", CV_INT, dense, layers, "their number", .required = true, CV_RANGE(1, 32)),
    CV_OPTION("growth", CV_INT, dense, growth, "feature maps that each adds", .required = true, CV_RANGE(1, 1 << 16)),
    CV_OPTION("kernel", CV_INT, dense, kernel, "kernel size", .fallback = 3, CV_RANGE(1, 1 << 10)),
    CV_OPTION("bottleneck", CV_BOOL, dense, bottleneck,
              "a convolution of 1 x 1 to four times `growth` in front of each (DenseNet-B)"),
    CV_OPTION("activation", CV_TEXT, dense, activation, "a layer, or none", .text = "relu"),
    {.name = NULL},
};

static bool dense_text(const void *config, cv_shape in, char *text, size_t size, char *why, size_t why_size) {
    const dense *c = config;
    const int dims = in.dims - 1;
    if (dims < 1) cv_print(why, why_size, "it needs feature maps, but its input is a vector");
    if (dims < 1) return false;
    for (int64_t k = 0; k < c->layers; k++) {
        cv_append(text, size, "%sbatchnorm", k ? ", " : "[");
        if (!cv_block_activation(c->activation, text, size, why, why_size)) return false;
        if (c->bottleneck) {
            cv_append(text, size, ", {conv%dd: {out: %lld, kernel: 1, bias: false}}, batchnorm", dims,
                      (long long)(4 * c->growth));
            if (!cv_block_activation(c->activation, text, size, why, why_size)) return false;
        }
        cv_append(text, size, ", {conv%dd: {out: %lld, kernel: %lld, padding: same, bias: false}}", dims,
                  (long long)c->growth, (long long)c->kernel);
        cv_append(text, size, ", {concat: {name: all%lld, from: ['%s", (long long)k, k ? "all" : "@block"); // so far
        if (k) cv_append(text, size, "%lld", (long long)(k - 1));
        cv_append(text, size, "', previous]}}");
    }
    cv_append(text, size, "]");
    return true;
}

const cv_block cv_block_dense = {
    .name = "dense",
    .help = "layers (batchnorm, activation, convolution) each of which reads the outputs of all before it",
    .schema = dense_schema,
    .config_size = sizeof(dense),
    .text = dense_text,
};
