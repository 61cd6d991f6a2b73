// Models in other formats. One function per format; src/exchange/export.c has the table.
#pragma once

#include "format/graph.h"
#include "model/model.h"

convo_status cv_export_onnx(const convo_model *model, const char *path, const convo_export_options *options,
                            convo_error *err);
// Writes PATH.c, and PATH.h beside it.
convo_status cv_export_c(const convo_model *model, const char *path, const convo_export_options *options,
                         convo_error *err);
// Builds the graph that cv_export_onnx writes, independently of files.
convo_status cv_export_graph(const convo_model *model, const convo_export_options *options, cv_graph *graph,
                             convo_error *err);
