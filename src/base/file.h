// Files: read as a whole; written to a temporary file and renamed, so that a reader never sees half a file.
#pragma once

#include "base/base.h"

#include <stdio.h>

typedef struct cv_bytes {
    uint8_t *data; // data[size] is 0, so that text can be used as a string
    size_t size;
} cv_bytes;

// Reads a whole regular file of at most `limit` bytes. The caller frees out->data.
convo_status cv_file_read(const char *path, size_t limit, cv_bytes *out, convo_error *err);

// An output file written as PATH.part and renamed by cv_file_commit; cv_file_abandon removes the part.
typedef struct cv_output {
    FILE *stream;
    char *path, *part;
} cv_output;

convo_status cv_file_open(cv_output *out, const char *path, convo_error *err);
// Flushes to the disk and renames. On an error (a full disk shows here) the part is removed and the old file remains.
convo_status cv_file_commit(cv_output *out, convo_error *err);
void cv_file_abandon(cv_output *out);
// Opens, writes and commits in one call.
convo_status cv_file_write(const char *path, const void *data, size_t size, convo_error *err);

// Returns whether the open file is the one at `path`: another process may have removed, renamed or replaced it.
bool cv_file_has_name(int file, const char *path);

// Creates the folder and its parents; it may already exist.
convo_status cv_folder_make(const char *path, convo_error *err);
// Lists the names in a folder, sorted, without hidden ones. Freed with cv_folder_free.
convo_status cv_folder_list(const char *path, char ***names, size_t *count, convo_error *err);
void cv_folder_free(char **names, size_t count);
bool cv_is_folder(const char *path);
bool cv_is_file(const char *path);
// Whether two names lead to one file that is there.
bool cv_is_same_file(const char *a, const char *b);
