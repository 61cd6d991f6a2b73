// The passes of a training step of a linear layer in bf16 by AMX. Each returns false, and does nothing, where it would
// be no faster than the one in fp32, and in every build but the one for AMX.
#pragma once

#include "op/layers/lanes.h"
#include "op/share.h"

#ifdef CV_AMX
bool cv_bf16_linear_forward(const cv_pass *pass, cv_span outputs, const real *bias);
bool cv_bf16_linear_input_gradient(const cv_pass *pass, cv_span inputs);
bool cv_bf16_linear_weight_gradient(const cv_pass *pass, cv_span inputs);
#else
static inline bool cv_bf16_linear_forward(const cv_pass *pass, cv_span outputs, const real *bias) {
    (void)pass, (void)outputs, (void)bias;
    return false;
}
static inline bool cv_bf16_linear_input_gradient(const cv_pass *pass, cv_span inputs) {
    (void)pass, (void)inputs;
    return false;
}
static inline bool cv_bf16_linear_weight_gradient(const cv_pass *pass, cv_span inputs) {
    (void)pass, (void)inputs;
    return false;
}
#endif
