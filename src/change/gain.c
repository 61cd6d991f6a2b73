// Gain: louder or softer.
#include "change/kind.h"

#include <math.h>

typedef struct gain {
    double decibels;
} gain;

static const cv_option gain_schema[] = {
    CV_OPTION("decibels", CV_FLOAT, gain, decibels, "up to so many louder or softer", .required = true,
              CV_RANGE(0, 40)),
    {.name = NULL},
};

static bool gain_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    (void)tables;
    const double most = ((const gain *)config)->decibels;
    const float factor = (float)pow(10, cv_draws_between(draws, -most, most) / 20);
    for (size_t t = 0; t < wave->count; t++) wave->sample[t] *= factor;
    return true;
}

const cv_change cv_change_gain = {
    .name = "gain",
    .help = "louder or softer",
    .sort = CV_CHANGE_SOUND,
    .schema = gain_schema,
    .config_size = sizeof(gain),
    .sound = gain_sound,
};
