#include "fetch/watch.h"

#include <math.h>

void cv_watch_stage(cv_watch *watch, const char *stage, const char *file, int64_t done, int64_t total) {
    convo_get_progress *p = &watch->progress;
    p->stage = stage;
    p->file = file;
    p->total = total;
    watch->since = cv_now();
    watch->first = done;
    cv_watch_tell(watch, done);
}

bool cv_watch_tell(cv_watch *watch, int64_t done) {
    convo_get_progress *p = &watch->progress;
    const double seconds = cv_now() - watch->since;
    p->done = done;
    p->bytes_per_second = seconds > 0 ? (double)(done - watch->first) / seconds : NAN;
    p->seconds_left = p->total && p->bytes_per_second > 0 ? (double)(p->total - done) / p->bytes_per_second : NAN;
    if (watch->options->progress) watch->options->progress(p, watch->options->user);
    if (watch->options->stop && *watch->options->stop) watch->interrupted = true;
    return watch->interrupted;
}
