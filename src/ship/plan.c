// Where the values of a program lie. Two that are alive at the same time lie apart; the largest is placed first, each
// at the lowest free place.
#include "ship/program.h"

#include <stdlib.h>
#include <string.h>

static bool is_called(const cv_device_call *c, const char *kernel) {
    return !strcmp(c->kernel->name, kernel);
}

// Whether x1 of a call is its work memory.
static bool has_work(const cv_device_call *c) {
    return c->kernel->works && c->x1 >= 0;
}

// Whether work memory is for working in place only: of a depthwise convolution, of a kernel of one pixel.
static bool needs_no_work(const cv_device_call *c) {
    const cv_geometry *g = &c->i8_layer.g;
    return is_called(c, "depthwise") || (is_called(c, "conv") && g->groups == 1 && g->kernel[0] * g->kernel[1] == 1);
}

// Whether y may be x.
static bool works_in_place(const cv_device_call *c) {
    const cv_geometry *g = &c->i8_layer.g;
    if (!has_work(c)) return c->kernel->in_place;
    return needs_no_work(c) && g->in.h == g->out.h && g->in.w == g->out.w && g->in.c == g->out.c && g->stride[0] == 1 &&
           g->stride[1] == 1 && g->dilation[0] == 1;
}

// Sets born and dies: the front end is call -1, and the net's input and its work memory are alive then.
static void find_lives(cv_program *p) {
    for (int v = 0; v < p->values; v++) p->value[v].born = p->value[v].dies = p->value[v].shares = -1;
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        if (c->y >= 0) p->value[c->y].born = p->value[c->y].dies = i;
        if (c->x >= 0) p->value[c->x].dies = i;
        if (c->x1 < 0) continue;
        p->value[c->x1].dies = i;
        if (has_work(c)) p->value[c->x1].born = i;
    }
    for (int v = 0; v < p->values; v++)
        if (p->value[v].kept.stays) p->value[v].born = -1, p->value[v].dies = p->calls;
}

// The value whose memory v is in, in the end.
static int owner_of(const cv_program *p, int v) {
    while (p->value[v].shares >= 0) v = p->value[v].shares;
    return v;
}

size_t cv_program_bytes(const cv_device_value *v) {
    return (v->count * cv_device_number(v) + 3) / 4 * 4;
}

// y takes over the memory of x where x is not read again.
static void share_memory(cv_program *p) {
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        if (c->x < 0 || c->y < 0) continue;
        const bool shares = works_in_place(c) && p->value[c->x].dies == i && !p->value[c->y].kept.stays &&
                            c->x != c->x1 && cv_program_bytes(&p->value[c->x]) == cv_program_bytes(&p->value[c->y]);
        if (!shares && has_work(c) && needs_no_work(c)) p->value[c->x1].count = 0;
        if (!shares) continue;
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
    const size_t m = cv_program_bytes(&x->program->value[x->value]), n = cv_program_bytes(&y->program->value[y->value]);
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
            if (at + cv_program_bytes(&p->value[v]) <= other->offset || other->offset + cv_program_bytes(other) <= at)
                continue;
            at = other->offset + cv_program_bytes(other);
            moved = true;
        }
    }
    return at;
}

convo_status cv_program_plan(cv_program *p, convo_error *err) {
    placed *order = cv_alloc((size_t)p->values + 1, sizeof *order);
    if (!order) return cv_no_memory(err, "a plan");
    p->memory = 0;
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
        if (v->offset + cv_program_bytes(v) + 4 * v->i8 > p->memory)
            p->memory = v->offset + cv_program_bytes(v) + 4 * v->i8;
    }
    for (int v = 0; v < p->values; v++) p->value[v].offset = p->value[owner_of(p, v)].offset;
    free(order);
    return CONVO_OK;
}
