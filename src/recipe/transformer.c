// Encoder layers of a transformer: attention over the columns, then two layers for each column, both with a residual
// and a norm: behind the sum (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; Keyword Transformer: Berg et al.
// 2021, https://arxiv.org/abs/2104.00769) or in front of the attention and the layers (vision transformer: Dosovitskiy
// et al. 2020, https://arxiv.org/abs/2010.11929).
#include "recipe/block.h"

typedef struct transformer {
    int64_t layers, heads, hidden;
    int norm;
    double dropout, eps;
    bool qkv_bias;
    char activation[CV_TEXT_SIZE];
} transformer;

enum { POST, PRE };

static const cv_option transformer_schema[] = {
    CV_OPTION("hidden", CV_INT, transformer, hidden, "channels between the two layers of a column", .required = true,
              CV_RANGE(1, 1 << 16)),
    CV_OPTION("heads", CV_INT, transformer, heads, "of the attention", .fallback = 1, CV_RANGE(1, 1 << 10)),
    CV_OPTION("layers", CV_INT, transformer, layers, "one behind the other", .fallback = 1, CV_RANGE(1, 32)),
    CV_OPTION("norm", CV_WORD, transformer, norm, "layernorm behind each sum, or in front of what is added",
              .words = "post|pre"),
    CV_OPTION("dropout", CV_FLOAT, transformer, dropout, "of what is added", CV_RANGE(0, 1)),
    CV_OPTION("qkv_bias", CV_BOOL, transformer, qkv_bias, "add biases to queries, keys and values", .fallback = true),
    CV_OPTION("activation", CV_TEXT, transformer, activation, "between the two layers of a column: a layer, or none",
              .text = "gelu"),
    CV_OPTION("eps", CV_FLOAT, transformer, eps, "of the norms", .fallback = 1e-5, CV_RANGE(0, 1)),
    {.name = NULL},
};

// Opens what is added to the input, and closes it.
static void begin_sum(const transformer *c, const char *norm, char *text, size_t size) {
    cv_append(text, size, "{residual: {body: [%s%s", c->norm == PRE ? norm : "", c->norm == PRE ? ", " : "");
}
static void end_sum(const transformer *c, const char *norm, char *text, size_t size) {
    if (c->dropout > 0) cv_append(text, size, ", {dropout: %.17g}", c->dropout);
    cv_append(text, size, "]}}%s%s", c->norm == POST ? ", " : "", c->norm == POST ? norm : "");
}

static bool transformer_text(const void *config, cv_shape in, char *text, size_t size, char *why, size_t why_size) {
    const transformer *c = config;
    char norm[64];
    if (in.dims != 2) cv_print(why, why_size, "it needs a sequence: channels x columns");
    if (in.dims != 2) return false;
    cv_print(norm, sizeof norm, "{layernorm: {eps: %.17g}}", c->eps);
    for (int64_t k = 0; k < c->layers; k++) {
        cv_append(text, size, k ? ", " : "[");
        begin_sum(c, norm, text, size);
        cv_append(text, size, "{attention: {heads: %lld, qkv_bias: %s}}", (long long)c->heads,
                  c->qkv_bias ? "true" : "false");
        end_sum(c, norm, text, size);
        cv_append(text, size, ", ");
        begin_sum(c, norm, text, size);
        cv_append(text, size, "{conv1d: {out: %lld, kernel: 1}}", (long long)c->hidden);
        if (!cv_block_activation(c->activation, text, size, why, why_size)) return false;
        cv_append(text, size, ", {conv1d: {out: %lld, kernel: 1}}", (long long)in.c);
        end_sum(c, norm, text, size);
    }
    cv_append(text, size, "]");
    return true;
}

const cv_block cv_block_transformer = {
    .name = "transformer",
    .help = "encoder layers of a transformer: attention over the columns, then two layers for each column",
    .schema = transformer_schema,
    .config_size = sizeof(transformer),
    .text = transformer_text,
};
