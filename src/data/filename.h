// What a file or folder is, by its name. Upper and lower case are the same.
#ifndef CV_FILENAME_H
#define CV_FILENAME_H

#include <stdbool.h>
#include <stdint.h>

bool cv_is_sound_name(const char *name);                    // libsndfile reads it
bool cv_is_picture_name(const char *name);                  // PNG or JPEG
extern const char cv_sound_endings[], cv_picture_endings[]; // the usual ones, for sentences
// What operating systems leave in folders. Hidden names (._x, .DS_Store) are not listed at all.
bool cv_is_litter(const char *name);
// README, notes.txt, labels.csv: nobody misses them among the examples.
bool cv_is_document(const char *name);
// The part that a folder or the word of a manifest means, such as "val" or "Testing"; -1: none.
int32_t cv_part_named(const char *name);

#endif
