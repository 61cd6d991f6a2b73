// Arrays from MATLAB's files: version 4, and version 5 as -v6 and -v7 write it (-v7 compresses). Nothing that a file
// says about itself is trusted: every size is checked against the bytes present.
#pragma once

#include "base/file.h"
#include "format/numbers.h"

// Finds the array called `name`, of real numbers in at most CV_MAX_DIMS dimensions. The caller sets out->where, which
// errors call the array. path: what errors call the file. out->data points into the file or, if the array was
// compressed, into *unpacked, which the caller frees, even after a failure.
convo_status cv_mat_find(const char *path, const cv_bytes *file, const char *name, cv_numbers *out, cv_bytes *unpacked,
                         convo_error *err);
