// y = -(1 - p)^gamma log p, p the softmax probability of the right class: examples that are classified well count less.
// With l = log p: dx_k = (gamma p (1 - p)^gamma l / (1 - p) - (1 - p)^gamma) ([k = label] - softmax(x)_k).
// Lin et al., Focal loss for dense object detection, ICCV 2017; its alpha is train.class_weights.
#include "op/layers/loss.h"

typedef struct focal {
    double gamma;
} focal;

static bool focal_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    if (!loss_wants_vector("focal", in, why, why_size)) return false;
    if (in->c < 2) {
        cv_print(why, why_size,
                 "focal needs one output per class, but the network has 1: use binary_cross_entropy with gamma");
        return false;
    }
    *out = (cv_shape){1, 1, 1, 1};
    return true;
}

// The logarithm of the right class's probability.
static lanes log_probability(const cv_pass *p) {
    const lanes *x = p->x[0];
    lanes chosen = {0};
    for (int64_t k = 0; k < p->in.c; k++) chosen += is_label(p->label, k) * x[k];
    return chosen - log_sum_lanes(x, p->in.c);
}

static void focal_forward(const cv_pass *p) {
    const focal *c = p->config;
    const lanes l = log_probability(p);
    lanes *y = p->y;
    *y = -power_lanes(-expm1_lanes(l), c->gamma) * l;
    if (p->class_weight) *y *= weight_lanes(p);
}

static void focal_backward(const cv_pass *p) {
    const focal *c = p->config;
    const lanes *x = p->x[0], total = log_sum_lanes(x, p->in.c), l = log_probability(p), zero = {0};
    const lanes miss = -expm1_lanes(l),
                ratio = select_lanes(miss > zero, l / miss, zero - 1); // l / (1 - p), -1 at p = 1
    lanes *dx = p->dx[0];
    lanes factor = power_lanes(miss, c->gamma) * ((real)c->gamma * exp_lanes(l) * ratio - 1);
    if (p->class_weight) factor *= weight_lanes(p);
    factor *= active_lanes(p->active) * (real)p->scale;
    for (int64_t k = 0; k < p->in.c; k++) dx[k] = (is_label(p->label, k) - exp_lanes(x[k] - total)) * factor;
}

CV_OP(focal) = {
    .name = "focal",
    .help = "cross entropy times (1 - the right class's probability)^gamma: hard examples count more; takes logits",
    .kind = CV_LOSS,
    .schema = CV_OPTIONS(CV_OPTION("gamma", CV_FLOAT, focal, gamma, "0: cross entropy", .fallback = 2,
                                   CV_RANGE(0, 20))),
    .config_size = sizeof(focal),
    .reads_x = true,
    .infer = focal_infer,
    .forward = focal_forward,
    .backward = focal_backward,
    .probabilities = softmax_of,
    .torch = "(lambda l: -(1 - l.exp()) ** {gamma} * l)(F.log_softmax(x, 1).gather(1, label[:, None])[:, 0])",
    .onnx = "y = Softmax(x) axis=1",
    .cases = CV_CASES({{1, 10, 1, 1}, NULL, 33}, {{1, 3, 1, 1}, "{gamma: 0.5}", 15}, {{1, 2, 1, 1}, "{gamma: 0}", 1}),
};
