// Shift of a recording: silence before it, or its beginning cut.
#include "change/kind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct shift {
    double seconds;
} shift;

static const cv_option shift_schema[] = {
    CV_OPTION("seconds", CV_FLOAT, shift, seconds, "up to so many later or earlier", .required = true, CV_RANGE(0, 10)),
    {.name = NULL},
};

static double shift_reach(const void *config, int rate, double count) {
    return count + ceil(((const shift *)config)->seconds * rate);
}

// One sample at least is left.
static bool shift_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    (void)tables;
    const double most = ((const shift *)config)->seconds;
    const int64_t later = llround(cv_draws_between(draws, -most, most) * wave->rate);
    const size_t front = later > 0 ? (size_t)later : 0, early = later < 0 ? (size_t)-later : 0;
    const size_t cut = early < wave->count ? early : wave->count - 1, count = wave->count - cut;
    float *moved = cv_alloc(front + count, sizeof *moved);
    if (moved) memcpy(moved + front, wave->sample + cut, count * sizeof *moved);
    if (!cv_wave_replace(wave, moved, front + count)) return false;
    wave->begin = front;
    return true;
}

const cv_change cv_change_shift = {
    .name = "shift",
    .help = "later, with silence before it, or earlier, with its beginning cut",
    .sort = CV_CHANGE_SOUND,
    .schema = shift_schema,
    .config_size = sizeof(shift),
    .reach = shift_reach,
    .sound = shift_sound,
};
