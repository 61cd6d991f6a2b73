// The options of attention, and its tensors.
#pragma once

#include "op/layers/lanes.h"

typedef struct attention {
    int64_t heads;
    bool bias, qkv_bias;
} attention;

enum { OUT_WEIGHT, OUT_BIAS }; // IN_WEIGHT and IN_BIAS follow those that there are

extern const cv_op CV_JOIN(cv_single_attention, CV_ISA); // see attention_single.c
