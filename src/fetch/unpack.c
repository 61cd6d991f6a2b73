// Unpacks archives from the network, so that nothing in them can reach beyond the target folder.
#include "fetch/unpack.h"
#include "fetch/remote.h"

#if CV_HAVE_FETCH
#include "base/file.h"
#include "base/library.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                                                   \
    X(archive_entry_filetype)                                                                                          \
    X(archive_entry_hardlink) X(archive_entry_pathname) X(archive_entry_size) X(archive_entry_size_is_set)             \
        X(archive_error_string) X(archive_filter_bytes) X(archive_filter_code) X(archive_filter_count)                 \
            X(archive_read_data) X(archive_read_free) X(archive_read_new) X(archive_read_next_header)                  \
                X(archive_read_open_filename) X(archive_read_support_filter_gzip) X(archive_read_support_format_raw)   \
                    X(archive_read_support_format_tar)
typedef struct unpack_library {
    FUNCTIONS(CV_LIBRARY_MEMBER)
} unpack_library;
static const char *const unpack_names[] = {FUNCTIONS(CV_LIBRARY_NAME)};

enum { BLOCK = 1 << 16, MOST_DEPTH = 8 };

typedef struct unpacker {
    unpack_library lib;
    const char *path, *folder;
    struct archive *archive;
    cv_unpacking *job;
    cv_watch *watch;
    convo_error *err;
    char *block;
} unpacker;

// --- what is refused --------------------------------------------------------------------------------------------

static convo_status refuse(const unpacker *u, const char *name, const char *why) {
    return cv_fail(u->err, CONVO_FORMAT, u->path, "is refused: its entry '%.128s' %s", name ? name : "?", why);
}

static convo_status too_large(const unpacker *u) {
    return cv_fail(u->err, CONVO_LIMIT, u->path,
                   "is refused: it unpacks to more than the %lld files or %lld bytes that it may hold",
                   (long long)u->job->most_files, (long long)u->job->most_bytes);
}

// What is wrong with a path, or NULL. libarchive ends it at a NUL byte: what was behind it is not used.
static const char *fault_of(const char *name) {
    if (!name || !*name) return "has a name that cannot be read";
    if (*name == '/') return "has an absolute path";
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) return "has a control character in its name";
    int depth = 0;
    for (const char *part = name; *part; part += strspn(part, "/")) {
        const size_t length = strcspn(part, "/");
        if (length == 2 && !strncmp(part, "..", 2)) return "leads outside the target folder";
        if (++depth > MOST_DEPTH) return "is nested too deep";
        part += length;
    }
    return NULL;
}

static const char *fault_of_type(const unpacker *u, struct archive_entry *entry) {
    if (u->lib.archive_entry_hardlink(entry)) return "is a hard link";
    switch (u->lib.archive_entry_filetype(entry)) {
    case AE_IFREG:
    case AE_IFDIR: return NULL;
    case AE_IFLNK: return "is a symbolic link";
    default: return "is a device, a pipe or a socket";
    }
}

// Both what is read and what is kept counts: a skipped entry can be a bomb, and so can a file with holes.
static bool is_too_large(const unpacker *u) {
    return u->lib.archive_filter_bytes(u->archive, 0) > u->job->most_bytes || u->job->bytes > u->job->most_bytes;
}

// --- writing ----------------------------------------------------------------------------------------------------

static convo_status broken(const unpacker *u) {
    const char *why = u->lib.archive_error_string(u->archive);
    return cv_fail(u->err, CONVO_FORMAT, u->path, "cannot be unpacked: %s", why ? why : "it is damaged");
}

static convo_status cannot_write(const unpacker *u, const char *path) {
    return cv_fail(u->err, CONVO_IO, path, "cannot be written: %s", strerror(errno));
}

static convo_status copy(unpacker *u, int out, const char *path) {
    for (;;) {
        const la_ssize_t got = u->lib.archive_read_data(u->archive, u->block, BLOCK);
        if (got < 0) return broken(u);
        if (got == 0) return CONVO_OK;
        u->job->bytes += got;
        if (is_too_large(u)) return too_large(u);
        for (la_ssize_t done = 0, wrote; done < got; done += wrote) {
            wrote = write(out, u->block + done, (size_t)(got - done));
            if (wrote < 0 && errno == EINTR) wrote = 0;
            if (wrote < 0) return cannot_write(u, path);
        }
        if (cv_watch_tell(u->watch, u->lib.archive_filter_bytes(u->archive, -1))) return CONVO_STATE;
    }
}

// O_EXCL: a name can occur once, and never through something that is there already. Owner, mode and time of the entry
// are not taken over.
static int create(const char *path) {
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

static convo_status write_file(unpacker *u, const char *name, char *path) {
    int out = create(path);
    if (out < 0 && errno == ENOENT) { // folders are made as files need them
        char *slash = strrchr(path, '/');
        *slash = 0;
        const convo_status status = cv_folder_make(path, u->err);
        *slash = '/';
        if (status) return status;
        out = create(path);
    }
    if (out < 0 && (errno == EEXIST || errno == ENOTDIR)) return refuse(u, name, "appears twice");
    if (out < 0) return cannot_write(u, path);
    convo_status status = copy(u, out, path);
    if (close(out) && !status) status = cannot_write(u, path); // a full network disk may show only here
    u->job->files++;
    return status;
}

static convo_status keep(unpacker *u, const char *name, struct archive_entry *entry) {
    char *path = cv_format("%s/%s", u->folder, name);
    if (!path) return cv_no_memory(u->err, u->path);
    const int64_t before = u->job->bytes;
    convo_status status = write_file(u, name, path);
    if (!status && u->lib.archive_entry_size_is_set(entry) &&
        u->lib.archive_entry_size(entry) != u->job->bytes - before)
        status = refuse(u, name, "is not as long as its header says"); // its end is a hole
    free(path);
    return status;
}

// --- reading ----------------------------------------------------------------------------------------------------

// The part of the name that is kept: without "./" and the folder that is kept; NULL: none of it.
static const char *kept_name(const char *name, const char *inside) {
    while (name[0] == '.' && name[1] == '/') name += 1 + strspn(name + 1, "/");
    const size_t length = strlen(inside);
    if (strncmp(name, inside, length)) return NULL;
    name += length;
    return *name ? name : NULL;
}

static convo_status unpack_entry(unpacker *u, struct archive_entry *entry) {
    const char *name = u->lib.archive_entry_pathname(entry), *fault = fault_of(name);
    if (!fault) fault = fault_of_type(u, entry);
    if (fault) return refuse(u, name, fault);
    if (u->lib.archive_entry_size(entry) > u->job->most_bytes) return too_large(u);
    const char *kept = u->lib.archive_entry_filetype(entry) == AE_IFREG ? kept_name(name, u->job->inside) : NULL;
    return kept ? keep(u, kept, entry) : CONVO_OK;
}

static convo_status unpack_tar(unpacker *u) {
    struct archive_entry *entry;
    for (int64_t entries = 0;; entries++) {
        const int got = u->lib.archive_read_next_header(u->archive, &entry);
        if (is_too_large(u)) return too_large(u);
        if (got == ARCHIVE_EOF) return CONVO_OK;
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return broken(u);
        // One layer of gzip and no more: each further one may multiply the work by a thousand.
        if (u->lib.archive_filter_count(u->archive) > 2 ||
            u->lib.archive_filter_code(u->archive, 0) != ARCHIVE_FILTER_GZIP)
            return cv_fail(u->err, CONVO_FORMAT, u->path, "is refused: it is not packed once, with gzip");
        if (entries >= u->job->most_files) return too_large(u);
        CV_TRY(unpack_entry(u, entry));
        if (cv_watch_tell(u->watch, u->lib.archive_filter_bytes(u->archive, -1))) return CONVO_STATE;
    }
}

// A single packed file: it has no name of its own and gets that of the archive, without ".gz".
static convo_status unpack_single(unpacker *u) {
    struct archive_entry *entry;
    if (u->lib.archive_read_next_header(u->archive, &entry) != ARCHIVE_OK) return broken(u);
    if (u->lib.archive_filter_count(u->archive) != 2 ||
        u->lib.archive_filter_code(u->archive, 0) != ARCHIVE_FILTER_GZIP)
        return cv_fail(u->err, CONVO_FORMAT, u->path, "is refused: it is not packed once, with gzip");
    const char *slash = strrchr(u->path, '/'), *file = slash ? slash + 1 : u->path;
    char *name = cv_format("%.*s", (int)(strlen(file) - strlen(".gz")), file);
    if (!name) return cv_no_memory(u->err, u->path);
    const convo_status status = keep(u, name, entry);
    free(name);
    return status;
}

static bool ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

convo_status cv_unpack(const char *path, const char *folder, cv_unpacking *job, cv_watch *watch, convo_error *err) {
    const bool tar = ends_with(path, ".tar.gz");
    unpacker u = {.path = path, .folder = folder, .job = job, .watch = watch, .err = err};
    convo_status status =
        cv_library_load(CONVO_LIBARCHIVE_FILE, unpack_names, CV_COUNT(unpack_names), &u.lib, path, err);
    if (status) return status;
    u.archive = u.lib.archive_read_new();
    u.block = cv_alloc(BLOCK, 1);
    if (!u.archive || !u.block) {
        status = cv_no_memory(err, path);
        goto done;
    }
    u.lib.archive_read_support_filter_gzip(u.archive);
    if (tar)
        u.lib.archive_read_support_format_tar(u.archive);
    else
        u.lib.archive_read_support_format_raw(u.archive);
    if (u.lib.archive_read_open_filename(u.archive, path, BLOCK) != ARCHIVE_OK)
        status = broken(&u);
    else
        status = tar ? unpack_tar(&u) : unpack_single(&u);
done:
    u.lib.archive_read_free(u.archive);
    free(u.block);
    return status;
}
#else
typedef int nothing_to_unpack;
#endif
