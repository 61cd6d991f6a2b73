// The convolution of one example, for layers that have one inside.
#pragma once

#include "op/layers/conv.h"
#include "op/layers/single.h"

typedef struct single_conv {
    cv_single single;
    conv layer;
} single_conv;

#define SINGLE_CONV CV_JOIN(cv_single_conv, CV_ISA)

// y = W x + b at each of `columns` columns.
static inline single_conv single_columns(int64_t inputs, int64_t outputs, int64_t columns) {
    return (single_conv){
        .single = {.in = {2, inputs, 1, columns}, .out = {2, outputs, 1, columns}},
        .layer = {.out = outputs, .kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1, .bias = true}};
}

// Its shapes, in blocks of channels.
static inline cv_shape single_blocks(cv_shape s) {
    s.c = lane_blocks(s.c);
    return s;
}

// Lanes of its tensors and of its work memory.
static inline int64_t single_weights(const single_conv *l) {
    return lane_blocks(l->single.out.c) * l->single.in.c;
}
static inline size_t single_room(const single_conv *l) {
    return SINGLE_CONV.scratch(l, single_blocks(l->single.in), single_blocks(l->single.out));
}

static inline void single_convolve(const single_conv *l, const lanes *x, lanes *y, const lanes *weight,
                                   const lanes *bias, lanes *scratch) {
    const cv_pass pass = {.config = l,
                          .in = single_blocks(l->single.in),
                          .out = single_blocks(l->single.out),
                          .x = {x},
                          .y = y,
                          .tensor = {(void *)(uintptr_t)weight, (void *)(uintptr_t)bias},
                          .scratch = {scratch}};
    SINGLE_CONV.forward(&pass);
}
