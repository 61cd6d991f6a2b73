// y = (x - t)^2 of the one output, t being the number of the label: 0, 1, 2, ...    dx = 2 (x - t)
// torch.nn.MSELoss. Imported nets that compute a number have it: there are no classes to tell apart.
#include "op/layers/loss.h"

static bool regression_infer(void *config, const cv_shape *in, cv_shape *out, char *why, size_t why_size) {
    (void)config;
    if (!loss_wants_vector("regression", in, why, why_size)) return false;
    *out = (cv_shape){1, 1, 1, 1};
    if (in->c == 1) return true;
    cv_print(why, why_size, "regression wants one output, but the network has %lld", (long long)in->c);
    return false;
}

static lanes number_lanes(const int32_t *label) {
    lanes v;
    for (int l = 0; l < LANES; l++) v[l] = (real)label[l];
    return v;
}

static void regression_forward(const cv_pass *p) {
    const lanes d = *(const lanes *)p->x[0] - number_lanes(p->label);
    *(lanes *)p->y = d * d;
    if (p->class_weight) *(lanes *)p->y *= weight_lanes(p);
}

static void regression_backward(const cv_pass *p) {
    const lanes d = *(const lanes *)p->x[0] - number_lanes(p->label);
    *(lanes *)p->dx[0] = d * active_lanes(p->active) * (real)(2 * p->scale);
    if (p->class_weight) *(lanes *)p->dx[0] *= weight_lanes(p);
}

static void the_number_itself(const float *outputs, int count, float *probabilities) {
    (void)count;
    probabilities[0] = outputs[0];
}

CV_OP(regression) = {
    .name = "regression",
    .help = "squared distance of the one output from the label's number: of imported nets that compute a number",
    .kind = CV_LOSS,
    .number = true,
    .reads_x = true,
    .infer = regression_infer,
    .forward = regression_forward,
    .backward = regression_backward,
    .probabilities = the_number_itself,
    .torch = "((x[:, 0] - label) ** 2)",
    .onnx = "y = Identity(x)",
    .cases = CV_CASES({{1, 1, 1, 1}, NULL, 17}, {{1, 1, 1, 1}, NULL, 1}),
};
