// What mfcc and logmel share: frames of a clip and banks of mel filters.
#ifndef CV_SPECTRUM_H
#define CV_SPECTRUM_H

#include "audio/sound.h"
#include "base/graph.h"
#include "base/option.h"

// The options both kinds have.
typedef struct cv_framing {
    int64_t samples, fft, filters;
    double window_ms, hop_ms, low, high;
} cv_framing;

// Their part of the schema of `type`, whose field `member` is a cv_framing.
#define CV_FRAMING_OPTIONS(type_, member_, filters_)                                                                   \
    CV_SAMPLES_OPTION(type_, member_.samples),                                                                         \
        {.name = "window_ms",                                                                                          \
         .type = CV_FLOAT,                                                                                             \
         .offset = offsetof(type_, member_.window_ms),                                                                 \
         .fallback = 25,                                                                                               \
         .min = 0.1,                                                                                                   \
         .max = 10000,                                                                                                 \
         .help = "length of a frame in milliseconds"},                                                                 \
        {.name = "hop_ms",                                                                                             \
         .type = CV_FLOAT,                                                                                             \
         .offset = offsetof(type_, member_.hop_ms),                                                                    \
         .fallback = 10,                                                                                               \
         .min = 0.1,                                                                                                   \
         .max = 10000,                                                                                                 \
         .help = "distance between the beginnings of two frames in milliseconds"},                                     \
        {.name = "fft",                                                                                                \
         .type = CV_INT,                                                                                               \
         .offset = offsetof(type_, member_.fft),                                                                       \
         .fallback = 0,                                                                                                \
         .min = 0,                                                                                                     \
         .max = 1 << 20,                                                                                               \
         .help = "points of the Fourier transform, a power of two; 0: the next one from the window on"},               \
        {.name = "filters",                                                                                            \
         .type = CV_INT,                                                                                               \
         .offset = offsetof(type_, member_.filters),                                                                   \
         .fallback = (filters_),                                                                                       \
         .min = 1,                                                                                                     \
         .max = 1024,                                                                                                  \
         .help = "mel filters"},                                                                                       \
        {.name = "low",                                                                                                \
         .type = CV_FLOAT,                                                                                             \
         .offset = offsetof(type_, member_.low),                                                                       \
         .fallback = 0,                                                                                                \
         .min = 0,                                                                                                     \
         .max = CV_RATE_MAX,                                                                                           \
         .help = "lower end of the first filter in hertz"},                                                            \
    {                                                                                                                  \
        .name = "high", .type = CV_FLOAT, .offset = offsetof(type_, member_.high), .fallback = 0, .min = 0,            \
        .max = CV_RATE_MAX, .help = "upper end of the last filter in hertz; 0: half the sample rate"                   \
    }

#define CV_SAMPLES_OPTION(type_, member_)                                                                              \
    {                                                                                                                  \
        .name = "samples", .type = CV_INT, .offset = offsetof(type_, member_), .required = true, .min = 1,             \
        .max = CV_LIMIT_CLIP, .help = "length of a clip: longer ones are cut, shorter ones get zeros at the end"       \
    }

// The framing at a sample rate, in samples; `low` and `high` in hertz.
typedef struct cv_frames {
    size_t samples, window, hop, fft, bins, filters;
    double low, high;
    int rate;
} cv_frames;

// false and a sentence in why when the sizes do not make sense.
bool cv_frames_of(const cv_framing *options, int rate, cv_frames *frames, char *why, size_t why_size);

// --- triangular filters, evenly spaced on the mel scale ------------------------------------------------------------

typedef enum cv_bank_kind {
    CV_BANK_HTK,    // 2595 log10(1 + f/700), peaks of 1: torchaudio's default
    CV_BANK_SLANEY, // linear up to 1 kHz, logarithmic above, areas of 1: librosa's default
    CV_BANK_PSF,    // as HTK with edges rounded down to bins: python_speech_features
} cv_bank_kind;

typedef struct cv_bank cv_bank;

// Index of the first filter that covers no bin at all, or -1; `range` receives its ends in hertz.
int cv_bank_empty(const cv_frames *frames, cv_bank_kind kind, double range[2]);
cv_bank *cv_bank_new(const cv_frames *frames, cv_bank_kind kind); // NULL without memory
void cv_bank_free(cv_bank *bank);
void cv_bank_apply(const cv_bank *bank, const double *spectrum /* [bins] */, double *out /* [filters] */);

// --- as a graph ----------------------------------------------------------------------------------------------------

// Adds the table [count][window] that says which sample stands where in a frame, for the caller to fill; the number of
// samples stands for a zero. NULL: graph->failed, or a sentence in why.
int64_t *cv_frames_graph(cv_graph *graph, const cv_frames *frames, size_t count, char *why, size_t why_size);
// From "front.signal", [N, samples] of doubles, to "front.energy", [N, count, bins]: squares of the spectrum's
// magnitudes. Adds "front.bank", [bins, filters]. window: [window], NULL for ones.
void cv_spectrum_graph(cv_graph *graph, const cv_frames *frames, const double *window, const cv_bank *bank);

#endif
