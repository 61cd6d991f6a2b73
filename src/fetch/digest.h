// Checksums of files, with nettle.
#ifndef CV_DIGEST_H
#define CV_DIGEST_H

#include "fetch/remote.h"
#include "fetch/watch.h"

// FORMAT when the file has not the published checksum.
convo_status cv_digest_check(const char *path, const cv_remote_file *file, cv_watch *watch, convo_error *err);

#endif
