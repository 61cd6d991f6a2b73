// ONNX files (https://onnx.ai), through protobuf-c. A build without it refuses both functions with an error message.
#pragma once

#include "format/graph.h"
#include "base/limits.h"

// The version that is written, and those that are accepted: their operators are the same for the nets of convo.
enum { CV_ONNX_OPSET = 17, CV_ONNX_OPSET_MIN = 1, CV_ONNX_OPSET_MAX = 25, CV_ONNX_IR = 8 };
#define CV_ONNX_PACKAGES "libonnx-dev, protobuf-c-compiler and libprotobuf-c-dev"

// Writes a file atomically. name: of the graph.
convo_status cv_onnx_write(const cv_graph *graph, const char *name, const char *path, convo_error *err);
// Reads a file. A node without a name is called after its output. Constant nodes become constants; other types of
// numbers become floats, doubles and 64-bit integers. Checks what the format requires: sizes that match their bytes,
// known types, an input and an output; but not what the graph means, nor that its names exist. Numbers in another file
// are read where it lies in the folder of the model or below.
convo_status cv_onnx_read(const char *path, cv_graph *graph, convo_error *err);
