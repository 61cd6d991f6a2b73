#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const char ending[] = ".tar";

char *cv_slice_path(const char *tar, int64_t begin, int64_t size, const char *name) {
    return cv_format("%s@%" PRId64 "+%" PRId64 "/%s", tar, begin, size, name);
}

static bool read_decimal(const char **at, char end, int64_t *out) {
    char *stop;
    if (**at < '0' || **at > '9') return false;
    errno = 0;
    *out = strtoll(*at, &stop, 10);
    *at = stop + 1;
    return !errno && *stop == end;
}

// Whether the path is that of a part; then the length of its file's path, and where the part is.
static bool parse_slice(const char *path, size_t *length, int64_t *begin, int64_t *size) {
    for (const char *sign = strchr(path, '@'); sign; sign = strchr(sign + 1, '@')) {
        const char *at = sign + 1;
        *length = (size_t)(sign - path);
        if (*length < strlen(ending) || strncasecmp(sign - strlen(ending), ending, strlen(ending)) != 0) continue;
        if (read_decimal(&at, '+', begin) && read_decimal(&at, '/', size)) return true;
    }
    return false;
}

bool cv_slice_stat(const char *path, struct stat *about) {
    size_t length;
    int64_t begin, size;
    if (!parse_slice(path, &length, &begin, &size)) return !stat(path, about);
    char *file = cv_format("%.*s", (int)length, path);
    const bool there = file && !stat(file, about);
    free(file);
    about->st_size = size;
    return there;
}

static convo_status open_file(const char *path, const char *where, cv_slice *out, convo_error *err) {
    struct stat about;
    if (stat(path, &about)) return cv_fail(err, CONVO_IO, where, "cannot be opened: %s", strerror(errno));
    if (S_ISDIR(about.st_mode)) return cv_fail(err, CONVO_IO, where, "expected a file, found a folder");
    if (!S_ISREG(about.st_mode)) return cv_fail(err, CONVO_IO, where, "is not a regular file");
    out->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (out->descriptor < 0) return cv_fail(err, CONVO_IO, where, "cannot be opened: %s", strerror(errno));
    out->size = about.st_size;
    return CONVO_OK;
}

convo_status cv_slice_open(const char *path, cv_slice *out, convo_error *err) {
    size_t length;
    int64_t begin, size;
    *out = (cv_slice){.descriptor = -1};
    if (!parse_slice(path, &length, &begin, &size)) return open_file(path, path, out, err);
    char *file = cv_format("%.*s", (int)length, path);
    const convo_status status = file ? open_file(file, path, out, err) : cv_no_memory(err, path);
    free(file);
    if (status) return status;
    if (begin > out->size || size > out->size - begin) {
        close(out->descriptor);
        out->descriptor = -1;
        return cv_fail(err, CONVO_FORMAT, path, "is beyond the end of its tar file, which has %" PRId64 " bytes",
                       out->size);
    }
    out->begin = begin;
    out->size = size;
    return CONVO_OK;
}
