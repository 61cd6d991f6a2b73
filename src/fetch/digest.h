// Checksums of files, with nettle.
#pragma once

#include "fetch/remote.h"
#include "fetch/watch.h"

// Returns FORMAT if the file does not have the published checksum.
convo_status cv_digest_check(const char *path, const cv_remote_file *file, cv_watch *watch, convo_error *err);
