// The gradient of a batch, see gradient.h.
#include "net/gradient.h"

#include <stdlib.h>
#include <string.h>

// Numbers that are summed at a time: a tree of them stays in the first cache.
enum { PIECE = 256 };

// Copies that there are in any case: what is added by slices is in the cache, what is added by the way may not be.
enum { FEW_COPIES = 8 };

// --- where it lies --------------------------------------------------------------------------------------------------

// The keeping and the region of a node's gradient.
static cv_stretch home_of(const cv_plan *plan, const cv_node *node) {
    int step = 0, region = 0, a = 0;
    while (plan->step[step].node->tensor != node->tensor || !plan->step[step].node->tensors) step++;
    while (a < plan->actions && (plan->action[a].verb != CV_BACKWARD || plan->action[a].step != step))
        region += plan->action[a++].meeting;
    if (plan->step[step].joint) return (cv_stretch){.keeping = CV_JOINT};
    if (node->op->backward_statistics || a == plan->actions) return (cv_stretch){.keeping = CV_AT_ONCE};
    return (cv_stretch){.keeping = CV_IN_SHARDS, .region = region};
}

// Stretches lie one behind the other in the net; those of a region, in a copy.
static void find_stretches(cv_gradient *g, const cv_plan *plan) {
    const cv_net *net = g->net;
    cv_stretch *last = NULL;
    for (int i = 0; i < net->nodes; i++) {
        const cv_node *n = &net->node[i];
        if (!n->tensors) continue;
        const cv_stretch home = home_of(plan, n);
        for (int t = n->tensor; t < n->tensor + n->tensors; t++) {
            if (net->tensor[t].spec.buffer) continue;
            if (!last || last->keeping != home.keeping || last->region != home.region) {
                last = &g->stretch[g->stretches++];
                *last = home;
                last->first = g->stretches > 1 ? last[-1].end : 0;
            }
            last->end = net->tensor[t].offset + net->tensor[t].size;
            g->of[t] = last;
        }
    }
    if (last) last->end = net->trained;
}

static void place_stretches(cv_gradient *g) {
    for (int region = 0; region < g->regions; region++) {
        size_t *size = g->size;
        for (int k = 0; k < g->stretches; k++) {
            cv_stretch *s = &g->stretch[k];
            if (s->region != region) continue;
            s->at = size[s->keeping];
            size[s->keeping] += s->end - s->first;
        }
        size[CV_IN_SHARDS] = (size[CV_IN_SHARDS] + CV_MAX_LANES - 1) / CV_MAX_LANES * CV_MAX_LANES; // whole vectors
        g->slice[region + 1] = size[CV_IN_SHARDS];
    }
}

static int logarithm(int n) {
    int log = 0;
    while (1 << log < n) log++;
    return log;
}

bool cv_gradient_new(cv_gradient *g, const cv_net *net, const cv_plan *plan, int shards, int threads) {
    const int least = threads + logarithm(shards), enough = least < FEW_COPIES ? FEW_COPIES : least;
    *g = (cv_gradient){.isa = net->isa, .net = net, .copies = shards < enough ? shards : enough, .regions = 1};
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->news, NULL);
    for (int a = 0; a < plan->actions; a++) g->regions += plan->action[a].meeting;
    g->stretch = cv_alloc((size_t)net->tensors + 1, sizeof *g->stretch);
    g->of = cv_alloc((size_t)net->tensors + 1, sizeof *g->of);
    g->slice = cv_alloc((size_t)g->regions + 1, sizeof *g->slice);
    g->sum = cv_alloc((size_t)g->regions, sizeof *g->sum);
    if (!g->stretch || !g->of || !g->slice || !g->sum) return false;
    find_stretches(g, plan);
    place_stretches(g);
    for (int k = 0; k < CV_KEEPINGS; k++) {
        size_t reals = 0;
        if (!cv_mul(g->size[k], k == CV_IN_SHARDS ? (size_t)g->copies : 1, &reals)) return false;
        if (!(g->memory[k] = cv_alloc_aligned(reals + 1, net->isa->real))) return false;
    }
    return true;
}

void cv_gradient_free(cv_gradient *g) {
    if (!g->isa) return;
    for (int k = 0; k < CV_KEEPINGS; k++) free(g->memory[k]);
    free(g->stretch);
    free(g->of);
    free(g->slice);
    free(g->sum);
    pthread_cond_destroy(&g->news);
    pthread_mutex_destroy(&g->lock);
    *g = (cv_gradient){0};
}

size_t cv_gradient_bytes(const cv_gradient *g) {
    size_t reals = g->size[CV_IN_SHARDS] * (size_t)g->copies + g->size[CV_AT_ONCE];
    if (g->memory[CV_JOINT]) reals += g->size[CV_JOINT];
    return reals * g->isa->real;
}

void cv_gradient_hand_over(cv_gradient *g) {
    free(g->memory[CV_JOINT]);
    g->memory[CV_JOINT] = NULL;
}

static char *memory_of(const cv_gradient *g, cv_keeping keeping, int copy, size_t at) {
    const size_t before = keeping == CV_IN_SHARDS ? (size_t)copy * g->size[keeping] : 0;
    return (char *)g->memory[keeping] + (before + at) * g->isa->real;
}

void *cv_gradient_of(const cv_gradient *g, int tensor, int copy) {
    const cv_stretch *s = g->of[tensor];
    if (!s || !g->memory[s->keeping]) return NULL;
    return memory_of(g, s->keeping, copy, s->at + g->net->tensor[tensor].offset - s->first);
}

const cv_stretch *cv_gradient_stretch(const cv_gradient *g, size_t number) {
    const cv_stretch *s = g->stretch;
    while (number >= s->end) s++;
    return s;
}

// --- shards and copies ----------------------------------------------------------------------------------------------

// Every shard has the copy of its number.
static bool is_ample(const cv_gradient *g) {
    return g->shards <= g->copies;
}

void cv_gradient_begin(cv_gradient *g, int shards) {
    g->shards = shards;
    if (is_ample(g)) return;
    g->next = 0;
    for (g->frees = 0; g->frees < g->copies; g->frees++) g->free[g->frees] = g->copies - 1 - g->frees;
}

// Where the shards of a sum that begins with `first` end, `width` of them if the batch has as many.
static int end_of(const cv_gradient *g, int first, int width) {
    return first + width < g->shards ? first + width : g->shards;
}

// Two sums that are neighbours in the tree. The left one begins at a multiple of the width of both.
typedef struct neighbours {
    int left, right;
} neighbours;

static bool find_neighbours(const cv_gradient *g, const cv_partial_sum *sum, neighbours *found) {
    for (int s = 0; s < g->next; s++) {
        int width = 1;
        if (sum[s].copy < 0) continue;
        while (s + width < sum[s].end) width *= 2;
        const int right = s + width;
        if (s % (2 * width) || right >= g->next || sum[right].copy < 0) continue;
        if (sum[right].end != end_of(g, right, width)) continue;
        *found = (neighbours){s, right};
        return true;
    }
    return false;
}

// Left += right, while the lock is open; the copy of the right one is free then.
static void add_neighbours(cv_gradient *g, int region, neighbours pair) {
    cv_partial_sum *sum = g->sum[region], left = sum[pair.left], right = sum[pair.right];
    const size_t first = g->slice[region], size = g->slice[region + 1] - first;
    sum[pair.left].copy = sum[pair.right].copy = -1;
    pthread_mutex_unlock(&g->lock);
    g->isa->add(memory_of(g, CV_IN_SHARDS, left.copy, first), memory_of(g, CV_IN_SHARDS, right.copy, first),
                (int64_t)(size / (size_t)g->isa->lanes));
    pthread_mutex_lock(&g->lock);
    sum[pair.left] = (cv_partial_sum){left.copy, right.end};
    g->free[g->frees++] = right.copy;
    pthread_cond_broadcast(&g->news);
}

void cv_gradient_next(cv_gradient *g, int region, int *shard, int *copy) {
    neighbours pair;
    if (is_ample(g)) {
        *copy = *shard;
        return;
    }
    pthread_mutex_lock(&g->lock);
    while (!g->frees)
        if (find_neighbours(g, g->sum[region], &pair))
            add_neighbours(g, region, pair);
        else
            pthread_cond_wait(&g->news, &g->lock);
    *shard = g->next++;
    *copy = g->free[--g->frees];
    g->sum[region][*shard].copy = -1;
    pthread_mutex_unlock(&g->lock);
}

void cv_gradient_done(cv_gradient *g, int region, int shard, int copy) {
    const cv_partial_sum done = {(int16_t)copy, (int16_t)(shard + 1)};
    if (is_ample(g)) {
        g->sum[region][shard] = done;
        return;
    }
    pthread_mutex_lock(&g->lock);
    g->sum[region][shard] = done;
    pthread_cond_broadcast(&g->news);
    pthread_mutex_unlock(&g->lock);
}

void cv_gradient_all_done(cv_gradient *g, int shards) {
    g->shards = shards;
    for (int region = 0; region < g->regions; region++)
        for (int k = 0; k < shards; k++) g->sum[region][k] = (cv_partial_sum){(int16_t)k, (int16_t)(k + 1)};
}

// --- the sum --------------------------------------------------------------------------------------------------------

// A slice of what is summed.
typedef struct sum_slice {
    const cv_gradient *gradient;
    const cv_partial_sum *sum;
    size_t at, count;
} sum_slice;

static void add_reals(const sum_slice *s, void *to, const void *a, const void *b) {
    if (s->gradient->isa->real == sizeof(double))
        for (size_t i = 0; i < s->count; i++) ((double *)to)[i] = ((const double *)a)[i] + ((const double *)b)[i];
    else
        for (size_t i = 0; i < s->count; i++) ((float *)to)[i] = ((const float *)a)[i] + ((const float *)b)[i];
}

// Returns the sum of `width` shards from `first` on: where it lies, or made in room.
static const void *sum_tree(const sum_slice *s, int first, int width, void *room) {
    const cv_gradient *g = s->gradient;
    const cv_partial_sum *sum = &s->sum[first];
    double aside[PIECE];
    if (sum->copy >= 0 && sum->end >= end_of(g, first, width)) return memory_of(g, CV_IN_SHARDS, sum->copy, s->at);
    const void *left = sum_tree(s, first, width / 2, room);
    if (first + width / 2 >= g->shards) return left;
    add_reals(s, room, left, sum_tree(s, first + width / 2, width / 2, aside));
    return room;
}

static void sum_stretch(const cv_gradient *g, const cv_stretch *s, size_t first, size_t count, char *to) {
    for (size_t done = 0, n; done < count; done += n, to += n * g->isa->real) {
        n = count - done < PIECE ? count - done : PIECE;
        const sum_slice piece = {g, g->sum[s->region], s->at + first + done - s->first, n};
        const void *sum = sum_tree(&piece, 0, 1 << logarithm(g->shards), to);
        if (sum != to) memcpy(to, sum, n * g->isa->real);
    }
}

const void *cv_gradient_sum(const cv_gradient *g, size_t first, size_t count, void *room) {
    if (count == 0) return room;
    const cv_stretch *s = cv_gradient_stretch(g, first);
    const bool in_place = s->keeping != CV_IN_SHARDS || g->shards == 1;
    if (first + count <= s->end && in_place) return memory_of(g, s->keeping, 0, s->at + first - s->first);
    for (char *to = room; count; s++) {
        const size_t n = s->end - first < count ? s->end - first : count;
        if (s->keeping == CV_IN_SHARDS)
            sum_stretch(g, s, first, n, to);
        else if (g->memory[s->keeping])
            memcpy(to, memory_of(g, s->keeping, 0, s->at + first - s->first), n * g->isa->real);
        first += n;
        count -= n;
        to += n * g->isa->real;
    }
    return room;
}
