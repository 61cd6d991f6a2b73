// Published data sets: where their files are and how large they are, and whether this build can download them.
#pragma once

#include "base/base.h"

// What a build that cannot get them needs.
#define CV_FETCH_NEEDS "libcurl4-openssl-dev, libarchive-dev and nettle-dev, and build again"

#if defined(CONVO_HAVE_CURL) && defined(CONVO_HAVE_LIBARCHIVE) && defined(CONVO_HAVE_NETTLE)
#define CV_HAVE_FETCH 1
#else
#define CV_HAVE_FETCH 0
#endif

enum { CV_MOST_FILES = 4, CV_MOST_ADDRESSES = 2 };

typedef struct cv_remote_file {
    const char *name;         // below the address; ends in .tar.gz, or in .gz when it is one packed file
    int64_t size;             // 0: unknown
    const char *sha256, *md5; // in hexadecimal; NULL: not published
} cv_remote_file;

typedef struct cv_remote {
    const char *name;                    // of the cv_data_kind that reads it
    const char *from[CV_MOST_ADDRESSES]; // folders that contain the files; the second is tried if the first fails
    cv_remote_file file[CV_MOST_FILES];
    const char *inside;      // the folder of the archive that is kept, with a '/' at its end; "": all of it
    int64_t files, unpacked; // kept: number of files, bytes. About, or `exact`; three times as much is refused
    bool exact;              // for files without a checksum
} cv_remote;

const cv_remote *cv_remote_at(size_t k); // NULL past the last one
const cv_remote *cv_remote_find(const char *name);
