// Probabilities of a net trained with mse: its outputs, cut and divided by their sum; of one output, -1 to 1 for two
// classes.
#include "device/device.h"

CV_KERNEL void cv_f32_mse(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t outputs = l->g.in.c;
    float sum = 0.0f;
    (void)x1;
    if (outputs == 1) {
        const float half = (x[0] + 1.0f) * 0.5f;
        y[1] = half < 0.0f ? 0.0f : half > 1.0f ? 1.0f : half;
        y[0] = 1.0f - y[1];
        return;
    }
    for (int32_t k = 0; k < outputs; k++) {
        y[k] = x[k] < 1e-6f ? 1e-6f : x[k] > 1.0f ? 1.0f : x[k];
        sum += y[k];
    }
    for (int32_t k = 0; k < outputs; k++) y[k] /= sum;
}
