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

// What comes from a file may be quoted in a message, and a terminal obeys some characters. The sentences of other
// libraries may end in a line feed.
static void show(char *text, char *out, size_t size) {
    size_t length = strlen(text);
    while (length && text[length - 1] == '\n') text[--length] = 0;
    convo_text_show(text, out, size);
}

convo_status(cv_fail)(convo_error *err, convo_status code, const char *where, const char *format, ...) {
    if (!err) return code;
    convo_error next; // apart from *err, whose own text may be among the arguments
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(next.message, sizeof next.message, format, arguments);
    va_end(arguments);
    snprintf(next.where, sizeof next.where, "%s", where);
    err->code = code;
    show(next.message, err->message, sizeof err->message);
    show(next.where, err->where, sizeof err->where);
    return code;
}

double cv_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
