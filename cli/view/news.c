// News of the runs as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): which runs
// changed, and of which the model was evaluated. The page asks for what it shows of them.
#ifdef CONVO_HAVE_MICROHTTPD
#include "view/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HEARTBEAT = 15 }; // seconds, after which a line that says nothing finds out who has left

static double seconds_ago(struct timespec then) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return difftime(now.tv_sec, then.tv_sec) + 1e-9 * (double)(now.tv_nsec - then.tv_nsec);
}

// {"changed":[0,3],"scored":[3]}: numbers of runs, of MOST_VIEWED at most.
static size_t write_news(const view *v, uint64_t seen, char *text, size_t size) {
    size_t length = 0;
    for (int what = 0; what < 2; what++) {
        const char *comma = "";
        length += (size_t)snprintf(text + length, size - length, what ? "],\"scored\":[" : "data: {\"changed\":[");
        for (size_t k = 0; k < v->runs && length + 32 < size; k++) {
            if ((what ? v->run[k]->evaluated : v->run[k]->changed) <= seen) continue;
            length += (size_t)snprintf(text + length, size - length, "%s%zu", comma, k);
            comma = ",";
        }
    }
    return length + (size_t)snprintf(text + length, size - length, "]}\n\n");
}

// The library does not look at a connection that sleeps.
static bool has_left(const listener *l) {
    char byte;
    return recv(l->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// Called by the thread that answers. Who has seen everything sleeps until tell_news wakes it.
static ssize_t send_news(void *user, uint64_t position, char *text, size_t size) {
    listener *l = user;
    server *s = l->of;
    ssize_t length = 0;
    (void)position;
    if (size < 64) return 0;
    pthread_mutex_lock(&s->v->lock);
    pthread_mutex_lock(&s->lock);
    if (s->closing) {
        length = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (has_left(l)) {
        length = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (l->seen < s->v->version) {
        length = (ssize_t)write_news(s->v, l->seen, text, size);
        l->seen = s->v->version;
    } else if (!l->greeted || seconds_ago(l->told) > HEARTBEAT) {
        length = (ssize_t)snprintf(text, size, ":\n\n");
    } else {
        l->asleep = true;
        s->lib.MHD_suspend_connection(l->connection);
    }
    if (length > 0) {
        l->greeted = true;
        clock_gettime(CLOCK_MONOTONIC, &l->told);
    }
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->v->lock);
    return length;
}

static void forget_listener(void *user) {
    listener *l = user;
    pthread_mutex_lock(&l->of->lock);
    l->connection = NULL;
    pthread_mutex_unlock(&l->of->lock);
}

struct MHD_Response *news_response(server *s, struct MHD_Connection *connection, const guard *g) {
    enum { BLOCK = 8192 };
    listener *l = NULL;
    pthread_mutex_lock(&s->v->lock);
    pthread_mutex_lock(&s->lock);
    for (size_t k = 0; k < MOST_LISTENERS && !l; k++)
        if (!s->listeners[k].connection) l = &s->listeners[k];
    if (l) *l = (listener){.of = s, .connection = connection, .socket = g->socket, .seen = s->v->version};
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->v->lock);
    if (!l) return NULL;
    struct MHD_Response *response =
        s->lib.MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, send_news, l, forget_listener);
    if (!response) forget_listener(l);
    return response;
}

// A sleeping connection is not touched by the library, so it is still there when it is woken.
void tell_news(server *s) {
    struct MHD_Connection *woken[MOST_LISTENERS];
    size_t count = 0;
    pthread_mutex_lock(&s->v->lock);
    pthread_mutex_lock(&s->lock);
    for (size_t k = 0; k < MOST_LISTENERS; k++) {
        listener *l = &s->listeners[k];
        if (!l->connection || !l->asleep) continue;
        if (!s->closing && !has_left(l) && l->seen == s->v->version && seconds_ago(l->told) <= HEARTBEAT) continue;
        l->asleep = false;
        woken[count++] = l->connection;
    }
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->v->lock);
    for (size_t k = 0; k < count; k++) s->lib.MHD_resume_connection(woken[k]);
}

#endif
