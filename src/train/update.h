// One step of the optimiser: the gradients of its batches, clipped, change the parameters and their moving average.
#pragma once

#include "train/train.h"

typedef struct cv_updater cv_updater;

// Allocates everything. runner: whose gradients are used; it may hand over some during its passes. state: whose moments
// and average change.
convo_status cv_updater_new(const cv_training *training, cv_train_state *state, cv_runner *runner, cv_updater **updater,
                            convo_error *err);
void cv_updater_free(cv_updater *updater);
// A step: cv_updater_begin, then cv_runner_train and cv_updater_add for each of its batches, then cv_updater_end.
void cv_updater_begin(cv_updater *updater, double learning_rate);
void cv_updater_add(cv_updater *updater, double weight); // of the batch, among those of the step
void cv_updater_end(cv_updater *updater);
// Exchanges the net's values with their moving average, where there is one.
void cv_updater_swap(cv_updater *updater);
