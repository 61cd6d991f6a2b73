// Reading out of archives, through libarchive.
#ifndef CV_ARCHIVE_H
#define CV_ARCHIVE_H

#include "base/file.h"

// Reads the regular file called `member` of a zip file, of at most `limit` bytes. out->data is NULL when it has none.
convo_status cv_zip_read(const char *path, const char *member, size_t limit, cv_bytes *out, convo_error *err);
// Reads a gzipped file, of at most `limit` bytes when unpacked. The caller frees out->data.
convo_status cv_gzip_read(const char *path, size_t limit, cv_bytes *out, convo_error *err);

#endif
