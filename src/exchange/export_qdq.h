// The 8-bit numbers of a device's program in an ONNX graph: QuantizeLinear and DequantizeLinear around values, weights
// and biases as whole numbers.
#pragma once

#include "format/graph.h"
#include "model/on_device.h"

typedef struct cv_qdq {
    cv_program *program; // of 8-bit numbers, of `net`
    const cv_net *net;   // folded
    int ties;            // outputs of layers that onnxruntime's floats may round otherwise
} cv_qdq;

// What stands for the value `name` of a node's output, -1: of the net's input, behind its two nodes; `name` itself
// where it stays in floats. Fills out.
void cv_qdq_value(const cv_qdq *q, cv_graph *graph, int node, const char *name, char out[CV_GRAPH_NAME]);
// The same for what node `reader` reads, where what it reads is made in floats.
void cv_qdq_read(const cv_qdq *q, cv_graph *graph, int reader, int input, const char *name, char out[CV_GRAPH_NAME]);
// Adds weight and bias of a node of 8-bit numbers with the nodes that make floats of them, which cv_qdq_tensor names;
// false: it has none of that name.
void cv_qdq_weights(cv_qdq *q, cv_graph *graph, int node);
bool cv_qdq_tensor(const cv_qdq *q, const cv_graph *graph, int node, const char *tensor, char out[CV_GRAPH_NAME]);
