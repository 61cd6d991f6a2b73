// A path that stands for a part of a file: "words.tar@1536+32044/cat/1.wav" is the 32,044 bytes of words.tar from byte
// 1,536 on, which the archive calls cat/1.wav. So recordings in tar files are read in place, by whoever reads
// recordings by their path. Every other path stands for its file.
#pragma once

#include "base/base.h"

#include <sys/stat.h>

typedef struct cv_slice {
    int descriptor; // -1: not open
    int64_t begin, size;
} cv_slice;

// Opens a regular file, or a part of one, for reading. The caller closes the descriptor.
convo_status cv_slice_open(const char *path, cv_slice *out, convo_error *err);
// The path of a part of a tar file; NULL: no memory.
char *cv_slice_path(const char *tar, int64_t begin, int64_t size, const char *name);
// stat(), of a part with its own size. Returns false if that fails.
bool cv_slice_stat(const char *path, struct stat *about);
