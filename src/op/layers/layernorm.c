// y = weight (x - mean) / sqrt(var + eps) + bias, mean and (biased) variance of values of one example:
//   layernorm over channels: of the channels of a pixel; of a vector, of all of it.   torch.nn.LayerNorm((c)) of x with
//                            its channels last
//   layernorm over all:      of all channels and pixels, a weight for each.           torch.nn.LayerNorm((c, h, w))
//   groupnorm:               of a group of neighbouring channels.                     torch.nn.GroupNorm
// Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450; Wu & He 2018, https://arxiv.org/abs/1803.08494
// With xhat = (x - mean) / sqrt(var + eps) and g = weight dy, of n values:
//   dw = sum dy xhat,   db = sum dy,   dx = (g - sum g / n - xhat sum (g xhat) / n) / sqrt(var + eps)
#include "op/layers/single.h"

typedef struct layernorm {
    double eps;
    bool affine;
    int over;       // layernorm
    int64_t groups; // groupnorm; 0: it is a layernorm
} layernorm;

enum { CHANNELS, ALL };

// The sets of values that have a mean: element j of set s is number s step + j stride of the map, and has weight number
// (s shift + j) / pixels.
typedef struct sets {
    int64_t count, n, step, stride, shift, pixels, weights;
} sets;

static sets sets_of(const layernorm *c, cv_shape in) {
    const int64_t pixels = cv_shape_pixels(in), all = cv_shape_size(in);
    if (c->groups) {
        const int64_t n = all / c->groups;
        return (sets){c->groups, n, n, 1, n, pixels, in.c};
    }
    if (c->over == ALL) return (sets){1, all, 0, 1, 0, 1, all};
    return (sets){pixels, in.c, 1, pixels, 0, 1, in.c};
}

static bool groupnorm_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const layernorm *c = config;
    *out = in[0];
    if (in->c % c->groups == 0) return true;
    cv_print(why, why_size, "%lld channels are not a multiple of %lld groups", (long long)in->c, (long long)c->groups);
    return false;
}

static int layernorm_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const layernorm *c = config;
    const bool all = !c->groups && c->over == ALL;
    out[0] = (cv_tensor){.name = "weight", .dims = 1, .dim = {in.c}, .init = CV_INIT_ONE};
    if (all && in.dims == 2) out[0].dims = 2, out[0].dim[1] = in.w;
    if (all && in.dims == 3) out[0].dims = 3, out[0].dim[1] = in.h, out[0].dim[2] = in.w;
    out[1] = out[0];
    out[1].name = "bias";
    out[1].init = CV_INIT_ZERO;
    return c->affine ? 2 : 0;
}

static int64_t layernorm_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const layernorm *c = config;
    if (c->affine) cv_print(formula, size, "2*%lld", (long long)sets_of(c, in).weights);
    return cv_shape_size(out);
}

// --- the passes ---------------------------------------------------------------------------------------------------

typedef double wide __attribute__((vector_size(LANES * sizeof(double))));

// Sums of many floats are taken in short runs and added up in double.
enum { RUN = 32 };
#define SUM_OF(total, n, term)                                                                                         \
    do {                                                                                                               \
        (total) = (wide){0};                                                                                           \
        for (int64_t run = 0; run < (n); run += RUN) {                                                                 \
            lanes part = {0};                                                                                          \
            for (int64_t j = run; j < (n) && j < run + RUN; j++) part += (term);                                       \
            (total) += __builtin_convertvector(part, wide);                                                            \
        }                                                                                                              \
    } while (0)

#define NARROW(v) __builtin_convertvector(v, lanes)

// Mean and 1 / sqrt(var + eps) of a set.
static void measure(const layernorm *c, const sets *s, const lanes *x, lanes *mean, lanes *scale) {
    wide total;
    SUM_OF(total, s->n, x[j * s->stride]);
    *mean = NARROW(total / (double)s->n);
    SUM_OF(total, s->n, (x[j * s->stride] - *mean) * (x[j * s->stride] - *mean));
    for (int l = 0; l < LANES; l++) total[l] = 1 / sqrt(total[l] / (double)s->n + c->eps);
    *scale = NARROW(total);
}

static size_t layernorm_saved(const void *config, cv_shape in, cv_shape out) {
    (void)out;
    return (size_t)sets_of(config, in).count * 2;
}

static void layernorm_forward(const cv_pass *p) {
    const layernorm *c = p->config;
    const sets s = sets_of(c, p->in);
    const real *weight = p->tensor[0], *bias = p->tensor[1];
    lanes *saved = p->saved;
    for (int64_t k = 0; k < s.count; k++) {
        const lanes *x = (const lanes *)p->x[0] + k * s.step;
        lanes *y = (lanes *)p->y + k * s.step, mean, scale;
        measure(c, &s, x, &mean, &scale);
        if (saved) saved[2 * k] = mean, saved[2 * k + 1] = scale;
        for (int64_t j = 0; j < s.n; j++) {
            const int64_t w = (k * s.shift + j) / s.pixels;
            const lanes v = (x[j * s.stride] - mean) * scale;
            y[j * s.stride] = v;
            if (c->affine) y[j * s.stride] = v * weight[w] + bias[w];
        }
    }
}

// Work memory of the backward pass: the gradients of weights and biases, lane by lane.
static size_t layernorm_scratch(const void *config, cv_shape in, cv_shape out) {
    const layernorm *c = config;
    (void)out;
    return c->affine ? (size_t)sets_of(c, in).weights * 2 : 0;
}

static void sum_weights(const cv_pass *p, const sets *s, const lanes *sums) {
    for (int t = 0; t < 2; t++) {
        real *grad = p->grad[t];
        for (int64_t w = 0; grad && w < s->weights; w++) grad[w] = (p->set ? 0 : grad[w]) + sum_lanes(sums[2 * w + t]);
    }
}

// Idle lanes have a dy of zero: they add nothing, and their dx is zero.
static void layernorm_backward(const cv_pass *p) {
    const layernorm *c = p->config;
    const sets s = sets_of(c, p->in);
    const real *weight = p->tensor[0];
    const lanes *saved = p->saved;
    lanes *sums = p->scratch[1];
    if (c->affine) memset(sums, 0, (size_t)s.weights * 2 * sizeof *sums);
    for (int64_t k = 0; k < s.count; k++) {
        const lanes *x = (const lanes *)p->x[0] + k * s.step, *dy = (const lanes *)p->dy + k * s.step,
                    mean = saved[2 * k], scale = saved[2 * k + 1];
#define WEIGHT(j) (c->affine ? weight[(k * s.shift + (j)) / s.pixels] : 1)
#define XHAT(j)   ((x[(j)*s.stride] - mean) * scale)
        for (int64_t j = 0; c->affine && j < s.n; j++) {
            lanes *sum = sums + 2 * ((k * s.shift + j) / s.pixels);
            sum[0] += dy[j * s.stride] * XHAT(j);
            sum[1] += dy[j * s.stride];
        }
        wide total, dot;
        SUM_OF(total, s.n, dy[j * s.stride] * WEIGHT(j));
        SUM_OF(dot, s.n, dy[j * s.stride] * WEIGHT(j) * XHAT(j));
        const lanes mean_g = NARROW(total / (double)s.n), mean_dot = NARROW(dot / (double)s.n);
        lanes *dx = p->dx[0] ? (lanes *)p->dx[0] + k * s.step : NULL;
        for (int64_t j = 0; dx && j < s.n; j++)
            dx[j * s.stride] = scale * (dy[j * s.stride] * WEIGHT(j) - mean_g - XHAT(j) * mean_dot);
    }
    if (c->affine) sum_weights(p, &s, sums);
}

// --- one example --------------------------------------------------------------------------------------------------

typedef struct single_layernorm {
    cv_single single;
    layernorm layer;
} single_layernorm;

static int single_layernorm_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const single_layernorm *l = config;
    (void)in;
    return layernorm_tensors(&l->layer, l->single.in, out);
}

static void single_layernorm_arrange(const void *config, const void *const *from, void *const *to) {
    const single_layernorm *l = config;
    const size_t bytes = (size_t)sets_of(&l->layer, l->single.in).weights * sizeof(real);
    for (int t = 0; t < 2 && l->layer.affine; t++) memcpy(to[t], from[t], bytes);
}

// Number i of the maps, channel by channel, is in lane c % LANES of its block of channels.
static int64_t place_of(int64_t i, int64_t pixels) {
    const int64_t c = i / pixels;
    return (c / LANES * pixels + i % pixels) * LANES + c % LANES;
}

static void single_layernorm_forward(const cv_pass *p) {
    const single_layernorm *l = p->config;
    const sets s = sets_of(&l->layer, l->single.in);
    const int64_t pixels = cv_shape_pixels(l->single.in);
    const real *x = p->x[0], *weight = p->tensor[0], *bias = p->tensor[1];
    real *y = p->y;
    for (int64_t k = 0; k < s.count; k++) {
        double mean = 0, var = 0;
        for (int64_t j = 0; j < s.n; j++) mean += (double)x[place_of(k * s.step + j * s.stride, pixels)];
        mean /= (double)s.n;
        for (int64_t j = 0; j < s.n; j++) {
            const double d = (double)x[place_of(k * s.step + j * s.stride, pixels)] - mean;
            var += d * d;
        }
        const double scale = 1 / sqrt(var / (double)s.n + l->layer.eps);
        for (int64_t j = 0; j < s.n; j++) {
            const int64_t i = place_of(k * s.step + j * s.stride, pixels), w = (k * s.shift + j) / s.pixels;
            const real v = (real)(((double)x[i] - mean) * scale);
            y[i] = l->layer.affine ? v * weight[w] + bias[w] : v;
        }
    }
}

static const cv_op single_layernorm_op = {
    .name = "layernorm",
    .config_size = sizeof(single_layernorm),
    .infer = single_infer,
    .tensors = single_layernorm_tensors,
    .arrange = single_layernorm_arrange,
    .forward = single_layernorm_forward,
};

// --- the ops ------------------------------------------------------------------------------------------------------

// As PyTorch writes it.
static void say_groups(int64_t groups, bool affine, cv_shape in, char *text, size_t size) {
    cv_print(text, size,
             "flat = Reshape(x, #[0, %lld, -1]); normal = InstanceNormalization(flat, one|1*%lld, zero|0*%lld) "
             "epsilon={eps}; %s = Reshape(normal, #[0, %lld",
             (long long)groups, (long long)groups, (long long)groups, affine ? "back" : "y", (long long)in.c);
    if (in.dims == 3) cv_append(text, size, ", %lld", (long long)in.h);
    if (in.dims > 1) cv_append(text, size, ", %lld", (long long)in.w);
    cv_append(text, size, "])%s", affine ? "; product = Mul(back, weight^); y = Add(product, bias^)" : "");
}

static bool groupnorm_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const layernorm *c = config;
    (void)in1, (void)out;
    say_groups(c->groups, c->affine, in, text, size);
    return true;
}

static bool layernorm_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const layernorm *c = config;
    (void)in1, (void)out;
    if (c->over == ALL && !c->affine)
        say_groups(1, false, in, text, size);
    else if (c->over == ALL || in.dims == 1)
        cv_print(text, size, "y = LayerNormalization(x, weight|1, bias?) axis=1 epsilon={eps}");
    else
        cv_print(
            text, size,
            "last = Transpose(x) perm=%s; normal = LayerNormalization(last, weight|1, bias?) axis=-1 epsilon={eps}; "
            "y = Transpose(normal) perm=%s",
            in.dims == 2 ? "[0, 2, 1]" : "[0, 2, 3, 1]", in.dims == 2 ? "[0, 2, 1]" : "[0, 3, 1, 2]");
    return true;
}

#define LAYERNORM_OPTIONS                                                                                              \
    CV_OPTION("eps", CV_FLOAT, layernorm, eps, "added to the variance", .fallback = 1e-5, CV_RANGE(0, 1)),             \
        CV_OPTION("affine", CV_BOOL, layernorm, affine, "learn weights and biases", .fallback = true)
#define LAYERNORM                                                                                                      \
    .config_size = sizeof(layernorm), .reads_x = true, .dx_in_place = true, .tensors = layernorm_tensors,              \
    .cost = layernorm_cost, .saved = layernorm_saved, .scratch = layernorm_scratch, .forward = layernorm_forward,      \
    .backward = layernorm_backward, .single = &single_layernorm_op

CV_OP(layernorm) = {
    .name = "layernorm",
    .help = "zero mean and unit variance of one example: over the channels of each pixel, or over everything",
    .schema = CV_OPTIONS(CV_OPTION("over", CV_WORD, layernorm, over,
                                   "channels: those of each pixel by itself, a weight per channel; all: everything, a "
                                   "weight per value",
                                   .words = "channels|all"),
                         LAYERNORM_OPTIONS),
    LAYERNORM,
    .torch = "F.layer_norm(x, x.shape[1:], weight, bias, {eps}) if '{over}' == 'all' else "
             "F.layer_norm(x.movedim(1, -1), x.shape[1:2], weight, bias, {eps}).movedim(-1, 1)",
    .say_onnx = layernorm_say,
    .cases = CV_CASES({{1, 37, 1, 1}, NULL, 7}, {{2, 19, 1, 5}, "{eps: 0.001}", 33}, {{3, 4, 3, 5}, NULL, 17},
                      {{3, 3, 4, 5}, "{over: all}", 8}, {{2, 5, 1, 7}, "{over: all}", 16},
                      {{2, 6, 1, 3}, "{affine: false}", 15}),
};

CV_OP(groupnorm) = {
    .name = "groupnorm",
    .help = "zero mean and unit variance of each group of channels of one example",
    .schema = CV_OPTIONS(CV_OPTION("groups", CV_INT, layernorm, groups, "groups of neighbouring channels",
                                   .required = true, CV_RANGE(1, 1 << 20)),
                         LAYERNORM_OPTIONS),
    LAYERNORM,
    .infer = groupnorm_infer,
    .torch = "F.group_norm(x, {groups}, weight, bias, {eps})",
    .say_onnx = groupnorm_say,
    .cases = CV_CASES({{2, 6, 1, 7}, "{groups: 3}", 17}, {{3, 18, 2, 3}, "{groups: 1, eps: 0.01}", 8},
                      {{3, 4, 5, 3}, "{groups: 2, affine: false}", 33}),
};
