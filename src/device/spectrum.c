// The features of all frames. work: [2 fft].
#include "device/device.h"
#include "device/normal.h"
#include "device/spectrum.h"

CV_KERNEL void cv_f32_spectrum(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    const int32_t size = f->frames * f->row;
    float top;
    for (int32_t t = 0; t < f->frames; t++) cv_f32_features(f, sample, count, t, work, y + t * f->row);
    top = y[0];
    for (int32_t i = 1; i < size; i++) top = y[i] > top ? y[i] : top;
    for (int32_t i = 0; i < size; i++) {
        if (f->range > 0.0f) y[i] = y[i] - top > -f->range ? y[i] - top : -f->range;
        y[i] = cv_f32_normalised(f, y[i], i);
    }
}
