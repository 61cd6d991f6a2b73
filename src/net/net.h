// A net: a graph of ops in execution order, and its parameters.
#pragma once

#include "op/isa.h"

typedef struct cv_node {
    const cv_op *op;
    void *config;
    int input[CV_MAX_INPUTS]; // nodes this one reads; -1 is the net's input
    cv_shape in, in1, out;    // of the first input, the second one, the output
    char path[64];            // PyTorch's name of the module: "0", "3.body.0"
    char where[512];          // position in the recipe, for errors
    int tensor;               // first of its tensors in net->tensor
    int tensors;
    bool frozen;  // training leaves its parameters alone, and batch norm uses its running estimates
    bool rounded; // of a linear one: runs read its weights as 8-bit numbers hold them, see rounded.c
} cv_node;

typedef struct cv_net_tensor {
    char name[96]; // "3.body.0.weight"
    cv_tensor spec;
    size_t offset, size; // numbers in net->values
    float *start;        // [size] initial values; NULL: fill, or by spec.init
    bool filled;         // all initial values are `fill`
    float fill;
} cv_net_tensor;

typedef struct cv_net {
    const cv_isa *isa;
    cv_shape input;
    cv_node *node;
    int nodes;
    size_t node_capacity;
    cv_net_tensor *tensor;
    int tensors;
    size_t tensor_capacity;
    void *values;       // reals: first what is trained, then the buffers; each tensor starts on a cache line
    size_t trained;     // numbers at the start of values that are trained (gaps included)
    size_t total;       // numbers in values; without gaps until it is laid out
    int64_t parameters; // trained, gaps not included
} cv_net;

convo_status cv_net_new(const cv_isa *isa, cv_shape input, cv_net **net, convo_error *err);
void cv_net_free(cv_net *net);
// Appends a node and infers its output shape. config is copied. input: node numbers, -1 for the net's input. where:
// position in the recipe, for errors ("" if none).
convo_status cv_net_add(cv_net *net, const cv_op *op, const void *config, const int *input, const char *path,
                        const char *where, convo_error *err);
// Call after the last node: lays out the parameters. cv_net_finish also allocates them, all zero.
void cv_net_lay_out(cv_net *net);
convo_status cv_net_finish(cv_net *net, convo_error *err);
// Sets the initial values of tensor t in place of the layer's default: by an initialiser, to one number, or to values,
// [size].
void cv_net_start(cv_net *net, int t, enum cv_init init);
void cv_net_fill(cv_net *net, int t, float value);
convo_status cv_net_start_with(cv_net *net, int t, const float *values, convo_error *err);
// Initialises the parameters as PyTorch does by default, in module order, except those set above.
convo_status cv_net_init(cv_net *net, cv_random *random, convo_error *err);
cv_shape cv_net_output(const cv_net *net);
static inline int cv_node_inputs(const cv_node *n) {
    return n->op->inputs ? n->op->inputs : 1;
}
static inline cv_shape cv_node_shape(const cv_node *n, int k) {
    return k ? n->in1 : n->in;
}
// Fills `tensor` with the addresses of a node's tensors in net->values; NULL past the last one.
void cv_node_tensors(const cv_net *net, const cv_node *node, void *tensor[CV_MAX_TENSORS]);
// An entry of a list of layers, which are given by number or by path with everything below: "0-4", "0, 3.body".
typedef struct cv_layer_entry {
    char text[64];
    long first, last; // of a range; -1: a path
} cv_layer_entry;
// Reads the next one; false at the end.
bool cv_layer_next(const char **list, cv_layer_entry *entry);
// Whether it is, or contains, the layer of this path.
bool cv_layer_covers(const cv_layer_entry *entry, const char *path);
// Freezes layers of such a list. Errors: no such layer, nothing left to train.
convo_status cv_net_freeze(cv_net *net, const char *layers, convo_error *err);
// Reads tensor t as floats into out, [size]; cv_net_write writes it.
void cv_net_read(const cv_net *net, int t, float *out);
void cv_net_write(cv_net *net, int t, const float *values);
// Copies all parameters and buffers to a net of the same layers, of any instruction set.
convo_status cv_net_copy(const cv_net *from, cv_net *to, convo_error *err);
// The layer that node i, an affine op, is folded into: the only thing that reads it; -1: none.
int cv_net_fold_target(const cv_net *net, int node);
// Makes an equivalent net for inference: every affine op (batch norm) that is the only reader of a linear one is folded
// into that layer, which gets a bias. The remaining nodes keep their paths.
convo_status cv_net_fold(const cv_net *net, cv_net **folded, convo_error *err);
// Makes a net for inference of one example, equivalent except for rounding: channels are in the lanes, batch norms are
// folded, weights are copied in the order in which they are read. *single is NULL if a layer has no such form.
convo_status cv_net_single(const cv_net *net, cv_net **single, convo_error *err);
// Convert an example to the input of such a net, and the net's output back. in, out: shapes of the net it was made
// from.
void cv_single_load(const cv_net *single, cv_shape in, const float *values, void *to);
void cv_single_unload(const cv_net *single, cv_shape out, const void *from, float *values);
