// Pitch: higher or lower at the same tempo. The recording is made longer or shorter without changing its pitch (WSOLA),
// then played so much faster or slower that it lasts as long as before.
//
// WSOLA: frames of a fixed length are taken from the recording at one distance and added up at another; each frame may
// start a little earlier or later, where it continues best what the frame before has begun. Werner Verhelst and Marc
// Roelands, "An overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993.
#include "change/kind.h"
#include "change/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct pitch {
    double semitones;
} pitch;

static const cv_option pitch_schema[] = {
    CV_OPTION("semitones", CV_FLOAT, pitch, semitones, "up to so many higher or lower", .required = true,
              CV_RANGE(0, 12)),
    {.name = NULL},
};

enum { STEP = 4 }; // samples from one place that is tried to the next; then those around the best are tried
static const double hop_seconds = 0.016, search_seconds = 0.008; // a period of 62 Hz can be found

static convo_status pitch_prepare(const void *config, const cv_change_setup *setup, void **tables, convo_error *err) {
    (void)setup;
    *tables = cv_resampler_new(exp2(((const pitch *)config)->semitones / 12));
    return *tables ? CONVO_OK : cv_no_memory(err, "pitch");
}

static double pitch_reach(const void *config, int rate, double count) {
    (void)config;
    return count + 4 * hop_seconds * rate + 64; // two frames, what is searched, and the resampler's filter
}

// How much x[at...] is like x[follow...]: their normalised correlation, up to a factor that all places share.
static double likeness(const float *x, int64_t at, int64_t follow, size_t hop) {
    return (double)cv_dot(x + at, x + follow, hop) / sqrt((double)cv_dot(x + at, x + at, hop) + 1e-12);
}

// The place within `search` of `near` that is most like x[follow...], among every `step`-th.
static int64_t find_similar(const float *x, int64_t near, int64_t follow, int64_t search, int64_t step, size_t hop) {
    double best = -INFINITY;
    int64_t found = near;
    for (int64_t at = near - search; at <= near + search; at += step) {
        const double like = likeness(x, at, follow, hop);
        if (like <= best) continue;
        best = like;
        found = at;
    }
    return found;
}

// The recording `factor` times as long. padded: its samples, after `front` zeros and before as many as frames may read.
static float *stretch(const float *padded, size_t front, size_t count, double factor, int rate, size_t *out_count) {
    const size_t hop = (size_t)ceil(hop_seconds * rate), length = (size_t)ceil((double)count * factor);
    const int64_t search = (int64_t)ceil(search_seconds * rate);
    const float *x = padded + front;
    float *out = cv_alloc(length + 2 * hop, sizeof *out);
    float *weight = cv_alloc(2 * hop, sizeof *weight); // Hann's window
    int64_t at = 0;
    for (size_t k = 0; weight && k < 2 * hop; k++) weight[k] = (float)(0.5 - 0.5 * cos(M_PI * (double)k / (double)hop));
    *out_count = length;
    for (size_t start = 0; out && weight && start < length; start += hop) {
        const int64_t near = llround((double)start / factor);
        const int64_t follow = at + (int64_t)hop;
        if (start > 0) at = find_similar(x, find_similar(x, near, follow, search, STEP, hop), follow, STEP, 1, hop);
        for (size_t k = 0; k < 2 * hop; k++) // the first frame begins with full strength
            out[start + k] += (start == 0 && k < hop ? 1 : weight[k]) * x[at + (int64_t)k];
    }
    if (!weight) {
        free(out);
        out = NULL;
    }
    free(weight);
    return out;
}

bool cv_wave_pitch(const cv_resampler *resampler, cv_wave *wave, double factor) {
    const size_t front = (size_t)ceil(search_seconds * wave->rate) + STEP;
    const size_t behind = front + 4 * (size_t)ceil(hop_seconds * wave->rate);
    float *padded = cv_alloc(front + wave->count + behind, sizeof *padded), *longer = NULL, *result = NULL;
    size_t length = 0, count = 0;
    if (padded) {
        memcpy(padded + front, wave->sample, wave->count * sizeof *padded);
        longer = stretch(padded, front, wave->count, factor, wave->rate, &length);
    }
    if (longer) result = cv_resampler_run(resampler, longer, length, factor, &count);
    free(padded);
    free(longer);
    if (!result) return false;
    memcpy(wave->sample, result, (count < wave->count ? count : wave->count) * sizeof *result);
    free(result);
    return true;
}

static bool pitch_sound(const void *config, const void *tables, cv_draws *draws, cv_wave *wave) {
    const double most = ((const pitch *)config)->semitones, semitones = cv_draws_between(draws, -most, most);
    return most == 0 || cv_wave_pitch(tables, wave, exp2(semitones / 12));
}

const cv_change cv_change_pitch = {
    .name = "pitch",
    .help = "higher or lower at the same tempo",
    .sort = CV_CHANGE_SOUND,
    .schema = pitch_schema,
    .config_size = sizeof(pitch),
    .prepare = pitch_prepare,
    .release = free,
    .reach = pitch_reach,
    .sound = pitch_sound,
};
