// JSON by jansson, within limits, and its text.
#ifndef CV_JSON_H
#define CV_JSON_H

#include "base/base.h"

#include <jansson.h>

// Any JSON value of at most CV_LIMIT_JSON values: jansson makes a tree of a hundred bytes and more for each. *json is
// freed with json_decref. The text stands at byte `at` of `path`.
convo_status cv_json_read(const char *path, size_t at, const char *text, size_t size, json_t **json, convo_error *err);
// The same for a string, which may be NULL; NULL: it is no such JSON.
json_t *cv_json_of(const char *text);

// A new string, or NULL without memory, or when json is NULL: what could not be made. flags: of json_dumps, which
// leaves out keys when memory runs out between them (jansson 2.14), and so is not used. Freed with free().
char *cv_json_text(const json_t *json, size_t flags);

#endif
