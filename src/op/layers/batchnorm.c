// y = weight (x - mean) / sqrt(var + eps) + bias, per channel.    torch.nn.BatchNorm1d, torch.nn.BatchNorm2d
//
// In training mean and (biased) variance are those of the batch, over samples and pixels, and the running estimates
// move towards them by `momentum`, the variance unbiased. Otherwise the running estimates are used.
// Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167; with xhat = (x - mean) / sqrt(var + eps), n values a channel:
//
//   db = sum dy,   dw = sum dy xhat,   dx = weight / sqrt(var + eps) (dy - db / n - xhat dw / n)
//
// subspectralnorm: the same for every band of rows by itself. A band of a channel's map lies in memory as a channel of
// its own would: (c, h, w) is (c bands, h / bands, w).    Chang, Park, Cho & Yang 2021,
// https://arxiv.org/abs/2103.13620
#include "op/layers/norm.h"
#include "op/layers/single.h"

typedef struct batchnorm {
    double eps, momentum;
    bool affine;
    int64_t bands; // 0: one
} batchnorm;

// The maps that have statistics of their own.
static cv_shape normed(const void *config, cv_shape in) {
    const batchnorm *c = config;
    return c->bands ? (cv_shape){in.dims, in.c * c->bands, in.h / c->bands, in.w} : in;
}

static bool subspectral_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    const batchnorm *c = config;
    *out = in[0];
    if (in->h % c->bands == 0) return true;
    cv_print(why, why_size, "%lld rows are not a multiple of %lld bands", (long long)in->h, (long long)c->bands);
    return false;
}

static int batchnorm_tensors(const void *config, cv_shape in, cv_tensor *out) {
    const batchnorm *c = config;
    const int64_t maps = normed(config, in).c;
    int n = 0;
    if (c->affine) {
        out[n++] = (cv_tensor){.name = "weight", .dims = 1, .dim = {maps}, .init = CV_INIT_ONE};
        out[n++] = (cv_tensor){.name = "bias", .dims = 1, .dim = {maps}, .init = CV_INIT_ZERO};
    }
    out[n++] = (cv_tensor){.name = "running_mean", .dims = 1, .dim = {maps}, .init = CV_INIT_ZERO, .buffer = true};
    out[n++] = (cv_tensor){.name = "running_var", .dims = 1, .dim = {maps}, .init = CV_INIT_ONE, .buffer = true};
    out[n++] =
        (cv_tensor){.name = "num_batches_tracked", .dims = 0, .init = CV_INIT_ZERO, .buffer = true, .integer = true};
    return n;
}

// The tensors of a pass by name; weight and bias are NULL without affine.
typedef struct tensors {
    real *weight, *bias, *mean, *var, *batches;
} tensors;

static tensors tensors_of(const batchnorm *c, void *const *tensor) {
    const int k = c->affine ? 2 : 0;
    return (tensors){c->affine ? tensor[0] : NULL, c->affine ? tensor[1] : NULL, tensor[k], tensor[k + 1],
                     tensor[k + 2]};
}

// In inference y = (x - mean) factor + shift.
static cv_affine batchnorm_affine(const void *config, const void *const *tensor, int64_t channel) {
    const batchnorm *c = config;
    const tensors t = tensors_of(c, (void *const *)tensor);
    return (cv_affine){.mean = (double)t.mean[channel],
                       .factor = 1 / sqrt((double)t.var[channel] + c->eps) * (t.weight ? (double)t.weight[channel] : 1),
                       .shift = t.bias ? (double)t.bias[channel] : 0};
}

static int64_t batchnorm_cost(const void *config, cv_shape in, cv_shape out, char *formula, size_t size) {
    const batchnorm *c = config;
    if (c->affine) cv_print(formula, size, "2*%lld", (long long)normed(config, in).c);
    return cv_shape_size(out);
}

// Sums of many floats are taken in short runs and added up in double, lane by lane. Pixels go to several runs in turn:
// an addition waits for the one before it in its own run only.
enum { RUN = 32, SIDE = 4, MOST_SUMS = 2 };
typedef double wide __attribute__((vector_size(LANES * sizeof(double))));

// As a tree, as sum_lanes.
static double sum_wide(const wide *v) {
    double a[LANES];
    memcpy(a, v, sizeof a);
    UNROLL
    for (int n = LANES / 2; n > 0; n /= 2) {
        UNROLL
        for (int i = 0; i < n; i++) a[i] += a[i + n];
    }
    return a[0];
}

// Pixels of one channel of a block, and what its terms are made with.
typedef struct channel {
    const lanes *x, *dy;
    lanes active;
    real mean;
    norm norm;
} channel;

typedef void terms(lanes to[MOST_SUMS], const channel *c, int64_t pixel);

ALWAYS_INLINE void value_of(lanes to[MOST_SUMS], const channel *c, int64_t i) {
    to[0] = c->x[i] * c->active;
}
ALWAYS_INLINE void square_of(lanes to[MOST_SUMS], const channel *c, int64_t i) {
    const lanes d = (c->x[i] - c->mean) * c->active;
    to[0] = d * d;
}
ALWAYS_INLINE void gradient_cut(lanes to[MOST_SUMS], const channel *c, int64_t i, const enum norm_cut cut) {
    to[0] = norm_passes(c->norm, c->x[i], c->dy[i], cut);
    to[1] = to[0] * ((c->x[i] - c->norm.mean) * c->norm.scale);
}
ALWAYS_INLINE void gradient_of(lanes to[MOST_SUMS], const channel *c, int64_t i) {
    gradient_cut(to, c, i, CUTS_NOTHING);
}
ALWAYS_INLINE void gradient_of_positive(lanes to[MOST_SUMS], const channel *c, int64_t i) {
    gradient_cut(to, c, i, CUTS_NEGATIVE);
}
ALWAYS_INLINE void gradient_between(lanes to[MOST_SUMS], const channel *c, int64_t i) {
    gradient_cut(to, c, i, CUTS_BOTH);
}

// total[sums]: each of the terms over all pixels.
ALWAYS_INLINE void add_up(double *total, const int sums, terms *of, const channel *c, int64_t pixels) {
    wide all[MOST_SUMS] = {{0}};
    for (int64_t i = 0; i < pixels;) {
        const int64_t end = i + SIDE * RUN < pixels ? i + SIDE * RUN : pixels;
        lanes sum[SIDE][MOST_SUMS] = {{{0}}}, term[MOST_SUMS];
        for (; i + SIDE <= end; i += SIDE) {
            UNROLL
            for (int s = 0; s < SIDE; s++) {
                of(term, c, i + s);
                for (int k = 0; k < sums; k++) sum[s][k] += term[k];
            }
        }
        UNROLL
        for (int s = 0; s < SIDE - 1; s++) {
            if (i == end) break;
            of(term, c, i++);
            for (int k = 0; k < sums; k++) sum[s][k] += term[k];
        }
        UNROLL
        for (int s = 0; s < SIDE; s++)
            for (int k = 0; k < sums; k++) all[k] += __builtin_convertvector(sum[s][k], wide);
    }
    for (int k = 0; k < sums; k++) total[k] = sum_wide(&all[k]);
}

// Of some values of a channel: their mean, and the sum of their squared distances from it.
typedef struct spread {
    double mean, squares;
} spread;

// What a block gathers of a channel, and what is merged of it.
typedef union channel_sums {
    spread spread;
    cv_norm_channel merged;
} channel_sums;

static size_t channel_numbers(const void *config, cv_shape in) {
    return (size_t)normed(config, in).c * (sizeof(channel_sums) / sizeof(double));
}
static size_t gradient_numbers(const void *config, cv_shape in) {
    return (size_t)normed(config, in).c * (sizeof(cv_norm_gradient) / sizeof(double));
}

// Of n values and of m more (Chan, Golub & LeVeque 1979).
static spread join_spreads(spread a, double n, spread b, double m) {
    const double distance = b.mean - a.mean;
    return (spread){a.mean + distance * m / (n + m), a.squares + b.squares + distance * distance * n * m / (n + m)};
}

// Of the maps that are normalised.
static cv_region region_of(const cv_pass *p, cv_shape in) {
    return p->share.region ? *p->share.region : (cv_region){{0, in.c}, {0, cv_shape_pixels(in)}};
}

// Pixels of one block. Two passes while they are in the cache.
static void gather(const cv_pass *p, double *partial) {
    const cv_shape in = normed(p->config, p->in);
    const cv_region r = region_of(p, in);
    const cv_span span = r.pixels;
    const int64_t size = span.end - span.first;
    const double count = (double)size * p->active, before = (double)span.first * p->active;
    for (int64_t k = r.maps.first; k < r.maps.end; k++) {
        channel c = {.x = (const lanes *)p->x[0] + k * cv_shape_pixels(in) + span.first,
                     .active = active_lanes(p->active)};
        spread *all = &((channel_sums *)partial)[k].spread, these;
        double total;
        add_up(&total, 1, value_of, &c, size);
        these.mean = total / count;
        c.mean = (real)these.mean;
        add_up(&these.squares, 1, square_of, &c, size);
        *all = span.first ? join_spreads(*all, before, these, count) : these;
    }
}

static void merge(const cv_pass *p, const double *partial, const int *count, int blocks, double *merged) {
    const batchnorm *c = p->config;
    const tensors t = tensors_of(p->config, p->tensor);
    const cv_shape in = normed(p->config, p->in);
    const int64_t pixels = cv_shape_pixels(in);
    const size_t size = channel_numbers(c, p->in);
    for (int64_t k = 0; k < in.c; k++) {
        double n = 0;
        spread all = {0};
        for (int b = 0; b < blocks; b++) {
            const double m = (double)(count[b] * pixels);
            all = join_spreads(all, n, ((const channel_sums *)(partial + (size_t)b * size))[k].spread, m);
            n += m;
        }
        const double scale = 1 / sqrt(all.squares / n + c->eps);
        ((channel_sums *)merged)[k].merged = (cv_norm_channel){
            all.mean, scale, scale * (t.weight ? (double)t.weight[k] : 1), t.bias ? (double)t.bias[k] : 0};
        const double unbiased = all.squares / (n > 1 ? n - 1 : 1);
        t.mean[k] = (real)((1 - c->momentum) * (double)t.mean[k] + c->momentum * all.mean);
        t.var[k] = (real)((1 - c->momentum) * (double)t.var[k] + c->momentum * unbiased);
    }
    t.batches[0] += 1;
}

// Channel k; in inference, or frozen, by the running estimates.
static norm norm_of(const cv_pass *p, int64_t k) {
    const cv_share *s = &p->share;
    const double low = s->cut ? s->cut->low : -INFINITY, high = s->cut ? s->cut->high : INFINITY;
    if (p->training)
        return norm_of_channel(&(cv_norm){(const cv_norm_channel *)p->merged[0], low, high},
                               (const cv_norm_gradient *)p->merged[1], k);
    const cv_affine a = batchnorm_affine(p->config, (const void *const *)p->tensor, k);
    const cv_norm_channel running = {.mean = a.mean, .factor = a.factor, .shift = a.shift};
    return norm_of_channel(&(cv_norm){&running, low, high}, NULL, 0);
}

static void batchnorm_forward(const cv_pass *p) {
    const cv_shape in = normed(p->config, p->in);
    const int64_t pixels = cv_shape_pixels(in);
    for (int64_t k = 0; k < in.c; k++) {
        const norm n = norm_of(p, k);
        norm_maps(n, (lanes *)p->y + k * pixels, 1, (const lanes *)p->x[0] + k * pixels, pixels);
    }
}

// Pixels of one block: sum dy and sum dy xhat, per channel.
static void gather_gradient(const cv_pass *p, double *partial) {
    const cv_shape in = normed(p->config, p->in);
    const cv_region r = region_of(p, in);
    const cv_span span = r.pixels;
    for (int64_t k = r.maps.first; k < r.maps.end; k++) {
        const int64_t first = k * cv_shape_pixels(in) + span.first;
        const channel c = {
            .x = (const lanes *)p->x[0] + first, .dy = (const lanes *)p->dy + first, .norm = norm_of(p, k)};
        double total[2];
        const int64_t size = r.pixels.end - r.pixels.first;
        switch (c.norm.cut) {
        default: add_up(total, 2, gradient_of, &c, size); break;
        case CUTS_NEGATIVE: add_up(total, 2, gradient_of_positive, &c, size); break;
        case CUTS_BOTH: add_up(total, 2, gradient_between, &c, size); break;
        }
        for (int i = 0; i < 2; i++) partial[2 * k + i] = (span.first ? partial[2 * k + i] : 0) + total[i];
    }
}

static void merge_gradient(const cv_pass *p, const double *partial, const int *count, int blocks, double *merged) {
    const batchnorm *c = p->config;
    const cv_shape in = normed(p->config, p->in);
    const int64_t channels = in.c, pixels = cv_shape_pixels(in);
    double n = 0;
    for (int b = 0; b < blocks; b++) n += (double)(count[b] * pixels);
    for (int64_t k = 0; k < channels; k++) {
        double total = 0, dot = 0;
        for (int b = 0; b < blocks; b++) {
            total += partial[((int64_t)b * channels + k) * 2];
            dot += partial[((int64_t)b * channels + k) * 2 + 1];
        }
        ((cv_norm_gradient *)merged)[k] = (cv_norm_gradient){total / n, dot / n};
        if (c->affine) {
            ((real *)p->grad[0])[k] = (real)dot;
            ((real *)p->grad[1])[k] = (real)total;
        }
    }
}

static void batchnorm_backward(const cv_pass *p) {
    const cv_shape in = normed(p->config, p->in);
    const int64_t pixels = cv_shape_pixels(in);
    if (!p->dx[0]) return;
    for (int64_t k = 0; k < in.c; k++) {
        const norm n = norm_of(p, k);
        norm_gradients(n, active_lanes(p->active), (lanes *)p->dx[0] + k * pixels, (const lanes *)p->dy + k * pixels,
                       (const lanes *)p->x[0] + k * pixels, pixels);
    }
}

// --- one example --------------------------------------------------------------------------------------------------

typedef struct single_batchnorm {
    cv_single single;
    batchnorm layer;
} single_batchnorm;

// Mean, factor and shift of every channel, as batchnorm_forward has them.
static int64_t bands_of(const single_batchnorm *l) {
    return l->layer.bands ? l->layer.bands : 1;
}

static int single_batchnorm_tensors(const void *config, cv_shape in, cv_tensor *out) {
    static const char *const names[] = {"mean", "factor", "shift"};
    for (int k = 0; k < 3; k++)
        out[k] = (cv_tensor){.name = names[k], .dims = 3, .dim = {in.c, bands_of(config), LANES}};
    return 3;
}

static void single_batchnorm_arrange(const void *config, const void *const *from, void *const *to) {
    const single_batchnorm *l = config;
    const int64_t bands = bands_of(l);
    for (int64_t c = 0; c < l->single.in.c; c++)
        for (int64_t band = 0; band < bands; band++) {
            const cv_affine a = batchnorm_affine(&l->layer, from, c * bands + band);
            const int64_t at = (c / LANES * bands + band) * LANES + c % LANES;
            ((real *)to[0])[at] = (real)a.mean;
            ((real *)to[1])[at] = (real)a.factor;
            ((real *)to[2])[at] = (real)a.shift;
        }
}

static void single_batchnorm_forward(const cv_pass *p) {
    const int64_t maps = p->in.c * bands_of(p->config), pixels = cv_shape_size(p->in) / maps;
    const lanes *mean = p->tensor[0], *factor = p->tensor[1], *shift = p->tensor[2];
    for (int64_t b = 0; b < maps; b++)
        for (int64_t i = b * pixels; i < (b + 1) * pixels; i++)
            ((lanes *)p->y)[i] = (((const lanes *)p->x[0])[i] - mean[b]) * factor[b] + shift[b];
}

static const cv_op single_batchnorm_op = {
    .name = "batchnorm",
    .config_size = sizeof(single_batchnorm),
    .in_place = true,
    .infer = single_infer,
    .tensors = single_batchnorm_tensors,
    .arrange = single_batchnorm_arrange,
    .forward = single_batchnorm_forward,
};

static bool subspectral_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text, size_t size) {
    const cv_shape s = normed(config, in);
    (void)in1, (void)out;
    cv_print(text, size,
             "bands = Reshape(x, #[0, %lld, %lld, %lld]); normal = BatchNormalization(bands, weight|1, bias|0, "
             "running_mean, running_var) epsilon={eps}; y = Reshape(normal, #[0, %lld, %lld, %lld])",
             (long long)s.c, (long long)s.h, (long long)s.w, (long long)in.c, (long long)in.h, (long long)in.w);
    return true;
}

#define BATCHNORM_OPTIONS                                                                                              \
    CV_OPTION("eps", CV_FLOAT, batchnorm, eps, "added to the variance", .fallback = 1e-5, CV_RANGE(0, 1)),             \
        CV_OPTION("momentum", CV_FLOAT, batchnorm, momentum, "weight of the newest batch in the running estimates",    \
                  .fallback = 0.1, CV_RANGE(0, 1)),                                                                    \
        CV_OPTION("affine", CV_BOOL, batchnorm, affine, "learn a weight and a bias per channel", .fallback = true)

#define BATCHNORM                                                                                                      \
    .config_size = sizeof(batchnorm), .reads_x = true, .dx_in_place = true, .by_channel = true,                        \
    .tensors = batchnorm_tensors, .cost = batchnorm_cost, .forward = batchnorm_forward,                                \
    .backward = batchnorm_backward, .statistics = &(const cv_statistics){channel_numbers, gather, merge},              \
    .backward_statistics = &(const cv_statistics){gradient_numbers, gather_gradient, merge_gradient},                  \
    .single = &single_batchnorm_op

CV_OP(batchnorm) = {
    .name = "batchnorm",
    .help = "zero mean and unit variance per channel over the batch",
    .schema = CV_OPTIONS(BATCHNORM_OPTIONS),
    BATCHNORM,
    .by_pixel = true,
    .torch = "F.batch_norm(x, running_mean, running_var, weight, bias, training, {momentum}, {eps})",
    .affine = batchnorm_affine,
    .normalises = true,
    .onnx = "y = BatchNormalization(x, weight|1, bias|0, running_mean, running_var) epsilon={eps}",
    .cases = CV_CASES({{1, 5, 1, 1}, NULL, 7}, {{2, 3, 1, 37}, NULL, 33},
                      {{3, 4, 3, 5}, "{eps: 0.001, momentum: 0.3}", 17}, {{3, 2, 6, 7}, "{affine: false}", 16},
                      {{2, 2, 1, 9}, NULL, 1}, {{3, 3, 5, 4}, "{momentum: 1}", 8}),
};

CV_OP(subspectralnorm) = {
    .name = "subspectralnorm",
    .help = "batchnorm of every band of rows by itself",
    .dims = 3,
    .schema = CV_OPTIONS(CV_OPTION("bands", CV_INT, batchnorm, bands, "bands of rows", .required = true,
                                   CV_RANGE(1, 1 << 20)),
                         BATCHNORM_OPTIONS),
    BATCHNORM,
    .infer = subspectral_infer,
    .torch = "F.batch_norm(x.reshape(x.shape[0], -1, x.shape[2] // {bands}, x.shape[3]), running_mean, running_var, "
             "weight, bias, training, {momentum}, {eps}).reshape(x.shape)",
    .say_onnx = subspectral_say,
    .cases = CV_CASES({{3, 2, 6, 5}, "{bands: 3}", 17}, {{3, 3, 4, 4}, "{bands: 2, eps: 0.001, momentum: 0.3}", 8},
                      {{3, 18, 4, 2}, "{bands: 4, affine: false}", 33}),
};
