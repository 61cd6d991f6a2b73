// y = mean over the outputs of (x - t)^2, t being 1 for the label's output and 0 for the others; with one output, t is
// -1 for the first class and +1 for the second. dx = 2 (x - t) / outputs.    torch.nn.MSELoss
#include "op/layers/loss.h"

static bool mse_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    *out = (cv_shape){1, 1, 1, 1};
    return loss_wants_vector("mse", in, why, why_size);
}

static lanes one_hot_target(const cv_pass *p, int64_t k) {
    if (p->in.c == 1) return is_label(p->label, 1) * 2 - 1;
    return is_label(p->label, k);
}

static void mse_forward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes sum = {0};
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes d = x[k] - one_hot_target(p, k);
        sum += d * d;
    }
    lanes *y = p->y;
    *y = sum / (real)p->in.c;
    if (p->class_weight) *y *= weight_lanes(p);
}

static void mse_backward(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes *dx = p->dx[0];
    lanes factor = active_lanes(p->active) * (real)(2 * p->scale / (double)p->in.c);
    if (p->class_weight) factor *= weight_lanes(p);
    for (int64_t k = 0; k < p->in.c; k++) dx[k] = (x[k] - one_hot_target(p, k)) * factor;
}

// An estimate of a 0/1 target is cut to that range and made to sum to 1; one output runs from -1 to +1.
static void clipped(const float *outputs, int count, float *probabilities) {
    if (count == 1) {
        const float half = (outputs[0] + 1) / 2;
        probabilities[1] = fminf(fmaxf(half, 0), 1);
        probabilities[0] = 1 - probabilities[1];
        return;
    }
    float sum = 0;
    for (int k = 0; k < count; k++) sum += probabilities[k] = fminf(fmaxf(outputs[k], 1e-6f), 1);
    for (int k = 0; k < count; k++) probabilities[k] /= sum;
}

CV_OP(mse) = {
    .name = "mse",
    .help = "mean squared distance from 1 for the right class and 0 for the others",
    .kind = CV_LOSS,
    .reads_x = true,
    .infer = mse_infer,
    .forward = mse_forward,
    .backward = mse_backward,
    .probabilities = clipped,
    .torch = "((x - (F.one_hot(label, x.shape[1]) if x.shape[1] > 1 else label[:, None] * 2 - 1)) ** 2).mean(1)",
    .cases = CV_CASES({{1, 10, 1, 1}, NULL, 17}, {{1, 3, 1, 1}, NULL, 8}, {{1, 1, 1, 1}, NULL, 15}),
};
