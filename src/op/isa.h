// The table of ops compiled for one instruction set, and the choice of table for this processor.
#pragma once

#include "op/op.h"

// The ops and a few kernels, compiled for one instruction set.
typedef struct cv_isa {
    // "baseline", "avx2", "avx512"; "bf16": avx512, training in bf16 by AMX; "double": in doubles, for checks
    const char *name;
    int lanes;   // samples per block
    size_t real; // bytes of a number
    const cv_op *const *ops;
    int op_count;
    // rows[count] of `size` floats each -> [size] lanes of (x - mean) / std, or of x if std is 0. Remaining lanes
    // repeat the last row.
    void (*pack)(const float *const *rows, int count, int64_t size, float mean, float std, void *out);
    // out[i] = (sample[i] / 32768 - shift) * gain, in double precision: what cv_row_read does.
    void (*scale)(const int16_t *sample, size_t count, double shift, double gain, float *out);
    void (*pack_bytes)(const uint8_t *const *rows, int count, const float *of_byte /* [256] */, int64_t size,
                       void *out);
    // [size] lanes -> rows[active] of floats
    void (*unpack)(const void *lanes, int64_t size, int active, float *const *rows);
    void (*add)(void *y, const void *x, int64_t size); // y += x, size lanes
    bool (*finite)(const void *x, int64_t size, int active);
    // Runs `rounds` rounds of as many independent multiply-adds between registers as the processor overlaps: its peak
    // rate. Returns their number, counting each element of a vector; *sum is their result.
    int64_t (*peak)(int64_t rounds, double *sum);
} cv_isa;

// Returns the best table that this processor can run, not above `cap` ("avx2", ...; NULL: no cap); NULL if cap is
// unknown.
const cv_isa *cv_isa_find(const char *cap);
// Returns the table that trains in bf16 in place of `isa`; or `isa` itself, with the reason as a sentence in *why.
const cv_isa *cv_isa_in_bf16(const cv_isa *isa, const char **why);
// Returns name k of those that can be requested; NULL past the last one.
const char *cv_isa_name(size_t k);
const cv_op *cv_op_find(const cv_isa *isa, const char *name);
