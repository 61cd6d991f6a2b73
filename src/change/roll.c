// Roll: frames moved in time, those that fall out at one end coming in at the other. numpy.roll
#include "change/kind.h"

typedef struct roll {
    int64_t frames;
} roll;

static const cv_option roll_schema[] = {
    CV_OPTION("frames", CV_INT, roll, frames, "up to so many later or earlier", .required = true, CV_RANGE(0, 1 << 20)),
    {.name = NULL},
};

static void reverse(float *x, int64_t from, int64_t to) {
    for (; from < --to; from++) {
        const float first = x[from];
        x[from] = x[to];
        x[to] = first;
    }
}

// Three reversals are a rotation.
static void rotate_row(float *x, int64_t count, int64_t by) {
    reverse(x, 0, count);
    reverse(x, 0, by);
    reverse(x, by, count);
}

static void roll_values(const void *config, cv_draws *draws, cv_shape s, float *x, float *scratch) {
    (void)scratch;
    const int64_t most = ((const roll *)config)->frames, frames = s.dims == 3 ? s.h : s.w,
                  inner = s.dims == 3 ? s.w : 1;
    const int64_t by = (int64_t)cv_draws_below(draws, 2 * (uint64_t)most + 1) - most;
    const int64_t later = ((by % frames) + frames) % frames;
    for (int64_t c = 0; c < s.c; c++) rotate_row(x + c * frames * inner, frames * inner, later * inner);
}

const cv_change cv_change_roll = {
    .name = "roll",
    .help = "frames moved in time; what falls out at one end comes in at the other",
    .sort = CV_CHANGE_FEATURES,
    .schema = roll_schema,
    .config_size = sizeof(roll),
    .values = roll_values,
};
