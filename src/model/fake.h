// Training for 8-bit numbers: train.quantize.
#pragma once

#include "model/material.h"
#include "model/run_folder.h"

// Puts the net that rounds as a device does (cv_program_fake) in the place of *net, which has the weights to start
// from, and in folder->parts, with the ranges: those of the run that goes on, else measured. *ranges is theirs, for the
// caller to free after the folder. The material is not normalised. Errors: ARGUMENT without a model to start from.
convo_status cv_fake_prepare(const convo_train_options *options, const cv_material *material, cv_run_folder *folder,
                             cv_net **net, char **ranges, convo_error *err);
