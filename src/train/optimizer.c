// Optimisers, in PyTorch's order of operations (torch/optim, single tensor).
#include "train/train.h"

#include <math.h>

// w' = g + decay w;   m = momentum m + (1 - dampening) w';   w -= lr (m, or w' + momentum m with Nesterov)
// Weight decay is the L2 penalty added to the gradient.
static void sgd(const cv_optimizer_config *c, double lr, int64_t step, size_t count, float *w, const float *g,
                float *const *m) {
    const float rate = (float)lr, decay = (float)c->weight_decay, momentum = (float)c->momentum;
    const float keep = step == 1 ? 1.0f : (float)(1 - c->dampening);
    if (momentum == 0) {
        for (size_t i = 0; i < count; i++) w[i] -= rate * (g[i] + decay * w[i]);
        return;
    }
    float *velocity = m[0];
    for (size_t i = 0; i < count; i++) {
        const float d = g[i] + decay * w[i];
        velocity[i] = momentum * velocity[i] + keep * d;
        w[i] -= rate * (c->nesterov ? d + momentum * velocity[i] : velocity[i]);
    }
}

// Kingma & Ba 2015. decay is added to the gradient (Adam) or shrinks the weights (AdamW, Loshchilov & Hutter 2019).
static void adam_step(const cv_optimizer_config *c, double lr, int64_t step, size_t count, float *w, const float *g,
                      float *const *m, float l2, float shrink) {
    const float b1 = (float)c->beta1, b2 = (float)c->beta2, a1 = (float)(1 - c->beta1), a2 = (float)(1 - c->beta2);
    const float size = (float)(lr / (1 - pow(c->beta1, (double)step))), eps = (float)c->eps;
    const float root = (float)sqrt(1 - pow(c->beta2, (double)step));
    for (size_t i = 0; i < count; i++) {
        w[i] *= shrink;
        const float d = g[i] + l2 * w[i];
        m[0][i] = b1 * m[0][i] + a1 * d;
        m[1][i] = b2 * m[1][i] + a2 * d * d;
        w[i] -= size * (m[0][i] / (sqrtf(m[1][i]) / root + eps));
    }
}

static void adam(const cv_optimizer_config *c, double lr, int64_t step, size_t count, float *w, const float *g,
                 float *const *m) {
    adam_step(c, lr, step, count, w, g, m, (float)c->weight_decay, 1);
}

static void adamw(const cv_optimizer_config *c, double lr, int64_t step, size_t count, float *w, const float *g,
                  float *const *m) {
    adam_step(c, lr, step, count, w, g, m, 0, (float)(1 - lr * c->weight_decay));
}

#define DECAYS                                                                                                         \
    CV_OPTION("decays", CV_WORD, cv_optimizer_config, decays,                                                          \
              "what weight_decay acts on: all parameters, or all but biases and the parameters of norms",              \
              .words = "all|weights")

static const cv_option sgd_schema[] = {
    CV_OPTION("lr", CV_FLOAT, cv_optimizer_config, lr, "learning rate", .required = true, CV_RANGE(0, 1e6)),
    CV_OPTION("momentum", CV_FLOAT, cv_optimizer_config, momentum, "share of the last step kept", CV_RANGE(0, 1)),
    CV_OPTION("dampening", CV_FLOAT, cv_optimizer_config, dampening, "damps the gradient in the momentum",
              CV_RANGE(0, 1)),
    CV_OPTION("weight_decay", CV_FLOAT, cv_optimizer_config, weight_decay, "L2 penalty", CV_RANGE(0, 1e3)),
    DECAYS,
    CV_OPTION("nesterov", CV_BOOL, cv_optimizer_config, nesterov, "Nesterov's momentum"),
    {.name = NULL},
};

#define ADAM_OPTIONS(decay)                                                                                            \
    CV_OPTION("lr", CV_FLOAT, cv_optimizer_config, lr, "learning rate", .fallback = 1e-3, CV_RANGE(0, 1e6)),           \
        CV_OPTION("beta1", CV_FLOAT, cv_optimizer_config, beta1, "memory of the mean", .fallback = 0.9,                \
                  CV_RANGE(0, 1)),                                                                                     \
        CV_OPTION("beta2", CV_FLOAT, cv_optimizer_config, beta2, "memory of the square", .fallback = 0.999,            \
                  CV_RANGE(0, 1)),                                                                                     \
        CV_OPTION("eps", CV_FLOAT, cv_optimizer_config, eps, "added to the root", .fallback = 1e-8, CV_RANGE(0, 1)),   \
        CV_OPTION("weight_decay", CV_FLOAT, cv_optimizer_config, weight_decay, "decay", .fallback = decay,             \
                  CV_RANGE(0, 1e3)),                                                                                   \
        DECAYS, {                                                                                                      \
        .name = NULL                                                                                                   \
    }

static const cv_option adam_schema[] = {ADAM_OPTIONS(0)};
static const cv_option adamw_schema[] = {ADAM_OPTIONS(0.01)};

static const cv_optimizer optimizers[] = {
    {"sgd", "stochastic gradient descent (torch.optim.SGD)", sgd_schema, 1, sgd},
    {"adam", "Adam (torch.optim.Adam)", adam_schema, 2, adam},
    {"adamw", "Adam with decoupled weight decay (torch.optim.AdamW)", adamw_schema, 2, adamw},
};

int cv_optimizer_moments(const cv_optimizer *o, const cv_optimizer_config *c) {
    return o->update == sgd && c->momentum == 0 ? 0 : o->moments;
}

const cv_optimizer *cv_optimizer_at(size_t k) {
    return k < CV_COUNT(optimizers) ? &optimizers[k] : NULL;
}
