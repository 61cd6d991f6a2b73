// The gradient of a batch whose shards several ranks have. Each rank adds what lies together in the tree: these are its
// partial sums, the widest ones that its shards cover. Of each region every rank owns a slice:
//
//     1. it receives that slice of the partial sums of the others;
//     2. it adds them up as the tree has it, which gives the bits of one rank alone;
//     3. it sends the sum to all.
//
// As many ranks as a power of two have one partial sum each, and then a rank sends and receives twice the gradient
// less a share, whatever the number of ranks: as little as any exchange does (Thakur, Rabenseifner, Gropp,
// Optimization of collective communication operations in MPICH, 2005).
#include "net/gradient.h"

#include <stdlib.h>
#include <string.h>

// The widest sum that begins with shard `first` and has none of `end` or later.
static int width_at(int first, int end, int shards) {
    int width = 1;
    while (first % (2 * width) == 0 && (first + 2 * width <= end || (end == shards && first + width < shards)))
        width *= 2;
    return width;
}

static int sums_of(int begin, int end, int shards) {
    int count = 0;
    for (int first = begin; first < end; first += width_at(first, end, shards)) count++;
    return count;
}

static int sums_of_others(const cv_gradient *g, int shards) {
    int count = 0;
    for (int k = 0; k < g->ranks->size; k++)
        if (k != g->ranks->rank)
            count +=
                sums_of(cv_rank_begin(shards, k, g->ranks->size), cv_rank_begin(shards, k + 1, g->ranks->size), shards);
    return count;
}

// Where the slice of a rank begins, in reals of a copy: whole vectors.
static size_t slice_begin(const cv_gradient *g, int region, int rank) {
    const size_t lanes = CV_MAX_LANES, vectors = (g->slice[region + 1] - g->slice[region]) / lanes;
    return g->slice[region] + vectors * (size_t)rank / (size_t)g->ranks->size * lanes;
}

static size_t slice_size(const cv_gradient *g, int region, int rank) {
    return slice_begin(g, region, rank + 1) - slice_begin(g, region, rank);
}

bool cv_gradient_share(cv_gradient *g, int shards) {
    const int rank = g->ranks->rank;
    size_t reals;
    int sums = 0;
    for (int n = 1; n <= shards; n++)
        if (sums_of_others(g, n) > sums) sums = sums_of_others(g, n);
    for (int region = 0; region < g->regions; region++) g->room += slice_size(g, region, rank);
    if (!cv_mul((size_t)sums, g->room, &reals)) return false;
    g->received = cv_alloc_aligned(reals + 1, g->isa->real);
    g->whole = cv_alloc_aligned(g->size[CV_IN_SHARDS] + 1, g->isa->real);
    g->cut = cv_alloc((size_t)g->ranks->size + 1, sizeof *g->cut);
    return g->received && g->whole && g->cut;
}

char *cv_gradient_received(const cv_gradient *g, int region, int copy, size_t at) {
    size_t before = 0;
    for (int k = 0; k < region; k++) before += slice_size(g, k, g->ranks->rank);
    before += (size_t)(copy - g->copies) * g->room + at - slice_begin(g, region, g->ranks->rank);
    return g->received + before * g->isa->real;
}

// --- sums ---------------------------------------------------------------------------------------------------------

// Numbers of a sum that are made by many tasks.
typedef struct summing {
    cv_gradient *gradient;
    int region, first, width;
    size_t at, count;
    char *to;
} summing;

static void sum_part(void *context, int task, int worker) {
    const summing *s = context;
    const size_t real = s->gradient->isa->real, part = 16 * CV_SUM_PIECE, first = part * (size_t)task;
    const size_t end = first + part < s->count ? first + part : s->count;
    (void)worker;
    for (size_t done = first, n; done < end; done += n) {
        char *to = s->to + done * real;
        n = end - done < CV_SUM_PIECE ? end - done : CV_SUM_PIECE;
        const void *sum = cv_gradient_tree(s->gradient, s->region, s->at + done, n, s->first, s->width, to);
        if (sum != to) memcpy(to, sum, n * real);
    }
}

static void sum_all(summing *s, cv_pool *pool) {
    const size_t part = 16 * CV_SUM_PIECE;
    cv_pool_run(pool, (int)((s->count + part - 1) / part), sum_part, s);
}

// The partial sums of this rank, each in the copy of its first shard.
static void sum_own(cv_gradient *g, int region, cv_pool *pool) {
    const size_t at = g->slice[region], count = g->slice[region + 1] - at;
    for (int first = g->begin, width; first < g->end; first += width) {
        cv_partial_sum *sum = &g->sum[region][first];
        width = width_at(first, g->end, g->shards);
        const int end = first + width < g->shards ? first + width : g->shards;
        if (sum->end >= end) continue;
        summing own = {g, region, first, width, at, count, cv_gradient_memory(g, CV_IN_SHARDS, sum->copy, at)};
        sum_all(&own, pool);
        sum->end = (int16_t)end;
    }
}

// --- the exchange -------------------------------------------------------------------------------------------------

// Sends each rank its slice of this rank's sums, and receives this rank's slice of theirs.
static bool exchange_slices(cv_gradient *g, int region) {
    enum { MOST_SUMS = 2 * CV_MOST_SHARDS };
    const int size = g->ranks->size, rank = g->ranks->rank;
    const size_t real = g->isa->real;
    int sends = 0, receives = 0, ticket;
    cv_parcel receive[CV_MOST_SHARDS];
    cv_parcel *send = cv_alloc((size_t)size * CV_MOST_SHARDS, sizeof *send);
    if (!send) return cv_ranks_lose(g->ranks, "not enough memory for an exchange of gradients");
    for (int k = 0; k < size; k++) {
        const int end = cv_rank_begin(g->shards, k + 1, size);
        for (int first = g->begin; k != rank && first < g->end; first += width_at(first, g->end, g->shards))
            send[sends++] = (cv_parcel){
                k, cv_gradient_memory(g, CV_IN_SHARDS, g->sum[region][first].copy, slice_begin(g, region, k)),
                slice_size(g, region, k) * real};
        for (int first = cv_rank_begin(g->shards, k, size), width; k != rank && first < end; first += width) {
            width = width_at(first, end, g->shards);
            g->sum[region][first] = (cv_partial_sum){(int16_t)(g->copies + receives),
                                                     (int16_t)(first + width < g->shards ? first + width : g->shards)};
            receive[receives++] = (cv_parcel){
                k, cv_gradient_received(g, region, g->sum[region][first].copy, slice_begin(g, region, rank)),
                slice_size(g, region, rank) * real};
        }
    }
    const bool good =
        cv_ranks_post(g->ranks, send, sends, receive, receives, &ticket) && cv_ranks_wait(g->ranks, ticket);
    free(send);
    return good;
}

void cv_gradient_exchange(cv_gradient *g, int region, cv_pool *pool) {
    const int size = g->ranks->size, rank = g->ranks->rank;
    const size_t at = slice_begin(g, region, rank), real = g->isa->real, vector = CV_MAX_LANES;
    sum_own(g, region, pool);
    if (!exchange_slices(g, region)) return;
    summing all = {
        g, region, 0, cv_power_above(g->shards), at, slice_size(g, region, rank), (char *)g->whole + at * real};
    sum_all(&all, pool);
    for (int k = 0; k <= size; k++) g->cut[k] = (int)(slice_begin(g, region, k) / vector);
    cv_ranks_rows(g->ranks, g->whole, vector * real, vector * real, g->cut);
}
