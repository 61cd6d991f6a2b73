// The settings of listening (convo_listening): their defaults, limits and text.
#pragma once

#include "format/json.h"

// Those of a model with these classes that has none of its own. The caller frees them.
convo_status cv_listening_default(char *const *labels, int classes, convo_listening *listening, convo_error *err);
convo_status cv_listening_check(const convo_listening *listening, int classes, convo_error *err);
convo_status cv_listening_copy(const convo_listening *from, convo_listening *to, convo_error *err);
// As a model file has them, JSON; NULL without memory. Read from the metadata of the file `path`.
char *cv_listening_text(const convo_listening *listening);
convo_status cv_listening_read(const char *text, const char *path, int classes, convo_listening *listening,
                               convo_error *err);
