#include "base/base.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TEXT_OF(number)              #number
#define VERSION(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *convo_version(void) {
    return VERSION(CONVO_VERSION_MAJOR, CONVO_VERSION_MINOR, CONVO_VERSION_PATCH);
}

const char *convo_status_name(convo_status status) {
    static const char *const name[] = {
        [CONVO_OK] = "OK",       [CONVO_ARGUMENT] = "ARGUMENT", [CONVO_MEMORY] = "MEMORY",
        [CONVO_IO] = "IO",       [CONVO_FORMAT] = "FORMAT",     [CONVO_SHAPE] = "SHAPE",
        [CONVO_LIMIT] = "LIMIT", [CONVO_NUMERIC] = "NUMERIC",   [CONVO_UNSUPPORTED] = "UNSUPPORTED",
        [CONVO_STATE] = "STATE",
    };
    return (size_t)status < CV_COUNT(name) ? name[status] : "UNKNOWN";
}

// What comes from a file may be quoted in a message, and a terminal obeys some characters. Those of libraries may end
// in a line feed.
static void make_plain(char *text) {
    size_t length = strlen(text);
    while (length && text[length - 1] == '\n') text[--length] = 0;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
}

convo_status(cv_fail)(convo_error *err, convo_status code, const char *where, const char *format, ...) {
    if (!err) return code;
    convo_error next = {.code = code}; // apart from *err, whose own text may be among the arguments
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(next.message, sizeof next.message, format, arguments);
    va_end(arguments);
    snprintf(next.where, sizeof next.where, "%s", where);
    make_plain(next.message);
    make_plain(next.where);
    *err = next;
    return code;
}

double cv_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
