// Pictures of 28 x 28 bytes with labels in IDX files: shared by the kinds mnist, fashion-mnist and emnist.
#pragma once

#include "data/examples.h"

// The files of one part: FOLDER/STEM-images-idx3-ubyte and FOLDER/STEM-labels-idx1-ubyte, also with a dot instead of
// the last hyphen, as they are or gzipped. turned: rows are stored as columns.
convo_status cv_idx_add(const char *folder, const char *stem, bool turned, int part, cv_examples *examples,
                        convo_error *err);
// 1 x 28 x 28, for cv_data_kind.shape.
bool cv_idx_shape(const void *config, cv_shape *out);
