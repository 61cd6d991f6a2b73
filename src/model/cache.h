// Stores of features in a folder: one file for each data set and way of computing them.
#pragma once

#include "base/hash.h"
#include "data/store.h"
#include "recipe/recipe.h"

typedef struct cv_cache_key {
    char text[CV_SHA1_TEXT];
} cv_cache_key;

// Features; the samples of recordings, for changes; features of augmented versions of the examples in a split's
// training part.
typedef enum cv_cache_what { CV_CACHE_FEATURES, CV_CACHE_SAMPLES, CV_CACHE_VERSIONS } cv_cache_what;

// Makes the key from everything that the numbers depend on: the front end and its options (front: NULL for pictures),
// the options of the data set, and path, size and time of every file. gaps: whether rows may be missing. versions: the
// split, for CV_CACHE_VERSIONS. Returns false if a file cannot be examined.
bool cv_cache_key_of(const convo_recipe *recipe, const cv_dataset *dataset, const cv_front *front, cv_cache_what what,
                     bool gaps, const cv_split *versions, cv_cache_key *key);
// Opens or makes the store of a plan, whose path and key are filled in. folder or key NULL, or a folder that cannot be
// made: in memory. Afterwards the folder is trimmed to CV_CACHE_LIMIT bytes, or to this store alone if it is larger:
// the least recently used files are removed first.
convo_status cv_cache_make(const char *folder, const cv_cache_key *key, cv_store_plan *plan, cv_pool *pool,
                           cv_store **store, convo_error *err);
#ifndef CV_CACHE_LIMIT
#define CV_CACHE_LIMIT ((uint64_t)10 << 30)
#endif
