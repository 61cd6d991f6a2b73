// Which norms are done by their neighbours. A batch norm moves memory: read for its statistics, read and written for
// the normalisation, read and written for the relu behind it, read by the next layer; and as much on the way back. Here
//
//   conv a      writes x, and as a band of it is done its statistics are gathered while it is in the cache
//   batchnorm   (merges the statistics of all blocks)
//   relu
//   conv b      reads x, and normalises and cuts what it takes
//
// and back: as conv b has done a band of dy, the sums over dy are gathered. dx is made of dy and x by the norm itself,
// map by map: as rows of all maps that conv a is about to read, it took ten per cent longer (of the time of a DS-CNN).
// Where a neighbour is of another kind, the norm does its part itself, and always that of the relu.
#include "net/planner.h"

#include <math.h>

static const cv_op *op_of(const planner *d, int step) {
    return d->plan->step[step].node->op;
}

bool cv_plan_cuts(const planner *d, int i) {
    const int from = d->plan->node[i].input[0];
    return d->plan->node[i].op->cuts && from >= 0 && d->plan->node[from].op->normalises && d->readers[from + 1] == 1;
}

static bool is_reader(const planner *d, int step, int value) {
    for (int k = 0; k < inputs_of(&d->plan->step[step]); k++)
        if (value_read(&d->plan->step[step], k) == value) return true;
    return false;
}

static bool may_open(const planner *d, int step) {
    return op_of(d, step)->opened && inputs_of(&d->plan->step[step]) == 1;
}

// What is behind the norm and cuts becomes a part of it.
static void take_cut(planner *d, int norm) {
    cv_step *step = d->plan->step, *s = &step[norm];
    s->norm.low = -INFINITY;
    s->norm.high = INFINITY;
    for (int i = norm + 1; i < d->plan->steps; i++) {
        if (!is_reader(d, i, norm + 1) || !op_of(d, i)->cuts || d->readers[norm + 1] != 1) continue;
        s->cut = i;
        s->norm.low = op_of(d, i)->limits[0];
        s->norm.high = op_of(d, i)->limits[1];
        step[i].merged = step[i].done = true;
    }
}

// Leaves the forward pass to the readers of `value`, what the norm and its cut make.
static void leave_to_readers(planner *d, const cv_net *net, int norm, int value) {
    cv_step *step = d->plan->step;
    if (value == net->nodes) return; // that is unloaded
    for (int i = norm; i < d->plan->steps; i++)
        if (is_reader(d, i, value) && !may_open(d, i)) return;
    for (int i = norm; i < d->plan->steps; i++)
        if (is_reader(d, i, value)) step[i].x_norm = norm;
    step[norm].done = true;
}

// The last step that adds to the gradient of the value gathers the sums over it.
static void leave_sums(planner *d, int norm, int value) {
    int last = -1;
    for (int k = 0; k < d->plan->steps; k++)
        if (is_reader(d, d->back[k], value)) last = d->back[k];
    if (last < 0 || !op_of(d, last)->along || inputs_of(&d->plan->step[last]) != 1) return;
    if (d->readers[value] == 1 || op_of(d, last)->adds_dx) d->plan->step[last].gathers[1] = norm;
}

void cv_plan_norms(planner *d, const cv_net *net) {
    cv_step *step = d->plan->step;
    for (int i = 0; i < d->plan->steps; i++) {
        step[i].x_norm = step[i].gathers[0] = step[i].gathers[1] = -1;
        step[i].cut = i;
    }
    for (int i = 0; i < d->plan->steps; i++) {
        if (!op_of(d, i)->normalises) continue;
        take_cut(d, i);
        if (!training(d) || step[i].node->frozen) continue;
        const int value = step[i].cut + 1, from = value_read(&step[i], 0) - 1;
        leave_to_readers(d, net, i, value);
        if (d->needed[value]) leave_sums(d, i, value);
        if (from >= 0 && d->readers[from + 1] == 1 && op_of(d, from)->along) step[from].gathers[0] = i;
    }
}
