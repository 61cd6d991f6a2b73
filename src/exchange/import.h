// Models from other programs. import.c assembles the model; import_graph.c reads an ONNX graph node by node;
// import_node.c handles operators that a layer names itself; import_layers.c, import_windows.c and import_shapes.c
// handle the other operators; import_recipe.c expresses the result as a recipe.
#ifndef CV_IMPORT_H
#define CV_IMPORT_H

#include "format/graph.h"
#include "model/model.h"

enum { CV_DRAFT_INTS = 8 };

// What a name in the graph stands for.
typedef struct cv_draft_value {
    const char *name; // in the graph
    enum { CV_DRAFT_LAYER, CV_DRAFT_WHOLE, CV_DRAFT_CONSTANT } kind;
    int node;                     // CV_DRAFT_LAYER: of the net, whose output it is; -1: the net's input
    double mean, std;             // of the net's input: what was done to it, (x - mean) / std
    int64_t pad[4];               // zeros that stand around it: rows and columns before, rows and columns behind
    int64_t whole[CV_DRAFT_INTS]; // CV_DRAFT_WHOLE: numbers that are known without running, such as a shape
    int count;
    int columns; // of those numbers, where they are a table; 0: a list
    bool scalar; // one whole number without dimensions
    const cv_constant *constant;
} cv_draft_value;

// Stands for the number of examples in a shape.
#define CV_DRAFT_BATCH INT64_MIN

// A net while it is being read. Its nodes are in the order of the graph; the values of its tensors are in their .start.
typedef struct cv_draft {
    const char *path; // of the file
    const cv_graph *graph;
    cv_net *net;
    cv_draft_value *value;
    size_t values, room;
    bool *taken;                    // [graph->nodes] by an earlier one, or by a pattern
    struct cv_draft_pattern *layer; // [graph->nodes] the layer that a pattern which begins here makes; op NULL: none
    int output;                     // node of the net
    bool used_input;
    double mean, std; // of the input, as the graph itself normalises it
    void (*note)(const char *sentence, void *user);
    void *user;
    convo_error *err;
} cv_draft;

// Several nodes of the graph that form one layer.
typedef struct cv_draft_pattern {
    const cv_op *op;
    const char *x, *y; // values of the graph
} cv_draft_pattern;

// Fills draft->net from draft->graph; path, graph, note, user and err are set by the caller. Call cv_draft_free
// afterwards, in any case.
convo_status cv_draft_read(cv_draft *draft);
void cv_draft_free(cv_draft *draft);
// Makes a recipe for the net: `base` with its model replaced, or, if base is NULL, one with `input` alone. The paths of
// the net's nodes become those of the recipe.
convo_status cv_draft_recipe(cv_draft *draft, const convo_recipe *base, const char *name, convo_recipe **recipe);

// --- for those that know the operators ------------------------------------------------------------------------------

typedef convo_status cv_draft_reader(cv_draft *draft, const cv_graph_node *node);
typedef struct cv_draft_operator {
    const char *type; // NULL ends a table
    cv_draft_reader *read;
    const char *attributes; // names of the attributes it supports, separated by spaces
} cv_draft_operator;
extern const cv_draft_operator cv_draft_layers[], cv_draft_windows[], cv_draft_shapes[];
cv_draft_reader cv_draft_pass_on; // the output is another name for the first input
cv_draft_reader cv_draft_node;    // a layer that names this operator in its .onnx
// Fills *out with the operator of such a layer; returns false if there is none. words: room for its attributes.
bool cv_draft_node_operator(const char *type, cv_draft_operator *out, char *words, size_t size);

void cv_draft_note(const cv_draft *draft, const char *format, ...) CV_PRINTF(2, 3);
// UNSUPPORTED: "Conv 'name' has ...".
convo_status cv_draft_refuse(const cv_draft *draft, const cv_graph_node *node, const char *format, ...) CV_PRINTF(3, 4);

int64_t cv_draft_whole(const cv_graph_node *node, const char *attribute, int64_t fallback);
double cv_draft_number(const cv_graph_node *node, const char *attribute, double fallback);
// Gets whole numbers of a node: from an attribute (in old versions), an input, or values computed from shapes. Fills
// count, scalar and whole; returns false if they are not known.
bool cv_draft_wholes(const cv_draft *draft, const cv_graph_node *node, const char *attribute, size_t input,
                     cv_draft_value *out);

bool cv_draft_has(const cv_graph_node *node, size_t input);
cv_draft_value *cv_draft_find(const cv_draft *draft, const char *name);
convo_status cv_draft_add(cv_draft *draft, const cv_draft_value *value);
// Gets input `input` as the output of a layer. padded: zeros around it are allowed.
convo_status cv_draft_input(cv_draft *draft, const cv_graph_node *node, size_t input, bool padded,
                            cv_draft_value *value);
const cv_constant *cv_draft_constant(const cv_draft *draft, const cv_graph_node *node, size_t input);
double cv_draft_element(const cv_constant *constant, size_t i);
// A single number, whatever its dimensions.
bool cv_draft_scalar(const cv_draft *draft, const cv_graph_node *node, size_t input, double *value);
cv_shape cv_draft_shape(const cv_draft *draft, const cv_draft_value *value);
// Writes the sizes of a shape as in ONNX, without the batch.
void cv_draft_sizes(cv_shape shape, int64_t size[3]);
// Returns the only node that reads a value, which is no output of the graph; NULL if there is none, or several.
const cv_graph_node *cv_draft_only_reader(const cv_draft *draft, const char *value);

convo_status cv_draft_find_patterns(cv_draft *draft);
void cv_draft_float_text(float x, char *text, size_t size);
typedef struct cv_setting {
    const char *name;
    char text[64];
} cv_setting;
// Adds a layer that reads x and, if it joins two values, y (else NULL). out: the name of its output.
convo_status cv_draft_layer(cv_draft *draft, const cv_graph_node *node, const char *layer, const cv_setting *settings,
                            int count, const cv_draft_value *x, const cv_draft_value *y, const char *out);
// Sets a tensor of the last layer. Takes ownership of values; NULL is an error.
convo_status cv_draft_tensor(cv_draft *draft, const cv_graph_node *node, const char *name, float *values, size_t count);
// Returns [count] floats of a constant, multiplied by a factor; a single number is repeated. NULL if memory runs out.
float *cv_draft_floats(const cv_constant *constant, size_t count, double factor);
convo_status cv_draft_bias(cv_draft *draft, const cv_graph_node *node, const cv_constant *constant, double factor);

#endif
