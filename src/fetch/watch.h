// Who is told how far a download is, and who may stop it.
#pragma once

#include "base/base.h"

// Reports the progress of a download and asks whether to stop it. A step that was stopped returns CONVO_STATE with
// `interrupted` set.
typedef struct cv_watch {
    const convo_get_options *options;
    convo_get_progress progress;
    double since;  // seconds of cv_now
    int64_t first; // bytes done by then
    bool interrupted;
} cv_watch;

void cv_watch_stage(cv_watch *watch, const char *stage, const char *file, int64_t done, int64_t total);
// Reports the progress of the stage. Returns true to stop.
bool cv_watch_tell(cv_watch *watch, int64_t done);
