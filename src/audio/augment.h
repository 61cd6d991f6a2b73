// Augmented versions of a recording for training: the same words as if spoken by others, elsewhere or at another
// moment.
#pragma once

#include "base/option.h"
#include "base/random.h"

// The block `augment:` of a recipe. All but `copies` say how far a version may be from the recording.
typedef struct cv_augment_config {
    int64_t copies; // of every training recording; 0: no augmentation
    double speed;   // 0.15: between 0.85 and 1.15 times as fast
    double shift;   // seconds
    double gain;    // dB
    double noise;   // dB from the recording's power down to that of the noise; 0: no noise
} cv_augment_config;

extern const cv_option cv_augment_schema[];

// Makes one version: played faster or slower (by resampling, so that pitch, formants and tempo change together, as they
// do between speakers), shifted in time (with silence before it, or its beginning cut), louder or softer, and with
// white noise added. Each amount is drawn uniformly from the range that the options allow; the number of random draws
// does not depend on the options. The caller frees *out. Returns false if memory runs out.
bool cv_augment(const cv_augment_config *config, cv_random *random, const float *sample, size_t count, int rate,
                float **out, size_t *out_count);
