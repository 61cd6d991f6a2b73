// Changes made from the text of a recipe, for tests.
#pragma once

#include "change/change.h"
#include "recipe/recipe.h"
#include "sounds.h"

// A recipe for recordings ("sounds"), frames ("frames") or pictures of 3 x 32 x 32 ("pictures").
static inline convo_status parse_changes(const char *sort, const char *augment, convo_recipe **recipe,
                                         convo_error *err) {
    const char *data = !strcmp(sort, "sounds")     ? "data: fsdd\nfeatures: {kind: logmel, samples: 4000}"
                       : !strcmp(sort, "waveform") ? "data: fsdd\nfeatures: {kind: waveform, samples: 4000}"
                       : !strcmp(sort, "frames")   ? "data: arrays\ninput: [1, 40, 20]"
                       : !strcmp(sort, "points")   ? "data: moons"
                                                   : "data: cifar-10";
    char *text = cv_format("%s\naugment: %s\nmodel: [flatten, {linear: 10}]\n", data, augment);
    const convo_status status = convo_recipe_parse(text, strlen(text), "test", recipe, err);
    free(text);
    return status;
}

static inline cv_changes *make_changes(const char *sort, const char *augment, const cv_change_setup *setup) {
    convo_recipe *recipe;
    cv_changes *changes;
    convo_error err = {.message = ""};
    if (parse_changes(sort, augment, &recipe, &err) || cv_changes_new(&recipe->changes, setup, &changes, &err))
        fail_msg("%s: %s: %s", augment, err.where, err.message);
    convo_recipe_free(recipe);
    return changes;
}

typedef struct version {
    float *sample;
    size_t count;
} version;

static inline version change_sound(const cv_changes *changes, cv_change_key key, const float *sample, size_t count) {
    version v;
    convo_error err = {.message = ""};
    if (cv_changes_sound(changes, key, sample, count, &v.sample, &v.count, &err)) fail_msg("%s", err.message);
    return v;
}

static inline double power_of(const float *sample, size_t count) {
    double sum = 0;
    for (size_t t = 0; t < count; t++) sum += (double)sample[t] * (double)sample[t];
    return sum / (double)count;
}
