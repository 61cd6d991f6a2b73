// Probabilities of two classes from one output: those of a net trained with logistic.
#include "device/device.h"
#include "device/sigmoid.h"

CV_KERNEL void cv_f32_logistic(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    (void)l, (void)x1;
    y[1] = cv_f32_sigmoid_of(x[0]);
    y[0] = 1.0f - y[1];
}
