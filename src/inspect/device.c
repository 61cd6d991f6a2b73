// What a net needs on a device: constants and memory, call by call.
#include "recipe/recipe.h"
#include "ship/program.h"

#include <stdlib.h>
#include <string.h>

static const cv_geometry *geometry_of(const cv_device_call *c) {
    return c->i8 ? &c->i8_layer.g : &c->f32.g;
}

static int64_t macs_of(const cv_device_call *c) {
    const cv_geometry *g = geometry_of(c);
    const int64_t taps = (int64_t)g->kernel[0] * g->kernel[1], outputs = (int64_t)g->out.h * g->out.w * g->out.c;
    if (!strcmp(c->kernel->name, "conv")) return outputs * taps * g->in.c / g->groups;
    return strcmp(c->kernel->name, "depthwise") ? 0 : outputs * taps;
}

static int64_t bytes_at(const cv_program *p, const void *values) {
    for (int t = 0; values && t < p->tables; t++)
        if (p->table[t].values == values) return (int64_t)(p->table[t].count * cv_table_size(p->table[t].type));
    return 0;
}

static int64_t constants_of(const cv_program *p, const cv_device_call *c) {
    const cv_i8_layer *l = &c->i8_layer;
    if (!c->i8) return bytes_at(p, c->f32.weight) + bytes_at(p, c->f32.bias) + bytes_at(p, c->f32.third);
    return bytes_at(p, l->weight) + bytes_at(p, l->bias) + bytes_at(p, l->factors) + bytes_at(p, l->shifts);
}

// Bytes of the values that are alive during call i.
static int64_t memory_at(const cv_program *p, int i) {
    int64_t bytes = 0;
    for (int v = 0; v < p->values; v++)
        if (p->value[v].shares < 0 && p->value[v].born <= i && p->value[v].dies >= i)
            bytes += (int64_t)cv_program_bytes(&p->value[v]);
    return bytes;
}

static void describe_call(const cv_program *p, int i, convo_device_call *out) {
    const cv_device_call *c = &p->call[i];
    const int y = c->y < 0 ? p->logits : c->y;
    const cv_maps m = p->value[y].maps;
    cv_print(out->layers, sizeof out->layers, "%s", c->path);
    cv_print(out->kernel, sizeof out->kernel, "%s", c->kernel->name);
    cv_print(out->output, sizeof out->output, "%d x %d x %d", m.h, m.w, m.c);
    if (c->y < 0) cv_print(out->output, sizeof out->output, "%d", p->classes);
    out->int8 = c->i8;
    out->multiply_adds = macs_of(c);
    out->constants = constants_of(p, c);
    out->memory = memory_at(p, i);
}

static convo_status describe(const cv_program *p, convo_device *out, convo_error *err) {
    const bool front = p->front;
    out->calls = cv_alloc((size_t)(p->calls + front), sizeof *out->calls);
    if (!out->calls) return cv_no_memory(err, "a summary");
    for (int t = 0; t < p->tables; t++)
        out->constants += (int64_t)(p->table[t].count * cv_table_size(p->table[t].type));
    out->memory = (int64_t)p->memory;
    out->multiply_adds = p->macs;
    if (front) {
        convo_device_call *first = &out->calls[out->count++];
        const cv_maps m = p->value[0].maps;
        cv_print(first->layers, sizeof first->layers, "front end");
        cv_print(first->kernel, sizeof first->kernel, "%s", p->front->name);
        cv_print(first->output, sizeof first->output, "%d x %d x %d", m.h, m.w, m.c);
        first->int8 = p->value[0].i8;
        first->constants = out->constants;
        first->memory = memory_at(p, -1);
        for (int i = 0; i < p->calls; i++) first->constants -= constants_of(p, &p->call[i]);
    }
    for (int i = 0; i < p->calls; i++) describe_call(p, i, &out->calls[out->count++]);
    return CONVO_OK;
}

convo_status convo_device_find(const convo_recipe *recipe, convo_machine machine, const char *in_floats,
                               convo_device *device, convo_error *err) {
    cv_net *net = NULL;
    cv_program *p = NULL, *q = NULL;
    cv_range *range = NULL;
    if (!recipe || !device || (machine != CONVO_DEVICE && machine != CONVO_DEVICE_INT8))
        return cv_fail(err, CONVO_ARGUMENT, "", "a recipe, a device and room for its summary are needed");
    *device = (convo_device){0};
    convo_status status = cv_recipe_net(recipe, cv_isa_find("baseline"), &net, err);
    const int outputs = status ? 0 : (int)cv_shape_size(cv_net_output(net));
    const cv_ship ship = {.recipe = recipe, .net = net, .classes = outputs < 2 ? 2 : outputs, .std = 1};
    if (!status) status = cv_program_new(&ship, &p, err);
    if (!status && machine == CONVO_DEVICE_INT8) { // sizes do not depend on the ranges
        range = cv_alloc((size_t)p->values, sizeof *range);
        status = range ? CONVO_OK : cv_no_memory(err, "a summary");
        if (!status && in_floats) status = cv_program_keep_floats(p, in_floats, range, err);
        if (!status) status = cv_program_quantize(p, range, &q, err);
    }
    if (!status) status = describe(q ? q : p, device, err);
    free(range);
    cv_program_free(q);
    cv_program_free(p);
    cv_net_free(net);
    return status;
}

void convo_device_free(convo_device *device) {
    if (!device) return;
    free(device->calls);
    *device = (convo_device){0};
}
