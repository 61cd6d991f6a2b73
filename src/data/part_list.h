// Files that list the examples of one part of a split: lines "word/name.wav", as in validation_list.txt of Speech
// Commands. The extension does not count, since recordings may have been packed into another format.
#pragma once

#include "data/dataset.h"

typedef struct cv_part_list {
    char **name; // [count] sorted, distinct, without extensions
    bool *used;  // [count] cv_part_list_find found it
    size_t count;
} cv_part_list;

// Reads a list. Empty lines are skipped. Free it with cv_part_list_free.
convo_status cv_part_list_read(const char *path, cv_part_list *list, convo_error *err);
// Tells whether the list names a place such as "word/name.flac", and marks the name as used.
bool cv_part_list_find(cv_part_list *list, const char *place);
void cv_part_list_free(cv_part_list *list);
// Returns an example's path without the data set's folder, or without that of a manifest.
const char *cv_place(const cv_dataset *dataset, const char *path);
