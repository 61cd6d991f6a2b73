// MFCCs whose logarithms are cut relative to the clip's largest. work: [2 fft], then the logarithms, [frames][filters].
#include "device/cosines.h"
#include "device/cut.h"
#include "device/device.h"
#include "device/finish.h"
#include "device/frame.h"
#include "device/logs.h"
#include "device/mel.h"

CV_KERNEL void cv_f32_cepstra(const cv_f32_front *f, const int16_t *sample, int32_t count, float *work, float *y) {
    float *logs = work + 2 * f->fft, *rows = cv_f32_rows(f, y);
    for (int32_t t = 0; t < f->frames; t++) {
        float *mel = logs + t * f->filters;
        cv_f32_frame(f, sample, count, t, work + f->fft);
        cv_f32_transform(f, work);
        cv_f32_filters(f, work, mel);
        cv_f32_logs(f, mel);
    }
    if (f->range > 0.0f) cv_f32_cut(f, logs, f->frames * f->filters);
    for (int32_t t = 0; t < f->frames; t++) cv_f32_cosines(f, logs + t * f->filters, 0, rows + t * f->row);
    cv_f32_finish(f, y);
}
