// How the plan divides a pass among blocks, threads and the optimiser. Only ops that request it by a trait (lockstep,
// in_parts, adds_dx) read any of this; the author of a layer need not.
#pragma once

#include "base/base.h"

enum { CV_MOST_PARTS = 16 };

// Receives `count` numbers of the gradient of tensor `tensor` of an op, from number `first` on.
typedef void cv_receive_gradient(void *receiver, int tensor, int64_t first, int64_t count, const void *gradient);

typedef struct cv_share {
    int blocks; // of this call: 1, but more with .lockstep; the values of block i are i * apart lanes further on
    size_t apart;
    int part, parts;              // with .in_parts: which part of the pass to do, of how many; below 2: all of it
    bool add;                     // with .adds_dx: dx[0] is added to
    cv_receive_gradient *receive; // with .in_parts: is given the gradients in place of .grad; NULL: they go there
    void *receiver;
} cv_share;

typedef struct cv_span {
    int64_t first, end;
} cv_span;

// Returns the span of `count` items that belongs to the part, in whole groups of `unit` except the last.
static inline cv_span cv_part(const cv_share *s, int64_t count, int64_t unit) {
    if (s->parts < 2) return (cv_span){0, count};
    const int64_t units = (count + unit - 1) / unit, first = units * s->part / s->parts * unit,
                  end = units * (s->part + 1) / s->parts * unit;
    return (cv_span){first, end < count ? end : count};
}
