// Features cached on disk: one file for each data set and way of computing them. Errors are not reported: features that
// cannot be read are computed again, and failures to write are ignored.
#ifndef CV_CACHE_H
#define CV_CACHE_H

#include "base/hash.h"
#include "recipe/recipe.h"

typedef struct cv_cache_key {
    char text[CV_SHA1_TEXT];
} cv_cache_key;

// Makes the key from everything that the features depend on: the front end and its options (front: NULL for pictures),
// the options of the data set, and path, size and time of every file. versions: for augmented versions of the examples
// in this split's training part; NULL: for the data set itself. Returns false if a file cannot be examined.
bool cv_cache_key_of(const convo_recipe *recipe, const cv_dataset *dataset, const cv_front *front,
                     const cv_split *versions, cv_cache_key *key);
// Returns values[count], which the caller frees; NULL if they are not in the folder, or damaged.
float *cv_cache_load(const char *folder, const cv_cache_key *key, size_t count);
// Stores values[count]. The folder is limited to CV_CACHE_LIMIT bytes; the least recently used files are removed first.
void cv_cache_store(const char *folder, const cv_cache_key *key, const float *values, size_t count);
#define CV_CACHE_LIMIT ((uint64_t)4 << 30)

#endif
