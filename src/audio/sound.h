// Recordings: decoded by libsndfile, mixed down to mono, resampled by libsamplerate.
#pragma once

#include "base/base.h"
#include "base/limits.h"

typedef struct cv_sound {
    float *sample; // mono, [-1, 1)
    size_t count;
    int rate; // hertz
} cv_sound;

// A part of a recording, and how loud it is to be. All 0: the whole recording as it is.
typedef struct cv_piece {
    double start, seconds; // from the beginning of the recording; seconds 0: to its end
    double gain;           // the samples are multiplied by it; 0: 1
} cv_piece;

// Limits: CV_LIMIT_SOUND frames per channel; sample rates in hertz, including ultrasound; channels.
enum { CV_RATE_MIN = 1000, CV_RATE_MAX = 1000000, CV_CHANNELS_MAX = 64 };

// Reads a whole recording; if rate > 0, resamples it to that rate. A recording without samples is an error. Free with
// cv_sound_free.
convo_status cv_sound_read(const char *path, int rate, cv_sound *sound, convo_error *err);
// Reads a piece of a recording in the same way. Its samples are those of the whole recording from round(start * rate)
// on: to the bit, or, where the recording is resampled, to the precision of float, its last sample excepted. A piece
// that reaches beyond the end is shorter; one that begins there is an error.
convo_status cv_sound_read_piece(const char *path, const cv_piece *piece, int rate, cv_sound *sound, convo_error *err);
// Returns how long a recording is by its header. A format that does not say is an error.
convo_status cv_sound_length(const char *path, double *seconds, convo_error *err);
// Resamples from `from` hertz to `to` hertz. The caller frees *out.
convo_status cv_resample(const float *sample, size_t count, int from, int to, float **out, size_t *out_count,
                         convo_error *err);
void cv_sound_free(cv_sound *sound);

// A recording that is read block by block, and may last for days.
typedef struct cv_sound_blocks cv_sound_blocks;
convo_status cv_sound_blocks_open(const char *path, cv_sound_blocks **blocks, int *rate, convo_error *err);
// Reads the next samples, mono, up to `most` of them; *count 0: the recording is over.
convo_status cv_sound_blocks_read(cv_sound_blocks *blocks, float *out, size_t most, size_t *count, convo_error *err);
void cv_sound_blocks_close(cv_sound_blocks *blocks); // may be NULL
// Checks that samples from outside are finite and not absurdly large. where: what an error names.
convo_status cv_sound_check(const float *sample, size_t count, const char *where, convo_error *err);
