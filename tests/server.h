// An HTTP server on 127.0.0.1 for one test at a time: one file, one thread, and one way to misbehave.
#pragma once

#include "base/base.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum server_way {
    SERVE,         // the file, or the range that is asked for
    SERVE_WHOLE,   // the file, whatever is asked for
    SERVE_BROKEN,  // half of what is left, and the connection breaks; the first `faults` times
    SERVE_CHANGED, // the same once, and from then on another file with another tag
    SERVE_SHORT,   // the same, without having told the length
    SERVE_MORE,    // a file and then more, without having told the length
    SERVE_SHIFTED, // ranges that start elsewhere; the first breaks, so that one is asked for
    SERVE_ERROR,   // status `code` with a page; the first `faults` times
    SERVE_LOOP,    // redirects to itself
    SERVE_FILE,    // redirects to file:///etc/hostname
    SERVE_STALLED, // ten bytes, and then nothing
} server_way;

typedef struct server {
    server_way way;
    int code, faults;
    const char *body, *changed; // `changed` is as long as `body`
    size_t size;
    const char *tag; // its ETag; NULL for none
    // What it saw.
    atomic_int requests;
    long long first; // byte that the last request asked for; -1: all
    // Its own.
    int listener, port;
    atomic_bool quit;
    pthread_t thread;
} server;

static inline void server_send(int to, const char *data, size_t size) {
    while (size > 0) {
        const ssize_t sent = send(to, data, size, MSG_NOSIGNAL);
        if (sent <= 0) return; // the client has hung up
        data += sent;
        size -= (size_t)sent;
    }
}

static inline void server_say(int to, const char *status, const char *headers) {
    char text[1024];
    cv_print(text, sizeof text, "HTTP/1.1 %s\r\nConnection: close\r\n%s\r\n", status, headers);
    server_send(to, text, strlen(text));
}

static inline const char *server_header(const char *request, const char *name) {
    const char *at = strcasestr(request, name);
    return at ? at + strlen(name) : NULL;
}

// Sends body[first..] or, to a client that asked for no range or has another version, all of it.
static inline void server_send_file(server *s, int to, const char *request, bool broken) {
    const char *body = s->way == SERVE_CHANGED && s->requests > 1 ? s->changed : s->body;
    const char *tag = body == s->body ? s->tag : "\"changed\"", *asked = server_header(request, "\r\nIf-Range: ");
    size_t first = s->first > 0 ? (size_t)s->first : 0;
    if (s->way == SERVE_WHOLE || (asked && tag && strncmp(asked, tag, strlen(tag)))) first = 0;
    char headers[512] = "";
    if (tag) cv_append(headers, sizeof headers, "ETag: %s\r\n", tag);
    if (first >= s->size && first > 0) {
        server_say(to, "416 Range Not Satisfiable", headers);
        return;
    }
    if (first > 0)
        cv_append(headers, sizeof headers, "Content-Range: bytes %zu-%zu/%zu\r\n",
                  first - (s->way == SERVE_SHIFTED ? 1 : 0), s->size - 1, s->size);
    if (s->way != SERVE_SHORT && s->way != SERVE_MORE)
        cv_append(headers, sizeof headers, "Content-Length: %zu\r\n", s->size - first);
    server_say(to, first > 0 ? "206 Partial Content" : "200 OK", headers);
    server_send(to, body + first, broken ? (s->size - first + 1) / 2 : s->size - first);
    if (s->way == SERVE_MORE) server_send(to, s->body, s->size);
}

static inline void server_answer(server *s, int to, const char *request) {
    const bool faulty = s->requests <= s->faults;
    char headers[128] = "";
    switch (s->way) {
    case SERVE_ERROR:
        if (!faulty) break;
        cv_print(headers, sizeof headers, "%d It is so", s->code);
        server_say(to, headers, "Content-Length: 21\r\n");
        server_send(to, "<html>no file</html>\n", 21);
        return;
    case SERVE_LOOP: server_say(to, "302 Found", "Location: /again/x.tar.gz\r\nContent-Length: 0\r\n"); return;
    case SERVE_FILE: server_say(to, "302 Found", "Location: file:///etc/hostname\r\nContent-Length: 0\r\n"); return;
    case SERVE_STALLED:
        cv_print(headers, sizeof headers, "ETag: %s\r\nContent-Length: %zu\r\n", s->tag, s->size);
        server_say(to, "200 OK", headers);
        server_send(to, s->body, 10);
        for (char byte; !s->quit && recv(to, &byte, 1, MSG_DONTWAIT);) usleep(10000); // until the client hangs up
        return;
    case SERVE_CHANGED:
    case SERVE_SHIFTED: server_send_file(s, to, request, s->requests == 1); return;
    default: break;
    }
    server_send_file(s, to, request, faulty && (s->way == SERVE_BROKEN || s->way == SERVE_SHORT));
}

static inline void *server_run(void *context) {
    server *s = context;
    while (!s->quit) {
        struct pollfd ready = {.fd = s->listener, .events = POLLIN};
        if (poll(&ready, 1, 20) <= 0) continue;
        const int client = accept(s->listener, NULL, NULL);
        char request[4096] = "";
        for (size_t have = 0; !strstr(request, "\r\n\r\n");) {
            const ssize_t got = recv(client, request + have, sizeof request - 1 - have, 0);
            if (got <= 0) break;
            request[have += (size_t)got] = 0;
        }
        const char *range = server_header(request, "\r\nRange: bytes=");
        s->first = range ? atoll(range) : -1;
        s->requests++;
        server_answer(s, client, request);
        shutdown(client, SHUT_RDWR);
        close(client);
    }
    return NULL;
}

// Starts it; s->way and what that needs are set by the caller.
static inline bool server_start(server *s) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    s->quit = false;
    s->requests = 0;
    s->first = -1;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, size) || listen(s->listener, 8) ||
        getsockname(s->listener, (struct sockaddr *)&address, &size))
        return false;
    s->port = ntohs(address.sin_port);
    return pthread_create(&s->thread, NULL, server_run, s) == 0;
}

static inline void server_stop(server *s) {
    s->quit = true;
    pthread_join(s->thread, NULL);
    close(s->listener);
}
