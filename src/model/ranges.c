#include "model/ranges.h"

#include "format/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *name_of_made(const cv_net *folded, int k) {
    return k ? folded->node[k - 1].path : "input";
}

convo_status cv_ranges_write(const cv_net *net, const cv_program *p, const cv_range *range, char **text,
                             convo_error *err) {
    cv_net *folded;
    *text = NULL;
    CV_TRY(cv_net_fold(net, &folded, err));
    json_t *json = json_object();
    for (int k = 0; k < p->mades; k++) {
        const cv_range r = range[p->made[k].value];
        json_object_set_new(json, name_of_made(folded, k), json_pack("[ff]", (double)r.low, (double)r.high));
    }
    *text = cv_json_text(json, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    cv_net_free(folded);
    return *text ? CONVO_OK : cv_no_memory(err, "ranges of 8-bit numbers");
}

static bool read_range(const json_t *pair, cv_range *range) {
    const json_t *low = json_array_get(pair, 0), *high = json_array_get(pair, 1);
    *range = (cv_range){(float)json_number_value(low), (float)json_number_value(high)};
    return json_array_size(pair) == 2 && json_is_number(low) && json_is_number(high) && isfinite(range->low) &&
           isfinite(range->high) && range->low <= range->high;
}

convo_status cv_ranges_read(const char *text, const char *path, const cv_net *net, const cv_program *p, cv_range *range,
                            convo_error *err) {
    cv_net *folded;
    convo_status status = CONVO_OK;
    CV_TRY(cv_net_fold(net, &folded, err));
    json_t *json = cv_json_of(text);
    for (int k = 0; k < p->mades && !status; k++)
        if (!read_range(json_object_get(json, name_of_made(folded, k)), &range[p->made[k].value]))
            status = cv_fail(err, CONVO_FORMAT, path, "convo.int8 in the metadata has no range for '%.60s'",
                             name_of_made(folded, k));
    json_decref(json);
    cv_net_free(folded);
    return status;
}
