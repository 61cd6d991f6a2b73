// Models from other programs. import.c assembles the model; import_graph.c reads an ONNX graph node by node, with
// what import_value.c knows of nodes and values; import_node.c handles operators that a layer names itself,
// import_pattern.c layers that are several nodes; import_layers.c, import_normal.c, import_norms.c, import_windows.c
// and import_shapes.c handle the other operators; import_recipe.c expresses the result as a recipe.
#pragma once

#include "format/graph.h"
#include "model/model.h"

enum { CV_IMPORT_INTS = 8 };

// What a name in the graph stands for.
typedef struct cv_import_value {
    const char *name; // in the graph
    enum { CV_IMPORT_LAYER, CV_IMPORT_WHOLE, CV_IMPORT_CONSTANT } kind;
    int node;                      // CV_IMPORT_LAYER: of the net, whose output it is; -1: the net's input
    size_t normal;                 // of the net's input: what was done to it, a number of cv_import.normal; 0: nothing
    int64_t pad[4];                // zeros that stand around it: rows and columns before, rows and columns behind
    int64_t whole[CV_IMPORT_INTS]; // CV_IMPORT_WHOLE: numbers that are known without running, such as a shape
    int count;
    int columns; // of those numbers, where they are a table; 0: a list
    bool scalar; // one whole number without dimensions
    const cv_constant *constant;
} cv_import_value;

// Stands for the number of examples in a shape.
#define CV_IMPORT_BATCH INT64_MIN

// (x - mean) / std of the net's input, broadcast as in cv_normal.
typedef struct cv_import_normal {
    size_t dim[3];
    double *mean, *std; // [dim]; one allocation, at mean
} cv_import_normal;

// A net while it is being read. Its nodes are in the order of the graph; the values of its tensors are in their .start.
typedef struct cv_import {
    const char *path; // of the file
    const cv_graph *graph;
    cv_net *net;
    cv_import_value *value;
    size_t values, room;
    bool *claimed;                   // [graph->nodes] by an earlier one, or by a pattern
    struct cv_import_pattern *layer; // [graph->nodes] the layer that a pattern which begins here makes; op NULL: none
    int output;                      // node of the net
    bool used_input;
    cv_import_normal *normal; // [normals] that the graph makes of its input; number 0 is none
    size_t normals, normal_room;
    size_t used_normal; // by the layers
    void (*note)(const char *sentence, void *user);
    void *user;
    convo_error *err;
} cv_import;

// Several nodes of the graph that form one layer.
typedef struct cv_import_pattern {
    const cv_op *op;
    const char *x, *y; // values of the graph
} cv_import_pattern;

// Fills import->net from import->graph; path, graph, note, user and err are set by the caller. Call cv_import_free
// afterwards, in any case.
convo_status cv_import_read(cv_import *d);
void cv_import_free(cv_import *d);
// Makes what the graph does to the net's input before the first layers; one pair, 0 and 1, if nothing. The caller frees
// it. Returns false if memory runs out.
bool cv_import_normalization(const cv_import *d, cv_normal *normal);
// Makes a recipe for the net: `base` with its model replaced, or, if base is NULL, one with `input` alone. The paths of
// the net's nodes become those of the recipe.
convo_status cv_import_recipe(cv_import *d, const convo_recipe *base, const char *name, convo_recipe **recipe);

// --- for those that know the operators ------------------------------------------------------------------------------

typedef convo_status cv_import_reader(cv_import *d, const cv_graph_node *node);
typedef struct cv_import_operator {
    const char *type; // NULL ends a table
    cv_import_reader *read;
    const char *attributes; // names of the attributes it supports, separated by spaces
} cv_import_operator;
extern const cv_import_operator cv_import_layers[], cv_import_windows[], cv_import_shapes[], cv_import_norms[],
    cv_import_recurrent[];
cv_import_reader cv_import_scale;   // (import_normal.c) the input plus, minus, times, divided by a constant
cv_import_reader cv_import_pass_on; // the output is another name for the first input
cv_import_reader cv_import_node;    // a layer that names this operator in its .onnx
// Fills *out with the operator of such a layer; returns false if there is none. words: room for its attributes.
bool cv_import_node_operator(const char *type, cv_import_operator *out, char *words, size_t size);

void cv_import_note(const cv_import *d, const char *format, ...) CV_PRINTF(2, 3);
// UNSUPPORTED: "Conv 'name' has ...".
convo_status cv_import_refuse(const cv_import *d, const cv_graph_node *node, const char *format, ...) CV_PRINTF(3, 4);

int64_t cv_import_whole(const cv_graph_node *node, const char *attribute, int64_t fallback);
double cv_import_number(const cv_graph_node *node, const char *attribute, double fallback);
// Gets whole numbers of a node: from an attribute (in old versions), an input, or values computed from shapes. Fills
// count, scalar and whole; returns false if they are not known.
bool cv_import_wholes(const cv_import *d, const cv_graph_node *node, const char *attribute, size_t input,
                      cv_import_value *out);

bool cv_import_has(const cv_graph_node *node, size_t input);
cv_import_value *cv_import_find(const cv_import *d, const char *name);
convo_status cv_import_add(cv_import *d, const cv_import_value *value);
// Gets input `input` as the output of a layer. padded: zeros around it are allowed.
convo_status cv_import_input(cv_import *d, const cv_graph_node *node, size_t input, bool padded,
                             cv_import_value *value);
const cv_constant *cv_import_constant(const cv_import *d, const cv_graph_node *node, size_t input);
double cv_import_element(const cv_constant *constant, size_t i);
// A single number, whatever its dimensions.
bool cv_import_scalar(const cv_import *d, const cv_graph_node *node, size_t input, double *value);
// Makes a layer of the padding that waits in *value, if there is any, and *value its output. number: what it holds.
convo_status cv_import_pad(cv_import *d, const cv_graph_node *node, double number, cv_import_value *value);
cv_shape cv_import_shape(const cv_import *d, const cv_import_value *value);
// Writes the sizes of a shape as in ONNX, without the batch.
void cv_import_sizes(cv_shape shape, int64_t size[3]);
// Returns the only node that reads a value, which is no output of the graph; NULL if there is none, or several.
const cv_graph_node *cv_import_only_reader(const cv_import *d, const char *value);

convo_status cv_import_find_patterns(cv_import *d);
// Reads a layer of several nodes that begins here, as convo writes it; *done: it is that.
convo_status cv_import_own(cv_import *d, const cv_graph_node *node, bool *done);
void cv_import_float_text(float x, char *text, size_t size);
typedef struct cv_setting {
    const char *name;
    char text[64];
} cv_setting;
// Adds a layer that reads x and, if it joins two values, y (else NULL). out: the name of its output; NULL: none.
convo_status cv_import_layer(cv_import *d, const cv_graph_node *node, const char *layer, const cv_setting *settings,
                             int count, const cv_import_value *x, const cv_import_value *y, const char *out);
// Adds the batch norm of a BatchNormalization, or that of bands of rows.
convo_status cv_import_batchnorm(cv_import *d, const cv_graph_node *node, const cv_import_value *x, int64_t bands,
                                 const char *out);
// Read a Transpose in front of a LayerNormalization, a Reshape in front of an InstanceNormalization, and what follows
// them as one layer; *done: it is that.
convo_status cv_import_turned_norm(cv_import *d, const cv_graph_node *node, bool *done);
convo_status cv_import_grouped_norm(cv_import *d, const cv_graph_node *node, bool *done);
// Sets a tensor of the last layer. Takes ownership of values; NULL is an error.
convo_status cv_import_tensor(cv_import *d, const cv_graph_node *node, const char *name, float *values, size_t count);
// Returns [count] floats of a constant, multiplied by a factor; a single number is repeated. NULL if memory runs out.
float *cv_import_floats(const cv_constant *constant, size_t count, double factor);
convo_status cv_import_bias(cv_import *d, const cv_graph_node *node, const cv_constant *constant, double factor);
