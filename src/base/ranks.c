#include "base/ranks.h"
#include "base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

convo_status cv_ranks_state(const convo_ranks *r, convo_error *err) {
    if (!r || !r->lost.code) return CONVO_OK;
    if (err) *err = r->lost;
    return r->lost.code;
}

bool cv_ranks_lose(convo_ranks *r, const char *format, ...) {
    char message[sizeof r->lost.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (!r->lost.code) cv_fail(&r->lost, CONVO_IO, "", "%s", message);
    return false;
}

bool cv_ranks_post(convo_ranks *r, const cv_parcel *send, int sends, const cv_parcel *receive, int receives,
                   int *ticket) {
    if (r->lost.code) return false;
    for (int k = 0; k < sends; k++) r->traffic.sent += (int64_t)send[k].bytes;
    r->traffic.exchanges++;
    return r->carrier->post(r, send, sends, receive, receives, ticket);
}

bool cv_ranks_wait(convo_ranks *r, int ticket) {
    if (r->lost.code) return false;
    const double began = cv_now();
    const bool good = r->carrier->wait(r, ticket);
    r->traffic.waited += cv_now() - began;
    return good;
}

// One parcel for each run of rows without a gap.
static int list_rows(char *rows, size_t bytes, size_t apart, int first, int end, int rank, cv_parcel *parcel) {
    const int step = bytes == apart ? end - first : 1;
    int count = 0;
    for (int row = first; row < end; row += step)
        parcel[count++] = (cv_parcel){rank, rows + (size_t)row * apart, (size_t)step * bytes};
    return count;
}

bool cv_ranks_rows(convo_ranks *r, void *rows, size_t bytes, size_t apart, const int *first) {
    const int most = bytes == apart ? r->size : first[r->size];
    int sends = 0, receives = 0, ticket;
    size_t room;
    if (r->lost.code) return false;
    if (!bytes || first[r->size] == first[0]) return true;
    cv_parcel *send = cv_mul((size_t)most, (size_t)r->size + 1, &room) ? cv_alloc(room, sizeof *send) : NULL;
    if (!send) return cv_ranks_lose(r, "not enough memory for an exchange of %d rows", first[r->size]);
    cv_parcel *receive = send + (size_t)most * (size_t)r->size;
    for (int k = 0; k < r->size; k++) {
        if (k == r->rank) continue;
        sends += list_rows(rows, bytes, apart, first[r->rank], first[r->rank + 1], k, send + sends);
        receives += list_rows(rows, bytes, apart, first[k], first[k + 1], k, receive + receives);
    }
    const bool good = cv_ranks_post(r, send, sends, receive, receives, &ticket) && cv_ranks_wait(r, ticket);
    free(send);
    return good;
}

bool cv_ranks_spread(convo_ranks *r, void *data, size_t bytes) {
    int *first = cv_alloc((size_t)r->size + 1, sizeof *first);
    if (!first) return cv_ranks_lose(r, "not enough memory for an exchange");
    for (int k = 1; k <= r->size; k++) first[k] = 1; // a single row, that of rank 0
    const bool good = cv_ranks_rows(r, data, bytes, bytes, first);
    free(first);
    return good;
}

bool cv_ranks_gather(convo_ranks *r, void *rows, size_t bytes) {
    int *first = cv_alloc((size_t)r->size + 1, sizeof *first);
    if (!first) return cv_ranks_lose(r, "not enough memory for an exchange");
    for (int k = 0; k <= r->size; k++) first[k] = k;
    const bool good = cv_ranks_rows(r, rows, bytes, bytes, first);
    free(first);
    return good;
}

bool cv_ranks_meet(convo_ranks *r) {
    char *here = cv_alloc((size_t)r->size, 1);
    const bool good = here && cv_ranks_gather(r, here, 1);
    free(here);
    return good;
}

int convo_ranks_rank(const convo_ranks *r) {
    return r ? r->rank : 0;
}

int convo_ranks_size(const convo_ranks *r) {
    return r ? r->size : 1;
}

int convo_ranks_threads(const convo_ranks *r) {
    if (!cv_ranks_any(r)) return 0;
    const int all = cv_cpu_online() / r->on_host, own = cv_cpu_count();
    return all < 1 ? 1 : all < own ? all : own;
}

int64_t convo_ranks_take(convo_ranks *r) {
    return cv_ranks_any(r) ? r->carrier->take(r) : -1;
}

bool convo_ranks_fail(convo_ranks *r, convo_error *err) {
    if (!cv_ranks_any(r)) return true;
    if (err && !r->lost.code) cv_fail(err, err->code, err->where, "%s (rank %d)", err->message, r->rank);
    return r->carrier->fail(r);
}

void convo_ranks_leave(convo_ranks *r) {
    if (r) r->carrier->leave(r);
}
