// Schedules of the learning rate, equal to those of torch.optim.lr_scheduler.
#include "train/train.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static double constant(const cv_schedule_config *c, cv_instant at) {
    (void)c, (void)at;
    return 1;
}

// StepLR
static double in_steps(const cv_schedule_config *c, cv_instant at) {
    return pow(c->gamma, floor(at.epoch / (double)c->every));
}

// MultiStepLR
static double at_milestones(const cv_schedule_config *c, cv_instant at) {
    enum { MOST = CV_LIST_SIZE / 2 };
    double epoch[MOST];
    const size_t count = cv_list_numbers(c->milestones, epoch, MOST);
    int cuts = 0;
    for (size_t k = 0; k < count && k < MOST; k++) cuts += at.epoch >= epoch[k];
    return pow(c->gamma, cuts);
}

// ExponentialLR
static double exponential(const cv_schedule_config *c, cv_instant at) {
    return pow(c->gamma, at.epoch);
}

// PolynomialLR
static double polynomial(const cv_schedule_config *c, cv_instant at) {
    const double last = c->epochs ? (double)c->epochs : at.epochs;
    return pow(1 - fmin(at.epoch, last) / last, c->power);
}

static double half_cosine(double from, double to, double share) {
    return to + (from - to) / 2 * (1 + cos(pi * share));
}

// CosineAnnealingLR with T_max = the epochs of the training
static double cosine(const cv_schedule_config *c, cv_instant at) {
    return half_cosine(1, c->minimum, at.epoch / at.epochs);
}

// CosineAnnealingWarmRestarts (Loshchilov & Hutter 2017)
static double warm_restarts(const cv_schedule_config *c, cv_instant at) {
    double length = (double)c->every, since = at.epoch;
    if (c->longer == 1) since = fmod(since, length);
    while (since >= length) {
        since -= length;
        length *= (double)c->longer;
    }
    return half_cosine(1, c->minimum, since / length);
}

// LinearLR
static double linear(const cv_schedule_config *c, cv_instant at) {
    const double last = (double)c->epochs;
    return at.epoch >= last ? c->end : c->start + (c->end - c->start) * at.epoch / last;
}

// OneCycleLR (Smith & Topin 2017), cosine: up to lr, then down to almost nothing; momentum stays as it is.
static double one_cycle(const cv_schedule_config *c, cv_instant at) {
    const double top = c->pct_start * (double)at.steps - 1, last = (double)at.steps - 1, step = (double)at.step;
    const double low = 1 / c->div_factor, end = low / c->final_div_factor;
    if (step <= top) return half_cosine(low, 1, top > 0 ? step / top : 1);
    return half_cosine(1, end, last > top ? (step - top) / (last - top) : 1);
}

#define WARMUP                                                                                                         \
    CV_OPTION("warmup", CV_INT, cv_schedule_config, warmup,                                                            \
              "epochs over which the rate first rises from 0, step by step; the schedule begins after them",           \
              CV_RANGE(0, 1 << 20))
#define EACH_STEP                                                                                                      \
    CV_OPTION("each_step", CV_BOOL, cv_schedule_config, each_step, "the rate moves at every step, not at every epoch")
#define MINIMUM                                                                                                        \
    CV_OPTION("minimum", CV_FLOAT, cv_schedule_config, minimum, "lowest rate, as a fraction of lr", CV_RANGE(0, 1))

static const cv_option constant_schema[] = {WARMUP, {.name = NULL}};
static const cv_option step_schema[] = {
    CV_OPTION("every", CV_INT, cv_schedule_config, every, "epochs between two cuts", .required = true,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("gamma", CV_FLOAT, cv_schedule_config, gamma, "factor of a cut", .fallback = 0.1, CV_RANGE(0, 1)),
    WARMUP,
    {.name = NULL},
};
static const cv_option milestones_schema[] = {
    CV_OPTION("at", CV_NUMBERS, cv_schedule_config, milestones, "epochs after which the rate is cut, such as [80, 120]",
              .required = true),
    CV_OPTION("gamma", CV_FLOAT, cv_schedule_config, gamma, "factor of a cut", .fallback = 0.1, CV_RANGE(0, 1)),
    WARMUP,
    {.name = NULL},
};
static const cv_option exponential_schema[] = {
    CV_OPTION("gamma", CV_FLOAT, cv_schedule_config, gamma, "factor of an epoch", .required = true, CV_RANGE(0, 1e30)),
    EACH_STEP,
    WARMUP,
    {.name = NULL},
};
static const cv_option polynomial_schema[] = {
    CV_OPTION("power", CV_FLOAT, cv_schedule_config, power, "of what is left of the epochs", .fallback = 1,
              CV_RANGE(0, 100)),
    CV_OPTION("epochs", CV_INT, cv_schedule_config, epochs, "epochs down to 0; 0: those of the training",
              CV_RANGE(0, 1 << 20)),
    EACH_STEP,
    WARMUP,
    {.name = NULL},
};
static const cv_option cosine_schema[] = {
    MINIMUM,
    EACH_STEP,
    WARMUP,
    {.name = NULL},
};
static const cv_option restarts_schema[] = {
    CV_OPTION("first", CV_INT, cv_schedule_config, every, "epochs of the first cosine", .required = true,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("longer", CV_INT, cv_schedule_config, longer, "how many times as long as the one before each is",
              .fallback = 1, CV_RANGE(1, 100)),
    MINIMUM,
    EACH_STEP,
    WARMUP,
    {.name = NULL},
};
static const cv_option plateau_schema[] = {
    CV_OPTION("factor", CV_FLOAT, cv_schedule_config, gamma, "of a cut", .fallback = 0.1, CV_RANGE(0, 1)),
    CV_OPTION("patience", CV_INT, cv_schedule_config, every,
              "epochs without a better validation score (see watch) before a cut", .fallback = 10,
              CV_RANGE(0, 1 << 20)),
    CV_OPTION("threshold", CV_FLOAT, cv_schedule_config, threshold, "the least gain, as a fraction of the score",
              .fallback = 1e-4, CV_RANGE(0, 1)),
    CV_OPTION("cooldown", CV_INT, cv_schedule_config, cooldown, "epochs after a cut that are not counted",
              CV_RANGE(0, 1 << 20)),
    MINIMUM,
    WARMUP,
    {.name = NULL},
};
static const cv_option linear_schema[] = {
    CV_OPTION("epochs", CV_INT, cv_schedule_config, epochs, "epochs from start to end", .fallback = 5,
              CV_RANGE(1, 1 << 20)),
    CV_OPTION("start", CV_FLOAT, cv_schedule_config, start, "first factor", .fallback = 1.0 / 3, CV_RANGE(0, 1e6)),
    CV_OPTION("end", CV_FLOAT, cv_schedule_config, end, "last factor", .fallback = 1, CV_RANGE(0, 1e6)),
    EACH_STEP,
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
    {"constant", "the same rate throughout", constant_schema, constant, false},
    {"step", "cut by gamma every few epochs (StepLR)", step_schema, in_steps, false},
    {"milestones", "cut by gamma after given epochs (MultiStepLR)", milestones_schema, at_milestones, false},
    {"exponential", "times gamma in every epoch (ExponentialLR)", exponential_schema, exponential, false},
    {"polynomial", "down to 0, by a power of the epochs left (PolynomialLR)", polynomial_schema, polynomial, false},
    {"cosine", "half a cosine down over the training (CosineAnnealingLR)", cosine_schema, cosine, false},
    {"warm_restarts", "half cosines, one after the other (CosineAnnealingWarmRestarts)", restarts_schema, warm_restarts,
     false},
    {"linear", "a straight line over the first epochs (LinearLR)", linear_schema, linear, false},
    {"one_cycle", "up and down once, step by step (OneCycleLR)", one_cycle_schema, one_cycle, false},
    {"on_plateau", "cut where validation no longer gets better (ReduceLROnPlateau)", plateau_schema, constant, true},
};

const cv_schedule *cv_schedule_at(size_t k) {
    return k < CV_COUNT(schedules) ? &schedules[k] : NULL;
}

double cv_schedule_factor(const cv_schedule *s, const cv_schedule_config *c, int64_t step, int64_t steps,
                          int64_t per_epoch) {
    const int64_t warmup = c->warmup * per_epoch;
    if (step < warmup) return (double)(step + 1) / (double)warmup;
    const int64_t since = step - warmup, epoch = since / per_epoch;
    return s->factor(c, (cv_instant){.epoch = c->each_step ? (double)since / (double)per_epoch : (double)epoch,
                                     .epochs = (double)(steps - warmup) / (double)per_epoch,
                                     .step = since,
                                     .steps = steps - warmup});
}

void cv_plateau_step(const cv_schedule_config *c, double lr, bool highest, double score, cv_plateau *p) {
    const double least = highest ? p->best * (1 + c->threshold) : p->best * (1 - c->threshold);
    const bool first = !isfinite(p->best), better = first || (highest ? score > least : score < least);
    if (better) p->best = score;
    p->bad = better ? 0 : p->bad + 1;
    if (p->cooling > 0) {
        p->cooling--;
        p->bad = 0;
    }
    if (p->bad <= c->every) return;
    const double cut = fmax(p->factor * c->gamma, c->minimum);
    if (lr * (p->factor - cut) > 1e-8) p->factor = cut; // PyTorch's eps
    p->cooling = c->cooldown;
    p->bad = 0;
}
