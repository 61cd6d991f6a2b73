// The recordings of a folder, kept in memory: noises, impulse responses.
#pragma once

#include "base/base.h"

typedef struct cv_recordings {
    struct cv_kept {
        int16_t *sample; // scaled so that the peak is 32767
        size_t count;
        float scale; // what a sample is multiplied by
    } * recording;
    size_t count;
} cv_recordings;

// Reads the sound files of a folder and of the folders in it, in the order of their names, at `rate` hertz. A folder
// without any is an error, as is more than CV_LIMIT_RECORDINGS samples in all. what: "noise", for errors.
convo_status cv_recordings_read(const char *folder, const char *what, int rate, cv_recordings *recordings,
                                convo_error *err);
void cv_recordings_free(cv_recordings *recordings);
