// The features of all frames. work: [2 fft].
#include "device/cut.h"
#include "device/device.h"
#include "device/finish.h"
#include "device/spectrum.h"

CV_KERNEL void cv_f32_spectrum(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    float *rows = cv_f32_rows(f, y);
    for (int32_t t = 0; t < f->frames; t++) cv_f32_features(f, sample, count, t, work, rows + t * f->row);
    if (f->range > 0.0f) cv_f32_cut(f, rows, f->frames * f->row);
    cv_f32_finish(f, y);
}
