// Getting data sets from a server on this machine that does what servers and networks do.
#define _GNU_SOURCE
#include "base/file.h"
#include "fetch/fetch.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
// after the headers that it needs
#include <cmocka.h>

// The linker puts it in front of the system's (tests/CMakeLists.txt).
static const char *not_to; // a path that nothing can be renamed to
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int __wrap_rename(const char *from, const char *to) {
    if (!not_to || strcmp(to, not_to) || !strstr(from, "/unpacked")) return __real_rename(from, to);
    errno = EACCES;
    return -1;
}

#if CV_HAVE_FETCH
#include "packer.h"
#include "server.h"

#include <curl/curl.h>
#include <nettle/sha2.h>
#include <nettle/version.h>

// --- a data set of two files ------------------------------------------------------------------------------------

enum { NOISE = 40000 };
static char noise[NOISE + 1]; // does not pack well: the archive has many bytes
static packed archive;
static char sum[2 * SHA256_DIGEST_SIZE + 1];
static char folder[32], address[64];
static server web;

static int make_archive(void **state) {
    (void)state;
    uint32_t x = 1;
    for (size_t k = 0; k < NOISE; k++) noise[k] = (char)('!' + (x = x * 1664525u + 1013904223u, x >> 24) % 90);
    const pack_entry entries[] = {
        {.name = "set/noise", .text = noise}, {.name = "set/text", .text = "hello"}, {.name = NULL}};
    archive = pack_tar(entries);
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, archive.size, (const uint8_t *)archive.data);
#if NETTLE_VERSION_MAJOR < 4
    sha256_digest(&context, sizeof digest, digest);
#else
    sha256_digest(&context, digest);
#endif
    for (size_t k = 0; k < sizeof digest; k++) cv_append(sum, sizeof sum, "%02x", digest[k]);
    static const char *const proxies[] = {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"};
    for (size_t k = 0; k < CV_COUNT(proxies); k++) unsetenv(proxies[k]);
    return 0;
}

static int free_archive(void **state) {
    (void)state;
    free(archive.data);
    return 0;
}

static cv_remote a_remote(void) {
    return (cv_remote){.name = "set",
                       .from = {address},
                       .file = {{"x.tar.gz", (int64_t)archive.size, sum, NULL}},
                       .inside = "set/",
                       .files = 2,
                       .unpacked = NOISE + 5};
}

static int begin(void **state) {
    (void)state;
    strcpy(folder, "/tmp/convo-fetch-XXXXXX");
    web = (server){.body = archive.data, .changed = archive.data, .size = archive.size, .tag = "\"v1\""};
    if (!mkdtemp(folder) || !server_start(&web)) return -1;
    cv_print(address, sizeof address, "http://127.0.0.1:%d/files", web.port);
    return 0;
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *at) {
    (void)about, (void)type, (void)at;
    return remove(path);
}

static int end(void **state) {
    (void)state;
    server_stop(&web);
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static convo_status get(const cv_remote *remote, const convo_get_options *more, convo_get_result *result,
                        convo_error *err) {
    convo_get_options options = *more;
    options.folder = folder;
    if (!options.timeout) options.timeout = 5;
    return cv_fetch(remote, &options, result, err);
}

// What libcurl is told about redirects; all else goes on to it.
static char redirects[32];
#undef curl_easy_setopt
static CURLcode set_option(CURL *curl, CURLoption option, ...) {
    va_list args;
    CURLcode code;
    va_start(args, option);
    if (option < CURLOPTTYPE_OBJECTPOINT) {
        const long number = va_arg(args, long);
#if LIBCURL_VERSION_NUM < 0x075500
        if (option == CURLOPT_REDIR_PROTOCOLS)
            cv_print(redirects, sizeof redirects, "%s", number & CURLPROTO_HTTP ? "http,https" : "https");
#endif
        code = curl_easy_setopt(curl, option, number);
    } else if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_OFF_T + 10000) {
        code = curl_easy_setopt(curl, option, va_arg(args, curl_off_t));
    } else {
        void *pointer = va_arg(args, void *);
#if LIBCURL_VERSION_NUM >= 0x075500
        if (option == CURLOPT_REDIR_PROTOCOLS_STR) cv_print(redirects, sizeof redirects, "%s", (char *)pointer);
#endif
        code = curl_easy_setopt(curl, option, pointer);
    }
    va_end(args);
    return code;
}

convo_status __real_cv_library_load(const char *file, const char *const *names, size_t count, void *functions,
                                    const char *where, convo_error *err);
convo_status __wrap_cv_library_load(const char *file, const char *const *names, size_t count, void *functions,
                                    const char *where, convo_error *err);

convo_status __wrap_cv_library_load(const char *file, const char *const *names, size_t count, void *functions,
                                    const char *where, convo_error *err) {
    CURLcode (*own)(CURL *, CURLoption, ...) = set_option;
    const convo_status status = __real_cv_library_load(file, names, count, functions, where, err);
    for (size_t k = 0; k < count && !status; k++)
        if (!strcmp(names[k], "curl_easy_setopt")) memcpy((char *)functions + k * sizeof own, &own, sizeof own);
    return status;
}

// --- what is in the folder --------------------------------------------------------------------------------------

static char listing[256]; // "set/noise set/text"
static int list_entry(const char *path, const struct stat *about, int type, struct FTW *at) {
    (void)about, (void)at;
    if (type != FTW_D) cv_append(listing, sizeof listing, "%s ", path + strlen(folder) + 1);
    return 0;
}

// The files, in any order: "" is none. A folder without files would be left over, and is reported.
static void assert_files(const char *name, const char *const *files, size_t count) {
    listing[0] = 0;
    nftw(folder, list_entry, 8, FTW_PHYS);
    size_t length = 0;
    for (size_t k = 0; k < count; k++) {
        if (!strstr(listing, files[k])) fail_msg("%s: %s is missing in '%s'", name, files[k], listing);
        length += strlen(files[k]) + 1;
    }
    if (length != strlen(listing)) fail_msg("%s: there are more files than expected: '%s'", name, listing);
    char **names = NULL;
    size_t folders = 0;
    cv_folder_list(folder, &names, &folders, NULL);
    cv_folder_free(names, folders);
    if (folders != (count > 0)) fail_msg("%s: an empty folder is left", name);
}

static void assert_nothing(const char *name) {
    assert_files(name, NULL, 0);
}

static void assert_whole(const char *name) {
    assert_files(name, (const char *const[]){"set/noise", "set/text"}, 2);
    char *path = cv_format("%s/set/noise", folder);
    cv_bytes bytes;
    assert_int_equal(cv_file_read(path, NOISE, &bytes, NULL), CONVO_OK);
    if (bytes.size != NOISE || memcmp(bytes.data, noise, NOISE)) fail_msg("%s: the contents are wrong", name);
    free(bytes.data);
    free(path);
}

static void assert_resumable(const char *name) {
    assert_files(name, (const char *const[]){"set.part/x.tar.gz", "set.part/x.tar.gz.tag"}, 2);
}

static char *path_of(const char *name) {
    return cv_format("%s/%s", folder, name);
}

// --- transfers --------------------------------------------------------------------------------------------------

typedef enum { NOTHING, WHOLE, RESUMABLE } left;

static void transfers_end_whole_or_leave_nothing_half(void **state) {
    (void)state;
    static const struct {
        const char *name;
        server_way way;
        int code, faults, attempts;
        left left;
        const char *text; // in the message
        int requests;
    } cases[] = {
        {"a good server", SERVE, 0, 0, 1, WHOLE, NULL, 1},
        {"a broken transfer goes on", SERVE_BROKEN, 0, 1, 3, WHOLE, NULL, 2},
        {"a transfer without length that ends early goes on", SERVE_SHORT, 0, 1, 3, WHOLE, NULL, 2},
        {"a server that ignores ranges", SERVE_WHOLE, 0, 0, 1, WHOLE, NULL, 1},
        {"a server that sends other ranges", SERVE_SHIFTED, 0, 0, 3, WHOLE, NULL, 3},
        {"500, then well", SERVE_ERROR, 500, 1, 3, WHOLE, NULL, 2},
        {"429, then well", SERVE_ERROR, 429, 1, 3, WHOLE, NULL, 2},
        {"500 always", SERVE_ERROR, 500, 99, 2, NOTHING,
         "responded with 500: it has a problem, try again later (2 attempts)", 2},
        {"404 is not tried again", SERVE_ERROR, 404, 99, 3, NOTHING, "responded with 404: there is no such file", 1},
        {"403 is not tried again", SERVE_ERROR, 403, 99, 3, NOTHING, "responded with 403: access is not allowed", 1},
        {"a transfer that always breaks", SERVE_BROKEN, 0, 99, 2, RESUMABLE, "the next try goes on from there", 2},
        {"a body without length that is always cut", SERVE_SHORT, 0, 99, 2, RESUMABLE, "the transfer ended after", 2},
        {"a body that is too long", SERVE_MORE, 0, 0, 3, NOTHING, "larger than", 1},
        {"redirects without end", SERVE_LOOP, 0, 0, 3, NOTHING, "redirects more than 5 times", 6},
        {"a redirect to a file", SERVE_FILE, 0, 0, 3, NOTHING, "cannot be downloaded: Protocol", 1},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        const cv_remote remote = a_remote();
        convo_get_result result;
        convo_error err = {0};
        web.way = cases[k].way;
        web.code = cases[k].code;
        web.faults = cases[k].faults;
        web.requests = 0;
        const convo_status status = get(&remote, &(convo_get_options){.attempts = cases[k].attempts}, &result, &err);
        if ((status == CONVO_OK) != (cases[k].left == WHOLE))
            fail_msg("%s: %s (%s)", cases[k].name, convo_status_name(status), err.message);
        if (cases[k].text && !strstr(err.message, cases[k].text)) fail_msg("%s: '%s'", cases[k].name, err.message);
        if (web.requests != cases[k].requests)
            fail_msg("%s: %d requests instead of %d", cases[k].name, web.requests, cases[k].requests);
        if (cases[k].left == NOTHING) assert_nothing(cases[k].name);
        if (cases[k].left == RESUMABLE) assert_resumable(cases[k].name);
        if (cases[k].left == WHOLE) assert_whole(cases[k].name);
        if (!status) assert_true(result.files == 2 && result.bytes == NOISE + 5 && !result.there);
        end(NULL);
        assert_int_equal(begin(NULL), 0);
    }
}

static void a_later_call_goes_on_where_an_earlier_one_ended(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    web.way = SERVE_BROKEN;
    web.faults = 1;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_IO);
    assert_resumable("after the first call");
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_int_equal(web.first, (archive.size + 1) / 2);
    assert_whole("after the second call");
}

static void a_page_in_place_of_the_rest_destroys_nothing(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    web.way = SERVE_BROKEN;
    web.faults = 1;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_IO);
    web.way = SERVE_ERROR; // a page with status 200, as of a network that wants a password
    web.code = 200;
    web.faults = 2;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 2}, &result, NULL), CONVO_FORMAT);
    assert_resumable("after the page");
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_int_equal(web.first, (archive.size + 1) / 2);
    assert_whole("after the page");
}

static void a_file_that_changes_between_two_tries_is_got_from_its_start(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    char *other = malloc(archive.size);
    memset(other, 'x', archive.size);
    web.body = other; // half of this, and then the good one
    web.changed = archive.data;
    web.way = SERVE_CHANGED;
    convo_error err = {0};
    if (get(&remote, &(convo_get_options){.attempts = 2}, &result, &err)) fail_msg("%s", err.message);
    assert_int_equal(web.first, (archive.size + 1) / 2); // it asked for the rest, and the server knew better
    assert_whole("changed");
    free(other);
}

static void without_a_version_a_broken_transfer_starts_again(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    web.way = SERVE_BROKEN;
    web.faults = 1;
    web.tag = NULL;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 2}, &result, NULL), CONVO_OK);
    assert_int_equal(web.first, -1);
    assert_whole("without a tag");
    // A weak one says that the file means the same, not that it has the same bytes.
    web.way = SERVE_BROKEN;
    web.faults = 1;
    web.requests = 0;
    web.tag = "W/\"v1\"";
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 2, .force = true}, &result, NULL), CONVO_OK);
    assert_int_equal(web.first, -1);
    assert_whole("with a weak tag");
}

static void a_part_longer_than_the_file_starts_again(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    char *part = path_of("set.part"), *file = path_of("set.part/x.tar.gz"), *tag = path_of("set.part/x.tar.gz.tag");
    assert_int_equal(cv_folder_make(part, NULL), CONVO_OK);
    assert_int_equal(cv_file_write(file, noise, archive.size + 1, NULL), CONVO_OK);
    assert_int_equal(cv_file_write(tag, web.tag, strlen(web.tag), NULL), CONVO_OK);
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_whole("longer");
    free(part);
    free(file);
    free(tag);
}

static void a_stalled_server_is_given_up(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    web.way = SERVE_STALLED;
    const double start = cv_now();
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1, .timeout = 1}, &result, &err), CONVO_IO);
    if (!strstr(err.message, "too slow")) fail_msg("'%s'", err.message);
    assert_true(cv_now() - start < 10);
    assert_resumable("stalled");
}

static void a_server_that_is_not_there_is_an_error(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    server_stop(&web);
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 2}, &result, &err), CONVO_IO);
    if (!strstr(err.message, "(2 attempts)")) fail_msg("'%s'", err.message);
    if (strncmp(err.where, address, strlen(address))) fail_msg("where: '%s'", err.where);
    assert_nothing("nobody there");
    assert_true(server_start(&web));
}

static void the_second_address_is_tried_when_the_first_fails(void **state) {
    (void)state;
    cv_remote remote = a_remote();
    convo_get_result result;
    remote.from[0] = "http://127.0.0.1:1/"; // nobody listens there
    remote.from[1] = address;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_whole("second address");
}

// --- what is not taken ------------------------------------------------------------------------------------------

static void what_is_not_the_published_file_is_refused(void **state) {
    (void)state;
    static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
    cv_remote wrong_sum = a_remote(), wrong_md5 = a_remote(), few = a_remote(), more = a_remote(), none = a_remote(),
              bomb = a_remote(), longer = a_remote(), shorter = a_remote();
    longer.file[0].size++;
    shorter.file[0].size--;
    wrong_sum.file[0].sha256 = zeros;
    wrong_md5.file[0].md5 = "00";
    few.exact = more.exact = true;
    few.files = 3;
    more.unpacked++;
    none.inside = "elsewhere/";
    bomb.unpacked = 100;
    const struct {
        const char *name;
        const cv_remote *remote;
        convo_status status;
        const char *text;
    } cases[] = {
        {"a file that should be longer", &longer, CONVO_FORMAT, "is not the published file"},
        {"a file that should be shorter", &shorter, CONVO_LIMIT, "it is a different file"},
        {"a wrong checksum", &wrong_sum, CONVO_FORMAT, "SHA-256"},
        {"a wrong second checksum", &wrong_md5, CONVO_FORMAT, "MD5"},
        {"fewer files", &few, CONVO_FORMAT, "2 files of 40005 bytes instead of 3 of 40005"},
        {"fewer bytes", &more, CONVO_FORMAT, "2 files of 40005 bytes instead of 2 of 40006"},
        {"none of the files", &none, CONVO_FORMAT, "0 files"},
        {"a bomb", &bomb, CONVO_LIMIT, "300 bytes"},
    };
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        convo_get_result result;
        convo_error err = {0};
        const convo_status status = get(cases[k].remote, &(convo_get_options){.attempts = 2}, &result, &err);
        if (status != cases[k].status || !strstr(err.message, cases[k].text))
            fail_msg("%s: %s (%s)", cases[k].name, convo_status_name(status), err.message);
        assert_nothing(cases[k].name);
    }
}

static void only_addresses_that_can_be_trusted_are_used(void **state) {
    (void)state;
    cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    remote.file[0].sha256 = NULL;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, &err), CONVO_UNSUPPORTED);
    assert_non_null(strstr(err.message, "https://"));
    assert_int_equal(web.requests, 0);
    static const char *const others[] = {"file:///etc", "ftp://127.0.0.1/", "gopher://127.0.0.1", "", "/etc"};
    for (size_t k = 0; k < CV_COUNT(others); k++) {
        const convo_status status = get(&remote, &(convo_get_options){.attempts = 1, .from = others[k]}, &result, &err);
        if (!status) fail_msg("'%s' was accepted", others[k]);
        assert_nothing(others[k]);
    }
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1, .from = address}, &result, &err), CONVO_OK);
    assert_whole("an address of the caller");
}

static void a_redirect_does_not_leave_https(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"https://127.0.0.1:1", "https"}, {"HTTPS://127.0.0.1:1", "https"}, {"http://127.0.0.1:1", "http,https"}};
    const cv_remote remote = a_remote();
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_get_result result;
        redirects[0] = 0;
        assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1, .from = rows[k][0]}, &result, NULL),
                         CONVO_IO); // nobody is there
        assert_string_equal(redirects, rows[k][1]);
    }
}

static void a_size_that_is_not_known_is_still_bounded(void **state) {
    (void)state;
    cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    remote.file[0].size = 0;
    remote.unpacked = 5000; // three times that is less than the archive
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, &err), CONVO_LIMIT);
    assert_non_null(strstr(err.message, "15000 bytes"));
    assert_nothing("too long");
    remote.unpacked = NOISE + 5;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, &err), CONVO_OK);
    assert_whole("unknown size");
}

// --- what is there ----------------------------------------------------------------------------------------------

static void what_is_there_is_left_alone(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    char *set = path_of("set"), *mine = path_of("set/mine");
    assert_int_equal(cv_folder_make(set, NULL), CONVO_OK);
    assert_int_equal(cv_file_write(mine, "x", 1, NULL), CONVO_OK);
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_true(result.there);
    assert_int_equal(web.requests, 0);
    assert_files("there", (const char *const[]){"set/mine"}, 1);

    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1, .force = true}, &result, NULL), CONVO_OK);
    assert_false(result.there);
    assert_whole("replaced");
    web.way = SERVE_ERROR;
    web.code = 404;
    web.faults = 99;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1, .force = true}, &result, NULL), CONVO_IO);
    assert_whole("a failed replacement leaves the old one");
    web.faults = 0;
    not_to = set;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1, .force = true}, &result, NULL), CONVO_IO);
    not_to = NULL;
    char *old = path_of("set/noise");
    assert_true(cv_is_file(old)); // also one that cannot take its place
    free(old);
    free(set);
    free(mine);
}

static void an_empty_folder_is_not_a_data_set(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    char *set = path_of("set");
    assert_int_equal(cv_folder_make(set, NULL), CONVO_OK);
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_whole("filled");
    free(set);
}

static void leftovers_of_a_killed_call_do_no_harm(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    char *inner = path_of("set.part/unpacked"), *half = path_of("set.part/unpacked/noise");
    assert_int_equal(cv_folder_make(inner, NULL), CONVO_OK);
    assert_int_equal(cv_file_write(half, "half", 4, NULL), CONVO_OK);
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_whole("leftovers");
    free(inner);
    free(half);
}

static void two_calls_at_once_do_not_meet(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    char *part = path_of("set.part"), *file = path_of("set.part/unpacked");
    assert_int_equal(cv_folder_make(file, NULL), CONVO_OK);
    FILE *other = fopen(part, "r");
    assert_non_null(other);
    assert_int_equal(flock(fileno(other), LOCK_EX), 0);
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, &err), CONVO_STATE);
    assert_non_null(strstr(err.message, "another process"));
    assert_true(cv_is_folder(file)); // which is the other's
    fclose(other);
    free(part);
    free(file);
}

// --- stopping ---------------------------------------------------------------------------------------------------

typedef struct stopper {
    volatile int stop;
    const char *stage;
    int64_t done;
    int calls;
} stopper;

static void stop_at(const convo_get_progress *p, void *user) {
    stopper *s = user;
    s->calls++;
    assert_true(p->done >= 0 && (!p->total || p->done <= p->total));
    if (s->stage && !strcmp(p->stage, s->stage) && p->done >= s->done) s->stop = 1;
}

static void a_stop_keeps_what_was_downloaded(void **state) {
    (void)state;
    static const char *const stages[] = {"downloading", "checking", "unpacking"};
    const cv_remote remote = a_remote();
    for (size_t k = 0; k < CV_COUNT(stages); k++) {
        convo_get_result result;
        stopper s = {.stage = stages[k], .done = 10};
        convo_get_options options = {.attempts = 1, .stop = &s.stop, .progress = stop_at, .user = &s};
        web.way = k == 0 ? SERVE_STALLED : SERVE;
        assert_int_equal(get(&remote, &options, &result, NULL), CONVO_OK);
        assert_true(result.interrupted);
        assert_resumable(stages[k]);
        assert_true(s.calls > 0);
    }
    convo_get_result result;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, NULL), CONVO_OK);
    assert_int_equal(web.requests, 2); // the second stop was after the download: no third one
    assert_whole("after three stops");
}

// --- the disk ---------------------------------------------------------------------------------------------------

// Files may have no more than `bytes` bytes, as on a disk that has so many left.
static void fill_disk(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_full_disk_leaves_nothing_half_unpacked(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    assert_true(archive.size > 20000 && archive.size < NOISE - 1000);
    fill_disk(10000);
    convo_status status = get(&remote, &(convo_get_options){.attempts = 3}, &result, &err);
    fill_disk(RLIM_INFINITY);
    assert_int_equal(status, CONVO_IO);
    assert_int_equal(web.requests, 1);
    assert_non_null(strstr(err.message, "cannot be written"));
    assert_resumable("full at the download");

    fill_disk(archive.size);
    status = get(&remote, &(convo_get_options){.attempts = 1}, &result, &err);
    fill_disk(RLIM_INFINITY);
    assert_int_equal(status, CONVO_IO);
    assert_non_null(strstr(err.message, "cannot be written"));
    assert_resumable("full at the unpacking");
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, &err), CONVO_OK);
    assert_whole("room again");
}

static void a_disk_without_room_is_told_at_once(void **state) {
    (void)state;
    cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    remote.unpacked = INT64_C(1) << 60;
    assert_int_equal(get(&remote, &(convo_get_options){.attempts = 1}, &result, &err), CONVO_IO);
    assert_non_null(strstr(err.message, "the disk is too full: set needs"));
    assert_int_equal(web.requests, 0);
    assert_nothing("no room");
}

static void a_folder_that_cannot_be_written_is_an_error(void **state) {
    (void)state;
    const cv_remote remote = a_remote();
    convo_get_result result;
    convo_error err = {0};
    char *file = path_of("file"), *below = path_of("file/below"), *shut = path_of("shut");
    assert_int_equal(cv_file_write(file, "x", 1, NULL), CONVO_OK);
    assert_int_equal(mkdir(shut, 0555), 0);
    const char *const places[] = {below, shut};
    for (size_t k = 0; k < (geteuid() ? 2 : 1); k++) { // root may write everywhere
        const convo_get_options options = {.folder = places[k], .attempts = 1};
        assert_int_equal(cv_fetch(&remote, &options, &result, &err), CONVO_IO);
        assert_true(err.message[0] && err.where[0]);
        assert_int_equal(web.requests, 0);
    }
    assert_int_equal(rmdir(shut), 0); // it is empty
    free(file);
    free(below);
    free(shut);
}

// --- the table --------------------------------------------------------------------------------------------------

static void every_published_data_set_is_well_described(void **state) {
    (void)state;
    const cv_remote *r;
    for (size_t k = 0; (r = cv_remote_at(k)); k++) {
        convo_data_set set;
        bool found = false;
        for (int i = 0; convo_data_set_at(i, &set) && !found; i++) found = !strcmp(set.name, r->name) && set.published;
        if (!found) fail_msg("no kind of data is called %s", r->name);
        assert_true(r->from[0] && r->file[0].name && r->inside && r->files > 0 && r->unpacked > 0);
        if (strncmp(r->from[0], "https://", 8)) fail_msg("%s: the first address has no TLS", r->name);
        for (size_t f = 0; f < CV_MOST_FILES && r->file[f].name; f++) {
            const cv_remote_file *file = &r->file[f];
            if (!file->sha256 && !r->exact) fail_msg("%s has neither a checksum nor exact contents", r->name);
            if (file->sha256 && (strlen(file->sha256) != 64 || !file->size)) fail_msg("%s: SHA-256, size", file->name);
            if (file->md5 && strlen(file->md5) != 32) fail_msg("%s: MD5", file->name);
        }
    }
}

static void an_unknown_name_gets_the_nearest(void **state) {
    (void)state;
    convo_get_result result;
    convo_error err = {0};
    const convo_get_options options = {.folder = folder};
    assert_int_equal(convo_data_get("cifar10", &options, &result, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "did you mean 'cifar-10'?"));
    assert_int_equal(convo_data_get("fsdd", &(convo_get_options){0}, &result, &err), CONVO_ARGUMENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(transfers_end_whole_or_leave_nothing_half),
        TEST(a_later_call_goes_on_where_an_earlier_one_ended),
        TEST(a_page_in_place_of_the_rest_destroys_nothing),
        TEST(a_file_that_changes_between_two_tries_is_got_from_its_start),
        TEST(without_a_version_a_broken_transfer_starts_again),
        TEST(a_part_longer_than_the_file_starts_again),
        TEST(a_stalled_server_is_given_up),
        TEST(a_server_that_is_not_there_is_an_error),
        TEST(the_second_address_is_tried_when_the_first_fails),
        TEST(what_is_not_the_published_file_is_refused),
        TEST(only_addresses_that_can_be_trusted_are_used),
        TEST(a_redirect_does_not_leave_https),
        TEST(a_size_that_is_not_known_is_still_bounded),
        TEST(what_is_there_is_left_alone),
        TEST(an_empty_folder_is_not_a_data_set),
        TEST(leftovers_of_a_killed_call_do_no_harm),
        TEST(two_calls_at_once_do_not_meet),
        TEST(a_stop_keeps_what_was_downloaded),
        TEST(a_full_disk_leaves_nothing_half_unpacked),
        TEST(a_disk_without_room_is_told_at_once),
        TEST(a_folder_that_cannot_be_written_is_an_error),
        cmocka_unit_test(every_published_data_set_is_well_described),
        cmocka_unit_test(an_unknown_name_gets_the_nearest),
    };
    return cmocka_run_group_tests_name("fetch", tests, make_archive, free_archive);
}
#else
static void getting_data_sets_needs_libcurl_libarchive_and_nettle(void **state) {
    (void)state;
    skip();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(getting_data_sets_needs_libcurl_libarchive_and_nettle)};
    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
#endif
