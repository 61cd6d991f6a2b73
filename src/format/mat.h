// Arrays out of MATLAB's files: version 4, and 5 as -v6 and -v7 write it (-v7 packs by deflate). Nothing that a file
// says of itself is believed: every size is checked against the bytes that are there.
#ifndef CV_MAT_H
#define CV_MAT_H

#include "base/file.h"
#include "format/numbers.h"

// The array called `name`, of real numbers in at most CV_MAX_DIMS dimensions. out->where is set by the caller: what
// errors call the array. `path`: what they call the file. out->data lies in the file or, where it was packed, in
// *unpacked, which the caller frees, even after a failure.
convo_status cv_mat_find(const char *path, const cv_bytes *file, const char *name, cv_numbers *out, cv_bytes *unpacked,
                         convo_error *err);

#endif
