// Runs a plan: the blocks of a batch in shards, shared out to threads.
#include "net/block.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The passes of a slot, for block k of `count` that go in lockstep: an op that takes them all in one call is called for
// the first.
static void aim(const job *j, int slot, target to) {
    const cv_runner *r = j->runner;
    cv_pass *passes = pass_of(r, slot, 0);
    if (memcmp(&r->aimed[slot], &to, sizeof to) == 0) return;
    r->aimed[slot] = to;
    for (int i = 0; i < r->plan.steps; i++) {
        const cv_node *n = r->plan.step[i].node;
        const bool together = n->op->lockstep;
        passes[i].share.blocks = together ? to.blocks : 1;
        passes[i].active = together ? to.last_active : to.active;
        passes[i].set = to.set;
        passes[i].scale = 1.0 / to.weight;
        passes[i].class_weight = to.class_weight;
        passes[i].truth = to.truth;
        for (int t = 0; t < n->tensors && (r->flags & CV_TRAINING) && !r->plan.step[i].joint; t++)
            passes[i].grad[t] = cv_gradient_of(&r->gradient, n->tensor + t, to.copy);
    }
}

// The blocks of a shard, which are `lockstep` times as many units. copy: of the gradient, which they add to.
static void run_shard(const job *j, int shard, int copy, int worker) {
    const cv_runner *r = j->runner;
    const int lanes = r->isa->lanes, blocks = j->blocks, together = r->lockstep;
    const bool one_each = j->shards == blocks; // then nothing need be divided, which is much in a step of a small net
    const int first = one_each ? shard : cv_shard_begin(r, blocks, j->shards, shard);
    const int end = one_each ? shard + 1 : cv_shard_begin(r, blocks, j->shards, shard + 1);
    for (int n = first; n < end; n += together) {
        const int count = end - n < together ? end - n : together;
        block b[MAX_LOCKSTEP];
        for (int k = 0; k < count; k++) {
            b[k] = (block){.number = n + k, .first = (n + k) * lanes, .active = samples_of(j, n + k)};
            b[k].slot = r->plan.barriers ? n + k : worker * together + k;
        }
        for (int k = 0; k < count; k++)
            aim(j, b[k].slot,
                (target){.copy = copy,
                         .weight = j->batch->weight > 0 ? j->batch->weight : j->batch->count,
                         .class_weight = j->batch->class_weight,
                         .truth = j->batch->truth,
                         .active = b[k].active,
                         .blocks = k == 0 ? count : 0,
                         .last_active = b[count - 1].active,
                         .set = n == first && k == 0});
        cv_run_blocks(j, b, count);
    }
}

// Every other region goes from the last shard to the first: the values of that one are still in the cache.
static void run_one(void *context, int task, int worker) {
    const job *j = context;
    int shard = j->region % 2 ? j->finish - 1 - task : j->begin + task, copy = 0;
    if (j->sums) cv_gradient_next(&j->runner->gradient, j->region, &shard, &copy);
    run_shard(j, shard, copy, worker);
    if (j->sums) cv_gradient_done(&j->runner->gradient, j->region, shard, copy);
}

static void run_shards(job *j) {
    cv_gradient *g = &j->runner->gradient;
    j->sums = j->adds && g->slice[j->region] < g->slice[j->region + 1];
    if (j->sums) cv_gradient_begin(g, j->region, j->shards, j->begin, j->finish);
    cv_pool_run(j->runner->pool, j->finish - j->begin, run_one, j);
    if (j->sums && g->ranks) cv_gradient_exchange(g, j->region, j->runner->pool);
}

// --- ranks --------------------------------------------------------------------------------------------------------

// Which shards and blocks are whose.
static void deal_shards(job *j) {
    cv_runner *r = j->runner;
    j->begin = 0;
    j->finish = j->shards;
    if (!r->ranks) return;
    const int size = r->ranks->size;
    j->begin = cv_rank_begin(j->shards, r->ranks->rank, size);
    j->finish = cv_rank_begin(j->shards, r->ranks->rank + 1, size);
    for (int k = 0; k <= size; k++)
        r->first_block[k] = cv_shard_begin(r, j->blocks, j->shards, cv_rank_begin(j->shards, k, size));
}

int cv_runner_own(const cv_runner *r, int count, int *end) {
    const int blocks = blocks_of(r, count), shards = cv_shards_of(r, blocks), lanes = r->isa->lanes;
    *end = count;
    if (!r->ranks) return 0;
    const int shard = cv_rank_begin(shards, r->ranks->rank, r->ranks->size),
              after = cv_rank_begin(shards, r->ranks->rank + 1, r->ranks->size),
              first = cv_shard_begin(r, blocks, shards, shard) * lanes;
    if (after < shards) *end = cv_shard_begin(r, blocks, shards, after) * lanes;
    return first < *end ? first : *end;
}

// All ranks know the losses of the batch, before a joint step uses the gradient that it makes of them.
static void exchange_losses(const job *j) {
    const cv_runner *r = j->runner;
    const int lanes = r->isa->lanes;
    for (int k = 0; k <= r->ranks->size; k++) {
        const int example = r->first_block[k] * lanes;
        r->first_block[k] = example < j->batch->count ? example : j->batch->count;
    }
    if (j->losses) cv_ranks_rows(r->ranks, j->losses, sizeof *j->losses, sizeof *j->losses, r->first_block);
    if (j->wide) cv_ranks_rows(r->ranks, j->wide, sizeof *j->wide, sizeof *j->wide, r->first_block);
    for (int k = 0; k <= r->ranks->size; k++) r->first_block[k] = (r->first_block[k] + lanes - 1) / lanes;
}

// Whether the actions before this meeting, or the end, unload losses.
static bool unloads(const job *j) {
    for (int a = j->first; a < j->end; a++)
        if (j->runner->plan.action[a].verb == CV_UNLOAD) return true;
    return false;
}

static void set_gradients(const cv_runner *r, cv_pass *p, int step) {
    const cv_node *n = r->plan.step[step].node;
    for (int t = 0; t < n->tensors && (r->flags & CV_TRAINING); t++)
        p->grad[t] = cv_gradient_of(&r->gradient, n->tensor + t, 0);
}

static void merge(const job *j, cv_action action) {
    const cv_runner *r = j->runner;
    const bool back = action.verb == CV_MERGE_BACKWARD;
    const cv_op *op = r->plan.step[action.step].node->op;
    const cv_statistics *statistics = back ? op->backward_statistics : op->statistics;
    const double began = r->seconds ? cv_now() : 0;
    for (int b = 0; b < j->blocks; b++) r->block_samples[b] = samples_of(j, b);
    if (r->ranks) {
        const cv_node *n = r->plan.step[action.step].node;
        const size_t bytes = statistics->size(n->config, n->in) * sizeof(double);
        cv_ranks_rows(r->ranks, r->partial[2 * action.step + back], bytes, bytes, r->first_block);
    }
    // Of the first block, which may be another rank's: that the gradients are set, and where, is the same for all.
    cv_pass p = *pass_of(r, 0, action.step);
    p.set = true;
    set_gradients(r, &p, action.step);
    statistics->merge(&p, r->partial[2 * action.step + back], r->block_samples, j->blocks,
                      r->merged[2 * action.step + back]);
    if (r->seconds) cv_count_time(r, action, began);
}

// A pass of a joint step over all blocks.
typedef struct joint {
    const cv_runner *runner;
    const cv_node *node;
    void (*pass)(const cv_pass *pass); // of the op
    cv_pass all;
    int parts;
} joint;

static void hand_over_gradient(void *receiver, int tensor, int64_t first, int64_t count, const void *gradient) {
    const joint *whole = receiver;
    const cv_runner *r = whole->runner;
    r->use(r->user, r->net->tensor[whole->node->tensor + tensor].offset + (size_t)first, (size_t)count, gradient);
}

static bool are_finite(const float *x, int count) {
    for (int i = 0; i < count; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static void run_part(void *context, int k, int worker) {
    const joint *whole = context;
    cv_pass p = whole->all;
    (void)worker;
    p.share.part = k;
    p.share.parts = whole->parts;
    whole->pass(&p);
}

static int parts_for(const cv_runner *r) {
    enum { PARTS_PER_THREAD = 4 }; // so that a thread that comes late finds less to do
    const int threads = r->race.alone ? 1 : cv_pool_running(r->pool), parts = threads * PARTS_PER_THREAD;
    return threads == 1 ? 1 : parts < CV_MOST_PARTS ? parts : CV_MOST_PARTS;
}

// The blocks of this rank, of a pass over all of them.
static cv_pass own_blocks(const job *j, int step) {
    const cv_runner *r = j->runner;
    const int first = r->ranks ? r->first_block[r->ranks->rank] : 0,
              end = r->ranks ? r->first_block[r->ranks->rank + 1] : j->blocks;
    cv_pass p = *pass_of(r, first < end ? first : 0, step);
    p.share.blocks = end - first;
    if (end > first) p.active = samples_of(j, end - 1);
    return p;
}

static void run_parts(joint *whole) {
    if (whole->all.share.blocks) cv_pool_run(whole->runner->pool, whole->parts, run_part, whole);
}

// What the gradient of the parameters is made of: all ranks make it of all blocks, which takes less time than to send
// it, as such layers have many parameters and few examples.
static void share_blocks(const job *j, int step) {
    const cv_runner *r = j->runner;
    const cv_step *s = &r->plan.step[step];
    const size_t apart = r->plan.lanes * lane_bytes(r);
    cv_ranks_rows(r->ranks, at(r, 0, s->x[0]), (size_t)cv_shape_size(s->node->in) * lane_bytes(r), apart,
                  r->first_block);
    cv_ranks_rows(r->ranks, at(r, 0, s->dy), (size_t)cv_shape_size(s->node->out) * lane_bytes(r), apart,
                  r->first_block);
}

// dx of this rank's blocks, while the parameters are as they were; then their gradient, of all blocks.
static void run_joint_shared(const job *j, joint *whole, int step) {
    joint own = *whole;
    own.all = own_blocks(j, step);
    memset(own.all.grad, 0, sizeof own.all.grad);
    run_parts(&own);
    share_blocks(j, step);
    memset(whole->all.dx, 0, sizeof whole->all.dx);
    if (!whole->runner->ranks->lost.code) run_parts(whole);
}

static void run_joint(const job *j, cv_action action) {
    const cv_runner *r = j->runner;
    const double began = r->seconds ? cv_now() : 0;
    const cv_node *n = r->plan.step[action.step].node;
    const bool back = action.verb == CV_BACKWARD;
    // Arenas go by blocks.
    joint whole = {r, n, back ? n->op->backward : n->op->forward, *pass_of(r, 0, action.step), parts_for(r)};
    const bool used = r->use && back && !n->frozen;
    if (used && !(j->losses && are_finite(j->losses, j->batch->count))) return; // the step is void, its parameters stay
    whole.all.share.blocks = j->blocks;
    whole.all.active = samples_of(j, j->blocks - 1);
    if (!back) whole.all = own_blocks(j, action.step);
    whole.all.set = true;
    if (used) {
        whole.all.share.receive = hand_over_gradient;
        whole.all.share.receiver = &whole;
    }
    if (!used) set_gradients(r, &whole.all, action.step);
    if (back && r->ranks)
        run_joint_shared(j, &whole, action.step);
    else
        run_parts(&whole);
    for (int k = 0; k < j->blocks; k++) {
        if (r->ranks && (k < r->first_block[r->ranks->rank] || k >= r->first_block[r->ranks->rank + 1])) continue;
        const block b = {.number = k, .slot = k, .active = samples_of(j, k)};
        cv_after_joint(j, &b, action);
    }
    if (r->seconds) cv_count_time(r, action, began);
}

// A pass of a split step: parts of every block. A block is a shard, and has the copy of its number.
typedef struct split {
    const job *job;
    cv_action action;
    int parts;
} split;

static void run_split_part(void *context, int task, int worker) {
    const split *s = context;
    const cv_runner *r = s->job->runner;
    const cv_node *n = r->plan.step[s->action.step].node;
    const int number = task / s->parts;
    cv_pass p = *pass_of(r, number, s->action.step);
    p.share.part = task % s->parts;
    p.share.parts = s->parts;
    p.scratch[0] = p.scratch[1] = work_of(r, worker);
    p.set = true;
    for (int t = 0; t < n->tensors && s->action.verb == CV_BACKWARD; t++)
        p.grad[t] = cv_gradient_of(&r->gradient, n->tensor + t, number);
    (s->action.verb == CV_FORWARD ? n->op->forward : n->op->backward)(&p);
}

static void finish_block(void *context, int number, int worker) {
    const split *s = context;
    const block b = {.number = number, .slot = number, .active = samples_of(s->job, number)};
    (void)worker;
    cv_after_joint(s->job, &b, s->action);
}

static void run_split(const job *j, cv_action action) {
    const cv_runner *r = j->runner;
    const cv_step *step = &r->plan.step[action.step];
    const int threads = cv_pool_running(r->pool);
    split s = {j, action, (threads + j->blocks - 1) / j->blocks};
    cv_pool_run(r->pool, j->blocks * s.parts, run_split_part, &s);
    const bool aside = action.verb == CV_BACKWARD && step->add_to[0] != CV_NOWHERE;
    if (aside || j->not_finite) cv_pool_run(r->pool, j->blocks, finish_block, &s);
}

static void meet(const job *j, cv_action action) {
    if (action.verb == CV_MERGE || action.verb == CV_MERGE_BACKWARD)
        merge(j, action);
    else if (j->runner->plan.step[action.step].joint)
        run_joint(j, action);
    else
        run_split(j, action);
}

// The actions up to `end`, region by region.
static void run_actions(job *j, int end) {
    cv_runner *r = j->runner;
    const int blocks = j->blocks = blocks_of(r, j->batch->count);
    cv_round_weights(r);
    // Without sums there are as many shards as go in lockstep, or one per thread.
    const int together = (blocks + r->lockstep - 1) / r->lockstep, threads = cv_pool_running(r->pool);
    const int most = together > threads ? together : threads;
    j->adds = r->flags & CV_TRAINING;
    j->shards = j->adds ? cv_shards_of(r, blocks) : blocks < most ? blocks : most;
    if (r->flags & CV_SPLIT) cv_gradient_all_done(&r->gradient, j->shards);
    deal_shards(j);
    for (j->first = j->region = 0; j->first < end; j->first = j->end + 1, j->region++) {
        for (j->end = j->first; j->end < end && !r->plan.action[j->end].meeting; j->end++) continue;
        if (j->end > j->first) run_shards(j);
        if (r->ranks && unloads(j)) exchange_losses(j);
        if (j->end == end) break;
        meet(j, r->plan.action[j->end]);
    }
}

static void race_threads(job *j) {
    race *t = &j->runner->race;
    const bool timed = race_begins(t);
    const double began = timed ? cv_now() : 0;
    run_actions(j, j->runner->plan.actions);
    if (timed) race_ends(t, cv_now() - began);
}

void cv_runner_forward(cv_runner *r, const cv_batch *batch, float *outputs, float *losses) {
    job j = {.runner = r, .batch = batch, .outputs = outputs, .losses = losses};
    if ((r->flags & CV_ONE_EXAMPLE) && !(r->flags & CV_ANY_SIZE) && cv_pool_running(r->pool) > 1)
        race_threads(&j);
    else
        run_actions(&j, r->plan.actions);
}

void cv_runner_train(cv_runner *r, const cv_batch *batch, cv_random *random, float *outputs, float *losses) {
    for (int i = 0; i < r->plan.steps; i++) {
        const cv_node *n = r->plan.step[i].node;
        if (r->noise[i])
            n->op->draw(n->config, random, r->noise[i], (size_t)batch->count * n->op->noise(n->config, n->in));
    }
    cv_runner_forward(r, batch, outputs, losses);
}

// The actions before the outputs are unloaded: those of a forward pass.
static int forward_actions(const cv_runner *r) {
    int end = 0;
    while (end < r->plan.actions && r->plan.action[end].verb != CV_UNLOAD) end++;
    return end;
}

void cv_runner_losses(cv_runner *r, const cv_batch *batch, double *losses) {
    job j = {.runner = r, .batch = batch, .wide = losses};
    run_actions(&j, forward_actions(r) + 1);
}

const cv_node *cv_runner_first_not_finite(cv_runner *r, const cv_batch *batch) {
    const int blocks = blocks_of(r, batch->count);
    int found = -1;
    int *step = cv_alloc((size_t)blocks, sizeof *step);
    if (!step) return NULL;
    for (int b = 0; b < blocks; b++) step[b] = -1;
    job j = {.runner = r, .batch = batch, .not_finite = step};
    run_actions(&j, forward_actions(r));
    if (r->ranks) cv_ranks_rows(r->ranks, step, sizeof *step, sizeof *step, r->first_block);
    for (int b = 0; b < blocks; b++)
        if (step[b] >= 0 && (found < 0 || step[b] < found)) found = step[b];
    free(step);
    return found >= 0 && r->plan.step[found].node != &r->loss ? r->plan.step[found].node : NULL;
}

void cv_runner_use_gradients(cv_runner *r, cv_use_gradient *use, void *user) {
    r->use = use;
    r->user = user;
    r->bytes -= cv_gradient_bytes(&r->gradient);
    cv_gradient_hand_over(&r->gradient);
    r->bytes += cv_gradient_bytes(&r->gradient);
}

bool cv_runner_keeps_gradient(const cv_runner *r, size_t number) {
    return !(r->use && cv_gradient_stretch(&r->gradient, number)->keeping == CV_JOINT);
}

const void *cv_runner_gradient(const cv_runner *r, size_t first, size_t count, void *room) {
    return cv_gradient_sum(&r->gradient, first, count, room);
}

size_t cv_runner_bytes(const cv_runner *r) {
    return r->bytes;
}
void cv_runner_profile(cv_runner *r, double *seconds) {
    r->seconds = seconds;
}
const cv_node *cv_runner_node(const cv_runner *r, int k) {
    return k < r->plan.steps ? r->plan.step[k].node : NULL;
}
