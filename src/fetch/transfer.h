// Downloads, with libcurl.
#pragma once

#include "fetch/remote.h"
#include "fetch/watch.h"

// Downloads address/file->name to path, at most `most` bytes; continues an earlier attempt if the server has not
// changed the file. What arrived of an interrupted transfer is kept for the next attempt.
convo_status cv_download(const char *address, const cv_remote_file *file, const char *path, int64_t most,
                         cv_watch *watch, convo_error *err);
// Removes the download and its state.
void cv_download_forget(const char *path);
