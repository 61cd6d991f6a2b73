// Clipping: peaks cut off, as by a microphone that is too loud.
#include "change/kind.h"

#include <math.h>

typedef struct clipping {
    double level[2];
} clipping;

static const cv_option clipping_schema[] = {
    CV_OPTION("level", CV_SPAN, clipping, level,
              "where peaks are cut, as a fraction of the recording's highest, drawn from this range",
              .text = "[0.2, 1]", CV_RANGE(0.001, 1)),
    {.name = NULL},
};

static bool clipping_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    (void)tables;
    const clipping *o = config;
    float peak = 0;
    for (size_t t = 0; t < wave->count; t++) {
        const float loudness = fabsf(wave->sample[t]);
        peak = loudness > peak ? loudness : peak;
    }
    const float most = peak * (float)cv_draws_between(draws, o->level[0], o->level[1]);
    for (size_t t = 0; t < wave->count; t++) {
        const float x = wave->sample[t];
        wave->sample[t] = x > most ? most : x < -most ? -most : x;
    }
    return true;
}

const cv_change cv_change_clipping = {
    .name = "clipping",
    .help = "peaks cut off, as by a microphone that is too loud",
    .sort = CV_CHANGE_SOUND,
    .schema = clipping_schema,
    .config_size = sizeof(clipping),
    .sound = clipping_sound,
};
