// What deflate has packed: gzipped files, and pieces in zlib's form. Their sums and lengths are checked. (archive.h has
// zip files.) A build without zlib refuses both, in words.
#ifndef CV_INFLATE_H
#define CV_INFLATE_H

#include "base/file.h"

// A gzipped file of one or more members, of at most `limit` bytes when unpacked. The caller frees out->data.
convo_status cv_gzip_read(const char *path, size_t limit, cv_bytes *out, convo_error *err);
// `size` bytes in zlib's form, all of them. where: what errors call them. The caller frees out->data.
convo_status cv_zlib_unpack(const char *where, const uint8_t *data, size_t size, cv_bytes *out, convo_error *err);
// The first `room` bytes of it, or all and zeros behind them.
convo_status cv_zlib_start(const char *where, const uint8_t *data, size_t size, uint8_t *out, size_t room,
                           convo_error *err);

// The most that `packed` bytes may become, not more than `limit`; and the refusal of more.
size_t cv_unpack_limit(size_t packed, size_t limit);
convo_status cv_unpacks_to_more(const char *where, size_t most, convo_error *err);

#endif
