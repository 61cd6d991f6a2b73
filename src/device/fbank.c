// Kaldi's filter banks: the mean of a frame is taken off it, then a share of each sample of the one before; `gain`: of
// samples. before: the clip is mirrored beyond its ends, the first and the last sample twice. Where row is filters + 1,
// feature 0 is the logarithm of the frame's energy. cosines: 1 if the mean is taken off. work: [2 fft].
#include "device/device.h"
#include "device/finish.h"
#include "device/logs.h"
#include "device/mel.h"

// Frame t into x, [fft]; returns its energy.
static float cv_fbank_frame(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t t, float *x) {
    float mean = 0.0f, energy = 0.0f, last;
    int64_t sum = 0;
    for (int32_t k = 0; k < f->window; k++) {
        int32_t i = t * f->hop - f->before + k;
        while (i < 0 || i >= f->samples) i = i < 0 ? -i - 1 : 2 * f->samples - 1 - i;
        x[k] = i < count ? (float)sample[i] : 0.0f;
        if (i < count) sum += sample[i];
    }
    if (f->cosines) mean = (float)sum / (float)f->window;
    last = x[0] - mean;
    for (int32_t k = 0; k < f->window; k++) {
        const float v = x[k] - mean, emphasised = v - f->preemphasis * last;
        energy += v * v;
        x[k] = f->shape ? emphasised * f->shape[k] : emphasised;
        last = v;
    }
    memset(x + f->window, 0, (size_t)(f->fft - f->window) * sizeof *x);
    return energy;
}

CV_KERNEL void cv_f32_fbank(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    const int32_t first = f->row - f->filters;
    float *row = cv_f32_rows(f, y);
    for (int32_t t = 0; t < f->frames; t++, row += f->row) {
        const float energy = cv_fbank_frame(f, sample, count, t, work + f->fft);
        cv_f32_transform(f, work);
        cv_f32_filters(f, work, row + first);
        cv_f32_logs(f, row + first);
        if (first) row[0] = cv_f32_log_of(f, energy * f->gain);
    }
    cv_f32_finish(f, y);
}
