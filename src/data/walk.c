#include "data/walk.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/filename.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

typedef struct cv_names { // sorted
    char **name;
    int count;
} cv_names;

typedef struct walker {
    const cv_class_walk *walk;
    cv_dataset *dataset;
    cv_listing listing;
    size_t root;       // length of the data set's folder with its slash
    cv_names classes;  // there, in any part
    cv_names empty;    // paths of their folders in which nothing was taken
    int parts, others; // folders of parts, and others beside them
    bool trains;       // train is one of them
    const char *label;
    int32_t part;
    convo_error *err;
} walker;

// --- one folder ---------------------------------------------------------------------------------------------------

// A folder on the way down, for links that lead back up.
typedef struct level {
    const struct level *up;
    dev_t device;
    ino_t inode;
    int depth;
} level;

typedef convo_status (*visit)(walker *w, const char *path, const char *name, const level *here);

static convo_status skip(walker *w, cv_finding why, const char *path) {
    return cv_findings_add(&w->dataset->found, why, path + w->root, w->err);
}

// Whether a folder may be entered. What is gone by now is left to cv_folder_list.
static bool may_enter(const char *path, const level *up, level *here, cv_finding *why) {
    struct stat about = {0};
    if (stat(path, &about)) return true;
    *here = (level){up, about.st_dev, about.st_ino, up ? up->depth + 1 : 0};
    *why = CV_FOUND_DEEP;
    if (here->depth > CV_LIMIT_FOLDERS) return false;
    *why = CV_FOUND_LOOP;
    for (; up; up = up->up)
        if (up->device == here->device && up->inode == here->inode) return false;
    return true;
}

// Calls `each` for whatever is in the folder but litter, sorted by name.
static convo_status visit_folder(walker *w, const char *path, const level *up, visit each) {
    level here = {.up = up};
    cv_finding why;
    char **names;
    size_t count, seen = 0;
    if (!may_enter(path, up, &here, &why)) return skip(w, why, path);
    convo_status status = cv_folder_list(path, &names, &count, w->err);
    for (size_t i = 0; i < count && !status; i++) {
        if (cv_is_litter(names[i])) continue;
        seen++;
        char *below = cv_format("%s/%s", path, names[i]);
        status = below ? each(w, below, names[i], &here) : cv_no_memory(w->err, path);
        free(below);
    }
    if (!status && !seen && up) status = skip(w, CV_FOUND_EMPTY, path);
    cv_folder_free(names, count);
    return status;
}

// --- classes ------------------------------------------------------------------------------------------------------

static convo_status visit_file(walker *w, const char *path, const char *name, const level *here) {
    if (cv_is_folder(path)) return visit_folder(w, path, here, visit_file);
    if (!w->walk->wanted(name)) return cv_is_document(name) ? CONVO_OK : skip(w, CV_FOUND_FORMAT, path);
    cv_class_file file = {.place = path + w->root, .name = name, .part = w->part};
    if (w->walk->look) w->walk->look(w->walk->context, &file);
    return cv_listing_add(&w->listing, cv_format("%s", path), (cv_word){w->label, strlen(w->label)}, file.group,
                          file.part, w->err);
}

static bool is_class_name(const walker *w, const char *name) {
    return !w->walk->aside || strcmp(name, w->walk->aside) != 0;
}

static bool is_chosen(const char *list, const char *name) {
    const char *item;
    size_t length;
    if (!*list) return true;
    while (cv_list_next(&list, &item, &length))
        if (strlen(name) == length && strncmp(item, name, length) == 0) return true;
    return false;
}

static convo_status visit_outside(walker *w, const char *path, const char *name) {
    return cv_is_document(name) ? CONVO_OK : skip(w, CV_FOUND_OUTSIDE, path);
}

static convo_status visit_class(walker *w, const char *path, const char *name, const level *here) {
    if (!cv_is_folder(path)) return visit_outside(w, path, name);
    if (!is_class_name(w, name)) return CONVO_OK;
    if (!cv_names_add(&w->classes.name, &w->classes.count, name, strlen(name))) return cv_no_memory(w->err, path);
    if (!is_chosen(w->walk->classes, name)) return CONVO_OK;
    const size_t before = w->dataset->count;
    w->label = name;
    const convo_status status = visit_folder(w, path, here, visit_file);
    if (status || w->dataset->count > before) return status;
    return cv_names_add(&w->empty.name, &w->empty.count, path, strlen(path)) ? CONVO_OK : cv_no_memory(w->err, path);
}

// --- parts --------------------------------------------------------------------------------------------------------

// The part that a folder is; -1: none. A class may be called "train" too: then it holds examples itself.
static int32_t part_of_folder(const cv_class_walk *walk, const char *path, const char *name) {
    int32_t part = cv_part_named(name);
    char **names;
    size_t count;
    if (part < 0 || cv_folder_list(path, &names, &count, NULL)) return -1;
    for (size_t i = 0; i < count && part >= 0; i++)
        if (walk->wanted(names[i])) part = -1;
    cv_folder_free(names, count);
    return part;
}

static convo_status count_part(walker *w, const char *path, const char *name, const level *here) {
    (void)here;
    if (!cv_is_folder(path) || !is_class_name(w, name)) return CONVO_OK;
    const int32_t part = part_of_folder(w->walk, path, name);
    w->parts += part >= 0;
    w->others += part < 0;
    w->trains = w->trains || part == CONVO_TRAIN;
    return CONVO_OK;
}

// One of a part; what is of none is told in the first round.
static convo_status visit_part(walker *w, const char *path, const char *name, const level *here) {
    const bool first = w->part == CONVO_TRAIN;
    if (!cv_is_folder(path)) return first ? visit_outside(w, path, name) : CONVO_OK;
    const int32_t part = part_of_folder(w->walk, path, name);
    if (part < 0 && first && is_class_name(w, name)) return skip(w, CV_FOUND_FOLDER, path);
    return part == w->part ? visit_folder(w, path, here, visit_class) : CONVO_OK;
}

static convo_status list_all(walker *w, const char *folder) {
    convo_status status = visit_folder(w, folder, NULL, count_part);
    if (!w->trains || (w->parts == 1 && w->others)) return status ? status : visit_folder(w, folder, NULL, visit_class);
    for (w->part = CONVO_TRAIN; w->part <= CONVO_TEST && !status; w->part++)
        status = visit_folder(w, folder, NULL, visit_part);
    return status;
}

// --- what must be there -------------------------------------------------------------------------------------------

static const char *class_at(const void *names, size_t k) {
    const cv_names *of = names;
    return k < (size_t)of->count ? of->name[k] : NULL;
}

// A text is cut into words: "hey" may be the beginning of "hey mycroft".
static convo_status no_such_class(const walker *w, const char *name) {
    const char *folder = w->dataset->folder;
    const size_t length = strlen(name);
    for (int k = 0; k < w->classes.count; k++)
        if (strncmp(w->classes.name[k], name, length) == 0 && w->classes.name[k][length] == ' ')
            return cv_fail(w->err, CONVO_ARGUMENT, folder,
                           "classes: there is no folder '%s' in it; write names with spaces as a list, such as [%s]",
                           name, w->classes.name[k]);
    return cv_fail(w->err, CONVO_ARGUMENT, folder, "classes: there is no folder '%s' in it%s", name,
                   cv_did_you_mean(name, class_at, &w->classes).text);
}

static convo_status check_chosen(const walker *w) {
    const char *list = w->walk->classes, *item;
    size_t length;
    convo_status status = CONVO_OK;
    while (!status && cv_list_next(&list, &item, &length)) {
        if (cv_names_find(w->classes.name, w->classes.count, item, length) >= 0) continue;
        char *name = cv_format("%.*s", (int)length, item);
        status = name ? no_such_class(w, name) : cv_no_memory(w->err, "classes");
        free(name);
    }
    return status;
}

// With the labels sorted.
static convo_status check_classes(const walker *w) {
    const cv_dataset *d = w->dataset;
    if (d->count == 0)
        return cv_fail(w->err, CONVO_FORMAT, d->folder,
                       "holds no %s in folders named after their classes, such as cat/1%.*s (%s)", w->walk->what,
                       (int)strcspn(w->walk->endings, ","), w->walk->endings, w->walk->endings);
    for (int k = 0; k < w->empty.count; k++) { // a class may have all of its examples in another part
        const char *path = w->empty.name[k], *name = strrchr(path, '/') + 1;
        char *label = cv_name(name, strlen(name)); // as the listing keeps it
        if (!label) return cv_no_memory(w->err, d->folder);
        const bool missing = cv_names_find(d->labels, d->label_count, label, strlen(label)) < 0;
        free(label);
        if (missing)
            return cv_fail(w->err, CONVO_FORMAT, path,
                           "this class holds no %s (%s): remove it, or list the classes to take, such as "
                           "'classes: [%s]'",
                           w->walk->what, w->walk->endings, d->labels[0]);
    }
    return CONVO_OK;
}

convo_status cv_walk_classes(const cv_class_walk *walk, const char *folder, cv_dataset *dataset, convo_error *err) {
    walker w = {.walk = walk,
                .dataset = dataset,
                .listing = {.dataset = dataset},
                .root = strlen(folder) + 1,
                .part = -1,
                .err = err};
    convo_status status = list_all(&w, folder);
    if (!status) status = check_chosen(&w);
    status = cv_listing_end(&w.listing, status, err);
    if (!status) status = check_classes(&w);
    cv_folder_free(w.classes.name, (size_t)w.classes.count);
    cv_folder_free(w.empty.name, (size_t)w.empty.count);
    return status;
}
