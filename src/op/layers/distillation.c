// y = T^2 sum_k p_k (log p_k - log q_k), p = softmax(x1 / T) of the teacher's outputs, q = softmax(x / T).
// dx = T (q - p), dx1_k = T p_k (log p_k - log q_k - y / T^2).    Hinton, Vinyals & Dean, Distilling the knowledge in a
// neural network, 2015. Not a loss that a recipe names: train.teacher adds it.
#include "op/layers/loss.h"

typedef struct distillation {
    double temperature;
} distillation;

static bool distillation_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    *out = (cv_shape){1, 1, 1, 1};
    return loss_wants_vector("distillation", in, why, why_size);
}

// log softmax(x / T)_k = x_k / T - this
static lanes log_sum_soft(const lanes *x, int64_t n, real inverse) {
    const lanes top = largest_lanes(x, n);
    lanes sum = {0};
    for (int64_t k = 0; k < n; k++) sum += exp_lanes((x[k] - top) * inverse);
    return top * inverse + log_lanes(sum);
}

static void distillation_forward(const cv_pass *p) {
    const distillation *c = p->config;
    const lanes *x = p->x[0], *x1 = p->x[1];
    const real inverse = (real)(1 / c->temperature);
    const lanes own = log_sum_soft(x, p->in.c, inverse), other = log_sum_soft(x1, p->in.c, inverse);
    lanes sum = {0};
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes log_p = x1[k] * inverse - other;
        sum += exp_lanes(log_p) * (log_p - (x[k] * inverse - own));
    }
    *(lanes *)p->y = sum * (real)(c->temperature * c->temperature);
}

static void distillation_backward(const cv_pass *p) {
    const distillation *c = p->config;
    const lanes *x = p->x[0], *x1 = p->x[1];
    lanes *dx = p->dx[0], *dx1 = p->dx[1], mean = {0};
    const real inverse = (real)(1 / c->temperature);
    const lanes own = log_sum_soft(x, p->in.c, inverse), other = log_sum_soft(x1, p->in.c, inverse);
    const lanes factor = active_lanes(p->active) * (real)(p->scale * c->temperature);
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes log_p = x1[k] * inverse - other, log_q = x[k] * inverse - own;
        dx[k] = (exp_lanes(log_q) - exp_lanes(log_p)) * factor;
        mean += exp_lanes(log_p) * (log_p - log_q);
    }
    for (int64_t k = 0; k < p->in.c && dx1; k++) {
        const lanes log_p = x1[k] * inverse - other, log_q = x[k] * inverse - own;
        dx1[k] = exp_lanes(log_p) * (log_p - log_q - mean) * factor;
    }
}

CV_OP(distillation) = {
    .name = "distillation",
    .help = "how far the softened probabilities are from those of a teacher",
    .kind = CV_LOSS,
    .inputs = 2,
    .schema = CV_OPTIONS(CV_OPTION("temperature", CV_FLOAT, distillation, temperature,
                                   "outputs are divided by it: the higher, the softer", .fallback = 4,
                                   CV_RANGE(0.01, 1e3))),
    .config_size = sizeof(distillation),
    .reads_x = true,
    .infer = distillation_infer,
    .forward = distillation_forward,
    .backward = distillation_backward,
    .torch = "F.kl_div(F.log_softmax(x / {temperature}, 1), F.softmax(x1 / {temperature}, 1), "
             "reduction='none').sum(1) * {temperature} ** 2",
    .cases = CV_CASES({{1, 10, 1, 1}, NULL, 33}, {{1, 3, 1, 1}, "{temperature: 1}", 15},
                      {{1, 6, 1, 1}, "{temperature: 2}", 1}),
};
