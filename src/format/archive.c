#include "format/archive.h"

#include "format/inflate.h"
#include "base/limits.h"
#include "base/library.h"

#ifdef CONVO_HAVE_LIBARCHIVE

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                                                   \
    X(archive_entry_filetype)                                                                                          \
    X(archive_entry_free) X(archive_entry_new) X(archive_entry_pathname) X(archive_entry_set_filetype)                 \
        X(archive_entry_set_mtime) X(archive_entry_set_pathname) X(archive_entry_set_perm) X(archive_entry_set_size)   \
            X(archive_error_string) X(archive_format_name) X(archive_read_data) X(archive_read_free)                   \
                X(archive_read_new) X(archive_read_next_header) X(archive_read_open_filename)                          \
                    X(archive_read_support_format_zip_seekable) X(archive_write_close) X(archive_write_data)           \
                        X(archive_write_free) X(archive_write_header) X(archive_write_new) X(archive_write_open_FILE)  \
                            X(archive_write_set_bytes_in_last_block) X(archive_write_set_format_zip)                   \
                                X(archive_write_zip_set_compression_store)
typedef struct archive_library {
    FUNCTIONS(CV_LIBRARY_MEMBER)
} archive_library;

enum { BLOCK = 1 << 16 };

static convo_status load_archive(archive_library *lib, const char *path, convo_error *err) {
    static const char *const names[] = {FUNCTIONS(CV_LIBRARY_NAME)};
    return cv_library_load(CONVO_LIBARCHIVE_FILE, names, CV_COUNT(names), lib, path, err);
}

static convo_status failed(const archive_library *lib, struct archive *archive, const char *path, convo_error *err) {
    const char *why = lib->archive_error_string(archive);
    return cv_fail(err, CONVO_FORMAT, path, "cannot be unpacked: %s", why ? why : "it is damaged");
}

// The size is never believed: only what comes out counts.
static convo_status unpack(const archive_library *lib, struct archive *archive, const char *path, size_t limit,
                           cv_bytes *out, convo_error *err) {
    size_t capacity = 0;
    for (;;) {
        if (out->size > limit) return cv_unpacks_to_more(path, limit, err);
        if (!cv_grow(&out->data, &capacity, out->size + BLOCK + 1, 1)) return cv_no_memory(err, path);
        const la_ssize_t got = lib->archive_read_data(archive, out->data + out->size, capacity - out->size - 1);
        if (got < 0) return failed(lib, archive, path, err);
        if (got == 0) break;
        out->size += (size_t)got;
    }
    out->data[out->size] = 0;
    return CONVO_OK;
}

// Packed by deflate, or not at all: other methods ask for memory as their headers please.
static convo_status check_packing(const archive_library *lib, struct archive *archive, const char *path,
                                  convo_error *err) {
    const char *format = lib->archive_format_name(archive);
    if (format && (strstr(format, "(deflation)") || strstr(format, "(uncompressed)"))) return CONVO_OK;
    return cv_fail(err, CONVO_UNSUPPORTED, path,
                   "is packed by another method than deflate: save it with numpy.savez or numpy.savez_compressed");
}

static convo_status read_member(const archive_library *lib, struct archive *archive, const char *path,
                                const char *member, size_t limit, cv_bytes *out, convo_error *err) {
    struct archive_entry *entry;
    if (access(path, R_OK)) return cv_fail(err, CONVO_IO, path, "cannot be opened: %s", strerror(errno));
    int result = lib->archive_read_open_filename(archive, path, BLOCK), members = 0;
    while (result == ARCHIVE_OK || result == ARCHIVE_WARN) { // a warning: a name that this locale cannot write
        result = lib->archive_read_next_header(archive, &entry);
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN) break;
        const char *name = lib->archive_entry_pathname(entry);
        if (++members > CV_LIMIT_MEMBERS)
            return cv_fail(err, CONVO_LIMIT, path, "holds more than %d arrays: save those of X and y alone",
                           CV_LIMIT_MEMBERS);
        if (!name || strcmp(name, member) != 0 || lib->archive_entry_filetype(entry) != AE_IFREG) continue;
        CV_TRY(check_packing(lib, archive, path, err));
        return unpack(lib, archive, path, limit, out, err);
    }
    return result == ARCHIVE_EOF ? CONVO_OK : failed(lib, archive, path, err);
}

convo_status cv_zip_read(const char *path, const char *member, size_t limit, cv_bytes *out, convo_error *err) {
    *out = (cv_bytes){0};
    struct stat about;
    archive_library lib;
    CV_TRY(load_archive(&lib, path, err));
    struct archive *archive = lib.archive_read_new();
    if (!archive) return cv_no_memory(err, path);
    if (!stat(path, &about)) limit = cv_unpack_limit((size_t)about.st_size, limit);
    convo_status status = lib.archive_read_support_format_zip_seekable(archive) == ARCHIVE_OK
                              ? CONVO_OK
                              : failed(&lib, archive, path, err);
    if (!status) status = read_member(&lib, archive, path, member, limit, out, err);
    lib.archive_read_free(archive);
    if (status) {
        free(out->data);
        *out = (cv_bytes){0};
    }
    return status;
}

// --- writing ----------------------------------------------------------------------------------------------------

struct cv_zip {
    archive_library lib;
    struct archive *archive;
    cv_output out;
};

static convo_status not_written(const cv_zip *zip, convo_error *err) {
    const char *why = zip->lib.archive_error_string(zip->archive);
    return cv_fail(err, CONVO_IO, zip->out.path, "cannot be written: %s", why ? why : "no reason is known");
}

convo_status cv_zip_create(const char *path, cv_zip **zip, convo_error *err) {
    *zip = NULL;
    cv_zip *made = cv_alloc(1, sizeof *made);
    if (!made) return cv_no_memory(err, path);
    convo_status status = load_archive(&made->lib, path, err);
    if (!status) status = cv_file_open(&made->out, path, err);
    if (status) {
        free(made);
        return status;
    }
    made->archive = made->lib.archive_write_new();
    if (!made->archive)
        status = cv_no_memory(err, path);
    else if (made->lib.archive_write_set_format_zip(made->archive) ||
             made->lib.archive_write_zip_set_compression_store(made->archive) ||
             made->lib.archive_write_set_bytes_in_last_block(made->archive, 1) || // no zeros behind the end
             made->lib.archive_write_open_FILE(made->archive, made->out.stream))
        status = not_written(made, err);
    if (status)
        cv_zip_abandon(made);
    else
        *zip = made;
    return status;
}

convo_status cv_zip_add(cv_zip *zip, const char *member, size_t size, convo_error *err) {
    struct archive_entry *entry = zip->lib.archive_entry_new();
    if (!entry) return cv_no_memory(err, zip->out.path);
    zip->lib.archive_entry_set_pathname(entry, member);
    zip->lib.archive_entry_set_filetype(entry, AE_IFREG);
    zip->lib.archive_entry_set_perm(entry, 0644);
    zip->lib.archive_entry_set_mtime(entry, 0, 0); // the same contents make the same file
    zip->lib.archive_entry_set_size(entry, (int64_t)size);
    const int result = zip->lib.archive_write_header(zip->archive, entry);
    zip->lib.archive_entry_free(entry);
    return result == ARCHIVE_OK ? CONVO_OK : not_written(zip, err);
}

convo_status cv_zip_write(cv_zip *zip, const void *data, size_t size, convo_error *err) {
    const la_ssize_t written = zip->lib.archive_write_data(zip->archive, data, size);
    return written >= 0 && (size_t)written == size ? CONVO_OK : not_written(zip, err);
}

convo_status cv_zip_commit(cv_zip *zip, convo_error *err) {
    if (zip->lib.archive_write_close(zip->archive) != ARCHIVE_OK) {
        const convo_status status = not_written(zip, err);
        cv_zip_abandon(zip);
        return status;
    }
    zip->lib.archive_write_free(zip->archive);
    const convo_status status = cv_file_commit(&zip->out, err);
    free(zip);
    return status;
}

void cv_zip_abandon(cv_zip *zip) {
    if (!zip) return;
    zip->lib.archive_write_free(zip->archive); // which still writes to the part that is then removed
    cv_file_abandon(&zip->out);
    free(zip);
}

#else

static convo_status missing(const char *path, cv_bytes *out, convo_error *err) {
    *out = (cv_bytes){0};
    return cv_fail(err, CONVO_UNSUPPORTED, path,
                   "this build cannot unpack files: unpack it yourself, or install libarchive-dev and build again");
}

convo_status cv_zip_read(const char *path, const char *member, size_t limit, cv_bytes *out, convo_error *err) {
    (void)member;
    (void)limit;
    return missing(path, out, err);
}

convo_status cv_zip_create(const char *path, cv_zip **zip, convo_error *err) {
    *zip = NULL;
    return cv_fail(err, CONVO_UNSUPPORTED, path,
                   "this build cannot make zip files: pass a folder, or install libarchive-dev and build again");
}

// Without a zip there is none to write to.
convo_status cv_zip_add(cv_zip *zip, const char *member, size_t size, convo_error *err) {
    (void)zip, (void)member, (void)size, (void)err;
    return CONVO_UNSUPPORTED;
}

convo_status cv_zip_write(cv_zip *zip, const void *data, size_t size, convo_error *err) {
    (void)zip, (void)data, (void)size, (void)err;
    return CONVO_UNSUPPORTED;
}

convo_status cv_zip_commit(cv_zip *zip, convo_error *err) {
    (void)zip, (void)err;
    return CONVO_UNSUPPORTED;
}

void cv_zip_abandon(cv_zip *zip) {
    (void)zip;
}

#endif
