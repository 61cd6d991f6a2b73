// Checksums, by nettle: libarchive already depends on it on Debian and Ubuntu, it allocates nothing and cannot fail.
#include "fetch/digest.h"

#if CV_HAVE_FETCH
#include <errno.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <nettle/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#if NETTLE_VERSION_MAJOR < 4
#define FINISH(hash, context, size, out) hash##_digest(context, size, out)
#else
#define FINISH(hash, context, size, out) hash##_digest(context, out)
#endif

enum { BLOCK = 1 << 16 };

static convo_status compare_digest(const char *path, const char *kind, const char *expected, const uint8_t *digest,
                                   size_t size, convo_error *err) {
    char got[2 * SHA256_DIGEST_SIZE + 1] = "";
    for (size_t k = 0; k < size; k++) cv_append(got, sizeof got, "%02x", digest[k]);
    if (strcasecmp(got, expected) == 0) return CONVO_OK;
    return cv_fail(err, CONVO_FORMAT, path,
                   "is not the published file: its %s is %s instead of %s; it was damaged or changed in transit", kind,
                   got, expected);
}

static convo_status digest(FILE *stream, const char *path, const cv_remote_file *file, cv_watch *watch,
                           convo_error *err) {
    uint8_t *block = cv_alloc(BLOCK, 1);
    if (!block) return cv_no_memory(err, path);
    struct sha256_ctx sha256;
    struct md5_ctx md5;
    sha256_init(&sha256);
    md5_init(&md5);
    int64_t done = 0;
    bool stopped = false;
    for (size_t got; !stopped && (got = fread(block, 1, BLOCK, stream)) > 0;) {
        sha256_update(&sha256, got, block);
        md5_update(&md5, got, block);
        stopped = cv_watch_tell(watch, done += (int64_t)got);
    }
    free(block);
    if (stopped) return CONVO_STATE;
    if (ferror(stream)) return cv_fail(err, CONVO_IO, path, "cannot be read: %s", strerror(errno));

    uint8_t out[SHA256_DIGEST_SIZE];
    convo_status status = CONVO_OK;
    FINISH(sha256, &sha256, sizeof out, out);
    if (file->sha256) status = compare_digest(path, "SHA-256", file->sha256, out, SHA256_DIGEST_SIZE, err);
    FINISH(md5, &md5, MD5_DIGEST_SIZE, out);
    if (!status && file->md5) status = compare_digest(path, "MD5", file->md5, out, MD5_DIGEST_SIZE, err);
    return status;
}

convo_status cv_digest_check(const char *path, const cv_remote_file *file, cv_watch *watch, convo_error *err) {
    if (!file->sha256 && !file->md5) return CONVO_OK;
    FILE *stream = fopen(path, "rbe");
    if (!stream) return cv_fail(err, CONVO_IO, path, "cannot be opened: %s", strerror(errno));
    convo_status status = digest(stream, path, file, watch, err);
    fclose(stream);
    return status;
}
#else
typedef int nothing_to_check;
#endif
