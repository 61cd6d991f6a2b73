// Downloads, with libcurl.
#ifndef CV_TRANSFER_H
#define CV_TRANSFER_H

#include "fetch/remote.h"
#include "fetch/watch.h"

// Downloads address/file->name to path, going on where an earlier try ended if the server has not changed the file.
// At most `most` bytes. What arrived of a broken transfer stays, for the next try.
convo_status cv_download(const char *address, const cv_remote_file *file, const char *path, int64_t most,
                         cv_watch *watch, convo_error *err);
// Removes the download, and what is remembered about it.
void cv_download_forget(const char *path);

#endif
