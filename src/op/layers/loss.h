// What the losses share. A loss reads a vector of outputs and the label of each sample and writes one value a sample.
#pragma once

#include "op/layers/lanes.h"

static inline bool loss_wants_vector(const char *name, const cv_shape *in, char *why, size_t why_size) {
    if (in->dims == 1) return true;
    char text[48];
    cv_shape_text(*in, text, sizeof text);
    cv_print(why, why_size, "%s wants a vector, the net's output is %s: end it with flatten and linear", name, text);
    return false;
}

static inline lanes log_lanes(lanes x) {
    for (int l = 0; l < LANES; l++) x[l] = (real)log((double)x[l]);
    return x;
}

// How much each sample counts, where classes are weighted.
static inline lanes weight_lanes(const cv_pass *p) {
    lanes v;
    for (int l = 0; l < LANES; l++) v[l] = (real)p->class_weight[p->label[l]];
    return v;
}

// 1 where the sample's label is k, else 0.
static inline lanes is_label(const int32_t *label, int64_t k) {
    lanes v;
    for (int l = 0; l < LANES; l++) v[l] = label[l] == k ? (real)1 : (real)0;
    return v;
}
