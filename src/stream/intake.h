// The samples of a stream: from any rate to the model's, collected into windows.
#pragma once

#include "base/base.h"

typedef struct cv_intake cv_intake;

// from, to: rates. window, hop: samples at the rate `to`. lead: samples, at most the window, that are missing in the
// first window, for which there are zeros.
convo_status cv_intake_new(int from, int to, size_t window, size_t hop, cv_intake **intake, convo_error *err);
void cv_intake_free(cv_intake *intake);
// Begins again. lead: zeros that the first window begins with, at most its length.
void cv_intake_clear(cv_intake *intake, size_t lead);
// Gives it samples, which are borrowed until cv_intake_window finds no window in what is left.
void cv_intake_push(cv_intake *intake, const float *sample, size_t count);
bool cv_intake_is_empty(const cv_intake *intake);
// Returns the next window, good until the next call, and its loudest hop's mean of squares; NULL: samples are missing.
const float *cv_intake_window(cv_intake *intake, double *loudness);
