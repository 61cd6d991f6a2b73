// What is answered. No text of an address ever reaches the file system: there are four kinds of pages, and runs have
// numbers.
#ifdef CONVO_HAVE_MICROHTTPD
#include "output.h"
#include "view/page.h"
#include "view/server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// --- pages ------------------------------------------------------------------------------------------------------

// own: the page says itself what it may load, which differs from page to page.
static struct MHD_Response *add_headers(const server *s, struct MHD_Response *response, const char *type, bool own) {
    char *policy = NULL;
    size_t size;
    FILE *out = response ? open_memstream(&policy, &size) : NULL;
    if (out && !own) write_policy(true, live_script_hash, out);
    if (out)
        fputs(own ? "frame-ancestors 'none'; base-uri 'none'; form-action 'none'" : "; frame-ancestors 'none'", out);
    const bool whole = out && !fclose(out);
    const char *const headers[][2] = {{"Content-Type", type},
                                      {"Content-Security-Policy", whole ? policy : "default-src 'none'"},
                                      {"X-Content-Type-Options", "nosniff"},
                                      {"Referrer-Policy", "no-referrer"},
                                      {"Cross-Origin-Resource-Policy", "same-origin"},
                                      {"Cross-Origin-Opener-Policy", "same-origin"},
                                      {"Cache-Control", "no-store"}};
    for (size_t k = 0; response && k < COUNT(headers); k++)
        s->lib.MHD_add_response_header(response, headers[k][0], headers[k][1]);
    free(policy);
    return response;
}

static struct MHD_Response *text_response(const server *s, char *text, const char *type, bool own) {
    if (!text) return NULL;
    struct MHD_Response *response = s->lib.MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (!response) free(text);
    return add_headers(s, response, type, own);
}

static enum MHD_Result refuse(const server *s, struct MHD_Connection *connection, unsigned code, const char *why) {
    struct MHD_Response *response =
        text_response(s, text_of(*why ? "%s\n" : "%s", why), "text/plain; charset=utf-8", false);
    if (!response) return MHD_NO;
    const enum MHD_Result queued = s->lib.MHD_queue_response(connection, code, response);
    s->lib.MHD_destroy_response(response);
    return queued;
}

// Those who ask for the same page get the same memory, however slowly they take it. The caller does not own it.
static struct MHD_Response *cached_response(server *s, const char *key, uint64_t version) {
    for (size_t k = 0; k < MOST_CACHED; k++)
        if (s->cached[k].key && s->cached[k].version == version && !strcmp(s->cached[k].key, key))
            return s->cached[k].response;
    return NULL;
}

static void forget_page(server *s, cached_page *c) {
    if (!c->key) return;
    s->lib.MHD_destroy_response(c->response);
    free(c->key);
    *c = (cached_page){0};
}

static void cache_response(server *s, const char *key, uint64_t version, struct MHD_Response *response) {
    cached_page *place = &s->cached[s->next_cached];
    for (size_t k = 0; k < MOST_CACHED; k++)
        if (s->cached[k].key && !strcmp(s->cached[k].key, key)) place = &s->cached[k];
    if (place == &s->cached[s->next_cached]) s->next_cached = (s->next_cached + 1) % MOST_CACHED;
    forget_page(s, place);
    *place = (cached_page){.key = strdup(key), .version = version, .response = response};
}

typedef struct wanted_page {
    bool overview, heavy, listen;
    size_t number;
    const char *sort;
} wanted_page;

// With the lock of the view.
static struct MHD_Response *make_page(server *s, const wanted_page *w) {
    char key[300];
    const uint64_t version = w->overview ? s->v->version : s->v->run[w->number]->changed;
    snprintf(key, sizeof key, "%d %d %zu %s", w->overview, w->heavy, w->number, w->sort ? w->sort : "");
    struct MHD_Response *response = cached_response(s, key, version);
    if (response) return response;
    char *text = w->overview ? overview_text(s->v, w->sort, true) : run_text(s->v, w->number, w->heavy);
    response = text_response(s, text, "text/html; charset=utf-8", false);
    if (response) cache_response(s, key, version, response);
    return response;
}

static enum MHD_Result send_page(server *s, struct MHD_Connection *connection, const wanted_page *w) {
    pthread_mutex_lock(&s->v->lock);
    if (!w->overview && (w->heavy ? !view_want_scores(s->v, w->number) : w->number >= s->v->runs)) {
        pthread_mutex_unlock(&s->v->lock);
        return refuse(s, connection, MHD_HTTP_NOT_FOUND, "There is no such run.");
    }
    struct MHD_Response *response = make_page(s, w);
    const enum MHD_Result queued = response ? s->lib.MHD_queue_response(connection, MHD_HTTP_OK, response) : MHD_NO;
    pthread_mutex_unlock(&s->v->lock);
    return queued;
}

static enum MHD_Result send_overview(server *s, struct MHD_Connection *connection) {
    const char *sort = s->lib.MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "sort");
    pthread_mutex_lock(&s->v->lock);
    const bool known = sort && strlen(sort) < 256 && is_column(s->v, sort, NULL);
    pthread_mutex_unlock(&s->v->lock);
    return send_page(s, connection, &(wanted_page){.overview = true, .sort = known ? sort : s->v->sort});
}

static enum MHD_Result send_events(server *s, struct MHD_Connection *connection, guard *g) {
    struct MHD_Response *response =
        add_headers(s, g ? news_response(s, connection, g) : NULL, "text/event-stream", false);
    if (!response)
        return refuse(s, connection, MHD_HTTP_SERVICE_UNAVAILABLE, "Too many pages are open: close some of them.");
    guard_asked(s, g, true);
    const enum MHD_Result queued = s->lib.MHD_queue_response(connection, MHD_HTTP_OK, response);
    s->lib.MHD_destroy_response(response);
    return queued;
}

// The page on which a model listens takes a moment to make: until then, one that asks again.
static enum MHD_Result send_listening(server *s, struct MHD_Connection *connection, size_t number) {
    static const char soon[] = "<!DOCTYPE html><html lang=\"en\"><meta http-equiv=\"refresh\" content=\"1\">"
                               "<meta name=\"color-scheme\" content=\"light dark\"><title>A moment</title>"
                               "<p>The model is translated for the browser: a moment.</p></html>\n";
    pthread_mutex_lock(&s->v->lock);
    const view_run *r = view_want_web(s->v, number);
    const score_state state = r ? r->listens : SCORES_NONE;
    char *text = state == SCORES_DONE ? strdup(r->web) : state == SCORES_WANTED ? strdup(soon) : NULL;
    pthread_mutex_unlock(&s->v->lock);
    struct MHD_Response *response = text_response(s, text, "text/html; charset=utf-8", true);
    if (!response)
        return refuse(s, connection, MHD_HTTP_NOT_FOUND,
                      state == SCORES_FAILED
                          ? "This model cannot listen here; the reason is where convo view was started."
                          : "There is no such model.");
    const enum MHD_Result queued = s->lib.MHD_queue_response(connection, MHD_HTTP_OK, response);
    s->lib.MHD_destroy_response(response);
    return queued;
}

// --- requests ---------------------------------------------------------------------------------------------------

// "/run/12", "/run/12/live" and "/run/12/listen".
static bool read_run_address(const char *url, wanted_page *w) {
    char *end;
    if (strncmp(url, "/run/", 5) != 0 || url[5] < '0' || url[5] > '9') return false;
    const unsigned long number = strtoul(url + 5, &end, 10);
    w->number = number < MOST_VIEWED ? number : MOST_VIEWED;
    w->heavy = !*end;
    w->listen = !strcmp(end, "/listen");
    return !*end || w->listen || !strcmp(end, "/live");
}

// What another site asks for in the background is none of its business; a link to this one may be followed.
static bool comes_from_elsewhere(const server *s, struct MHD_Connection *connection) {
    const char *site = s->lib.MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-Fetch-Site"),
               *mode = s->lib.MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-Fetch-Mode");
    return site && (!strcmp(site, "cross-site") || !strcmp(site, "same-site")) &&
           (!mode || strcmp(mode, "navigate") != 0);
}

static enum MHD_Result answer(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *protocol, const char *upload, size_t *upload_size, void **state) {
    server *s = user;
    guard *g = guard_of(s, connection);
    wanted_page w = {0};
    (void)protocol;
    (void)upload;
    (void)upload_size;
    (void)state;
    guard_asked(s, g, false);
    if (!host_is_ours(s, s->lib.MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host")))
        return refuse(s, connection, MHD_HTTP_FORBIDDEN, "This server answers under its own name only.");
    if (comes_from_elsewhere(s, connection))
        return refuse(s, connection, MHD_HTTP_FORBIDDEN, "This is not for pages of other sites.");
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return refuse(s, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "There is nothing here but to look at.");
    if (!strcmp(url, "/")) return send_overview(s, connection);
    if (!strcmp(url, "/favicon.ico")) return refuse(s, connection, MHD_HTTP_NO_CONTENT, "");
    if (!strcmp(url, "/events")) return send_events(s, connection, g);
    if (read_run_address(url, &w))
        return w.listen ? send_listening(s, connection, w.number) : send_page(s, connection, &w);
    return refuse(s, connection, MHD_HTTP_NOT_FOUND, "There is no such page: see /");
}

// --- the server -------------------------------------------------------------------------------------------------

// As many open files as connections need.
static unsigned raise_limit(void) {
    enum { WANTED = 4096, OURS = 128, LEAST = 32 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return LEAST;
    if (limit.rlim_cur < WANTED + OURS) {
        struct rlimit more = {limit.rlim_max < WANTED + OURS ? limit.rlim_max : WANTED + OURS, limit.rlim_max};
        if (!setrlimit(RLIMIT_NOFILE, &more)) limit = more;
    }
    if (limit.rlim_cur > WANTED + OURS) return WANTED;
    return limit.rlim_cur > OURS + LEAST ? (unsigned)(limit.rlim_cur - OURS) : LEAST;
}

static int start_server(server *s) {
    static const char *const names[] = {MHD_FUNCTIONS(CV_LIBRARY_NAME)};
    convo_error err;
    if (cv_library_load(CONVO_MICROHTTPD_FILE, names, COUNT(names), &s->lib, "view", &err)) return fail(&err);
    s->daemon =
        s->lib.MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, answer, s,
                                MHD_OPTION_LISTEN_SOCKET, s->socket, MHD_OPTION_CONNECTION_LIMIT, raise_limit(),
                                MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384,
                                MHD_OPTION_NOTIFY_CONNECTION, guard_connection, s, MHD_OPTION_END);
    return s->daemon ? DONE : complain("view", "the server cannot be started: %s", strerror(errno));
}

static void announce(const server *s, const char *address) {
    const bool v6 = strchr(address, ':') != NULL;
    say(stdout, "http://%s%s%s:%d/\n", v6 ? "[" : "", address, v6 ? "]" : "", s->port);
    fflush(stdout);
    if (!s->v->context->quiet) fputs("Ctrl-C ends it\n", stderr);
    if (s->far && !s->v->context->quiet)
        fputs("note: everybody who can reach this machine can see these runs, and hear their recordings\n", stderr);
}

static void follow_until(server *s, const volatile int *stop) {
    struct timespec began, ended;
    while (!*stop) {
        clock_gettime(CLOCK_MONOTONIC, &began);
        view_follow(s->v);
        tell_news(s);
        send_away_idle(s);
        clock_gettime(CLOCK_MONOTONIC, &ended);
        const double took = difftime(ended.tv_sec, began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec);
        const double pause = took < 0.1 ? 0.4 : took < 5 ? 4 * took : 20;
        nanosleep(&(struct timespec){(time_t)pause, (long)(1e9 * (pause - (double)(time_t)pause))}, NULL);
    }
}

int view_serve(view *v, const char *address, int64_t port, const volatile int *stop) {
    server *s = calloc(1, sizeof *s);
    if (!s) return no_memory();
    s->v = v;
    pthread_mutex_init(&s->lock, NULL);
    int status = server_bind(s, address, port);
    if (!status) status = start_server(s);
    if (!status) {
        announce(s, address);
        follow_until(s, stop);
        pthread_mutex_lock(&s->lock);
        s->closing = true;
        pthread_mutex_unlock(&s->lock);
        tell_news(s);
        s->lib.MHD_stop_daemon(s->daemon); // closes the socket
    }
    for (size_t k = 0; k < MOST_CACHED; k++) forget_page(s, &s->cached[k]);
    free(s);
    return status;
}

#else

#include "output.h"
#include "view/view.h"

int view_serve(view *v, const char *address, int64_t port, const volatile int *stop) {
    (void)v;
    (void)address;
    (void)port;
    (void)stop;
    return complain("view",
                    "this build has no server: install libmicrohttpd-dev, and build again; -o FILE writes the page");
}

#endif
