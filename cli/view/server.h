// The server of convo view: one thread of libmicrohttpd answers, the one that called view_serve follows the runs.
#pragma once

#include "view/view.h"

#include "base/library.h"

#include <microhttpd.h>

#define MHD_FUNCTIONS(X)                                                                                               \
    X(MHD_start_daemon)                                                                                                \
    X(MHD_stop_daemon)                                                                                                 \
    X(MHD_queue_response)                                                                                              \
    X(MHD_create_response_from_buffer)                                                                                 \
    X(MHD_create_response_from_callback)                                                                               \
    X(MHD_add_response_header)                                                                                         \
    X(MHD_destroy_response)                                                                                            \
    X(MHD_lookup_connection_value)                                                                                     \
    X(MHD_get_connection_info)                                                                                         \
    X(MHD_suspend_connection)                                                                                          \
    X(MHD_resume_connection)
typedef struct http_library {
    MHD_FUNCTIONS(CV_LIBRARY_MEMBER)
} http_library;

enum { MOST_LISTENERS = 64, MOST_CACHED = 32 };

// A connection: who keeps one open without asking for anything is sent away.
typedef struct guard {
    struct guard *before, *after;
    int socket;
    bool asked;            // for something
    bool listens;          // to news
    struct timespec since; // when it came, or asked last
} guard;

// Who listens to news (server-sent events).
typedef struct listener {
    struct server *of;
    struct MHD_Connection *connection; // NULL: the place is free
    int socket;
    uint64_t seen; // version
    bool asleep, greeted;
    struct timespec told;
} listener;

typedef struct cached_page {
    char *key; // NULL: the place is free
    uint64_t version;
    struct MHD_Response *response;
} cached_page;

typedef struct server {
    view *v;
    http_library lib;
    struct MHD_Daemon *daemon;
    int socket, port;
    bool far;             // answers other machines
    pthread_mutex_t lock; // of guards and listeners; after that of the view, where both are taken
    guard *guards;
    listener listeners[MOST_LISTENERS];
    bool closing;
    cached_page cached[MOST_CACHED]; // of the thread that answers
    size_t next_cached;
} server;

// connect.c
int server_bind(server *s, const char *address, int64_t port); // fills socket, port and far; says what is wrong
bool host_is_ours(const server *s, const char *host);          // the value of a header; NULL: there is none
void guard_connection(void *user, struct MHD_Connection *connection, void **context,
                      enum MHD_ConnectionNotificationCode what);
guard *guard_of(server *s, struct MHD_Connection *connection); // may be NULL
void guard_asked(server *s, guard *g, bool listens);
void send_away_idle(server *s);

// news.c
// NULL: there are too many listeners.
struct MHD_Response *news_response(server *s, struct MHD_Connection *connection, const guard *g);
void tell_news(server *s); // wakes the listeners who miss some
