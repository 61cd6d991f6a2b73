// Front ends: turn the samples of one recording into the input of the net. One file per kind, src/audio/NAME.c.
#pragma once

#include "audio/rows.h"
#include "audio/sound.h"

typedef struct cv_front cv_front;

typedef struct cv_feature {
    const char *name;        // as recipes write it in features.kind
    const char *help;        // one line
    const cv_option *schema; // without `kind`, `rate` and `normalize`, which every kind shares
    size_t config_size;
    // Of kinds made of frames: where in the config their cv_rows lies. They speak of one row of values for each frame:
    // `infer` gives (1, frames, values), `compute` and `graph` make [frames][values], which cv_front turns into what
    // those options ask for. 0: the kind makes the features themselves.
    size_t rows;
    // Output shape at `rate` hertz; false with the reason in why if the options are invalid.
    bool (*infer)(const void *config, int rate, cv_shape *out, char *why, size_t why_size);
    // Tables that do not depend on the recording (window, filterbank, transform); NULL if memory runs out. Both
    // functions may be NULL: there are no tables.
    void *(*prepare)(const void *config, int rate);
    void (*release)(void *tables);
    // sample: [count], mono, in [-1, 1), count > 0. work: as many bytes as the kind's `work` says, all 0. out: the
    // inferred shape, row-major. Reentrant.
    void (*compute)(const void *config, const void *tables, const float *sample, size_t count, void *work, float *out);
    size_t (*work)(const void *config, const void *tables); // NULL: none is needed
    // Returns whether every frame t is computed in the same way from samples t * hop ... t * hop + *reach alone, so
    // that a stream need compute each only once. NULL: never.
    bool (*apart)(const void *config, int rate, size_t *hop, size_t *reach);
    // Where the features are (sample - shift) * gain, in double precision, of samples cut or padded with zeros to one
    // length: computes shift and gain. NULL: they are something else.
    void (*affine)(const void *config, const float *sample, size_t count, double *shift, double *gain);
    // Returns why the features of a moment depend on the whole clip; NULL if they do not, so that they can be computed
    // while it is heard. NULL: they never do.
    const char *(*whole)(const void *config);
    // Writes the same computation as graph nodes from the value "samples", [N, returned number], to "features", [N, the
    // shape], or "front.rows", [N, frames, values]. Returns the number of samples; -1, with the reason in why, if it
    // cannot be expressed. NULL: never possible. A lack of memory shows in graph->failed.
    int64_t (*graph)(const void *config, int rate, cv_graph *graph, char *why, size_t why_size);
} cv_feature;

extern const cv_feature cv_feature_waveform, cv_feature_mfcc, cv_feature_mfcc_torch, cv_feature_logmel,
    cv_feature_fbank, cv_feature_pcen, cv_feature_micro;

// Returns kind k; NULL past the last one.
const cv_feature *cv_feature_at(size_t k);

// What a kind and its options make of a clip, beyond what the kind knows itself: see cv_feature.
bool cv_feature_infer(const cv_feature *kind, const void *config, int rate, cv_shape *out, char *why, size_t why_size);
const char *cv_feature_whole(const cv_feature *kind, const void *config);
int64_t cv_feature_graph(const cv_feature *kind, const void *config, int rate, cv_graph *graph, char *why,
                         size_t why_size);

// A front end ready to compute: its kind, a copy of its options, and its tables. Several threads may use it at once.
convo_status cv_front_new(const cv_feature *kind, const void *config, int rate, cv_front **front, convo_error *err);
void cv_front_free(cv_front *front);
cv_shape cv_front_shape(const cv_front *front);
int cv_front_rate(const cv_front *front);
int64_t cv_front_samples(const cv_front *front); // samples of a recording that it reads; the rest is cut off
convo_status cv_front_compute(const cv_front *front, const float *sample, size_t count, float *out, convo_error *err);
// Does the same with checked samples and work memory of the caller, cv_front_work bytes, and allocates nothing.
size_t cv_front_work(const cv_front *front);
void cv_front_compute_in(const cv_front *front, const float *sample, size_t count, void *work, float *out);
// Calls the kind's `apart`; false also where deltas or scaling depend on the clip.
bool cv_front_apart(const cv_front *front, size_t *hop, size_t *reach);
// Makes the same front end for clips of another length.
convo_status cv_front_resize(const cv_front *front, int64_t samples, cv_front **other, convo_error *err);
// Calls the kind's `affine`; returns false if it has none.
bool cv_front_affine(const cv_front *front, const float *sample, size_t count, double *shift, double *gain);
// Decodes a file, resamples it to the front end's rate and computes. *length (may be NULL) receives the number of
// samples of the whole recording at that rate.
convo_status cv_front_compute_file(const cv_front *front, const char *path, float *out, int64_t *length,
                                   convo_error *err);
// Does the same with a piece of the file.
convo_status cv_front_compute_piece(const cv_front *front, const char *path, const cv_piece *piece, float *out,
                                    convo_error *err);
