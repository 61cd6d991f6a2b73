// An ONNX file as a structure of protobuf-c. For a build with ONNX.
#pragma once

#include "base/file.h"

#include <onnx.pb-c.h>

// *model is new, freed with onnx__model_proto__free_unpacked.
convo_status cv_onnx_unpack(const char *path, const cv_bytes *bytes, Onnx__ModelProto **model, convo_error *err);
