// The ranges of a net's values in 8-bit numbers, as a model file keeps them.
#pragma once

#include "model/model.h"
#include "ship/program.h"

// As JSON, {"input": [low, high], "PATH": [low, high], ...}, by the nodes of the folded net. The caller frees it.
convo_status cv_ranges_write(const cv_net *net, const cv_program *program, const cv_range *range, char **text,
                             convo_error *err);
// The other way. path: of the file, for errors.
convo_status cv_ranges_read(const char *text, const char *path, const cv_net *net, const cv_program *program,
                            cv_range *range, convo_error *err);
