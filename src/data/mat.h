// Examples from MATLAB files: shared by the kinds mat and svhn.
#pragma once

#include "data/examples.h"

// Adds the examples of a file: variable x, with the order of its dimensions as in cv_numbers_arrange, and the labels y.
convo_status cv_mat_add(const char *path, const char *x, const char *y, const char *layout, int part,
                        cv_examples *examples, convo_error *err);
