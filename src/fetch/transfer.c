// Downloads one file with libcurl. An interrupted transfer is retried and continues where it ended: HTTP ranges (RFC
// 9110, 14), with If-Range, so that a file that has changed meanwhile is sent from its start.
#include "fetch/transfer.h"

#if CV_HAVE_FETCH
#include "base/file.h"
#include "base/library.h"

#define CURL_DISABLE_TYPECHECK // its macros want the functions by name
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS(X)                                                                                                   \
    X(curl_easy_cleanup)                                                                                               \
    X(curl_easy_getinfo) X(curl_easy_init) X(curl_easy_perform) X(curl_easy_reset) X(curl_easy_setopt)                 \
        X(curl_easy_strerror) X(curl_slist_append) X(curl_slist_free_all)
typedef struct curl_library {
    FUNCTIONS(CV_LIBRARY_MEMBER)
} curl_library;
static const char *const curl_names[] = {FUNCTIONS(CV_LIBRARY_NAME)};

#define TEXT(number)  TEXT_(number)
#define TEXT_(number) #number

enum { TIMEOUT = 30, ATTEMPTS = 5, MOST_REDIRECTS = 5, LEAST_SPEED = 100, TAG_SIZE = 256 };

typedef struct transfer {
    curl_library lib;
    CURL *curl;
    const char *url, *path;
    int file;
    int64_t at;            // bytes in the file
    int64_t size, most;    // size: 0 when not known
    char tag[TAG_SIZE];    // says which version the bytes in the file are of: an ETag, else a date; "": not known
    char answer[TAG_SIZE]; // the same, of the answer that is coming in
    int64_t answer_first;  // where its range begins; -1 without one
    bool begun;            // its first bytes are written
    bool retry;
    cv_watch *watch;
    convo_error *err;
    convo_status status; // what went wrong in a callback
    char detail[CURL_ERROR_SIZE];
} transfer;

// --- the validator beside the file ------------------------------------------------------------------------------

static char *tag_path(const char *path) {
    return cv_format("%s.tag", path);
}

static void load_tag(transfer *t) {
    char *path = tag_path(t->path);
    cv_bytes bytes = {0};
    if (path && !cv_file_read(path, TAG_SIZE - 1, &bytes, NULL) && !strpbrk((char *)bytes.data, "\r\n"))
        cv_print(t->tag, sizeof t->tag, "%s", (char *)bytes.data);
    free(bytes.data);
    free(path);
}

static convo_status save_tag(const transfer *t) {
    char *path = tag_path(t->path);
    if (!path) return cv_no_memory(t->err, t->path);
    const convo_status status = cv_file_write(path, t->tag, strlen(t->tag), t->err);
    free(path);
    return status;
}

void cv_download_forget(const char *path) {
    char *tag = tag_path(path);
    if (tag) unlink(tag);
    free(tag);
    unlink(path);
}

// --- what comes in ----------------------------------------------------------------------------------------------

// name: with its colon. value: without blanks around it, "" if it is not fit to be sent back. The line has no 0 at its end.
static bool header_is(const char *line, size_t size, const char *name, char *value /* [TAG_SIZE] */) {
    const size_t length = strlen(name);
    if (size <= length || strncasecmp(line, name, length)) return false;
    for (line += length, size -= length; size && (*line == ' ' || *line == '\t');) line++, size--;
    while (size && strchr(" \t\r\n", line[size - 1])) size--;
    bool good = size < TAG_SIZE; // what is too long, or would be several lines when it is sent back, is as good as none
    for (size_t k = 0; k < size; k++) good = good && (unsigned char)line[k] >= ' ' && line[k] != 0x7f;
    cv_print(value, TAG_SIZE, "%.*s", good ? (int)size : 0, line);
    return true;
}

static size_t on_header(char *line, size_t one, size_t size, void *user) {
    transfer *t = user;
    char value[TAG_SIZE];
    (void)one;
    if (size > 5 && !strncmp(line, "HTTP/", 5)) { // of this answer, not of the redirect before
        t->answer[0] = 0;
        t->answer_first = -1;
    } else if (header_is(line, size, "ETag:", value)) {
        if (strncmp(value, "W/", 2)) cv_print(t->answer, sizeof t->answer, "%s", value); // If-Range takes no weak one
    } else if (header_is(line, size, "Last-Modified:", value)) {
        if (!t->answer[0]) cv_print(t->answer, sizeof t->answer, "%s", value);
    } else if (header_is(line, size, "Content-Range:", value)) {
        long long first;
        if (sscanf(value, "bytes %lld-", &first) == 1) t->answer_first = first;
    }
    return size;
}

// The server chose: 206 goes on at the end of the file, 200 starts it again. Nothing is lost to an answer that is not
// the file, such as the page of a hotel's network.
static convo_status begin(transfer *t) {
    long code = 0;
    curl_off_t length = -1;
    t->lib.curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    t->lib.curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length); // -1: it did not say
    t->begun = true;
    if (code == 206 && t->answer_first != t->at) {
        t->retry = true;
        t->tag[0] = 0; // so that the next try starts again
        return cv_fail(t->err, CONVO_IO, t->url, "the server sent a different part of the file than requested");
    }
    const int64_t total = length + (code == 206 ? t->at : 0);
    if (length >= 0 && t->size && total != t->size)
        return cv_fail(t->err, CONVO_FORMAT, t->url, "is not the published file: it has %lld bytes instead of %lld",
                       (long long)total, (long long)t->size);
    if (code == 206 && t->at > 0) return CONVO_OK;
    t->at = 0;
    cv_watch_stage(t->watch, "downloading", t->watch->progress.file, 0, t->size);
    if (ftruncate(t->file, 0)) return cv_fail(t->err, CONVO_IO, t->path, "cannot be written: %s", strerror(errno));
    cv_print(t->tag, sizeof t->tag, "%s", t->answer);
    return save_tag(t);
}

static convo_status too_long(const transfer *t) {
    return cv_fail(t->err, CONVO_LIMIT, t->url, "is larger than the expected %lld bytes: it is a different file",
                   (long long)t->most);
}

static convo_status append(transfer *t, const char *data, size_t size) {
    if (t->at + (int64_t)size > t->most) return too_long(t);
    for (size_t done = 0; done < size;) {
        const ssize_t wrote = pwrite(t->file, data + done, size - done, (off_t)t->at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return cv_fail(t->err, CONVO_IO, t->path, "cannot be written: %s", strerror(errno));
        done += (size_t)wrote;
        t->at += wrote;
    }
    return CONVO_OK;
}

static size_t on_data(char *data, size_t one, size_t size, void *user) {
    transfer *t = user;
    (void)one;
    if (!t->begun) t->status = begin(t);
    if (!t->status) t->status = append(t, data, size);
    return t->status ? 0 : size;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up) {
    transfer *t = user;
    (void)now, (void)up_total, (void)up;
    // The table knows the size of a file with a checksum. Of others the server says it, when it does.
    if (!t->size && t->begun && total > 0) t->watch->progress.total = t->at - now + total;
    return cv_watch_tell(t->watch, t->at);
}

// --- one attempt ------------------------------------------------------------------------------------------------

static void set_protocols(const transfer *t, CURL *curl) {
    const bool safe = strncasecmp(t->url, "https://", strlen("https://")) == 0; // then it stays so
#if LIBCURL_VERSION_NUM >= 0x075500
    t->lib.curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    t->lib.curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, safe ? "https" : "http,https");
#else
    t->lib.curl_easy_setopt(curl, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    t->lib.curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS,
                            (long)(safe ? CURLPROTO_HTTPS : CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

static void set_options(transfer *t) {
    const int given = t->watch->options->timeout;
    const long timeout = given > 0 ? given : TIMEOUT;
    CURL *curl = t->curl;
    set_protocols(t, curl);
    t->lib.curl_easy_setopt(curl, CURLOPT_URL, t->url);
    t->lib.curl_easy_setopt(curl, CURLOPT_USERAGENT, "convo/" TEXT(CONVO_VERSION_MAJOR) "." TEXT(CONVO_VERSION_MINOR));
    t->lib.curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    t->lib.curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L); // the page of a 404 is not the file
    t->lib.curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    t->lib.curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)MOST_REDIRECTS);
    t->lib.curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    t->lib.curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    t->lib.curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout);
    t->lib.curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)t->most);
    t->lib.curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, timeout);
    t->lib.curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)LEAST_SPEED);
    t->lib.curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->detail);
    t->lib.curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    t->lib.curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    t->lib.curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    t->lib.curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    t->lib.curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    t->lib.curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    t->lib.curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
}

// Without a validator nobody can say that the rest belongs to what is there.
static bool ask_for_rest(transfer *t, struct curl_slist **headers) {
    if (!t->tag[0]) t->at = 0;
    if (t->at == 0) return true;
    char line[TAG_SIZE + 16], range[32];
    cv_print(line, sizeof line, "If-Range: %s", t->tag);
    cv_print(range, sizeof range, "%lld-", (long long)t->at);
    *headers = t->lib.curl_slist_append(NULL, line);
    return *headers && !t->lib.curl_easy_setopt(t->curl, CURLOPT_RANGE, range) &&
           !t->lib.curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, *headers);
}

static convo_status fail_http(transfer *t, long code) {
    if (code == 416) t->tag[0] = 0; // what is there is longer than what the server has: from the start
    t->retry = code >= 500 || code == 408 || code == 416 || code == 429;
    return cv_fail(t->err, CONVO_IO, t->url, "the server responded with %ld%s", code,
                   code == 404   ? ": there is no such file"
                   : code == 403 ? ": access is not allowed"
                   : code >= 500 ? ": it has a problem, try again later"
                                 : "");
}

static convo_status judge(transfer *t, CURLcode got) {
    long code = 0;
    t->lib.curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    if (t->watch->interrupted) return CONVO_STATE;
    if (t->status) return t->status;
    if (got == CURLE_OK && !t->begun) t->status = begin(t); // an empty file
    if (got == CURLE_OK && !t->status && t->size && t->at < t->size) {
        t->retry = true;
        return cv_fail(t->err, CONVO_IO, t->url, "the transfer ended after %lld of %lld bytes", (long long)t->at,
                       (long long)t->size);
    }
    if (got == CURLE_OK) return t->status;
    if (got == CURLE_HTTP_RETURNED_ERROR) return fail_http(t, code);
    switch (got) {
    case CURLE_TOO_MANY_REDIRECTS:
        return cv_fail(t->err, CONVO_IO, t->url, "the server redirects more than %d times", MOST_REDIRECTS);
    case CURLE_FILESIZE_EXCEEDED: return too_long(t);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: t->retry = true; break;
    default: break; // a bad certificate, a protocol that is not allowed, a bad address: the same again
    }
    return cv_fail(t->err, CONVO_IO, t->url, "cannot be downloaded: %s",
                   t->detail[0] ? t->detail : t->lib.curl_easy_strerror(got));
}

static convo_status attempt(transfer *t) {
    struct curl_slist *headers = NULL;
    t->retry = t->begun = false;
    t->answer[0] = t->detail[0] = 0;
    t->answer_first = -1;
    t->status = CONVO_OK;
    t->lib.curl_easy_reset(t->curl);
    set_options(t);
    const bool asked = ask_for_rest(t, &headers);
    cv_watch_stage(t->watch, "downloading", t->watch->progress.file, t->at, t->size);
    const convo_status status = asked ? judge(t, t->lib.curl_easy_perform(t->curl)) : cv_no_memory(t->err, t->url);
    t->lib.curl_slist_free_all(headers);
    return status;
}

// --- all attempts -----------------------------------------------------------------------------------------------

// 0.5, 1, 2, ... 8 seconds; true: stopped meanwhile.
static bool wait(transfer *t, int tried) {
    const double end = cv_now() + 0.5 * (double)(1 << (tried < 5 ? tried - 1 : 4));
    while (cv_now() < end) {
        if (cv_watch_tell(t->watch, t->at)) return true;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    return false;
}

static convo_status try_all(transfer *t) {
    const int given = t->watch->options->attempts, attempts = given > 0 ? given : ATTEMPTS;
    convo_get_progress *progress = &t->watch->progress;
    convo_status status = CONVO_OK;
    int tried = 1;
    while ((status = attempt(t)) && t->retry && tried < attempts) {
        cv_print(progress->trouble, sizeof progress->trouble, "%s", t->err->message);
        if (wait(t, tried++)) return CONVO_STATE;
    }
    progress->trouble[0] = 0;
    if (status && tried > 1) cv_append(t->err->message, sizeof t->err->message, " (%d attempts)", tried);
    if (status == CONVO_IO && t->at && t->tag[0])
        cv_append(t->err->message, sizeof t->err->message, "; what arrived is kept, the next try goes on from there");
    return status;
}

static convo_status open_file(transfer *t) {
    struct stat about;
    t->file = open(t->path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (t->file < 0 || fstat(t->file, &about))
        return cv_fail(t->err, CONVO_IO, t->path, "cannot be written: %s", strerror(errno));
    t->at = about.st_size;
    load_tag(t);
    if (t->size && t->at > t->size) t->tag[0] = 0; // another file: from the start
    return CONVO_OK;
}

convo_status cv_download(const char *address, const cv_remote_file *file, const char *path, int64_t most,
                         cv_watch *watch, convo_error *err) {
    convo_error problem = {0};
    transfer t = {.path = path, .file = -1, .size = file->size, .most = most, .watch = watch, .err = &problem};
    char *url = cv_format("%s%s%s", address, *address && address[strlen(address) - 1] == '/' ? "" : "/", file->name);
    t.url = url;
    convo_status status =
        cv_library_load(CONVO_CURL_FILE, curl_names, CV_COUNT(curl_names), &t.lib, "downloading", &problem);
    t.curl = url && !status ? t.lib.curl_easy_init() : NULL;
    if (!status) status = t.curl ? open_file(&t) : cv_no_memory(&problem, file->name);
    if (!status && !(t.size && t.at == t.size)) status = try_all(&t);
    if (t.file >= 0 && close(t.file) && !status)
        status = cv_fail(&problem, CONVO_IO, path, "cannot be written: %s", strerror(errno));
    if (status && err) *err = problem;
    if (t.curl) t.lib.curl_easy_cleanup(t.curl);
    free(url);
    return status;
}
#else
typedef int nothing_to_transfer;
#endif
