// Schedules of the learning rate, equal to those of torch.optim.lr_scheduler: by epoch, except one_cycle and the
// warm-up.
#include "train/train.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static double constant(const cv_schedule_config *c, int64_t step, int64_t steps, int64_t per_epoch) {
    (void)c, (void)step, (void)steps, (void)per_epoch;
    return 1;
}

// StepLR
static double in_steps(const cv_schedule_config *c, int64_t step, int64_t steps, int64_t per_epoch) {
    (void)steps;
    return pow(c->gamma, (double)(step / per_epoch / c->every));
}

static double half_cosine(double from, double to, double share) {
    return to + (from - to) / 2 * (1 + cos(pi * share));
}

// CosineAnnealingLR with T_max = the epochs of the training
static double cosine(const cv_schedule_config *c, int64_t step, int64_t steps, int64_t per_epoch) {
    return half_cosine(1, c->minimum, (double)(step / per_epoch) / (double)(steps / per_epoch));
}

// LinearLR
static double linear(const cv_schedule_config *c, int64_t step, int64_t steps, int64_t per_epoch) {
    (void)steps;
    const int64_t epoch = step / per_epoch;
    return epoch >= c->epochs ? c->end : c->start + (c->end - c->start) * (double)epoch / (double)c->epochs;
}

// OneCycleLR (Smith & Topin 2017), cosine: up to lr, then down to almost nothing; momentum stays as it is.
static double one_cycle(const cv_schedule_config *c, int64_t step, int64_t steps, int64_t per_epoch) {
    (void)per_epoch;
    const double top = c->pct_start * (double)steps - 1, last = (double)steps - 1, at = (double)step;
    const double low = 1 / c->div_factor, end = low / c->final_div_factor;
    if (at <= top) return half_cosine(low, 1, top > 0 ? at / top : 1);
    return half_cosine(1, end, last > top ? (at - top) / (last - top) : 1);
}

#define WARMUP                                                                                                         \
    CV_OPTION("warmup", CV_INT, cv_schedule_config, warmup,                                                            \
              "epochs over which the rate first rises from 0, step by step", CV_RANGE(0, 1 << 20))

static const cv_option constant_schema[] = {WARMUP, {.name = NULL}};
static const cv_option step_schema[] = {
    CV_OPTION("every", CV_INT, cv_schedule_config, every, "epochs between two cuts", .required = true,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("gamma", CV_FLOAT, cv_schedule_config, gamma, "factor of a cut", .fallback = 0.1, CV_RANGE(0, 1)),
    WARMUP,
    {.name = NULL},
};
static const cv_option cosine_schema[] = {
    CV_OPTION("minimum", CV_FLOAT, cv_schedule_config, minimum, "lowest rate, as a fraction of lr", CV_RANGE(0, 1)),
    WARMUP,
    {.name = NULL},
};
static const cv_option linear_schema[] = {
    CV_OPTION("epochs", CV_INT, cv_schedule_config, epochs, "epochs from start to end", .fallback = 5,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("start", CV_FLOAT, cv_schedule_config, start, "first factor", .fallback = 1.0 / 3, CV_RANGE(0, 1e6)),
    CV_OPTION("end", CV_FLOAT, cv_schedule_config, end, "last factor", .fallback = 1, CV_RANGE(0, 1e6)),
    {.name = NULL},
};
static const cv_option one_cycle_schema[] = {
    CV_OPTION("pct_start", CV_FLOAT, cv_schedule_config, pct_start, "share of the steps in which the rate rises",
              .fallback = 0.3, CV_RANGE(0, 1)),
    CV_OPTION("div_factor", CV_FLOAT, cv_schedule_config, div_factor, "lr / first rate", .fallback = 25,
              CV_RANGE(1, 1e9)),
    CV_OPTION("final_div_factor", CV_FLOAT, cv_schedule_config, final_div_factor, "first rate / last rate",
              .fallback = 1e4, CV_RANGE(1, 1e12)),
    {.name = NULL},
};

static const cv_schedule schedules[] = {
    {"constant", "the same rate throughout", constant_schema, constant},
    {"step", "cut by gamma every few epochs (StepLR)", step_schema, in_steps},
    {"cosine", "half a cosine down over the training (CosineAnnealingLR)", cosine_schema, cosine},
    {"linear", "a straight line over the first epochs (LinearLR)", linear_schema, linear},
    {"one_cycle", "up and down once, step by step (OneCycleLR)", one_cycle_schema, one_cycle},
};

const cv_schedule *cv_schedule_at(size_t k) {
    return k < CV_COUNT(schedules) ? &schedules[k] : NULL;
}

double cv_schedule_factor(const cv_schedule *s, const cv_schedule_config *c, int64_t step, int64_t steps,
                          int64_t per_epoch) {
    const int64_t warmup = c->warmup * per_epoch;
    const double rise = step < warmup ? (double)(step + 1) / (double)warmup : 1;
    return rise * s->factor(c, step, steps, per_epoch);
}
