// Counts examples and groups of each class in each part of a split.
#pragma once

#include "data/dataset.h"

// split: NULL: the official one if every example has a part, else all examples count as the training part. Freed with
// convo_parts_free.
convo_status cv_parts_count(const cv_dataset *dataset, const cv_split *split, convo_parts *parts, convo_error *err);
