// Lists the members of a tar file (POSIX ustar and pax, GNU's long names) without unpacking it.
#pragma once

#include "base/base.h"

typedef struct cv_tar_member {
    const char *name;    // as the archive has it
    bool regular;        // a file: no link, pipe, ...; folders are not listed
    int64_t begin, size; // its bytes in the tar file
    int file;            // descriptor of the tar file
} cv_tar_member;

// Calls `each` for every member, in order, until it fails. A file that is cut short or damaged is refused, also if that
// shows only at its end.
convo_status cv_tar_list(const char *path,
                         convo_status (*each)(void *context, const cv_tar_member *m, convo_error *err), void *context,
                         convo_error *err);
