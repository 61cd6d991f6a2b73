#include "data/listing.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool cv_is_sound_name(const char *name) {
    static const char *const endings[] = {".flac", ".wav", ".ogg", ".mp3"};
    const char *ending = strrchr(name, '.');
    for (size_t k = 0; ending && k < CV_COUNT(endings); k++)
        if (strcasecmp(ending, endings[k]) == 0) return true;
    return false;
}

// --- class folders ----------------------------------------------------------------------------------------------

static convo_status list_folders(const char *folder, cv_names *names, convo_error *err) {
    char **entries;
    size_t all;
    convo_status status = cv_folder_list(folder, &entries, &all, err);
    for (size_t i = 0; i < all && !status; i++) {
        char *path = cv_format("%s/%s", folder, entries[i]);
        if (!path || (entries[i][0] != '_' && cv_is_folder(path) &&
                      !cv_names_add(&names->name, &names->count, entries[i], strlen(entries[i]))))
            status = cv_no_memory(err, folder);
        free(path);
    }
    cv_folder_free(entries, all);
    return status;
}

static const char *name_at(const void *names, size_t k) {
    const cv_names *of = names;
    return k < (size_t)of->count ? of->name[k] : NULL;
}

// A text is cut into words: "hey" may be the beginning of "hey mycroft".
static convo_status no_such_class(const char *folder, const char *name, size_t length, const cv_names *names,
                                  convo_error *err) {
    for (int k = 0; k < names->count; k++)
        if (strncmp(names->name[k], name, length) == 0 && names->name[k][length] == ' ')
            return cv_fail(err, CONVO_ARGUMENT, folder,
                           "classes: there is no folder '%s' in it; write names with spaces as a list, such as [%s]",
                           name, names->name[k]);
    return cv_fail(err, CONVO_ARGUMENT, folder, "classes: there is no folder '%s' in it%s", name,
                   cv_did_you_mean(name, name_at, names).text);
}

static convo_status choose(const char *folder, const char *classes, cv_names *names, convo_error *err) {
    cv_names chosen = {0};
    convo_status status = CONVO_OK;
    const char *item;
    size_t length;
    while (!status && cv_list_next(&classes, &item, &length)) {
        char name[CV_LIST_SIZE];
        cv_print(name, sizeof name, "%.*s", (int)length, item);
        if (cv_names_find(names->name, names->count, name, length) < 0)
            status = no_such_class(folder, name, length, names, err);
        else if (!cv_names_add(&chosen.name, &chosen.count, name, length))
            status = cv_no_memory(err, folder);
    }
    cv_folder_free(names->name, (size_t)names->count);
    *names = chosen;
    return status;
}

convo_status cv_class_folders(const char *folder, const char *classes, cv_names *names, convo_error *err) {
    const convo_status status = list_folders(folder, names, err);
    return status || !*classes ? status : choose(folder, classes, names, err);
}

// --- listings ---------------------------------------------------------------------------------------------------

convo_status cv_listing_add(cv_listing *listing, char *path, cv_word label, cv_word group, int32_t part,
                            convo_error *err) {
    cv_dataset *d = listing->dataset;
    if (!path || !cv_grow(&d->example, &listing->examples, d->count + 1, sizeof *d->example) ||
        !cv_grow(&listing->listed, &listing->words, d->count + 1, sizeof *listing->listed)) {
        free(path);
        return cv_no_memory(err, d->folder);
    }
    struct cv_listed *listed = &listing->listed[d->count];
    listed->label = cv_format("%.*s", (int)label.length, label.text);
    listed->group = group.text ? cv_format("%.*s", (int)group.length, group.text) : NULL;
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
