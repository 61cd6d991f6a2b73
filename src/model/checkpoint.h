// last.checkpoint: all that a run needs to go on.
#pragma once

#include "model/run_folder.h"

// Writes it, at most once a second but at every stop and after the last epoch. user: a cv_run_folder.
convo_status cv_checkpoint_write(void *user, const cv_train_state *state, convo_error *err);
// The ranges of 8-bit numbers that it keeps, for the caller to free; NULL: none, or there is no checkpoint.
convo_status cv_checkpoint_ranges(const cv_run_folder *folder, char **ranges, convo_error *err);
// Reads it into the net and a state made by cv_train_state_new. Notes what the recipe says otherwise than that of the
// checkpoint; refuses what would make another training of it.
convo_status cv_checkpoint_read(cv_run_folder *folder, cv_net *net, cv_train_state *state, convo_error *err);
