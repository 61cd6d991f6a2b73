#pragma once

#include "device/front.h"
#include "device/log.h"

static float cv_f32_log_of(const cv_f32_front *f, float x) {
    const float sum = x + f->offset;
    return f->unit * cv_f32_log(sum > f->floor ? sum : f->below);
}

static void cv_f32_logs(const cv_f32_front *f, float *mel) {
    for (int32_t j = 0; j < f->filters; j++) mel[j] = cv_f32_log_of(f, mel[j]);
}
