// Arrays on their way out, each under a name: an .npz file, which is a zip of .npy files, or a folder of them.
#ifndef CV_NPZ_H
#define CV_NPZ_H

#include "format/numbers.h"

typedef struct cv_npz cv_npz;

bool cv_is_npz(const char *path); // by its ending

// path: with the ending .npz a file, which gets its name when all are written; else a folder, new or empty.
convo_status cv_npz_create(const char *path, cv_npz **npz, convo_error *err);
// The next array: type, size, dims and dim of `form` count. Its numbers follow in C order in calls of cv_npz_write.
convo_status cv_npz_add(cv_npz *npz, const char *name, const cv_numbers *form, convo_error *err);
convo_status cv_npz_write(cv_npz *npz, const void *numbers, size_t bytes, convo_error *err);
// Frees it and returns how all went. status: how it went so far; after an error there will be no .npz file.
convo_status cv_npz_finish(cv_npz *npz, convo_status status, convo_error *err);

#endif
