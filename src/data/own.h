// Examples of the program that calls the library, as a data set.
#pragma once

#include "data/dataset.h"

// The result borrows the values and what `fill` needs; it must be freed before `own`.
convo_status cv_dataset_of_own(const convo_dataset *own, cv_dataset **dataset, convo_error *err);
