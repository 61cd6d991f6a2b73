// Archives from the network, with libarchive.
#pragma once

#include "fetch/watch.h"

typedef struct cv_unpacking {
    const char *inside;             // as in cv_remote
    int64_t most_bytes, most_files; // more is refused as a bomb
    int64_t bytes, files;           // kept so far; both are added to
} cv_unpacking;

// Unpacks a .tar.gz or .gz file into an existing empty folder. Anything but plain files and folders below it is
// refused, since the archive comes from the network.
convo_status cv_unpack(const char *path, const char *folder, cv_unpacking *job, cv_watch *watch, convo_error *err);
