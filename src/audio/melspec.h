// Mel spectrograms as torch.stft with torchaudio's or librosa's filters gives them, and their logarithms: what logmel,
// mfcc_torch and pcen begin with.
#pragma once

#include "audio/spectrum.h"

#include <math.h>

typedef struct cv_melspec {
    cv_framing framing;
    int window, align, pad, mel;
    bool center;
    double power;
} cv_melspec;

// The options; field `member` of `type` is a cv_melspec.
#define CV_MELSPEC_OPTIONS(type_, member_, filters_)                                                                   \
    CV_FRAMING_OPTIONS(type_, member_.framing, filters_, 0),                                                           \
        CV_OPTION("window", CV_WORD, type_, member_.window, "shape of a frame, periodic as torch.hann_window",         \
                  .words = "hann|hamming|rectangular"),                                                                \
        CV_OPTION("center", CV_BOOL, type_, member_.center,                                                            \
                  "frame t is centred on sample t * hop, with half a transform of padding at both ends; false: it "    \
                  "begins there",                                                                                      \
                  .fallback = true),                                                                                   \
        CV_OPTION("align", CV_WORD, type_, member_.align,                                                              \
                  "with center: false, what begins at sample t * hop: the window, or the whole transform, in whose "   \
                  "middle the window lies, as in torch.stft",                                                          \
                  .words = "window|transform"),                                                                        \
        CV_OPTION("pad", CV_WORD, type_, member_.pad,                                                                  \
                  "what lies beyond the ends when centred: the clip mirrored, or silence", .words = "reflect|zero"),   \
        CV_OPTION("mel", CV_WORD, type_, member_.mel,                                                                  \
                  "htk: peaks of 1, torchaudio's default; slaney: areas of 1, librosa's default",                      \
                  .words = "htk|slaney"),                                                                              \
        CV_OPTION("power", CV_FLOAT, type_, member_.power,                                                             \
                  "exponent of the magnitudes that the filters add up: 2 for energy", .fallback = 2,                   \
                  CV_RANGE(0.1, 10))

// Finds the number of frames of a clip; returns false, with the reason in why, if the options are invalid.
bool cv_melspec_infer(const cv_melspec *options, int rate, int64_t *count, char *why, size_t why_size);
// The tables, with room for `table` values of the caller's; the options are valid. NULL: no memory.
cv_spectrum *cv_melspec_new(const cv_melspec *options, int rate, size_t table);
// Lays out a clip in this memory, cv_melspec_room numbers, all 0.
size_t cv_melspec_room(const cv_melspec *options, const cv_spectrum *spectrum);
cv_spectrum_work cv_melspec_begin(const cv_melspec *options, const cv_spectrum *spectrum, const float *sample,
                                  size_t count, void *memory);
// Returns whether frame t is computed from samples t * hop ... t * hop + *reach alone, without range.
bool cv_melspec_apart(const cv_melspec *options, int rate, size_t *hop, size_t *reach);
// Writes what the filters add up in frame t to work->mel.
void cv_melspec_frame(const cv_melspec *options, const cv_spectrum *spectrum, size_t t, cv_spectrum_work *work);
// Adds nodes from "samples" to "front.mel", [N, count, filters] of doubles; index as in cv_spectrum_fill.
void cv_melspec_graph(const cv_melspec *options, const cv_spectrum *spectrum, cv_graph *graph, int64_t *index);

// --- logarithms ---------------------------------------------------------------------------------------------------

typedef struct cv_log {
    int log;
    double floor, offset, range;
    bool relative;
} cv_log;

enum { CV_LOG_NATURAL, CV_LOG_DB, CV_LOG_10 };

// Their options; field `member` of `type` is a cv_log.
#define CV_LOG_OPTIONS(type_, member_, log_, range_, relative_)                                                        \
    CV_OPTION("log", CV_WORD, type_, member_.log, "natural logarithm, decibels: 20/power log10, or log10",             \
              .fallback = (log_), .words = "natural|db|log10"),                                                        \
        CV_OPTION("floor", CV_FLOAT, type_, member_.floor, "smaller sums are raised to this before the logarithm",     \
                  .fallback = 1e-10, CV_RANGE(1e-30, 1)),                                                              \
        CV_OPTION("offset", CV_FLOAT, type_, member_.offset, "added to the sums before the logarithm: log(x + c)",     \
                  CV_RANGE(0, 1000)),                                                                                  \
        CV_OPTION("range", CV_FLOAT, type_, member_.range,                                                             \
                  "none lies further than this below the clip's largest value; 0: off", .fallback = (range_),          \
                  CV_RANGE(0, 1000)),                                                                                  \
        CV_OPTION("relative", CV_BOOL, type_, member_.relative,                                                        \
                  "with range, values are relative to the clip's largest: loudness does not count, as "                \
                  "librosa.power_to_db(ref=max, top_db=range)",                                                        \
                  .fallback = (relative_))

// Returns the factor of the natural logarithm.
double cv_log_unit(const cv_log *options, double power);
// Returns the logarithm of a sum of filter outputs; unit: that factor.
static inline double cv_log_of(const cv_log *options, double unit, double sum) {
    return unit * log(fmax(sum + options->offset, options->floor));
}
// Adds nodes from "front.mel" to "front.log", without range.
void cv_log_graph(const cv_log *options, double power, cv_graph *graph);
