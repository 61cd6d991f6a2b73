// Labels that say several things at once, or nothing: a label then is a set of outputs, which are true together.
#pragma once

#include "data/dataset.h"

// What a label of which nothing is true is called, unless it has a name.
#define CV_NONE "none"

// Cuts the labels of a data set at the separator, "alexa;hey mycroft", spaces around names apart, and makes outputs of
// the names. Nothing between separators, or at all: nothing is true. With one output there are two classes, none and
// it.
convo_status cv_several_split(cv_dataset *dataset, const char *separator, convo_error *err);
// The listed labels say that nothing is true. list: of a CV_LIST.
convo_status cv_several_none(cv_dataset *dataset, const char *list, convo_error *err);
// Makes the labels of rows, [count][output_count]: of every example what is true of it. The outputs have names.
convo_status cv_several_rows(cv_dataset *dataset, const uint8_t *rows, convo_error *err);
// Names labels that are numbers of rows of truth, [labels][output_count], which is handed over: after their outputs,
// which have names. none: what a row without any is called.
convo_status cv_several_name(cv_dataset *dataset, uint8_t *truth, int labels, const char *none, convo_error *err);
