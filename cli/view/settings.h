// The settings of recipes, as names and values, and those in which runs differ.
#pragma once

#include "command.h"

typedef struct view_settings {
    char **key, **value; // [count]: "train.optimizer.sgd.lr", "0.05"
    size_t count;
} view_settings;

// text: of a recipe. What is past a limit is left out.
view_settings settings_read(const char *text);
const char *settings_find(const view_settings *s, const char *key); // NULL: it has none of that name
void settings_free(view_settings *s);

// Finds the settings in which some of the recipes differ: those of training first, then data and features, then the
// net, each in the order of the recipes. *more: how many there are beyond `most`. Returns their number; the keys belong
// to the settings.
size_t settings_that_differ(const view_settings *const *of, size_t count, const char **key /* [most] */, size_t most,
                            size_t *more);
