// Getting published data sets: downloaded with libcurl, checked with nettle, unpacked with libarchive.
#ifndef CV_FETCH_H
#define CV_FETCH_H

#include "base/base.h"

#if defined(CONVO_HAVE_CURL) && defined(CONVO_HAVE_LIBARCHIVE) && defined(CONVO_HAVE_NETTLE)
#define CV_HAVE_FETCH 1
#else
#define CV_HAVE_FETCH 0
#endif

enum { CV_MOST_FILES = 4, CV_MOST_ADDRESSES = 2 };

typedef struct cv_remote_file {
    const char *name;         // below the address; ends in .tar.gz, or in .gz when it is one packed file
    int64_t size;             // 0: not known
    const char *sha256, *md5; // in hexadecimal; NULL: not published
} cv_remote_file;

typedef struct cv_remote {
    const char *name;                    // of the cv_data_kind that reads it
    const char *from[CV_MOST_ADDRESSES]; // folders that hold the files; the second is tried when the first fails
    cv_remote_file file[CV_MOST_FILES];
    const char *inside;      // the folder of the archive that is kept, with a '/' at its end; "": all of it
    int64_t files, unpacked; // what is kept of it: how many, bytes. About, or `exact`; three times as much is refused.
    bool exact;              // for what comes without a checksum
} cv_remote;

const cv_remote *cv_remote_at(size_t k); // NULL at the end
const cv_remote *cv_remote_find(const char *name);

// convo_data_get for any remote.
convo_status cv_fetch(const cv_remote *remote, const convo_get_options *options, convo_get_result *result,
                      convo_error *err);

// --- the steps --------------------------------------------------------------------------------------------------

// Who is told, and who may stop it. A step that was stopped returns CONVO_STATE with `interrupted` set.
typedef struct cv_watch {
    const convo_get_options *options;
    convo_get_progress progress;
    double since;  // seconds of cv_now
    int64_t first; // bytes done by then
    bool interrupted;
} cv_watch;

void cv_watch_stage(cv_watch *watch, const char *stage, const char *file, int64_t done, int64_t total);
// Tells how far the stage is; true: stop.
bool cv_watch_tell(cv_watch *watch, int64_t done);

// Downloads address/file->name to path, going on where an earlier try ended if the server has not changed the file.
// At most `most` bytes. What arrived of a broken transfer stays, for the next try.
convo_status cv_download(const char *address, const cv_remote_file *file, const char *path, int64_t most,
                         cv_watch *watch, convo_error *err);
// Removes the download, and what is remembered about it.
void cv_download_forget(const char *path);

// FORMAT when the file has not the published checksum.
convo_status cv_digest_check(const char *path, const cv_remote_file *file, cv_watch *watch, convo_error *err);

typedef struct cv_unpacking {
    const char *inside;             // as in cv_remote
    int64_t most_bytes, most_files; // more is refused as a bomb
    int64_t bytes, files;           // kept so far; both are added to
} cv_unpacking;

// Unpacks a .tar.gz or .gz file into an existing empty folder. Whatever is no plain file or folder below it is refused:
// the archive comes from the network.
convo_status cv_unpack(const char *path, const char *folder, cv_unpacking *job, cv_watch *watch, convo_error *err);

#endif
