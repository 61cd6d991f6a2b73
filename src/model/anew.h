// Examples that are made one by one: changed anew in every epoch, or read from a store that may exceed memory.
#pragma once

#include "model/material.h"

// For cv_source: context is the material.
convo_status cv_anew_make(const void *material, int64_t epoch, int32_t row, float *out, convo_error *err);
bool cv_anew_mix(const void *material, int64_t epoch, const int32_t *row, int count, float *values, int32_t *partner,
                 float *share);
