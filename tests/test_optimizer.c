// Optimisers, schedules and whole trainings against PyTorch: from the same seed the same weights, order, dropout,
// losses.
#include "lesson.h"

// --- optimisers ---------------------------------------------------------------------------------------------------

#define FIXED_ORDER                                                                                                    \
    { .batch = 8, .epochs = 7, .order = CV_FIXED }
#define RUN(NAME, OPTIMIZER, OPTIONS, SCHEDULE, SCHEDULE_OPTIONS)                                                      \
    {                                                                                                                  \
        TINY, .name = NAME, .examples = 20, .train = FIXED_ORDER, .optimizer = OPTIMIZER,                              \
              .optimizer_options = OPTIONS, .schedule = SCHEDULE, .schedule_options = SCHEDULE_OPTIONS                 \
    }

// Longer ones, with more of `train`.
#define LONG(NAME, OPTIMIZER, OPTIONS, ...)                                                                            \
    {                                                                                                                  \
        TINY, .name = NAME, .examples = 20, .optimizer = OPTIMIZER, .optimizer_options = OPTIONS,                      \
              .schedule = "constant", .train = {                                                                       \
                  .batch = 8,                                                                                          \
                  .epochs = 40,                                                                                        \
                  .order = CV_FIXED,                                                                                   \
                  __VA_ARGS__                                                                                          \
              }                                                                                                        \
    }
static const float class_weight[] = {0.5f, 3, 1};

static const syllabus optimizers[] = {
    RUN("sgd", "sgd", "{lr: 0.5}", "constant", NULL),
    RUN("sgd_decay", "sgd", "{lr: 0.5, weight_decay: 0.1}", "constant", NULL),
    RUN("sgd_momentum", "sgd", "{lr: 0.2, momentum: 0.9}", "constant", NULL),
    RUN("sgd_dampening", "sgd", "{lr: 0.2, momentum: 0.8, dampening: 0.3, weight_decay: 0.05}", "constant", NULL),
    RUN("sgd_nesterov", "sgd", "{lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.01}", "constant", NULL),
    RUN("adam", "adam", NULL, "constant", NULL),
    RUN("adam_decay", "adam", "{lr: 0.05, beta1: 0.8, beta2: 0.95, eps: 0.01, weight_decay: 0.1}", "constant", NULL),
    RUN("adamw", "adamw", "{lr: 0.05}", "constant", NULL),
    RUN("adamw_decay", "adamw", "{lr: 0.02, weight_decay: 0.5}", "constant", NULL),
    RUN("sgd_step", "sgd", "{lr: 0.5}", "step", "{every: 2, gamma: 0.5}"),
    RUN("adamw_one_cycle", "adamw", "{lr: 0.05}", "one_cycle", NULL),
    LONG("decays_weights", "sgd", "{lr: 0.1, momentum: 0.5, weight_decay: 0.1, decays: weights}", .seed = 0),
    LONG("adamw_decays_weights", "adamw", "{lr: 0.02, weight_decay: 0.5, decays: weights}", .seed = 0),
    LONG("clip_norm", "sgd", "{lr: 0.1, momentum: 0.5}", .clip_norm = 0.3),
    LONG("clip_value", "sgd", "{lr: 0.1, momentum: 0.5}", .clip_value = 0.05),
    LONG("clip_both", "adam", "{lr: 0.01}", .clip_norm = 0.5, .clip_value = 0.1),
    LONG("accumulate", "sgd", "{lr: 0.1, momentum: 0.5}", .accumulate = 2),
    LONG("ema", "sgd", "{lr: 0.5}", .ema = 0.9),
    LONG("ema_warmup", "sgd", "{lr: 0.5}", .ema = 0.95, .ema_warmup = true),
};

static const syllabus weighted[] = {
    LONG("class_weights", "sgd", "{lr: 0.1}", .seed = 0),
    LONG("class_weights_smooth", "sgd", "{lr: 0.1}", .seed = 0),
    LONG("accumulate_weights", "sgd", "{lr: 0.1}", .accumulate = 2, .clip_norm = 0.2),
    LONG("focal", "sgd", "{lr: 0.2}", .seed = 0),
    LONG("taught_weights", "sgd", "{lr: 0.2}", .seed = 0),
};

// Five labels, of which several outputs are true, or none.
static const uint8_t truth[] = {0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1};
static const struct several {
    const char *name, *options;
    bool weighted;
} several[] = {{"several", NULL, false}, {"several_weights", NULL, true}, {"several_focal", "{gamma: 1.5}", true}};

static double compare_weights(const cv_safetensors *golden, const syllabus *s, const cv_isa *isa) {
    lesson l;
    double share = 0;
    lesson_new(&l, s, isa, 1);
    must(lesson_run(&l), &l.err);
    assert_int_equal(l.result.steps, s->train.epochs * (s->train.accumulate ? 2 : 3));
    for (int t = 0; t < l.net->tensors; t++) {
        char name[256];
        float *values = test_memory(l.net->tensor[t].size, sizeof *values);
        snprintf(name, sizeof name, "train/%s/%s", s->name, l.net->tensor[t].name);
        cv_net_read(l.net, t, values);
        share = fmax(share, golden_check_floats(golden, name, isa->name, values, l.net->tensor[t].size,
                                                (tolerance){1e-6, 1e-6}));
        free(values);
    }
    lesson_free(&l);
    return share;
}

static void optimizers_are_pytorchs(void **state) {
    (void)state;
    cv_safetensors golden;
    golden_open(&golden);
    for (size_t k = 0; isa_at(k); k++) {
        double share = 0;
        for (size_t n = 0; n < CV_COUNT(optimizers); n++)
            share = fmax(share, compare_weights(&golden, &optimizers[n], isa_at(k)));
        for (size_t n = 0; n < CV_COUNT(weighted); n++) {
            syllabus s = weighted[n];
            s.class_weight = class_weight;
            if (strstr(s.name, "smooth")) s.loss_options = "{label_smoothing: 0.2}";
            if (strstr(s.name, "focal")) s.loss = "focal";
            if (strstr(s.name, "taught")) {
                s.teacher.temperature = s.teacher.std = 1;
                s.teacher.weight = 0.5;
            }
            share = fmax(share, compare_weights(&golden, &s, isa_at(k)));
        }
        syllabus taught = LONG("taught", "sgd", "{lr: 0.2}", .seed = 0);
        taught.teacher.temperature = 3;
        taught.teacher.weight = 0.7;
        taught.teacher.std = 1;
        share = fmax(share, compare_weights(&golden, &taught, isa_at(k)));
        for (size_t n = 0; n < CV_COUNT(several); n++) {
            syllabus s = LONG(several[n].name, "sgd", "{lr: 0.2}", .seed = 0);
            s.classes = 5;
            s.loss = "binary_cross_entropy";
            s.loss_options = several[n].options;
            s.truth = truth;
            if (several[n].weighted) s.class_weight = class_weight;
            share = fmax(share, compare_weights(&golden, &s, isa_at(k)));
        }
        print_message("%s: needs %.3f of what is allowed\n", isa_at(k)->name, share);
    }
    cv_safetensors_free(&golden);
}

// --- schedules ----------------------------------------------------------------------------------------------------

enum { STEPS = 70, PER_EPOCH = 7 };

static void fill_factors(const char *schedule, const char *options, double factor[STEPS]) {
    cv_schedule_config config = {0};
    const cv_schedule *s = find_schedule(schedule);
    read_options(s->schema, schedule, options, &config);
    for (int step = 0; step < STEPS; step++) factor[step] = cv_schedule_factor(s, &config, step, STEPS, PER_EPOCH);
}

static void schedules_are_pytorchs(void **state) {
    (void)state;
    static const struct {
        const char *name, *schedule, *options;
    } cases[] = {
        {"constant", "constant", NULL},
        {"step", "step", "{every: 3, gamma: 0.5}"},
        {"milestones", "milestones", "{at: [8, 2, 5], gamma: 0.3}"},
        {"cosine", "cosine", "{minimum: 0.1}"},
        {"linear", "linear", "{start: 0.25, end: 0.9, epochs: 4}"},
        {"exponential", "exponential", "{gamma: 0.8}"},
        {"polynomial", "polynomial", "{power: 2}"},
        {"polynomial_short", "polynomial", "{epochs: 4}"},
        {"warm_restarts", "warm_restarts", "{first: 3}"},
        {"warm_restarts_longer", "warm_restarts", "{first: 1, longer: 2, minimum: 0.05}"},
        {"exponential_each_step", "exponential", "{gamma: 0.8, each_step: true}"},
        {"polynomial_each_step", "polynomial", "{power: 0.5, each_step: true}"},
        {"cosine_each_step", "cosine", "{minimum: 0.1, each_step: true}"},
        {"linear_each_step", "linear", "{start: 0.25, end: 0.9, epochs: 4, each_step: true}"},
        {"warm_restarts_each_step", "warm_restarts", "{first: 2, longer: 2, each_step: true}"},
        {"warmup_cosine", "cosine", "{minimum: 0.01, each_step: true, warmup: 2}"},
        {"one_cycle", "one_cycle", NULL},
        {"one_cycle_wide", "one_cycle", "{pct_start: 0.55, div_factor: 10, final_div_factor: 100}"},
    };
    cv_safetensors golden;
    golden_open(&golden);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char name[64];
        double factor[STEPS];
        fill_factors(cases[k].schedule, cases[k].options, factor);
        snprintf(name, sizeof name, "schedule/%s", cases[k].name);
        golden_check(&golden, name, "schedule", factor, STEPS, (tolerance){1e-12, 0});
    }
    cv_safetensors_free(&golden);
}

// Whatever the schedule, and whatever is left of the training behind it.
static void a_schedule_begins_after_the_warmup(void **state) {
    (void)state;
    double plain[STEPS], warm[STEPS];
    fill_factors("step", "{every: 3, gamma: 0.5}", plain);
    fill_factors("step", "{every: 3, gamma: 0.5, warmup: 2}", warm);
    for (int step = 0; step < STEPS; step++) {
        const int since = step - 2 * PER_EPOCH;
        const double want = since < 0 ? (step + 1) / (2.0 * PER_EPOCH) : plain[since];
        if (fabs(warm[step] - want) > 1e-15) fail_msg("step %d: %.17g, not %.17g", step, warm[step], want);
    }
    fill_factors("cosine", "{warmup: 20}", warm); // longer than the training
    for (int step = 0; step < STEPS; step++) assert_true(fabs(warm[step] - (step + 1) / (20.0 * PER_EPOCH)) < 1e-15);
}

static void plateaus_are_pytorchs(void **state) {
    (void)state;
    enum { EPOCHS = 150, SCORES = 32 };
    static const struct {
        const char *name, *options;
        bool highest;
    } cases[] = {
        {"loss", "{patience: 2, factor: 0.5}", false},
        {"loss_cooldown", "{patience: 1, factor: 0.3, cooldown: 3, minimum: 0.02, threshold: 0.01}", false},
        {"accuracy", "{patience: 3, factor: 0.7}", true},
        {"accuracy_impatient", "{patience: 0, factor: 0.9, cooldown: 1, threshold: 0.05}", true},
    };
    cv_safetensors golden;
    golden_open(&golden);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        char name[64];
        double rate[EPOCHS];
        cv_schedule_config config = {0};
        cv_plateau plateau = {.factor = 1, .best = NAN};
        read_options(find_schedule("on_plateau")->schema, "on_plateau", cases[k].options, &config);
        for (int epoch = 0; epoch < EPOCHS; epoch++) {
            const double score = 0.5 + 0.5 * pow(0.9, epoch) + 0.1 * (double)made_up(SCORES, (uint32_t)epoch);
            cv_plateau_step(&config, 1, cases[k].highest, cases[k].highest ? 1 - score : score, &plateau);
            rate[epoch] = plateau.factor;
        }
        snprintf(name, sizeof name, "plateau/%s", cases[k].name);
        golden_check(&golden, name, "on_plateau", rate, EPOCHS, (tolerance){1e-12, 0});
        assert_true(rate[EPOCHS - 1] < 0.5); // else this tests nothing
    }
    cv_safetensors_free(&golden);
}

// --- whole trainings ----------------------------------------------------------------------------------------------

static void losses_follow_pytorchs(void **state) {
    (void)state;
    static const syllabus runs[] = {
        {COURSE, .name = "course", .examples = 320, .train = {.batch = 32, .epochs = 10}},
        {MODERN, .name = "modern", .examples = 320, .train = {.batch = 32, .epochs = 10}},
        {TINY, .name = "replacement", .examples = 90, .optimizer = "sgd", .optimizer_options = "{lr: 0.5}",
         .schedule = "constant", .train = {.batch = 8, .epochs = 3, .order = CV_REPLACEMENT}},
    };
    cv_safetensors golden;
    golden_open(&golden);
    for (size_t k = 0; isa_at(k); k++)
        for (size_t n = 0; n < CV_COUNT(runs); n++) {
            char name[64];
            lesson l;
            double worst = 0;
            lesson_new(&l, &runs[n], isa_at(k), 2);
            must(lesson_run(&l), &l.err);
            snprintf(name, sizeof name, "losses/%s", runs[n].name);
            double *want = golden_get(&golden, name, (size_t)l.steps);
            for (int64_t i = 0; i < l.steps; i++) {
                const double error = fabs(l.loss[i] - want[i]) / want[i];
                if (!(error <= 1e-4))
                    fail_msg("%s, %s: the loss of step %lld is %.9g, PyTorch has %.9g (%.1g of it)", isa_at(k)->name,
                             runs[n].name, (long long)i + 1, l.loss[i], want[i], error);
                worst = fmax(worst, error);
            }
            print_message("%s, %s: %lld losses, worst %.1e of PyTorch's\n", isa_at(k)->name, runs[n].name,
                          (long long)l.steps, worst);
            free(want);
            lesson_free(&l);
        }
    cv_safetensors_free(&golden);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers_are_pytorchs),
        cmocka_unit_test(schedules_are_pytorchs),
        cmocka_unit_test(a_schedule_begins_after_the_warmup),
        cmocka_unit_test(plateaus_are_pytorchs),
        cmocka_unit_test(losses_follow_pytorchs),
    };
    return cmocka_run_group_tests_name("optimizer", tests, NULL, NULL);
}
