// Keyword data sets: some words of a folder, "_unknown_" drawn from the others, and "_silence_" cut from noise.
#pragma once

#include "data/dataset.h"

typedef struct cv_keywords_config {
    char keywords[CV_LIST_SIZE]; // "": the set is not one of keywords
    double unknown, silence;     // examples of each, relative to those of the keywords, in every part; -1: not given
    int64_t seed;                // of what is drawn; -1: not given
} cv_keywords_config;

#define CV_KEYWORDS_OPTIONS(block, field)                                                                              \
    CV_OPTION(                                                                                                         \
        "keywords", CV_LIST, block, field.keywords,                                                                    \
        "the words to tell apart; the others become one class, _unknown_. 12: the ten of the published 12-class "      \
        "set"),                                                                                                        \
        CV_OPTION("unknown", CV_FLOAT, block, field.unknown,                                                           \
                  "with keywords: examples of _unknown_, relative to those of the keywords (-1: 0.1)", .fallback = -1, \
                  CV_RANGE(0, 1000)),                                                                                  \
        CV_OPTION("silence", CV_FLOAT, block, field.silence,                                                           \
                  "with keywords: examples of _silence_, cut from the recordings in _background_noise_, relative to "  \
                  "those of the keywords (-1: 0.1)",                                                                   \
                  .fallback = -1, CV_RANGE(0, 1000)),                                                                  \
        CV_OPTION("seed", CV_INT, block, field.seed, "with keywords: of what is drawn (-1: 0)", .fallback = -1,        \
                  CV_RANGE(0, 4294967295.0))

// Checks that the options fit each other. Call it before the examples are listed.
convo_status cv_keywords_check(const cv_keywords_config *config, const char *classes, const char *folder,
                               convo_error *err);
// Turns a listed folder of words into a keyword set. Where a part has examples in folders called _unknown_ or
// _silence_, as in the published test archive, or pictures in _background_noise_, these are taken and none are drawn.
convo_status cv_keywords_choose(const cv_keywords_config *config, cv_dataset *dataset, convo_error *err);
