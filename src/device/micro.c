// The features of all frames. work: [fft / 2 + 1] pairs of the transform, [filters] magnitudes, [filters] noise
// estimates.
#include "device/device.h"
#include "device/finish.h"
#include "device/micro.h"

CV_KERNEL void cv_f32_micro(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    const cv_micro_words w = cv_micro_words_of(f);
    cv_word *noise = (cv_word *)(void *)(work + f->fft / 2 + 1 + f->filters);
    float *rows = cv_f32_rows(f, y);
    for (int32_t j = 0; j < f->filters; j++) noise[j] = 0;
    for (int32_t t = 0; t < f->frames; t++, rows += f->filters) {
        const cv_word *signal = cv_micro_magnitudes(f, &w, sample, count, t, work);
        for (int32_t j = 0; j < f->filters; j++) rows[j] = cv_micro_value(f, &w, j, signal[j], &noise[j]);
    }
    cv_f32_finish(f, y);
}
