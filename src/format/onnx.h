// ONNX files (https://onnx.ai), through protobuf-c. A build without it refuses both, in words.
#ifndef CV_ONNX_H
#define CV_ONNX_H

#include "format/graph.h"
#include "base/limits.h"

// What is written, and what is accepted: the operators of these versions are the same for the nets that convo has.
enum { CV_ONNX_OPSET = 17, CV_ONNX_OPSET_MIN = 1, CV_ONNX_OPSET_MAX = 21, CV_ONNX_IR = 8 };
#define CV_ONNX_PACKAGES "libonnx-dev, protobuf-c-compiler and libprotobuf-c-dev"

// Atomic. name: of the graph.
convo_status cv_onnx_write(const cv_graph *graph, const char *name, const char *path, convo_error *err);
// A node without a name is called after what it makes. Constant nodes become constants; other types of numbers become
// floats, doubles and 64-bit whole numbers. Checked is what the format asks: sizes that match their bytes, known types,
// one input of known shape and one output; not what the graph means, nor that its names are there.
convo_status cv_onnx_read(const char *path, cv_graph *graph, convo_error *err);

#endif
