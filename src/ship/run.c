// A program, run here: what the text that write.c writes does there.
#include "device/normal.h"
#include "device/quantize.h"
#include "device/shift.h"
#include "ship/program.h"

#include <string.h>

size_t cv_device_number(const cv_device_value *v) {
    return v->i8 ? 1 : sizeof(float);
}

size_t cv_kept_size(const cv_device_value *v) {
    return (size_t)v->kept.columns * v->kept.column * cv_device_number(v);
}

// The memory of a value at this hop, from so many of its columns on.
static void *at(const cv_program *p, void *memory, int value, int64_t hop, int32_t column) {
    if (value < 0) return NULL;
    const cv_device_value *v = &p->value[value];
    const int64_t period = v->kept.period, phase = period > 1 ? (hop % period + period) % period : 0;
    const size_t skipped = (size_t)column * v->kept.column * cv_device_number(v);
    return (char *)memory + v->offset + (size_t)phase * cv_kept_size(v) + skipped;
}

// Where a value is written. What is kept of it moves on before.
static void *room_for(const cv_program *p, void *memory, int value, int64_t hop) {
    if (value < 0) return NULL;
    const cv_device_value *v = &p->value[value];
    const int32_t old = v->kept.columns - v->kept.fresh;
    if (v->kept.stays)
        cv_shift(at(p, memory, value, hop, 0), (int32_t)cv_kept_size(v),
                 v->kept.fresh * (int32_t)(v->kept.column * cv_device_number(v)));
    return at(p, memory, value, hop, old);
}

// Features as training has them, into value 0.
static void put_features(const cv_program *p, const float *features, void *to) {
    const cv_device_value *v = &p->value[0];
    const int64_t pixels = (int64_t)v->maps.h * v->maps.w;
    for (int64_t i = 0; i < (int64_t)v->count; i++) {
        const float x = features[i % v->maps.c * pixels + i / v->maps.c];
        const float y = cv_f32_normalised(&p->f32_front, x, (int32_t)i);
        if (v->i8)
            ((int8_t *)to)[i] = cv_i8_quantized(y, 1 / v->scale, v->zero);
        else
            ((float *)to)[i] = y;
    }
}

static void run_front(const cv_program *p, const cv_device_input *in, void *memory, int64_t hop) {
    if (!p->front) return;
    void *y = room_for(p, memory, 0, hop), *work = at(p, memory, p->work, 0, 0);
    if (in->features)
        put_features(p, in->features, y);
    else if (p->value[0].i8)
        p->front->i8_front(&p->f32_front, &p->i8_front, in->sample, (int32_t)in->count, work, y);
    else
        p->front->f32_front(&p->f32_front, in->sample, (int32_t)in->count, work, y);
}

// values: for the call that reads the input; last: for the call that writes the probabilities.
static void run_call(const cv_program *p, const cv_device_call *c, const float *values, void *memory, int64_t hop,
                     float *last) {
    const void *x = c->x < 0 ? values : at(p, memory, c->x, hop, c->skip[0]);
    void *x1 = at(p, memory, c->x1, hop, c->skip[1]), *y = c->y < 0 ? last : room_for(p, memory, c->y, hop);
    if (!c->i8)
        c->kernel->f32(&c->f32, x, x1, y);
    else if (c->kernel->i8)
        c->kernel->i8(&c->i8_layer, x, x1, y);
    else if (c->kernel->to_i8)
        c->kernel->to_i8(&c->i8_layer, x, y);
    else
        c->kernel->to_f32(&c->i8_layer, x, y);
}

static void run_all(const cv_program *p, const cv_device_input *in, void *memory, float *logits, float *probabilities,
                    cv_observe *observe, void *user) {
    run_front(p, in, memory, 0);
    if (observe && p->front) observe(user, 0, at(p, memory, 0, 0, 0), p->value[0].count);
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        const bool last = i + 1 == p->calls; // from logits to probabilities
        if (last && logits) memcpy(logits, at(p, memory, p->logits, 0, 0), (size_t)p->outputs * sizeof *logits);
        if (last && !probabilities) break;
        run_call(p, c, in->values ? in->values : in->features, memory, 0, probabilities);
        if (observe && c->y >= 0 && !p->value[c->y].i8)
            observe(user, c->y, at(p, memory, c->y, 0, 0), p->value[c->y].count);
    }
}

void cv_program_run(const cv_program *p, const cv_device_input *input, void *memory, float *logits,
                    float *probabilities) {
    run_all(p, input, memory, logits, probabilities, NULL, NULL);
}

void cv_program_watch(const cv_program *p, const cv_device_input *input, void *memory, cv_observe *observe,
                      void *user) {
    run_all(p, input, memory, NULL, NULL, observe, user);
}

void cv_program_hop(const cv_program *p, const int16_t *sample, int64_t hop, void *memory, float *probabilities) {
    const cv_device_input in = {.sample = sample, .count = (size_t)p->f32_front.samples};
    run_front(p, &in, memory, hop);
    for (int i = 0; i < p->calls && (i < p->flowing || hop >= 0); i++)
        run_call(p, &p->call[i], NULL, memory, hop, probabilities);
}
