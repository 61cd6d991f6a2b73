// What is wrong with a division of a data set: copies and speakers on both sides, classes that a part lacks.
#ifndef CV_CHECK_H
#define CV_CHECK_H

#include "data/contents.h"

// Adds what it finds. split: NULL: the official one where every example has a part, else none. random: it was left to
// chance which part a speaker is in, so that it is no fault where one is in two.
convo_status cv_check(const cv_dataset *dataset, const cv_data_kind *kind, const cv_split *split, bool random,
                      const cv_contents *contents, cv_findings *found, convo_error *err);

#endif
