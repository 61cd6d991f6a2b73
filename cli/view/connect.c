// Who may connect, under which name, and for how long.
#ifdef CONVO_HAVE_MICROHTTPD
#include "output.h"
#include "view/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { USUAL_PORT = 8642, PATIENCE = 10, PATIENCE_ASKED = 60 }; // seconds without a question; for an answer

// --- the address ------------------------------------------------------------------------------------------------

typedef union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} socket_address;

static bool read_address(const char *text, socket_address *address, socklen_t *size) {
    *address = (socket_address){0};
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        *size = sizeof address->v4;
        return true;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) != 1) return false;
    address->v6.sin6_family = AF_INET6;
    *size = sizeof address->v6;
    return true;
}

static bool is_loopback(const socket_address *a) {
    if (a->any.sa_family == AF_INET) return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static void set_port(socket_address *a, int port) {
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons((uint16_t)port);
    else
        a->v6.sin6_port = htons((uint16_t)port);
}

static bool try_port(server *s, socket_address *a, socklen_t size, int port) {
    const int on = 1;
    set_port(a, port);
    s->socket = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->socket < 0) return false;
    setsockopt(s->socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!bind(s->socket, &a->any, size) && !listen(s->socket, 256) && !getsockname(s->socket, &a->any, &size)) {
        s->port = ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
        return true;
    }
    const int reason = errno;
    close(s->socket);
    s->socket = -1;
    errno = reason;
    return false;
}

int server_bind(server *s, const char *address, int64_t port) {
    socket_address a;
    socklen_t size;
    if (!read_address(address, &a, &size))
        return usage_error("view", "--address takes a numeric address, such as 0.0.0.0 or ::1, not '%s'", address);
    s->far = !is_loopback(&a);
    if (try_port(s, &a, size, port < 0 ? USUAL_PORT : (int)port)) return DONE;
    if (port < 0 && errno == EADDRINUSE && try_port(s, &a, size, 0)) return DONE;
    return complain(address, "cannot be listened to at port %d: %s; pass another --port, or 0 for any",
                    port < 0 ? USUAL_PORT : (int)port, strerror(errno));
}

// --- the name ---------------------------------------------------------------------------------------------------

static bool is_named(const char *name, size_t size, const char *known) {
    return strlen(known) == size && !strncasecmp(name, known, size);
}

static bool is_numeric(const char *name, size_t size) {
    char text[64];
    socket_address unused;
    socklen_t unused_size;
    if (size >= sizeof text) return false;
    memcpy(text, name, size);
    text[size] = '\0';
    return read_address(text, &unused, &unused_size);
}

// A page from elsewhere can have its own name stand for this machine's address (DNS rebinding), and then read what this
// server says. It cannot have the browser send another name than its own.
bool host_is_ours(const server *s, const char *host) {
    char machine[256] = "";
    const char *name = host, *end, *port;
    if (!host) return false;
    if (*host == '[') { // [::1]:8642
        name = host + 1;
        if (!(end = strchr(name, ']'))) return false;
        port = end + 1;
    } else {
        end = port = name + strcspn(name, ":");
    }
    char *rest = NULL;
    if (*port && (*port != ':' || port[1] < '0' || port[1] > '9')) return false;
    const long number = *port ? strtol(port + 1, &rest, 10) : 80;
    if (number != s->port || (rest && *rest)) return false;
    const size_t size = (size_t)(end - name);
    if (is_named(name, size, "localhost") || is_named(name, size, "127.0.0.1") || is_named(name, size, "::1"))
        return true;
    if (!s->far) return false;
    if (gethostname(machine, sizeof machine - 1)) machine[0] = '\0';
    return is_numeric(name, size) || (*machine && is_named(name, size, machine));
}

// --- how long ---------------------------------------------------------------------------------------------------

static double seconds_since(struct timespec then) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return difftime(now.tv_sec, then.tv_sec) + 1e-9 * (double)(now.tv_nsec - then.tv_nsec);
}

static void start_guard(server *s, struct MHD_Connection *connection, void **context) {
    const union MHD_ConnectionInfo *info =
        s->lib.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    guard *g = info ? calloc(1, sizeof *g) : NULL;
    *context = g;
    if (!g) return;
    g->socket = info->connect_fd;
    clock_gettime(CLOCK_MONOTONIC, &g->since);
    pthread_mutex_lock(&s->lock);
    g->after = s->guards;
    if (s->guards) s->guards->before = g;
    s->guards = g;
    pthread_mutex_unlock(&s->lock);
}

static void end_guard(server *s, guard *g) {
    if (!g) return;
    pthread_mutex_lock(&s->lock);
    if (g->before)
        g->before->after = g->after;
    else
        s->guards = g->after;
    if (g->after) g->after->before = g->before;
    pthread_mutex_unlock(&s->lock);
    free(g);
}

void guard_connection(void *user, struct MHD_Connection *connection, void **context,
                      enum MHD_ConnectionNotificationCode what) {
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        start_guard(user, connection, context);
    else
        end_guard(user, *context);
}

guard *guard_of(server *s, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        s->lib.MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void guard_asked(server *s, guard *g, bool listens) {
    if (!g) return;
    pthread_mutex_lock(&s->lock);
    g->asked = true;
    g->listens = listens;
    clock_gettime(CLOCK_MONOTONIC, &g->since);
    pthread_mutex_unlock(&s->lock);
}

// The library counts the time since the last byte: one byte now and then keeps a connection for ever.
void send_away_idle(server *s) {
    pthread_mutex_lock(&s->lock);
    for (guard *g = s->guards; g; g = g->after)
        if (!g->listens && seconds_since(g->since) > (g->asked ? PATIENCE_ASKED : PATIENCE))
            shutdown(g->socket, SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
}

#endif
