// Changed versions of a recording, for training: as if other people had said it, elsewhere and at another moment.
#ifndef CV_AUGMENT_H
#define CV_AUGMENT_H

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

// One version: played faster or slower (by resampling, so that pitch, formants and tempo move together, as they do from
// speaker to speaker), moved in time (silence before it, or its beginning cut), louder or softer, and in white noise.
// Every amount is drawn evenly from what the options allow; how many numbers are drawn for them does not depend on the
// options. *out is new, freed by the caller. false: no memory.
bool cv_augment(const cv_augment_config *config, cv_random *random, const float *sample, size_t count, int rate,
                float **out, size_t *out_count);

#endif
