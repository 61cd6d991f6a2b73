// The curves of a training: metrics.jsonl or steps.jsonl, read as they grow, and thinned to what a chart can show.
#pragma once

#include "command.h"

#include <sys/types.h>

// The values of a line, by key: loss and accuracy of the three parts, then the rate.
enum { SERIES_LOSS = 0, SERIES_ACCURACY = 1, SERIES_RATE = 6, MOST_SERIES };
static inline int series_of(int part, int what) {
    return 2 * part + what;
}

enum { HISTORY_POINTS = 512 };
// Some consecutive lines: the smallest and the largest of their values. NaN: not measured.
typedef struct history_point {
    double first, last; // epochs or steps
    double low[MOST_SERIES], high[MOST_SERIES];
} history_point;

typedef struct history {
    const char *key;      // "epoch" or "step"
    history_point *point; // [count], at most HISTORY_POINTS
    int count, capacity;
    int64_t stride, in_last; // lines that a point stands for, but the last one
    int64_t lines, broken;   // read; that are no such line
    double value[MOST_SERIES], best[2], seconds;
    // of the last line; of validation, the lowest loss and the highest accuracy; the sum of all lines, of epochs
    // The file, as far as it was read:
    dev_t device;
    ino_t inode;
    off_t offset;
    char *rest; // the beginning of a line whose end is not there yet
    size_t rest_size;
    bool skipping; // a line that is too long
} history;

void history_start(history *h, const char *key);
// Reads on, at most `most` bytes, from an open file. Begins anew if it is another file, or shorter. Returns whether
// anything changed.
bool history_read(history *h, int file, off_t most);
double history_last(const history *h); // epoch or step of the last line; 0: none
void history_free(history *h);

// Opens a regular file of a folder, never through a symbolic link. -1: there is none.
int open_in(int folder, const char *name);
