// y = e^x / the sum of e^x over the channels of a pixel; also the probabilities of a net trained with cross_entropy.
#include "device/device.h"
#include "device/exp.h"

CV_KERNEL void cv_f32_softmax(const cv_f32_layer *l, const float *x, float *x1, float *y) {
    const int32_t pixels = l->g.in.h * l->g.in.w, channels = l->g.in.c;
    (void)x1;
    for (int32_t i = 0; i < pixels; i++, x += channels, y += channels) {
        float top = x[0], sum = 0.0f;
        for (int32_t c = 1; c < channels; c++) top = x[c] > top ? x[c] : top;
        for (int32_t c = 0; c < channels; c++) {
            y[c] = cv_f32_exp(x[c] - top);
            sum += y[c];
        }
        for (int32_t c = 0; c < channels; c++) y[c] /= sum;
    }
}
