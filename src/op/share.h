// How the plan divides a pass among blocks, threads, the optimiser and neighbouring ops. Only ops that request it by a
// trait (lockstep, in_parts, splits, adds_dx, normalises, along, opened) read any of this; the author of a layer need
// not.
#pragma once

#include "base/base.h"

enum { CV_MOST_PARTS = 16 };

// Receives `count` numbers of the gradient of tensor `tensor` of an op, from number `first` on.
typedef void cv_receive_gradient(void *receiver, int tensor, int64_t first, int64_t count, const void *gradient);

typedef struct cv_span {
    int64_t first, end;
} cv_span;

// Some pixels of some maps.
typedef struct cv_region {
    cv_span maps, pixels;
} cv_region;

// Is told of a region of y or of dx[0]. Those of a map come in order, each from where the last one ended.
typedef void cv_follow(void *follower, cv_region region);

// What batch norm, with a relu behind it, makes of a map, channel by channel:
//
//   y  = (x - mean) factor + shift, cut to low..high
//   dx = factor (g - mean_dy - (x - mean) scale mean_dot)      g = dy where low < y < high, else 0
//
// y need not be written: an op that reads it can compute it from x as it goes (.opened).
typedef struct cv_norm_channel {
    double mean, scale, factor, shift; // scale: 1 / sqrt(variance + eps)
} cv_norm_channel;
typedef struct cv_norm_gradient {
    double mean_dy, mean_dot; // of g, and of g (x - mean) scale, over the batch
} cv_norm_gradient;
typedef struct cv_norm {
    const cv_norm_channel *channel; // what .statistics merged
    double low, high;               // infinite: nothing is cut
} cv_norm;

typedef struct cv_share {
    int blocks; // of this call: 1, but more with .lockstep; the values of block i are i * apart lanes further on
    size_t apart;
    int part, parts;              // with .in_parts, or .splits, where a part has scratch of its own and changes no bit:
                                  // which part of the pass to do, of how many; below 2: all of it
    bool add;                     // with .adds_dx: dx[0] is added to
    cv_receive_gradient *receive; // with .in_parts: is given the gradients in place of .grad; NULL: they go there
    void *receiver;
    cv_follow *done; // with .along: to be called when a region of y, or of dx[0], is done; NULL: nobody waits
    void *follower;
    const cv_region *region; // with .normalises: what is to be gathered; NULL: all
    const cv_norm *cut;      // with .normalises: low..high that y is cut to; NULL: it is not
    const cv_norm *x_norm;   // with .opened: x[0] stands for what this norm makes of it; NULL: it is what it is
} cv_share;

// Returns the span of `count` items that belongs to the part, in whole groups of `unit` except the last.
static inline cv_span cv_part(const cv_share *s, int64_t count, int64_t unit) {
    if (s->parts < 2) return (cv_span){0, count};
    const int64_t units = (count + unit - 1) / unit, first = units * s->part / s->parts * unit,
                  end = units * (s->part + 1) / s->parts * unit;
    return (cv_span){first, end < count ? end : count};
}
