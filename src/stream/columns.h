// A window that is computed from the one before it: what has not changed is kept. Its bits are those of the window by
// itself.
#pragma once

#include "model/model.h"
#include "stream/layout.h"

typedef struct cv_columns cv_columns;

// Whether a front end computes only new frames, and its normalised features flow; else the reason is in ->why.
cv_flow cv_features_flow(const cv_front *front, const cv_normal *normal);

// hop: samples from window to window. carry: recurrent layers keep their state. *columns is NULL where every window has
// to be computed from its first sample on.
convo_status cv_columns_new(const convo_model *model, size_t hop, bool carry, cv_columns **columns, convo_error *err);
void cv_columns_free(cv_columns *columns);
void cv_columns_clear(cv_columns *columns);
// Takes the next window; its number may be below 0, of windows before the first, which have to come first: those that
// end after the stream's begin. Unless it is, fills probabilities, [classes]. where: what an error names.
convo_status cv_columns_hear(cv_columns *columns, const float *window, int64_t number, cv_predictor *predictor,
                             float *probabilities, convo_error *err);
