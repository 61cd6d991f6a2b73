// Numbers in the layout of a file: of any width, byte order and order of dimensions, read in place.
#pragma once

#include "base/base.h"

enum { CV_MAX_DIMS = 4 };

typedef struct cv_numbers {
    const char *where;   // what errors call them: "data/X_train.npy"
    const uint8_t *data; // not owned
    char type;           // 'f' IEEE float, 'i' signed, 'u' unsigned, 'b' bool: NumPy's letters
    int size;            // bytes of one number
    bool swapped;        // in the other byte order than this machine's
    int dims;
    int64_t dim[CV_MAX_DIMS];
    int64_t stride[CV_MAX_DIMS]; // bytes from one number to the next along each dimension
} cv_numbers;

typedef enum cv_order {
    CV_C_ORDER,       // the last dimension varies fastest
    CV_FORTRAN_ORDER, // the first one does: MATLAB
} cv_order;

// Sets the strides of contiguous numbers; *bytes: their total size. Returns false if a size is negative or the total
// overflows.
bool cv_numbers_lay_out(cv_numbers *numbers, cv_order order, size_t *bytes);
// Puts the dimensions into the order n (examples), c (channels), h (rows), w (columns). layout: a letter of these for
// each dimension as it is; without n, the first dimension is n. Rows without channels get one. "": nothing is changed.
convo_status cv_numbers_arrange(cv_numbers *numbers, const char *layout, convo_error *err);
// Returns the number of values in one row: the product of all dimensions after the first.
int64_t cv_numbers_row_size(const cv_numbers *numbers);
// Reads row `row` in C order. 64-bit integers beyond 2^53 are rounded.
void cv_numbers_row(const cv_numbers *numbers, int64_t row, double *out /* [row size] */);
// The value of a number in IEEE half precision (binary16: sign, 5 bits of exponent, 10 of fraction).
double cv_half(uint16_t bits);
