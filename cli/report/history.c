#include "report/history.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_LINE = 1 << 14 };

static const char *const keys[MOST_SERIES] = {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
                                              "test_loss",  "test_accuracy",  "learning_rate"};

int open_in(int folder, const char *name) {
    struct stat about;
    const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || (!fstat(file, &about) && S_ISREG(about.st_mode))) return file;
    close(file);
    return -1;
}

// --- points -----------------------------------------------------------------------------------------------------

static void merge(history_point *a, const history_point *b) {
    a->last = b->last;
    for (int k = 0; k < MOST_SERIES; k++) { // fmin and fmax ignore a NaN
        a->low[k] = fmin(a->low[k], b->low[k]);
        a->high[k] = fmax(a->high[k], b->high[k]);
    }
}

static void halve(history *h) {
    for (int k = 0; k < h->count / 2; k++) {
        h->point[k] = h->point[2 * k];
        merge(&h->point[k], &h->point[2 * k + 1]);
    }
    h->count /= 2;
    h->stride *= 2;
    h->in_last = h->stride;
}

static void add_point(history *h, const history_point *p) {
    if (h->count && h->in_last < h->stride) {
        merge(&h->point[h->count - 1], p);
        h->in_last++;
        return;
    }
    if (h->count == HISTORY_POINTS) halve(h);
    if (h->count == h->capacity) {
        const int capacity = h->capacity ? 2 * h->capacity : 32;
        history_point *grown = realloc(h->point, (size_t)capacity * sizeof *grown);
        if (!grown) return; // a gap in a curve
        h->point = grown;
        h->capacity = capacity;
    }
    h->point[h->count++] = *p;
    h->in_last = 1;
}

static double number_in(const json_t *line, const char *key) {
    const json_t *value = json_object_get(line, key);
    const double x = json_is_number(value) ? json_number_value(value) : NAN;
    return fabs(x) < 1e30 ? x : NAN;
}

static void add_values(history *h, const json_t *line) {
    const double at = number_in(line, h->key), seconds = number_in(line, "seconds");
    if (!(at >= 1 && at < 1e15 && at > history_last(h))) {
        h->broken++;
        return;
    }
    history_point p = {.first = at, .last = at};
    for (int k = 0; k < MOST_SERIES; k++) h->value[k] = p.low[k] = p.high[k] = number_in(line, keys[k]);
    h->best[0] = fmin(h->best[0], p.low[series_of(CONVO_VALIDATION, SERIES_LOSS)]);
    h->best[1] = fmax(h->best[1], p.low[series_of(CONVO_VALIDATION, SERIES_ACCURACY)]);
    if (seconds > 0) h->seconds += seconds;
    h->lines++;
    add_point(h, &p);
}

// --- lines ------------------------------------------------------------------------------------------------------

static void take_line(history *h, const char *text, size_t size) {
    json_t *line = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(line))
        add_values(h, line);
    else
        h->broken++;
    json_decref(line);
}

// What is behind the last line end waits for its own.
static void keep_rest(history *h, const char *text, size_t size) {
    if (h->skipping || !size) return;
    char *grown = h->rest_size + size <= LONGEST_LINE ? realloc(h->rest, h->rest_size + size) : NULL;
    if (!grown) {
        h->skipping = true;
        h->rest_size = 0;
        return;
    }
    memcpy(grown + h->rest_size, text, size);
    h->rest = grown;
    h->rest_size += size;
}

static void take_bytes(history *h, const char *text, size_t size) {
    for (const char *end; (end = memchr(text, '\n', size)); size -= (size_t)(end + 1 - text), text = end + 1) {
        if (h->rest_size) keep_rest(h, text, (size_t)(end - text));
        if (h->skipping)
            h->broken++;
        else if (h->rest_size)
            take_line(h, h->rest, h->rest_size);
        else
            take_line(h, text, (size_t)(end - text));
        h->rest_size = 0;
        h->skipping = false;
    }
    keep_rest(h, text, size);
}

// --- files ------------------------------------------------------------------------------------------------------

void history_start(history *h, const char *key) {
    *h = (history){.key = key, .stride = 1, .best = {NAN, NAN}};
    for (int k = 0; k < MOST_SERIES; k++) h->value[k] = NAN;
}

bool history_read(history *h, int file, off_t most) {
    enum { CHUNK = 1 << 16 };
    struct stat about;
    char *chunk = fstat(file, &about) ? NULL : malloc(CHUNK);
    bool changed = false;
    if (!chunk) return false;
    if (about.st_ino != h->inode || about.st_dev != h->device || about.st_size < h->offset) {
        const char *key = h->key;
        changed = h->lines > 0;
        history_free(h);
        history_start(h, key);
        h->inode = about.st_ino;
        h->device = about.st_dev;
    }
    for (ssize_t got; most > 0 && (got = pread(file, chunk, CHUNK, h->offset)) > 0; most -= got) {
        take_bytes(h, chunk, (size_t)got);
        h->offset += got;
        changed = true;
    }
    free(chunk);
    return changed;
}

double history_last(const history *h) {
    return h->count ? h->point[h->count - 1].last : 0;
}

void history_free(history *h) {
    free(h->point);
    free(h->rest);
    *h = (history){.key = h->key};
}
