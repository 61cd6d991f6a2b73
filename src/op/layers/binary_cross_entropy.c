// y = mean over the outputs of w log(1 + e^-x) where the output is true, log(1 + e^x) where it is not. Each output is a
// question of its own: several, or none, may be true.    torch.nn.BCEWithLogitsLoss(pos_weight=w)
// With z = x where it is true, -x where it is not, and p = 1 / (1 + e^-z): times (1 - p)^gamma, Lin et al. 2017
// (torchvision.ops.sigmoid_focal_loss); dz = -(1 - p)^gamma (gamma p log(1 + e^-z) + 1 - p).
#include "op/layers/loss.h"

typedef struct binary_cross_entropy {
    double gamma;
} binary_cross_entropy;

static bool binary_cross_entropy_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    *out = (cv_shape){1, 1, 1, 1};
    return loss_wants_vector("binary_cross_entropy", in, why, why_size);
}

// +1 where the output is true, -1 where it is not; times its weight.
static lanes true_sign(const cv_pass *p, int64_t k) {
    return is_true(p, k) * 2 - 1;
}

static lanes output_weight(const cv_pass *p, int64_t k) {
    const lanes zero = {0};
    if (!p->class_weight) return zero + 1;
    return select_lanes(is_true(p, k) > zero, zero + (real)p->class_weight[p->in.c > 1 ? k : 1], zero + 1);
}

static void binary_cross_entropy_forward(const cv_pass *p) {
    const binary_cross_entropy *c = p->config;
    const lanes *x = p->x[0];
    lanes sum = {0};
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes z = x[k] * true_sign(p, k);
        lanes loss = softplus_lanes(-z, p->active);
        if (c->gamma > 0) loss *= power_lanes(sigmoid_lanes(-z), c->gamma);
        sum += loss * output_weight(p, k);
    }
    *(lanes *)p->y = sum / (real)p->in.c;
}

static void binary_cross_entropy_backward(const cv_pass *p) {
    const binary_cross_entropy *c = p->config;
    const lanes *x = p->x[0], factor = active_lanes(p->active) * (real)(p->scale / (double)p->in.c);
    lanes *dx = p->dx[0];
    for (int64_t k = 0; k < p->in.c; k++) {
        const lanes sign = true_sign(p, k), z = x[k] * sign, miss = sigmoid_lanes(-z);
        lanes slope = -miss;
        if (c->gamma > 0)
            slope = -power_lanes(miss, c->gamma) *
                    ((real)c->gamma * sigmoid_lanes(z) * softplus_lanes(-z, p->active) + miss);
        dx[k] = sign * slope * output_weight(p, k) * factor;
    }
}

static void each_output(const float *outputs, int count, float *probabilities) {
    if (count == 1) {
        two_classes_of(outputs, count, probabilities);
        return;
    }
    for (int k = 0; k < count; k++) probabilities[k] = 1 / (1 + expf(-outputs[k]));
}

static bool binary_cross_entropy_say(const void *config, cv_shape in, cv_shape in1, cv_shape out, char *text,
                                     size_t size) {
    (void)config, (void)in1, (void)out;
    cv_print(text, size,
             in.c > 1 ? "y = Sigmoid(x)"
                      : "second = Sigmoid(x); first = Sub(#1, second); y = Concat(first, second) axis=1");
    return true;
}

CV_OP(binary_cross_entropy) = {
    .name = "binary_cross_entropy",
    .help = "of each output by itself, so that several labels or none may be true; takes logits. class_weights count "
            "where an output is true (balanced: examples without / examples with the label)",
    .kind = CV_LOSS,
    .schema = CV_OPTIONS(CV_OPTION("gamma", CV_FLOAT, binary_cross_entropy, gamma,
                                   "focal loss: times (1 - the probability of what is right)^gamma", CV_RANGE(0, 20))),
    .config_size = sizeof(binary_cross_entropy),
    .reads_x = true,
    .by_output = true,
    .infer = binary_cross_entropy_infer,
    .forward = binary_cross_entropy_forward,
    .backward = binary_cross_entropy_backward,
    .probabilities = each_output,
    .torch = "(lambda t: (F.binary_cross_entropy_with_logits(x, t, reduction='none') * (1 - torch.sigmoid(x * (2 * t - "
             "1))) ** {gamma}).mean(1))(F.one_hot(label, max(2, x.shape[1]))[:, -x.shape[1]:].to(x.dtype))",
    .say_onnx = binary_cross_entropy_say,
    .cases = CV_CASES({{1, 10, 1, 1}, NULL, 33}, {{1, 3, 1, 1}, "{gamma: 2}", 15}, {{1, 1, 1, 1}, NULL, 17},
                      {{1, 2, 1, 1}, "{gamma: 0.5}", 1}),
};
