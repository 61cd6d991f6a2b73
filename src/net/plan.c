#include "net/planner.h"

#include <stdlib.h>

// --- what happens, in order ---------------------------------------------------------------------------------------

static void add_action(planner *d, cv_verb verb, int step) {
    const bool pass = verb == CV_FORWARD || verb == CV_BACKWARD;
    const cv_step *s = step < 0 ? NULL : &d->plan->step[step];
    const bool meeting =
        verb == CV_MERGE || verb == CV_MERGE_BACKWARD || (pass && (s->joint || s->split[verb == CV_BACKWARD]));
    d->plan->action[d->plan->actions++] = (cv_action){verb, step, 1, meeting};
    if (meeting) d->plan->barriers = true;
}

static bool is_sum(const cv_node *n) {
    return n->op->sum && cv_shape_size(n->in) == cv_shape_size(n->in1);
}

// Whether step `sum` adds to its body a shortcut, steps first..last, that comes before the body. Both read one value,
// and nothing else does.
static bool has_shortcut(const planner *d, int sum, int *first, int *last) {
    const cv_step *step = d->plan->step;
    if (!is_sum(step[sum].node) || value_read(&step[sum], 0) != sum || d->readers[sum] != 1) return false;
    *last = value_read(&step[sum], 1) - 1;
    for (*first = *last; *first >= 0; --*first) {
        const int x = value_read(&step[*first], 0);
        if (inputs_of(&step[*first]) != 1 || x != *first || d->readers[x + 1] != 1) return false;
        if (d->readers[x] == 2) return *last + 1 < sum && value_read(&step[*last + 1], 0) == x;
    }
    return false;
}

// From the last step to the first, but a shortcut before its body: the gradient of both is that of the sum, and the
// body's steps may change it in place.
static void order_backward(planner *d) {
    int n = 0, first, last;
    bool *done = d->reached;
    for (int i = d->plan->steps - 1; i >= 0; i--) {
        if (done[i]) continue;
        d->back[n++] = i;
        if (!has_shortcut(d, i, &first, &last)) continue;
        for (int k = last; k >= first; k--) done[d->back[n++] = k] = true;
    }
}

// By another step, as it goes.
static bool is_gathered(const planner *d, int norm, int direction) {
    for (int i = 0; i < d->plan->steps; i++)
        if (d->plan->step[i].gathers[direction] == norm) return true;
    return false;
}

static void act_backward_statistics(planner *d, int step) {
    const cv_node *n = d->plan->step[step].node;
    if (!n->op->backward_statistics || n->frozen || !d->needed[step + 1]) return;
    if (!is_gathered(d, step, 1)) add_action(d, CV_GATHER_BACKWARD, step);
    add_action(d, CV_MERGE_BACKWARD, step);
}

static void schedule(planner *d, bool has_loss) {
    cv_plan *plan = d->plan;
    add_action(d, CV_LOAD, -1);
    for (int i = 0; i < plan->steps; i++) {
        const cv_op *op = plan->step[i].node->op;
        if (training(d) && op->statistics && !plan->step[i].node->frozen) {
            if (!is_gathered(d, i, 0)) add_action(d, CV_GATHER, i);
            add_action(d, CV_MERGE, i);
        }
        d->forward[i] = plan->actions;
        if (!plan->step[i].done) add_action(d, CV_FORWARD, i);
    }
    add_action(d, CV_UNLOAD, -1);
    if (!training(d)) return;
    if (!has_loss) add_action(d, CV_LOAD_GRADIENT, -1);
    int begun = -1, first, last; // a step whose statistics are done already
    for (int k = 0; k < plan->steps; k++) {
        const int i = d->back[k];
        if (i != begun) act_backward_statistics(d, i);
        d->backward[i] = plan->actions;
        if (!d->needed[i + 1]) continue; // nothing below it is trained
        if (!plan->step[i].merged) add_action(d, CV_BACKWARD, i);
        // Of the body's end, before the shortcut: while the sum's gradient is in the cache.
        if (has_shortcut(d, i, &first, &last)) act_backward_statistics(d, begun = i - 1);
    }
    if (d->flags & CV_INPUT_GRADIENT) add_action(d, CV_UNLOAD_GRADIENT, -1);
}

// --- chains -------------------------------------------------------------------------------------------------------

// Maps of fewer bytes stay in the cache from one action to the next anyway.
enum { LONG_BYTES = 256 << 10 };

static bool is_link(const planner *d, const cv_net *net, cv_action a) {
    const bool verb =
        a.verb == CV_FORWARD || a.verb == CV_GATHER || a.verb == CV_BACKWARD || a.verb == CV_GATHER_BACKWARD;
    if (!verb || !d->plan->step[a.step].node->op->by_channel) return false;
    const size_t size = (size_t)cv_shape_size(d->plan->step[a.step].node->in);
    return (d->flags & CV_ANY_SIZE) || size * (size_t)net->isa->lanes * net->isa->real >= LONG_BYTES;
}

// The actions of a chain happen at one time, that of the first: what one of them reads must not lie where another
// writes.
static void link_chains(planner *d, const cv_net *net) {
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
static void pool_first(planner *d, const cv_net *net) {
    cv_node *node = d->plan->node;
    for (int i = 0; i + 1 < net->nodes; i++) {
        cv_node *rising = &node[i], *maximum = &node[i + 1];
        if (!rising->op->monotonic || !maximum->op->maximum) continue;
        if (maximum->input[0] != i || d->readers[i + 1] != 1 || cv_plan_cuts(d, i)) continue;
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
static void bring_forward(planner *d, const cv_net *net, int k) {
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
static void shortcut_first(planner *d, const cv_net *net) {
    const cv_node *node = d->plan->node;
    for (int add = 2; add < net->nodes; add++) {
        const int body = node[add].input[0], last = node[add].input[1], first = body + 1;
        if (!is_sum(&node[add]) || last != add - 1 || body < 0 || first > last) continue;
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
enum { FEW_BLOCKS = 8 };                         // for tests

static bool is_joint(const planner *d, const cv_node *n, int examples, int blocks) {
    char formula[256];
    if (!n->op->in_parts) return false;
    if (d->flags & CV_ANY_SIZE) return blocks <= FEW_BLOCKS;
    return examples <= FEW_EXAMPLES && n->op->cost(n->config, n->in, n->out, formula, sizeof formula) >= MUCH_WORK;
}

// Where there are more threads than blocks, they share the passes of some layers block by block, which changes no bit.
// Not where the statistics of a norm are gathered band by band.
static bool is_split(const planner *d, const cv_net *net, int i, int direction) {
    enum { MUCH = 1 << 17 }; // multiply-adds of a block, about five microseconds
    const cv_step *s = &d->plan->step[i];
    const cv_node *n = s->node;
    char formula[256];
    if (!(d->flags & CV_SPLIT) || !n->op->splits || s->joint || s->gathers[direction] >= 0) return false;
    return (d->flags & CV_ANY_SIZE) ||
           n->op->cost(n->config, n->in, n->out, formula, sizeof formula) * net->isa->lanes >= MUCH;
}

static void relate(planner *d, const cv_net *net, int blocks) {
    const cv_plan *plan = d->plan;
    int first, last;
    for (int i = 0; i < plan->steps; i++)
        for (int k = 0; k < inputs_of(&plan->step[i]); k++) d->readers[value_read(&plan->step[i], k)]++;
    pool_first(d, net);
    shortcut_first(d, net);
    d->needed[0] = d->flags & CV_INPUT_GRADIENT;
    for (int i = 0; i < plan->steps; i++) {
        const cv_step *s = &plan->step[i];
        d->needed[i + 1] = s->node->op->kind != CV_LOSS && has_trained(net, s->node);
        for (int k = 0; k < inputs_of(s); k++) d->needed[i + 1] |= d->needed[value_read(s, k)];
    }
    order_backward(d);
    cv_plan_norms(d, net);
    for (int i = 0; i < plan->steps; i++) {
        const cv_op *op = plan->step[i].node->op;
        const int x = value_read(&plan->step[i], 0), root = d->root[x];
        const bool alone = d->readers[x] == 1 && d->needed[x] == d->needed[i + 1];
        const bool in_place = plan->step[i].done || (alone && op->in_place && !(training(d) && d->kept[root]));
        d->root[i + 1] = in_place ? root : i + 1;
        d->slope[i + 1] = alone && (in_place || op->dx_in_place) ? d->slope[x] : i + 1;
        d->kept[d->root[i + 1]] |= op->reads_y;
        plan->step[i].joint = is_joint(d, plan->step[i].node, blocks * net->isa->lanes, blocks);
        for (int k = 0; k < 2; k++) plan->step[i].split[k] = is_split(d, net, i, k);
        if (has_shortcut(d, i, &first, &last) && d->needed[last + 1])
            d->slope[last + 1] = d->slope[i + 1]; // see order_backward
    }
}

convo_status cv_plan_make(const cv_net *net, const cv_node *loss, int blocks, unsigned flags, cv_plan *plan,
                          convo_error *err) {
    const size_t steps = (size_t)net->nodes + (loss ? 1 : 0), values = steps + 1;
    planner d = {.plan = plan, .flags = flags, .values = (int)values};
    *plan = (cv_plan){.steps = (int)steps};
    plan->node = cv_alloc(steps + 1, sizeof *plan->node);
    plan->step = cv_alloc(steps + 1, sizeof *plan->step);
    plan->action = cv_alloc(6 * steps + 4, sizeof *plan->action);
    int *ints = cv_alloc(values, 6 * sizeof *ints);
    bool *bools = cv_alloc(values, 4 * sizeof *bools);
    d.piece = cv_alloc(10 * values, sizeof *d.piece);
    d.slot = cv_alloc(10 * values, sizeof *d.slot);
    bool done = plan->node && plan->step && plan->action && ints && bools && d.piece && d.slot;
    int **const of_ints[] = {&d.root, &d.slope, &d.readers, &d.back, &d.forward, &d.backward};
    bool **const of_bools[] = {&d.needed, &d.brief, &d.kept, &d.reached};
    for (size_t k = 0; done && k < CV_COUNT(of_ints); k++) *of_ints[k] = ints + k * values;
    for (size_t k = 0; done && k < CV_COUNT(of_bools); k++) *of_bools[k] = bools + k * values;
    if (done) {
        for (int i = 0; i < net->nodes; i++) plan->node[i] = net->node[i], plan->step[i].node = &plan->node[i];
        if (loss) plan->step[net->nodes].node = loss;
        relate(&d, net, blocks);
        schedule(&d, loss != NULL);
        link_chains(&d, net);
        done = cv_arena_assign(&d, net);
    }
    free(ints);
    free(bools);
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
