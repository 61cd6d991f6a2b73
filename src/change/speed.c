// Speed: played faster or slower, by resampling, so that pitch, formants and tempo change together, as they do between
// speakers. Tom Ko and others, "Audio augmentation for speech recognition", Interspeech 2015.
#include "change/kind.h"
#include "change/resample.h"

#include <stdlib.h>

typedef struct speed {
    double most;
} speed;

static const cv_option speed_schema[] = {
    CV_OPTION("most", CV_FLOAT, speed, most, "0.15: 0.85 to 1.15 times as fast", .required = true, CV_RANGE(0, 0.5)),
    {.name = NULL},
};

static convo_status speed_prepare(const void *config, const cv_change_setup *setup, void **tables, convo_error *err) {
    (void)setup;
    *tables = cv_resampler_new(1 + ((const speed *)config)->most);
    return *tables ? CONVO_OK : cv_no_memory(err, "speed");
}

static double speed_reach(const void *config, int rate, double count) {
    enum { FILTER = 64 }; // more than the resampler looks ahead
    (void)rate;
    return count * (1 + ((const speed *)config)->most) + FILTER;
}

static bool speed_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    const double most = ((const speed *)config)->most, factor = 1 + cv_draws_between(draws, -most, most);
    size_t count;
    if (most == 0) return true;
    float *faster = cv_resampler_run(tables, wave->sample, wave->count, factor, &count);
    return cv_wave_replace(wave, faster, count);
}

const cv_change cv_change_speed = {
    .name = "speed",
    .help = "played faster or slower by resampling: pitch and tempo change together",
    .sort = CV_CHANGE_SOUND,
    .schema = speed_schema,
    .config_size = sizeof(speed),
    .prepare = speed_prepare,
    .release = free,
    .reach = speed_reach,
    .sound = speed_sound,
};
