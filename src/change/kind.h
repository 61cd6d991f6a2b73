// What a change is, for the files that define one: src/change/NAME.c.
#pragma once

#include "base/random.h"
#include "change/change.h"
#include "change/resample.h"

// A recording that is being changed.
typedef struct cv_wave {
    float *sample;     // [count], owned
    size_t count;      // at least 1
    size_t begin, end; // the recording in it: what is before and after is silence that was added
    size_t window;     // samples that the front end reads; 0: all
    int rate;
} cv_wave;

// Puts new samples, all of the recording, in the place of the old ones; sample NULL: nothing happens. Returns whether
// it is not NULL.
bool cv_wave_replace(cv_wave *wave, float *sample, size_t count);
// Sum of squares divided by the number of samples, of the recording without added silence.
double cv_wave_power(const cv_wave *wave);

// Makes the pitch `factor` times as high, at the same tempo; resampler: for that factor at least. Returns false if
// memory runs out.
bool cv_wave_pitch(const cv_resampler *resampler, cv_wave *wave, double factor);

struct cv_change {
    const char *name; // as recipes write it
    const char *help; // one line
    cv_change_sort sort;
    const cv_option *schema; // its first option may be written alone: `shift: 0.1`
    size_t config_size;
    // What is needed besides the options, such as recordings; NULL functions: nothing.
    convo_status (*prepare)(const void *config, const cv_change_setup *setup, void **tables, convo_error *err);
    void (*release)(void *tables);
    // Samples that must be there for the first `count` of the changed version; NULL: as many.
    double (*reach)(const void *config, int rate, double count);
    // One of the three, by sort. All numbers are drawn from `draws`, which is the change's own.
    bool (*sound)(const void *config, const void *tables, cv_draws *draws, cv_wave *wave); // false: no memory
    void (*values)(const void *config, cv_draws *draws, cv_shape shape, float *x, float *scratch /* pictures */);
    void (*mix)(const void *config, cv_draws *draws, cv_shape shape, cv_mix *mix);
};

extern const cv_change cv_change_speed, cv_change_pitch, cv_change_shift, cv_change_reverb, cv_change_noise,
    cv_change_gain, cv_change_clipping, cv_change_band, cv_change_roll, cv_change_time_masks, cv_change_frequency_masks,
    cv_change_flip, cv_change_rotate, cv_change_picture_shift, cv_change_crop, cv_change_brightness, cv_change_contrast,
    cv_change_cutout, cv_change_mixup, cv_change_cutmix;

// The k-th change, in the order in which they are made; NULL past the last one.
const cv_change *cv_change_at(size_t k);
// The stream of a change's random numbers: a hash of its name.
cv_draws cv_change_draws(const cv_change *change, cv_change_key key);
