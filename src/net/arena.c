// Where everything lies: values, gradients and work memory in the arena of a block.
#include "net/planner.h"

#include <stdlib.h>

static void request(planner *d, size_t *slot, size_t size, int first, int last) {
    *slot = CV_NOWHERE;
    if (size == 0) return;
    d->slot[d->pieces] = slot;
    d->piece[d->pieces++] = (piece){size, CV_NOWHERE, first, last};
}

static size_t value_size(const planner *d, const cv_net *net, int v) {
    return (size_t)cv_shape_size(v == 0 ? net->input : d->plan->step[v - 1].node->out);
}

static int later(int a, int b) {
    return a > b ? a : b;
}

static int first_use(const planner *d, int v) {
    return v == 0 ? 0 : d->forward[v - 1];
}

// The memory of the group of values whose root is v.
static void request_value(planner *d, const cv_net *net, int v, size_t *value) {
    const cv_plan *plan = d->plan;
    int dies = first_use(d, v);
    for (int i = 0; i < plan->steps; i++) {
        const cv_step *s = &plan->step[i];
        const cv_op *op = s->node->op;
        for (int k = 0; k < inputs_of(s); k++) {
            if (d->root[value_read(s, k)] != v) continue;
            dies = later(dies, d->forward[i]);
            if (training(d) && op->reads_x) dies = later(dies, d->backward[i]);
        }
        if (d->root[i + 1] == v && training(d) && op->reads_y) dies = later(dies, d->backward[i]);
    }
    for (int a = 0; a < plan->actions; a++)
        if (d->root[net->nodes] == v && plan->action[a].verb == CV_UNLOAD) dies = later(dies, a);
    const int born = first_use(d, v);
    d->brief[v] = born == dies && plan->action[born].chain > 1;
    request(d, value, value_size(d, net, v) / (d->brief[v] ? (size_t)plan->step[v - 1].node->out.c : 1), born, dies);
}

// The value whose gradient step i reads: a norm does the work of its cut.
static int slope_read(const planner *d, int i) {
    return d->plan->step[i].cut + 1;
}

// The memory of the group of gradients whose root is v: of one size, as they take each other's place.
static void request_gradient(planner *d, const cv_net *net, int v, size_t *gradient) {
    const cv_plan *plan = d->plan;
    int born = plan->actions, dies = 0;
    for (int i = 0; i < plan->steps; i++) {
        if (plan->step[i].merged) continue;
        for (int k = 0; k < inputs_of(&plan->step[i]); k++)
            if (d->slope[value_read(&plan->step[i], k)] == v && d->backward[i] < born) born = d->backward[i];
        if (d->slope[slope_read(d, i)] == v) dies = later(dies, d->backward[i]);
    }
    for (int a = 0; a < plan->actions; a++) {
        const cv_verb verb = plan->action[a].verb;
        if (d->slope[net->nodes] == v && verb == CV_LOAD_GRADIENT) born = a;
        if (v == 0 && verb == CV_UNLOAD_GRADIENT) dies = a;
    }
    const bool written = born < plan->actions && v <= net->nodes; // not that of a loss
    request(d, gradient, training(d) && d->needed[v] && written ? value_size(d, net, v) : 0, born, later(born, dies));
}

static void request_work(planner *d, cv_step *s, int i) {
    const cv_node *n = s->node;
    const cv_op *op = n->op;
    const bool keep = training(d);
    const int last = keep ? d->backward[i] : d->forward[i];
    request(d, &s->saved, keep && op->saved && !s->merged ? op->saved(n->config, n->in, n->out) : 0, d->forward[i],
            last);
    request(d, &s->noise, keep && op->noise ? op->noise(n->config, n->in) : 0, d->forward[i], last);
    size_t (*const room)(const void *, cv_shape, cv_shape) = s->x_norm >= 0 ? op->opened : op->scratch;
    const size_t scratch = room ? room(n->config, n->in, n->out) : 0;
    request(d, &s->scratch[0], scratch, d->forward[i], d->forward[i]);
    request(d, &s->scratch[1], keep ? scratch : 0, d->backward[i], d->backward[i]);
}

static int by_size(const void *a, const void *b) {
    const piece *x = *(piece *const *)a, *y = *(piece *const *)b;
    if (x->size != y->size) return x->size < y->size ? 1 : -1;
    return x < y ? -1 : 1;
}

// Largest first, each at the lowest offset where it meets no piece that is in use at the same time.
static bool lay_out(planner *d) {
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

bool cv_arena_assign(planner *d, const cv_net *net) {
    cv_plan *plan = d->plan;
    size_t *value = cv_alloc((size_t)d->values, sizeof *value),
           *gradient = cv_alloc((size_t)d->values, sizeof *gradient);
    bool *written = cv_alloc((size_t)d->values, sizeof *written);
    bool done = value && gradient && written;
    if (!done) goto done;
    for (int v = 0; v < d->values; v++) {
        if (d->root[v] == v) request_value(d, net, v, &value[v]);
        if (d->slope[v] == v) request_gradient(d, net, v, &gradient[v]);
    }
    for (int i = 0; i < plan->steps; i++) request_work(d, &plan->step[i], i);
    // Backward order: the first step to reach a value's gradient writes it. The others add to it, or write aside and
    // that is added.
    for (int n = 0; n < plan->steps; n++)
        for (int i = d->back[n], k = 0; k < inputs_of(&plan->step[i]); k++) {
            cv_step *s = &plan->step[i];
            const int v = value_read(s, k), slope = d->slope[v];
            s->dx[k] = s->add_to[k] = CV_NOWHERE;
            if (!training(d) || !d->needed[v]) continue;
            const bool again = written[slope] && d->readers[v] > 1;
            s->add = again && s->node->op->adds_dx;
            if (again && !s->add) request(d, &s->dx[k], value_size(d, net, v), d->backward[i], d->backward[i]);
            written[slope] = true;
        }
    if (!(done = lay_out(d))) goto done;
    for (int i = 0; i < plan->steps; i++) {
        cv_step *s = &plan->step[i];
        s->y = value[d->root[i + 1]];
        s->brief_y = d->brief[d->root[i + 1]];
        s->dy = gradient[d->slope[slope_read(d, i)]];
        for (int k = 0; k < inputs_of(s); k++) {
            const int v = value_read(s, k);
            s->x[k] = value[d->root[v]];
            s->brief_x[k] = d->brief[d->root[v]];
            if (s->dx[k] != CV_NOWHERE)
                s->add_to[k] = gradient[d->slope[v]];
            else if (training(d) && d->needed[v])
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
