#include "change/kind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// In the order in which they are made. Recordings: what the speaker does, when and in which room, what else is heard
// there, the microphone. Pictures: the light first, so that what comes in beyond the border stays black.
static const cv_change *const all[] = {
    &cv_change_speed,    &cv_change_pitch,      &cv_change_shift,           &cv_change_reverb,
    &cv_change_noise,    &cv_change_gain,       &cv_change_clipping,        &cv_change_band,
    &cv_change_roll,     &cv_change_time_masks, &cv_change_frequency_masks, &cv_change_brightness,
    &cv_change_contrast, &cv_change_flip,       &cv_change_rotate,          &cv_change_picture_shift,
    &cv_change_crop,     &cv_change_cutout,     &cv_change_mixup,           &cv_change_cutmix,
};

const cv_change *cv_change_at(size_t k) {
    return k < CV_COUNT(all) ? all[k] : NULL;
}

// FNV-1a. http://www.isthe.com/chongo/tech/comp/fnv
uint64_t cv_change_number(const char *name) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash;
}

cv_draws cv_change_draws(const cv_change *change, cv_change_key key) {
    return cv_draws_begin(key.seed, key.epoch, key.example, cv_change_number(change->name));
}

// --- options ------------------------------------------------------------------------------------------------------

void cv_changes_config_free(cv_changes_config *config) {
    for (size_t k = 0; k < config->count; k++) free(config->setting[k].config);
    free(config->setting);
    *config = (cv_changes_config){0};
}

bool cv_changes_config_any(const cv_changes_config *config, cv_change_sort sort) {
    for (size_t k = 0; k < config->count; k++)
        if (config->setting[k].change->sort == sort) return true;
    return false;
}

// --- the handle ---------------------------------------------------------------------------------------------------

struct cv_changes {
    cv_changes_config config;
    void **tables; // [config.count]
    cv_change_setup setup;
};

static bool copy_config(const cv_changes_config *from, cv_changes_config *to) {
    to->setting = cv_alloc(from->count + 1, sizeof *to->setting);
    if (!to->setting) return false;
    for (; to->count < from->count; to->count++) {
        const struct cv_change_setting *setting = &from->setting[to->count];
        void *config = cv_alloc(1, setting->change->config_size);
        if (!config) return false;
        memcpy(config, setting->config, setting->change->config_size);
        to->setting[to->count] = (struct cv_change_setting){setting->change, setting->share, config};
    }
    return true;
}

convo_status cv_changes_new(const cv_changes_config *config, const cv_change_setup *setup, cv_changes **out,
                            convo_error *err) {
    cv_changes *changes = cv_alloc(1, sizeof *changes);
    *out = NULL;
    if (!changes || !copy_config(config, &changes->config) ||
        !(changes->tables = cv_alloc(config->count + 1, sizeof *changes->tables))) {
        cv_changes_free(changes);
        return cv_no_memory(err, "changes");
    }
    if (setup) changes->setup = *setup;
    changes->setup.folder = NULL; // the caller's
    convo_status status = CONVO_OK;
    for (size_t k = 0; k < config->count && !status; k++) {
        const struct cv_change_setting *setting = &config->setting[k];
        if (setting->change->prepare && setting->share > 0)
            status = setting->change->prepare(setting->config, setup, &changes->tables[k], err);
    }
    if (status)
        cv_changes_free(changes);
    else
        *out = changes;
    return status;
}

void cv_changes_free(cv_changes *changes) {
    if (!changes) return;
    for (size_t k = 0; k < changes->config.count; k++) {
        const cv_change *change = changes->config.setting[k].change;
        if (changes->tables && changes->tables[k]) change->release(changes->tables[k]);
    }
    cv_changes_config_free(&changes->config);
    free(changes->tables);
    free(changes);
}

bool cv_changes_any(const cv_changes *changes, cv_change_sort sort) {
    return changes && cv_changes_config_any(&changes->config, sort);
}

// Whether the example is among the share that is changed: the first number of the change's stream.
static bool begin(const struct cv_change_setting *setting, cv_change_sort sort, cv_change_key key, cv_draws *draws) {
    if (setting->change->sort != sort) return false;
    *draws = cv_change_draws(setting->change, key);
    return cv_draws_unit(draws) < setting->share;
}

// --- recordings ---------------------------------------------------------------------------------------------------

bool cv_wave_replace(cv_wave *wave, float *sample, size_t count) {
    if (!sample) return false;
    free(wave->sample);
    wave->sample = sample;
    wave->count = wave->end = count;
    wave->begin = 0;
    return true;
}

double cv_wave_power(const cv_wave *wave) {
    double sum = 0;
    for (size_t t = wave->begin; t < wave->end; t++) sum += (double)wave->sample[t] * (double)wave->sample[t];
    return wave->end > wave->begin ? sum / (double)(wave->end - wave->begin) : 0;
}

size_t cv_changes_reach(const cv_changes *changes) {
    double count = (double)changes->setup.window;
    if (changes->setup.window == 0) return SIZE_MAX;
    for (size_t k = changes->config.count; k-- > 0;) {
        const struct cv_change_setting *setting = &changes->config.setting[k];
        if (setting->change->reach) count = setting->change->reach(setting->config, changes->setup.rate, count);
    }
    return (size_t)ceil(count);
}

convo_status cv_changes_sound(const cv_changes *changes, cv_change_key key, const float *sample, size_t count,
                              float **out, size_t *out_count, convo_error *err) {
    const size_t reach = cv_changes_reach(changes);
    cv_wave wave = {.rate = changes->setup.rate, .window = (size_t)changes->setup.window};
    *out = NULL;
    if (count > reach) count = reach;
    bool good = cv_wave_replace(&wave, cv_alloc(count, sizeof *sample), count);
    if (good) memcpy(wave.sample, sample, count * sizeof *sample);
    for (size_t k = 0; k < changes->config.count && good; k++) {
        const struct cv_change_setting *setting = &changes->config.setting[k];
        cv_draws draws;
        if (begin(setting, CV_CHANGE_SOUND, key, &draws))
            good = setting->change->sound(setting->config, changes->tables[k], &draws, &wave);
    }
    if (!good) {
        free(wave.sample);
        return cv_no_memory(err, "a changed recording");
    }
    *out = wave.sample;
    *out_count = wave.count;
    return CONVO_OK;
}

// --- features, pictures -------------------------------------------------------------------------------------------

static void change_values(const cv_changes *changes, cv_change_sort sort, cv_change_key key, cv_shape shape, float *x,
                          float *scratch) {
    for (size_t k = 0; k < changes->config.count; k++) {
        const struct cv_change_setting *setting = &changes->config.setting[k];
        cv_draws draws;
        if (begin(setting, sort, key, &draws)) setting->change->values(setting->config, &draws, shape, x, scratch);
    }
}

void cv_changes_features(const cv_changes *changes, cv_change_key key, cv_shape shape, float *x) {
    change_values(changes, CV_CHANGE_FEATURES, key, shape, x, NULL);
}

void cv_changes_picture(const cv_changes *changes, cv_change_key key, cv_shape shape, float *x, float *scratch) {
    change_values(changes, CV_CHANGE_PICTURE, key, shape, x, scratch);
}

// --- mixing -------------------------------------------------------------------------------------------------------

// With both mixup and cutmix in a recipe, each example has one of them or the other, with equal probability. The
// partner is drawn from the first of the two, so that it is the same for either.
cv_mix cv_changes_mix(const cv_changes *changes, cv_change_key key, cv_shape shape, size_t place, size_t count) {
    cv_mix mix = {.partner = place, .lambda = 1};
    const struct cv_change_setting *found[2] = {NULL, NULL};
    size_t kinds = 0;
    for (size_t k = 0; k < changes->config.count; k++)
        if (changes->config.setting[k].change->sort == CV_CHANGE_MIX) found[kinds++] = &changes->config.setting[k];
    if (kinds == 0 || count < 2) return mix;
    cv_draws choice = cv_draws_begin(key.seed, key.epoch, key.example, cv_change_number("mix"));
    const size_t chosen = (size_t)cv_draws_below(&choice, kinds);
    const size_t partner = (place + 1 + (size_t)cv_draws_below(&choice, count - 1)) % count;
    cv_draws draws;
    if (!begin(found[chosen], CV_CHANGE_MIX, key, &draws)) return mix;
    mix.partner = partner;
    found[chosen]->change->mix(found[chosen]->config, &draws, shape, &mix);
    return mix;
}

void cv_mix_apply(const cv_mix *mix, cv_shape shape, const float *x, const float *partner, float *out) {
    const size_t size = (size_t)cv_shape_size(shape);
    const float lambda = (float)mix->lambda;
    if (mix->height == 0) {
        for (size_t i = 0; i < size; i++) out[i] = lambda * x[i] + (1 - lambda) * partner[i];
        return;
    }
    if (out != x) memcpy(out, x, size * sizeof *x);
    for (int64_t row = 0; row < shape.c * shape.h; row++) {
        const int64_t y = row % shape.h, at = row * shape.w + mix->left;
        if (y >= mix->top && y < mix->top + mix->height) memcpy(out + at, partner + at, (size_t)mix->width * sizeof *x);
    }
}
