// What kinds that list files have in common: labels and groups that are words until all are known.
#ifndef CV_LISTING_H
#define CV_LISTING_H

#include "data/dataset.h"

// Text that no 0 byte ends. NULL: none.
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

// Adds an example. path is taken over, and may be NULL: then, as on any failure, there is no memory.
convo_status cv_listing_add(cv_listing *listing, char *path, cv_word label, cv_word group, int32_t part,
                            convo_error *err);
// Ends the listing: unless `status` says that it failed, labels and groups are sorted and each example has its numbers.
// Returns `status` or what went wrong here.
convo_status cv_listing_end(cv_listing *listing, convo_status status, convo_error *err);

#endif
