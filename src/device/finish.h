// From the rows of values of a whole clip to what the net reads: scaled, with deltas, normalised.
#pragma once

#include "device/normal.h"
#include "device/sqrt.h"

// Where a front end puts the rows, [frames][row]: at the end of y, which has room for deltas.
static float *cv_f32_rows(const cv_f32_front *f, float *y) {
    return y + f->frames * f->row * f->deltas;
}

// The sum of x - mean, or of its square, over `groups` times `count` values, group by group.
static float cv_f32_sum_of(const float *x, int32_t groups, int32_t count, int32_t step, float mean, int square) {
    float sum = 0.0f;
    for (int32_t g = 0; g < groups; g++) {
        float part = 0.0f;
        for (int32_t i = 0; i < count; i++, x += step) {
            const float d = *x - mean;
            part += square ? d * d : d;
        }
        sum += part;
    }
    return sum;
}

// Zero mean and, unless they are all the same, unit variance.
static void cv_f32_standardise(float *x, int32_t groups, int32_t count, int32_t step, int variance) {
    const float n = (float)(groups * count), mean = cv_f32_sum_of(x, groups, count, step, 0.0f, 0) / n;
    float gain = 1.0f;
    if (variance) {
        const float square = cv_f32_sum_of(x, groups, count, step, mean, 1) / n;
        gain = square > 0.0f ? 1.0f / cv_f32_sqrt(square) : 0.0f;
    }
    for (int32_t i = 0; i < groups * count; i++) x[i * step] = (x[i * step] - mean) * gain;
}

// The place in y of value v of frame t: m 0; of its deltas 1, of theirs 2.
static int32_t cv_f32_place(const cv_f32_front *f, int32_t t, int32_t v, int32_t m) {
    const int32_t maps = 1 + f->deltas;
    return f->apart ? (t * f->row + v) * maps + m : (t * maps + m) * f->row + v;
}

// The slope of the line through 2 reach + 1 frames; beyond the ends are the first and the last one.
static float cv_f32_slope(const cv_f32_front *f, const float *y, int32_t t, int32_t v, int32_t m) {
    float sum = 0.0f;
    int32_t squares = 0;
    for (int32_t n = 1; n <= f->reach; n++) {
        const int32_t next = t + n < f->frames ? t + n : f->frames - 1, last = t - n > 0 ? t - n : 0;
        const float rise = y[cv_f32_place(f, next, v, m)] - y[cv_f32_place(f, last, v, m)];
        sum += (float)n * rise;
        squares += 2 * n * n;
    }
    return sum / (float)squares;
}

static void cv_f32_finish(const cv_f32_front *f, float *y) {
    const int32_t size = f->frames * f->row * (1 + f->deltas);
    float *rows = cv_f32_rows(f, y);
    if (f->scaled == 1) cv_f32_standardise(rows, f->frames, f->row, 1, 1); // over the clip
    for (int32_t v = 0; f->scaled > 1 && v < f->row; v++)                  // each value over the frames
        cv_f32_standardise(rows + v, 1, f->frames, f->row, f->scaled == 3);
    for (int32_t t = 0; f->deltas && t < f->frames; t++) // no row is overwritten before it is read
        for (int32_t v = 0; v < f->row; v++) y[cv_f32_place(f, t, v, 0)] = rows[t * f->row + v];
    for (int32_t m = 1; m <= f->deltas; m++)
        for (int32_t t = 0; t < f->frames; t++)
            for (int32_t v = 0; v < f->row; v++) y[cv_f32_place(f, t, v, m)] = cv_f32_slope(f, y, t, v, m - 1);
    for (int32_t i = 0; i < size; i++) y[i] = cv_f32_normalised(f, y[i], i);
}
