// The samples of a clip. With n of them, S their sum and Q that of their squares, those of zero mean and unit variance
// are (n x - S) / sqrt(n Q - S^2): whole numbers up to the last step.
#include "device/device.h"
#include "device/sqrt.h"

CV_KERNEL void cv_f32_waveform(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    const int32_t n = f->samples, used = count < n ? count : n;
    int64_t sum = 0, squares = 0;
    float gain = f->gain;
    (void)work;
    if (f->gain == 0.0f) {
        for (int32_t t = 0; t < used; t++) {
            sum += sample[t];
            squares += (int32_t)sample[t] * sample[t];
        }
        squares = n * squares - sum * sum;
        gain = squares > 0 ? 1.0f / cv_f32_sqrt((float)squares) : 0.0f;
    }
    for (int32_t t = 0; t < n; t++) {
        const int32_t x = t < used ? sample[t] : 0;
        const float v = f->gain == 0.0f ? (float)((int64_t)x * n - sum) * gain : (float)x * gain;
        y[t] = (v - f->mean) * f->factor;
    }
}
