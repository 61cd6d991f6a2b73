// The gradient of a batch, see gradient.h.
#include "net/gradient.h"

#include <stdlib.h>
#include <string.h>

// Numbers that are summed at a time: a tree of them stays in the first cache.
enum { PIECE = CV_SUM_PIECE };

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

bool cv_gradient_new(cv_gradient *g, const cv_net *net, const cv_plan *plan, int shards, int threads,
                     convo_ranks *ranks) {
    // The shards of a rank begin anywhere in the tree, and what is done of them may be as many sums again.
    const int sums = logarithm(shards) * (ranks ? 2 : 1), least = threads + sums,
              enough = least < FEW_COPIES ? FEW_COPIES : least;
    *g = (cv_gradient){
        .isa = net->isa, .net = net, .copies = shards < enough ? shards : enough, .regions = 1, .ranks = ranks};
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
    return !ranks || cv_gradient_share(g, shards);
}

void cv_gradient_free(cv_gradient *g) {
    if (!g->isa) return;
    for (int k = 0; k < CV_KEEPINGS; k++) free(g->memory[k]);
    free(g->stretch);
    free(g->of);
    free(g->slice);
    free(g->sum);
    free(g->received);
    free(g->whole);
    free(g->cut);
    pthread_cond_destroy(&g->news);
    pthread_mutex_destroy(&g->lock);
    *g = (cv_gradient){0};
}

size_t cv_gradient_bytes(const cv_gradient *g) {
    const size_t copies = (size_t)g->copies + (g->whole ? 1 : 0); // and what is received is a copy in all, about
    size_t reals = g->size[CV_IN_SHARDS] * copies + g->size[CV_AT_ONCE];
    if (g->memory[CV_JOINT]) reals += g->size[CV_JOINT];
    return reals * g->isa->real;
}

void cv_gradient_hand_over(cv_gradient *g) {
    free(g->memory[CV_JOINT]);
    g->memory[CV_JOINT] = NULL;
}

char *cv_gradient_memory(const cv_gradient *g, cv_keeping keeping, int copy, size_t at) {
    const size_t before = keeping == CV_IN_SHARDS ? (size_t)copy * g->size[keeping] : 0;
    return (char *)g->memory[keeping] + (before + at) * g->isa->real;
}

void *cv_gradient_of(const cv_gradient *g, int tensor, int copy) {
    const cv_stretch *s = g->of[tensor];
    if (!s || !g->memory[s->keeping]) return NULL;
    return cv_gradient_memory(g, s->keeping, copy, s->at + g->net->tensor[tensor].offset - s->first);
}

const cv_stretch *cv_gradient_stretch(const cv_gradient *g, size_t number) {
    const cv_stretch *s = g->stretch;
    while (number >= s->end) s++;
    return s;
}

// --- shards and copies ----------------------------------------------------------------------------------------------

// Every shard has the copy of its number, from the first one of this rank on.
static bool is_ample(const cv_gradient *g) {
    return g->end - g->begin <= g->copies;
}

void cv_gradient_begin(cv_gradient *g, int region, int shards, int begin, int end) {
    g->shards = shards;
    g->begin = begin;
    g->end = end;
    for (int s = 0; s < shards && g->ranks; s++) g->sum[region][s].copy = -1;
    if (is_ample(g)) return;
    g->next = begin;
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
    for (int s = g->begin; s < g->next; s++) {
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
    g->isa->add(cv_gradient_memory(g, CV_IN_SHARDS, left.copy, first),
                cv_gradient_memory(g, CV_IN_SHARDS, right.copy, first), (int64_t)(size / (size_t)g->isa->lanes));
    pthread_mutex_lock(&g->lock);
    sum[pair.left] = (cv_partial_sum){left.copy, right.end};
    g->free[g->frees++] = right.copy;
    pthread_cond_broadcast(&g->news);
}

void cv_gradient_next(cv_gradient *g, int region, int *shard, int *copy) {
    neighbours pair;
    if (is_ample(g)) {
        *copy = *shard - g->begin;
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
    g->shards = g->end = shards;
    g->begin = 0;
    for (int region = 0; region < g->regions; region++)
        for (int k = 0; k < shards; k++) g->sum[region][k] = (cv_partial_sum){(int16_t)k, (int16_t)(k + 1)};
}

// --- the sum --------------------------------------------------------------------------------------------------------

static void add_reals(const cv_gradient *g, size_t count, void *to, const void *a, const void *b) {
    if (g->isa->real == sizeof(double))
        for (size_t i = 0; i < count; i++) ((double *)to)[i] = ((const double *)a)[i] + ((const double *)b)[i];
    else
        for (size_t i = 0; i < count; i++) ((float *)to)[i] = ((const float *)a)[i] + ((const float *)b)[i];
}

const void *cv_gradient_tree(const cv_gradient *g, int region, size_t at, size_t count, int first, int width,
                             void *room) {
    const cv_partial_sum *sum = &g->sum[region][first];
    double aside[PIECE];
    if (sum->copy >= 0 && sum->end >= end_of(g, first, width))
        return sum->copy < g->copies ? cv_gradient_memory(g, CV_IN_SHARDS, sum->copy, at)
                                     : cv_gradient_received(g, region, sum->copy, at);
    const void *left = cv_gradient_tree(g, region, at, count, first, width / 2, room);
    if (first + width / 2 >= g->shards) return left;
    add_reals(g, count, room, left, cv_gradient_tree(g, region, at, count, first + width / 2, width / 2, aside));
    return room;
}

static void sum_stretch(const cv_gradient *g, const cv_stretch *s, size_t first, size_t count, char *to) {
    for (size_t done = 0, n; done < count; done += n, to += n * g->isa->real) {
        n = count - done < PIECE ? count - done : PIECE;
        const void *sum =
            cv_gradient_tree(g, s->region, s->at + first + done - s->first, n, 0, cv_power_above(g->shards), to);
        if (sum != to) memcpy(to, sum, n * g->isa->real);
    }
}

const void *cv_gradient_sum(const cv_gradient *g, size_t first, size_t count, void *room) {
    if (count == 0) return room;
    const cv_stretch *s = cv_gradient_stretch(g, first);
    const bool in_shards = s->keeping == CV_IN_SHARDS;
    if (first + count <= s->end && in_shards && g->ranks)
        return (char *)g->whole + (s->at + first - s->first) * g->isa->real;
    if (first + count <= s->end && (!in_shards || g->shards == 1))
        return cv_gradient_memory(g, s->keeping, 0, s->at + first - s->first);
    for (char *to = room; count; s++) {
        const size_t n = s->end - first < count ? s->end - first : count;
        if (s->keeping == CV_IN_SHARDS && g->ranks)
            memcpy(to, (char *)g->whole + (s->at + first - s->first) * g->isa->real, n * g->isa->real);
        else if (s->keeping == CV_IN_SHARDS)
            sum_stretch(g, s, first, n, to);
        else if (g->memory[s->keeping])
            memcpy(to, cv_gradient_memory(g, s->keeping, 0, s->at + first - s->first), n * g->isa->real);
        first += n;
        count -= n;
        to += n * g->isa->real;
    }
    return room;
}
