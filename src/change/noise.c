// Noise: a piece of a recording of noise, added at a signal-to-noise ratio, or white noise.
#include "base/file.h"
#include "change/kind.h"
#include "change/recordings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct noise {
    double white; // below 0: from recordings
    double snr[2];
    char path[CV_TEXT_SIZE];
} noise;

static const cv_option noise_schema[] = {
    CV_OPTION("white", CV_FLOAT, noise, white,
              "white noise instead of recordings, at the loudest so many dB below the recording; 0: none. "
              "`noise: 20` is short for `noise: {white: 20}`",
              .fallback = -1, CV_RANGE(0, 100)),
    CV_OPTION("path", CV_TEXT, noise, path,
              "a folder of recordings of noise; without it, `_background_noise_` of the data set"),
    CV_OPTION("snr", CV_SPAN, noise, snr,
              "signal-to-noise ratio in dB, drawn from this range: power of the recording (without silence that was "
              "added) against that of the noise",
              .text = "[0, 20]", CV_RANGE(-40, 100)),
    {.name = NULL},
};

static const char background[] = "_background_noise_"; // Speech Commands' name

static convo_status noise_prepare(const void *config, const cv_change_setup *setup, void **tables, convo_error *err) {
    const noise *o = config;
    if (o->white >= 0) return CONVO_OK;
    char *folder =
        o->path[0] ? cv_format("%s", o->path) : cv_format("%s/%s", setup->folder ? setup->folder : "", background);
    cv_recordings *recordings = cv_alloc(1, sizeof *recordings);
    convo_status status = CONVO_OK;
    if (!folder || !recordings)
        status = cv_no_memory(err, "noise");
    else if (!o->path[0] && !(setup->folder && cv_is_folder(folder)))
        status = cv_fail(err, CONVO_ARGUMENT, setup->folder ? setup->folder : "augment.noise",
                         "the data set has no folder %s: give 'noise' the 'path' of a folder of recordings, or a "
                         "number for white noise",
                         background);
    else
        status = cv_recordings_read(folder, "noise", setup->rate, recordings, err);
    free(folder);
    if (status)
        free(recordings);
    else
        *tables = recordings;
    return status;
}

static void noise_release(void *tables) {
    cv_recordings_free(tables);
    free(tables);
}

// Silence up to the window: the noise goes on where the recording has ended.
static bool fill_window(cv_wave *wave) {
    const size_t begin = wave->begin, end = wave->end;
    if (wave->count >= wave->window) return true;
    float *longer = cv_alloc(wave->window, sizeof *longer);
    if (longer) memcpy(longer, wave->sample, wave->count * sizeof *longer);
    if (!cv_wave_replace(wave, longer, wave->window)) return false;
    wave->begin = begin;
    wave->end = end;
    return true;
}

static void add_white(const noise *o, cv_draws *draws, cv_wave *wave) {
    const double loudest = o->white > 0 ? sqrt(cv_wave_power(wave)) * pow(10, -o->white / 20) : 0;
    const double amplitude = cv_draws_unit(draws) * loudest;
    if (amplitude > 0)
        for (size_t t = 0; t < wave->count; t++) wave->sample[t] += (float)(amplitude * cv_draws_normal(draws));
}

// A random place of a random recording, from its start again where it ends. Next to silence, which has no ratio to it,
// the noise is as loud as it was recorded.
static void add_recorded(const noise *o, const cv_recordings *all, cv_draws *draws, cv_wave *wave) {
    const struct cv_kept *from = &all->recording[cv_draws_below(draws, all->count)];
    const bool longer = from->count > wave->count;
    const size_t start = (size_t)cv_draws_below(draws, longer ? from->count - wave->count + 1 : from->count);
    const double ratio = pow(10, cv_draws_between(draws, o->snr[0], o->snr[1]) / 10), signal = cv_wave_power(wave);
    double power = 0;
    for (size_t t = 0, at = start; t < wave->count; t++, at = at + 1 < from->count ? at + 1 : 0)
        power += (double)from->sample[at] * (double)from->sample[at];
    power /= (double)wave->count;
    if (power == 0) return;
    const float scale = signal > 0 ? (float)sqrt(signal / ratio / power) : from->scale;
    for (size_t t = 0, at = start; t < wave->count; t++, at = at + 1 < from->count ? at + 1 : 0)
        wave->sample[t] += scale * (float)from->sample[at];
}

static bool noise_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    const noise *o = config;
    if (!fill_window(wave)) return false;
    if (tables)
        add_recorded(o, tables, draws, wave);
    else
        add_white(o, draws, wave);
    return true;
}

const cv_change cv_change_noise = {
    .name = "noise",
    .help = "recorded or white noise in the background. A silent recording gets the noise as it was recorded",
    .sort = CV_CHANGE_SOUND,
    .schema = noise_schema,
    .config_size = sizeof(noise),
    .prepare = noise_prepare,
    .release = noise_release,
    .sound = noise_sound,
};
