// The bytes of a sound file as passed to libsndfile: a length that its writer left open is filled in.
#pragma once

#include "base/base.h"

#include <sndfile.h>

typedef struct cv_sound_file {
    int descriptor;
    int64_t begin;     // of the sound file, which may be a part of the file
    int64_t size, at;  // of the sound file; of the next byte, from its begin
    struct cv_filled { // bytes that replace those in the file
        int64_t at;
        int count;
        uint8_t byte[8];
    } filled[3];
    int filled_count;
} cv_sound_file;

// Opens a regular file, or a part of one (base/slice.h). Refuses one that is empty or, by its header, truncated. Close
// it in any case.
convo_status cv_sound_file_open(const char *path, cv_sound_file *file, convo_error *err);
void cv_sound_file_close(cv_sound_file *file);

// libsndfile reads through this interface and does not see the name: by its extension ("x.au", "x.vox") it would accept
// any bytes as raw samples.
SF_VIRTUAL_IO cv_sound_file_io(void);
