#include "format/json.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

// Commas and what opens lists and objects, outside of strings; what is no JSON is counted all the same.
static size_t count_json_values(const char *text, size_t size) {
    size_t count = 0;
    bool quoted = false;
    for (size_t k = 0; k < size; k++) {
        if (quoted && text[k] == '\\')
            k++;
        else if (text[k] == '"')
            quoted = !quoted;
        else if (!quoted && (text[k] == ',' || text[k] == '[' || text[k] == '{'))
            count++;
    }
    return count;
}

convo_status cv_json_read(const char *path, size_t at, const char *text, size_t size, json_t **json, convo_error *err) {
    char where[CV_COUNT(((convo_error *)0)->where)];
    json_error_t problem;
    *json = NULL;
    if (count_json_values(text, size) > CV_LIMIT_JSON)
        return cv_fail(err, CONVO_LIMIT, path, "its JSON has more than the %d values that are read", CV_LIMIT_JSON);
    *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (*json) return CONVO_OK;
    if (!problem.text[0] || json_error_code(&problem) == json_error_out_of_memory) return cv_no_memory(err, path);
    cv_print(where, sizeof where, "%.460s@%zu", path, at + (size_t)(problem.position < 0 ? 0 : problem.position));
    return cv_fail(err, CONVO_FORMAT, where, "this is not JSON: %s", problem.text);
}

json_t *cv_json_of(const char *text) {
    json_t *json = NULL;
    if (text) cv_json_read("", 0, text, strlen(text), &json, NULL);
    return json;
}

char *cv_json_text(const json_t *json, size_t flags) {
    const size_t size = json_dumpb(json, NULL, 0, flags);
    char *text = size ? cv_alloc(size + 1, 1) : NULL;
    if (text && json_dumpb(json, text, size, flags) == size) return text;
    free(text);
    return NULL;
}
