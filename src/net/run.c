// Runs a plan: the blocks of a batch in shards, shared out to threads.
#include "net/run.h"

#include "net/plan.h"

#include <stdlib.h>
#include <string.h>

// Gradients are summed into at most this many shards. More would feed more threads, and cost a pass over the parameters
// each.
enum { MAX_SHARDS = 8, MAX_LANES = 16 };

struct cv_runner {
    cv_net *net;
    const cv_isa *isa;
    cv_node loss; // the node the plan ends with; .op NULL without a loss
    cv_plan plan;
    cv_pool *pool;
    unsigned flags;
    int max_batch;
    int slots;       // arenas: one per thread, or one per block where blocks meet
    void *arena;     // [slots][plan.lanes]
    cv_pass *pass;   // [slots][steps], pointers filled in
    int32_t *labels; // [slots][MAX_LANES]
    void *shard;     // [MAX_SHARDS][net->trained]
    size_t shard_stride;
    int shards;         // of the batch at hand
    float **noise;      // [steps][max_batch * noise of the step], NULL where a step draws none
    double **partial;   // [steps][2] -> [blocks][size]
    double **merged;    // [steps][2] -> [size]
    int *block_samples; // [blocks]
    float *zero;        // a row of zeros, the output gradient of idle lanes
    double *seconds;    // [steps][2] spent forward and backward, NULL unless somebody wants to know
    size_t bytes;
};

// What the tasks of one region read.
typedef struct job {
    cv_runner *runner;
    const cv_batch *batch;
    float *outputs, *losses;
    double *wide;    // losses
    int first, end;  // actions
    int *not_finite; // [blocks] first step whose output is not finite; NULL: do not look
} job;

static int blocks_of(const cv_runner *r, int count) {
    return (count + r->isa->lanes - 1) / r->isa->lanes;
}
static int64_t input_size(const cv_runner *r) {
    return cv_shape_size(r->net->input);
}
static int64_t output_size(const cv_runner *r) {
    return cv_shape_size(cv_net_output(r->net));
}
static size_t lane_bytes(const cv_runner *r) {
    return (size_t)r->isa->lanes * r->isa->real;
}
static char *arena_of(const cv_runner *r, int slot) {
    return (char *)r->arena + (size_t)slot * r->plan.lanes * lane_bytes(r);
}

static void *at(const cv_runner *r, int slot, size_t offset) {
    return offset == CV_NOWHERE ? NULL : arena_of(r, slot) + offset * lane_bytes(r);
}

// --- one block ----------------------------------------------------------------------------------------------------

typedef struct block {
    int number, slot, first, active; // first: of its samples in the batch
} block;

// Row l of the block's samples. Idle lanes repeat the last sample, so that they hold ordinary numbers.
static int sample_of(const block *b, int l) {
    return b->first + (l < b->active ? l : b->active - 1);
}

static void load(const job *j, const block *b) {
    const cv_runner *r = j->runner;
    const float *rows[MAX_LANES];
    for (int l = 0; l < r->isa->lanes; l++) {
        const int32_t row = j->batch->index[sample_of(b, l)];
        rows[l] = j->batch->values + (int64_t)row * input_size(r);
        if (j->batch->label) r->labels[b->slot * MAX_LANES + l] = j->batch->label[row];
    }
    r->isa->pack(rows, input_size(r), at(r, b->slot, r->plan.input));
}

static void unload_rows(const job *j, const block *b, size_t from, int64_t size, float *to) {
    float *rows[MAX_LANES];
    if (!to) return;
    for (int l = 0; l < b->active; l++) rows[l] = to + (int64_t)(b->first + l) * size;
    j->runner->isa->unpack(at(j->runner, b->slot, from), size, b->active, rows);
}

static void unload(const job *j, const block *b) {
    const cv_runner *r = j->runner;
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
    r->isa->pack(rows, output_size(r), at(r, b->slot, r->plan.output_gradient));
}

static void load_noise(const job *j, const block *b, int step) {
    const cv_runner *r = j->runner;
    const cv_step *s = &r->plan.step[step];
    const int64_t size = cv_shape_size(s->node->in);
    const float *rows[MAX_LANES];
    for (int l = 0; l < r->isa->lanes; l++) rows[l] = r->noise[step] + (int64_t)sample_of(b, l) * size;
    r->isa->pack(rows, size, at(r, b->slot, s->noise));
}

static void forward(const job *j, const block *b, cv_pass *pass, int step) {
    const cv_runner *r = j->runner;
    const cv_step *s = &r->plan.step[step];
    if (s->noise != CV_NOWHERE) load_noise(j, b, step);
    pass->scratch = at(r, b->slot, s->scratch[0]);
    s->node->op->forward(pass);
    if (j->not_finite && j->not_finite[b->number] < 0 && !r->isa->finite(pass->y, cv_shape_size(pass->out), b->active))
        j->not_finite[b->number] = step;
}

static void backward(const job *j, const block *b, cv_pass *pass, int step) {
    const cv_runner *r = j->runner;
    const cv_step *s = &r->plan.step[step];
    pass->scratch = at(r, b->slot, s->scratch[1]);
    s->node->op->backward(pass);
    for (int k = 0; k < CV_MAX_INPUTS; k++)
        if (pass->dx[k] && s->add_to[k] != CV_NOWHERE)
            r->isa->add(at(r, b->slot, s->add_to[k]), pass->dx[k], cv_shape_size(s->node->in));
}

static double *partial_of(const cv_runner *r, int step, int direction, int block_number) {
    const cv_node *n = r->plan.step[step].node;
    const cv_statistics *s = direction ? n->op->backward_statistics : n->op->statistics;
    return r->partial[2 * step + direction] + (size_t)block_number * s->size(n->config, n->in);
}

static void count_time(const cv_runner *r, cv_action action, double began) {
    const bool back =
        action.verb == CV_BACKWARD || action.verb == CV_GATHER_BACKWARD || action.verb == CV_MERGE_BACKWARD;
    if (action.step >= 0) r->seconds[2 * action.step + back] += cv_now() - began;
}

static void run_block(const job *j, const block *b) {
    const cv_runner *r = j->runner;
    cv_pass *passes = r->pass + (size_t)b->slot * (size_t)r->plan.steps;
    for (int a = j->first; a < j->end; a++) {
        const int step = r->plan.action[a].step;
        cv_pass *pass = step < 0 ? NULL : &passes[step];
        const double began = r->seconds ? cv_now() : 0;
        switch (r->plan.action[a].verb) {
        case CV_LOAD: load(j, b); break;
        case CV_FORWARD: forward(j, b, pass, step); break;
        case CV_UNLOAD: unload(j, b); break;
        case CV_LOAD_GRADIENT: load_gradient(j, b); break;
        case CV_BACKWARD: backward(j, b, pass, step); break;
        case CV_UNLOAD_GRADIENT:
            unload_rows(j, b, r->plan.input_gradient, input_size(r), j->batch->input_gradient);
            break;
        case CV_GATHER: r->plan.step[step].node->op->statistics->gather(pass, partial_of(r, step, 0, b->number)); break;
        case CV_GATHER_BACKWARD:
            r->plan.step[step].node->op->backward_statistics->gather(pass, partial_of(r, step, 1, b->number));
            break;
        case CV_MERGE:
        case CV_MERGE_BACKWARD: break; // between regions
        }
        if (r->seconds) count_time(r, r->plan.action[a], began);
    }
}

// --- shards and regions -------------------------------------------------------------------------------------------

// What differs from block to block within a slot's passes.
static void aim(const job *j, const block *b, int shard, bool set) {
    const cv_runner *r = j->runner;
    cv_pass *passes = r->pass + (size_t)b->slot * (size_t)r->plan.steps;
    char *gradient = r->shard ? (char *)r->shard + (size_t)shard * r->shard_stride : NULL;
    for (int i = 0; i < r->plan.steps; i++) {
        const cv_node *n = r->plan.step[i].node;
        passes[i].active = b->active;
        passes[i].set = set;
        passes[i].scale = 1.0 / j->batch->count;
        for (int t = 0; t < n->tensors && gradient; t++)
            passes[i].grad[t] = gradient + r->net->tensor[n->tensor + t].offset * r->isa->real;
    }
}

static void run_shard(void *context, int shard, int worker) {
    const job *j = context;
    const cv_runner *r = j->runner;
    const int lanes = r->isa->lanes, blocks = blocks_of(r, j->batch->count);
    const int first = (int)((int64_t)blocks * shard / r->shards),
              end = (int)((int64_t)blocks * (shard + 1) / r->shards);
    for (int n = first; n < end; n++) {
        const int left = j->batch->count - n * lanes;
        const block b = {n, r->plan.barriers ? n : worker, n * lanes, left < lanes ? left : lanes};
        aim(j, &b, shard, n == first);
        run_block(j, &b);
    }
}

static void merge(cv_runner *r, const cv_batch *batch, cv_action action) {
    const bool back = action.verb == CV_MERGE_BACKWARD;
    const cv_op *op = r->plan.step[action.step].node->op;
    const int blocks = blocks_of(r, batch->count), lanes = r->isa->lanes;
    const double began = r->seconds ? cv_now() : 0;
    for (int b = 0; b < blocks; b++)
        r->block_samples[b] = batch->count - b * lanes < lanes ? batch->count - b * lanes : lanes;
    (back ? op->backward_statistics : op->statistics)
        ->merge(&r->pass[action.step], r->partial[2 * action.step + back], r->block_samples, blocks,
                r->merged[2 * action.step + back]);
    if (r->seconds) count_time(r, action, began);
}

static bool is_merge(cv_action action) {
    return action.verb == CV_MERGE || action.verb == CV_MERGE_BACKWARD;
}

// The actions up to `end`, region by region.
static void run_actions(job *j, int end) {
    cv_runner *r = j->runner;
    const int blocks = blocks_of(r, j->batch->count);
    const bool sums = r->flags & CV_TRAINING;
    r->shards = sums && blocks > MAX_SHARDS ? MAX_SHARDS : blocks;
    for (j->first = 0; j->first < end; j->first = j->end + 1) {
        for (j->end = j->first; j->end < end && !is_merge(r->plan.action[j->end]); j->end++) continue;
        cv_pool_run(r->pool, r->shards, run_shard, j);
        if (j->end < end) merge(r, j->batch, r->plan.action[j->end]);
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

int cv_runner_shards(const cv_runner *r) {
    return r->shards;
}
void *cv_runner_shard(const cv_runner *r, int k) {
    return (char *)r->shard + (size_t)k * r->shard_stride;
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

// --- set-up -------------------------------------------------------------------------------------------------------

static convo_status add_loss(cv_runner *r, const cv_op *loss, const void *config, convo_error *err) {
    char why[256] = "";
    const cv_shape in = cv_net_output(r->net);
    r->loss = (cv_node){.op = loss, .config = cv_alloc(1, loss->config_size ? loss->config_size : 1), .in = in};
    if (!r->loss.config) return cv_no_memory(err, "the loss");
    if (loss->config_size) memcpy(r->loss.config, config, loss->config_size);
    r->loss.input[0] = r->net->nodes - 1;
    if (loss->infer(r->loss.config, &in, &r->loss.out, why, sizeof why)) return CONVO_OK;
    return cv_fail(err, CONVO_SHAPE, loss->name, "%s", why);
}

static void *take(cv_runner *r, size_t count, size_t size, bool *fits) {
    size_t bytes = 0;
    void *memory = *fits && cv_mul(count, size, &bytes) ? cv_alloc_aligned(count ? count : 1, size) : NULL;
    if (!memory) *fits = false;
    r->bytes += bytes;
    return memory;
}

static void fill_passes(cv_runner *r, int slot) {
    for (int i = 0; i < r->plan.steps; i++) {
        const cv_step *s = &r->plan.step[i];
        const cv_node *n = s->node;
        cv_pass *p = &r->pass[(size_t)slot * (size_t)r->plan.steps + (size_t)i];
        const bool training = (r->flags & CV_TRAINING) && !(n->frozen && n->op->statistics);
        *p = (cv_pass){.config = n->config, .in = n->in, .out = n->out, .training = training};
        p->y = at(r, slot, s->y);
        p->dy = at(r, slot, s->dy);
        for (int k = 0; k < (n->op->inputs ? n->op->inputs : 1); k++) {
            p->x[k] = at(r, slot, s->x[k]);
            p->dx[k] = at(r, slot, s->dx[k]);
        }
        for (int t = 0; t < n->tensors; t++)
            p->tensor[t] = (char *)r->net->values + r->net->tensor[n->tensor + t].offset * r->isa->real;
        p->saved = at(r, slot, s->saved);
        p->noise = at(r, slot, s->noise);
        p->merged[0] = r->merged[2 * i];
        p->merged[1] = r->merged[2 * i + 1];
        p->label = r->labels + slot * MAX_LANES;
    }
}

static bool take_all(cv_runner *r) {
    const size_t steps = (size_t)r->plan.steps, blocks = (size_t)blocks_of(r, r->max_batch);
    bool fits = true;
    size_t lanes = 0;
    if (!cv_mul((size_t)r->slots, r->plan.lanes, &lanes)) return false;
    r->arena = take(r, lanes, lane_bytes(r), &fits);
    r->pass = take(r, (size_t)r->slots * steps, sizeof *r->pass, &fits);
    r->labels = take(r, (size_t)r->slots * MAX_LANES, sizeof *r->labels, &fits);
    r->noise = take(r, steps, sizeof *r->noise, &fits);
    r->partial = take(r, 2 * steps, sizeof *r->partial, &fits);
    r->merged = take(r, 2 * steps, sizeof *r->merged, &fits);
    r->block_samples = take(r, blocks, sizeof *r->block_samples, &fits);
    r->zero = take(r, (size_t)output_size(r), sizeof *r->zero, &fits);
    r->shard_stride = r->net->trained * r->isa->real;
    if (r->flags & CV_TRAINING)
        r->shard = take(r, blocks < MAX_SHARDS ? blocks : MAX_SHARDS, r->shard_stride ? r->shard_stride : 64, &fits);
    for (size_t i = 0; fits && i < steps && (r->flags & CV_TRAINING); i++) {
        const cv_node *n = r->plan.step[i].node;
        const size_t noise = n->op->noise ? n->op->noise(n->config, n->in) : 0;
        if (noise) r->noise[i] = take(r, (size_t)r->max_batch, noise * sizeof(float), &fits);
        const cv_statistics *s[2] = {n->op->statistics, n->op->backward_statistics};
        for (size_t k = 0; k < 2; k++) {
            if (!s[k]) continue;
            const size_t size = s[k]->size(n->config, n->in);
            r->partial[2 * i + k] = take(r, blocks, size * sizeof(double), &fits);
            r->merged[2 * i + k] = take(r, size, sizeof(double), &fits);
        }
    }
    return fits;
}

convo_status cv_runner_new(cv_net *net, const cv_op *loss, const void *loss_config, int max_batch, unsigned flags,
                           cv_pool *pool, cv_runner **out, convo_error *err) {
    cv_runner *r = cv_alloc(1, sizeof *r);
    convo_status status = CONVO_OK;
    if (!r) return cv_no_memory(err, "a run");
    *r = (cv_runner){.net = net, .isa = net->isa, .pool = pool, .flags = flags, .max_batch = max_batch};
    if (loss && (status = add_loss(r, loss, loss_config, err))) goto fail;
    if ((status = cv_plan_make(net, loss ? &r->loss : NULL, flags, &r->plan, err))) goto fail;
    r->slots = r->plan.barriers ? blocks_of(r, max_batch) : cv_pool_size(pool);
    if (!take_all(r)) {
        status = cv_no_memory(err, "activations and gradients; a smaller batch needs less");
        goto fail;
    }
    for (int slot = 0; slot < r->slots; slot++) fill_passes(r, slot);
    *out = r;
    return CONVO_OK;
fail:
    cv_runner_free(r);
    return status;
}

void cv_runner_free(cv_runner *r) {
    if (!r) return;
    for (int i = 0; i < r->plan.steps; i++) {
        if (r->noise) free(r->noise[i]);
        for (int k = 0; k < 2; k++) {
            if (r->partial) free(r->partial[2 * i + k]);
            if (r->merged) free(r->merged[2 * i + k]);
        }
    }
    free(r->arena);
    free(r->pass);
    free(r->labels);
    free(r->shard);
    free(r->noise);
    free(r->partial);
    free(r->merged);
    free(r->block_samples);
    free(r->zero);
    free(r->loss.config);
    cv_plan_free(&r->plan);
    free(r);
}
