// Maps times a number for each, which is computed from the means of all maps.
// Hu et al. 2018, https://arxiv.org/abs/1709.01507
#include "recipe/block.h"

typedef struct squeeze_excite {
    int64_t reduce;
    char activation[CV_TEXT_SIZE], gate[CV_TEXT_SIZE];
} squeeze_excite;

static const cv_option squeeze_schema[] = {
    CV_OPTION("reduce", CV_INT, squeeze_excite, reduce, "the hidden layer has so many times fewer channels",
              .fallback = 4, CV_RANGE(1, 1 << 20)),
    CV_OPTION("activation", CV_TEXT, squeeze_excite, activation, "of the hidden layer", .text = "relu"),
    CV_OPTION("gate", CV_TEXT, squeeze_excite, gate, "what makes the numbers, such as sigmoid or hardsigmoid",
              .text = "sigmoid"),
    {.name = NULL},
};

static bool squeeze_text(const void *config, cv_shape in, char *text, size_t size, char *why, size_t why_size) {
    const squeeze_excite *c = config;
    const int64_t hidden = in.c / c->reduce;
    cv_append(text, size, "[globalavgpool, {linear: %lld}", hidden ? (long long)hidden : 1);
    if (!cv_block_activation(c->activation, text, size, why, why_size)) return false;
    cv_append(text, size, ", {linear: %lld}", (long long)in.c);
    if (!cv_block_activation(c->gate, text, size, why, why_size)) return false;
    cv_append(text, size, ", {scale: {from: ['@block', previous]}}]");
    return true;
}

const cv_block cv_block_squeeze_excite = {
    .name = "squeeze_excite",
    .help = "maps times a number for each, computed from the means of all maps",
    .schema = squeeze_schema,
    .config_size = sizeof(squeeze_excite),
    .text = squeeze_text,
};
