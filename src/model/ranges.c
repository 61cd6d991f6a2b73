#include "model/ranges.h"

#include "format/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 160 };

// The name of a value: that of the first node that makes it, else that of its call and its number among those of this
// name. Returns false for work memory, which nothing writes.
static bool name_value(const cv_program *p, const cv_net *folded, int v, char name[NAME_SIZE]) {
    int same = 0;
    for (int k = 0; k < p->mades; k++)
        if (p->made[k].value == v) {
            cv_print(name, NAME_SIZE, "%s", k ? folded->node[k - 1].path : "input");
            return true;
        }
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        if (c->y != v) continue;
        const int length = (int)strcspn(c->path, " ");
        for (int k = 0; k < i; k++)
            same += !strncmp(p->call[k].path, c->path, (size_t)length) && !p->call[k].path[length];
        cv_print(name, NAME_SIZE, "%.*s:%d", length, c->path, same);
        return true;
    }
    return false;
}

convo_status cv_ranges_write(const cv_net *net, const cv_program *p, const cv_range *range, const char *floats,
                             char **text, convo_error *err) {
    cv_net *folded;
    char name[NAME_SIZE];
    *text = NULL;
    CV_TRY(cv_net_fold(net, &folded, err));
    json_t *json = json_object();
    for (int v = 0; v < p->values; v++)
        if (name_value(p, folded, v, name))
            json_object_set_new(json, name, json_pack("[ff]", (double)range[v].low, (double)range[v].high));
    if (floats && *floats) json_object_set_new(json, "float", json_string(floats));
    *text = cv_json_text(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    cv_net_free(folded);
    return *text ? CONVO_OK : cv_no_memory(err, "ranges of 8-bit numbers");
}

// Scales, and what is computed of them, are floats.
static const double LARGEST = 1e18;

static bool read_range(const json_t *pair, cv_range *range) {
    const json_t *low = json_array_get(pair, 0), *high = json_array_get(pair, 1);
    range->low = (float)json_number_value(low);
    range->high = (float)json_number_value(high);
    return json_array_size(pair) == 2 && json_is_number(low) && json_is_number(high) &&
           fabs((double)range->low) <= LARGEST && fabs((double)range->high) <= LARGEST && range->low <= range->high;
}

static convo_status read_floats(const json_t *json, const char *path, const cv_program *p, cv_range *range,
                                convo_error *err) {
    const json_t *list = json_object_get(json, "float");
    convo_error why = {0};
    if (!list) return CONVO_OK;
    if (!json_is_string(list))
        return cv_fail(err, CONVO_FORMAT, path,
                       "convo.int8 in the metadata has a 'float' that is no list of layers, such as \"0, 3.body\"");
    if (!cv_program_keep_floats(p, json_string_value(list), range, &why)) return CONVO_OK;
    return cv_fail(err, CONVO_FORMAT, path, "convo.int8 in the metadata: %s", why.message);
}

convo_status cv_ranges_read(const char *text, const char *path, const cv_net *net, const cv_program *p,
                            const char *floats, cv_range *range, convo_error *err) {
    cv_net *folded;
    char name[NAME_SIZE];
    convo_status status = CONVO_OK;
    CV_TRY(cv_net_fold(net, &folded, err));
    json_t *json = cv_json_of(text);
    for (int v = 0; v < p->values && !status; v++)
        if (name_value(p, folded, v, name) && !read_range(json_object_get(json, name), &range[v]))
            status = cv_fail(err, CONVO_FORMAT, path,
                             "convo.int8 in the metadata has no range [low, high] for '%.60s': export the model anew "
                             "with --int8 from one without it",
                             name);
    if (!status)
        status = floats ? cv_program_keep_floats(p, floats, range, err) : read_floats(json, path, p, range, err);
    json_decref(json);
    cv_net_free(folded);
    return status;
}

convo_status cv_ranges_floats(const char *text, char **floats, convo_error *err) {
    json_t *json = cv_json_of(text);
    const char *list = json_string_value(json_object_get(json, "float"));
    *floats = list ? cv_format("%s", list) : NULL;
    json_decref(json);
    return list && !*floats ? cv_no_memory(err, "layers in floats") : CONVO_OK;
}
