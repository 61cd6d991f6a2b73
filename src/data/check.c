#include "data/check.h"

#include "data/part_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = CONVO_TEST + 1, NONE = -1 };

typedef struct checker {
    const cv_dataset *dataset;
    const cv_contents *contents;
    int32_t *part; // [examples]; NONE: left out of the split, or no split
    bool divided;
    cv_findings *found;
    convo_error *err;
} checker;

// --- names --------------------------------------------------------------------------------------------------------

static char *example_name(const cv_dataset *dataset, int32_t number, const char *also) {
    const cv_example *e = &dataset->example[number];
    char *name = !e->path               ? cv_format("example %" PRId32, number)
                 : e->piece.seconds > 0 ? cv_format("%s at %.3f s", cv_place(dataset, e->path), e->piece.start)
                                        : cv_format("%s", cv_place(dataset, e->path));
    char *whole = name && *also ? cv_format("%s (%s)", name, also) : NULL;
    if (!whole) return name;
    free(name);
    return whole;
}

static const char *label_of(const checker *c, int32_t number) {
    return c->dataset->labels[c->dataset->example[number].label];
}

static const char *part_name(const checker *c, int32_t number) {
    return c->part[number] == NONE ? "" : cv_part_name((convo_part)c->part[number]);
}

static convo_status add_pair(const checker *c, cv_finding kind, const char *(*also)(const checker *c, int32_t number),
                             int32_t number, int32_t first) {
    char *one = example_name(c->dataset, number, also(c, number));
    char *other = example_name(c->dataset, first, also(c, first));
    char *pair = one && other ? cv_format("%s = %s", one, other) : NULL;
    const convo_status status =
        pair ? cv_findings_add(c->found, kind, pair, c->err) : cv_no_memory(c->err, "copies among the examples");
    free(one);
    free(other);
    free(pair);
    return status;
}

// --- copies -------------------------------------------------------------------------------------------------------

typedef struct entry {
    uint64_t hash;
    int32_t part, number;
} entry;

static int by_hash(const void *left, const void *right) {
    const entry *a = left, *b = right;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    if (a->part != b->part) return a->part < b->part ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

static int by_number(const void *left, const void *right) {
    const entry *a = left, *b = right;
    return a->number < b->number ? -1 : a->number > b->number;
}

static convo_status judge_copy(const checker *c, int32_t number, int32_t first) {
    const cv_example *example = c->dataset->example;
    convo_status status = CONVO_OK;
    if (c->part[number] != c->part[first]) status = add_pair(c, CV_FOUND_LEAK, part_name, number, first);
    if (!status && example[number].label != example[first].label)
        return add_pair(c, CV_FOUND_LABEL, label_of, number, first);
    if (!status && !c->divided) status = add_pair(c, CV_FOUND_COPY, part_name, number, first);
    return status;
}

// Every example with the first of those that are the same: of the training part, if there is one. In order of their
// numbers, since those of hashes mean nothing to anybody.
static convo_status check_copies(const checker *c) {
    const size_t count = c->dataset->count;
    size_t known = 0, copies = 0;
    entry *list = cv_alloc(count, sizeof *list), *copy = cv_alloc(count, sizeof *copy);
    convo_status status = list && copy ? CONVO_OK : cv_no_memory(c->err, "copies among the examples");
    for (size_t i = 0; i < count && !status; i++) {
        if (c->divided && c->part[i] == NONE) continue;
        if (!c->contents->unreadable || !c->contents->unreadable[i])
            list[known++] = (entry){c->contents->hash[i], c->part[i], (int32_t)i};
        else
            status = cv_findings_add(c->found, CV_FOUND_UNREADABLE, cv_place(c->dataset, c->dataset->example[i].path),
                                     c->err);
    }
    if (!status) qsort(list, known, sizeof *list, by_hash);
    for (size_t i = 1, first = 0; i < known && !status; i++) {
        if (cv_contents_same(c->contents, (size_t)list[i].number, (size_t)list[first].number))
            copy[copies++] = (entry){.part = list[first].number, .number = list[i].number};
        else
            first = i;
    }
    if (!status) qsort(copy, copies, sizeof *copy, by_number);
    for (size_t i = 0; i < copies && !status; i++) status = judge_copy(c, copy[i].number, copy[i].part);
    free(list);
    free(copy);
    return status;
}

// --- classes and groups -------------------------------------------------------------------------------------------

// Of each class or group, the parts that have it, a bit each.
static unsigned *parts_of(const checker *c, int count, bool groups) {
    unsigned *parts = cv_alloc((size_t)count, sizeof *parts);
    for (size_t i = 0; parts && i < c->dataset->count; i++) {
        const int32_t of = groups ? c->dataset->example[i].group : c->dataset->example[i].label;
        if (c->part[i] != NONE && of >= 0) parts[of] |= 1u << c->part[i];
    }
    return parts;
}

static convo_status check_class_parts(const checker *c) {
    static const cv_finding kinds[PARTS] = {CV_FOUND_NO_TRAINING, CV_FOUND_NO_VALIDATION, CV_FOUND_NO_TEST};
    const int count = c->dataset->label_count;
    unsigned *parts = parts_of(c, count, false), used = 0;
    convo_status status = parts ? CONVO_OK : cv_no_memory(c->err, "the classes of the parts");
    for (int k = 0; k < count && !status; k++) used |= parts[k];
    for (int part = 0; part < PARTS && !status; part++)
        for (int k = 0; k < count && used >> part & 1 && !status; k++)
            if (!(parts[k] >> part & 1)) status = cv_findings_add(c->found, kinds[part], c->dataset->labels[k], c->err);
    free(parts);
    return status;
}

static convo_status check_groups(const checker *c, bool known) {
    const cv_finding kind = known ? CV_FOUND_KNOWN_GROUP : CV_FOUND_GROUP;
    const int count = c->dataset->group_count;
    unsigned *parts = parts_of(c, count, true);
    convo_status status = parts ? CONVO_OK : cv_no_memory(c->err, "the groups of the parts");
    for (int k = 0; k < count && !status; k++)
        if (parts[k] & (parts[k] - 1)) // more than one bit
            status = cv_findings_add(c->found, kind, c->dataset->groups[k], c->err);
    free(parts);
    return status;
}

// --- all ----------------------------------------------------------------------------------------------------------

static void divide(checker *c, const cv_split *split) {
    const size_t count = c->dataset->count;
    c->divided = split;
    for (size_t i = 0; i < count; i++) c->part[i] = split ? NONE : c->dataset->example[i].part;
    for (int part = 0; part < PARTS && split; part++)
        for (size_t i = 0; i < split->count[part]; i++) c->part[split->index[part][i]] = part;
    if (split) return;
    size_t official = 0;
    while (official < count && c->part[official] != NONE) official++;
    c->divided = official == count;
    for (size_t i = 0; i < count && !c->divided; i++) c->part[i] = NONE;
}

convo_status cv_check(const cv_dataset *dataset, const cv_data_kind *kind, const cv_split *split, bool random,
                      const cv_contents *contents, cv_findings *found, convo_error *err) {
    checker c = {.dataset = dataset, .contents = contents, .found = found, .err = err};
    if (!(c.part = cv_alloc(dataset->count, sizeof *c.part))) return cv_no_memory(err, "the parts of the examples");
    divide(&c, split);
    convo_status status = check_copies(&c);
    if (!status && c.divided) status = check_class_parts(&c);
    if (!status && c.divided && kind->recordings) // others' are no speakers
        status = check_groups(&c, random || kind->mixed);
    free(c.part);
    return status;
}
