#include "data/parts.h"

#include <stdlib.h>

enum { PARTS = CONVO_TEST + 1, NONE = -1 };

// The part of each example; NONE: left out.
static void find_parts(const cv_dataset *d, const cv_split *split, int32_t *part) {
    bool official = true;
    for (size_t i = 0; i < d->count; i++) {
        part[i] = split ? NONE : d->example[i].part;
        official = official && d->example[i].part != NONE;
    }
    for (size_t i = 0; i < d->count && !split && !official; i++) part[i] = CONVO_TRAIN;
    for (int p = 0; p < PARTS && split; p++)
        for (size_t k = 0; k < split->count[p]; k++) part[split->index[p][k]] = p;
}

// Class after class: whether a group was seen in this class is kept in one table.
typedef struct counter {
    const cv_dataset *dataset;
    int32_t *part, *order, *seen; // [examples], [examples] by class, [parts][groups]
} counter;

static void sort_classes(const cv_dataset *d, int32_t *order, size_t *first /* [classes + 1] */) {
    for (size_t i = 0; i < d->count; i++) first[d->example[i].label + 1]++;
    for (int k = 0; k < d->label_count; k++) first[k + 1] += first[k];
    for (size_t i = 0; i < d->count; i++) order[first[d->example[i].label]++] = (int32_t)i;
}

// stamp: a number above 0 that no other count had.
static void count_example(const counter *c, size_t i, int32_t stamp, convo_part_count *count) {
    const int32_t part = c->part[i], group = c->dataset->example[i].group;
    if (part == NONE) return;
    count[part].examples++;
    if (group < 0) return;
    int32_t *seen = &c->seen[(size_t)part * (size_t)c->dataset->group_count + (size_t)group];
    if (*seen != stamp) count[part].groups++;
    *seen = stamp;
}

static void count_all(const counter *c, convo_parts *parts) {
    const cv_dataset *d = c->dataset;
    for (size_t k = 0; k < d->count; k++) {
        const size_t i = (size_t)c->order[k];
        const int32_t label = d->example[i].label;
        count_example(c, i, label + 1, parts->classes[label].part);
        parts->left_out += c->part[i] == NONE;
    }
    for (size_t i = 0; i < d->count; i++) count_example(c, i, (int32_t)d->label_count + 1, parts->all.part);
}

// The largest and the smallest class of the training part (of the first that there is), and how a model that always
// answers the largest would do.
static void find_majority(convo_parts *parts) {
    int64_t most = -1, least = INT64_MAX;
    int first = CONVO_TRAIN;
    while (first < CONVO_TEST && !parts->all.part[first].examples) first++;
    for (int k = 0; k < parts->class_count; k++) {
        const int64_t count = parts->classes[k].part[first].examples;
        if (count > most) parts->largest = k;
        if (count < least) parts->smallest = k;
        most = count > most ? count : most;
        least = count < least ? count : least;
    }
    parts->scored = CONVO_TEST;
    while (parts->scored > CONVO_TRAIN && !parts->all.part[parts->scored].examples) parts->scored--;
    const int64_t count = parts->all.part[parts->scored].examples;
    if (count && parts->class_count)
        parts->majority = (double)parts->classes[parts->largest].part[parts->scored].examples / (double)count;
    if (least > 0 && parts->class_count) parts->imbalance = (double)most / (double)least;
}

convo_status cv_parts_count(const cv_dataset *d, const cv_split *split, convo_parts *parts, convo_error *err) {
    size_t table;
    convo_status status = CONVO_OK;
    counter c = {.dataset = d};
    size_t *first = cv_alloc((size_t)d->label_count + 1, sizeof *first);
    *parts = (convo_parts){.classes = cv_alloc((size_t)d->label_count + 1, sizeof *parts->classes),
                           .class_count = d->label_count};
    c.part = cv_alloc(d->count + 1, sizeof *c.part);
    c.order = cv_alloc(d->count + 1, sizeof *c.order);
    if (cv_mul(PARTS, (size_t)d->group_count + 1, &table)) c.seen = cv_alloc(table, sizeof *c.seen);
    if (!first || !parts->classes || !c.part || !c.order || !c.seen) {
        convo_parts_free(parts);
        status = cv_no_memory(err, "the counts of the parts");
    } else {
        for (int k = 0; k < d->label_count; k++)
            cv_print(parts->classes[k].name, sizeof parts->classes[k].name, "%s", d->labels[k]);
        find_parts(d, split, c.part);
        sort_classes(d, c.order, first);
        count_all(&c, parts);
        find_majority(parts);
        parts->unlisted = split ? (int64_t)split->unlisted : 0;
    }
    free(first);
    free(c.part);
    free(c.order);
    free(c.seen);
    return status;
}

void convo_parts_free(convo_parts *parts) {
    if (!parts) return;
    free(parts->classes);
    *parts = (convo_parts){0};
}
