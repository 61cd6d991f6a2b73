// Data packed by deflate: gzip files and zlib streams. Checksums and lengths are checked. (archive.h reads zip files.)
// A build without zlib refuses both with an error message.
#pragma once

#include "base/file.h"

// Reads a gzip file of one or more members, at most `limit` bytes when unpacked. The caller frees out->data.
convo_status cv_gzip_read(const char *path, size_t limit, cv_bytes *out, convo_error *err);
// Unpacks `size` bytes of a complete zlib stream. where: what errors call it. The caller frees out->data.
convo_status cv_zlib_unpack(const char *where, const uint8_t *data, size_t size, cv_bytes *out, convo_error *err);
// Unpacks the first `room` bytes of a stream; a shorter one is padded with zeros.
convo_status cv_zlib_start(const char *where, const uint8_t *data, size_t size, uint8_t *out, size_t room,
                           convo_error *err);

// cv_unpack_limit returns the most bytes that `packed` bytes may become, at most `limit`; cv_unpacks_to_more reports
// more.
size_t cv_unpack_limit(size_t packed, size_t limit);
convo_status cv_unpacks_to_more(const char *where, size_t most, convo_error *err);
