// The processes of a job, its ranks 0, 1, ..., which do one work together: all run the same code on the same data, each
// takes its share, and they exchange what the others need. What carries it is behind cv_carrier (mpi.c).
//
// Exchanges are called in the same order by all ranks, by one thread of each. Once one fails, all later ones return at
// once without doing anything: whoever asks cv_ranks_state after a piece of work has the error.
#pragma once

#include "base/base.h"

// Bytes to or from a rank.
typedef struct cv_parcel {
    int rank;
    void *data;
    size_t bytes;
} cv_parcel;

typedef struct cv_carrier {
    // Starts to send and to receive; parcels between two ranks arrive in the order of their posts. Returns false if
    // that fails.
    bool (*post)(convo_ranks *ranks, const cv_parcel *send, int sends, const cv_parcel *receive, int receives,
                 int *ticket);
    bool (*wait)(convo_ranks *ranks, int ticket); // until all of a post is done
    int64_t (*take)(convo_ranks *ranks);          // see convo_ranks_take
    bool (*fail)(convo_ranks *ranks);             // see convo_ranks_fail
    void (*leave)(convo_ranks *ranks);
} cv_carrier;

typedef struct cv_traffic {
    double waited;           // seconds in exchanges
    int64_t sent, exchanges; // bytes; posts
} cv_traffic;

struct convo_ranks {
    int rank, size;
    int on_host; // ranks on this machine
    const cv_carrier *carrier;
    const volatile int *stop; // whoever trains is asked to stop; NULL: nobody asks
    cv_traffic traffic;       // so far
    convo_error lost;         // code 0: none
};

// Adds what came between two states.
static inline void cv_traffic_add(cv_traffic *sum, const cv_traffic *before, const cv_traffic *after) {
    sum->waited += after->waited - before->waited;
    sum->sent += after->sent - before->sent;
    sum->exchanges += after->exchanges - before->exchanges;
}

// Whether there are others. ranks may be NULL.
static inline bool cv_ranks_any(const convo_ranks *ranks) {
    return ranks && ranks->size > 1;
}
// Returns OK, or the error of an exchange.
convo_status cv_ranks_state(const convo_ranks *ranks, convo_error *err);
// The carrier's own and the exchanges' errors: a sentence that names the rank.
bool cv_ranks_lose(convo_ranks *ranks, const char *format, ...) CV_PRINTF(2, 3);

bool cv_ranks_post(convo_ranks *ranks, const cv_parcel *send, int sends, const cv_parcel *receive, int receives,
                   int *ticket);
bool cv_ranks_wait(convo_ranks *ranks, int ticket);
// Every rank has rows first[rank]..first[rank + 1] of a table, and receives the others. bytes: of a row; apart: bytes
// from one to the next. first: [size + 1].
bool cv_ranks_rows(convo_ranks *ranks, void *rows, size_t bytes, size_t apart, const int *first);
// All receive what rank 0 has.
bool cv_ranks_spread(convo_ranks *ranks, void *data, size_t bytes);
// Every rank has one row of `bytes`.
bool cv_ranks_gather(convo_ranks *ranks, void *rows /* [size][bytes] */, size_t bytes);
// Waits until all ranks are here.
bool cv_ranks_meet(convo_ranks *ranks);
