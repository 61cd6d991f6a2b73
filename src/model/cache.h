// Features kept on disk, so that they are computed once: a file for each data set and way of computing them. Only a
// convenience: what cannot be read is computed again, what cannot be written is not missed.
#ifndef CV_CACHE_H
#define CV_CACHE_H

#include "base/hash.h"
#include "recipe/recipe.h"

typedef struct cv_cache_key {
    char text[CV_SHA1_TEXT];
} cv_cache_key;

// Names all that the features come from: the front end and its options (front: NULL for pictures), the options of the
// data set, and path, size and time of every file. versions: of changed versions of the examples in this split's
// training part; NULL: of the data set as it is. false: a file cannot be looked at.
bool cv_cache_key_of(const convo_recipe *recipe, const cv_dataset *dataset, const cv_front *front,
                     const cv_split *versions, cv_cache_key *key);
// values[count], which the caller frees; NULL: they are not in the folder, or damaged.
float *cv_cache_load(const char *folder, const cv_cache_key *key, size_t count);
// Keeps values[count]. The folder is kept at CV_CACHE_LIMIT bytes: what was not used for longest goes first.
void cv_cache_store(const char *folder, const cv_cache_key *key, const float *values, size_t count);
#define CV_CACHE_LIMIT ((uint64_t)4 << 30)

#endif
