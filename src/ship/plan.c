// Where the values of a program lie. Two that are alive at the same time lie apart; the largest is placed first, each
// at the lowest free place.
#include "ship/program.h"

#include <stdlib.h>
#include <string.h>

// Sets born and dies: the front end is call -1, and the net's input and its work memory are alive then.
static void find_lives(cv_program *p) {
    for (int v = 0; v < p->values; v++) p->value[v].born = p->value[v].dies = -1;
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        if (c->y >= 0) p->value[c->y].born = p->value[c->y].dies = i;
        if (c->x >= 0) p->value[c->x].dies = i;
        if (c->x1 < 0) continue;
        p->value[c->x1].dies = i;
        if (c->i8 && !strcmp(c->kernel->name, "conv")) p->value[c->x1].born = i; // its work memory
    }
}

// The value whose memory v is in, in the end.
static int owner_of(const cv_program *p, int v) {
    while (p->value[v].shares >= 0) v = p->value[v].shares;
    return v;
}

static size_t bytes_of(const cv_device_value *v) {
    return (v->count * (v->i8 ? 1 : sizeof(float)) + 3) / 4 * 4;
}

// y takes over the memory of x where x is not read again.
static void share_memory(cv_program *p) {
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        if (c->x < 0 || c->y < 0 || !c->kernel->in_place || p->value[c->x].dies != i || c->x == c->x1) continue;
        if (bytes_of(&p->value[c->x]) != bytes_of(&p->value[c->y])) continue;
        p->value[c->y].shares = c->x;
        p->value[owner_of(p, c->x)].dies = p->value[c->y].dies;
    }
    // a value that took memory over may be taken over in its turn: the owner lives as long as all of them
    for (int v = 0; v < p->values; v++) {
        cv_device_value *owner = &p->value[owner_of(p, v)];
        if (p->value[v].dies > owner->dies) owner->dies = p->value[v].dies;
    }
}

static bool meet(const cv_device_value *a, const cv_device_value *b) {
    return a->born <= b->dies && b->born <= a->dies;
}

typedef struct placed {
    const cv_program *program;
    int value;
} placed;

static int by_size(const void *a, const void *b) {
    const placed *x = a, *y = b;
    const size_t m = bytes_of(&x->program->value[x->value]), n = bytes_of(&y->program->value[y->value]);
    return m != n ? (m < n ? 1 : -1) : x->value - y->value;
}

// The lowest place for value v apart from the first `count` of the order.
static size_t place_of(const cv_program *p, const placed *order, int count, int v) {
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int k = 0; k < count; k++) {
            const cv_device_value *other = &p->value[order[k].value];
            if (!meet(&p->value[v], other)) continue;
            if (at + bytes_of(&p->value[v]) <= other->offset || other->offset + bytes_of(other) <= at) continue;
            at = other->offset + bytes_of(other);
            moved = true;
        }
    }
    return at;
}

convo_status cv_program_plan(cv_program *p, convo_error *err) {
    placed *order = cv_alloc((size_t)p->values + 1, sizeof *order);
    if (!order) return cv_no_memory(err, "a plan");
    find_lives(p);
    share_memory(p);
    int owners = 0;
    for (int v = 0; v < p->values; v++)
        if (p->value[v].shares < 0) order[owners++] = (placed){p, v};
    qsort(order, (size_t)owners, sizeof *order, by_size);
    for (int k = 0; k < owners; k++) {
        cv_device_value *v = &p->value[order[k].value];
        v->offset = place_of(p, order, k, order[k].value);
        // a convolution of 8-bit numbers reads up to three behind its input
        if (v->offset + bytes_of(v) + 4 * v->i8 > p->memory) p->memory = v->offset + bytes_of(v) + 4 * v->i8;
    }
    for (int v = 0; v < p->values; v++) p->value[v].offset = p->value[owner_of(p, v)].offset;
    free(order);
    return CONVO_OK;
}
