// Every op x case x input, by the table of ops: gradients against central differences, values and gradients against
// PyTorch on every instruction set. A new op is tested as soon as its file is there and golden/make.py was run again.
//
//     test_ops --cases    prints the table for golden/make.py
#include "drive.h"

#include <stdio.h>

// Streams of made-up numbers; golden/make.py has the same.
enum { X = 1, X1 = 2, OUTPUT_GRADIENT = 3, LABEL = 4, BROKEN = 5, TENSOR = 10, SEED = 7 };

typedef struct subject {
    const cv_op *op;
    const cv_case *test;
    int number; // of the case
} subject;

static char label_text[160];

static const char *subject_text(const cv_isa *isa, const subject *s, const char *input) {
    snprintf(label_text, sizeof label_text, "%s, %s case %d %s batch %d, input %s", isa->name, s->op->name, s->number,
             s->test->options ? s->test->options : "{}", s->test->batch, input);
    return label_text;
}

static void for_each_case(const cv_isa *isa, void (*visit)(const cv_isa *isa, const subject *s, void *user),
                          void *user) {
    for (int o = 0; o < isa->op_count; o++) {
        subject s = {.op = isa->ops[o], .test = isa->ops[o]->cases};
        for (; s.test && s.test->batch; s.test++, s.number++) visit(isa, &s, user);
    }
}

// The tensors as golden/make.py fills them.
static void fill_tensors(drive *d) {
    for (int t = 0; t < d->tensors; t++)
        for (size_t i = 0; i < d->size[t]; i++) {
            float value = made_up((uint32_t)(TENSOR + t), (uint32_t)i);
            if (strcmp(d->spec[t].name, "running_var") == 0) value += 1.5f;
            real_set(d->isa, d->tensor[t], i, d->spec[t].integer ? 0 : (double)value);
        }
}

static drive drive_case(const cv_isa *isa, const subject *s, int count) {
    const op_config config = op_options(s->op, s->test->options);
    drive d = drive_new(isa, s->op, config.bytes, s->test->in, count);
    const int64_t classes = d.in.c > 1 ? d.in.c : 2;
    for (int i = 0; i < d.blocks * isa->lanes; i++) d.label[i] = made_up_class(LABEL, (uint32_t)i, classes);
    fill_tensors(&d);
    drive_poison(&d);
    return d;
}

// --- against central differences ----------------------------------------------------------------------------------

typedef struct finding {
    char tensor[32];
    size_t element;
    double analytic, numeric, error; // error: relative to the largest gradient in the tensor
} finding;

// Random directions of the outputs: a sum of outputs would not see errors that cancel (softmax, batchnorm).
static double projection(const drive *d, int sample, int64_t i) {
    const int64_t size = cv_shape_size(d->out);
    if (d->op->kind == CV_LOSS) return 1.0 / d->count;
    return (double)made_up(OUTPUT_GRADIENT, (uint32_t)(sample * size + i));
}

static double projected(const drive *d) {
    const int64_t size = cv_shape_size(d->out);
    double sum = 0;
    drive_forward(d, true);
    for (int n = 0; n < d->count; n++)
        for (int64_t i = 0; i < size; i++) sum += projection(d, n, i) * real_get(d->isa, d->y, lane_at(d, size, n, i));
    return sum;
}

// values: an array of numbers, the elements of which are at[0..n); gradient: the analytic one, in the same places.
static void check_array(const drive *d, const char *name, void *values, const void *gradient, const size_t *at,
                        size_t n, double h, finding *worst) {
    double *numeric = test_memory(n, sizeof *numeric), largest = 1e-3;
    for (size_t i = 0; i < n; i++) {
        const double value = real_get(d->isa, values, at[i]);
        real_set(d->isa, values, at[i], value + h);
        const double above = projected(d), up = real_get(d->isa, values, at[i]);
        real_set(d->isa, values, at[i], value - h);
        const double below = projected(d), down = real_get(d->isa, values, at[i]);
        real_set(d->isa, values, at[i], value);
        numeric[i] = (above - below) / (up - down);
        largest = fmax(largest, fmax(fabs(numeric[i]), fabs(real_get(d->isa, gradient, at[i]))));
    }
    for (size_t i = 0; i < n; i++) {
        const double analytic = real_get(d->isa, gradient, at[i]), error = fabs(analytic - numeric[i]) / largest;
        if (isnan(worst->error) || error <= worst->error) continue; // a NaN is the worst
        *worst = (finding){.element = i, .analytic = analytic, .numeric = numeric[i], .error = error};
        cv_print(worst->tensor, sizeof worst->tensor, "%s", name);
    }
    free(numeric);
}

// The worst disagreement in any element of any input or parameter. h: how far elements are moved.
static finding check_gradient(drive *d, double h) {
    finding worst = {.error = -1};
    const int64_t out = cv_shape_size(d->out);
    double *dy = test_memory((size_t)(d->count * out), sizeof *dy);
    for (int n = 0; n < d->count; n++)
        for (int64_t i = 0; i < out; i++) dy[n * out + i] = projection(d, n, i);
    drive_put(d, d->dy, out, dy, true);
    drive_forward(d, true);
    drive_backward(d);
    size_t most = 0;
    for (int k = 0; k < d->inputs; k++) {
        const size_t size = (size_t)(d->count * cv_shape_size(drive_shape(d, k)));
        most = size > most ? size : most;
    }
    for (int t = 0; t < d->tensors; t++) most = d->size[t] > most ? d->size[t] : most;
    size_t *at = test_memory(most, sizeof *at);
    for (int k = 0; k < d->inputs; k++) {
        const int64_t in = cv_shape_size(drive_shape(d, k));
        for (int n = 0; n < d->count; n++)
            for (int64_t i = 0; i < in; i++) at[n * in + i] = lane_at(d, in, n, i);
        check_array(d, k ? "x1" : "x", d->x[k], d->dx[k], at, (size_t)(d->count * in), h, &worst);
    }
    for (size_t i = 0; i < most; i++) at[i] = i;
    for (int t = 0; t < d->tensors; t++)
        if (d->grad[t]) check_array(d, d->spec[t].name, d->tensor[t], d->grad[t], at, d->size[t], h, &worst);
    free(dy);
    free(at);
    return worst;
}

// Inputs that stay away from kinks: 101 neighbours differ by at least 1/30, and are at least 1/60 away from zero.
static void put_smooth_inputs(const drive *d) {
    for (int k = 0; k < d->inputs; k++) {
        const int64_t size = cv_shape_size(drive_shape(d, k));
        double *rows = test_memory((size_t)(d->count * size), sizeof *rows);
        for (int n = 0; n < d->count; n++)
            for (int64_t i = 0; i < size; i++)
                rows[n * size + i] = ((double)((i * 29 + n * 13 + k * 31) % 101) - 50.5) / 30;
        drive_put(d, d->x[k], size, rows, false);
        free(rows);
    }
}

// The larger cases are for the golden test alone.
static bool is_small(const subject *s) {
    return cv_shape_pixels(s->test->in) <= 101;
}

static finding gradient_of(const cv_isa *isa, const subject *s, int samples, double h) {
    // Statistics of a batch need the batch; otherwise samples have nothing to do with each other.
    const bool all = s->op->statistics || s->test->batch < samples;
    drive d = drive_case(isa, s, all ? s->test->batch : samples);
    cv_random random;
    cv_random_seed(&random, SEED);
    put_smooth_inputs(&d);
    drive_draw(&d, &random);
    const finding worst = check_gradient(&d, h);
    drive_free(&d);
    return worst;
}

typedef struct precision {
    double h, tolerance, worst;
    int samples, cases;
} precision;

static void check_case(const cv_isa *isa, const subject *s, void *user) {
    precision *p = user;
    if (!is_small(s) || s->op->kind == CV_INSERTED) return; // whose gradient passes what its steps do not
    const finding f = gradient_of(isa, s, p->samples, p->h);
    if (!(f.error <= p->tolerance))
        fail_msg("%s: the gradient of %s[%zu] is %.9g, differences say %.9g (%.2g of the largest)",
                 subject_text(isa, s, "smooth"), f.tensor, f.element, f.analytic, f.numeric, f.error);
    p->worst = fmax(p->worst, f.error);
    p->cases++;
}

static void gradients_agree_with_differences_of_doubles(void **state) {
    (void)state;
    precision p = {.h = 1e-4, .tolerance = 1e-6, .samples = 3};
    for_each_case(cv_isa_find("double"), check_case, &p);
    print_message("double: %d cases, worst %.1e\n", p.cases, p.worst);
}

static void gradients_agree_with_differences_of_floats(void **state) {
    (void)state;
    for (size_t k = 0; isa_at(k); k++) {
        precision p = {.h = 1e-2, .tolerance = 2e-3, .samples = 2};
        for_each_case(isa_at(k), check_case, &p);
        print_message("%s: %d cases, worst %.1e\n", isa_at(k)->name, p.cases, p.worst);
    }
}

// An op with one number of its backward pass off by a thousandth.
static const cv_op *right;
static int wrong_tensor; // -1: dx

static void wrong_backward(const cv_pass *p) {
    right->backward(p);
    double *victim = wrong_tensor < 0 ? p->dx[0] : p->grad[wrong_tensor];
    victim[0] += 1e-3;
}

static void plant_and_look(const cv_isa *isa, const subject *s, void *user) {
    if (!is_small(s) || s->op->kind == CV_INSERTED) return;
    cv_op wrong = *s->op;
    drive d = drive_case(isa, s, 1);
    int *planted = user;
    wrong.backward = wrong_backward;
    right = s->op;
    for (wrong_tensor = -1; wrong_tensor < d.tensors; wrong_tensor++) {
        if (wrong_tensor >= 0 && !d.grad[wrong_tensor]) continue;
        const finding f = gradient_of(isa, &(subject){&wrong, s->test, s->number}, 1, 1e-4);
        if (f.error < 1e-6)
            fail_msg("%s: the bug planted in tensor %d is not seen", subject_text(isa, s, "smooth"), wrong_tensor);
        ++*planted;
    }
    drive_free(&d);
}

static void a_planted_bug_is_found(void **state) {
    (void)state;
    int planted = 0;
    for_each_case(cv_isa_find("double"), plant_and_look, &planted);
    assert_true(planted > 100);
}

// --- against PyTorch ----------------------------------------------------------------------------------------------

static const tolerance forward_tolerance = {1e-5, 1e-5}, gradient_tolerance = {1e-7, 1e-4};

typedef struct comparison {
    cv_safetensors golden;
    double forward, gradient; // worst share of the tolerance
    int cases, batches[64];
} comparison;

static const char *const inputs[] = {"plain", "coarse", "broken"};

static float input_value(const char *input, uint32_t stream, uint32_t i) {
    const float value = made_up(stream, i);
    if (strcmp(input, "coarse") == 0) return rintf(value * 4) / 4; // ties and zeros
    if (strcmp(input, "broken") == 0 && made_up(BROKEN, i) > 0.8f) return NAN;
    return value;
}

static double range_of(const cv_op *op) {
    return op->case_range != 0 ? op->case_range : 1;
}

static void put_input(const drive *d, const char *input) {
    const int64_t out = cv_shape_size(d->out);
    for (int k = 0; k < d->inputs; k++) {
        const int64_t in = cv_shape_size(drive_shape(d, k));
        double *rows = test_memory((size_t)(d->count * in), sizeof *rows);
        for (int64_t i = 0; i < d->count * in; i++)
            rows[i] = range_of(d->op) * (double)input_value(input, k ? X1 : X, (uint32_t)i);
        drive_put(d, d->x[k], in, rows, false);
        free(rows);
    }
    double *rows = test_memory((size_t)(d->count * out), sizeof *rows);
    for (int64_t i = 0; i < d->count * out; i++) rows[i] = (double)made_up(OUTPUT_GRADIENT, (uint32_t)i);
    drive_put(d, d->dy, out, rows, true);
    free(rows);
}

static double compare_lanes(const drive *d, const comparison *c, const char *prefix, const char *what,
                            const char *where, const void *values, cv_shape shape, tolerance allowed) {
    const int64_t size = cv_shape_size(shape);
    char name[96];
    double *rows = test_memory((size_t)(d->count * size), sizeof *rows);
    snprintf(name, sizeof name, "%s/%s", prefix, what);
    drive_take(d, values, size, rows);
    const double share = golden_check(&c->golden, name, where, rows, (size_t)(d->count * size), allowed);
    free(rows);
    return share;
}

static double compare_tensor(const drive *d, const comparison *c, const char *prefix, int t, const char *where) {
    const bool buffer = d->spec[t].buffer;
    char name[96];
    double *values = test_memory(d->size[t], sizeof *values);
    snprintf(name, sizeof name, "%s/%s%s", prefix, buffer ? "" : "d", d->spec[t].name);
    for (size_t i = 0; i < d->size[t]; i++) values[i] = real_get(d->isa, buffer ? d->tensor[t] : d->grad[t], i);
    const double share =
        golden_check(&c->golden, name, where, values, d->size[t], buffer ? forward_tolerance : gradient_tolerance);
    free(values);
    return share;
}

static bool knows_training(const cv_op *op) {
    return strstr(op->torch, "training") != NULL;
}

// What a parameter gradient in front of this op would add for samples that are not there.
static void check_idle_lanes(const drive *d, const char *where) {
    for (int k = 0; k < d->inputs; k++)
        for (int n = d->count; n < d->blocks * d->isa->lanes; n++)
            for (int64_t i = 0, size = cv_shape_size(drive_shape(d, k)); i < size; i++)
                if (real_get(d->isa, d->dx[k], lane_at(d, size, n, i)) != 0)
                    fail_msg("%s: an idle lane has a gradient, %g", where,
                             real_get(d->isa, d->dx[k], lane_at(d, size, n, i)));
}

static void compare_input(const cv_isa *isa, const subject *s, comparison *c, const char *input) {
    const char *where = subject_text(isa, s, input);
    drive d = drive_case(isa, s, s->test->batch);
    cv_random random;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "op/%s/%d/%s", s->op->name, s->number, input);
    put_input(&d, input);
    if (knows_training(s->op)) {
        drive_forward(&d, false);
        c->forward = fmax(c->forward, compare_lanes(&d, c, prefix, "inference", where, d.y, d.out, forward_tolerance));
    }
    cv_random_seed(&random, SEED);
    drive_draw(&d, &random);
    drive_forward(&d, true);
    c->forward = fmax(c->forward, compare_lanes(&d, c, prefix, "y", where, d.y, d.out, forward_tolerance));
    if (strcmp(input, "broken") != 0) {
        drive_backward(&d);
        check_idle_lanes(&d, where);
        for (int k = 0; k < d.inputs; k++)
            c->gradient = fmax(c->gradient, compare_lanes(&d, c, prefix, k ? "dx1" : "dx", where, d.dx[k],
                                                          drive_shape(&d, k), gradient_tolerance));
        for (int t = 0; t < d.tensors; t++) {
            if (d.spec[t].integer)
                assert_true(real_get(isa, d.tensor[t], 0) == 1); // batches seen
            else
                c->gradient = fmax(c->gradient, compare_tensor(&d, c, prefix, t, where));
        }
    }
    drive_free(&d);
}

static void compare_case(const cv_isa *isa, const subject *s, void *user) {
    comparison *c = user;
    for (size_t k = 0; k < CV_COUNT(inputs); k++) compare_input(isa, s, c, inputs[k]);
    c->cases++;
}

static void values_and_gradients_are_pytorchs(void **state) {
    (void)state;
    comparison c = {0};
    golden_open(&c.golden);
    for (size_t k = 0; k == 0 || isa_at(k - 1); k++) {
        const cv_isa *isa = isa_at(k) ? isa_at(k) : cv_isa_find("double"); // the last one
        c.cases = 0;
        c.forward = c.gradient = 0;
        for_each_case(isa, compare_case, &c);
        print_message("%s: %d cases; of what is allowed, forward passes need %.4f, gradients %.4f\n", isa->name,
                      c.cases, c.forward, c.gradient);
    }
    cv_safetensors_free(&c.golden);
}

// --- one example, channels in the lanes ---------------------------------------------------------------------------

// A net of the case alone, or behind a layer that does nothing, so that the net's input is not the op's.
static cv_net *net_of_case(const drive *d, const subject *s, bool behind) {
    const layer same = {"same", "dropout", NULL, {FROM_INPUT}},
                tested = {"tested", s->op->name, s->test->options, {behind ? 0 : FROM_INPUT}};
    cv_net *net;
    convo_error err = {0};
    must(cv_net_new(d->isa, d->in, &net, &err), &err);
    if (behind) add_layer(net, &same);
    add_layer(net, &tested);
    must(cv_net_finish(net, &err), &err);
    for (int t = 0; t < d->tensors; t++) cv_net_write(net, t, d->tensor[t]);
    return net;
}

static void compare_alone(const cv_isa *isa, const subject *s, comparison *c, const char *input, bool behind) {
    const drive d = drive_case(isa, s, s->test->batch);
    const size_t in = (size_t)cv_shape_size(d.in) * (size_t)d.count,
                 out = (size_t)cv_shape_size(d.out) * (size_t)d.count;
    float *values = test_memory(in, sizeof *values), *got = test_memory(out, sizeof *got);
    cv_net *net = net_of_case(&d, s, behind);
    char name[96], where[192];
    snprintf(name, sizeof name, "op/%s/%d/%s/%s", s->op->name, s->number, input,
             knows_training(s->op) ? "inference" : "y");
    snprintf(where, sizeof where, "%s, alone%s", subject_text(isa, s, input), behind ? ", behind another layer" : "");
    for (size_t i = 0; i < in; i++) values[i] = (float)range_of(s->op) * input_value(input, X, (uint32_t)i);
    forward_alone(net, values, d.count, got);
    c->forward = fmax(c->forward, golden_check_floats(&c->golden, name, where, got, out, forward_tolerance));
    const bool form = s->op->single || s->op->by_channel;
    if (has_single_form(net) != form) fail_msg("%s: %s", where, form ? "has no such form" : "has such a form");
    cv_net_free(net);
    free(values);
    free(got);
    drive_free((drive *)&d);
}

static void compare_case_alone(const cv_isa *isa, const subject *s, void *user) {
    comparison *c = user;
    if (s->op->kind == CV_LOSS || s->op->inputs > 1) return; // `add` is in the nets of test_plan.c
    for (size_t k = 0; k < CV_COUNT(inputs); k++)
        for (int behind = 0; behind < 2; behind++) compare_alone(isa, s, c, inputs[k], behind);
    c->cases++;
}

static void one_example_alone_is_pytorchs(void **state) {
    (void)state;
    comparison c = {0};
    golden_open(&c.golden);
    for (size_t k = 0; isa_at(k); k++) {
        c.cases = 0;
        c.forward = 0;
        for_each_case(isa_at(k), compare_case_alone, &c);
        print_message("%s: %d cases, need %.4f of what is allowed\n", isa_at(k)->name, c.cases, c.forward);
    }
    cv_safetensors_free(&c.golden);
}

// --- probabilities ------------------------------------------------------------------------------------------------

static void losses_make_probabilities_of_outputs(void **state) {
    (void)state;
    static const struct {
        const char *loss;
        int count, classes;
        float outputs[3];
        double want[3];
    } rows[] = {
        {"cross_entropy", 3, 3, {1, 2, 3}, {0.090030573, 0.244728471, 0.665240956}},
        {"cross_entropy", 2, 2, {1000, 1000}, {0.5, 0.5}},
        {"focal", 3, 3, {1, 2, 3}, {0.090030573, 0.244728471, 0.665240956}},
        {"binary_cross_entropy", 3, 3, {1, -100, 0}, {0.731058579, 0, 0.5}},
        {"binary_cross_entropy", 1, 2, {1}, {0.268941421, 0.731058579}},
        {"logistic", 1, 2, {1}, {0.268941421, 0.731058579}},
        {"logistic", 1, 2, {-100}, {1, 0}},
        {"mse", 3, 3, {0.2f, 0.6f, 0.2f}, {0.2, 0.6, 0.2}},
        {"mse", 3, 3, {3, 0.5f, -7}, {0.666666, 0.333333, 0}}, // cut to 0 ... 1 first
        {"mse", 1, 2, {-1}, {1, 0}},
        {"mse", 1, 2, {0.5f}, {0.25, 0.75}},
        {"mse", 1, 2, {1.5f}, {0, 1}},
        {"regression", 1, 1, {-3.5f}, {-3.5}},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        float got[3];
        cv_op_find(cv_isa_find(NULL), rows[k].loss)->probabilities(rows[k].outputs, rows[k].count, got);
        for (int j = 0; j < rows[k].classes; j++)
            if (!(fabs((double)got[j] - rows[k].want[j]) < 2e-6))
                fail_msg("%s, row %zu: probability %d is %.9g, not %.9g", rows[k].loss, k, j, (double)got[j],
                         rows[k].want[j]);
    }
}

// --- the table itself ---------------------------------------------------------------------------------------------

static void count_batch(const cv_isa *isa, const subject *s, void *user) {
    (void)isa;
    int *batches = user;
    assert_in_range(s->test->batch, 1, 63);
    batches[s->test->batch]++;
}

static void every_op_has_cases_and_every_batch_occurs(void **state) {
    (void)state;
    const cv_isa *isa = isa_at(0);
    const int wanted[] = {1, 7, 8, 15, 16, 17, 33};
    int batches[64] = {0};
    for (int o = 0; o < isa->op_count; o++) {
        const cv_op *op = isa->ops[o];
        if (!op->torch || !op->cases || !op->cases[0].batch)
            fail_msg("%s has no PyTorch expression or no cases", op->name);
        if (op->kind == CV_LAYER && !op->single && (!op->by_channel || op->tensors))
            fail_msg("%s has no form for one example: a net with it would run as a batch of one", op->name);
    }
    for_each_case(isa, count_batch, batches);
    for (size_t k = 0; k < CV_COUNT(wanted); k++)
        if (!batches[wanted[k]]) fail_msg("no case has a batch of %d", wanted[k]);
}

static void print_options(const cv_option *schema, const void *config) {
    for (const cv_option *o = schema; o && o->name; o++) {
        const int64_t *pair = (const int64_t *)(const void *)((const char *)config + o->offset);
        char text[CV_TEXT_SIZE];
        cv_option_get(o, config, text, sizeof text);
        printf("%s\"%s\": ", o == schema ? "" : ", ", o->name);
        if (o->type == CV_PAIR)
            printf("[%lld, %lld]", (long long)pair[0], (long long)pair[1]);
        else if (o->type == CV_ENDS) // as F.pad has them: left, right, top, bottom
            printf("[%lld, %lld]", (long long)pair[1], (long long)pair[3]);
        else if (o->type == CV_SIDES)
            printf("[%lld, %lld, %lld, %lld]", (long long)pair[1], (long long)pair[3], (long long)pair[0],
                   (long long)pair[2]);
        else
            printf(o->type == CV_WORD || o->type == CV_TEXT ? "\"%s\"" : "%s", text);
    }
}

// The sizes behind the batch.
static void print_shape(cv_shape s) {
    printf(s.dims == 1   ? ", %lld"
           : s.dims == 2 ? ", %lld, %lld"
                         : ", %lld, %lld, %lld",
           (long long)s.c, (long long)(s.dims == 2 ? s.w : s.h), (long long)s.w);
}

static void print_case(const cv_isa *isa, const subject *s, void *user) {
    int *printed = user;
    drive d = drive_case(isa, s, 1);
    printf("%s{\"op\": \"%s\", \"case\": %d, \"torch\": \"%s\", \"loss\": %s, \"inputs\": %d, \"range\": %g, "
           "\"shape1\": [%d",
           (*printed)++ ? ",\n" : "", s->op->name, s->number, s->op->torch, s->op->kind == CV_LOSS ? "true" : "false",
           d.inputs, range_of(s->op), s->test->batch);
    print_shape(d.in1);
    printf("], \"shape\": [%d", s->test->batch);
    print_shape(d.in);
    printf("], \"options\": {");
    print_options(s->op->schema, d.config.bytes);
    printf("}, \"tensors\": [");
    for (int t = 0; t < d.tensors; t++) {
        printf("%s{\"name\": \"%s\", \"buffer\": %s, \"integer\": %s, \"shape\": [", t ? ", " : "", d.spec[t].name,
               d.spec[t].buffer ? "true" : "false", d.spec[t].integer ? "true" : "false");
        for (int k = 0; k < d.spec[t].dims; k++) printf("%s%lld", k ? ", " : "", (long long)d.spec[t].dim[k]);
        printf("]}");
    }
    printf("]}");
    drive_free(&d);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_has_cases_and_every_batch_occurs),
        cmocka_unit_test(gradients_agree_with_differences_of_doubles),
        cmocka_unit_test(gradients_agree_with_differences_of_floats),
        cmocka_unit_test(a_planted_bug_is_found),
        cmocka_unit_test(values_and_gradients_are_pytorchs),
        cmocka_unit_test(one_example_alone_is_pytorchs),
        cmocka_unit_test(losses_make_probabilities_of_outputs),
    };
    int printed = 0;
    if (argc < 2 || strcmp(argv[1], "--cases") != 0) return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
    printf("[\n");
    for_each_case(cv_isa_find("double"), print_case, &printed);
    printf("\n]\n");
    return 0;
}
