// What the files that turn layers into calls share.
#pragma once

#include "ship/program.h"

// A net while it is turned into a program.
typedef struct lowering {
    cv_program *program;
    const cv_net *net;
    int *value;     // [nodes] the program's value that holds a node's output
    cv_maps *order; // [nodes] of a vector: the maps whose order in memory its numbers have
} lowering;

typedef struct form form;
typedef convo_status cv_lower(lowering *w, int node, const form *f, convo_error *err);

// The form that a layer takes on a device.
struct form {
    const char *op;
    cv_lower *lower;
    const char *kernel;
    // Of a flattened map: whether the layer reads it in the order of maps. ANY_ORDER: its output then has it too.
    enum { IN_ORDER, ANY_ORDER, OWN_ORDER } order;
};
const form *cv_form_find(const char *op); // NULL: it has none

cv_lower cv_lower_conv, cv_lower_linear, cv_lower_norm, cv_lower_layernorm, cv_lower_convtranspose;  // weights.c
cv_lower cv_lower_attention, cv_lower_recurrent, cv_lower_token, cv_lower_position, cv_lower_column; // sequences.c

// The sums of a convolution, or of a linear layer.
typedef struct cv_sums {
    int64_t groups, outputs, rows, columns, depth; // outputs, depth: of a group
    cv_maps order;                                 // of a linear layer's input; depth is all of it
} cv_sums;
// Adds the weights [groups][outputs][depth][rows][columns], as PyTorch has them, and biases (NULL: zeros) to a call, as
// src/device/conv.c reads them. path: of their tables. false: no memory.
bool cv_add_sums(cv_program *program, cv_device_call *call, const char *path, const cv_sums *sums, const float *weight,
                 const float *bias);

// A field of a layer's options by name; NULL if the layer has no such option.
const void *cv_node_option(const cv_node *node, const char *name);
// The numbers of a layer's tensor, for the caller to free; NULL if it has none of this name, or without memory.
float *cv_node_tensor(const cv_net *net, const cv_node *node, const char *name);
cv_maps cv_maps_of(cv_shape shape);
// The number, as layers count, of what is at this place of the memory of maps.
int64_t cv_channel_at(cv_maps order, int64_t place);
cv_maps cv_lowering_order(const lowering *w, const cv_node *node); // of its first input
// Adds a call for a node and the value that it writes, with their shapes; NULL without memory.
cv_device_call *cv_lowering_call(lowering *w, int node, const char *kernel);
// Adds a call of a node that is not its last one, and the new value *y that it writes; NULL without memory.
cv_device_call *cv_lowering_between(lowering *w, int node, const char *kernel, cv_maps maps, int *y);
