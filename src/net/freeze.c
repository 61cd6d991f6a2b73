// Selects the layers that are frozen: "0-4, 6.body".
#include "net/net.h"

#include <stdlib.h>
#include <string.h>

// The number that a path begins with: 3 of "3.body.0".
static long number_of(const char *path) {
    return strtol(path, NULL, 10);
}

// One entry: a number, a range of numbers, or a path and all below it.
typedef struct entry {
    char text[64];
    long first, last; // of a range; -1: a path
} entry;

static bool read_entry(const char **text, entry *e) {
    *text += strspn(*text, " ,");
    const size_t length = strcspn(*text, " ,");
    char *end;
    cv_print(e->text, sizeof e->text, "%.*s", (int)length, *text);
    *text += length;
    e->first = e->last = strtol(e->text, &end, 10);
    if (*end == '-') e->last = strtol(end + 1, &end, 10);
    if (*end) e->first = -1;
    return e->text[0] != 0;
}

static bool covers(const entry *e, const char *path) {
    const size_t length = strlen(e->text);
    if (e->first >= 0) return number_of(path) >= e->first && number_of(path) <= e->last;
    return !strncmp(path, e->text, length) && (!path[length] || path[length] == '.');
}

convo_status cv_net_freeze(cv_net *net, const char *layers, convo_error *err) {
    const char *rest = layers, *last = net->nodes ? net->node[net->nodes - 1].path : "";
    bool left = false;
    for (entry e; read_entry(&rest, &e);) {
        bool found = false;
        for (int i = 0; i < net->nodes; i++)
            if (covers(&e, net->node[i].path)) net->node[i].frozen = found = true;
        if (!found)
            return cv_fail(err, CONVO_ARGUMENT, layers,
                           "the net has no layer '%s': they are 0 to %ld, a range is 0-%ld, "
                           "a part of a residual 3.body",
                           e.text, number_of(last), number_of(last));
    }
    for (int i = 0; i < net->nodes; i++)
        for (int t = net->node[i].tensor; t < net->node[i].tensor + net->node[i].tensors; t++)
            left |= !net->node[i].frozen && !net->tensor[t].spec.buffer;
    return left ? CONVO_OK
                : cv_fail(err, CONVO_ARGUMENT, layers,
                          "all layers with parameters are frozen: nothing is left to train");
}
