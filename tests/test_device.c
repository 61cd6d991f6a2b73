// Layers and nets in their form for small processors: the numbers of the layers, within rounding, and the plan of the
// memory. What an exported file computes elsewhere, bit for bit, is in cli/test_device.sh.
#include "models.h"
#include "random_nets.h"
#include "ship/program.h"

enum { SAMPLES = 3, NETS = 300, VALUES = 77, TENSORS = 1000 };

static void fill_net(cv_net *net) {
    for (int t = 0; t < net->tensors; t++) {
        const cv_net_tensor *tensor = &net->tensor[t];
        float *values = test_memory(tensor->size, sizeof *values);
        for (size_t i = 0; i < tensor->size; i++) {
            values[i] = tensor->spec.integer ? 0 : made_up((uint32_t)(TENSORS + t), (uint32_t)i);
            if (!strcmp(tensor->spec.name, "running_var")) values[i] += 1.5f;
        }
        cv_net_write(net, t, values);
        free(values);
    }
}

static size_t bytes_of(const cv_device_value *v) {
    return v->count * (v->i8 ? 1 : sizeof(float));
}

// Two values that are alive together share no memory.
static void check_plan(const cv_program *p, const char *where) {
    for (int i = 0; i < p->calls; i++) {
        const int live[] = {p->call[i].x, p->call[i].x1, p->call[i].y};
        for (int a = 0; a < 3; a++)
            for (int b = 0; b < a; b++) {
                if (live[a] < 0 || live[b] < 0 || live[a] == live[b]) continue;
                const cv_device_value *x = &p->value[live[b]], *y = &p->value[live[a]];
                if (a == 2 && b == 0 && y->shares == live[b]) continue;
                if (x->offset < y->offset + bytes_of(y) && y->offset < x->offset + bytes_of(x))
                    fail_msg("%s: two values of call %d (%s) overlap", where, i, p->call[i].kernel->name);
            }
    }
}

// Number i of an output, as layers count, where the program has it.
static size_t place_of(cv_shape s, size_t i) {
    const size_t pixels = (size_t)cv_shape_pixels(s);
    return s.dims == 1 ? i : i % pixels * (size_t)s.c + i / pixels;
}

// Returns the largest difference, as a share of the largest output; -1 if a layer has no form for devices, which is
// said.
static double check_net(const convo_recipe *recipe, cv_net *net, const char *where) {
    const size_t in = (size_t)cv_shape_size(net->input), out = (size_t)cv_shape_size(cv_net_output(net));
    float *values = test_memory(SAMPLES * in, sizeof *values), *outputs = test_memory(SAMPLES * out, sizeof *outputs);
    float *logits = test_memory(out, sizeof *logits);
    const cv_ship ship = {.recipe = recipe, .net = net, .classes = (int)out, .mean = 0.25f, .std = 2};
    cv_program *p;
    convo_error err = {0};
    double largest = 0, worst = 0;
    for (size_t i = 0; i < SAMPLES * in; i++) values[i] = made_up(VALUES, (uint32_t)i);
    forward_one_by_one(net, CV_ANY_SIZE, 1, values, SAMPLES, outputs);
    const convo_status status = cv_program_new(&ship, &p, &err);
    if (status == CONVO_UNSUPPORTED) {
        assert_non_null(strstr(err.message, "has no form for devices"));
        free(values), free(outputs), free(logits);
        return -1;
    }
    must(status, &err);
    check_plan(p, where);
    void *memory = test_memory(p->memory, 1);
    for (size_t i = 0; i < SAMPLES * out; i++) largest = fmax(largest, fabs((double)outputs[i]));
    for (size_t n = 0; n < SAMPLES; n++) {
        float *row = values + n * in;
        for (size_t i = 0; i < in; i++) row[i] = row[i] * ship.std + ship.mean; // the program normalises
        cv_program_run(p, &(cv_device_input){.values = row}, memory, logits, NULL);
        for (size_t i = 0; i < out; i++) {
            const double expected = (double)outputs[n * out + i], got = (double)logits[place_of(cv_net_output(net), i)];
            if (!(fabs(got - expected) <= 2e-6 + 2e-5 * largest))
                fail_msg("%s: output %zu of example %zu is %.9g, as a device has it %.9g", where, i, n, expected, got);
            worst = fmax(worst, fabs(got - expected) / (largest + 1e-30));
        }
    }
    cv_program_free(p);
    free(memory);
    free(values);
    free(outputs);
    free(logits);
    return worst;
}

// --- 8-bit numbers ------------------------------------------------------------------------------------------------

static void widen(void *user, int value, const float *numbers, size_t count) {
    cv_range *r = (cv_range *)user + value;
    for (size_t i = 0; i < count; i++) {
        r->low = fminf(r->low, numbers[i]);
        r->high = fmaxf(r->high, numbers[i]);
    }
}

// The logits of the form in 8-bit numbers lie near those in floats. Returns the largest difference, as a share of the
// largest output; -1 without a form for devices.
static double check_quantized(const convo_recipe *recipe, cv_net *net, const char *where, double allowed) {
    const size_t in = (size_t)cv_shape_size(net->input), out = (size_t)cv_shape_size(cv_net_output(net));
    const cv_ship ship = {.recipe = recipe, .net = net, .classes = (int)out, .mean = 0, .std = 1};
    cv_program *p, *q;
    convo_error err = {0};
    if (cv_program_new(&ship, &p, &err)) return -1;
    float *values = test_memory(SAMPLES * in, sizeof *values), *logits = test_memory(2 * out, sizeof *logits);
    cv_range *range = test_memory((size_t)p->values, sizeof *range);
    void *memory = test_memory(p->memory, 1);
    double worst = 0, largest = 1e-30;
    for (size_t i = 0; i < SAMPLES * in; i++) values[i] = made_up(VALUES, (uint32_t)i);
    for (size_t n = 0; n < SAMPLES; n++)
        cv_program_watch(p, &(cv_device_input){.values = values + n * in}, memory, widen, range);
    must(cv_program_quantize(p, range, &q, &err), &err);
    check_plan(q, where);
    void *memory8 = test_memory(q->memory, 1);
    for (size_t n = 0; n < SAMPLES; n++) {
        const cv_device_input input = {.values = values + n * in};
        cv_program_run(p, &input, memory, logits, NULL);
        cv_program_run(q, &input, memory8, logits + out, NULL);
        for (size_t i = 0; i < out; i++) {
            largest = fmax(largest, fabs((double)logits[i]));
            worst = fmax(worst, fabs((double)(logits[i] - logits[out + i])));
        }
    }
    if (!(worst <= allowed * largest))
        fail_msg("%s: in 8-bit numbers an output is off by %.3g of the largest, %.3g", where, worst / largest, largest);
    cv_program_free(p);
    cv_program_free(q);
    free(values), free(logits), free(range), free(memory), free(memory8);
    return worst / largest;
}

// A recipe for its loss alone.
static convo_recipe *any_recipe(void) {
    return make_recipe("data: {set: arrays, path: x}\ninput: [2]\nmodel: [{linear: 2}]\ntrain: {loss: cross_entropy, "
                       "optimizer: {sgd: {lr: 0.1}}, batch: 1, epochs: 1}\n");
}

// What the second input of a layer is made by, from the first.
static layer second_of(const cv_op *op, cv_shape in, char options[32]) {
    const cv_shape shape = op->second ? op->second(in) : in;
    if (shape.dims != in.dims) return (layer){"second", "globalavgpool", NULL, {FROM_INPUT}};
    if (shape.c == in.c) return (layer){"second", "sigmoid", NULL, {FROM_INPUT}};
    snprintf(options, 32, in.dims == 1 ? "{out: %d}" : "{out: %d, kernel: 1}", (int)shape.c);
    static const char *const ops[] = {NULL, "linear", "conv1d", "conv2d"};
    return (layer){"second", ops[in.dims], options, {FROM_INPUT}};
}

static void a_layer_on_a_device_computes_what_the_layer_does(void **state) {
    (void)state;
    convo_recipe *recipe = any_recipe();
    const cv_isa *isa = cv_isa_find("baseline");
    int cases = 0;
    double worst = 0, worst8 = 0;
    for (int o = 0; o < isa->op_count; o++) {
        const cv_op *op = isa->ops[o];
        if (op->kind == CV_LOSS) continue;
        for (const cv_case *c = op->cases; c->batch; c++) {
            char where[256], options[32];
            const bool two = op->inputs == 2;
            const layer layers[] = {two ? second_of(op, c->in, options) : (layer){"first", "silu", NULL, {FROM_INPUT}},
                                    {"tested", op->name, c->options, {two ? FROM_INPUT : 0, two ? 1 : 0}},
                                    {0}};
            cv_net *net = make_net(isa, c->in, layers);
            snprintf(where, sizeof where, "%s %s", op->name, c->options ? c->options : "");
            fill_net(net);
            const double found = check_net(recipe, net, where);
            worst8 = fmax(worst8, check_quantized(recipe, net, where, 0.04));
            cv_net_free(net);
            cases += found >= 0;
            worst = fmax(worst, found);
            if (found < 0) print_message("%s has no form for devices\n", op->name);
        }
    }
    convo_recipe_free(recipe);
    assert_true(cases >= 219);
    print_message("%d cases, worst %.1e of the largest output, in 8-bit numbers %.1e\n", cases, worst, worst8);
}

static void random_nets_on_a_device_compute_what_the_nets_do(void **state) {
    (void)state;
    double worst = 0;
    int nets = 0;
    for (uint64_t seed = 1; seed <= NETS; seed++) {
        random_net *n = test_memory(1, sizeof *n);
        char text[TEXT + 64], where[64];
        cv_net *net;
        cv_random random;
        convo_error err = {0};
        random_net_new(n, seed);
        snprintf(text, sizeof text, "data: {set: arrays, path: x, split: official}\n%s", n->text);
        convo_recipe *recipe = make_recipe(text);
        must(cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err), &err);
        cv_random_seed(&random, seed);
        must(cv_net_init(net, &random, &err), &err);
        snprintf(where, sizeof where, "net %u", (unsigned)seed);
        const double found = check_net(recipe, net, where);
        worst = fmax(worst, found);
        nets += found >= 0;
        cv_net_free(net);
        convo_recipe_free(recipe);
        free(n);
    }
    assert_true(nets > NETS / 2);
    print_message("%d nets, worst %.1e of the largest output\n", nets, worst);
}

// What a front end on a device would leave out in silence is refused instead.
static void options_that_a_device_does_not_know_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *features, *says;
    } rows[] = {
        {"kind: logmel", NULL},
        {"kind: logmel, log: log10, range: 60", NULL},
        {"kind: logmel, layout: channels, normalize: global", NULL},
        {"kind: mfcc, layout: image", NULL},
        {"kind: logmel, deltas: 1", NULL},
        {"kind: fbank", NULL},
        {"kind: logmel, fft: 201", "odd"},
        {"kind: pcen", NULL},
        {"kind: micro, high: 3900", NULL},
        {"kind: mfcc_torch", NULL},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char text[256];
        cv_net *net;
        cv_program *p = NULL;
        convo_error err = {0};
        snprintf(text, sizeof text, "data: fsdd\nfeatures: {%s, samples: 2000}\nmodel: [flatten, {linear: 10}]\n",
                 rows[k].features);
        convo_recipe *recipe = make_recipe(text);
        must(cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err), &err);
        const cv_ship ship = {.recipe = recipe, .net = net, .classes = 10, .std = 1};
        const convo_status status = cv_program_new(&ship, &p, &err);
        if (!status != !rows[k].says || (status && !strstr(err.message, rows[k].says)))
            fail_msg("%s: '%s'", rows[k].features, err.message);
        if (!status) cv_program_free(p);
        cv_net_free(net);
        convo_recipe_free(recipe);
    }
}

// Features of a recording, normalised by channel, as a device has them and as training does; of whole numbers only the
// division by the deviation rounds.
static void a_front_end_on_a_device_hears_what_training_hears(void **state) {
    (void)state;
    static const struct {
        const char *features;
        double allowed;
    } rows[] = {
        {"kind: mfcc, samples: 6000", 2e-4},
        {"kind: logmel, samples: 6000, layout: channels", 2e-4},
        {"kind: mfcc, samples: 6000, scale: cmvn, deltas: 2", 2e-3},
        {"kind: mfcc, samples: 6000, scale: cmn, deltas: 1, layout: channels", 2e-3},
        {"kind: logmel, samples: 5000, range: 60, relative: false, scale: clip", 2e-4},
        {"kind: logmel, samples: 6000, offset: 0.1, deltas: 2, delta_reach: 5", 2e-4},
        {"kind: logmel, samples: 6000, center: false, align: transform, window_ms: 20, fft: 512", 2e-4},
        {"kind: mfcc_torch, samples: 6000", 2e-4},
        {"kind: mfcc_torch, samples: 5000, filters: 27, cepstra: 20, lifter: 22, range: 0, mel: slaney", 2e-4},
        {"kind: mfcc_torch, samples: 5000, filters: 30, range: 50, relative: true, log: log10, deltas: 1", 2e-4},
        {"kind: fbank, samples: 6000", 2e-4},
        {"kind: fbank, samples: 6000, energy: true, snip_edges: false, window: hamming, full_scale: 1", 2e-4},
        {"kind: fbank, samples: 5000, remove_dc: false, preemphasis: 0.5, filters: 30, scale: cmvn, deltas: 2", 2e-3},
        {"kind: pcen, samples: 6000", 2e-4},
        {"kind: pcen, samples: 6000, start: one, bias: 0, root: 0.3, gain: 0.8, power: 1", 2e-4},
        {"kind: logmel, samples: 6000, fft: 400, filters: 20", 2e-4},
        {"kind: mfcc, samples: 6000, fft: 222, filters: 20", 2e-4},
        {"kind: mfcc_torch, samples: 6000, fft: 250, filters: 20, center: false", 2e-4},
        {"kind: micro, high: 3900, samples: 7000, scale: clip, deltas: 1", 1e-5},
        {"kind: micro, high: 3900, samples: 7000", 1e-6},
        {"kind: micro, high: 3800, samples: 7000, window_ms: 25, hop_ms: 10, filters: 25, log_shift: 3", 1e-6},
        {"kind: micro, high: 3800, samples: 5000, window_ms: 50, pcan: false, smoothing_bits: 9, layout: channels",
         1e-6},
        {"kind: micro, low: 200, high: 3000, filters: 9, samples: 5000, log: false, least: 0.3", 1e-6},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char text[256];
        cv_net *net;
        cv_front *front;
        cv_program *p;
        cv_sound sound;
        convo_error err = {0};
        snprintf(text, sizeof text, "data: fsdd\nfeatures: {%s, normalize: channel}\nmodel: [flatten, {linear: 10}]\n",
                 rows[k].features);
        convo_recipe *recipe = make_recipe(text);
        must(cv_recipe_net(recipe, cv_isa_find("baseline"), &net, &err), &err);
        must(cv_front_new(recipe->feature, recipe->feature_config, recipe->rate, &front, &err), &err);
        must(cv_sound_read("data/fsdd/7_theo_1.flac", 8000, &sound, &err), &err);
        const size_t size = (size_t)cv_shape_size(net->input),
                     row[3] = {(size_t)net->input.c, (size_t)net->input.h, (size_t)net->input.w};
        const bool image = net->input.dims == 3;
        cv_normal normal;
        assert_true(cv_normal_new(row, (size_t[]){image && row[0] == 1 ? 1 : row[0], 1, image ? row[2] : 1}, &normal));
        for (size_t i = 0; i < cv_normal_count(&normal); i++)
            normal.mean[i] = (float)i, normal.std[i] = 1 + (float)i / 4;
        const cv_ship ship = {.recipe = recipe, .net = net, .classes = 10, .std = 1, .normal = &normal};
        must(cv_program_new(&ship, &p, &err), &err);
        float *expected = test_memory(size, sizeof *expected), *memory = test_memory(p->memory, 1);
        int16_t *sample = test_memory(sound.count, sizeof *sample);
        must(cv_front_compute(front, sound.sample, sound.count, expected, &err), &err);
        cv_normal_apply(&normal, 0, size, expected);
        for (size_t i = 0; i < sound.count; i++) sample[i] = (int16_t)lrintf(sound.sample[i] * 32768);
        p->calls = 0; // the front end alone
        cv_program_run(p, &(cv_device_input){.sample = sample, .count = sound.count}, memory, NULL, NULL);
        for (size_t i = 0; i < size; i++) {
            const double got = (double)memory[p->value[0].offset / sizeof *memory + place_of(net->input, i)];
            if (!(fabs(got - (double)expected[i]) <= rows[k].allowed * (1 + fabs((double)expected[i]))))
                fail_msg("%s: feature %zu is %.9g, as a device has it %.9g", rows[k].features, i, (double)expected[i],
                         got);
        }
        free(expected), free(memory), free(sample);
        cv_program_free(p);
        cv_normal_free(&normal);
        cv_sound_free(&sound);
        cv_front_free(front);
        cv_net_free(net);
        convo_recipe_free(recipe);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_front_end_on_a_device_hears_what_training_hears),
        cmocka_unit_test(options_that_a_device_does_not_know_are_refused),
        cmocka_unit_test(a_layer_on_a_device_computes_what_the_layer_does),
        cmocka_unit_test(random_nets_on_a_device_compute_what_the_nets_do),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
