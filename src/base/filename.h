// Classifies files and folders by name, ignoring case.
#pragma once

#include <stdbool.h>
#include <stdint.h>

bool cv_is_sound_name(const char *name);                    // libsndfile reads it
bool cv_is_picture_name(const char *name);                  // PNG, JPEG, WebP or BMP
bool cv_is_list_name(const char *name);                     // CSV
extern const char cv_sound_endings[], cv_picture_endings[]; // the usual ones, for sentences
// Files that operating systems leave in folders. Hidden names (._x, .DS_Store) are not listed at all.
bool cv_is_litter(const char *name);
// README, notes.txt, labels.csv: files that are not expected to be examples.
bool cv_is_document(const char *name);
// Returns the part that the name of a folder or a word of a manifest stands for, such as "val" or "Testing"; -1: none.
int32_t cv_part_named(const char *name);
