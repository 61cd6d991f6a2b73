// Which layers of a net compute only what is new when its input moves on in time, and how much that is.
//
// A window begins every `hop` samples. The columns of a value (rows, where time goes that way) lie `step` samples
// apart: then column j of a window is column j + fresh of the window `period` windows before, with period = step / g,
// fresh = hop / g and g the greatest common divisor of hop and step. So only the last `fresh` columns have to be
// computed, if every column is made in the same way from columns of the input, without padding.
#pragma once

#include "net/net.h"

// A value: the net's input, or the output of a node.
typedef struct cv_flow {
    bool flows;      // only what is new is computed
    bool carries;    // ... though its output, which is no sequence any more, does not flow: its state is kept
    const char *why; // it does not: a sentence without its end
    int along;       // time goes by rows (0) or columns (1)
    int64_t step;    // samples
    int64_t columns, fresh, period;
} cv_flow;

// Fills in what follows from the step; it does not flow where nothing is gained.
void cv_flow_settle(cv_flow *flow, int64_t hop);

// What a node reads of a value: of its last `keep` columns, the first `used`.
typedef struct cv_reach {
    int64_t keep, used;
} cv_reach;

typedef struct cv_layout {
    int nodes;
    cv_flow *flow;                    // [nodes + 1], that of the input first
    cv_reach (*reach)[CV_MAX_INPUTS]; // [nodes]
} cv_layout;

// input: how the net's input flows; its fresh and period are filled in.
// carry: recurrent layers keep their state from window to window.
convo_status cv_layout_new(const cv_net *net, const cv_flow *input, int64_t hop, bool carry, cv_layout **layout,
                           convo_error *err);
void cv_layout_free(cv_layout *layout);

// The shape of a value that has so many columns.
static inline cv_shape cv_flow_shape(cv_shape shape, int along, int64_t columns) {
    if (along)
        shape.w = columns;
    else
        shape.h = columns;
    return shape;
}
static inline int64_t cv_flow_columns(cv_shape shape, int along) {
    return along ? shape.w : shape.h;
}
