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

// How much each sample counts, where classes are weighted.
static inline lanes weight_lanes(const cv_pass *p) {
    lanes v;
    for (int l = 0; l < LANES; l++) v[l] = (real)p->class_weight[p->label[l]];
    return v;
}

static inline lanes log_lanes(lanes x) {
    for (int l = 0; l < LANES; l++) x[l] = (real)log((double)x[l]);
    return x;
}

// 1 where output k is true for the sample's label, else 0. One output alone stands for the second of two classes.
static inline lanes is_true(const cv_pass *p, int64_t k) {
    lanes v = {0};
    for (int l = 0; l < LANES; l++)
        v[l] = p->truth ? (real)p->truth[p->label[l] * p->in.c + k] : p->label[l] == (p->in.c > 1 ? k : 1) ? 1 : 0;
    return v;
}

// x to a power, x from 0 to 1.
static inline lanes power_lanes(lanes x, double exponent) {
    for (int l = 0; l < LANES; l++) x[l] = (real)pow((double)x[l], exponent);
    return x;
}

// log(1 + e^z) = max(z, 0) + log(1 + e^-|z|), which does not overflow. Of `active` samples.
static inline lanes softplus_lanes(lanes z, int active) {
    const lanes zero = {0};
    lanes tail = exp_lanes(-select_lanes(z < zero, -z, z));
    for (int l = 0; l < active; l++) tail[l] = (real)log1p((double)tail[l]);
    return select_lanes(z < zero, zero, z) + tail;
}

static inline lanes largest_lanes(const lanes *x, int64_t n) {
    lanes top = x[0];
    for (int64_t k = 1; k < n; k++) top = select_lanes(x[k] > top, x[k], top);
    return top;
}

// The natural logarithm of the sum of e^x.
static inline lanes log_sum_lanes(const lanes *x, int64_t n) {
    const lanes top = largest_lanes(x, n);
    lanes sum = {0};
    for (int64_t k = 0; k < n; k++) sum += exp_lanes(x[k] - top);
    return top + log_lanes(sum);
}

static inline void softmax_of(const float *outputs, int count, float *probabilities) {
    float top = outputs[0], sum = 0;
    for (int k = 1; k < count; k++) top = outputs[k] > top ? outputs[k] : top;
    for (int k = 0; k < count; k++) sum += probabilities[k] = expf(outputs[k] - top);
    for (int k = 0; k < count; k++) probabilities[k] /= sum;
}

static inline void two_classes_of(const float *outputs, int count, float *probabilities) {
    (void)count;
    probabilities[1] = 1 / (1 + expf(-outputs[0]));
    probabilities[0] = 1 - probabilities[1];
}

// 1 where the sample's label is k, else 0.
static inline lanes is_label(const int32_t *label, int64_t k) {
    lanes v;
    for (int l = 0; l < LANES; l++) v[l] = label[l] == k ? (real)1 : (real)0;
    return v;
}
