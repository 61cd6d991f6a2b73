// Shared libraries that few runs need are loaded when they are first used. Linked, libcurl and libarchive bring forty
// others along, which cost every start of the command 8 ms.
//
//     #define FUNCTIONS(X) X(archive_read_new) X(archive_read_free)
//     typedef struct library { FUNCTIONS(CV_LIBRARY_MEMBER) } library;
//     static const char *const names[] = {FUNCTIONS(CV_LIBRARY_NAME)};
//     library lib;
//     CV_TRY(cv_library_load(CONVO_LIBARCHIVE_FILE, names, CV_COUNT(names), &lib, path, err));
//     struct archive *archive = lib.archive_read_new();
#pragma once

#include "base/base.h"

#define CV_LIBRARY_MEMBER(function) __typeof__(function) *function;
#define CV_LIBRARY_NAME(function)   #function,

// Loads the library `file` ("libcurl.so.4"), or finds that it is, and fills in its functions. `where` begins the error,
// UNSUPPORTED where the library or one of the functions is not there. A library stays loaded.
convo_status cv_library_load(const char *file, const char *const *names /* [count] */, size_t count,
                             void *functions /* count pointers in that order */, const char *where, convo_error *err);
