// Text of JSON values.
#ifndef CV_JSON_H
#define CV_JSON_H

#include "base/base.h"

#include <jansson.h>

// A new string, or NULL without memory, or when json is NULL: what could not be made. flags: of json_dumps, which
// leaves out keys when memory runs out between them (jansson 2.14), and so is not used. Freed with free().
char *cv_json_text(const json_t *json, size_t flags);

#endif
