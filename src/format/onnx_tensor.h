// Constants of an ONNX file. For a build with ONNX.
#pragma once

#include "base/file.h"
#include "format/graph.h"

#include <onnx.pb-c.h>

typedef struct cv_onnx_reader {
    const char *path;
    cv_graph *graph;
    convo_error *err;
    char *other; // the file with numbers that was read last
    cv_bytes bytes;
} cv_onnx_reader;

// Adds a constant to reader->graph.
convo_status cv_onnx_read_tensor(cv_onnx_reader *reader, const char *name, const Onnx__TensorProto *tensor);
const char *cv_onnx_type_name(int32_t type);
void cv_onnx_reader_free(cv_onnx_reader *reader);
