// What the files share that make a program of 8-bit numbers.
#pragma once

#include "ship/program.h"

#include <float.h>

typedef struct cv_scale {
    float scale;
    int32_t zero;
} cv_scale;

// Below it, what is divided by a scale could overflow: a scale is 1 instead.
#define CV_LEAST_SCALE (FLT_MIN * 1024)
// The number that stands for v, cut to -128 ... 127.
int32_t cv_scale_number(cv_scale scale, double v);
// The scales of all values, [values], from their ranges; false: no memory.
bool cv_quantize_scales(const cv_program *program, const cv_range *range, cv_scale *scale);
// Whether a kernel of 8-bit numbers computes what this call does.
bool cv_quantize_has_form(const cv_device_call *call);

// One output of a layer with weights, [count], `apart` from each other.
typedef struct cv_i8_output {
    const float *weight;
    int64_t count, apart;
    double bias, x, y; // scales of x and y
} cv_i8_output;
// What it becomes: weights in steps of scale, the bias in steps of scale times that of x; see rounded.h.
typedef struct cv_i8_numbers {
    double scale; // a float
    int32_t bias, factor, shift;
    int apart; // steps of y that floats round to at other sums, as in onnxruntime
} cv_i8_numbers;
cv_i8_numbers cv_quantize_output(const cv_i8_output *output);
int8_t cv_quantize_weight(float weight, double scale);

typedef struct quantizing {
    const cv_program *from;
    cv_program *to;
    const cv_range *range; // [from->values]
    cv_scale *scale;       // [from->values]
    int *as_i8, *as_f32;   // the new program's value that holds the old one's, -1: not yet
    bool failed;           // memory ran out
} quantizing;

// Adds the call of 8-bit numbers for one in floats; false: there is none.
bool cv_quantize_call(quantizing *q, const cv_device_call *call);
// Adds a call with its values, their zeros and its clamp; NULL without memory.
cv_device_call *cv_quantize_as(quantizing *q, const cv_device_call *call, const char *kernel);
