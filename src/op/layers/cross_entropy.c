// y = log sum_k e^x_k - x_label; with smoothing s the target is 1 - s on the label plus s / K everywhere.
// dx = softmax(x) - target. With class weights w the target of class k is multiplied by w_k:
// y = log(sum_k e^x_k) sum_k target_k - sum_k target_k x_k, dx = softmax(x) sum_k target_k - target, and the mean over
// the examples is the sum over that of w_label.
// torch.nn.CrossEntropyLoss(weight=w, label_smoothing=s); Szegedy et al. 2016 for the smoothing
#include "op/layers/loss.h"

typedef struct cross_entropy {
    double label_smoothing;
} cross_entropy;

static bool cross_entropy_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    if (!loss_wants_vector("cross_entropy", in, why, why_size)) return false;
    if (in->c < 2) {
        cv_print(why, why_size, "cross_entropy needs one output per class, but the network has 1: use logistic");
        return false;
    }
    *out = (cv_shape){1, 1, 1, 1};
    return true;
}

static lanes smoothed_target(const cross_entropy *c, const cv_pass *p, int64_t k) {
    lanes target =
        is_label(p->label, k) * (real)(1 - c->label_smoothing) + (real)(c->label_smoothing / (double)p->in.c);
    if (p->class_weight) target *= (real)p->class_weight[k];
    return target;
}

// The sum of the targets.
static lanes target_sum(const cv_pass *p) {
    lanes sum = {0};
    if (!p->class_weight) return sum + 1;
    for (int64_t k = 0; k < p->in.c; k++) sum += smoothed_target(p->config, p, k);
    return sum;
}

static void cross_entropy_forward(const cv_pass *p) {
    const lanes *x = p->x[0], top = largest_lanes(x, p->in.c);
    lanes sum = {0}, chosen = {0};
    for (int64_t k = 0; k < p->in.c; k++) {
        sum += exp_lanes(x[k] - top);
        chosen += smoothed_target(p->config, p, k) * (x[k] - top);
    }
    *(lanes *)p->y = log_lanes(sum) * target_sum(p) - chosen;
}

static void cross_entropy_backward(const cv_pass *p) {
    const lanes *x = p->x[0], top = largest_lanes(x, p->in.c);
    lanes *dx = p->dx[0], sum = {0};
    for (int64_t k = 0; k < p->in.c; k++) sum += exp_lanes(x[k] - top);
    const lanes total = target_sum(p);
    const lanes factor = active_lanes(p->active) * (real)p->scale;
    for (int64_t k = 0; k < p->in.c; k++)
        dx[k] = (exp_lanes(x[k] - top) / sum * total - smoothed_target(p->config, p, k)) * factor;
}

CV_OP(cross_entropy) = {
    .name = "cross_entropy",
    .help = "negative log of the softmax probability of the right class; takes logits",
    .kind = CV_LOSS,
    .schema = CV_OPTIONS(CV_OPTION("label_smoothing", CV_FLOAT, cross_entropy, label_smoothing,
                                   "share of the target spread over all classes", CV_RANGE(0, 1))),
    .config_size = sizeof(cross_entropy),
    .reads_x = true,
    .infer = cross_entropy_infer,
    .forward = cross_entropy_forward,
    .backward = cross_entropy_backward,
    .probabilities = softmax_of,
    .torch = "F.cross_entropy(x, label, label_smoothing={label_smoothing}, reduction='none')",
    .onnx = "y = Softmax(x) axis=1",
    .cases = CV_CASES({{1, 10, 1, 1}, NULL, 33}, {{1, 3, 1, 1}, "{label_smoothing: 0.1}", 15}, {{1, 2, 1, 1}, NULL, 1},
                      {{1, 35, 1, 1}, "{label_smoothing: 1}", 16}),
};
