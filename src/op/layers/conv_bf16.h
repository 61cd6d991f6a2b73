// The passes of a training step of a convolution in bf16. Each returns false, and does nothing, where it would be no
// faster than the one in fp32, and in every build but the one for AMX.
#pragma once

#include "op/layers/conv.h"

#ifdef CV_AMX
enum { CONV_ADDS_DX = 0 };
size_t cv_bf16_scratch(const conv *c, cv_shape in, cv_shape out); // in lanes
bool cv_bf16_forward(const cv_pass *pass);
bool cv_bf16_weight_gradient(const cv_pass *pass);
bool cv_bf16_input_gradient(const cv_pass *pass);
#else
enum { CONV_ADDS_DX = 1 };
static inline size_t cv_bf16_scratch(const conv *c, cv_shape in, cv_shape out) {
    (void)c, (void)in, (void)out;
    return 0;
}
static inline bool cv_bf16_forward(const cv_pass *pass) {
    (void)pass;
    return false;
}
static inline bool cv_bf16_weight_gradient(const cv_pass *pass) {
    (void)pass;
    return false;
}
static inline bool cv_bf16_input_gradient(const cv_pass *pass) {
    (void)pass;
    return false;
}
#endif
