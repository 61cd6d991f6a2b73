// A graph of operators on named values, as in ONNX, in plain C. Exporters make one from a net, the reader of ONNX files
// makes one from a file; only src/format/onnx_*.c know the file format.
#pragma once

#include "base/base.h"

enum { CV_GRAPH_DIMS = 8, CV_GRAPH_NAME = 128 };

typedef struct cv_constant {
    char *name;
    enum cv_constant_type { CV_CONST_F32, CV_CONST_F64, CV_CONST_I64, CV_CONST_I32, CV_CONST_U8 } type;
    int dims;
    int64_t dim[CV_GRAPH_DIMS];
    size_t count;
    void *data; // [count] float, double, int64_t; to be written also int32_t, uint8_t; owned
} cv_constant;

typedef struct cv_attribute {
    char *name;
    enum { CV_ATTRIBUTE_INTS, CV_ATTRIBUTE_FLOAT, CV_ATTRIBUTE_TEXT, CV_ATTRIBUTE_OTHER } kind;
    bool list; // of CV_ATTRIBUTE_INTS: [3], not 3
    int64_t *ints;
    size_t count;
    float number;
    char *text; // several of them are separated by spaces
} cv_attribute;

typedef struct cv_graph_node {
    char *type, *name;      // "Conv"; never NULL
    char **input, **output; // "": left out
    cv_attribute *attribute;
    size_t inputs, outputs, attributes;
} cv_graph_node;

// An input or output of the graph: [-1, dim...], the first one being the batch.
typedef struct cv_graph_value {
    char *name;
    const char *type;           // "FLOAT"; NULL: not known, or no tensor
    int dims;                   // -1: not known
    int64_t dim[CV_GRAPH_DIMS]; // -1: any
} cv_graph_value;

typedef struct cv_graph {
    cv_graph_node *node; // in a valid order of execution
    cv_constant *constant;
    cv_graph_value *source, *result; // what it reads and what it computes
    int opset;                       // of the file that the graph was read from; 0: not from a file
    struct cv_graph_text {
        char *key, *value;
    } * text; // metadata
    size_t nodes, constants, sources, results, texts;
    size_t node_room, constant_room, source_room, result_room, text_room;
    bool failed; // memory ran out; everything added since is lost
} cv_graph;

size_t cv_constant_size(enum cv_constant_type type); // bytes of a number
void cv_graph_free(cv_graph *graph);
cv_graph_node *cv_graph_add_node(cv_graph *graph, const char *type, const char *name); // NULL: graph->failed
// Makes it a node of another type, without inputs and attributes, with the same outputs. false: graph->failed.
bool cv_graph_reset_node(cv_graph *graph, cv_graph_node *node, const char *type);
// value: its name, which is copied. node: NULL adds nothing, and a node stays where it is until another is added.
void cv_graph_add_input(cv_graph *graph, cv_graph_node *node, const char *value);
void cv_graph_add_output(cv_graph *graph, cv_graph_node *node, const char *value);
cv_attribute *cv_graph_add_attribute(cv_graph *graph, cv_graph_node *node, const char *name); // NULL: graph->failed
void cv_graph_add_text(cv_graph *graph, const char *key, const char *value);
cv_graph_value *cv_graph_add_source(cv_graph *graph, const char *name, int dims, const int64_t *dim);
cv_graph_value *cv_graph_add_result(cv_graph *graph, const char *name, int dims, const int64_t *dim);
// Returns the data of a new constant, zeroed, for the caller to fill; NULL: graph->failed. dims 0: one number.
void *cv_graph_add_constant(cv_graph *graph, const char *name, enum cv_constant_type type, int dims,
                            const int64_t *dim);
const cv_constant *cv_graph_constant(const cv_graph *graph, const char *name); // NULL if there is none
const cv_attribute *cv_graph_attribute(const cv_graph_node *node, const char *name);
const char *cv_graph_text(const cv_graph *graph, const char *key);

// --- nodes as text ------------------------------------------------------------------------------------------------

// What the names in a text stand for. resolve fills out, with "" for a value that is left out.
typedef struct cv_graph_scope {
    void (*resolve)(const void *context, const char *name, char out[CV_GRAPH_NAME]);
    const void *context;
} cv_graph_scope;

// Adds nodes written as "y = Conv(x, w) strides=[2, 2] group=1; z = Mul(y, #0.5)". #0.5 is a constant, #0.5d one of
// doubles, #[1, -1] a list of whole numbers. Attributes are floats where they have a point or an exponent, texts where
// they begin with a letter. "_, h = GRU(x, W, R)": the second output alone. Nodes are called after what they make.
// scope NULL: names stand for themselves. false: the text is wrong, or graph->failed.
bool cv_graph_parse(cv_graph *graph, const char *text, const cv_graph_scope *scope);
// Does the same for one printf, without a scope.
bool cv_graph_print(cv_graph *graph, const char *format, ...) CV_PRINTF(2, 3);
