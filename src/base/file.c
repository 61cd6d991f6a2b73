#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// --- reading ----------------------------------------------------------------------------------------------------

static convo_status read_open(int file, const char *path, size_t limit, cv_bytes *out, convo_error *err) {
    struct stat about;
    if (fstat(file, &about)) return cv_fail(err, CONVO_IO, path, "cannot be read: %s", strerror(errno));
    if (S_ISDIR(about.st_mode)) return cv_fail(err, CONVO_IO, path, "expected a file, found a folder");
    if (!S_ISREG(about.st_mode)) return cv_fail(err, CONVO_IO, path, "is not a regular file");

    size_t capacity = 0, expected = about.st_size > 0 ? (size_t)about.st_size : 0;
    ssize_t got = 0;
    // The size is only a first guess: the file may grow meanwhile, and some systems report 0.
    do {
        out->size += (size_t)got;
        if (expected > limit || out->size > limit)
            return cv_fail(err, CONVO_LIMIT, path, "is larger than the limit of %zu bytes", limit);
        size_t need = (out->size < expected ? expected : out->size) + 2; // the 0 byte, and one to notice the end
        if (!out->data && (out->data = cv_alloc_aligned(need, 1))) capacity = need; // a model is on huge pages
        if (!cv_grow(&out->data, &capacity, need, 1)) return cv_no_memory(err, path);
        got = read(file, out->data + out->size, capacity - out->size - 1);
    } while (got > 0 || (got < 0 && errno == EINTR && !(got = 0)));
    if (got < 0) return cv_fail(err, CONVO_IO, path, "cannot be read: %s", strerror(errno));
    out->data[out->size] = 0;
    return CONVO_OK;
}

convo_status cv_file_read(const char *path, size_t limit, cv_bytes *out, convo_error *err) {
    *out = (cv_bytes){0};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe without a writer must not hold us up
    if (file < 0) return cv_fail(err, CONVO_IO, path, "cannot be opened: %s", strerror(errno));
    convo_status status = read_open(file, path, limit, out, err);
    close(file);
    if (status) {
        free(out->data);
        *out = (cv_bytes){0};
    }
    return status;
}

// --- writing ----------------------------------------------------------------------------------------------------

static void forget(cv_output *out) {
    free(out->path);
    free(out->part);
    *out = (cv_output){0};
}

// "DIR/NAME.part"; a name near the longest that file systems take is cut.
static char *part_of(const char *path) {
    enum { LONGEST = 250 };
    const char *slash = strrchr(path, '/');
    return cv_format("%.*s.part", (int)(slash ? slash + 1 - path : 0) + LONGEST, path);
}

// A new file, never one that lies there: that may be a link which somebody planted, or what a killed process left.
static FILE *open_part(const char *part) {
    unlink(part);
    const int file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    FILE *stream = file < 0 ? NULL : fdopen(file, "wb");
    if (stream || file < 0) return stream;
    const int cause = errno;
    close(file);
    unlink(part);
    errno = cause;
    return NULL;
}

bool cv_file_has_name(int file, const char *path) {
    struct stat opened, there;
    return !fstat(file, &opened) && !lstat(path, &there) && opened.st_dev == there.st_dev &&
           opened.st_ino == there.st_ino;
}

// Whether the part is the file that was opened, and not that of another process which writes to the same path.
static bool is_ours(const cv_output *out) {
    return cv_file_has_name(fileno(out->stream), out->part);
}

convo_status cv_file_open(cv_output *out, const char *path, convo_error *err) {
    *out = (cv_output){0};
    struct stat about;
    bool exists = stat(path, &about) == 0;
    if (exists && S_ISDIR(about.st_mode)) return cv_fail(err, CONVO_IO, path, "expected a file, found a folder");
    bool direct = exists && !S_ISREG(about.st_mode); // /dev/stdout, a pipe: never to be replaced by a file

    out->path = cv_format("%s", path);
    if (!direct) out->part = part_of(path);
    if (!out->path || (!direct && !out->part)) {
        forget(out);
        return cv_no_memory(err, path);
    }
    out->stream = direct ? fopen(path, "wbe") : open_part(out->part);
    if (out->stream) return CONVO_OK;
    int cause = errno;
    forget(out);
    return cv_fail(err, CONVO_IO, path, "cannot be written: %s", strerror(cause));
}

void cv_file_abandon(cv_output *out) {
    if (out->part && out->stream && is_ours(out)) unlink(out->part);
    if (out->stream) fclose(out->stream);
    forget(out);
}

convo_status cv_file_commit(cv_output *out, convo_error *err) {
    bool failed = ferror(out->stream) != 0; // an earlier write, whose cause is gone: no room, as a rule
    int cause = 0;
    if (fflush(out->stream) || (out->part && fsync(fileno(out->stream)))) cause = errno;
    const bool ours = !out->part || is_ours(out);
    if (fclose(out->stream) && !cause) cause = errno;
    out->stream = NULL;
    if (!failed && !cause && ours && out->part && rename(out->part, out->path)) cause = errno;

    convo_status status = CONVO_OK;
    if (!ours)
        status = cv_fail(err, CONVO_IO, out->path, "is being written by another process");
    else if (cause == ENOSPC || (failed && !cause))
        status = cv_fail(err, CONVO_IO, out->path, "cannot be written in full; is the disk full?");
    else if (cause)
        status = cv_fail(err, CONVO_IO, out->path, "cannot be written: %s", strerror(cause));
    if (status && ours && out->part) unlink(out->part);
    forget(out);
    return status;
}

convo_status convo_file_write(const char *path, const void *data, size_t size, convo_error *err) {
    if (!path || (!data && size)) return cv_fail(err, CONVO_ARGUMENT, "", "a path and the bytes to write are required");
    return cv_file_write(path, data, size, err);
}

convo_status cv_file_write(const char *path, const void *data, size_t size, convo_error *err) {
    cv_output out;
    convo_status status = cv_file_open(&out, path, err);
    if (status) return status;
    if (size && fwrite(data, 1, size, out.stream) != size) {
        status = cv_fail(err, CONVO_IO, path, "cannot be written: %s", strerror(errno));
        cv_file_abandon(&out);
        return status;
    }
    return cv_file_commit(&out, err);
}

// --- folders ----------------------------------------------------------------------------------------------------

bool cv_is_folder(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

bool cv_is_file(const char *path) {
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

bool cv_is_same_file(const char *a, const char *b) {
    struct stat one, other;
    return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

convo_status cv_folder_make(const char *path, convo_error *err) {
    char *part = cv_format("%s", path);
    if (!part) return cv_no_memory(err, path);
    convo_status status = CONVO_OK;
    char *end = part;
    while (!status && *end) { // each folder on the way, outermost first
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char kept = *end;
        *end = 0;
        const int cause = mkdir(part, 0777) ? errno : 0; // before another call sets errno
        if (cause && !cv_is_folder(part))
            status = cause == EEXIST
                         ? cv_fail(err, CONVO_IO, part, "expected a folder, found a file")
                         : cv_fail(err, CONVO_IO, part, "the folder cannot be created: %s", strerror(cause));
        *end = kept;
    }
    free(part);
    return status;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

convo_status cv_folder_list(const char *path, char ***names, size_t *count, convo_error *err) {
    *names = NULL;
    *count = 0;
    DIR *folder = opendir(path);
    if (!folder) return cv_fail(err, CONVO_IO, path, "the folder cannot be opened: %s", strerror(errno));

    convo_status status = CONVO_OK;
    size_t capacity = 0;
    struct dirent *entry;
    while (errno = 0, (entry = readdir(folder))) {
        if (entry->d_name[0] == '.') continue;
        if (!cv_grow(names, &capacity, *count + 1, sizeof **names) ||
            !((*names)[*count] = cv_format("%s", entry->d_name))) {
            status = cv_no_memory(err, path);
            goto done;
        }
        ++*count;
    }
    if (errno) status = cv_fail(err, CONVO_IO, path, "the folder cannot be read: %s", strerror(errno));
done:
    closedir(folder);
    if (status) {
        cv_folder_free(*names, *count);
        *names = NULL;
        *count = 0;
    } else if (*count) {
        qsort(*names, *count, sizeof **names, compare_names);
    }
    return status;
}

void cv_folder_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}
