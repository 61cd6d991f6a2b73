#include "base/json.h"

#include <stdlib.h>

char *cv_json_text(const json_t *json, size_t flags) {
    const size_t size = json_dumpb(json, NULL, 0, flags);
    char *text = size ? cv_alloc(size + 1, 1) : NULL;
    if (text && json_dumpb(json, text, size, flags) == size) return text;
    free(text);
    return NULL;
}
