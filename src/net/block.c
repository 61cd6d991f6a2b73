// The actions of one block: samples in, passes, gathering, results out.
#include "net/block.h"

#include <string.h>

// Numbers that are converted are converted in pieces, which stay in the first cache until they are packed.
enum { PIECE = 256 };

// As cv_values_piece; samples, which are most of what is converted, by the instruction set's own loop. Normalised where
// each channel has its own numbers: the loop that packs knows one pair.
static const float *read_piece(const cv_runner *r, const cv_values *values, bool many, size_t row, size_t first,
                               size_t count, float *scratch) {
    const cv_row *stored = values->row ? &values->row[row] : NULL;
    const float *piece = scratch;
    if (!stored || stored->type != CV_ROW_SAMPLES || first + count > stored->count)
        piece = cv_values_piece(values, row, (size_t)input_size(r), first, count, scratch);
    else
        r->isa->scale((const int16_t *)stored->stored + first, count, stored->shift, stored->gain, scratch);
    if (!many) return piece;
    if (piece != scratch) memcpy(scratch, piece, count * sizeof *scratch);
    cv_normal_apply(values->normal, first, count, scratch);
    return scratch;
}

static void load_rows(const cv_runner *r, const cv_values *values, const int32_t *index, int active, void *to) {
    const size_t size = (size_t)input_size(r),
                 width = (size_t)r->isa->lanes * r->isa->real; // of a number of all samples
    float scratch[MAX_LANES][PIECE];
    const float *rows[MAX_LANES];
    const cv_normal *normal = values->normal;
    const bool many = normal && cv_normal_count(normal) > 1;
    const float mean = normal && !many ? *normal->mean : 0, std = normal && !many ? *normal->std : 0;
    size_t most = many ? PIECE : size;
    for (int l = 0; l < active; l++)
        if (!cv_values_in_place(values, (size_t)index[l], size)) most = PIECE;
    for (size_t first = 0; first < size; first += most) {
        const size_t count = size - first < most ? size - first : most;
        for (int l = 0; l < active; l++)
            rows[l] = read_piece(r, values, many, (size_t)index[l], first, count, scratch[l]);
        r->isa->pack(rows, active, (int64_t)count, mean, std, (char *)to + first * width);
    }
}

static void load_bytes(const cv_runner *r, const cv_values *values, const int32_t *index, int active, void *to) {
    const uint8_t *rows[MAX_LANES];
    for (int l = 0; l < active; l++) rows[l] = values->byte + index[l] * input_size(r);
    r->isa->pack_bytes(rows, active, values->of_byte, input_size(r), to);
}

// Idle lanes repeat the last sample, so that they hold ordinary numbers.
static void load(const job *j, const block *b) {
    const cv_runner *r = j->runner;
    const cv_batch *batch = j->batch;
    const int32_t *index = batch->index + b->first;
    void *to = at(r, b->slot, r->plan.input);
    if (r->single) {
        cv_single_load(r->single, r->in, batch->values->value + index[0] * input_size(r), to);
        return;
    }
    for (int l = 0; l < r->isa->lanes && batch->label; l++) {
        const int32_t row = index[l < b->active ? l : b->active - 1];
        const int64_t at_lane = b->slot * MAX_LANES + l;
        r->labels[at_lane] = batch->label[row];
        if (!batch->other) continue;
        r->others[at_lane] = batch->other[row];
        r->shares[at_lane] = batch->share[row];
    }
    (cv_values_tabled(batch->values) ? load_bytes : load_rows)(r, batch->values, index, b->active, to);
}

static void unload_rows(const job *j, const block *b, size_t from, int64_t size, float *to) {
    float *rows[MAX_LANES];
    if (!to) return;
    for (int l = 0; l < b->active; l++) rows[l] = to + (int64_t)(b->first + l) * size;
    j->runner->isa->unpack(at(j->runner, b->slot, from), size, b->active, rows);
}

static void unload(const job *j, const block *b) {
    const cv_runner *r = j->runner;
    if (r->single) {
        if (j->outputs) cv_single_unload(r->single, r->out, at(r, b->slot, r->plan.output), j->outputs);
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
    r->isa->pack(rows, r->isa->lanes, output_size(r), 0, 0, at(r, b->slot, r->plan.output_gradient));
}

static void load_noise(const job *j, const block *b, int step) {
    const cv_runner *r = j->runner;
    const cv_step *s = &r->plan.step[step];
    const int64_t size = (int64_t)s->node->op->noise(s->node->config, s->node->in);
    const float *rows[MAX_LANES];
    for (int l = 0; l < b->active; l++) rows[l] = r->noise[step] + (int64_t)(b->first + l) * size;
    r->isa->pack(rows, b->active, size, 0, 0, at(r, b->slot, s->noise));
}

// A pass of an action, or a channel of it.
typedef struct slice {
    cv_pass *pass;
    int64_t channel; // the first of them
    bool begins;     // the action
} slice;

static void look_at(const job *j, const block *b, const cv_pass *pass, int step) {
    int *found = j->not_finite ? &j->not_finite[b->number] : NULL;
    if (found && (*found < 0 || step < *found) && !j->runner->isa->finite(pass->y, cv_shape_size(pass->out), b->active))
        *found = step;
}

// Runs the loss for the second labels of mixed examples, and mixes what it makes of them with what it made of the
// first.
static void mix_loss(const job *j, const block *b, const cv_pass *first, bool backward) {
    const cv_runner *r = j->runner;
    const int64_t lanes = r->isa->lanes, numbers = backward ? output_size(r) : 1;
    const float *share = r->shares + b->slot * MAX_LANES;
    void *made = (char *)r->second + (size_t)(b->slot * output_size(r)) * lane_bytes(r);
    cv_pass second = *first;
    second.label = r->others + b->slot * MAX_LANES;
    *(backward ? &second.dx[0] : &second.y) = made;
    (backward ? r->loss.op->backward : r->loss.op->forward)(&second);
    float *x = backward ? first->dx[0] : first->y;
    const float *other = made; // training is in float
    for (int64_t i = 0; i < numbers * lanes; i++) x[i] = share[i % lanes] * x[i] + (1 - share[i % lanes]) * other[i];
}

// Adds what is learnt from the teacher. Its mean is over the examples, whatever their weights.
static void teach_loss(const job *j, const block *b, const cv_pass *first, bool backward) {
    const cv_runner *r = j->runner;
    const cv_batch *batch = j->batch;
    const int64_t lanes = r->isa->lanes, outputs = output_size(r), numbers = backward ? outputs : 1;
    const double count = batch->count, weight = batch->weight > 0 ? batch->weight / count : 1;
    const float own = (float)(1 - r->taught), share = (float)(r->taught * weight);
    const float *rows[MAX_LANES];
    void *const made = (char *)r->second + (size_t)(b->slot * outputs) * lane_bytes(r);
    void *const said = (char *)r->teacher + (size_t)(b->slot * outputs) * lane_bytes(r);
    for (int l = 0; l < lanes; l++)
        rows[l] = batch->teacher + (b->first + (l < b->active ? l : b->active - 1)) * outputs;
    r->isa->pack(rows, r->isa->lanes, outputs, 0, 0, said);
    cv_pass lesson = *first;
    lesson.config = r->lesson.config;
    lesson.class_weight = NULL;
    lesson.in1 = lesson.in;
    lesson.x[1] = said;
    lesson.dx[1] = NULL;
    *(backward ? &lesson.dx[0] : &lesson.y) = made;
    (backward ? r->lesson.op->backward : r->lesson.op->forward)(&lesson);
    float *x = backward ? first->dx[0] : first->y;
    const float *other = made; // training is in float
    for (int64_t i = 0; i < numbers * lanes; i++) x[i] = own * x[i] + share * other[i];
}

static const cv_statistics *statistics_of(const cv_node *n, int direction) {
    return direction ? n->op->backward_statistics : n->op->statistics;
}

static void gather(const job *j, const block *b, const cv_pass *pass, int64_t channel, int step, int direction) {
    const cv_runner *r = j->runner;
    const cv_node *n = r->plan.step[step].node;
    const cv_statistics *statistics = statistics_of(n, direction);
    const size_t size = statistics->size(n->config, n->in), channels = (size_t)n->in.c;
    statistics->gather(pass, r->partial[2 * step + direction] + (size_t)b->number * size +
                                 (size_t)channel * (size / channels));
}

// A step that gathers the statistics of a norm as its values get done.
typedef struct gathering {
    const job *job;
    const block *block;
    int norm, direction;
} gathering;

static void gather_along(void *follower, cv_region region) {
    const gathering *g = follower;
    cv_pass p = *pass_of(g->job->runner, g->block->slot, g->norm);
    p.share.region = &region;
    gather(g->job, g->block, &p, 0, g->norm, g->direction);
}

static void call(const job *j, const block *b, slice s, int step, int direction) {
    const cv_step *at_step = &j->runner->plan.step[step];
    void (*const pass)(const cv_pass *) = direction ? at_step->node->op->backward : at_step->node->op->forward;
    gathering g = {j, b, at_step->gathers[direction], direction};
    // NOLINTNEXTLINE(*NullDereference): a slice has a pass
    if (!s.pass->share.blocks) return; // another block in lockstep does it
    if (g.norm < 0) {
        pass(s.pass);
        return;
    }
    cv_pass followed = *s.pass;
    followed.share.done = gather_along;
    followed.share.follower = &g;
    pass(&followed);
}

static void forward(const job *j, const block *b, slice s, int step) {
    const cv_step *at_step = &j->runner->plan.step[step];
    if (at_step->noise != CV_NOWHERE && s.begins) load_noise(j, b, step);
    call(j, b, s, step, 0);
    if (at_step->node == &j->runner->loss && j->batch->other) mix_loss(j, b, s.pass, false);
    if (at_step->node == &j->runner->loss && j->batch->teacher) teach_loss(j, b, s.pass, false);
    look_at(j, b, s.pass, step);
}

// A gradient that was written aside is added to what others made of it.
static void add_aside(const job *j, const block *b, slice s, int step) {
    const cv_runner *r = j->runner;
    const cv_step *at_step = &r->plan.step[step];
    for (int k = 0; k < CV_MAX_INPUTS; k++) {
        if (!s.pass->dx[k] || at_step->add_to[k] == CV_NOWHERE) continue;
        const cv_shape in = k ? s.pass->in1 : s.pass->in;
        const size_t before = (size_t)(s.channel * cv_shape_pixels(in));
        r->isa->add(at(r, b->slot, at_step->add_to[k] + before), s.pass->dx[k], cv_shape_size(in));
    }
}

static void backward(const job *j, const block *b, slice s, int step) {
    call(j, b, s, step, 1);
    if (j->runner->plan.step[step].node == &j->runner->loss && j->batch->other) mix_loss(j, b, s.pass, true);
    if (j->runner->plan.step[step].node == &j->runner->loss && j->batch->teacher) teach_loss(j, b, s.pass, true);
    add_aside(j, b, s, step);
}

static void run_action(const job *j, const block *b, cv_action action, slice s) {
    switch (action.verb) {
    case CV_LOAD: load(j, b); break;
    case CV_FORWARD: forward(j, b, s, action.step); break;
    case CV_UNLOAD: unload(j, b); break;
    case CV_LOAD_GRADIENT: load_gradient(j, b); break;
    case CV_BACKWARD: backward(j, b, s, action.step); break;
    case CV_UNLOAD_GRADIENT:
        unload_rows(j, b, j->runner->plan.input_gradient, input_size(j->runner), j->batch->input_gradient);
        break;
    case CV_GATHER: gather(j, b, s.pass, s.channel, action.step, 0); break;
    case CV_GATHER_BACKWARD: gather(j, b, s.pass, s.channel, action.step, 1); break;
    case CV_MERGE:
    case CV_MERGE_BACKWARD: break; // between regions
    }
}

static void *further(const cv_runner *r, const void *values, int64_t lanes) {
    return values ? (char *)(uintptr_t)values + (size_t)lanes * lane_bytes(r) : NULL;
}

// One channel of a pass, for an op that is .by_channel.
static cv_pass channel_of(const cv_runner *r, const cv_step *s, const cv_pass *whole, int64_t channel) {
    const cv_node *n = s->node;
    const int64_t out = channel * cv_shape_pixels(n->out);
    cv_pass p = *whole;
    p.in.c = p.in1.c = p.out.c = 1;
    for (int k = 0; k < CV_MAX_INPUTS; k++) {
        const int64_t before = channel * cv_shape_pixels(cv_node_shape(n, k));
        if (!s->brief_x[k]) p.x[k] = further(r, p.x[k], before);
        p.dx[k] = further(r, p.dx[k], before);
    }
    if (!s->brief_y) p.y = further(r, p.y, out);
    p.dy = further(r, p.dy, out);
    if (p.noise) p.noise = further(r, p.noise, channel * (int64_t)n->op->noise(n->config, p.in));
    if (p.saved) p.saved = further(r, p.saved, channel * (int64_t)n->op->saved(n->config, p.in, p.out));
    for (int t = 0; t < n->tensors; t++)
        p.tensor[t] = (char *)p.tensor[t] +
                      (size_t)channel * (r->net->tensor[n->tensor + t].size / (size_t)n->in.c) * r->isa->real;
    for (int d = 0; d < 2; d++)
        if (p.merged[d]) p.merged[d] += (size_t)channel * statistics_of(n, d)->size(n->config, n->in) / (size_t)n->in.c;
    return p;
}

void cv_count_time(const cv_runner *r, cv_action action, double began) {
    const bool back =
        action.verb == CV_BACKWARD || action.verb == CV_GATHER_BACKWARD || action.verb == CV_MERGE_BACKWARD;
    if (action.step >= 0) r->seconds[2 * action.step + back] += cv_now() - began;
}

// From the last channel to the first: of what the action before read or wrote, the cache holds the last channels.
static void run_chain(const job *j, const block *b, const cv_action *chain) {
    const cv_runner *r = j->runner;
    const int64_t channels = r->plan.step[chain->step].node->in.c;
    for (int64_t channel = channels; channel-- > 0;)
        for (int k = 0; k < chain->chain; k++) {
            const int step = chain[k].step;
            const double began = r->seconds ? cv_now() : 0;
            cv_pass pass = channel_of(r, &r->plan.step[step], pass_of(r, b->slot, step), channel);
            run_action(j, b, chain[k], (slice){&pass, channel, channel + 1 == channels});
            if (r->seconds) cv_count_time(r, chain[k], began);
        }
}

static void run_alone(const job *j, const block *b, const cv_action *action) {
    const cv_runner *r = j->runner;
    const double began = r->seconds ? cv_now() : 0;
    cv_pass *pass = action->step < 0 ? NULL : pass_of(r, b->slot, action->step);
    run_action(j, b, *action, (slice){pass, 0, true});
    if (r->seconds) cv_count_time(r, *action, began);
}

void cv_run_blocks(const job *j, const block *b, int count) {
    const cv_action *action = j->runner->plan.action;
    for (int a = j->first; a < j->end; a += action[a].chain)
        for (int k = 0; k < count; k++)
            if (action[a].chain > 1)
                run_chain(j, &b[k], &action[a]);
            else
                run_alone(j, &b[k], &action[a]);
}

void cv_after_joint(const job *j, const block *b, cv_action action) {
    const slice whole = {pass_of(j->runner, b->slot, action.step), 0, true};
    if (action.verb == CV_FORWARD)
        look_at(j, b, whole.pass, action.step);
    else
        add_aside(j, b, whole, action.step);
}
