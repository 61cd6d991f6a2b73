// The features of all frames as 8-bit numbers, where they do not depend on the clip's largest. work: [2 fft].
#include "device/device.h"
#include "device/normal.h"
#include "device/quantize.h"
#include "device/spectrum.h"

CV_KERNEL void cv_i8_spectrum(const cv_f32_front *f, const cv_i8_layer *l, const int16_t *sample, int32_t count,
                              float *work, int8_t *y) {
    for (int32_t t = 0; t < f->frames; t++) {
        cv_f32_features(f, sample, count, t, work, work);
        for (int32_t k = 0; k < f->row; k++)
            *y++ = cv_i8_quantized(cv_f32_normalised(f, work[k], t * f->row + k), l->scale, l->zero_y);
    }
}
