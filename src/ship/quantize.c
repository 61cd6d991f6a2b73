// From a program in floats to one of 8-bit numbers; src/device/layer_i8.h says what they stand for. A call that has no
// such form stays in floats, between calls that convert.
#include "ship/quantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- scales -------------------------------------------------------------------------------------------------------

// Values that have to have the same scale are one group: the group's number is that of one of them.
static int group_of(const int *group, int v) {
    while (group[v] != v) v = group[v];
    return v;
}

// Kernels that move numbers without changing them.
static bool keeps_scale(const cv_kernel *k) {
    static const char *const names[] = {"clip", "concat", "maxpool", "pad", "reorder", "split", "token"};
    for (size_t n = 0; n < CV_COUNT(names); n++)
        if (!strcmp(k->name, names[n])) return true;
    return false;
}

static void widen_by(cv_range *r, const float *values, int64_t count) {
    for (int64_t k = 0; k < count; k++) {
        r->low = fminf(r->low, values[k]);
        r->high = fmaxf(r->high, values[k]);
    }
}

static void unite(const cv_program *from, int *group, cv_range *range) {
    for (int v = 0; v < from->values; v++) group[v] = v;
    for (int i = 0; i < from->calls; i++) {
        const cv_device_call *c = &from->call[i];
        if (!keeps_scale(c->kernel) || c->x < 0 || c->y < 0) continue;
        group[group_of(group, c->x)] = group_of(group, c->y);
        if (c->x1 >= 0) group[group_of(group, c->x1)] = group_of(group, c->y);
        if (!strcmp(c->kernel->name, "pad")) widen_by(&range[c->y], &c->f32.a, 1);
        if (!strcmp(c->kernel->name, "token")) widen_by(&range[c->y], c->f32.weight, c->f32.g.in.c);
    }
    for (int v = 0; v < from->values; v++) {
        cv_range *r = &range[group_of(group, v)];
        r->low = fminf(r->low, range[v].low);
        r->high = fmaxf(r->high, range[v].high);
    }
}

// Zero is a number of its own, so that padding and relu are exact.
static cv_scale scale_of(cv_range r) {
    const double low = fmin((double)r.low, 0), high = fmax((double)r.high, 0);
    cv_scale s = {.scale = (float)((high - low) / 255)};
    if (!(s.scale > CV_LEAST_SCALE)) s.scale = 1;
    s.zero = (int32_t)fmax(-128, fmin(127, rint(-128 - low / (double)s.scale)));
    return s;
}

bool cv_quantize_scales(const cv_program *from, const cv_range *given, cv_scale *scale) {
    const size_t values = (size_t)from->values;
    cv_range *range = cv_alloc(values, sizeof *range);
    int *group = cv_alloc(values, sizeof *group);
    const bool fits = range && group;
    if (fits) {
        memcpy(range, given, values * sizeof *range);
        unite(from, group, range);
        for (int v = 0; v < from->values; v++) scale[v] = scale_of(range[group_of(group, v)]);
    }
    free(range);
    free(group);
    return fits;
}

int32_t cv_scale_number(cv_scale s, double v) {
    return (int32_t)fmax(-128, fmin(127, rint(v / (double)s.scale) + s.zero));
}

// --- the new program ----------------------------------------------------------------------------------------------

static const void *copy_of(quantizing *q, const void *values) {
    for (int t = 0; values && t < q->from->tables; t++) {
        const cv_table *table = &q->from->table[t];
        if (table->values != values) continue;
        for (int k = 0; k < q->to->tables; k++)
            if (!strcmp(q->to->table[k].name, table->name)) return q->to->table[k].values;
        void *copy = cv_program_add_table(q->to, table->type, table->count, "", "");
        if (!copy) {
            q->failed = true;
            return NULL;
        }
        memcpy(copy, table->values, table->count * cv_table_size(table->type));
        cv_print(q->to->table[q->to->tables - 1].name, sizeof q->to->table->name, "%s", table->name);
        return copy;
    }
    return NULL;
}

static int add_value(quantizing *q, int v, bool i8) {
    const cv_device_value *from = &q->from->value[v];
    const int made = cv_program_add_value(q->to, from->maps, from->count);
    if (made < 0) {
        q->failed = true;
        return 0;
    }
    q->to->value[made].i8 = i8;
    if (i8) q->to->value[made].scale = q->scale[v].scale, q->to->value[made].zero = q->scale[v].zero;
    return made;
}

static cv_device_call *add_call(quantizing *q, const char *kernel, bool i8, int x, int x1, int y, const char *path) {
    const int made = cv_program_add_call(q->to, kernel, x, x1, y, path);
    if (made < 0) {
        q->failed = true;
        return NULL;
    }
    q->to->call[made].i8 = i8;
    return &q->to->call[made];
}

// Value v in the one form or the other, converted where it is there in the other only.
static int value_in(quantizing *q, int v, bool i8) {
    int *as = i8 ? q->as_i8 : q->as_f32;
    if (v < 0 || q->failed || as[v] >= 0) return v < 0 ? -1 : as[v];
    const int x = (i8 ? q->as_f32 : q->as_i8)[v], y = add_value(q, v, i8);
    cv_device_call *c = add_call(q, i8 ? "quantize" : "dequantize", true, x, -1, y, i8 ? "to 8 bits" : "to floats");
    if (!c) return 0;
    c->i8_layer.g.in = (cv_maps){1, 1, (int32_t)q->from->value[v].count};
    if (i8) {
        c->i8_layer.scale = 1 / q->scale[v].scale;
        c->i8_layer.zero_y = q->scale[v].zero;
    } else {
        c->i8_layer.scale = q->scale[v].scale;
        c->i8_layer.zero = q->scale[v].zero;
    }
    return as[v] = y;
}

static void stay_in_floats(quantizing *q, const cv_device_call *c) {
    const int x = value_in(q, c->x, false);
    const int x1 = c->kernel->works && c->x1 >= 0 ? add_value(q, c->x1, false) : value_in(q, c->x1, false);
    const int y = c->y < 0 ? -1 : add_value(q, c->y, false);
    cv_device_call *made = q->failed ? NULL : add_call(q, c->kernel->name, false, x, x1, y, c->path);
    if (!made) return;
    made->f32 = c->f32;
    made->f32.weight = copy_of(q, c->f32.weight);
    made->f32.bias = copy_of(q, c->f32.bias);
    made->f32.third = copy_of(q, c->f32.third);
    if (c->y >= 0) q->as_f32[c->y] = y;
}

cv_device_call *cv_quantize_as(quantizing *q, const cv_device_call *c, const char *kernel) {
    const int x = value_in(q, c->x, true), x1 = value_in(q, c->x1, true), y = add_value(q, c->y, true);
    cv_device_call *made = q->failed ? NULL : add_call(q, kernel, true, x, x1, y, c->path);
    if (!made) return NULL;
    const cv_scale to = q->scale[c->y];
    cv_i8_layer *l = &made->i8_layer;
    l->g = c->f32.g;
    if (c->x >= 0) l->zero = q->scale[c->x].zero;
    if (c->x1 >= 0) l->zero1 = q->scale[c->x1].zero;
    l->zero_y = to.zero;
    l->least = cv_scale_number(to, (double)c->f32.least);
    l->most = cv_scale_number(to, (double)c->f32.most);
    q->as_i8[c->y] = y;
    return made;
}

// Whether all that reads the net's input stays in floats because it is told to.
static bool is_read_in_floats(const quantizing *q) {
    bool all = true;
    for (int i = 0; i < q->from->calls; i++) {
        const cv_device_call *c = &q->from->call[i];
        if (cv_call_reads(c, 0)) all = all && c->y >= 0 && q->range[c->y].floats;
    }
    return all;
}

// The front end writes 8-bit numbers where it can: not where they depend on the whole clip, or on
// frames to come.
static void take_front(quantizing *q) {
    const cv_program *from = q->from;
    cv_program *to = q->to;
    cv_f32_front *f = &to->f32_front;
    const bool clip = from->f32_front.range > 0 || from->f32_front.scaled || from->f32_front.deltas,
               floats = is_read_in_floats(q), i8 = from->front && from->front->i8_front && !clip && !floats;
    to->front = from->front;
    *f = from->f32_front;
    f->shape = copy_of(q, f->shape);
    f->turn = copy_of(q, f->turn);
    f->bank = copy_of(q, f->bank);
    f->bins = copy_of(q, f->bins);
    f->peak = copy_of(q, f->peak);
    f->cosine = copy_of(q, f->cosine);
    f->normal = copy_of(q, f->normal);
    f->numbers = copy_of(q, f->numbers);
    f->whole = copy_of(q, f->whole);
    f->words = copy_of(q, f->words);
    const int input =
        add_value(q, 0, i8 || (!from->front && !f->normal && !floats)); // value 0, as every program has it
    if (i8) to->i8_front = (cv_i8_layer){.scale = 1 / q->scale[0].scale, .zero_y = q->scale[0].zero};
    if (from->front) (i8 ? q->as_i8 : q->as_f32)[0] = input;
    if (from->work < 0) return;
    to->work = cv_program_add_value(to, (cv_maps){1, 1, 1}, from->value[from->work].count);
    q->failed |= to->work < 0;
}

// An array is read by the first call, which writes value 0: floats where their channels are normalised apart.
static void take_array(quantizing *q, const cv_device_call *c) {
    const bool floats = c->f32.weight || is_read_in_floats(q);
    cv_device_call *made = add_call(q, c->kernel->name, !floats, -1, -1, 0, c->path);
    if (!made) return;
    if (floats) {
        made->f32 = c->f32;
        made->f32.weight = copy_of(q, c->f32.weight);
        q->as_f32[0] = 0;
        return;
    }
    made->i8_layer.g = c->f32.g;
    made->i8_layer.a = c->f32.a;
    made->i8_layer.b = c->f32.b;
    made->i8_layer.scale = 1 / q->scale[0].scale;
    made->i8_layer.zero_y = q->scale[0].zero;
    q->as_i8[0] = 0;
}

static void take_calls(quantizing *q) {
    for (int i = 0; i < q->from->calls && !q->failed; i++) {
        const cv_device_call *c = &q->from->call[i];
        if (c->x < 0)
            take_array(q, c);
        else if (c->y < 0 || q->range[c->y].floats || !cv_quantize_call(q, c))
            stay_in_floats(q, c);
    }
    q->to->made = cv_alloc((size_t)q->from->mades + 1, sizeof *q->to->made);
    q->failed |= !q->to->made;
    for (int i = 0; !q->failed && i < q->from->mades; i++) {
        const int v = q->from->made[i].value, i8 = q->as_i8[v], f32 = q->as_f32[v];
        const bool born_i8 = f32 < 0 || (i8 >= 0 && i8 < f32); // the other one is made of it
        q->to->made[q->to->mades++] = (struct cv_made){born_i8 ? i8 : f32, i8};
    }
    const int logits = q->from->logits;
    if (!q->failed) q->to->logits = q->as_f32[logits];
}

static convo_status check_tables(const cv_program *p, convo_error *err) {
    for (int t = 0; t < p->tables; t++)
        for (size_t k = 0; p->table[t].type == CV_TABLE_F32 && k < p->table[t].count; k++)
            if (!isfinite(((const float *)p->table[t].values)[k]))
                return cv_fail(err, CONVO_NUMERIC, p->table[t].name,
                               "a number of the net is not finite: there is no 8-bit number for it");
    return CONVO_OK;
}

convo_status cv_program_quantize(const cv_program *from, const cv_range *range, cv_program **quantized,
                                 convo_error *err) {
    const size_t values = (size_t)from->values;
    quantizing q = {.from = from, .range = range};
    *quantized = NULL;
    CV_TRY(check_tables(from, err));
    q.to = cv_alloc(1, sizeof *q.to);
    q.as_i8 = cv_alloc(2 * values, sizeof *q.as_i8);
    q.scale = cv_alloc(values, sizeof *q.scale);
    q.failed = !q.to || !q.as_i8 || !q.scale || !cv_quantize_scales(from, range, q.scale);
    if (!q.failed) {
        q.as_f32 = q.as_i8 + values;
        for (int v = 0; v < from->values; v++) q.as_i8[v] = q.as_f32[v] = -1;
        q.to->rate = from->rate, q.to->classes = from->classes, q.to->outputs = from->outputs;
        q.to->input = from->input, q.to->macs = from->macs, q.to->work = -1;
        take_front(&q);
        take_calls(&q);
    }
    convo_status status = q.failed ? cv_no_memory(err, "a program of 8-bit numbers") : CONVO_OK;
    if (!status) status = cv_program_plan(q.to, err);
    free(q.as_i8);
    free(q.scale);
    if (status)
        cv_program_free(q.to);
    else
        *quantized = q.to;
    return status;
}
