// Zip files, read and made through libarchive.
#ifndef CV_ARCHIVE_H
#define CV_ARCHIVE_H

#include "base/file.h"

// Reads the regular file called `member` of a zip file, of at most `limit` bytes. out->data is NULL when it has none.
convo_status cv_zip_read(const char *path, const char *member, size_t limit, cv_bytes *out, convo_error *err);

// A zip file on its way out: its members are stored as they are, and it gets its name when it is whole.
typedef struct cv_zip cv_zip;
convo_status cv_zip_create(const char *path, cv_zip **zip, convo_error *err);
// The next member; its `size` bytes follow in calls of cv_zip_write.
convo_status cv_zip_add(cv_zip *zip, const char *member, size_t size, convo_error *err);
convo_status cv_zip_write(cv_zip *zip, const void *data, size_t size, convo_error *err);
// Both free it; NULL has nothing to abandon.
convo_status cv_zip_commit(cv_zip *zip, convo_error *err);
void cv_zip_abandon(cv_zip *zip);

#endif
