#include "data/windows.h"

#include "data/part_list.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
    const cv_example *example;
    const struct cv_listed *listed;
} row;

static int by_path(const void *left, const void *right) {
    const row *a = left, *b = right;
    const int order = strcmp(a->example->path, b->example->path);
    return order ? order : a->example < b->example ? -1 : a->example > b->example; // else as listed
}

typedef struct cutter {
    const cv_windows_config *config;
    const cv_dataset *dataset; // of the segments
    cv_listing windows;
    convo_error *err;
} cutter;

// The segment whose label a window from `start` has; NULL: none.
static const row *segment_of(const cutter *c, const row *segment, size_t count, double length, double start) {
    const double window = c->config->window;
    const row *best = NULL;
    double most = 0;
    for (size_t k = 0; k < count; k++) {
        const cv_piece *p = &segment[k].example->piece;
        const double end = p->seconds > 0 ? p->start + p->seconds : length;
        const double shared = fmin(end, start + window) - fmax(p->start, start);
        if (shared < fmin(window, end - p->start) / 2 - 1e-9 || shared <= most + 1e-9) continue;
        most = shared;
        best = &segment[k];
    }
    return best;
}

static convo_status check_segments(const cutter *c, const row *segment, size_t count, double length) {
    for (size_t k = 0; k < count; k++) {
        const cv_example *e = segment[k].example;
        if (e->piece.start >= length)
            return cv_fail(c->err, CONVO_FORMAT, e->path,
                           "is %g s long, and a segment of it is listed that begins at %g s", length, e->piece.start);
        if (e->part != segment[0].example->part)
            return cv_fail(c->err, CONVO_FORMAT, e->path,
                           "is listed in two parts of the split: windows of a recording "
                           "overlap, and belong to one part");
    }
    return CONVO_OK;
}

static convo_status cut(cutter *c, const row *segment, size_t count) {
    const cv_windows_config *config = c->config;
    const cv_example *of = segment[0].example;
    const char *group = segment[0].listed->group ? segment[0].listed->group : cv_place(c->dataset, of->path);
    const double hop = config->hop > 0 ? config->hop : config->window;
    double length;
    CV_TRY(cv_sound_length(of->path, &length, c->err));
    CV_TRY(check_segments(c, segment, count, length));
    for (size_t k = 0; k == 0 || (double)k * hop + config->window <= length + 1e-6; k++) {
        const double start = (double)k * hop;
        const row *found = segment_of(c, segment, count, length, start);
        const char *label = found ? found->listed->label : config->rest;
        if (!label[0]) continue;
        CV_TRY(cv_listing_add(&c->windows, cv_format("%s", of->path), (cv_word){label, strlen(label)},
                              (cv_word){group, strlen(group)}, of->part, c->err));
        cv_dataset *d = c->windows.dataset;
        d->example[d->count - 1].piece = (cv_piece){.start = start, .seconds = config->window};
    }
    return CONVO_OK;
}

static convo_status cut_all(cutter *c, row *segment, size_t count) {
    if (count) qsort(segment, count, sizeof *segment, by_path);
    for (size_t k = 0, next; k < count; k = next) {
        for (next = k + 1; next < count && strcmp(segment[next].example->path, segment[k].example->path) == 0;) next++;
        CV_TRY(cut(c, segment + k, next - k));
    }
    if (c->windows.dataset->count) return CONVO_OK;
    return cv_fail(c->err, CONVO_FORMAT, c->dataset->folder, "no window of its recordings has a label");
}

static void free_listing(cv_listing *listing) {
    cv_dataset *d = listing->dataset;
    for (size_t i = 0; i < d->count; i++) {
        free(d->example[i].path);
        free(listing->listed[i].label);
        free(listing->listed[i].group);
    }
    free(d->example);
    free(listing->listed);
    d->example = NULL;
    d->count = 0;
}

convo_status cv_windows_cut(const cv_windows_config *config, cv_listing *listing, convo_error *err) {
    cv_dataset *d = listing->dataset, windows = {.folder = d->folder};
    if (config->window <= 0 && (config->hop > 0 || config->rest[0]))
        return cv_fail(err, CONVO_ARGUMENT, d->folder,
                       "hop and rest need window, the length of the windows in seconds");
    if (config->window <= 0) return CONVO_OK;
    cutter c = {.config = config, .dataset = d, .windows = {.dataset = &windows}, .err = err};
    row *segment = cv_alloc(d->count + 1, sizeof *segment);
    convo_status status = segment ? CONVO_OK : cv_no_memory(err, d->folder);
    for (size_t i = 0; i < d->count && segment; i++) segment[i] = (row){&d->example[i], &listing->listed[i]};
    if (!status) status = cut_all(&c, segment, d->count);
    free(segment);
    if (status) {
        free_listing(&c.windows);
        return status;
    }
    free_listing(listing);
    d->example = windows.example;
    d->count = windows.count;
    *listing = c.windows;
    listing->dataset = d;
    return CONVO_OK;
}
