#include "format/inflate.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

size_t cv_unpack_limit(size_t packed, size_t limit) {
    size_t most;
    if (!cv_mul(packed, CV_LIMIT_RATIO, &most)) return limit;
    if (most < CV_LIMIT_UNPACKED_FREELY) most = CV_LIMIT_UNPACKED_FREELY;
    return most < limit ? most : limit;
}

convo_status cv_unpacks_to_more(const char *where, size_t most, convo_error *err) {
    return cv_fail(err, CONVO_LIMIT, where,
                   "unpacks to more than %zu bytes, far more than its size: unpack it yourself", most);
}

#ifdef CONVO_HAVE_ZLIB

#define ZLIB_CONST
#include <zlib.h>

enum { BLOCK = 1 << 16, GZIP = 16 + MAX_WBITS, ZLIB = MAX_WBITS };

static uInt at_most(size_t size) {
    return size < UINT32_MAX ? (uInt)size : UINT32_MAX;
}

// gzip's members may follow each other, and tapes fill up with zeros.
static bool next_member(z_stream *stream, const uint8_t *end) {
    const uint8_t *at = stream->next_in;
    if (end - at >= 2 && at[0] == 0x1f && at[1] == 0x8b) return inflateReset(stream) == Z_OK;
    while (at < end && !*at) at++;
    if (at == end) stream->next_in = end;
    return false;
}

// zlib's result; *rest: bytes that are left behind the end.
static int inflate_all(const uint8_t *data, size_t size, int form, size_t limit, cv_bytes *out, size_t *rest) {
    z_stream stream = {.next_in = data};
    size_t capacity = 0;
    int result = inflateInit2(&stream, form);
    while (result == Z_OK && out->size <= limit) {
        if (!cv_grow(&out->data, &capacity, out->size + BLOCK + 1, 1)) {
            result = Z_MEM_ERROR;
            break;
        }
        stream.avail_in = at_most((size_t)(data + size - stream.next_in));
        stream.next_out = out->data + out->size;
        stream.avail_out = at_most(capacity - out->size - 1);
        result = inflate(&stream, Z_NO_FLUSH); // where it cannot go on: Z_BUF_ERROR
        out->size = (size_t)(stream.next_out - out->data);
        if (result == Z_STREAM_END && form == GZIP && next_member(&stream, data + size)) result = Z_OK;
    }
    *rest = (size_t)(data + size - stream.next_in);
    inflateEnd(&stream);
    return result;
}

static convo_status inflate_member(const char *where, const uint8_t *data, size_t size, int form, size_t limit,
                                   cv_bytes *out, convo_error *err) {
    const size_t most = cv_unpack_limit(size, limit);
    size_t rest;
    *out = (cv_bytes){0};
    const int result = inflate_all(data, size, form, most, out, &rest);
    convo_status status = CONVO_OK;
    if (result == Z_MEM_ERROR)
        status = cv_no_memory(err, where);
    else if (out->size > most)
        status = cv_unpacks_to_more(where, most, err);
    else if (result == Z_BUF_ERROR)
        status = cv_fail(err, CONVO_FORMAT, where, "is cut short");
    else if (result != Z_STREAM_END)
        status = cv_fail(err, CONVO_FORMAT, where, "is damaged: its contents do not agree with its checksum or format");
    else if (rest)
        status = cv_fail(err, CONVO_FORMAT, where, "has %zu more bytes after its end", rest);
    if (status) {
        free(out->data);
        *out = (cv_bytes){0};
    } else {
        out->data[out->size] = 0;
    }
    return status;
}

convo_status cv_gzip_read(const char *path, size_t limit, cv_bytes *out, convo_error *err) {
    cv_bytes packed;
    *out = (cv_bytes){0};
    convo_status status = cv_file_read(path, limit, &packed, err);
    if (status) return status;
    if (packed.size < 2 || packed.data[0] != 0x1f || packed.data[1] != 0x8b)
        status =
            cv_fail(err, CONVO_FORMAT, path, "is not gzipped: if it is already unpacked, remove .gz from its name");
    else
        status = inflate_member(path, packed.data, packed.size, GZIP, limit, out, err);
    free(packed.data);
    return status;
}

convo_status cv_zlib_unpack(const char *where, const uint8_t *data, size_t size, cv_bytes *out, convo_error *err) {
    return inflate_member(where, data, size, ZLIB, CV_LIMIT_ARRAYS, out, err);
}

convo_status cv_zlib_start(const char *where, const uint8_t *data, size_t size, uint8_t *out, size_t room,
                           convo_error *err) {
    z_stream stream = {.next_in = data, .avail_in = at_most(size), .next_out = out, .avail_out = at_most(room)};
    memset(out, 0, room);
    if (inflateInit(&stream) != Z_OK) return cv_no_memory(err, where);
    const bool good = inflate(&stream, Z_SYNC_FLUSH) == Z_STREAM_END || stream.avail_out == 0;
    inflateEnd(&stream);
    return good ? CONVO_OK : cv_fail(err, CONVO_FORMAT, where, "is cut short or damaged: it cannot be unpacked");
}

#else

static convo_status missing_zlib(const char *where, cv_bytes *out, convo_error *err) {
    *out = (cv_bytes){0};
    return cv_fail(err, CONVO_UNSUPPORTED, where,
                   "this build cannot unpack it: unpack it yourself, or install zlib1g-dev and build again");
}

convo_status cv_gzip_read(const char *path, size_t limit, cv_bytes *out, convo_error *err) {
    (void)limit;
    return missing_zlib(path, out, err);
}

convo_status cv_zlib_unpack(const char *where, const uint8_t *data, size_t size, cv_bytes *out, convo_error *err) {
    (void)data, (void)size;
    return missing_zlib(where, out, err);
}

convo_status cv_zlib_start(const char *where, const uint8_t *data, size_t size, uint8_t *out, size_t room,
                           convo_error *err) {
    (void)data, (void)size, (void)out, (void)room;
    return missing_zlib(where, &(cv_bytes){0}, err);
}

#endif
