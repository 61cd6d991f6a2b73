#include "data/listing.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

convo_status cv_listing_add(cv_listing *listing, char *path, cv_word label, cv_word group, int32_t part,
                            convo_error *err) {
    cv_dataset *d = listing->dataset;
    if (!path || !cv_grow(&d->example, &listing->examples, d->count + 1, sizeof *d->example) ||
        !cv_grow(&listing->listed, &listing->words, d->count + 1, sizeof *listing->listed)) {
        free(path);
        return cv_no_memory(err, d->folder);
    }
    struct cv_listed *listed = &listing->listed[d->count];
    listed->label = cv_name(label.text, label.length);
    listed->group = group.text ? cv_name(group.text, group.length) : NULL;
    d->example[d->count++] = (cv_example){.path = path, .group = -1, .index = -1, .part = part};
    return listed->label && (listed->group || !group.text) ? CONVO_OK : cv_no_memory(err, d->folder);
}

static convo_status number(const cv_listing *listing, convo_error *err) {
    cv_dataset *d = listing->dataset;
    for (size_t i = 0; i < d->count; i++) {
        const char *label = listing->listed[i].label, *group = listing->listed[i].group;
        if (!cv_names_add(&d->labels, &d->label_count, label, strlen(label)) ||
            (group && !cv_names_add(&d->groups, &d->group_count, group, strlen(group))))
            return cv_no_memory(err, d->folder);
    }
    for (size_t i = 0; i < d->count; i++) { // only now, with all words known and sorted, has each its number
        const char *label = listing->listed[i].label, *group = listing->listed[i].group;
        d->example[i].label = cv_names_find(d->labels, d->label_count, label, strlen(label));
        if (group) d->example[i].group = cv_names_find(d->groups, d->group_count, group, strlen(group));
    }
    return CONVO_OK;
}

convo_status cv_listing_end(cv_listing *listing, convo_status status, convo_error *err) {
    if (!status) status = number(listing, err);
    for (size_t i = 0; i < listing->dataset->count; i++) {
        free(listing->listed[i].label);
        free(listing->listed[i].group);
    }
    free(listing->listed);
    *listing = (cv_listing){0};
    return status;
}
