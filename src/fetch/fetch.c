// Downloads a data set, all or nothing. Everything happens in NAME.part, which is kept only if a download can be
// continued.
#define _GNU_SOURCE // syncfs
#include "fetch/fetch.h"

#include "base/file.h"
#include "fetch/digest.h"
#include "fetch/transfer.h"
#include "fetch/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BOUND = 3 }; // times the expected size is a bomb

#if CV_HAVE_FETCH

// --- folders ----------------------------------------------------------------------------------------------------

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *at) {
    (void)about, (void)type, (void)at;
    return remove(path);
}

static bool remove_tree(const char *path) { // links are removed, not followed
    enum { MOST_OPEN = 16 };
    return nftw(path, remove_entry, MOST_OPEN, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

// Anything but an empty folder.
static bool is_there(const char *path) {
    char **names = NULL;
    size_t count = 0;
    struct stat about;
    if (lstat(path, &about)) return false;
    const bool empty = cv_is_folder(path) && !cv_folder_list(path, &names, &count, NULL) && count == 0;
    cv_folder_free(names, count);
    return !empty;
}

static int64_t size_of(const char *path) {
    struct stat about;
    return stat(path, &about) ? 0 : (int64_t)about.st_size;
}

// --- the steps --------------------------------------------------------------------------------------------------

typedef struct fetch {
    const cv_remote *remote;
    const convo_get_options *options;
    char *target, *part, *fresh; // NAME, NAME.part, NAME.part/unpacked
    char *archive[CV_MOST_FILES];
    int lock;    // f.part, opened
    bool locked; // it is ours
    cv_watch watch;
    cv_unpacking unpacking;
    convo_error *err;
} fetch;

static bool name_paths(fetch *f) {
    f->target = cv_format("%s/%s", f->options->folder, f->remote->name);
    f->part = cv_format("%s.part", f->target ? f->target : "");
    f->fresh = cv_format("%s/unpacked", f->part ? f->part : "");
    bool complete = f->target && f->part && f->fresh;
    for (size_t k = 0; complete && k < CV_MOST_FILES && f->remote->file[k].name; k++) {
        f->archive[k] = cv_format("%s/%s", f->part, f->remote->file[k].name);
        complete = f->archive[k];
    }
    return complete;
}

// Asked for before an hour of download rather than after it.
static convo_status check_space(const fetch *f) {
    struct statvfs disk;
    int64_t need = f->remote->unpacked;
    for (size_t k = 0; k < CV_MOST_FILES && f->archive[k]; k++) {
        const int64_t more = f->remote->file[k].size - size_of(f->archive[k]);
        if (more > 0) need += more;
    }
    if (statvfs(f->part, &disk) || !disk.f_blocks) return CONVO_OK; // some network disks do not say
    const double room = (double)disk.f_bavail * (double)disk.f_frsize;
    if (room >= (double)need) return CONVO_OK;
    return cv_fail(f->err, CONVO_IO, f->options->folder, "the disk is too full: %s needs %.1f MB, %.1f MB are free",
                   f->remote->name, (double)need / 1e6, room / 1e6);
}

static convo_status prepare(fetch *f) {
    CV_TRY(cv_folder_make(f->part, f->err));
    f->lock = open(f->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->lock < 0 || access(f->part, W_OK))
        return cv_fail(f->err, CONVO_IO, f->part, "cannot be written: %s", strerror(errno));
    if (flock(f->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        return cv_fail(f->err, CONVO_STATE, f->part, "another process is downloading this data set");
    f->locked = true;
    remove_tree(f->fresh); // of a call that was killed
    return check_space(f);
}

static convo_status get_from(fetch *f, size_t k, const char *address) {
    const cv_remote_file *file = &f->remote->file[k];
    // On plain HTTP anybody on the way can change the file: the checksum must tell, or the caller knows the server.
    if (!f->options->from && !file->sha256 && strncasecmp(address, "https://", strlen("https://")))
        return cv_fail(f->err, CONVO_UNSUPPORTED, address,
                       "a file without a checksum is downloaded over https:// only");
    f->watch.progress.file = file->name;
    convo_status status =
        cv_download(address, file, f->archive[k], file->size ? file->size : f->unpacking.most_bytes, &f->watch, f->err);
    if (status) {
        if (status == CONVO_LIMIT || size_of(f->archive[k]) == 0) cv_download_forget(f->archive[k]);
        return status;
    }
    cv_watch_stage(&f->watch, "checking", file->name, 0, size_of(f->archive[k]));
    status = cv_digest_check(f->archive[k], file, &f->watch, f->err);
    if (status == CONVO_FORMAT) cv_download_forget(f->archive[k]);
    return status;
}

static convo_status get_file(fetch *f, size_t k) {
    if (f->options->from) return get_from(f, k, f->options->from);
    convo_status status = CONVO_OK;
    for (size_t a = 0; a < CV_MOST_ADDRESSES && f->remote->from[a]; a++) {
        status = get_from(f, k, f->remote->from[a]);
        if (!status || f->watch.interrupted) return status;
    }
    return status;
}

static convo_status unpack_file(fetch *f, size_t k) {
    cv_watch_stage(&f->watch, "unpacking", f->remote->file[k].name, 0, size_of(f->archive[k]));
    const convo_status status = cv_unpack(f->archive[k], f->fresh, &f->unpacking, &f->watch, f->err);
    if (status == CONVO_FORMAT || status == CONVO_LIMIT) cv_download_forget(f->archive[k]); // it will not get better
    return status;
}

static convo_status check_contents(const fetch *f) {
    const cv_unpacking *got = &f->unpacking;
    const cv_remote *want = f->remote;
    if (want->exact ? got->files == want->files && got->bytes == want->unpacked : got->files > 0) return CONVO_OK;
    cv_download_forget(f->archive[0]);
    return cv_fail(f->err, CONVO_FORMAT, want->file[0].name,
                   "is not the published data set: it holds %lld files of %lld bytes instead of %lld of %lld",
                   (long long)got->files, (long long)got->bytes, (long long)want->files, (long long)want->unpacked);
}

// After a power cut a renamed folder must not turn out to hold empty files.
static void flush_disk(const fetch *f) {
#ifdef __linux__
    syncfs(f->lock);
#else
    (void)f;
    sync();
#endif
}

static convo_status put_in_place(const fetch *f) {
    char *old = cv_format("%s/replaced", f->part);
    if (!old) return cv_no_memory(f->err, f->target);
    remove_tree(old);
    flush_disk(f);
    convo_status status = CONVO_OK;
    const bool replaced = rename(f->target, old) == 0;
    if (rename(f->fresh, f->target)) {
        status = cv_fail(f->err, CONVO_IO, f->target, "cannot be written: %s", strerror(errno));
        if (replaced) rename(old, f->target);
    }
    free(old);
    if (!status) remove_tree(f->part);
    return status;
}

static convo_status get(fetch *f) {
    convo_status status = prepare(f);
    for (size_t k = 0; !status && k < CV_MOST_FILES && f->archive[k]; k++) status = get_file(f, k);
    if (!status) status = cv_folder_make(f->fresh, f->err);
    for (size_t k = 0; !status && k < CV_MOST_FILES && f->archive[k]; k++) status = unpack_file(f, k);
    if (!status) status = check_contents(f);
    if (!status) status = put_in_place(f);
    if (status && f->locked) remove_tree(f->fresh);
    if (status) rmdir(f->part); // unless there is something in it to go on from
    if (f->lock >= 0) close(f->lock);
    return status;
}

convo_status cv_fetch(const cv_remote *remote, const convo_get_options *options, convo_get_result *result,
                      convo_error *err) {
    fetch f = {.remote = remote,
               .options = options,
               .lock = -1,
               .watch = {.options = options},
               .unpacking = {.inside = remote->inside,
                             .most_bytes = BOUND * remote->unpacked,
                             .most_files = BOUND * remote->files + 64}, // folders and what is not kept
               .err = err};
    const double start = cv_now();
    *result = (convo_get_result){0};
    convo_status status = name_paths(&f) ? CONVO_OK : cv_no_memory(err, remote->name);
    if (!status && !options->force && is_there(f.target))
        result->there = true;
    else if (!status)
        status = get(&f);
    result->interrupted = f.watch.interrupted;
    if (!status && !result->there) {
        result->files = f.unpacking.files;
        result->bytes = f.unpacking.bytes;
    }
    result->seconds = cv_now() - start;
    for (size_t k = 0; k < CV_MOST_FILES; k++) free(f.archive[k]);
    free(f.fresh);
    free(f.part);
    free(f.target);
    return f.watch.interrupted ? CONVO_OK : status;
}

#else

convo_status cv_fetch(const cv_remote *remote, const convo_get_options *options, convo_get_result *result,
                      convo_error *err) {
    (void)options;
    *result = (convo_get_result){0};
    return cv_fail(err, CONVO_UNSUPPORTED, "", "this build cannot download %s: install %s", remote->name,
                   CV_FETCH_NEEDS);
}

#endif
