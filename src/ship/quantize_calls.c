// The weights and factors of calls of 8-bit numbers.
#include "ship/quantize.h"

#include <float.h>
#include <math.h>
#include <string.h>

// --- factors ------------------------------------------------------------------------------------------------------

// real = factor / 2^(33 + shift), the factor of 31 bits; real < MOST, see rounded.h.
static const double MOST = 0.25;

static void split_real(double real, int32_t *factor, int32_t *shift) {
    int exponent;
    const double mantissa = frexp(real, &exponent);
    int64_t whole = llrint(mantissa * 2147483648.0);
    if (whole == INT64_C(2147483648)) whole /= 2, exponent++;
    *shift = -2 - exponent;
    if (*shift > 29) whole = *shift - 29 < 31 ? whole >> (*shift - 29) : 0, *shift = 29;
    if (*shift < 0) whole = INT32_MAX, *shift = 0; // it was rounded to MOST
    *factor = (int32_t)whole;
}

// A shift for several reals, the largest of which gets a factor below 2^bits.
static int shift_for(double largest, int bits) {
    int exponent;
    frexp(largest, &exponent);
    const int shift = bits - exponent;
    return shift < 1 ? 1 : shift > 54 ? 54 : shift;
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

static double scale_of_output(const cv_i8_output *o) {
    double largest = 0;
    for (int64_t k = 0; k < o->count; k++) largest = fmax(largest, fabs((double)o->weight[k * o->apart]));
    const double scale = largest > 0 ? largest / 127 : o->y / (o->x * 1024); // the bias alone, in steps of y / 1024
    return fmax(scale, fabs(o->bias) / (o->x * (1 << 29)));                  // the bias fits in 32 bits
}

int8_t cv_quantize_weight(float weight, double scale) {
    return (int8_t)fmax(-127, fmin(127, rint((double)weight / scale)));
}

static int32_t rounded_on_device(const cv_i8_numbers *n, int64_t sum) {
    return (int32_t)(((((sum * n->factor) >> 32) >> n->shift) + 1) >> 1);
}
static int32_t rounded_in_floats(float real, int64_t sum) {
    return (int32_t)lrintf(fmaxf(-1e6f, fminf(1e6f, (float)sum * real)));
}

// How many of the steps of y come at other sums in floats, whose halves go to the even step.
static int steps_apart(const cv_i8_numbers *n, float real) {
    int apart = 0;
    for (int32_t step = -255; step <= 255; step++) {
        int64_t sum = (int64_t)ceil((2.0 * step - 1) * ldexp(1, 32 + n->shift) / n->factor); // the first one
        while (rounded_on_device(n, sum) < step) sum++;
        while (rounded_on_device(n, sum - 1) >= step) sum--;
        apart += rounded_in_floats(real, sum) < step || rounded_in_floats(real, sum - 1) >= step;
    }
    return apart;
}

// onnxruntime multiplies the sum with a float, x scale / y. The device's factor is the same number, and both only rise
// with the sum, so that they round alike if each step comes at the same sum: where one does not, as the product is
// rounded to a half, a neighbour of the scale is taken.
cv_i8_numbers cv_quantize_output(const cv_i8_output *o) {
    enum { MOST_NEIGHBOURS = 48 };
    const float nearest = (float)scale_of_output(o);
    cv_i8_numbers best = {.apart = INT32_MAX};
    float scale = nearest;
    for (int k = 0; k < MOST_NEIGHBOURS && best.apart; k++, scale = nextafterf(scale, INFINITY)) {
        const float real = (float)o->x * scale / (float)o->y;
        cv_i8_numbers made = {.scale = (double)scale};
        split_real((double)real, &made.factor, &made.shift);
        made.apart = made.factor ? steps_apart(&made, real) : 0;
        if (made.apart < best.apart) best = made;
    }
    best.bias = (int32_t)llrint(o->bias / (o->x * best.scale));
    return best;
}

// Weight k of output n goes to place(n, k, number). zero: of x, where its share of the sum goes into the bias.
typedef int64_t place_of_weight(int64_t n, int64_t k, int64_t number);

static void quantize_output(const cv_i8_output *o, weighted *w, int64_t n, int64_t number, place_of_weight *place,
                            int32_t zero) {
    const cv_i8_numbers made = cv_quantize_output(o);
    int64_t total = 0;
    for (int64_t k = 0; k < o->count; k++) {
        const int8_t v = cv_quantize_weight(o->weight[k * o->apart], made.scale);
        w->weight[place(n, k, number)] = v;
        total += v;
    }
    w->bias[n] = (int32_t)(made.bias - zero * total);
    w->factors[n] = made.factor;
    w->shifts[n] = (uint8_t)made.shift;
}

// [output / 4][tap / 16][4 outputs][16 taps], the last taps of `number` in shorter rows.
static int64_t in_rows(int64_t n, int64_t k, int64_t number) {
    const int64_t row = k < number / 16 * 16 ? 16 : number % 16;
    return n / 4 * 4 * number + k / 16 * 64 + n % 4 * row + k % 16;
}
static int64_t in_steps(int64_t n, int64_t k, int64_t number) {
    return n + k * number;
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

// Output n of a call with weights.
static cv_i8_output output_of(const quantizing *q, const cv_device_call *c, int64_t n) {
    const cv_geometry *g = &c->f32.g;
    cv_i8_output o = {.weight = c->f32.weight + n,
                      .bias = (double)c->f32.bias[n],
                      .x = (double)q->scale[c->x].scale,
                      .y = (double)q->scale[c->y].scale};
    if (!strcmp(c->kernel->name, "norm")) {
        o.count = 1;
        o.bias -= (double)c->f32.third[n] * (double)c->f32.weight[n];
    } else if (!strcmp(c->kernel->name, "depthwise")) {
        o.count = g->kernel[0] * g->kernel[1];
        o.apart = g->out.c;
    } else {
        o.count = (int64_t)g->kernel[0] * g->kernel[1] * (g->in.c / g->groups);
        o.apart = 4;
        o.weight = c->f32.weight + n / 4 * o.count * 4 + n % 4;
    }
    return o;
}

// Whether all outputs can be rounded: not where the sums have fewer steps than y.
static bool can_be_rounded(const quantizing *q, const cv_device_call *c, int64_t outputs) {
    for (int64_t n = 0; n < outputs; n++) {
        const cv_i8_output o = output_of(q, c, n);
        const double scale = scale_of_output(&o);
        if (!(o.x * scale / o.y < MOST && scale > (double)FLT_MIN && scale < (double)FLT_MAX / 2)) return false;
    }
    return true;
}

// Adds a call with weights. number: see place. work: numbers of its work memory, 0: none.
static bool quantize_weighted(quantizing *q, const cv_device_call *c, int64_t outputs, int64_t weights, int64_t number,
                              place_of_weight *place, int64_t work) {
    weighted w;
    if (!can_be_rounded(q, c, outputs)) return false;
    if (!add_weighted(q, c, (size_t)weights, (size_t)outputs, &w)) return true;
    const int32_t zero = place == in_rows ? q->scale[c->x].zero : 0;
    for (int64_t n = 0; n < outputs; n++) {
        const cv_i8_output o = output_of(q, c, n);
        quantize_output(&o, &w, n, number, place, zero);
    }
    const int x1 = work ? add_work(q, work) : -1;
    cv_device_call *made = cv_quantize_as(q, c, c->kernel->name);
    if (!made) return true;
    if (work) made->x1 = x1;
    use_weights(made, &w);
    return true;
}

static bool quantize_conv(quantizing *q, const cv_device_call *c) {
    const cv_geometry *g = &c->f32.g;
    const int64_t depth = g->in.c / g->groups, outputs = g->out.c / g->groups,
                  all = g->groups * ((outputs + 3) / 4) * 4;
    const int64_t taps = g->kernel[0] * g->kernel[1] * depth, padded = (taps + 3) / 4 * 4;
    return quantize_weighted(q, c, all, all * padded, padded, in_rows, taps);
}

static bool quantize_depthwise(quantizing *q, const cv_device_call *c) {
    const cv_geometry *g = &c->f32.g;
    const int64_t channels = g->out.c, taps = g->kernel[0] * g->kernel[1];
    return quantize_weighted(q, c, channels, channels * taps, channels, in_steps,
                             (int64_t)(g->before[0] + 1) * g->in.w * channels);
}

static bool quantize_norm(quantizing *q, const cv_device_call *c) {
    const int64_t count = c->f32.g.in.c * c->f32.g.groups;
    return quantize_weighted(q, c, count, count, 0, in_steps, 0);
}

// --- without weights ----------------------------------------------------------------------------------------------

// What is no sum of many products is shifted up before it is multiplied, so that the shift down is large enough.
enum { UP = 8 };

static bool quantize_avgpool(quantizing *q, const cv_device_call *c) {
    const cv_geometry *g = &c->f32.g;
    const int32_t shared = (g->in.h / g->out.h + 2) * (g->in.w / g->out.w + 2); // the most of an adaptive window
    const int32_t most = g->kernel[0] ? g->kernel[0] * g->kernel[1] : shared;
    const double ratio = (double)q->scale[c->x].scale / (double)q->scale[c->y].scale;
    const bool same = c->f32.a != 0; // padding counts, or it is a sum
    const double largest = ratio * (same ? (double)c->f32.a : 1);
    const int shift = shift_for(largest, 30) + UP;
    if (shift < 33 || most >= INT32_MAX >> (UP + 9)) return false;
    cv_device_call *made = cv_quantize_as(q, c, "avgpool");
    if (!made) return true;
    made->i8_layer.shift = shift - 33;
    made->i8_layer.factor = factor_for(largest, shift - UP);
    if (same) return true;
    int32_t *factors = cv_program_add_table(q->to, CV_TABLE_I32, (size_t)most, c->path, "factors");
    q->failed |= !factors;
    for (int32_t n = 1; factors && n <= most; n++) factors[n - 1] = factor_for(ratio / n, shift - UP);
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

// The scale of a table of floats in place of x1: 0 stays 0, and the largest becomes 127 or -127. Tables of zeros, or of
// what is next to zero, become zeros.
static cv_scale scale_of_weights(const cv_device_call *c, int64_t count) {
    float largest = 0;
    for (int64_t k = 0; k < count; k++) largest = fmaxf(largest, fabsf(c->f32.weight[k]));
    return (cv_scale){largest > CV_LEAST_SCALE * 127 ? largest / 127 : 1, 0};
}

static bool quantize_two(quantizing *q, const cv_device_call *c) {
    const int64_t count = (int64_t)c->f32.g.in1.h * c->f32.g.in1.w * c->f32.g.in1.c;
    const bool table = c->f32.weight; // in place of x1
    const cv_scale second = table ? scale_of_weights(c, count) : q->scale[c->x1];
    const double x = (double)q->scale[c->x].scale, x1 = (double)second.scale, y = (double)q->scale[c->y].scale;
    const bool product = !strcmp(c->kernel->name, "scale");
    const int shift = shift_for(product ? x * x1 / y : fmax(x, x1) / y, 30) + UP;
    cv_device_call *made = shift < 33 ? NULL : cv_quantize_as(q, c, c->kernel->name);
    if (!made) return shift >= 33;
    made->i8_layer.shift = shift - 33;
    made->i8_layer.factor = factor_for(product ? x * x1 / y : x / y, shift - UP);
    made->i8_layer.factor1 = product ? 0 : factor_for(x1 / y, shift - UP);
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
static bool has_many(const cv_device_call *c) { // a function for every channel
    return c->f32.g.groups != 1;
}
static bool quantize_pointwise(quantizing *q, const cv_device_call *c) {
    if (has_many(c)) return false;
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

typedef bool quantize_form(quantizing *q, const cv_device_call *call);

static quantize_form *form_of(const cv_device_call *c) {
    for (size_t k = 0; k < CV_COUNT(forms_of_8_bits); k++)
        if (!strcmp(forms_of_8_bits[k].kernel, c->kernel->name)) return forms_of_8_bits[k].quantize;
    return NULL;
}

bool cv_quantize_call(quantizing *q, const cv_device_call *c) {
    quantize_form *quantize = form_of(c);
    return quantize && quantize(q, c);
}

bool cv_quantize_has_form(const cv_device_call *c) {
    quantize_form *quantize = form_of(c);
    return quantize && !(quantize == quantize_pointwise && has_many(c));
}
