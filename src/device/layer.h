// What the kernels of this folder work on. They are C99 that is C++ as well, call no library but memcpy, and are the
// same text on a computer, where convo runs them (`--on device`), and in the file that `convo export -o net.c` writes.
//
// Maps lie in memory as [row][column][channel]: the channels of a pixel side by side, since a convolution sums over
// them first. Every float operation stands in one statement's order and none is contracted, so that every compiler for
// every processor computes the same bits.
#pragma once

#include <stdint.h>
#include <string.h>

// a * b + c is two operations, each rounded. Clang has to be given -ffp-contract=off (or nothing) as well: its
// -ffp-contract=fast overrules the pragma.
#if defined(__FAST_MATH__)
#error "this file must be compiled without -ffast-math"
#elif defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#ifndef CV_KERNEL
// convo sees the kernels from its other files; an exported file has them for itself.
#define CV_KERNEL
#endif

typedef struct cv_maps {
    int32_t h, w, c;
} cv_maps;

// Sizes of a call. Two numbers: rows and columns.
typedef struct cv_geometry {
    cv_maps in, in1, out;                                 // of x, x1 and y
    int32_t kernel[2], stride[2], before[2], dilation[2]; // before: rows and columns of padding in front
    int32_t groups;
} cv_geometry;

// A call in floats. What a kernel reads of it is written beside the kernel.
typedef struct cv_f32_layer {
    cv_geometry g;
    float least, most; // y is clamped to these: relu, relu6
    float a, b;
    const float *weight, *bias, *third;
} cv_f32_layer;
