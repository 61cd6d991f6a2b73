// A model run as a device runs it: convo_model_run_on.
#pragma once

#include "model/material.h"
#include "model/model.h"
#include "ship/program.h"

cv_ship cv_ship_of(const cv_model_parts *parts); // borrowed from them
// Makes the program of a model, in floats or, once their ranges are measured, in 8-bit numbers.
convo_status cv_model_program(const convo_model *model, bool i8, cv_program **program, convo_error *err);
// Sets where a predictor runs. Errors: those of convo_model_run_on; the previous setting then remains.
convo_status cv_predictor_run_on(const convo_model *model, cv_predictor *predictor, convo_machine machine,
                                 convo_error *err);
// A device has samples of 16 bits; those of a 16-bit file at the model's rate are exact.
void cv_device_round(const float *sample, size_t count, int16_t *out);
// One recording, [count] at the model's rate; one array, not normalised. logits or probabilities may be NULL.
void cv_device_samples(cv_predictor *predictor, const float *sample, size_t count, float *logits, float *probabilities);
convo_status cv_device_values(convo_model *model, const float *values, const char *where, float *logits,
                              float *probabilities, convo_error *err);
// Fills the logits, the probabilities and the score of an evaluation. rows: of its examples. The material is not
// normalised. Uses options->scoring.
convo_status cv_device_score(convo_model *model, const cv_material *material, const int32_t *rows,
                             const convo_train_options *options, convo_evaluation *e, convo_error *err);
