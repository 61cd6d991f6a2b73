// One op on one batch, called as its contract says and through nothing else: no plan, no shared memory, no threads.
#pragma once

#include "support.h"

typedef struct drive {
    const cv_isa *isa;
    const cv_op *op;
    op_config config;
    cv_shape in, in1, out; // in1: of the second input
    int count, blocks;     // samples, blocks of them
    int inputs, tensors;
    cv_tensor spec[CV_MAX_TENSORS];
    size_t size[CV_MAX_TENSORS];                         // numbers in each tensor
    void *x[CV_MAX_INPUTS], *dx[CV_MAX_INPUTS], *y, *dy; // [blocks][size of a sample] lanes
    void *saved, *noise, *scratch;                       // [blocks][size] lanes; one scratch for all
    void *tensor[CV_MAX_TENSORS];
    void *grad[CV_MAX_TENSORS]; // [blocks][size]; summed into the first unless `apart`
    bool apart;                 // every block has gradients of its own
    double *partial[2], *merged[2];
    int32_t *label; // [count]
} drive;

static inline void *lanes_of_batch(const drive *d, size_t size) {
    return test_memory((size_t)d->blocks * size * (size_t)d->isa->lanes + 1, d->isa->real);
}

static inline cv_shape drive_shape(const drive *d, int input) {
    return input ? d->in1 : d->in;
}

// config: the options, complete.
static inline drive drive_joining(const cv_isa *isa, const cv_op *op, const void *config, cv_shape in, cv_shape in1,
                                  int count) {
    drive d = {
        .isa = isa, .op = op, .in = in, .in1 = in1, .out = in, .count = count, .inputs = op->inputs ? op->inputs : 1};
    const cv_shape both[CV_MAX_INPUTS] = {in, in1};
    char why[256] = "";
    if (op->config_size) memcpy(d.config.bytes, config, op->config_size);
    d.blocks = (count + isa->lanes - 1) / isa->lanes;
    if (op->infer && !op->infer(d.config.bytes, both, &d.out, why, sizeof why)) fail_msg("%s: %s", op->name, why);
    for (int k = 0; k < d.inputs; k++) {
        d.x[k] = lanes_of_batch(&d, (size_t)cv_shape_size(both[k]));
        d.dx[k] = lanes_of_batch(&d, (size_t)cv_shape_size(both[k]));
    }
    d.y = lanes_of_batch(&d, (size_t)cv_shape_size(d.out));
    d.dy = lanes_of_batch(&d, (size_t)cv_shape_size(d.out));
    d.saved = lanes_of_batch(&d, op->saved ? op->saved(d.config.bytes, in, d.out) : 0);
    d.noise = lanes_of_batch(&d, op->noise ? op->noise(d.config.bytes, in) : 0);
    d.scratch = lanes_of_batch(&d, op->scratch ? op->scratch(d.config.bytes, in, d.out) : 0);
    d.tensors = op->tensors ? op->tensors(d.config.bytes, in, d.spec) : 0;
    for (int t = 0; t < d.tensors; t++) {
        d.size[t] = 1;
        for (int k = 0; k < d.spec[t].dims; k++) d.size[t] *= (size_t)d.spec[t].dim[k];
        d.tensor[t] = test_memory(d.size[t], isa->real);
        d.grad[t] = d.spec[t].buffer ? NULL : test_memory((size_t)d.blocks * d.size[t], isa->real);
    }
    const cv_statistics *statistics[2] = {op->statistics, op->backward_statistics};
    for (int k = 0; k < 2; k++) {
        const size_t size = statistics[k] ? statistics[k]->size(d.config.bytes, in) : 0;
        d.partial[k] = test_memory((size_t)d.blocks * size, sizeof(double));
        d.merged[k] = test_memory(size, sizeof(double));
    }
    d.label = test_memory((size_t)(d.blocks * isa->lanes), sizeof *d.label);
    return d;
}

// The second input, if there is one, has the shape that the op's cases give it.
static inline drive drive_new(const cv_isa *isa, const cv_op *op, const void *config, cv_shape in, int count) {
    return drive_joining(isa, op, config, in, op->second ? op->second(in) : in, count);
}

static inline void drive_free(drive *d) {
    for (int k = 0; k < 2; k++) {
        free(d->x[k]);
        free(d->dx[k]);
        free(d->partial[k]);
        free(d->merged[k]);
    }
    for (int t = 0; t < d->tensors; t++) {
        free(d->tensor[t]);
        free(d->grad[t]);
    }
    free(d->y);
    free(d->dy);
    free(d->saved);
    free(d->noise);
    free(d->scratch);
    free(d->label);
}

// --- numbers in and out -------------------------------------------------------------------------------------------

static inline double real_get(const cv_isa *isa, const void *values, size_t at) {
    return isa->real == sizeof(double) ? ((const double *)values)[at] : (double)((const float *)values)[at];
}

static inline void real_set(const cv_isa *isa, void *values, size_t at, double value) {
    if (isa->real == sizeof(double))
        ((double *)values)[at] = value;
    else
        ((float *)values)[at] = (float)value;
}

// Where value i of a sample lies among values of `size` a sample.
static inline size_t lane_at(const drive *d, int64_t size, int sample, int64_t i) {
    const int lanes = d->isa->lanes;
    return (size_t)(((int64_t)(sample / lanes) * size + i) * lanes + sample % lanes);
}

// rows: [count][size]. Idle lanes repeat the last sample, or hold zeros (gradients), as the runner has it.
static inline void drive_put(const drive *d, void *to, int64_t size, const double *rows, bool zeros) {
    for (int n = 0; n < d->blocks * d->isa->lanes; n++)
        for (int64_t i = 0; i < size; i++) {
            const double value = rows[(n < d->count ? n : d->count - 1) * size + i];
            real_set(d->isa, to, lane_at(d, size, n, i), n >= d->count && zeros ? 0 : value);
        }
}

static inline void drive_take(const drive *d, const void *from, int64_t size, double *rows) {
    for (int n = 0; n < d->count; n++)
        for (int64_t i = 0; i < size; i++) rows[n * size + i] = real_get(d->isa, from, lane_at(d, size, n, i));
}

// NaN wherever an op must write before it reads.
static inline void drive_poison(const drive *d) {
    const int64_t out = cv_shape_size(d->out), lanes = d->isa->lanes, blocks = d->blocks;
    const size_t scratch = d->op->scratch ? d->op->scratch(d->config.bytes, d->in, d->out) : 0;
    const size_t saved = d->op->saved ? d->op->saved(d->config.bytes, d->in, d->out) : 0;
    memset(d->y, 0xff, (size_t)(blocks * out * lanes) * d->isa->real);
    memset(d->saved, 0xff, (size_t)(blocks * lanes) * saved * d->isa->real);
    memset(d->scratch, 0xff, (size_t)lanes * scratch * d->isa->real);
    for (int k = 0; k < d->inputs; k++)
        memset(d->dx[k], 0xff, (size_t)(blocks * cv_shape_size(drive_shape(d, k)) * lanes) * d->isa->real);
    for (int t = 0; t < d->tensors; t++)
        if (d->grad[t]) memset(d->grad[t], 0xff, (size_t)blocks * d->size[t] * d->isa->real);
}

// Draws the noise of a training step.
static inline void drive_draw(const drive *d, cv_random *random) {
    const size_t size = d->op->noise ? d->op->noise(d->config.bytes, d->in) : 0, all = size * (size_t)d->count;
    if (!size) return;
    float *drawn = test_memory(all, sizeof *drawn);
    double *rows = test_memory(all, sizeof *rows);
    d->op->draw(d->config.bytes, random, drawn, all);
    for (size_t i = 0; i < all; i++) rows[i] = (double)drawn[i];
    drive_put(d, d->noise, (int64_t)size, rows, false);
    free(drawn);
    free(rows);
}

// --- the passes ---------------------------------------------------------------------------------------------------

static inline void *block_of(const drive *d, void *values, int64_t size, int b) {
    return (char *)values + (size_t)(b * size) * (size_t)d->isa->lanes * d->isa->real;
}

static inline cv_pass drive_pass(const drive *d, int b, bool training) {
    const cv_op *op = d->op;
    const int64_t out = cv_shape_size(d->out);
    const int left = d->count - b * d->isa->lanes;
    cv_pass p = {
        .config = d->config.bytes, .in = d->in, .in1 = d->in1, .out = d->out, .training = training, .share.blocks = 1};
    p.active = left < d->isa->lanes ? left : d->isa->lanes;
    p.scale = 1.0 / d->count;
    p.label = d->label + b * d->isa->lanes;
    for (int k = 0; k < d->inputs; k++) {
        p.x[k] = block_of(d, d->x[k], cv_shape_size(drive_shape(d, k)), b);
        p.dx[k] = block_of(d, d->dx[k], cv_shape_size(drive_shape(d, k)), b);
    }
    p.y = block_of(d, d->y, out, b);
    p.dy = block_of(d, d->dy, out, b);
    p.scratch[0] = p.scratch[1] = d->scratch;
    if (training && op->saved) p.saved = block_of(d, d->saved, (int64_t)op->saved(d->config.bytes, d->in, d->out), b);
    if (training && op->noise && op->noise(d->config.bytes, d->in))
        p.noise = block_of(d, d->noise, (int64_t)op->noise(d->config.bytes, d->in), b);
    p.set = d->apart || b == 0;
    for (int t = 0; t < d->tensors; t++) {
        p.tensor[t] = d->tensor[t];
        if (d->grad[t]) p.grad[t] = (char *)d->grad[t] + (d->apart ? (size_t)b * d->size[t] * d->isa->real : 0);
    }
    for (int k = 0; k < 2; k++) p.merged[k] = d->merged[k];
    return p;
}

static inline void drive_statistics(const drive *d, const cv_statistics *s, int direction) {
    int *samples = test_memory((size_t)d->blocks, sizeof *samples);
    for (int b = 0; b < d->blocks; b++) {
        const cv_pass p = drive_pass(d, b, true);
        samples[b] = p.active;
        s->gather(&p, d->partial[direction] + (size_t)b * s->size(d->config.bytes, d->in));
    }
    const cv_pass p = drive_pass(d, 0, true);
    s->merge(&p, d->partial[direction], samples, d->blocks, d->merged[direction]);
    free(samples);
}

static inline void drive_forward(const drive *d, bool training) {
    if (training && d->op->statistics) drive_statistics(d, d->op->statistics, 0);
    for (int b = 0; b < d->blocks; b++) {
        const cv_pass p = drive_pass(d, b, training);
        d->op->forward(&p);
    }
}

static inline void drive_backward(const drive *d) {
    if (d->op->backward_statistics) drive_statistics(d, d->op->backward_statistics, 1);
    for (int b = 0; b < d->blocks; b++) {
        const cv_pass p = drive_pass(d, b, true);
        d->op->backward(&p);
    }
}
