// What front ends made of frames share: their sizes, spectra, banks of mel filters, the cosine transform.
#pragma once

#include "audio/fft.h"
#include "audio/sound.h"
#include "format/graph.h"
#include "base/option.h"

// The options that all of them have.
typedef struct cv_framing {
    int64_t samples, fft, filters;
    double window_ms, hop_ms, low, high;
} cv_framing;

// The part of the schema of `type` for these options; field `member` is a cv_framing.
#define CV_FRAMING_OPTIONS(type_, member_, filters_, low_)                                                             \
    CV_SAMPLES_OPTION(type_, member_.samples),                                                                         \
        CV_OPTION("window_ms", CV_FLOAT, type_, member_.window_ms, "length of a frame in milliseconds",                \
                  .fallback = 25, CV_RANGE(0.1, 10000)),                                                               \
        CV_OPTION("hop_ms", CV_FLOAT, type_, member_.hop_ms,                                                           \
                  "distance between the beginnings of two frames in milliseconds", .fallback = 10,                     \
                  CV_RANGE(0.1, 10000)),                                                                               \
        CV_OPTION("fft", CV_INT, type_, member_.fft,                                                                   \
                  "points of the Fourier transform; 0: the next power of two from the window on", .fallback = 0,       \
                  CV_RANGE(0, 1 << 20)),                                                                               \
        CV_OPTION("filters", CV_INT, type_, member_.filters, "mel filters", .fallback = (filters_),                    \
                  CV_RANGE(1, 1024)),                                                                                  \
        CV_OPTION("low", CV_FLOAT, type_, member_.low, "lower end of the first filter in hertz", .fallback = (low_),   \
                  CV_RANGE(0, CV_RATE_MAX)),                                                                           \
        CV_OPTION("high", CV_FLOAT, type_, member_.high,                                                               \
                  "upper end of the last filter in hertz; 0: half the sample rate", .fallback = 0,                     \
                  CV_RANGE(0, CV_RATE_MAX))

#define CV_SAMPLES_OPTION(type_, member_)                                                                              \
    CV_OPTION("samples", CV_INT, type_, member_,                                                                       \
              "length of a clip: longer ones are cut, shorter ones get zeros at the end", .required = true,            \
              CV_RANGE(1, CV_LIMIT_CLIP))

// The framing at a given sample rate, in samples; `low` and `high` in hertz.
typedef struct cv_frames {
    size_t samples, window, hop, fft, bins, filters;
    double low, high;
    int rate;
} cv_frames;

// Returns false, with the reason in why, if the sizes are invalid.
bool cv_frames_of(const cv_framing *options, int rate, cv_frames *frames, char *why, size_t why_size);

// --- triangular filters, evenly spaced on the mel scale ------------------------------------------------------------

typedef enum cv_bank_kind {
    CV_BANK_HTK,    // 2595 log10(1 + f/700), peaks of 1: torchaudio's default
    CV_BANK_SLANEY, // linear up to 1 kHz, logarithmic above, areas of 1: librosa's default
    CV_BANK_PSF,    // as HTK with edges rounded down to bins: python_speech_features
    CV_BANK_KALDI,  // as HTK, triangles over mel instead of hertz
} cv_bank_kind;

typedef struct cv_bank cv_bank;

// Returns whether every filter covers a bin, else the reason in why.
bool cv_bank_full(const cv_frames *frames, cv_bank_kind kind, char *why, size_t why_size);
cv_bank *cv_bank_new(const cv_frames *frames, cv_bank_kind kind); // NULL without memory
void cv_bank_free(cv_bank *bank);
// The same as slopes, k of 0 ... filters: between two peaks, filter k rises as much as filter k - 1 falls. Returns its
// number of bins, from *first on, and what share of each goes to filter k; times the gain of the filter.
size_t cv_bank_slope(const cv_bank *bank, size_t k, size_t *first, double *weight /* [bins] */);
double cv_bank_gain(const cv_bank *bank, size_t filter);
void cv_bank_apply(const cv_bank *bank, const double *spectrum /* [bins] */, double *out /* [filters] */);

// --- frame by frame ------------------------------------------------------------------------------------------------

// What a frame-based front end keeps between clips.
typedef struct cv_spectrum {
    cv_frames frames;
    size_t count; // of frames in a clip
    cv_fft *fft;
    cv_bank *bank;
    double *window; // [window], ones: the front end may shape it
    double *table;  // the front end's own
} cv_spectrum;

// table: number of values the front end keeps in `table`. Returns NULL if memory runs out.
cv_spectrum *cv_spectrum_new(const cv_frames *frames, size_t count, cv_bank_kind kind, size_t table);
void cv_spectrum_free(void *spectrum);

// Work memory for one clip.
typedef struct cv_spectrum_work {
    double *signal;      // [length], zeros, filled by the caller
    double *power, *mel; // [bins] of the last frame; [filters], for the caller
    double *frame, *fft;
} cv_spectrum_work;
// A signal of `length` samples and the rest in this memory, cv_spectrum_room numbers, all 0.
size_t cv_spectrum_room(const cv_spectrum *s, size_t length);
cv_spectrum_work cv_spectrum_work_in(const cv_spectrum *s, size_t length, void *memory);
// Writes the squared magnitudes of the frame that begins at `from`, times the window, to w->power.
void cv_spectrum_frame(const cv_spectrum *s, const double *from, cv_spectrum_work *w);

// --- cepstra -------------------------------------------------------------------------------------------------------

// Returns whether that many cepstra can be had, else the reason in why.
bool cv_cepstra_fit(int64_t cepstra, int64_t filters, char *why, size_t why_size);
// Writes row k of the orthonormal DCT-II of `filters` values, times a factor.
void cv_cosine_row(size_t k, size_t filters, double factor, double *row);
// Adds "front.transform", [filters, cepstra - first], from such rows in s->table, [cepstra][filters].
void cv_cosine_graph(const cv_spectrum *s, size_t cepstra, size_t first, cv_graph *graph);

// --- as a graph ----------------------------------------------------------------------------------------------------

// Writes the nodes of a frame-based front end. fill: writes its own nodes and, to index, [count][window], the number of
// the sample at each position of each frame; the number of samples stands for a zero. Frees s, which may be NULL if
// memory ran out. Returns the samples of a clip; -1 if graph->failed is set or the reason is in why.
typedef void cv_spectrum_fill(const void *config, const cv_spectrum *s, cv_graph *graph, int64_t *index);
int64_t cv_spectrum_nodes(cv_spectrum *s, const void *config, cv_spectrum_fill *fill, cv_graph *graph, char *why,
                          size_t why_size);
// Adds nodes from "front.signal", [N, samples] of doubles, to "front.energy", [N, count, bins]: the squared magnitudes
// of the spectrum. Adds "front.bank", [bins, filters]. frame: what a front end does to a frame before its transform,
// in place, which is linear; context is handed on. Called with the frame of a single sample, [window].
typedef void cv_spectrum_shape(const void *context, const cv_spectrum *s, double *frame);
void cv_spectrum_graph(const cv_spectrum *s, cv_spectrum_shape *frame, const void *context, cv_graph *graph);
