// What kinds that list files share: labels and groups are words until all are known.
#pragma once

#include "data/dataset.h"

// A string that does not end in 0. text NULL: none.
typedef struct cv_word {
    const char *text;
    size_t length;
} cv_word;

typedef struct cv_listing {
    cv_dataset *dataset;
    struct cv_listed {
        char *label, *group; // a group may be NULL
    } * listed;              // of each example
    size_t examples, words;  // for which there is room
} cv_listing;

// Adds an example and takes ownership of path. A NULL path, as any failure, means that memory ran out.
convo_status cv_listing_add(cv_listing *listing, char *path, cv_word label, cv_word group, int32_t part,
                            convo_error *err);
// Ends the listing: unless `status` is an error, sorts labels and groups and gives each example its numbers. Returns
// `status` or the error that occurred here.
convo_status cv_listing_end(cv_listing *listing, convo_status status, convo_error *err);
