// Speed: played faster or slower, by resampling, so that pitch, formants and tempo change together, as they do between
// speakers. Tom Ko and others, "Audio augmentation for speech recognition", Interspeech 2015.
#include "audio/sound.h"
#include "change/kind.h"

#include <math.h>

typedef struct speed {
    double most;
} speed;

static const cv_option speed_schema[] = {
    CV_OPTION("most", CV_FLOAT, speed, most, "0.15: 0.85 to 1.15 times as fast", .required = true, CV_RANGE(0, 0.5)),
    {.name = NULL},
};

static double speed_reach(const void *config, int rate, double count) {
    enum { FILTER = 256 }; // half the length of the resampler's filter, and more
    (void)rate;
    return count * (1 + ((const speed *)config)->most) + FILTER;
}

static bool speed_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    (void)tables;
    const double most = ((const speed *)config)->most, factor = 1 + cv_draws_between(draws, -most, most);
    const int from = (int)lround(wave->rate * factor); // what the recording is taken to have been made at
    float *faster = NULL;
    size_t count;
    if (from == wave->rate) return true;
    return !cv_resample(wave->sample, wave->count, from, wave->rate, &faster, &count, NULL) &&
           cv_wave_replace(wave, faster, count);
}

const cv_change cv_change_speed = {
    .name = "speed",
    .help = "played faster or slower by resampling: pitch and tempo change together",
    .sort = CV_CHANGE_SOUND,
    .schema = speed_schema,
    .config_size = sizeof(speed),
    .reach = speed_reach,
    .sound = speed_sound,
};
