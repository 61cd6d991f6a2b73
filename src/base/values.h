// Values of examples, one row each: floats, bytes with a table of what each byte stands for, or the rows of a store
// (data/store.h), each in the narrowest type that holds it. Pixels are kept as bytes and samples as 16-bit numbers,
// which take a quarter and a half of the memory.
#pragma once

#include "base/normal.h"

// One row of a store: `count` numbers, and zeros up to the size of a row. A stored number x is, as a float, x, x / 255
// or x / 32768, and stands for (that float - shift) * gain, computed in double precision.
typedef struct cv_row {
    union {
        const void *stored;
        uint64_t offset; // in a file: bytes from its start
    };
    uint32_t count;
    uint32_t type; // CV_ROW_FLOATS, ...
    double shift, gain;
    uint64_t hash;   // cv_hash_bytes of the stored numbers
    uint64_t length; // of a recording, in samples at the front end's rate, of which a net may see fewer; else 0
} cv_row;

enum { CV_ROW_FLOATS, CV_ROW_BYTES, CV_ROW_SAMPLES, CV_ROW_MISSING, CV_ROW_TYPES };
extern const size_t cv_row_bytes[CV_ROW_TYPES]; // of one number

typedef struct cv_values {
    float *value;            // [rows][size]; NULL: one of the others, or none
    uint8_t *byte;           // [rows][size]; NULL: ...
    float of_byte[256];      // what a byte stands for
    cv_row *row;             // [rows], whose numbers lie in a store; NULL: ...
    bool borrowed;           // value belongs to somebody else
    const cv_normal *normal; // how what is read is normalised; NULL: not
} cv_values;

// The values of rows of floats that are only read, for a batch: lives as long as the block that it is written in.
#define CV_FLOATS(floats) (&(const cv_values){.value = (float *)(uintptr_t)(const float *)(floats)})

bool cv_values_any(const cv_values *values);
// Reads numbers first..first+count of a row of any size to out, [count].
void cv_row_read(const cv_row *row, size_t first, size_t count, float *out);
// Returns `count` numbers of a row of `size` from number `first` on, not normalised: in place, where
// cv_values_in_place, or converted to scratch, [count]. Of bytes: what their table says, see cv_values_tabled.
const float *cv_values_piece(const cv_values *values, size_t row, size_t size, size_t first, size_t count,
                             float *scratch);
// Returns whether the numbers of a row lie there as floats.
bool cv_values_in_place(const cv_values *values, size_t row, size_t size);
// Returns the numbers of a row of `size`, normalised: in place, or converted to scratch, [size].
const float *cv_values_row(const cv_values *values, size_t row, size_t size, float *scratch);
// Returns the numbers of a row as they are stored, and how many bytes they have.
const void *cv_values_stored(const cv_values *values, size_t row, size_t size, size_t *bytes);
// Makes room for rows * size numbers of the type in use; bytes: the type if there are none yet. Keeps existing values.
// Not for rows of a store.
bool cv_values_grow(cv_values *values, size_t rows, size_t size, bool bytes);
// Converts the bytes of rows * size numbers to floats.
bool cv_values_widen(cv_values *values, size_t rows, size_t size);
// From now on, what is read is normalised. normal is borrowed.
void cv_values_normalize(cv_values *values, const cv_normal *normal);
// Returns whether bytes are all there is, and their table is normalised: one pair of numbers serves all of them.
bool cv_values_tabled(const cv_values *values);
void cv_values_free(cv_values *values);
