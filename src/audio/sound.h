// Recordings: decoded by libsndfile, mixed down to mono, resampled by libsamplerate.
#ifndef CV_SOUND_H
#define CV_SOUND_H

#include "base/base.h"
#include "base/limits.h"

typedef struct cv_sound {
    float *sample; // mono, [-1, 1)
    size_t count;
    int rate; // hertz
} cv_sound;

// Limits: CV_LIMIT_SOUND frames per channel; sample rates in hertz, including ultrasound; channels.
enum { CV_RATE_MIN = 1000, CV_RATE_MAX = 1000000, CV_CHANNELS_MAX = 64 };

// Reads a whole recording; if rate > 0, resamples it to that rate. A recording without samples is an error. Free with
// cv_sound_free.
convo_status cv_sound_read(const char *path, int rate, cv_sound *sound, convo_error *err);
// Resamples from `from` hertz to `to` hertz. The caller frees *out.
convo_status cv_resample(const float *sample, size_t count, int from, int to, float **out, size_t *out_count,
                         convo_error *err);
void cv_sound_free(cv_sound *sound);
// Checks that samples from outside are finite and not absurdly large. where: what an error names.
convo_status cv_sound_check(const float *sample, size_t count, const char *where, convo_error *err);

#endif
