// JSON by jansson, within limits, and its text.
#pragma once

#include "base/base.h"

#include <jansson.h>

// Parses any JSON value of at most CV_LIMIT_JSON values, since jansson's tree takes a hundred bytes or more for each.
// *json is freed with json_decref. The text begins at byte `at` of `path`.
convo_status cv_json_read(const char *path, size_t at, const char *text, size_t size, json_t **json, convo_error *err);
// Does the same for a string, which may be NULL; returns NULL if it is no such JSON.
json_t *cv_json_of(const char *text);

// Returns a new string; NULL if memory runs out, or if json is NULL because it could not be made. flags: those of
// json_dumps, which is not used itself since it omits keys if memory runs out between them (jansson 2.14). Freed with
// free().
char *cv_json_text(const json_t *json, size_t flags);
