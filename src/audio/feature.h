// Front ends: from the samples of one recording to what the net sees. One file per kind, src/audio/NAME.c.
#ifndef CV_FEATURE_H
#define CV_FEATURE_H

#include "format/graph.h"
#include "base/option.h"
#include "op/shape.h"

typedef struct cv_front cv_front;

typedef struct cv_feature {
    const char *name;        // as recipes write it in features.kind
    const char *help;        // one line
    const cv_option *schema; // without `kind`, `rate` and `normalize`, which every kind shares
    size_t config_size;
    // Output shape at `rate` hertz, or false and a sentence in why.
    bool (*infer)(const void *config, int rate, cv_shape *out, char *why, size_t why_size);
    // Tables that do not change from clip to clip (window, filterbank, transform); NULL without memory. Both may be
    // NULL: there are none.
    void *(*prepare)(const void *config, int rate);
    void (*release)(void *tables);
    // samples: mono, [-1, 1), any count > 0. out: the inferred shape, row-major. Reentrant. false: no memory.
    bool (*compute)(const void *config, const void *tables, const float *sample, size_t count, float *out);
    // The same as nodes from the value "samples", [N, the number that is returned], to "features", [N, the shape]; -1
    // and a sentence in why where it cannot be said so. NULL: never. What does not fit into memory shows in
    // graph->failed.
    int64_t (*graph)(const void *config, int rate, cv_graph *graph, char *why, size_t why_size);
} cv_feature;

extern const cv_feature cv_feature_waveform, cv_feature_mfcc, cv_feature_logmel;

// Kind k of those there are, NULL at the end.
const cv_feature *cv_feature_at(size_t k);
const cv_feature *cv_feature_find(const char *name);

// A front end ready to compute: kind, a copy of its options, tables. May be used from several threads at once.
convo_status cv_front_new(const cv_feature *kind, const void *config, int rate, cv_front **front, convo_error *err);
void cv_front_free(cv_front *front);
cv_shape cv_front_shape(const cv_front *front);
int cv_front_rate(const cv_front *front);
int64_t cv_front_samples(const cv_front *front); // of a recording that it reads: the rest is cut off
convo_status cv_front_compute(const cv_front *front, const float *sample, size_t count, float *out, convo_error *err);
// Decodes, resamples to the front end's rate and computes. length: samples of the whole recording at that rate; NULL:
// not wanted.
convo_status cv_front_compute_file(const cv_front *front, const char *path, float *out, int64_t *length,
                                   convo_error *err);

#endif
