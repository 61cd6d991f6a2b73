// Shared by split.c and split_group.c.
#pragma once

#include "data/dataset.h"

enum { CV_PARTS = 3, CV_LEFT_OUT = -1 };
extern const char cv_split_where[]; // of a recipe

// Each of these fills part[i] of every example.
// By group: the group that is left out, fractions of the examples in whole groups, or a fold of the groups. Sets *done
// if the validation set, if there is to be one, is dealt out as well.
convo_status cv_parts_by_group(const cv_split_config *config, const cv_dataset *dataset, uint64_t seed, int32_t *part,
                               bool *done, convo_error *err);
// By the files that list the parts. *unlisted: names that no example has.
convo_status cv_parts_by_list(const cv_split_config *config, const cv_dataset *dataset, int32_t *part, size_t *unlisted,
                              convo_error *err);
