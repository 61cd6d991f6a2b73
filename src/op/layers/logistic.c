// y = log(1 + e^(-t x)), t = -1 for the first class and +1 for the second; one output.    torch.nn.SoftMarginLoss
// dx = -t / (1 + e^(t x))
#include "op/layers/loss.h"

static bool logistic_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    if (!loss_wants_vector("logistic", in, why, why_size)) return false;
    if (in->c != 1) {
        cv_print(why, why_size, "logistic needs one output, but the network has %lld: use cross_entropy",
                 (long long)in->c);
        return false;
    }
    *out = *in;
    return true;
}

static lanes sign_of(const cv_pass *p) {
    return is_label(p->label, 1) * 2 - 1;
}

static void logistic_forward(const cv_pass *p) {
    lanes *y = p->y;
    *y = softplus_lanes(-(*(const lanes *)p->x[0] * sign_of(p)), p->active);
    if (p->class_weight) *y *= weight_lanes(p);
}

static void logistic_backward(const cv_pass *p) {
    const lanes t = sign_of(p), z = *(const lanes *)p->x[0] * t;
    lanes *dx = p->dx[0];
    *dx = -t * sigmoid_lanes(-z) * active_lanes(p->active) * (real)p->scale;
    if (p->class_weight) *dx *= weight_lanes(p);
}

CV_OP(logistic) = {
    .name = "logistic",
    .help = "logistic loss of one output for two classes, -1 and +1",
    .kind = CV_LOSS,
    .reads_x = true,
    .infer = logistic_infer,
    .forward = logistic_forward,
    .backward = logistic_backward,
    .probabilities = two_classes_of,
    .torch = "F.soft_margin_loss(x, label[:, None] * 2.0 - 1, reduction='none')[:, 0]",
    .onnx = "second = Sigmoid(x); first = Sub(#1, second); y = Concat(first, second) axis=1",
    .cases = CV_CASES({{1, 1, 1, 1}, NULL, 17}, {{1, 1, 1, 1}, NULL, 1}),
};
