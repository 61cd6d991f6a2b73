// Zip files, read and made through libarchive.
#pragma once

#include "base/file.h"

// Reads the regular file `member` of a zip file, at most `limit` bytes. out->data is NULL if there is none.
convo_status cv_zip_read(const char *path, const char *member, size_t limit, cv_bytes *out, convo_error *err);

// A zip file being written: its members are stored uncompressed, and it gets its name once it is complete.
typedef struct cv_zip cv_zip;
convo_status cv_zip_create(const char *path, cv_zip **zip, convo_error *err);
// Starts the next member; its `size` bytes follow in calls of cv_zip_write.
convo_status cv_zip_add(cv_zip *zip, const char *member, size_t size, convo_error *err);
convo_status cv_zip_write(cv_zip *zip, const void *data, size_t size, convo_error *err);
// Both free the zip. cv_zip_abandon accepts NULL.
convo_status cv_zip_commit(cv_zip *zip, convo_error *err);
void cv_zip_abandon(cv_zip *zip);
