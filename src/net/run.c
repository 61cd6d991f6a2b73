// Runs a plan: the blocks of a batch in shards, shared out to threads.
#include "net/runner.h"

#include <stdlib.h>
#include <string.h>

// What the tasks of one region read.
typedef struct job {
    cv_runner *runner;
    const cv_batch *batch;
    float *outputs, *losses;
    double *wide; // losses
    int blocks;
    int first, end;  // actions
    cv_pass joint;   // all blocks
    int parts;       // of it
    int *not_finite; // [blocks] first step whose output is not finite; NULL: do not look
} job;

static cv_pass *pass_of(const cv_runner *r, int slot, int step) {
    return r->pass + (size_t)slot * (size_t)r->plan.steps + step;
}

static int samples_of(const job *j, int number) {
    const int lanes = j->runner->isa->lanes, left = j->batch->count - number * lanes;
    return left < lanes ? left : lanes;
}

// --- one block ----------------------------------------------------------------------------------------------------

typedef struct block {
    int number, slot, first, active; // first: of its samples in the batch
} block;

// Idle lanes repeat the last sample, so that they hold ordinary numbers.
static void load(const job *j, const block *b) {
    const cv_runner *r = j->runner;
    const cv_batch *batch = j->batch;
    const int32_t *index = batch->index + b->first;
    const int64_t size = input_size(r);
    void *to = at(r, b->slot, r->plan.input);
    if (r->lone) {
        cv_lone_load(r->lone, r->in, batch->values + index[0] * size, to);
        return;
    }
    int32_t *label = r->labels + b->slot * MAX_LANES;
    for (int l = 0; l < b->active && batch->label; l++) label[l] = batch->label[index[l]];
    for (int l = b->active; l < r->isa->lanes; l++) label[l] = label[b->active - 1];
    if (batch->bytes) {
        const uint8_t *rows[MAX_LANES];
        for (int l = 0; l < b->active; l++) rows[l] = batch->bytes + index[l] * size;
        r->isa->pack_bytes(rows, b->active, batch->of_byte, size, to);
    } else {
        const float *rows[MAX_LANES];
        for (int l = 0; l < b->active; l++) rows[l] = batch->values + index[l] * size;
        r->isa->pack(rows, b->active, size, to);
    }
}

static void unload_rows(const job *j, const block *b, size_t from, int64_t size, float *to) {
    float *rows[MAX_LANES];
    if (!to) return;
    for (int l = 0; l < b->active; l++) rows[l] = to + (int64_t)(b->first + l) * size;
    j->runner->isa->unpack(at(j->runner, b->slot, from), size, b->active, rows);
}

static void unload(const job *j, const block *b) {
    const cv_runner *r = j->runner;
    if (r->lone) {
        if (j->outputs) cv_lone_unload(r->lone, r->out, at(r, b->slot, r->plan.output), j->outputs);
        return;
    }
    unload_rows(j, b, r->plan.output, output_size(r), j->outputs);
    if (!r->loss.op) return;
    const size_t losses = r->plan.step[r->plan.steps - 1].y;
    unload_rows(j, b, losses, 1, j->losses);
    for (int l = 0; j->wide && l < b->active; l++)
        j->wide[b->first + l] = r->isa->real == sizeof(double) ? ((const double *)at(r, b->slot, losses))[l]
                                                               : (double)((const float *)at(r, b->slot, losses))[l];
}

static void load_gradient(const job *j, const block *b) {
    const cv_runner *r = j->runner;
    const float *rows[MAX_LANES];
    for (int l = 0; l < r->isa->lanes; l++)
        rows[l] = l < b->active ? j->batch->output_gradient + (int64_t)(b->first + l) * output_size(r) : r->zero;
    r->isa->pack(rows, r->isa->lanes, output_size(r), at(r, b->slot, r->plan.output_gradient));
}

static void load_noise(const job *j, const block *b, int step) {
    const cv_runner *r = j->runner;
    const cv_step *s = &r->plan.step[step];
    const int64_t size = cv_shape_size(s->node->in);
    const float *rows[MAX_LANES];
    for (int l = 0; l < b->active; l++) rows[l] = r->noise[step] + (int64_t)(b->first + l) * size;
    r->isa->pack(rows, b->active, size, at(r, b->slot, s->noise));
}

// A pass of an action, or a channel of it.
typedef struct slice {
    cv_pass *pass;
    int64_t channel; // the first
} slice;

static void look_at(const job *j, const block *b, const cv_pass *pass, int step) {
    int *found = j->not_finite ? &j->not_finite[b->number] : NULL;
    if (found && (*found < 0 || step < *found) && !j->runner->isa->finite(pass->y, cv_shape_size(pass->out), b->active))
        *found = step;
}

static void forward(const job *j, const block *b, slice s, int step) {
    const cv_step *at_step = &j->runner->plan.step[step];
    if (at_step->noise != CV_NOWHERE && s.channel == 0) load_noise(j, b, step);
    // NOLINTNEXTLINE(*NullDereference): a slice has a pass
    if (s.pass->blocks) at_step->node->op->forward(s.pass);
    look_at(j, b, s.pass, step);
}

// A gradient that was written aside is added to what others made of it.
static void add_aside(const job *j, const block *b, slice s, int step) {
    const cv_runner *r = j->runner;
    const cv_step *at_step = &r->plan.step[step];
    for (int k = 0; k < CV_MAX_INPUTS; k++) {
        if (!s.pass->dx[k] || at_step->add_to[k] == CV_NOWHERE) continue;
        const size_t before = (size_t)(s.channel * cv_shape_pixels(s.pass->in));
        r->isa->add(at(r, b->slot, at_step->add_to[k] + before), s.pass->dx[k], cv_shape_size(s.pass->in));
    }
}

static void backward(const job *j, const block *b, slice s, int step) {
    // NOLINTNEXTLINE(*NullDereference): the same
    if (s.pass->blocks) j->runner->plan.step[step].node->op->backward(s.pass);
    add_aside(j, b, s, step);
}

static const cv_statistics *statistics_of(const cv_node *n, int direction) {
    return direction ? n->op->backward_statistics : n->op->statistics;
}

static void gather(const job *j, const block *b, slice s, int step, int direction) {
    const cv_runner *r = j->runner;
    const cv_node *n = r->plan.step[step].node;
    const cv_statistics *statistics = statistics_of(n, direction);
    const size_t size = statistics->size(n->config, n->in), channels = (size_t)n->in.c;
    statistics->gather(s.pass, r->partial[2 * step + direction] + (size_t)b->number * size +
                                   (size_t)s.channel * (size / channels));
}

static void act(const job *j, const block *b, cv_action action, slice s) {
    switch (action.verb) {
    case CV_LOAD: load(j, b); break;
    case CV_FORWARD: forward(j, b, s, action.step); break;
    case CV_UNLOAD: unload(j, b); break;
    case CV_LOAD_GRADIENT: load_gradient(j, b); break;
    case CV_BACKWARD: backward(j, b, s, action.step); break;
    case CV_UNLOAD_GRADIENT:
        unload_rows(j, b, j->runner->plan.input_gradient, input_size(j->runner), j->batch->input_gradient);
        break;
    case CV_GATHER: gather(j, b, s, action.step, 0); break;
    case CV_GATHER_BACKWARD: gather(j, b, s, action.step, 1); break;
    case CV_MERGE:
    case CV_MERGE_BACKWARD: break; // between regions
    }
}

static void *further(const cv_runner *r, const void *values, int64_t lanes) {
    return values ? (char *)(uintptr_t)values + (size_t)lanes * lane_bytes(r) : NULL;
}

// One channel of a pass, for an op that is CV_BY_CHANNEL.
static cv_pass channel_of(const cv_runner *r, const cv_step *s, const cv_pass *whole, int64_t channel) {
    const cv_node *n = s->node;
    const int64_t in = channel * cv_shape_pixels(n->in), out = channel * cv_shape_pixels(n->out);
    cv_pass p = *whole;
    p.in.c = p.out.c = 1;
    for (int k = 0; k < CV_MAX_INPUTS; k++) {
        if (!s->brief_x[k]) p.x[k] = further(r, p.x[k], in);
        p.dx[k] = further(r, p.dx[k], in);
    }
    if (!s->brief_y) p.y = further(r, p.y, out);
    p.dy = further(r, p.dy, out);
    p.noise = further(r, p.noise, in);
    if (p.saved) p.saved = further(r, p.saved, channel * (int64_t)n->op->saved(n->config, p.in, p.out));
    for (int t = 0; t < n->tensors; t++) p.tensor[t] = (char *)p.tensor[t] + (size_t)channel * r->isa->real;
    for (int d = 0; d < 2; d++)
        if (p.merged[d]) p.merged[d] += (size_t)channel * statistics_of(n, d)->size(n->config, n->in) / (size_t)n->in.c;
    return p;
}

static void count_time(const cv_runner *r, cv_action action, double began) {
    const bool back =
        action.verb == CV_BACKWARD || action.verb == CV_GATHER_BACKWARD || action.verb == CV_MERGE_BACKWARD;
    if (action.step >= 0) r->seconds[2 * action.step + back] += cv_now() - began;
}

static void run_chain(const job *j, const block *b, const cv_action *chain) {
    const cv_runner *r = j->runner;
    for (int64_t channel = 0; channel < r->plan.step[chain->step].node->in.c; channel++)
        for (int k = 0; k < chain->chain; k++) {
            const int step = chain[k].step;
            const double began = r->seconds ? cv_now() : 0;
            cv_pass pass = channel_of(r, &r->plan.step[step], pass_of(r, b->slot, step), channel);
            act(j, b, chain[k], (slice){&pass, channel});
            if (r->seconds) count_time(r, chain[k], began);
        }
}

static void run_alone(const job *j, const block *b, const cv_action *action) {
    const cv_runner *r = j->runner;
    const double began = r->seconds ? cv_now() : 0;
    cv_pass *pass = action->step < 0 ? NULL : pass_of(r, b->slot, action->step);
    act(j, b, *action, (slice){pass, 0});
    if (r->seconds) count_time(r, *action, began);
}

static void run_blocks(const job *j, const block *b, int count) {
    const cv_action *action = j->runner->plan.action;
    for (int a = j->first; a < j->end; a += action[a].chain)
        for (int k = 0; k < count; k++)
            if (action[a].chain > 1)
                run_chain(j, &b[k], &action[a]);
            else
                run_alone(j, &b[k], &action[a]);
}

// --- shards and regions -------------------------------------------------------------------------------------------

// Where number `at` of the gradient lies in a shard; that of a joint layer lies in none. NULL: it is not trained.
static void *gradient_of(const cv_runner *r, size_t at, int shard) {
    const stretch *s = r->stretch;
    if (at >= r->net->trained) return NULL;
    while (at >= s->end) s++;
    return (char *)r->gradient[s->joint] +
           ((size_t)shard * r->gradient_size[0] * !s->joint + s->at + at - s->first) * r->isa->real;
}

// The passes of a slot, for block k of `count` that go in lockstep: an op that takes them all in one call is called for
// the first.
static void aim(const job *j, int slot, target to) {
    const cv_runner *r = j->runner;
    cv_pass *passes = pass_of(r, slot, 0);
    if (memcmp(&r->aimed[slot], &to, sizeof to) == 0) return;
    r->aimed[slot] = to;
    for (int i = 0; i < r->plan.steps; i++) {
        const cv_node *n = r->plan.step[i].node;
        const bool together = n->op->traits & CV_LOCKSTEP;
        passes[i].blocks = together ? to.blocks : 1;
        passes[i].active = together ? to.last_active : to.active;
        passes[i].set = to.set;
        passes[i].scale = 1.0 / to.batch;
        for (int t = 0; t < n->tensors && (r->flags & CV_TRAINING) && !r->plan.step[i].joint; t++)
            passes[i].grad[t] = gradient_of(r, r->net->tensor[n->tensor + t].offset, to.shard);
    }
}

static void run_shard(void *context, int shard, int worker) {
    const job *j = context;
    const cv_runner *r = j->runner;
    const int lanes = r->isa->lanes, blocks = j->blocks;
    const bool one_each = r->shards == blocks; // then nothing need be divided, which is much in a step of a small net
    const int first = one_each ? shard : (int)((int64_t)blocks * shard / r->shards),
              end = one_each ? shard + 1 : (int)((int64_t)blocks * (shard + 1) / r->shards);
    for (int n = first; n < end; n += r->lockstep) {
        const int count = end - n < r->lockstep ? end - n : r->lockstep;
        block b[MAX_LOCKSTEP];
        for (int k = 0; k < count; k++) {
            b[k] = (block){.number = n + k, .first = (n + k) * lanes, .active = samples_of(j, n + k)};
            b[k].slot = r->plan.barriers ? n + k : worker * r->lockstep + k;
        }
        for (int k = 0; k < count; k++)
            aim(j, b[k].slot,
                (target){.shard = shard,
                         .batch = j->batch->count,
                         .active = b[k].active,
                         .blocks = k == 0 ? count : 0,
                         .last_active = b[count - 1].active,
                         .set = n == first && k == 0});
        run_blocks(j, b, count);
    }
}

static void merge(const job *j, cv_action action) {
    const cv_runner *r = j->runner;
    const bool back = action.verb == CV_MERGE_BACKWARD;
    const cv_op *op = r->plan.step[action.step].node->op;
    const double began = r->seconds ? cv_now() : 0;
    for (int b = 0; b < j->blocks; b++) r->block_samples[b] = samples_of(j, b);
    (back ? op->backward_statistics : op->statistics)
        ->merge(&r->pass[action.step], r->partial[2 * action.step + back], r->block_samples, j->blocks,
                r->merged[2 * action.step + back]);
    if (r->seconds) count_time(r, action, began);
}

static void run_part(void *context, int k, int worker) {
    const job *j = context;
    const cv_action *action = &j->runner->plan.action[j->end];
    const cv_op *op = j->runner->plan.step[action->step].node->op;
    cv_pass p = j->joint;
    (void)worker;
    p.part = k;
    p.parts = j->parts;
    (action->verb == CV_FORWARD ? op->forward : op->backward)(&p);
}

// A pass of a joint step. Arenas go by blocks.
static void run_joint(job *j, cv_action action) {
    enum { PARTS_PER_THREAD = 4 }; // so that a thread that comes late finds less to do
    const cv_runner *r = j->runner;
    const double began = r->seconds ? cv_now() : 0;
    const cv_node *n = r->plan.step[action.step].node;
    const int threads = cv_pool_size(r->pool);
    j->joint = *pass_of(r, 0, action.step);
    j->joint.blocks = j->blocks;
    j->joint.active = samples_of(j, j->blocks - 1);
    j->joint.set = true;
    for (int t = 0; t < n->tensors && (r->flags & CV_TRAINING); t++)
        j->joint.grad[t] = gradient_of(r, r->net->tensor[n->tensor + t].offset, 0);
    j->parts = threads == 1                                 ? 1
               : threads * PARTS_PER_THREAD < CV_MOST_PARTS ? threads * PARTS_PER_THREAD
                                                            : CV_MOST_PARTS;
    cv_pool_run(r->pool, j->parts, run_part, j);
    for (int k = 0; k < j->blocks; k++) {
        const block b = {.number = k, .slot = k, .active = samples_of(j, k)};
        if (action.verb == CV_FORWARD)
            look_at(j, &b, pass_of(r, k, action.step), action.step);
        else
            add_aside(j, &b, (slice){pass_of(r, k, action.step), 0}, action.step);
    }
    if (r->seconds) count_time(r, action, began);
}

static bool is_merge(cv_action action) {
    return action.verb == CV_MERGE || action.verb == CV_MERGE_BACKWARD;
}

// Where all blocks meet.
static bool is_meeting(const cv_plan *plan, cv_action action) {
    const bool pass = action.verb == CV_FORWARD || action.verb == CV_BACKWARD;
    return is_merge(action) || (pass && plan->step[action.step].joint);
}

// The actions up to `end`, region by region.
static void run_actions(job *j, int end) {
    cv_runner *r = j->runner;
    const int blocks = j->blocks = blocks_of(r, j->batch->count);
    // Sums need the same shards for any number of threads; else there are as many as go in lockstep, or one per thread.
    const int together = (blocks + r->lockstep - 1) / r->lockstep, threads = cv_pool_size(r->pool);
    const int most = (r->flags & CV_TRAINING) ? MAX_SHARDS : together > threads ? together : threads;
    r->shards = blocks < most ? blocks : most;
    for (j->first = 0; j->first < end; j->first = j->end + 1) {
        for (j->end = j->first; j->end < end && !is_meeting(&r->plan, r->plan.action[j->end]); j->end++) continue;
        if (j->end > j->first) cv_pool_run(r->pool, r->shards, run_shard, j);
        if (j->end == end) break;
        if (is_merge(r->plan.action[j->end]))
            merge(j, r->plan.action[j->end]);
        else
            run_joint(j, r->plan.action[j->end]);
    }
}

void cv_runner_forward(cv_runner *r, const cv_batch *batch, float *outputs, float *losses) {
    job j = {.runner = r, .batch = batch, .outputs = outputs, .losses = losses};
    run_actions(&j, r->plan.actions);
}

void cv_runner_train(cv_runner *r, const cv_batch *batch, cv_random *random, float *outputs, float *losses) {
    for (int i = 0; i < r->plan.steps; i++) {
        const cv_node *n = r->plan.step[i].node;
        if (r->noise[i])
            n->op->draw(n->config, random, r->noise[i], (size_t)batch->count * (size_t)cv_shape_size(n->in));
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
    for (int b = 0; b < blocks; b++)
        if (step[b] >= 0 && (found < 0 || step[b] < found)) found = step[b];
    free(step);
    return found >= 0 && r->plan.step[found].node != &r->loss ? r->plan.step[found].node : NULL;
}

static void add_reals(const cv_runner *r, void *to, const void *from, size_t n) {
    if (r->isa->real == sizeof(double))
        for (size_t i = 0; i < n; i++) ((double *)to)[i] += ((const double *)from)[i];
    else
        for (size_t i = 0; i < n; i++) ((float *)to)[i] += ((const float *)from)[i];
}

const void *cv_runner_gradient(const cv_runner *r, size_t first, size_t count, void *room) {
    const stretch *s = r->stretch;
    if (count == 0) return room;
    while (first >= s->end) s++;
    if (first + count <= s->end && (s->joint || r->shards == 1)) return gradient_of(r, first, 0);
    for (char *gradient = room; count; s++) {
        const size_t n = s->end - first < count ? s->end - first : count;
        memcpy(gradient, gradient_of(r, first, 0), n * r->isa->real);
        for (int k = 1; k < r->shards && !s->joint; k++) add_reals(r, gradient, gradient_of(r, first, k), n);
        first += n;
        count -= n;
        gradient += n * r->isa->real;
    }
    return room;
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
