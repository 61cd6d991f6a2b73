// What is wrong with a split of a data set: copies and speakers in several parts, classes that a part lacks.
#pragma once

#include "data/contents.h"

// Adds what it finds to *found. split: NULL: the official one if every example has a part, else none. random: the part
// of each speaker was left to chance, so that a speaker in two parts is not a fault.
convo_status cv_check(const cv_dataset *dataset, const cv_data_kind *kind, const cv_split *split, bool random,
                      const cv_contents *contents, cv_findings *found, convo_error *err);
