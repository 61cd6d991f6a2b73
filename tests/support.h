// What several tests share: numbers that golden/make.py makes too, golden values, nets from tables.
#pragma once

#include "format/safetensors.h"
#include "format/yaml.h"
#include "net/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// after the headers that it needs
#include <cmocka.h>

#define GOLDEN_FILE "tests/golden/torch.safetensors"

// --- numbers ------------------------------------------------------------------------------------------------------

// Number i of a stream, in [-1, 1), a multiple of 2^-23: the same float in C and in NumPy.
static inline float made_up(uint32_t stream, uint32_t i) {
    uint32_t h = i * 0x9e3779b1u + stream * 0x85ebca77u;
    h = (h ^ h >> 16) * 0x7feb352du;
    h = (h ^ h >> 15) * 0x846ca68bu;
    h ^= h >> 16;
    return (float)(h >> 8) * 0x1p-23f - 1;
}

static inline int32_t made_up_class(uint32_t stream, uint32_t i, int64_t classes) {
    return (int32_t)(((double)made_up(stream, i) + 1) / 2 * (double)classes);
}

static inline void must(convo_status status, const convo_error *err) {
    if (status) fail_msg("%s: %s", err->where, err->message);
}

static inline void *test_memory(size_t count, size_t size) {
    void *memory = cv_alloc_aligned(count, size);
    if (!memory) fail_msg("no memory for %zu x %zu bytes", count, size);
    return memory;
}

// --- golden values ------------------------------------------------------------------------------------------------

static inline void golden_open(cv_safetensors *golden) {
    convo_error err = {0};
    must(cv_safetensors_read(GOLDEN_FILE, golden, &err), &err);
}

// A golden tensor of n numbers; freed by the caller.
static inline double *golden_get(const cv_safetensors *golden, const char *name, size_t n) {
    const cv_st_tensor *tensor = cv_safetensors_find(golden, name);
    if (!tensor) fail_msg("%s has no %s: run tests/golden/make.py", GOLDEN_FILE, name);
    const bool wide = tensor->type == CV_F64;
    if (tensor->bytes != n * (wide ? sizeof(double) : sizeof(float)))
        fail_msg("%s of %s holds %zu bytes, not %zu numbers: run tests/golden/make.py", name, GOLDEN_FILE,
                 tensor->bytes, n);
    double *values = test_memory(n, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        float narrow = 0;
        if (wide)
            memcpy(&values[i], (const char *)tensor->data + i * sizeof(double), sizeof(double));
        else
            memcpy(&narrow, (const char *)tensor->data + i * sizeof narrow, sizeof narrow);
        if (!wide) values[i] = (double)narrow;
    }
    return values;
}

typedef struct tolerance {
    double absolute, relative; // to the largest of the values
} tolerance;

// Fails unless got agrees with the golden tensor; NaN only with NaN. Returns the largest difference as a share of what
// is allowed.
static inline double golden_check(const cv_safetensors *golden, const char *name, const char *where, const double *got,
                                  size_t n, tolerance allowed) {
    double *want = golden_get(golden, name, n), largest = 0, worst = -1;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(want[i]));
    const double limit = allowed.absolute + allowed.relative * largest;
    for (size_t i = 0; i < n; i++) {
        double difference = fabs(got[i] - want[i]);
        if (isnan(got[i]) || isnan(want[i])) difference = isnan(got[i]) && isnan(want[i]) ? 0 : INFINITY;
        if (difference > worst) worst = difference, at = i;
    }
    const double wanted = want[at];
    free(want);
    if (worst > limit)
        fail_msg("%s: %s: element %zu of %zu is %.9g, PyTorch has %.9g (off by %.2g, allowed %.2g)", where, name, at, n,
                 got[at], wanted, worst, limit);
    return limit > 0 ? worst / limit : 0;
}

static inline double golden_check_floats(const cv_safetensors *golden, const char *name, const char *where,
                                         const float *got, size_t n, tolerance allowed) {
    double *wide = test_memory(n, sizeof *wide);
    for (size_t i = 0; i < n; i++) wide[i] = (double)got[i];
    const double share = golden_check(golden, name, where, wide, n, allowed);
    free(wide);
    return share;
}

// --- instruction sets ---------------------------------------------------------------------------------------------

// Number k of the instruction sets that this processor has; NULL at the end.
static inline const cv_isa *isa_at(size_t k) {
    const char *name = cv_isa_name(k);
    const cv_isa *isa = name ? cv_isa_find(name) : NULL;
    return isa && strcmp(isa->name, name) == 0 ? isa : NULL;
}

// --- options and nets ---------------------------------------------------------------------------------------------

enum { CONFIG_SIZE = 8192 };
typedef struct op_config {
    _Alignas(16) char bytes[CONFIG_SIZE];
} op_config;

// Reads options as a recipe writes them, "{out: 4, kernel: 3}"; NULL: the defaults.
static inline void read_options(const cv_option *schema, const char *what, const char *text, void *config) {
    yaml_document_t document;
    convo_error err = {0};
    const char *source = text ? text : "{}";
    must(cv_yaml_parse(source, strlen(source), what, &document, &err), &err);
    const cv_yaml yaml = {.file = what, .document = &document};
    const cv_yaml_block block = {.what = what, .at = cv_yaml_root(&yaml), .part = {{schema, config}}};
    const convo_status status = cv_yaml_read(&yaml, cv_yaml_root(&yaml), &block, &err);
    yaml_document_delete(&document);
    must(status, &err);
}

static inline op_config op_options(const cv_op *op, const char *text) {
    op_config config = {{0}};
    assert_true(op->config_size <= CONFIG_SIZE);
    read_options(op->schema, op->name, text, config.bytes);
    return config;
}

// A layer of a net; reads the layer before it, or those named by number + 1 (so that 0 means "the one before").
typedef struct layer {
    const char *path, *op, *options;
    int from[CV_MAX_INPUTS];
} layer;
enum { FROM_INPUT = -1 };

static inline void add_layer(cv_net *net, const layer *l) {
    const cv_op *op = cv_op_find(net->isa, l->op);
    if (!op) fail_msg("there is no op %s", l->op);
    const op_config config = op_options(op, l->options);
    int input[CV_MAX_INPUTS];
    for (int k = 0; k < CV_MAX_INPUTS; k++)
        input[k] = l->from[k] == FROM_INPUT ? -1 : l->from[k] ? l->from[k] - 1 : net->nodes - 1;
    convo_error err = {0};
    must(cv_net_add(net, op, config.bytes, input, l->path, l->path, &err), &err);
}

static inline cv_net *make_net(const cv_isa *isa, cv_shape input, const layer *layers) {
    cv_net *net;
    convo_error err = {0};
    must(cv_net_new(isa, input, &net, &err), &err);
    for (const layer *l = layers; l->op; l++) add_layer(net, l);
    must(cv_net_finish(net, &err), &err);
    return net;
}

static inline cv_pool *make_pool(int threads) {
    cv_pool *pool;
    convo_error err = {0};
    must(cv_pool_new_running(&pool, threads, threads, &err), &err); // on two processors too
    return pool;
}

// The outputs of the first examples, each by itself: with channels in the lanes where the net has that form. An example
// without a number comes before: nothing of it may stay.
static inline void forward_one_by_one(cv_net *net, unsigned flags, int threads, const float *values, int count,
                                      float *outputs) {
    const int64_t inputs = cv_shape_size(net->input), size = cv_shape_size(cv_net_output(net));
    float *broken = test_memory((size_t)inputs, sizeof *broken);
    cv_pool *pool = make_pool(threads);
    cv_runner *runner;
    convo_error err = {0};
    must(cv_runner_new(net, NULL, NULL, 1, CV_ONE_EXAMPLE | flags, pool, &runner, &err), &err);
    for (int64_t i = 0; i < inputs; i++) broken[i] = NAN;
    for (int32_t n = -1; n < count; n++) {
        const int32_t row = n < 0 ? 0 : n;
        const cv_batch batch = {.values = CV_FLOATS(n < 0 ? broken : values), .index = &row, .count = 1};
        cv_runner_forward(runner, &batch, outputs + row * size, NULL);
    }
    free(broken);
    cv_runner_free(runner);
    cv_pool_free(pool);
}

static inline void forward_alone(cv_net *net, const float *values, int count, float *outputs) {
    forward_one_by_one(net, 0, 1, values, count, outputs);
}

static inline bool has_single_form(const cv_net *net) {
    cv_net *single;
    convo_error err = {0};
    must(cv_net_single(net, &single, &err), &err);
    cv_net_free(single);
    return single != NULL;
}
