// Models from other programs. import.c assembles the model. An ONNX graph goes through a pipeline: import_order.c finds
// the nodes that the output needs; import_fold.c computes what is constant; import_pattern.c makes one node of those
// that write a layer out; import_graph.c then reads node by node. Operators that only move values change the view of a
// value (import_view.c, import_shapes.c), and import_arrange.c puts values in the order that a layer needs; all others
// become layers: import_node.c has those that a layer names itself, import_own.c those that it writes as several nodes,
// import_attention.c attention as other programs write it, import_layers.c, import_affine.c, import_normal.c,
// import_norms.c and import_windows.c the rest. import_recipe.c expresses the result as a recipe.
#pragma once

#include "format/graph.h"
#include "model/model.h"

// Stands for the number of examples in a shape; for a number that is not known.
#define CV_IMPORT_BATCH   INT64_MIN
#define CV_IMPORT_UNKNOWN (INT64_MIN + 1)

// --- views --------------------------------------------------------------------------------------------------------

// Positions along one axis of a net's value: `size` of them, `step` apart.
typedef struct cv_import_run {
    int axis; // CV_IMPORT_EXAMPLES, or 0, 1, 2: channels, rows, columns (of the net's input: the graph's dimension)
    int64_t size, step;
} cv_import_run;

// How a tensor of the graph lies in a value of the net. A dimension is a product of runs, the outermost first: in a
// tensor [N, H, W, C] dimension 3 is the run of channels; [N, H W C], made from it, has one dimension of three runs. A
// dimension of size 1 may have none.
enum { CV_IMPORT_EXAMPLES = -1, CV_IMPORT_RUNS = 16 };
typedef struct cv_import_view {
    int dims;
    int end[CV_GRAPH_DIMS];                // of a dimension's runs, in `run`
    cv_import_run run[CV_IMPORT_RUNS + 3]; // three of size 1, see cv_import_arrange
} cv_import_view;

// Which dimensions of a tensor are the channels, rows and columns of the value that a layer reads. Those of the
// examples belong to none.
typedef struct cv_import_layout {
    int dims;                  // of the value
    int count[3];              // for each axis the number of ...
    int dim[3][CV_GRAPH_DIMS]; // ... these dimensions
} cv_import_layout;

// `size` values of the graph's input, `from` apart, lie `to` apart in the net's.
typedef struct cv_import_move {
    int64_t size, from, to;
} cv_import_move;

// --- the import ---------------------------------------------------------------------------------------------------

// (x - mean) / std of the graph's input, broadcast to its dimensions; that of the examples is 1.
typedef struct cv_import_normal {
    size_t dim[CV_GRAPH_DIMS];
    double *mean, *std; // [dim]; one allocation, at mean
} cv_import_normal;

// What a name in the graph stands for.
typedef struct cv_import_value {
    const char *name; // in the graph
    enum { CV_IMPORT_LAYER, CV_IMPORT_CONSTANT, CV_IMPORT_PRODUCT, CV_IMPORT_REFUSED } kind;
    int node; // CV_IMPORT_LAYER: of the net, whose output it is; -1: the net's input
    cv_import_view view;
    bool raw;        // of the net's input: the axes are the graph's dimensions
    size_t normal;   // of the net's input: what was done to it, a number of cv_import.normal; 0: nothing
    int64_t pad[4];  // zeros that stand around it: rows and columns before, rows and columns behind
    size_t constant; // CV_IMPORT_CONSTANT: in the graph
    size_t scores;   // CV_IMPORT_PRODUCT: in cv_import.scores
} cv_import_value;

// A product q k' of attention, times a factor; soft: the softmax of it.
typedef struct cv_import_scores {
    cv_import_value q, k;
    double factor;
    bool soft;
} cv_import_scores;

// A net while it is being read. The values of its tensors are in their .start.
typedef struct cv_import {
    const char *path; // of the file
    cv_graph *graph;
    const char *wanted; // name of the output to import; NULL: the first
    bool two_classes;   // one output tells them apart, whatever it ended in
    cv_shape expected;  // the input, where a recipe has one; dims 0: none
    cv_net *net;
    const cv_graph_value *source; // what the output is computed from
    int examples;                 // its dimension of the examples; -1: it has none
    char several[256];            // why it may have no second one; "": it has none
    const char *result;           // the output
    size_t *order;                // [nodes] of the graph that it needs
    size_t nodes;
    cv_import_value *value;
    size_t values, room, folds_left; // folds_left: numbers that constant folding may still make
    bool *claimed;                   // [graph->nodes] by an earlier one, or by a pattern
    struct cv_import_pattern *layer; // [graph->nodes] the layer that a pattern which begins here makes; op NULL: none
    cv_import_move move[CV_IMPORT_RUNS]; // from the graph's input to the net's, in the net's order
    int moves;                           // 0: what the net's input is has not been decided
    int output;                          // node of the net
    enum { CV_IMPORT_SCORES, CV_IMPORT_SOFTMAX, CV_IMPORT_SIGMOID } ended; // in what was left out
    bool used_input;
    cv_import_normal *normal; // [normals] that the graph makes of its input; number 0 is none
    size_t normals, normal_room;
    size_t used_normal; // by the layers
    cv_import_scores *scores; // [all_scores] of attention
    size_t all_scores, score_room;
    const cv_graph_node *projection; // that of an attention's output, which belongs to the layer; NULL: none
    int projected;                   // node of the attention
    void (*note)(const char *sentence, void *user);
    void *user;
    convo_error *err;
} cv_import;

// Several nodes of the graph that form one layer.
typedef struct cv_import_pattern {
    const cv_op *op;
    const char *x, *y; // values of the graph
} cv_import_pattern;

// Fills import->net from import->graph; path, graph, wanted, two_classes, expected, note, user and err are set by the
// caller. Call cv_import_free afterwards, in any case.
convo_status cv_import_read(cv_import *d);
void cv_import_free(cv_import *d);
// Makes what the graph does to the net's input before the first layers; one pair, 0 and 1, if nothing. The caller frees
// it. Returns false if memory runs out.
bool cv_import_normalization(const cv_import *d, cv_normal *normal);
// Makes a recipe for the net: `base` with its model replaced, or, if base is NULL, one with `input` alone. The paths of
// the net's nodes become those of the recipe.
convo_status cv_import_recipe(cv_import *d, const convo_recipe *base, const char *name, convo_recipe **recipe);

// --- the pipeline -------------------------------------------------------------------------------------------------

convo_status cv_import_order(cv_import *d);
convo_status cv_import_find_patterns(cv_import *d);
// Reads a layer of several nodes that begins here, as convo writes it; *done: it is that.
convo_status cv_import_own(cv_import *d, const cv_graph_node *node, bool *done);
// Reads a node of attention that others write out; *done: it is one.
convo_status cv_import_attention(cv_import *d, const cv_graph_node *node, bool *done);
// Computes a node whose inputs are known. *done: it was one.
convo_status cv_import_fold(cv_import *d, const cv_graph_node *node, bool *done);

typedef convo_status cv_import_reader(cv_import *d, const cv_graph_node *node);
typedef struct cv_import_operator {
    const char *type; // NULL ends a table
    cv_import_reader *read;
    const char *attributes; // names of the attributes it supports, separated by spaces
} cv_import_operator;
extern const cv_import_operator cv_import_layers[], cv_import_affines[], cv_import_windows[], cv_import_shapes[],
    cv_import_norms[], cv_import_recurrent[];
cv_import_reader cv_import_pass_on; // the output is another name for the first input
cv_import_reader cv_import_rounding;
cv_import_reader cv_import_node;    // a layer that names this operator in its .onnx
// Fills *out with the operator of such a layer; returns false if there is none. words: room for its attributes.
bool cv_import_node_operator(const char *type, cv_import_operator *out, char *words, size_t size);

// --- what a node reads --------------------------------------------------------------------------------------------

void cv_import_note(const cv_import *d, const char *format, ...) CV_PRINTF(2, 3);
// UNSUPPORTED: "Conv 'name' has ...".
convo_status cv_import_refuse(const cv_import *d, const cv_graph_node *node, const char *format, ...) CV_PRINTF(3, 4);

int64_t cv_import_whole(const cv_graph_node *node, const char *attribute, int64_t fallback);
double cv_import_number(const cv_graph_node *node, const char *attribute, double fallback);
// Whole numbers of a node: from an attribute (in old versions) or a constant input; false if there are none, or too
// many.
typedef struct cv_import_list {
    int count;
    int64_t whole[2 * CV_GRAPH_DIMS];
    bool scalar; // one number without dimensions
} cv_import_list;
bool cv_import_wholes(const cv_import *d, const cv_graph_node *node, const char *attribute, size_t input,
                      cv_import_list *out);
// An axis counted from either end, as one from 0; -1: there is none such.
int cv_import_axis(int64_t axis, int dims);

bool cv_import_has(const cv_graph_node *node, size_t input);
cv_import_value *cv_import_find(const cv_import *d, const char *name);
convo_status cv_import_add(cv_import *d, const cv_import_value *value);
// Gets input `input` as the output of a layer. padded: zeros around it are allowed.
convo_status cv_import_input(cv_import *d, const cv_graph_node *node, size_t input, bool padded,
                             cv_import_value *value);
const cv_constant *cv_import_constant(const cv_import *d, const cv_graph_node *node, size_t input);
// Whether it is one whose elements are all this number.
bool cv_import_is_all(const cv_import *d, const cv_graph_node *node, size_t input, double number);
double cv_import_element(const cv_constant *constant, size_t i);
// A single number, whatever its dimensions.
bool cv_import_scalar(const cv_import *d, const cv_graph_node *node, size_t input, double *value);
// The dimensions of a value of `dims` along which a constant beside it varies: *count from *first; none where it is one
// number. false: not such that lie side by side.
bool cv_import_varies(const cv_constant *constant, int dims, int *first, int *count);
// The Add of a constant behind a node, which varies along dimension `dim` of `dims` only and has `outputs` numbers, or
// one; else NULL.
const cv_graph_node *cv_import_bias_behind(const cv_import *d, const cv_graph_node *node, int dims, int dim,
                                           int64_t outputs, const cv_constant **bias);
cv_shape cv_import_shape(const cv_import *d, const cv_import_value *value);
// Returns the only node that reads a value, which is no output of the graph; NULL if there is none, or several.
const cv_graph_node *cv_import_only_reader(const cv_import *d, const char *value);
// The same but for nodes that only ask for its shape.
const cv_graph_node *cv_import_only_user(const cv_import *d, const char *value);
void cv_import_claim(cv_import *d, const cv_graph_node *node);
// The value is the output, or nothing but its shape and the place of its maximum stand behind it.
bool cv_import_is_last(const cv_import *d, const char *value);

// --- how it lies --------------------------------------------------------------------------------------------------

// The number of examples, where the input fixes it; else -1.
int64_t cv_import_batch(const cv_import *d);
// Size of a dimension; CV_IMPORT_BATCH.
int64_t cv_import_size(const cv_import_view *view, int dim);
// The product of all sizes but that of the examples.
int64_t cv_import_count(const cv_import_view *view);
void cv_import_permute(cv_import_view *view, const int64_t *order /* [dims] */);
// to: -1, 0 and CV_IMPORT_BATCH as in a Reshape; batch: the number of examples, or -1.
bool cv_import_reshape(cv_import_view *view, const int64_t *to, int count, int64_t batch);
// Puts a dimension of size 1 in front of dimension `dim`, or removes that.
void cv_import_insert(cv_import_view *view, int dim, int64_t batch);
void cv_import_remove(cv_import_view *view, int dim);
// All values of a vector are in this dimension, in whatever order: they become one run.
void cv_import_join_runs(cv_import_view *view, int dim);
// All its dimensions in order, and the value's own order: nothing was moved.
bool cv_import_is_plain(const cv_import *d, const cv_import_value *value);
// Channels first, then rows and columns, as ONNX has them: [N, C, H, W]. false: it has other dimensions.
bool cv_import_maps(const cv_import_view *view, cv_import_layout *out);
// Dimensions first ... first + count - 1 are the channels, the others rows and columns.
bool cv_import_channels(const cv_import_view *view, int first, int count, cv_import_layout *out);
bool cv_import_is_examples(const cv_import_view *view, int dim); // and nothing else
// Makes *value one that lies as the layout says, by layers if need be.
convo_status cv_import_arrange(cv_import *d, const cv_graph_node *node, const cv_import_layout *layout,
                               cv_import_value *value);
// The value as one vector, in its own order.
convo_status cv_import_flatten(cv_import *d, const cv_graph_node *node, cv_import_value *value);
// The same in the order of the graph.
convo_status cv_import_vector(cv_import *d, const cv_graph_node *node, cv_import_value *value);
// For each position of the tensor, in the order of the graph, where it lies in the net's value. [count], or NULL.
size_t *cv_import_places(const cv_import *d, const cv_import_value *value);
// Decides what the net's input is: the graph's, or as the layout says (NULL: it does not); and gives a value of it its
// axes.
convo_status cv_import_declare(cv_import *d, const cv_graph_node *node, const cv_import_layout *layout,
                               cv_import_value *value);

// --- what it makes ------------------------------------------------------------------------------------------------

// Makes a layer of the padding that waits in *value, if there is any, and *value its output. number: what it holds.
convo_status cv_import_pad(cv_import *d, const cv_graph_node *node, double number, cv_import_value *value);
void cv_import_float_text(float x, char *text, size_t size);
typedef struct cv_setting {
    const char *name;
    char text[64];
} cv_setting;
// Adds a layer that reads *x and, if it joins two values, y (else NULL). *x becomes its output.
convo_status cv_import_apply(cv_import *d, const cv_graph_node *node, const char *layer, const cv_setting *settings,
                             int count, cv_import_value *x, const cv_import_value *y);
// The same for one value whose view is lost: that of the output is [N, C], [N, C, W] or [N, C, H, W].
convo_status cv_import_fresh(cv_import *d, const cv_graph_node *node, const char *layer, const cv_setting *settings,
                             int count, cv_import_value *x);
// The same, and gives the output a name.
convo_status cv_import_layer(cv_import *d, const cv_graph_node *node, const char *layer, const cv_setting *settings,
                             int count, const cv_import_value *x, const cv_import_value *y, const char *out);
// Gives *value a name.
convo_status cv_import_name(cv_import *d, cv_import_value *value, const char *out);
// Input `constant` of a node shifts or scales the graph's input, before any layer; *done: it does.
convo_status cv_import_normalize(cv_import *d, const cv_graph_node *node, size_t constant, cv_import_value *x,
                                 bool *done);
// y = weight x + bias, numbers for each channel: takes ownership of both. NULL: 1, 0.
convo_status cv_import_affine(cv_import *d, const cv_graph_node *node, float *weight, float *bias, cv_import_value *x);
// The same with two numbers for all.
convo_status cv_import_scale(cv_import *d, const cv_graph_node *node, double weight, double bias, cv_import_value *x);
// Sets a tensor of the last layer. Takes ownership of values; NULL is an error.
convo_status cv_import_tensor(cv_import *d, const cv_graph_node *node, const char *name, float *values, size_t count);
// Returns [count] floats of a constant, multiplied by a factor; a single number is repeated. NULL if memory runs out.
float *cv_import_floats(const cv_constant *constant, size_t count, double factor);
convo_status cv_import_bias(cv_import *d, const cv_graph_node *node, const char *name, const cv_constant *constant,
                            double factor);
