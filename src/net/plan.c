#include "net/plan.h"

#include "net/run.h"

#include <stdlib.h>

// A piece of the arena and the span of actions in which it is in use. Pieces whose spans do not overlap share memory.
typedef struct piece {
    size_t size, offset;
    int first, last;
} piece;

// A value is the net's input (0) or the output of step i (i + 1). Values that an op changes in place form a group,
// whose root owns the memory; so do gradients.
typedef struct draft {
    cv_plan *plan;
    unsigned flags;
    int values;
    int *root, *slope;       // [values] of the group of the value, of that of its gradient
    int *readers;            // [values] how many steps read it
    bool *wanted;            // [values] its gradient is needed
    bool *brief;             // [values] of a root: see cv_action
    bool *kept;              // [values] of a root: some op of the group reads y in its backward pass
    int *forward, *backward; // [steps] when, as an index of actions
    piece *piece;
    int pieces;
    size_t **slot; // [pieces] who wants to know the offset
} draft;

static int inputs_of(const cv_step *s) {
    return s->node->op->inputs ? s->node->op->inputs : 1;
}
static int value_read(const cv_step *s, int k) {
    return s->node->input[k] + 1;
}
static bool training(const draft *d) {
    return d->flags & CV_TRAINING;
}

// --- what happens, in order ---------------------------------------------------------------------------------------

static void act(draft *d, cv_verb verb, int step) {
    const bool pass = verb == CV_FORWARD || verb == CV_BACKWARD;
    const bool meeting = verb == CV_MERGE || verb == CV_MERGE_BACKWARD || (pass && d->plan->step[step].joint);
    d->plan->action[d->plan->actions++] = (cv_action){verb, step, 1, meeting};
    if (meeting) d->plan->barriers = true;
}

static void schedule(draft *d, bool has_loss) {
    cv_plan *plan = d->plan;
    act(d, CV_LOAD, -1);
    for (int i = 0; i < plan->steps; i++) {
        const cv_op *op = plan->step[i].node->op;
        if (training(d) && op->statistics && !plan->step[i].node->frozen) {
            act(d, CV_GATHER, i);
            act(d, CV_MERGE, i);
        }
        d->forward[i] = plan->actions;
        act(d, CV_FORWARD, i);
    }
    act(d, CV_UNLOAD, -1);
    if (!training(d)) return;
    if (!has_loss) act(d, CV_LOAD_GRADIENT, -1);
    for (int i = plan->steps - 1; i >= 0; i--) {
        const cv_op *op = plan->step[i].node->op;
        d->backward[i] = plan->actions;
        if (!d->wanted[i + 1]) continue; // nothing below it is trained
        if (op->backward_statistics && !plan->step[i].node->frozen) {
            act(d, CV_GATHER_BACKWARD, i);
            act(d, CV_MERGE_BACKWARD, i);
        }
        d->backward[i] = plan->actions;
        act(d, CV_BACKWARD, i);
    }
    if (d->flags & CV_INPUT_GRADIENT) act(d, CV_UNLOAD_GRADIENT, -1);
}

// --- chains -------------------------------------------------------------------------------------------------------

// Maps of fewer bytes stay in the cache from one action to the next anyway.
enum { LONG_BYTES = 256 << 10 };

static bool is_link(const draft *d, const cv_net *net, cv_action a) {
    const bool verb =
        a.verb == CV_FORWARD || a.verb == CV_GATHER || a.verb == CV_BACKWARD || a.verb == CV_GATHER_BACKWARD;
    if (!verb || !(d->plan->step[a.step].node->op->traits & CV_BY_CHANNEL)) return false;
    const size_t size = (size_t)cv_shape_size(d->plan->step[a.step].node->in);
    return (d->flags & CV_ANY_SIZE) || size * (size_t)net->isa->lanes * net->isa->real >= LONG_BYTES;
}

// The actions of a chain happen at one time, that of the first: what one of them reads must not lie where another
// writes.
static void link_chains(draft *d, const cv_net *net) {
    cv_plan *plan = d->plan;
    for (int a = 0; a < plan->actions; a += plan->action[a].chain) {
        cv_action *first = &plan->action[a];
        if (!is_link(d, net, *first)) continue;
        const int64_t channels = plan->step[first->step].node->in.c;
        for (int b = a + 1; b < plan->actions && is_link(d, net, plan->action[b]); b++) {
            if (plan->step[plan->action[b].step].node->in.c != channels) break;
            first->chain++;
        }
        for (int b = a; b < a + first->chain; b++) {
            const int step = plan->action[b].step;
            if (plan->action[b].verb == CV_FORWARD) d->forward[step] = a;
            if (plan->action[b].verb == CV_BACKWARD) d->backward[step] = a;
        }
    }
}

// --- which values share memory ------------------------------------------------------------------------------------

// relu and then maxpool is maxpool and then relu, to the bit and in its gradient, but reads and writes a quarter as
// much: the first largest pixel is the same one if it is above 0, and if not, no gradient passes either way.
static void pool_first(draft *d, const cv_net *net) {
    cv_node *node = d->plan->node;
    for (int i = 0; i + 1 < net->nodes; i++) {
        cv_node *rising = &node[i], *maximum = &node[i + 1];
        if (!(rising->op->traits & CV_RISING) || !(maximum->op->traits & CV_MAXIMUM)) continue;
        if (maximum->input[0] != i || d->readers[i + 1] != 1) continue;
        const cv_node later = *rising;
        const int from = rising->input[0];
        *rising = *maximum;
        rising->input[0] = from;
        *maximum = later;
        maximum->input[0] = i;
        maximum->in = maximum->out = rising->out;
    }
}

// Node k before the one in front of it, which it does not read.
static void bring_forward(draft *d, const cv_net *net, int k) {
    cv_node *node = d->plan->node;
    const cv_node other = node[k - 1];
    const int readers = d->readers[k];
    node[k - 1] = node[k];
    node[k] = other;
    d->readers[k] = d->readers[k + 1];
    d->readers[k + 1] = readers;
    for (int i = k + 1; i < net->nodes; i++)
        for (int x = 0; x < CV_MAX_INPUTS; x++)
            if (node[i].input[x] == k || node[i].input[x] == k - 1) node[i].input[x] = 2 * k - 1 - node[i].input[x];
}

// A shortcut's layers come before the body's: what ends the body, the sum and what follows it can then be a chain. Only
// where body and shortcut are all that read the block's input: two gradients are added in either order.
static void shortcut_first(draft *d, const cv_net *net) {
    const cv_node *node = d->plan->node;
    for (int add = 2; add < net->nodes; add++) {
        const int body = node[add].input[0], last = node[add].input[1], first = body + 1;
        if (node[add].op->inputs != 2 || last != add - 1 || body < 0 || first > last) continue;
        const int from = node[first].input[0];
        bool alone = from < body && d->readers[from + 1] == 2;
        for (int i = first; i <= last; i++)
            alone = alone && !node[i].op->inputs && d->readers[i + 1] == 1 &&
                    node[i].input[0] == (i == first ? from : i - 1);
        for (int i = first; alone && i <= last; i++)
            for (int k = i; k > from + 1 + i - first; k--) bring_forward(d, net, k);
    }
}

static bool has_trained(const cv_net *net, const cv_node *node) {
    if (node->frozen) return false;
    for (int t = 0; t < node->tensors; t++)
        if (!net->tensor[node->tensor + t].spec.buffer) return true;
    return false;
}

// In small batches the threads share the work of some layers: there are few blocks or one, and where a layer has more
// parameters than fit in the cache, reading them is what takes the time. They are then read once for all blocks, some
// by each thread, and make one gradient in place of a shard each. The blocks have an arena each.
enum { MUCH_WORK = 1 << 18, FEW_EXAMPLES = 32 }; // multiply-adds of an example: a meeting takes as long as about 2^16

static bool is_joint(const draft *d, const cv_node *n, int examples, int blocks) {
    char formula[256];
    if (!(n->op->traits & CV_IN_PARTS)) return false;
    if (d->flags & CV_ANY_SIZE) return blocks <= MAX_SHARDS;
    return examples <= FEW_EXAMPLES && n->op->cost(n->config, n->in, n->out, formula, sizeof formula) >= MUCH_WORK;
}

static void relate(draft *d, const cv_net *net, int blocks) {
    const cv_plan *plan = d->plan;
    for (int i = 0; i < plan->steps; i++)
        for (int k = 0; k < inputs_of(&plan->step[i]); k++) d->readers[value_read(&plan->step[i], k)]++;
    pool_first(d, net);
    shortcut_first(d, net);
    d->wanted[0] = d->flags & CV_INPUT_GRADIENT;
    for (int i = 0; i < plan->steps; i++) {
        const cv_step *s = &plan->step[i];
        d->wanted[i + 1] = s->node->op->kind != CV_LOSS && has_trained(net, s->node);
        for (int k = 0; k < inputs_of(s); k++) d->wanted[i + 1] |= d->wanted[value_read(s, k)];
    }
    for (int i = 0; i < plan->steps; i++) {
        const unsigned traits = plan->step[i].node->op->traits;
        const int x = value_read(&plan->step[i], 0), root = d->root[x];
        const bool alone = d->readers[x] == 1 && d->wanted[x] == d->wanted[i + 1];
        const bool in_place = alone && (traits & CV_INPLACE) && !(training(d) && d->kept[root]);
        d->root[i + 1] = in_place ? root : i + 1;
        d->slope[i + 1] = in_place || (alone && (traits & CV_INPLACE_BACK)) ? d->slope[x] : i + 1;
        d->kept[d->root[i + 1]] |= (traits & CV_READS_Y) != 0;
        plan->step[i].joint = is_joint(d, plan->step[i].node, blocks * net->isa->lanes, blocks);
    }
}

// --- where everything lies ----------------------------------------------------------------------------------------

static void want(draft *d, size_t *slot, size_t size, int first, int last) {
    *slot = CV_NOWHERE;
    if (size == 0) return;
    d->slot[d->pieces] = slot;
    d->piece[d->pieces++] = (piece){size, CV_NOWHERE, first, last};
}

static size_t value_size(const draft *d, const cv_net *net, int v) {
    return (size_t)cv_shape_size(v == 0 ? net->input : d->plan->step[v - 1].node->out);
}

static int later(int a, int b) {
    return a > b ? a : b;
}

static int first_use(const draft *d, int v) {
    return v == 0 ? 0 : d->forward[v - 1];
}

// The memory of the group of values whose root is v.
static void want_value(draft *d, const cv_net *net, int v, size_t *value) {
    const cv_plan *plan = d->plan;
    int dies = first_use(d, v);
    for (int i = 0; i < plan->steps; i++) {
        const cv_step *s = &plan->step[i];
        const unsigned traits = s->node->op->traits;
        for (int k = 0; k < inputs_of(s); k++) {
            if (d->root[value_read(s, k)] != v) continue;
            dies = later(dies, d->forward[i]);
            if (training(d) && (traits & CV_READS_X)) dies = later(dies, d->backward[i]);
        }
        if (d->root[i + 1] == v && training(d) && (traits & CV_READS_Y)) dies = later(dies, d->backward[i]);
    }
    for (int a = 0; a < plan->actions; a++)
        if (d->root[net->nodes] == v && plan->action[a].verb == CV_UNLOAD) dies = later(dies, a);
    const int born = first_use(d, v);
    d->brief[v] = born == dies && plan->action[born].chain > 1;
    want(d, value, value_size(d, net, v) / (d->brief[v] ? (size_t)plan->step[v - 1].node->out.c : 1), born, dies);
}

// The memory of the group of gradients whose root is v: of one size, as they take each other's place.
static void want_gradient(draft *d, const cv_net *net, int v, size_t *gradient) {
    const cv_plan *plan = d->plan;
    int born = plan->actions - 1, dies = 0;
    for (int i = 0; i < plan->steps; i++) {
        for (int k = 0; k < inputs_of(&plan->step[i]); k++)
            if (d->slope[value_read(&plan->step[i], k)] == v && d->backward[i] < born) born = d->backward[i];
        if (d->slope[i + 1] == v) dies = later(dies, d->backward[i]);
    }
    for (int a = 0; a < plan->actions; a++) {
        const cv_verb verb = plan->action[a].verb;
        if (d->slope[net->nodes] == v && verb == CV_LOAD_GRADIENT) born = a;
        if (v == 0 && verb == CV_UNLOAD_GRADIENT) dies = a;
    }
    const bool is_loss = v > net->nodes;
    want(d, gradient, training(d) && d->wanted[v] && !is_loss ? value_size(d, net, v) : 0, born, later(born, dies));
}

static void want_work(draft *d, cv_step *s, int i) {
    const cv_node *n = s->node;
    const cv_op *op = n->op;
    const bool keep = training(d);
    const int last = keep ? d->backward[i] : d->forward[i];
    want(d, &s->saved, keep && op->saved ? op->saved(n->config, n->in, n->out) : 0, d->forward[i], last);
    want(d, &s->noise, keep && op->noise ? op->noise(n->config, n->in) : 0, d->forward[i], last);
    const size_t scratch = op->scratch ? op->scratch(n->config, n->in, n->out) : 0;
    want(d, &s->scratch[0], scratch, d->forward[i], d->forward[i]);
    want(d, &s->scratch[1], keep ? scratch : 0, d->backward[i], d->backward[i]);
}

static int by_size(const void *a, const void *b) {
    const piece *x = *(piece *const *)a, *y = *(piece *const *)b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return x < y ? -1 : 1;
}

// Largest first, each at the lowest offset where it meets no piece that is in use at the same time.
static bool lay_out(draft *d) {
    piece **order = cv_alloc((size_t)d->pieces + 1, sizeof *order);
    if (!order) return false;
    for (int i = 0; i < d->pieces; i++) order[i] = &d->piece[i];
    qsort(order, (size_t)d->pieces, sizeof *order, by_size);
    for (int i = 0; i < d->pieces; i++) {
        piece *p = order[i];
        p->offset = 0;
        for (int j = 0; j < i; j++) {
            const piece *q = order[j];
            const bool together = p->first <= q->last && q->first <= p->last;
            if (together && p->offset < q->offset + q->size && q->offset < p->offset + p->size) {
                p->offset = q->offset + q->size;
                j = -1; // moved: look again from the first
            }
        }
        if (p->offset + p->size > d->plan->lanes) d->plan->lanes = p->offset + p->size;
    }
    for (int i = 0; i < d->pieces; i++) *d->slot[i] = d->piece[i].offset;
    free(order);
    return true;
}

static bool place_values(draft *d, const cv_net *net) {
    cv_plan *plan = d->plan;
    size_t *value = cv_alloc((size_t)d->values, sizeof *value),
           *gradient = cv_alloc((size_t)d->values, sizeof *gradient);
    bool *written = cv_alloc((size_t)d->values, sizeof *written);
    bool done = value && gradient && written;
    if (!done) goto done;
    for (int v = 0; v < d->values; v++) {
        if (d->root[v] == v) want_value(d, net, v, &value[v]);
        if (d->slope[v] == v) want_gradient(d, net, v, &gradient[v]);
    }
    for (int i = 0; i < plan->steps; i++) want_work(d, &plan->step[i], i);
    // Backward order: the first step to reach a value's gradient writes it. The others add to it, or write aside and
    // that is added.
    for (int i = plan->steps - 1; i >= 0; i--)
        for (int k = 0; k < inputs_of(&plan->step[i]); k++) {
            cv_step *s = &plan->step[i];
            const int v = value_read(s, k), slope = d->slope[v];
            s->dx[k] = s->add_to[k] = CV_NOWHERE;
            if (!training(d) || !d->wanted[v]) continue;
            const bool again = written[slope] && d->readers[v] > 1;
            s->add = again && (s->node->op->traits & CV_ADDS_DX);
            if (again && !s->add) want(d, &s->dx[k], value_size(d, net, v), d->backward[i], d->backward[i]);
            written[slope] = true;
        }
    if (!(done = lay_out(d))) goto done;
    for (int i = 0; i < plan->steps; i++) {
        cv_step *s = &plan->step[i];
        s->y = value[d->root[i + 1]];
        s->brief_y = d->brief[d->root[i + 1]];
        s->dy = gradient[d->slope[i + 1]];
        for (int k = 0; k < inputs_of(s); k++) {
            const int v = value_read(s, k);
            s->x[k] = value[d->root[v]];
            s->brief_x[k] = d->brief[d->root[v]];
            if (s->dx[k] != CV_NOWHERE)
                s->add_to[k] = gradient[d->slope[v]];
            else if (training(d) && d->wanted[v])
                s->dx[k] = gradient[d->slope[v]];
        }
    }
    plan->input = value[0];
    plan->input_gradient = gradient[0];
    plan->output = value[d->root[net->nodes]];
    plan->output_gradient = gradient[d->slope[net->nodes]];
done:
    free(value);
    free(gradient);
    free(written);
    return done;
}

convo_status cv_plan_make(const cv_net *net, const cv_node *loss, int blocks, unsigned flags, cv_plan *plan,
                          convo_error *err) {
    const size_t steps = (size_t)net->nodes + (loss ? 1 : 0), values = steps + 1;
    draft d = {.plan = plan, .flags = flags, .values = (int)values};
    *plan = (cv_plan){.steps = (int)steps};
    plan->node = cv_alloc(steps + 1, sizeof *plan->node);
    plan->step = cv_alloc(steps + 1, sizeof *plan->step);
    plan->action = cv_alloc(6 * steps + 4, sizeof *plan->action);
    d.root = cv_alloc(values, sizeof *d.root);
    d.slope = cv_alloc(values, sizeof *d.slope);
    d.readers = cv_alloc(values, sizeof *d.readers);
    d.wanted = cv_alloc(values, sizeof *d.wanted);
    d.brief = cv_alloc(values, sizeof *d.brief);
    d.kept = cv_alloc(values, sizeof *d.kept);
    d.forward = cv_alloc(values, sizeof *d.forward);
    d.backward = cv_alloc(values, sizeof *d.backward);
    d.piece = cv_alloc(10 * values, sizeof *d.piece);
    d.slot = cv_alloc(10 * values, sizeof *d.slot);
    bool done = plan->node && plan->step && plan->action && d.root && d.slope && d.readers && d.wanted && d.brief &&
                d.kept && d.forward && d.backward && d.piece && d.slot;
    if (done) {
        for (int i = 0; i < net->nodes; i++) plan->node[i] = net->node[i], plan->step[i].node = &plan->node[i];
        if (loss) plan->step[net->nodes].node = loss;
        relate(&d, net, blocks);
        schedule(&d, loss != NULL);
        link_chains(&d, net);
        done = place_values(&d, net);
    }
    free(d.root);
    free(d.slope);
    free(d.readers);
    free(d.wanted);
    free(d.brief);
    free(d.kept);
    free(d.forward);
    free(d.backward);
    free(d.piece);
    free(d.slot);
    if (done) return CONVO_OK;
    cv_plan_free(plan);
    return cv_no_memory(err, "the plan of a net");
}

void cv_plan_free(cv_plan *plan) {
    free(plan->node);
    free(plan->step);
    free(plan->action);
    *plan = (cv_plan){0};
}
