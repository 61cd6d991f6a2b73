#include "audio/augment.h"

#include "audio/sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(field) .offset = offsetof(cv_augment_config, field)
const cv_option cv_augment_schema[] = {
    {.name = "copies",
     .type = CV_INT,
     FIELD(copies),
     .required = true,
     .min = 0,
     .max = 100,
     .help = "changed versions of every training recording, beside itself"},
    {.name = "speed", .type = CV_FLOAT, FIELD(speed), .max = 0.5, .help = "0.15: 0.85 to 1.15 times as fast"},
    {.name = "shift", .type = CV_FLOAT, FIELD(shift), .max = 10, .help = "up to so many seconds later or earlier"},
    {.name = "gain", .type = CV_FLOAT, FIELD(gain), .max = 40, .help = "up to so many dB louder or softer"},
    {.name = "noise",
     .type = CV_FLOAT,
     FIELD(noise),
     .max = 100,
     .help = "white noise, at the loudest so many dB below the recording; 0: none"},
    {.name = NULL},
};

// What is drawn for one version.
typedef struct change {
    double factor;  // of the speed
    int64_t before; // samples of silence in front; below 0: samples cut off
    float gain;     // of the amplitude
    float noise;    // its amplitude, relative to the recording's
} change;

static change draw(const cv_augment_config *config, cv_random *random, int rate) {
    const double speed = (double)cv_random_uniform(random, -1, 1), shift = (double)cv_random_uniform(random, -1, 1),
                 gain = (double)cv_random_uniform(random, -1, 1), noise = (double)cv_random_uniform(random, 0, 1);
    return (change){
        .factor = 1 + speed * config->speed,
        .before = llround(shift * config->shift * rate),
        .gain = (float)pow(10, gain * config->gain / 20),
        .noise = config->noise > 0 ? (float)(noise * pow(10, -config->noise / 20)) : 0,
    };
}

static float amplitude(const float *sample, size_t count) {
    double sum = 0;
    for (size_t t = 0; t < count; t++) sum += (double)sample[t] * (double)sample[t];
    return (float)sqrt(sum / (double)count);
}

// sample[0..count] behind `before` zeros, or without its first -before samples; one sample at least is left.
static float *move(const float *sample, size_t count, int64_t before, size_t *out_count) {
    const size_t cut = before >= 0 ? 0 : (size_t)-before < count ? (size_t)-before : count - 1;
    const size_t front = before > 0 ? (size_t)before : 0;
    *out_count = front + count - cut;
    float *out = cv_alloc(*out_count, sizeof *out);
    if (out) memcpy(out + front, sample + cut, (count - cut) * sizeof *out);
    return out;
}

static bool add_noise(cv_random *random, float loudness, float *sample, size_t count) {
    float *noise = cv_alloc(count, sizeof *noise);
    if (!noise) return false;
    cv_random_normal(random, 0, loudness, noise, count);
    for (size_t t = 0; t < count; t++) sample[t] += noise[t];
    free(noise);
    return true;
}

bool cv_augment(const cv_augment_config *config, cv_random *random, const float *sample, size_t count, int rate,
                float **out, size_t *out_count) {
    const change c = draw(config, random, rate);
    const int from = (int)lround(rate * c.factor); // what is taken to have been recorded at this rate
    float *resampled = NULL;
    *out = NULL;
    bool good = from == rate || !cv_resample(sample, count, from, rate, &resampled, &count, NULL);
    if (good) {
        if (resampled) sample = resampled;
        *out = move(sample, count, c.before, out_count);
        good = *out;
    }
    if (good && c.noise > 0) good = add_noise(random, c.noise * amplitude(sample, count), *out, *out_count);
    for (size_t t = 0; good && t < *out_count; t++) (*out)[t] *= c.gain;
    if (!good && *out) {
        free(*out);
        *out = NULL;
    }
    free(resampled);
    return good;
}
