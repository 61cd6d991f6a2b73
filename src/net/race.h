// Threads that share the layers of one example may lose more by waiting for each other than they save: that depends on
// the net, on how far apart the processors are and on what else they do. So from time to time calls are timed in pairs,
// shared and by one thread, and what wins most pairs is taken for the calls in between.
#pragma once

#include <stdbool.h>

enum { RACE_PAIRS = 9, RACE_AGAIN = 4096 }; // pairs; calls from one race to the next

typedef struct race {
    unsigned call;
    int won;        // pairs by the one thread
    double seconds; // that the shared call of the pair took
    bool alone;     // how calls run now
} race;

// Before a call. Returns whether it is to be timed, and race_ends to be told.
static inline bool race_begins(race *t) {
    const unsigned call = t->call++ % RACE_AGAIN;
    if (call >= 2 * RACE_PAIRS) return false;
    if (call == 0) t->won = 0;
    t->alone = call % 2;
    return true;
}

static inline void race_ends(race *t, double seconds) {
    if (t->alone)
        t->won += seconds < t->seconds;
    else
        t->seconds = seconds;
    if (t->call % RACE_AGAIN == 2 * RACE_PAIRS) t->alone = 2 * t->won > RACE_PAIRS;
}
