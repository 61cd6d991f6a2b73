// Sets up a runner: everything is allocated before the first step.
#include "net/runner.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

static convo_status add_loss(cv_runner *r, const cv_op *loss, const void *config, convo_error *err) {
    char why[256] = "";
    const cv_shape in = r->out;
    r->loss = (cv_node){.op = loss, .config = cv_alloc(1, loss->config_size ? loss->config_size : 1), .in = in};
    if (!r->loss.config) return cv_no_memory(err, "the loss");
    if (loss->config_size) memcpy(r->loss.config, config, loss->config_size);
    r->loss.input[0] = r->net->nodes - 1;
    if (loss->infer(r->loss.config, &in, &r->loss.out, why, sizeof why)) return CONVO_OK;
    return cv_fail(err, CONVO_SHAPE, loss->name, "%s", why);
}

static void *reserve(cv_runner *r, size_t count, size_t size, bool *fits) {
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
        *p = (cv_pass){.config = n->config,
                       .in = n->in,
                       .in1 = n->in1,
                       .out = n->out,
                       .training = training,
                       .share.apart = r->plan.lanes};
        p->y = at(r, slot, s->y);
        p->dy = at(r, slot, s->dy);
        for (int k = 0; k < cv_node_inputs(n); k++) {
            p->x[k] = at(r, slot, s->x[k]);
            p->dx[k] = at(r, slot, s->dx[k]);
        }
        cv_node_tensors(r->net, n, p->tensor);
        if (n->rounded) {
            const int weight = cv_node_weight(r->net, n);
            p->tensor[weight - n->tensor] = r->rounded + r->net->tensor[weight].offset;
        }
        p->share.add = s->add;
        r->plan.step[i].norm.channel = (const cv_norm_channel *)r->merged[2 * i];
        if (s->cut != i) p->share.cut = &s->norm;
        if (s->x_norm >= 0) p->share.x_norm = &r->plan.step[s->x_norm].norm;
        p->saved = at(r, slot, s->saved);
        for (int k = 0; k < 2; k++) p->scratch[k] = at(r, slot, s->scratch[k]);
        p->noise = at(r, slot, s->noise);
        p->merged[0] = r->merged[2 * i];
        p->merged[1] = r->merged[2 * i + 1];
        p->label = r->labels + slot * MAX_LANES;
    }
}

int cv_shards_of(const cv_runner *r, int blocks) {
    const int units = (blocks + r->lockstep - 1) / r->lockstep;
    const int most = (r->flags & CV_FEW_SHARDS) ? FEW_SHARDS : CV_MOST_SHARDS;
    return units < most ? units : most;
}

int cv_shard_begin(const cv_runner *r, int blocks, int shards, int shard) {
    const int64_t units = (blocks + r->lockstep - 1) / r->lockstep;
    const int first = (int)(units * shard / shards) * r->lockstep;
    return first < blocks ? first : blocks;
}

// Scratch for the parts of split steps.
static size_t work_for(const cv_plan *plan) {
    size_t most = 0;
    for (int i = 0; i < plan->steps; i++) {
        const cv_step *s = &plan->step[i];
        const cv_node *n = s->node;
        if (!s->split[0] && !s->split[1]) continue;
        const size_t need = (s->x_norm >= 0 ? n->op->opened : n->op->scratch)(n->config, n->in, n->out);
        if (need > most) most = need;
    }
    return most;
}

static void reserve_rounded(cv_runner *r, bool *fits) {
    bool any = false;
    for (int i = 0; i < r->net->nodes; i++) {
        const cv_node *n = &r->net->node[i];
        if (!n->rounded) continue;
        any = true;
        if ((size_t)n->out.c > r->widest) r->widest = (size_t)n->out.c;
    }
    if (!any) return;
    r->rounded = reserve(r, r->net->trained, sizeof *r->rounded, fits);
    r->steps = reserve(r, (size_t)cv_pool_running(r->pool) * r->widest, sizeof *r->steps, fits);
}

static bool reserve_all(cv_runner *r, const cv_runner *lender) {
    const size_t steps = (size_t)r->plan.steps, blocks = (size_t)blocks_of(r, r->max_batch);
    bool fits = true;
    size_t lanes = 0;
    if (!cv_mul((size_t)r->slots, r->plan.lanes, &lanes)) return false;
    r->borrows = lender && lanes * lane_bytes(r) <= (size_t)lender->slots * lender->plan.lanes * lane_bytes(lender);
    r->arena = r->borrows ? lender->arena : reserve(r, lanes, lane_bytes(r), &fits);
    r->work_lanes = work_for(&r->plan);
    r->work = reserve(r, (size_t)cv_pool_running(r->pool) * r->work_lanes, lane_bytes(r), &fits);
    reserve_rounded(r, &fits);
    r->pass = reserve(r, (size_t)r->slots * steps, sizeof *r->pass, &fits);
    r->aimed = reserve(r, (size_t)r->slots, sizeof *r->aimed, &fits);
    r->labels = reserve(r, (size_t)r->slots * MAX_LANES, sizeof *r->labels, &fits);
    if (r->loss.op && (r->flags & CV_TRAINING)) {
        r->others = reserve(r, (size_t)r->slots * MAX_LANES, sizeof *r->others, &fits);
        r->shares = reserve(r, (size_t)r->slots * MAX_LANES, sizeof *r->shares, &fits);
        r->second = reserve(r, (size_t)r->slots * (size_t)output_size(r), lane_bytes(r), &fits);
    }
    r->noise = reserve(r, steps, sizeof *r->noise, &fits);
    r->partial = reserve(r, 2 * steps, sizeof *r->partial, &fits);
    r->merged = reserve(r, 2 * steps, sizeof *r->merged, &fits);
    r->block_samples = reserve(r, blocks, sizeof *r->block_samples, &fits);
    r->zero = reserve(r, (size_t)output_size(r), sizeof *r->zero, &fits);
    if (r->flags & CV_TRAINING) {
        fits = fits && cv_gradient_new(&r->gradient, r->net, &r->plan, cv_shards_of(r, (int)blocks),
                                       cv_pool_running(r->pool), NULL);
        if (fits) r->bytes += cv_gradient_bytes(&r->gradient);
    }
    for (size_t i = 0; fits && i < steps && (r->flags & CV_TRAINING); i++) {
        const cv_node *n = r->plan.step[i].node;
        const size_t noise = n->op->noise ? n->op->noise(n->config, n->in) : 0;
        if (noise) r->noise[i] = reserve(r, (size_t)r->max_batch, noise * sizeof(float), &fits);
        const cv_statistics *s[2] = {n->op->statistics, n->op->backward_statistics};
        for (size_t k = 0; k < 2; k++) {
            if (!s[k]) continue;
            const size_t size = s[k]->size(n->config, n->in);
            r->partial[2 * i + k] = reserve(r, blocks, size * sizeof(double), &fits);
            r->merged[2 * i + k] = reserve(r, size, sizeof(double), &fits);
        }
    }
    return fits;
}

// Whether most of the work is that of ops that take several blocks in one call. The others are better off with one
// block's values in the cache.
static bool gains_from_lockstep(const cv_plan *plan) {
    int64_t all = 0, together = 0;
    for (int i = 0; i < plan->steps; i++) {
        const cv_node *n = plan->step[i].node;
        char formula[256];
        if (!n->op->cost) continue;
        const int64_t cost = n->op->cost(n->config, n->in, n->out, formula, sizeof formula);
        all += cost;
        if (n->op->lockstep) together += cost;
    }
    return together > all / 2;
}

// No more blocks than leave FEW_SHARDS shards.
static int lockstep_of(const cv_runner *r) {
    if (!gains_from_lockstep(&r->plan)) return 1;
    const size_t fit = LOCKSTEP_BYTES / (r->plan.lanes * lane_bytes(r) + 1);
    const int shards = (r->flags & CV_TRAINING) ? FEW_SHARDS : cv_pool_running(r->pool);
    const int most = (blocks_of(r, r->max_batch) + shards - 1) / shards;
    int count = 1;
    while (count < MAX_LOCKSTEP && count < most && (size_t)count < fit) count++;
    return count;
}

// Plans, and where each block would have two threads or more, and a shard of its own, plans that they share its passes.
static convo_status make_plan(cv_runner *r, convo_error *err) {
    const cv_node *loss = r->loss.op ? &r->loss : NULL;
    const int blocks = blocks_of(r, r->max_batch);
    CV_TRY(cv_plan_make(r->net, loss, blocks, r->flags, &r->plan, err));
    r->lockstep = lockstep_of(r);
    if (!(r->flags & CV_TRAINING) || r->lockstep > 1 || cv_shards_of(r, blocks) < blocks) return CONVO_OK;
    if ((r->flags & CV_UNDIVIDED) || cv_pool_running(r->pool) < 2 * blocks) return CONVO_OK;
    cv_plan_free(&r->plan);
    r->flags |= CV_SPLIT;
    return cv_plan_make(r->net, loss, blocks, r->flags, &r->plan, err);
}

convo_status cv_runner_new(cv_net *net, const cv_op *loss, const void *loss_config, int max_batch, unsigned flags,
                           cv_pool *pool, cv_runner **out, convo_error *err) {
    return cv_runner_borrow(NULL, net, loss, loss_config, max_batch, flags, pool, out, err);
}

convo_status cv_runner_borrow(const cv_runner *lender, cv_net *net, const cv_op *loss, const void *loss_config,
                              int max_batch, unsigned flags, cv_pool *pool, cv_runner **out, convo_error *err) {
    cv_runner *r = cv_alloc(1, sizeof *r);
    convo_status status = CONVO_OK;
    if (!r) return cv_no_memory(err, "a run");
    *r = (cv_runner){.net = net, .isa = net->isa, .pool = pool, .flags = flags, .max_batch = max_batch};
    r->in = net->input;
    r->out = cv_net_output(net);
    if ((flags & CV_ONE_EXAMPLE) && (status = cv_net_single(net, &r->single, err))) goto fail;
    if (r->single) r->net = r->single;
    if (loss && (status = add_loss(r, loss, loss_config, err))) goto fail;
    if ((status = make_plan(r, err))) goto fail;
    if (!(flags & CV_TRAINING) && r->plan.lanes > CV_LIMIT_ALIVE) {
        status = cv_fail(err, CONVO_LIMIT, "", "the net holds %zu vectors of values at one time, at most %d are run",
                         r->plan.lanes, CV_LIMIT_ALIVE);
        goto fail;
    }
    r->slots = r->plan.barriers ? blocks_of(r, max_batch) : cv_pool_running(pool) * r->lockstep;
    if (!reserve_all(r, lender)) {
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

convo_status cv_runner_share(cv_runner *r, convo_ranks *ranks, convo_error *err) {
    if (!cv_ranks_any(ranks)) return CONVO_OK;
    bool fits = true;
    r->ranks = ranks;
    r->first_block = reserve(r, (size_t)ranks->size + 1, sizeof *r->first_block, &fits);
    r->bytes -= cv_gradient_bytes(&r->gradient);
    cv_gradient_free(&r->gradient);
    fits = fits && cv_gradient_new(&r->gradient, r->net, &r->plan, cv_shards_of(r, blocks_of(r, r->max_batch)),
                                   cv_pool_running(r->pool), ranks);
    if (!fits) return cv_no_memory(err, "the gradients of other ranks");
    r->bytes += cv_gradient_bytes(&r->gradient);
    return CONVO_OK;
}

convo_status cv_runner_teach(cv_runner *r, const cv_op *op, const void *config, double weight, convo_error *err) {
    bool fits = true;
    r->lesson = (cv_node){.op = op, .config = cv_alloc(1, op->config_size)};
    r->taught = weight;
    r->teacher = reserve(r, (size_t)r->slots * (size_t)output_size(r), lane_bytes(r), &fits);
    if (!fits || !r->lesson.config) return cv_no_memory(err, "the teacher's outputs");
    memcpy(r->lesson.config, config, op->config_size);
    return CONVO_OK;
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
    if (!r->borrows) free(r->arena);
    free(r->work);
    free(r->rounded);
    free(r->steps);
    free(r->pass);
    free(r->aimed);
    free(r->labels);
    free(r->others);
    free(r->shares);
    free(r->second);
    cv_gradient_free(&r->gradient);
    free(r->noise);
    free(r->partial);
    free(r->merged);
    free(r->block_samples);
    free(r->zero);
    free(r->first_block);
    free(r->loss.config);
    free(r->lesson.config);
    free(r->teacher);
    cv_plan_free(&r->plan);
    cv_net_free(r->single);
    free(r);
}
