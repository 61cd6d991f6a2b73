// All samples of a clip.
#include "device/device.h"
#include "device/waveform.h"

CV_KERNEL void cv_f32_waveform(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    const cv_loudness loud = cv_waveform_loudness(f, sample, count);
    (void)work;
    for (int32_t t = 0; t < f->samples; t++) y[t] = cv_waveform_value(f, &loud, sample, count, t);
}
