// All samples of a clip as 8-bit numbers.
#include "device/device.h"
#include "device/quantize.h"
#include "device/waveform.h"

CV_KERNEL void cv_i8_waveform(const cv_f32_front *f, const cv_i8_layer *l, const int16_t *sample, int32_t count,
                              float *work, int8_t *y) {
    const cv_loudness loud = cv_waveform_loudness(f, sample, count);
    (void)work;
    for (int32_t t = 0; t < f->samples; t++)
        y[t] = cv_i8_quantized(cv_waveform_value(f, &loud, sample, count, t), l->scale, l->zero_y);
}
