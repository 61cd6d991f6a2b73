// NumPy's .npy files: a magic word, the length of a header, the header (a Python dictionary), the numbers.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// Written by convo_array_save and base/npz.h.
#pragma once

#include "format/numbers.h"

// Parses a complete .npy file in memory, of format version 1, 2 or 3. `out` points into `data`, and to `where`. Accepts
// numbers (f2 f4 f8, i1 to i8, u1 to u8) and bool in either byte order and either memory order, of at most four
// dimensions; never Python objects, whose pickles can run code.
convo_status cv_npy_parse(const char *where, const uint8_t *data, size_t size, cv_numbers *out, convo_error *err);

// Writes the head of a .npy file whose numbers follow in C order and this machine's byte order. Uses type, size, dims
// and dim of form.
enum { CV_NPY_HEAD = 256 }; // a multiple of 64, as NumPy asks for
void cv_npy_head(const cv_numbers *form, uint8_t head[CV_NPY_HEAD]);
