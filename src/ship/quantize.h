// What the files share that make a program of 8-bit numbers.
#pragma once

#include "ship/program.h"

typedef struct cv_scale {
    float scale;
    int32_t zero;
} cv_scale;
// The number that stands for v, cut to -128 ... 127.
int32_t cv_scale_number(cv_scale scale, double v);

typedef struct quantizing {
    const cv_program *from;
    cv_program *to;
    cv_scale *scale;     // [from->values]
    int *as_i8, *as_f32; // the new program's value that holds the old one's, -1: not yet
    bool failed;         // memory ran out
} quantizing;

// Adds the call of 8-bit numbers for one in floats; false: there is none.
bool cv_quantize_call(quantizing *q, const cv_device_call *call);
// Adds a call with its values, their zeros and its clamp; NULL without memory.
cv_device_call *cv_quantize_as(quantizing *q, const cv_device_call *call, const char *kernel);
