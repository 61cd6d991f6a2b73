// convo eval --stream
#pragma once

#include "command.h"

typedef struct cli_spotting {
    const char *list, *at, *out;
} cli_spotting;
// Prints how well the model spots words in the recordings of a list, and draws the curve. With `at`, the thresholds
// that it chooses are written into the model's file, of which context->word[0] is the name.
int eval_stream(const cli_context *context, convo_model *model, const cli_spotting *values);
