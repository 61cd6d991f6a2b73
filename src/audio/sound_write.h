// Sound files, written bit by bit: a stream need not fit into memory.
#pragma once

#include "base/file.h"

#include <sndfile.h>

typedef struct cv_sound_writer {
    cv_output out;
    SNDFILE *file; // NULL: not open
} cv_sound_writer;

// Begins a mono file of 16 bits a sample: WAV, or FLAC if the name ends so. Under its name it appears with
// cv_sound_write_end.
convo_status cv_sound_write_begin(cv_sound_writer *writer, const char *path, int rate, convo_error *err);
// Adds samples; what lies outside of [-1, 1) is cut off.
convo_status cv_sound_write(cv_sound_writer *writer, const float *sample, size_t count, convo_error *err);
convo_status cv_sound_write_end(cv_sound_writer *writer, convo_error *err);
// Removes what was written of a file that was not ended; nothing else is done to one that is not open.
void cv_sound_write_abandon(cv_sound_writer *writer);
