// Which pixels of the map lie under a pooling window.
#pragma once

#include "device/window.h"

typedef struct cv_pool {
    cv_taps rows, columns; // of the map
    int32_t count;         // of pixels
} cv_pool;

// Along one side, for output number at: kernel pixels from at stride - before on, as far as they are there; kernel 0:
// the size shared out among the outputs, floor(at size / outputs) to ceil((at + 1) size / outputs).
static inline cv_taps cv_pool_side(const cv_geometry *g, int32_t side, int32_t at, int32_t size, int32_t outputs) {
    const int32_t start = at * g->stride[side] - g->before[side];
    cv_taps taps = {0, 0};
    if (g->kernel[side] == 0) {
        taps.first = (int32_t)((int64_t)at * size / outputs);
        taps.end = (int32_t)(((int64_t)(at + 1) * size + outputs - 1) / outputs);
        return taps;
    }
    taps = cv_taps_inside(start, g->kernel[side], 1, size);
    taps.first += start;
    taps.end += start;
    return taps;
}

static inline cv_pool cv_pool_under(const cv_geometry *g, int32_t row, int32_t column) {
    cv_pool pool;
    pool.rows = cv_pool_side(g, 0, row, g->in.h, g->out.h);
    pool.columns = cv_pool_side(g, 1, column, g->in.w, g->out.w);
    pool.count = (pool.rows.end - pool.rows.first) * (pool.columns.end - pool.columns.first);
    return pool;
}
