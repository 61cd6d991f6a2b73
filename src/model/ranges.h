// The ranges of a net's values in 8-bit numbers: measured, and as a model file keeps them.
#pragma once

#include "model/material.h"
#include "model/model.h"
#include "ship/program.h"

// As JSON, {"input": [low, high], "PATH": [low, high], ...}, by the nodes of the folded net; what is between two values
// of nodes is called after its call. "float": the layers that stay in floats. floats: NULL: none. The caller frees it.
convo_status cv_ranges_write(const cv_net *net, const cv_program *program, const cv_range *range, const char *floats,
                             char **text, convo_error *err);
// The other way. path: of the file, for errors. floats: the layers that stay in floats in place of those of the text;
// NULL: those of the text.
// What cv_ranges_write took for `floats`; *floats, freed by the caller; NULL: none.
convo_status cv_ranges_floats(const char *text, char **floats, convo_error *err);
convo_status cv_ranges_read(const char *text, const char *path, const cv_net *net, const cv_program *program,
                            const char *floats, cv_range *range, convo_error *err);
// Measures them on the training part; of several cuts takes the best on the validation part. range: what stays in
// floats is set. The material is not normalised.
convo_status cv_ranges_measure(const cv_program *program, const cv_material *material, cv_range *range,
                               convo_error *err);
