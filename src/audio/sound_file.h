// The bytes of a sound file as libsndfile gets them: a length that its writer left open is filled in.
#ifndef CV_SOUND_FILE_H
#define CV_SOUND_FILE_H

#include "base/base.h"

#include <sndfile.h>

typedef struct cv_sound_file {
    int descriptor;
    int64_t size, at;  // of the file; of the next byte
    struct cv_filled { // bytes that are read in place of those in the file
        int64_t at;
        int count;
        uint8_t byte[8];
    } filled[3];
    int filled_count;
} cv_sound_file;

// Opens a regular file that is neither empty nor, by its header, cut short. To be closed in any case.
convo_status cv_sound_file_open(const char *path, cv_sound_file *file, convo_error *err);
void cv_sound_file_close(cv_sound_file *file);

// libsndfile reads through this and does not get the name, by whose ending it would take any bytes at all for raw
// samples ("x.au", "x.vox").
SF_VIRTUAL_IO cv_sound_file_io(void);

#endif
