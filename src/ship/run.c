// A program, run here: what the text that write.c writes does there.
#include "device/normal.h"
#include "device/quantize.h"
#include "ship/program.h"

#include <string.h>

static void *at(const cv_program *p, void *memory, int value) {
    return value < 0 ? NULL : (char *)memory + p->value[value].offset;
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

static void run_front(const cv_program *p, const cv_device_input *in, void *memory) {
    void *y = at(p, memory, 0), *work = at(p, memory, p->work);
    if (!p->front) return;
    if (in->features)
        put_features(p, in->features, y);
    else if (p->value[0].i8)
        p->front->i8_front(&p->f32_front, &p->i8_front, in->sample, (int32_t)in->count, work, y);
    else
        p->front->f32_front(&p->f32_front, in->sample, (int32_t)in->count, work, y);
}

// values: for the call that reads the input; last: for the call that writes the probabilities.
static void run_call(const cv_program *p, const cv_device_call *c, const float *values, void *memory, float *last) {
    const void *x = c->x < 0 ? values : at(p, memory, c->x);
    void *x1 = at(p, memory, c->x1), *y = c->y < 0 ? last : at(p, memory, c->y);
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
    run_front(p, in, memory);
    if (observe && p->front) observe(user, 0, at(p, memory, 0), p->value[0].count);
    for (int i = 0; i < p->calls; i++) {
        const cv_device_call *c = &p->call[i];
        const bool last = i + 1 == p->calls; // from logits to probabilities
        if (last && logits) memcpy(logits, at(p, memory, p->logits), (size_t)p->outputs * sizeof *logits);
        if (last && !probabilities) break;
        run_call(p, c, in->values ? in->values : in->features, memory, probabilities);
        if (observe && c->y >= 0 && !p->value[c->y].i8) observe(user, c->y, at(p, memory, c->y), p->value[c->y].count);
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
