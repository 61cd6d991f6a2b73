// Arrays being written, each under a name: an .npz file, which is a zip of .npy files, or a folder of them.
#pragma once

#include "format/numbers.h"

typedef struct cv_npz cv_npz;

bool cv_is_npz(const char *path); // by its extension

// path: with the extension .npz, a file that gets its name once all arrays are written; else a folder, new or empty.
convo_status cv_npz_create(const char *path, cv_npz **npz, convo_error *err);
// Starts the next array, with type, size, dims and dim of `form`. Its numbers follow in C order in calls of
// cv_npz_write.
convo_status cv_npz_add(cv_npz *npz, const char *name, const cv_numbers *form, convo_error *err);
convo_status cv_npz_write(cv_npz *npz, const void *numbers, size_t bytes, convo_error *err);
// Frees it and returns the overall status. status: the result so far; after an error there will be no .npz file.
convo_status cv_npz_finish(cv_npz *npz, convo_status status, convo_error *err);
