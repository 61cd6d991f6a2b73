// From a program that reads windows to one that goes from hop to hop. Time is the outermost dimension of a value's
// memory as long as columns follow each other (or rows, of maps): new columns are written behind the ones before, and a
// call that reads them is the same kernel with other sizes.
#include "stream/hops.h"

#include "stream/columns.h"

#include <stdlib.h>
#include <string.h>

// What the output column of a kernel depends on.
typedef enum moving { WHOLE, WINDOW, PIXEL, NUMBERS } moving;

static moving moving_of(const cv_kernel *kernel) {
    static const struct {
        const char *name;
        moving how;
    } kernels[] = {
        {"add", PIXEL},          {"avgpool", WINDOW}, {"clip", PIXEL},  {"concat", PIXEL},      {"conv", WINDOW},
        {"depthwise", WINDOW},   {"elu", PIXEL},      {"gelu", PIXEL},  {"hardsigmoid", PIXEL}, {"hardswish", PIXEL},
        {"leaky", PIXEL},        {"maxpool", WINDOW}, {"norm", PIXEL},  {"scale", PIXEL},       {"sigmoid", PIXEL},
        {"silu", PIXEL},         {"split", PIXEL},    {"table", PIXEL}, {"tanh", PIXEL},        {"quantize", NUMBERS},
        {"dequantize", NUMBERS},
    };
    for (size_t k = 0; k < CV_COUNT(kernels); k++)
        if (!strcmp(kernel->name, kernels[k].name)) return kernels[k].how;
    return WHOLE;
}

// What a call reads of one of its inputs, in columns.
typedef struct reading {
    int32_t keep, used;
} reading;

typedef struct hopping {
    cv_program *program;
    int64_t hop;
    cv_flow *flow;    // [values]
    reading (*of)[2]; // [calls] of x and x1
    bool *flows;      // [calls]
} hopping;

static cv_geometry *geometry_of(cv_device_call *c) {
    return c->i8 ? &c->i8_layer.g : &c->f32.g;
}

static int32_t *columns_in(cv_maps *maps, int along) {
    return along ? &maps->w : &maps->h;
}

static bool same_maps(cv_maps a, cv_maps b) {
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

// Whether columns are made from columns alone: of the inputs as they lie there, by weights that know no column.
static bool reads_columns(const hopping *h, const cv_device_call *c, const cv_geometry *g, const cv_flow *in) {
    const int second = cv_call_second(c);
    const cv_flow *in1 = second < 0 ? in : &h->flow[second];
    const bool add = !strcmp(c->kernel->name, "add");
    if (!in->flows || !in1->flows || in->along != in1->along || in->step != in1->step || in->columns != in1->columns)
        return false;
    if (moving_of(c->kernel) == NUMBERS) return true;
    if (!same_maps(g->in, h->program->value[c->x].maps)) return false;
    if (second >= 0 && !same_maps(g->in1, h->program->value[second].maps)) return false;
    if (add && (c->i8 ? (const void *)c->i8_layer.weight : c->f32.weight)) return false; // of positions
    return strcmp(c->kernel->name, "norm") != 0 || g->groups == 1;
}

// How an output column comes from input columns: from `reach` of them, `stride` apart from the next one's.
static bool find_slide(const cv_device_call *c, const cv_geometry *g, int d, int64_t *reach, int64_t *stride) {
    const bool pool = strstr(c->kernel->name, "pool");
    *reach = *stride = 1;
    if (moving_of(c->kernel) != WINDOW) return true;
    *reach = (g->kernel[d] - 1) * (int64_t)(pool ? 1 : g->dilation[d]) + 1;
    *stride = g->stride[d];
    return g->kernel[d] > 0 && g->before[d] == 0;
}

// Whether a call computes only what is new, and what it reads then.
static void follow(hopping *h, int i) {
    cv_device_call *c = &h->program->call[i];
    const cv_geometry *g = geometry_of(c);
    const cv_flow *in = &h->flow[c->x];
    cv_flow out = {.flows = true, .along = in->along};
    int64_t reach, stride;
    if (c->y < 0 || moving_of(c->kernel) == WHOLE || !reads_columns(h, c, g, in)) return;
    cv_maps maps = h->program->value[c->y].maps;
    out.columns = *columns_in(&maps, in->along);
    if (!find_slide(c, g, in->along, &reach, &stride) || (out.columns - 1) * stride + reach > in->columns ||
        (in->along && maps.h > 1))
        return;
    out.step = in->step * stride;
    cv_flow_settle(&out, h->hop);
    if (!out.flows) return;
    h->flow[c->y] = out;
    h->flows[i] = true;
    h->of[i][0] = h->of[i][1] = (reading){(int32_t)(in->columns - (out.columns - out.fresh) * stride),
                                          (int32_t)((out.fresh - 1) * stride + reach)};
}

// --- what is kept -------------------------------------------------------------------------------------------------

static void keep_for(const hopping *h, int value, int32_t columns) {
    if (value < 0 || !h->flow[value].flows) return;
    cv_kept *k = &h->program->value[value].kept;
    if (columns > k->columns) k->columns = columns;
}

static void find_kept(hopping *h) {
    cv_program *p = h->program;
    for (int v = 0; v < p->values; v++)
        if (h->flow[v].flows) p->value[v].kept.columns = p->value[v].kept.fresh = (int32_t)h->flow[v].fresh;
    for (int i = 0; i < p->calls; i++) {
        const int inputs[2] = {p->call[i].x, cv_call_second(&p->call[i])};
        for (int k = 0; k < 2; k++)
            keep_for(h, inputs[k],
                     h->flows[i]     ? h->of[i][k].keep
                     : inputs[k] < 0 ? 0
                                     : (int32_t)h->flow[inputs[k]].columns);
    }
    for (int v = 0; v < p->values; v++) {
        cv_device_value *value = &p->value[v];
        cv_kept *k = &value->kept;
        if (!h->flow[v].flows) continue;
        k->stays = k->columns > k->fresh;
        k->period = k->stays ? (int32_t)h->flow[v].period : 1;
        k->column = value->count / (size_t)h->flow[v].columns;
        value->count = (size_t)k->period * (size_t)k->columns * k->column;
    }
}

static void set_sizes(const hopping *h, int i) {
    cv_device_call *c = &h->program->call[i];
    cv_geometry *g = geometry_of(c);
    const int inputs[2] = {c->x, cv_call_second(c)};
    for (int k = 0; k < 2; k++)
        if (inputs[k] >= 0 && h->flow[inputs[k]].flows)
            c->skip[k] = h->program->value[inputs[k]].kept.columns -
                         (h->flows[i] ? h->of[i][k].keep : (int32_t)h->flow[inputs[k]].columns);
    if (!h->flows[i]) return;
    const cv_kept *out = &h->program->value[c->y].kept;
    const int along = h->flow[c->x].along;
    if (moving_of(c->kernel) == NUMBERS) {
        g->in = (cv_maps){1, 1, out->fresh * (int32_t)out->column};
        return;
    }
    *columns_in(&g->in, along) = h->of[i][0].used;
    if (inputs[1] >= 0) *columns_in(&g->in1, along) = h->of[i][1].used;
    *columns_in(&g->out, along) = out->fresh;
}

// The calls that flow come first: they are needed in hops without a whole window as well. None of them reads what
// others write.
static bool sort_calls(hopping *h) {
    cv_program *p = h->program;
    cv_device_call *sorted = cv_alloc((size_t)p->calls + 1, sizeof *sorted);
    int count = 0;
    if (!sorted) return false;
    for (int flows = 1; flows >= 0; flows--) {
        for (int i = 0; i < p->calls; i++)
            if (h->flows[i] == (bool)flows) sorted[count++] = p->call[i];
        if (flows) p->flowing = count;
    }
    free(p->call);
    p->call = sorted;
    p->call_capacity = (size_t)p->calls + 1;
    return true;
}

static convo_status make_hops(cv_program *p, const cv_flow *features, int64_t hop, convo_error *err) {
    hopping h = {.program = p, .hop = hop};
    h.flow = cv_alloc((size_t)p->values + 1, sizeof *h.flow);
    h.of = cv_alloc((size_t)p->calls + 1, sizeof *h.of);
    h.flows = cv_alloc((size_t)p->calls + 1, sizeof *h.flows);
    convo_status status = h.flow && h.of && h.flows ? CONVO_OK : cv_no_memory(err, "a stream");
    if (!status) {
        h.flow[0] = *features;
        for (int i = 0; i < p->calls; i++) follow(&h, i);
        find_kept(&h);
        for (int i = 0; i < p->calls; i++) set_sizes(&h, i);
        if (!sort_calls(&h)) status = cv_no_memory(err, "a stream");
    }
    free(h.flow);
    free(h.of);
    free(h.flows);
    return status ? status : cv_program_plan(p, err);
}

// --- all of it ----------------------------------------------------------------------------------------------------

// All values lie in the same places again after as many hops as every period divides.
static int32_t phases_of(const cv_program *p) {
    int32_t phases = 1;
    for (int v = 0; v < p->values; v++) {
        const int32_t period = p->value[v].kept.stays ? p->value[v].kept.period : 1;
        int32_t all = phases;
        while (all % period) all += phases;
        phases = all;
    }
    return phases;
}

// The front end of the new frames: the last ones of a window.
static void narrow_front(cv_hops *h, const cv_flow *features, size_t hop, size_t reach) {
    cv_f32_front *f = &h->program->f32_front;
    cv_listener *l = &h->listener;
    const int32_t rest = l->window % l->hop ? l->window % l->hop : l->hop;
    f->frames = (int32_t)features->fresh;
    f->samples = (f->frames - 1) * (int32_t)hop + (int32_t)reach;
    l->keep = l->window - (int32_t)(features->columns - features->fresh) * (int32_t)hop;
    l->first = rest;
    h->early = (l->window - rest) / l->hop;
}

static convo_status open_hops(cv_hops *h, const convo_model *model, bool i8, size_t hop, convo_error *err) {
    cv_flow features = cv_features_flow(model->front, &model->normal);
    size_t frame_hop = 0, reach = 0;
    CV_TRY(cv_model_program(model, i8, &h->program, err));
    const int32_t window = (int32_t)cv_front_samples(model->front);
    h->listener = (cv_listener){window, (int32_t)hop, window, window};
    h->phases = 1;
    cv_flow_settle(&features, (int64_t)hop);
    h->moves = features.flows && cv_front_apart(model->front, &frame_hop, &reach);
    if (!h->moves) return CONVO_OK;
    CV_TRY(make_hops(h->program, &features, (int64_t)hop, err));
    narrow_front(h, &features, frame_hop, reach);
    h->phases = phases_of(h->program);
    h->memory = cv_alloc_aligned(h->program->memory, 1);
    h->sample = cv_alloc((size_t)h->listener.keep, sizeof *h->sample);
    return h->memory && h->sample ? CONVO_OK : cv_no_memory(err, "a stream");
}

convo_status cv_hops_new(const convo_model *model, bool i8, size_t hop, bool carry, cv_hops **hops, convo_error *err) {
    *hops = NULL;
    if (carry)
        return cv_fail(err, CONVO_UNSUPPORTED, model->recipe->file,
                       "a state that is carried from window to window has no form for devices yet: set carry=false");
    cv_hops *h = *hops = cv_alloc(1, sizeof *h);
    if (!h) return cv_no_memory(err, "a stream");
    const convo_status status = open_hops(h, model, i8, hop, err);
    if (status) {
        cv_hops_free(h);
        *hops = NULL;
    }
    return status;
}

void cv_hops_free(cv_hops *h) {
    if (!h) return;
    cv_program_free(h->program);
    free(h->memory);
    free(h->sample);
    free(h);
}

void cv_hops_clear(cv_hops *h) {
    memset(h->memory, 0, h->program->memory);
}

void cv_hops_hear(cv_hops *h, const float *window, int64_t number, float *probabilities) {
    cv_device_round(window + h->listener.window - h->listener.keep, (size_t)h->listener.keep, h->sample);
    cv_program_hop(h->program, h->sample, number, h->memory, probabilities);
}
