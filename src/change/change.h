// Changes (data augmentation): training examples that are changed anew in every epoch. What a change does depends on
// (seed, epoch, example) and on its options alone: not on threads, on order, on other changes, or on a resumed run.
#pragma once

#include "base/option.h"
#include "op/shape.h"

// What a change is made to. A recording is changed before its features are computed, features and pictures before they
// are normalised, and examples are mixed when a batch is put together.
typedef enum cv_change_sort { CV_CHANGE_SOUND, CV_CHANGE_FEATURES, CV_CHANGE_PICTURE, CV_CHANGE_MIX } cv_change_sort;

typedef struct cv_change cv_change; // kind.h

// The block `augment:` of a recipe without `copies`: the changes that it asks for, in the order in which they are made.
typedef struct cv_changes_config {
    struct cv_change_setting {
        const cv_change *change;
        double share; // of the examples: the probability that one is changed
        void *config; // of change->schema
    } * setting;
    size_t count;
} cv_changes_config;

void cv_changes_config_free(cv_changes_config *config);
bool cv_changes_config_any(const cv_changes_config *config, cv_change_sort sort);

// Changes ready to be made: copies of their options, and the recordings that they need. Several threads may use it at
// once.
typedef struct cv_changes cv_changes;

typedef struct cv_change_setup {
    const char *folder; // of the data set, where `noise` finds _background_noise_; may be NULL
    int rate;           // of the recordings, in hertz
    int64_t window;     // samples that the front end reads of a recording; 0: all of them
} cv_change_setup;

// setup: may be NULL if no recordings are changed. Fails if a folder of recordings cannot be read.
convo_status cv_changes_new(const cv_changes_config *config, const cv_change_setup *setup, cv_changes **changes,
                            convo_error *err);
void cv_changes_free(cv_changes *changes); // may be NULL

typedef struct cv_change_key {
    uint64_t seed, epoch, example; // example: its number in the data set
} cv_change_key;
// A number for what has none, from its name.
uint64_t cv_change_number(const char *name);

// Whether there is something of that sort to do. changes may be NULL: no.
bool cv_changes_any(const cv_changes *changes, cv_change_sort sort);

// Samples of a recording that the changes can make use of, from its start: what lies behind them may be cut off before.
// SIZE_MAX: all of them.
size_t cv_changes_reach(const cv_changes *changes);
// Makes the changed version of a recording, sample[0..count] with count > 0 at the rate of the setup. A version has at
// least one sample, and where there is noise to add, as many as the window: what follows a short recording has noise
// too. The caller frees *out.
convo_status cv_changes_sound(const cv_changes *changes, cv_change_key key, const float *sample, size_t count,
                              float **out, size_t *out_count, convo_error *err);
// Changes features in place. Shapes say what an axis is: [features, frames], or [channels, frames, features].
void cv_changes_features(const cv_changes *changes, cv_change_key key, cv_shape shape, float *x /* [size of shape] */);
// Changes a picture in place; its pixels are from 0 to 1.
void cv_changes_picture(const cv_changes *changes, cv_change_key key, cv_shape shape, float *x /* [size of shape] */,
                        float *scratch /* [size of shape] */);

// What is mixed into an example: another one of its batch.
typedef struct cv_mix {
    size_t partner;                   // its place in the batch; the example's own: nothing is mixed
    double lambda;                    // share of the example itself, in its values and in its label
    int64_t top, left, height, width; // cutmix: the box that comes from the partner; height 0: mixup, of all values
} cv_mix;

// Draws what is mixed into the example at `place` of a batch of `count`.
cv_mix cv_changes_mix(const cv_changes *changes, cv_change_key key, cv_shape shape, size_t place, size_t count);
// Mixes: out may be x, and must not be partner.
void cv_mix_apply(const cv_mix *mix, cv_shape shape, const float *x, const float *partner, float *out);
