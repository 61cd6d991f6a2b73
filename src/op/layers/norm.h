// What batch norm makes of a map, for it and for the ops that do its work as they read the map: see cv_norm.
#pragma once

#include "op/layers/lanes.h"

// One channel. Frozen, mean and variance do not depend on x: scale, mean_dy and mean_dot are 0.
typedef struct norm {
    real mean, scale, factor, shift, mean_dy, mean_dot, low, high;
    enum norm_cut { CUTS_NOTHING, CUTS_NEGATIVE, CUTS_BOTH } cut;
} norm;

static inline norm norm_of_channel(const cv_norm *of, const cv_norm_gradient *gradient, int64_t k) {
    const cv_norm_channel c = of->channel[k];
    const cv_norm_gradient g = gradient ? gradient[k] : (cv_norm_gradient){0};
    return (norm){(real)c.mean,
                  (real)c.scale,
                  (real)c.factor,
                  (real)c.shift,
                  (real)g.mean_dy,
                  (real)g.mean_dot,
                  (real)of->low,
                  (real)of->high,
                  of->high < INFINITY ? CUTS_BOTH : of->low > -INFINITY ? CUTS_NEGATIVE : CUTS_NOTHING};
}

// A NaN stays one. Relu's zero is no number to be selected: it takes one instruction in place of four.
ALWAYS_INLINE lanes norm_value(const norm n, lanes x, const enum norm_cut cut) {
    const lanes y = (x - n.mean) * n.factor + n.shift;
    if (cut == CUTS_NOTHING) return y;
    if (cut == CUTS_NEGATIVE) return (lanes)((mask)y & ~(y < 0));
    return select_lanes(y < n.low, lanes_of(n.low), select_lanes(y > n.high, lanes_of(n.high), y));
}

// dy where it passes the cut.
ALWAYS_INLINE lanes norm_passes(const norm n, lanes x, lanes dy, const enum norm_cut cut) {
    const lanes y = norm_value(n, x, CUTS_NOTHING);
    if (cut == CUTS_NOTHING) return dy;
    if (cut == CUTS_NEGATIVE) return (lanes)((mask)dy & (y > 0));
    return (lanes)((mask)dy & ((y > n.low) & (y < n.high)));
}

// active: idle lanes get no gradient.
ALWAYS_INLINE lanes norm_gradient(const norm n, lanes active, lanes x, lanes dy, const enum norm_cut cut) {
    const lanes g = norm_passes(n, x, dy, cut);
    return active * n.factor * (g - n.mean_dy - ((x - n.mean) * n.scale) * n.mean_dot);
}

// Calls work(cut) with the cut as a constant.
#define NORM_BY_CUT(n, work)                                                                                           \
    switch ((n).cut) {                                                                                                 \
    case CUTS_NEGATIVE: work(CUTS_NEGATIVE); break;                                                                    \
    case CUTS_BOTH: work(CUTS_BOTH); break;                                                                            \
    default: work(CUTS_NOTHING); break;                                                                                \
    }

// step: from one pixel of y to the next
ALWAYS_INLINE void norm_maps(const norm n, lanes *y, int64_t step, const lanes *x, int64_t pixels) {
#define NORM_VALUES(cut)                                                                                               \
    for (int64_t i = 0; i < pixels; i++) y[i * step] = norm_value(n, x[i], cut)
    NORM_BY_CUT(n, NORM_VALUES)
}

static inline void norm_gradients(const norm n, lanes active, lanes *dx, const lanes *dy, const lanes *x,
                                  int64_t pixels) {
#define NORM_GRADIENTS(cut)                                                                                            \
    for (int64_t i = 0; i < pixels; i++) dx[i] = norm_gradient(n, active, x[i], dy[i], cut)
    NORM_BY_CUT(n, NORM_GRADIENTS)
}
