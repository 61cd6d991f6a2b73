// The weights and factors of calls of 8-bit numbers.
#include "ship/quantize.h"

#include <math.h>
#include <string.h>

// --- factors ------------------------------------------------------------------------------------------------------

// real = factor / 2^shift, the factor of 31 bits.
static void split_real(double real, int32_t *factor, int *shift) {
    int exponent;
    const double mantissa = frexp(real, &exponent);
    int64_t whole = llrint(mantissa * 2147483648.0);
    if (whole == INT64_C(2147483648)) whole /= 2, exponent++;
    *shift = 31 - exponent;
    if (*shift > 62) whole = *shift - 62 < 31 ? whole >> (*shift - 62) : 0, *shift = 62;
    if (*shift < 1) whole = INT32_MAX, *shift = 1;
    *factor = (int32_t)whole;
}

// A shift for several reals, the largest of which gets a factor below 2^bits.
static int shift_for(double largest, int bits) {
    int exponent;
    frexp(largest, &exponent);
    const int shift = bits - exponent;
    return shift < 1 ? 1 : shift > 62 ? 62 : shift;
}
static int32_t factor_for(double real, int shift) {
    return (int32_t)fmax(-INT32_MAX, fmin(INT32_MAX, rint(ldexp(real, shift))));
}

// --- weights ------------------------------------------------------------------------------------------------------

// What a call with a scale for each output has.
typedef struct weighted {
    int8_t *weight;
    int32_t *bias, *factors;
    uint8_t *shifts;
} weighted;

// The first layer of a call, for the names of its tables.
static void first_layer(const cv_device_call *c, char path[96]) {
    cv_print(path, 96, "%.*s", (int)strcspn(c->path, " "), c->path);
}

static bool add_weighted(quantizing *q, const cv_device_call *c, size_t weights, size_t outputs, weighted *w) {
    char path[96];
    first_layer(c, path);
    w->weight = cv_program_add_table(q->to, CV_TABLE_I8, weights, path, "weight");
    w->bias = cv_program_add_table(q->to, CV_TABLE_I32, outputs, path, "bias");
    w->factors = cv_program_add_table(q->to, CV_TABLE_I32, outputs, path, "factors");
    w->shifts = cv_program_add_table(q->to, CV_TABLE_U8, outputs, path, "shifts");
    q->failed |= !w->weight || !w->bias || !w->factors || !w->shifts;
    return !q->failed;
}

// One output: `count` weights, `apart` floats from each other. Weight k goes to place(k).
typedef struct output {
    const float *weight;
    int64_t count, apart;
    double bias, x, y; // scales of x and y
    int32_t zero;      // of x, where its share of the sum goes into the bias
} output;
typedef int64_t place_of_weight(int64_t k, int64_t stride);

static void quantize_output(const output *o, weighted *w, int64_t n, int64_t base, int64_t stride,
                            place_of_weight *place) {
    double largest = 0, scale;
    int64_t total = 0;
    for (int64_t k = 0; k < o->count; k++) largest = fmax(largest, fabs((double)o->weight[k * o->apart]));
    scale = largest > 0 ? largest / 127 : 1;
    if (fabs(o->bias) > o->x * scale * (1 << 29)) scale = fabs(o->bias) / (o->x * (1 << 29)); // it fits in 32 bits
    for (int64_t k = 0; k < o->count; k++) {
        const double v = fmax(-127, fmin(127, rint((double)o->weight[k * o->apart] / scale)));
        w->weight[base + place(k, stride)] = (int8_t)v;
        total += (int64_t)v;
    }
    int shift;
    w->bias[n] = (int32_t)(llrint(o->bias / (o->x * scale)) - o->zero * total);
    split_real(o->x * scale / o->y, &w->factors[n], &shift);
    w->shifts[n] = (uint8_t)shift;
}

static int64_t in_fours(int64_t k, int64_t stride) { // [tap / 4][4 outputs][4 taps]
    (void)stride;
    return k / 4 * 16 + k % 4;
}
static int64_t in_steps(int64_t k, int64_t stride) {
    return k * stride;
}

static void use_weights(cv_device_call *made, const weighted *w) {
    cv_i8_layer *l = &made->i8_layer;
    l->weight = w->weight, l->bias = w->bias, l->factors = w->factors, l->shifts = w->shifts;
}

// The work memory of a call: where a window that is not one run of x is copied to, or what is kept of x while y is
// written over it; plan.c takes it away where it is for this alone and y has its own memory.
static int add_work(quantizing *q, int64_t count) {
    const int work = cv_program_add_value(q->to, (cv_maps){1, 1, (int32_t)count}, (size_t)(count + 3) / 4 * 4);
    q->failed |= work < 0;
    if (work >= 0) q->to->value[work].i8 = true;
    return work;
}

static bool quantize_conv(quantizing *q, const cv_device_call *c) {
    const cv_geometry *g = &c->f32.g;
    const int64_t depth = g->in.c / g->groups, outputs = g->out.c / g->groups, fours = (outputs + 3) / 4;
    const int64_t taps = g->kernel[0] * g->kernel[1] * depth, chunks = (taps + 3) / 4, all = g->groups * fours * 4;
    weighted w;
    if (!add_weighted(q, c, (size_t)(all * chunks * 4), (size_t)all, &w)) return true;
    for (int64_t n = 0; n < all; n++) {
        const output o = {.weight = c->f32.weight + n / 4 * taps * 4 + n % 4,
                          .count = taps,
                          .apart = 4,
                          .bias = (double)c->f32.bias[n],
                          .x = (double)q->scale[c->x].scale,
                          .y = (double)q->scale[c->y].scale,
                          .zero = q->scale[c->x].zero};
        quantize_output(&o, &w, n, n / 4 * chunks * 16 + n % 4 * 4, 0, in_fours);
    }
    const int work = add_work(q, taps);
    cv_device_call *made = cv_quantize_as(q, c, "conv");
    if (!made) return true;
    made->x1 = work;
    use_weights(made, &w);
    return true;
}

static bool quantize_depthwise(quantizing *q, const cv_device_call *c) {
    const int64_t channels = c->f32.g.out.c, taps = c->f32.g.kernel[0] * c->f32.g.kernel[1];
    weighted w;
    if (!add_weighted(q, c, (size_t)(channels * taps), (size_t)channels, &w)) return true;
    for (int64_t n = 0; n < channels; n++) {
        const output o = {.weight = c->f32.weight + n,
                          .count = taps,
                          .apart = channels,
                          .bias = (double)c->f32.bias[n],
                          .x = (double)q->scale[c->x].scale,
                          .y = (double)q->scale[c->y].scale};
        quantize_output(&o, &w, n, n, channels, in_steps);
    }
    const int work = add_work(q, (int64_t)(c->f32.g.before[0] + 1) * c->f32.g.in.w * channels);
    cv_device_call *made = cv_quantize_as(q, c, "depthwise");
    if (!made) return true;
    made->x1 = work;
    use_weights(made, &w);
    return true;
}

static bool quantize_norm(quantizing *q, const cv_device_call *c) {
    const int64_t count = c->f32.g.in.c * c->f32.g.groups;
    weighted w;
    if (!add_weighted(q, c, (size_t)count, (size_t)count, &w)) return true;
    for (int64_t n = 0; n < count; n++) {
        const output o = {.weight = c->f32.weight + n,
                          .count = 1,
                          .apart = 1,
                          .bias = (double)c->f32.bias[n] - (double)c->f32.third[n] * (double)c->f32.weight[n],
                          .x = (double)q->scale[c->x].scale,
                          .y = (double)q->scale[c->y].scale};
        quantize_output(&o, &w, n, n, 0, in_steps);
    }
    cv_device_call *made = cv_quantize_as(q, c, "norm");
    if (made) use_weights(made, &w);
    return true;
}

// --- without weights ----------------------------------------------------------------------------------------------

static bool quantize_avgpool(quantizing *q, const cv_device_call *c) {
    const cv_geometry *g = &c->f32.g;
    const int32_t shared = (g->in.h / g->out.h + 2) * (g->in.w / g->out.w + 2); // the most of an adaptive window
    const int32_t most = g->kernel[0] ? g->kernel[0] * g->kernel[1] : shared;
    const double ratio = (double)q->scale[c->x].scale / (double)q->scale[c->y].scale;
    const bool same = c->f32.a != 0; // padding counts, or it is a sum
    cv_device_call *made = cv_quantize_as(q, c, "avgpool");
    if (!made) return true;
    const double largest = ratio * (same ? (double)c->f32.a : 1);
    const int shift = shift_for(largest, 30);
    made->i8_layer.shift = shift;
    made->i8_layer.factor = factor_for(largest, shift);
    if (same) return true;
    int32_t *factors = cv_program_add_table(q->to, CV_TABLE_I32, (size_t)most, c->path, "factors");
    q->failed |= !factors;
    for (int32_t n = 1; factors && n <= most; n++) factors[n - 1] = factor_for(ratio / n, shift);
    q->to->call[q->to->calls - 1].i8_layer.factors = factors;
    return true;
}

// A table of floats as 8-bit numbers of this scale.
static const int8_t *quantize_table(quantizing *q, const cv_device_call *c, int64_t count, cv_scale scale) {
    char path[96];
    first_layer(c, path);
    int8_t *to = cv_program_add_table(q->to, CV_TABLE_I8, (size_t)count, path, "weight");
    q->failed |= !to;
    for (int64_t k = 0; to && k < count; k++) to[k] = (int8_t)cv_scale_number(scale, (double)c->f32.weight[k]);
    return to;
}

// Their scale, symmetric.
static cv_scale scale_of_weights(const cv_device_call *c, int64_t count) {
    float largest = 0;
    for (int64_t k = 0; k < count; k++) largest = fmaxf(largest, fabsf(c->f32.weight[k]));
    return (cv_scale){largest > 0 ? largest / 127 : 1, 0};
}

static bool quantize_two(quantizing *q, const cv_device_call *c) {
    const int64_t count = (int64_t)c->f32.g.in1.h * c->f32.g.in1.w * c->f32.g.in1.c;
    const bool table = c->f32.weight; // in place of x1
    const cv_scale second = table ? scale_of_weights(c, count) : q->scale[c->x1];
    const double x = (double)q->scale[c->x].scale, x1 = (double)second.scale, y = (double)q->scale[c->y].scale;
    const bool product = !strcmp(c->kernel->name, "scale");
    cv_device_call *made = cv_quantize_as(q, c, c->kernel->name);
    if (!made) return true;
    const int shift = shift_for(product ? x * x1 / y : fmax(x, x1) / y, 30);
    made->i8_layer.shift = shift;
    made->i8_layer.factor = factor_for(product ? x * x1 / y : x / y, shift);
    made->i8_layer.factor1 = product ? 0 : factor_for(x1 / y, shift);
    if (table) made->i8_layer.weight = quantize_table(q, c, count, second);
    return true;
}

static bool quantize_move(quantizing *q, const cv_device_call *c) {
    cv_device_call *made = cv_quantize_as(q, c, c->kernel->name);
    if (made) made->i8_layer.factor = cv_scale_number(q->scale[c->y], (double)c->f32.a); // pad: what it holds
    return true;
}

static bool quantize_token(quantizing *q, const cv_device_call *c) {
    cv_device_call *made = cv_quantize_as(q, c, c->kernel->name);
    if (made) made->i8_layer.weight = quantize_table(q, c, c->f32.g.in.c, q->scale[c->y]);
    return true;
}

// Any function of one number is a table of 256.
static bool quantize_pointwise(quantizing *q, const cv_device_call *c) {
    if (c->f32.g.groups != 1) return false; // a function for every channel
    cv_f32_layer one = c->f32;
    one.g.in = (cv_maps){1, 1, 1};
    char path[96];
    first_layer(c, path);
    int8_t *table = cv_program_add_table(q->to, CV_TABLE_I8, 256, path, "table");
    q->failed |= !table;
    for (int k = 0; table && k < 256; k++) {
        const float x = q->scale[c->x].scale * (float)(k - 128 - q->scale[c->x].zero);
        float y;
        c->kernel->f32(&one, &x, NULL, &y);
        table[k] = (int8_t)cv_scale_number(q->scale[c->y], (double)y);
    }
    cv_device_call *made = q->failed ? NULL : cv_quantize_as(q, c, "table");
    if (made) made->i8_layer.weight = table;
    return true;
}

// --- the table ----------------------------------------------------------------------------------------------------

static const struct {
    const char *kernel;
    bool (*quantize)(quantizing *q, const cv_device_call *call);
} forms_of_8_bits[] = {
    {"add", quantize_two},           {"avgpool", quantize_avgpool},
    {"clip", quantize_move},         {"concat", quantize_move},
    {"conv", quantize_conv},         {"depthwise", quantize_depthwise},
    {"elu", quantize_pointwise},     {"gelu", quantize_pointwise},
    {"leaky", quantize_pointwise},   {"hardsigmoid", quantize_pointwise},
    {"maxpool", quantize_move},      {"hardswish", quantize_pointwise},
    {"norm", quantize_norm},         {"pad", quantize_move},
    {"reorder", quantize_move},      {"scale", quantize_two},
    {"sigmoid", quantize_pointwise}, {"silu", quantize_pointwise},
    {"split", quantize_move},        {"tanh", quantize_pointwise},
    {"token", quantize_token},
};

bool cv_quantize_call(quantizing *q, const cv_device_call *c) {
    for (size_t k = 0; k < CV_COUNT(forms_of_8_bits); k++)
        if (!strcmp(forms_of_8_bits[k].kernel, c->kernel->name)) return forms_of_8_bits[k].quantize(q, c);
    return false;
}
