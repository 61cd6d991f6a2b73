// What all front ends that are made of frames share: the rows of values that a kind computes, one for each frame,
// become what the net reads.
#pragma once

#include "base/option.h"
#include "format/graph.h"
#include "op/shape.h"

typedef struct cv_rows {
    int layout, scale;
    int64_t deltas, delta_reach;
} cv_rows;

enum { CV_ROWS_MATRIX = 4096 }; // frames of a clip, at most, that a matrix in a graph goes through
enum { CV_ROWS_IMAGE, CV_ROWS_CHANNELS };
enum { CV_ROWS_AS_THEY_ARE, CV_ROWS_CLIP, CV_ROWS_CMN, CV_ROWS_CMVN };

// The options; field `member` of `type` is a cv_rows.
#define CV_ROWS_OPTIONS(type_, member_, layout_)                                                                       \
    CV_OPTION("deltas", CV_INT, type_, member_.deltas,                                                                 \
              "1: how each value changes over time as well; 2: and how that changes; torchaudio's compute_deltas",     \
              CV_RANGE(0, 2)),                                                                                         \
        CV_OPTION("delta_reach", CV_INT, type_, member_.delta_reach,                                                   \
                  "frames on each side that a delta is computed from", .fallback = 2, CV_RANGE(1, 100)),               \
        CV_OPTION("scale", CV_WORD, type_, member_.scale,                                                              \
                  "within each clip, before deltas: clip: zero mean and unit variance; cmn: zero mean of each filter " \
                  "or coefficient; cmvn: and unit variance",                                                           \
                  .words = "none|clip|cmn|cmvn"),                                                                      \
        CV_OPTION("layout", CV_WORD, type_, member_.layout,                                                            \
                  "image: (1, frames, values) for conv2d; channels: (values, frames) for conv1d; deltas are further "  \
                  "maps or channels",                                                                                  \
                  .fallback = (layout_), .words = "image|channels")

// What `count` rows of `values` values become.
cv_shape cv_rows_shape(const cv_rows *options, int64_t count, int64_t values);
// Returns whether they are that already, so that they can be computed in place.
bool cv_rows_plain(const cv_rows *options);
// Turns rows, [count][values], into out. work: cv_rows_work numbers.
size_t cv_rows_work(const cv_rows *options, size_t count, size_t values);
void cv_rows_finish(const cv_rows *options, size_t count, size_t values, float *rows, float *work, float *out);
// The same as nodes, from "front.rows", [N, count, values], to "features".
void cv_rows_graph(const cv_rows *options, size_t count, cv_graph *graph);
// Returns why a value depends on frames of the whole clip: "scale: cmvn ..."; NULL if it does not.
const char *cv_rows_whole(const cv_rows *options);
