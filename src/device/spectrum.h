// The features of a frame: its spectrum, mel filters, logarithms and (MFCC) a cosine transform.
#pragma once

#include "device/cosines.h"
#include "device/frame.h"
#include "device/logs.h"
#include "device/mel.h"

// The features of the frame whose spectrum is in z; mel: [filters].
static void cv_f32_row(const cv_f32_front *f, const float *z, float *mel, float *y) {
    const int32_t first = f->row - f->cosines; // 1 if feature 0 is the logarithm of the frame's energy
    const float energy = cv_f32_filters(f, z, mel);
    cv_f32_logs(f, mel);
    if (first) y[0] = cv_f32_log_of(f, energy * f->scale);
    if (f->cosine)
        cv_f32_cosines(f, mel, first, y + first);
    else
        memcpy(y, mel, (size_t)f->filters * sizeof *y);
}

// The features of frame t, before they are normalised. work: [2 fft]; y may be its beginning.
static void cv_f32_features(const cv_f32_front *f, const int16_t *sample, int32_t count, int32_t t, float *work,
                            float *y) {
    cv_f32_frame(f, sample, count, t, work + f->fft);
    cv_f32_transform(f, work);
    cv_f32_row(f, work, work + f->fft, y);
}
