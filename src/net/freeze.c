// Selects layers by a list, "0-4, 6.body": those that are frozen.
#include "net/net.h"

#include <stdlib.h>
#include <string.h>

// The number that a path begins with: 3 of "3.body.0".
static long number_of(const char *path) {
    return strtol(path, NULL, 10);
}

bool cv_layer_next(const char **text, cv_layer_entry *e) {
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

bool cv_layer_covers(const cv_layer_entry *e, const char *path) {
    const size_t length = strlen(e->text);
    if (e->first >= 0) return number_of(path) >= e->first && number_of(path) <= e->last;
    return !strncmp(path, e->text, length) && (!path[length] || path[length] == '.');
}

convo_status cv_net_freeze(cv_net *net, const char *layers, convo_error *err) {
    const char *rest = layers, *last = net->nodes ? net->node[net->nodes - 1].path : "";
    bool left = false;
    for (cv_layer_entry e; cv_layer_next(&rest, &e);) {
        bool found = false;
        for (int i = 0; i < net->nodes; i++)
            if (cv_layer_covers(&e, net->node[i].path)) net->node[i].frozen = found = true;
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
