// 8-bit numbers: training that rounds as they do, layers that stay in floats, and ranges in model files that are
// damaged.
#define _GNU_SOURCE // mkdtemp
#include "models.h"

#include "base/file.h"
#include "model/on_device.h"
#include "model/ranges.h"
#include "net/runner.h"
#include "folder.h"

#include <unistd.h>

// --- weights ------------------------------------------------------------------------------------------------------

// The nets of make.py's int8().
static void weights_are_rounded_as_pytorch_does(void **state) {
    (void)state;
    static const struct {
        const char *name, *op, *options;
        cv_shape in;
    } rows[] = {{"linear", "linear", "{out: 5}", {1, 12, 1, 1}},
                {"conv", "conv2d", "{out: 6, kernel: 3}", {3, 4, 5, 5}},
                {"depthwise", "conv2d", "{out: 4, kernel: 3, groups: 4}", {3, 4, 5, 5}},
                {"transposed", "convtranspose2d", "{out: 6, kernel: 2}", {3, 3, 5, 5}}};
    cv_safetensors golden;
    golden_open(&golden);
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        const layer layers[] = {{"0", rows[k].op, rows[k].options, {FROM_INPUT}}, {.op = NULL}};
        cv_net *net = make_net(cv_isa_find(NULL), rows[k].in, layers);
        cv_pool *pool = make_pool(2);
        cv_runner *r;
        convo_error err = {0};
        const cv_net_tensor *weight = &net->tensor[cv_node_weight(net, &net->node[0])];
        const size_t in = (size_t)cv_shape_size(net->input);
        float *values = test_memory(weight->size, sizeof *values), *x = test_memory(in, sizeof *x);
        for (size_t i = 0; i < weight->size; i++) values[i] = made_up(10, (uint32_t)i);
        cv_net_write(net, net->node[0].tensor, values);
        net->node[0].rounded = true;
        must(cv_runner_new(net, NULL, NULL, 1, 0, pool, &r, &err), &err);
        cv_runner_forward(r, &(cv_batch){.values = CV_FLOATS(x), .index = (int32_t[]){0}, .count = 1}, NULL, NULL);
        char name[64];
        snprintf(name, sizeof name, "int8/%s", rows[k].name);
        golden_check_floats(&golden, name, rows[k].op, r->rounded + weight->offset, weight->size,
                            (tolerance){0, 1.2e-7});
        cv_runner_free(r);
        cv_pool_free(pool);
        cv_net_free(net);
        free(values), free(x);
    }
    cv_safetensors_free(&golden);
}

// --- values -------------------------------------------------------------------------------------------------------

static void widen(void *user, int value, const float *numbers, size_t count) {
    cv_range *r = (cv_range *)user + value;
    for (size_t i = 0; i < count; i++) {
        r->low = fminf(r->low, numbers[i]);
        r->high = fmaxf(r->high, numbers[i]);
    }
}

static cv_program *program_of(const convo_model *model) {
    const cv_model_parts parts = cv_model_parts_of(model);
    const cv_ship ship = cv_ship_of(&parts);
    convo_error err = {0};
    cv_program *p;
    must(cv_program_new(&ship, &p, &err), &err);
    return p;
}

// The outputs of a net to the inputs.
static void run_net(cv_net *net, const float *x, int count, float *y) {
    cv_pool *pool = make_pool(1);
    cv_runner *runner;
    convo_error err = {0};
    int32_t *index = test_memory((size_t)count, sizeof *index);
    for (int k = 0; k < count; k++) index[k] = k;
    must(cv_runner_new(net, NULL, NULL, count, 0, pool, &runner, &err), &err);
    cv_runner_forward(runner, &(cv_batch){.values = CV_FLOATS(x), .index = index, .count = count}, y, NULL);
    cv_runner_free(runner);
    cv_pool_free(pool);
    free(index);
}

static void the_net_that_is_trained_rounds_as_the_device(void **state) {
    (void)state;
    static const char *const nets[] = {
        "[{conv2d: {out: 8, kernel: 3, padding: 1, bias: false}}, batchnorm, relu, {maxpool2d: 2}, "
        "{conv2d: {out: 8, kernel: 3, groups: 8}}, batchnorm, flatten, {linear: 5}]",
        "[{conv2d: {out: 6, kernel: 3}}, "
        "{residual: {body: [{conv2d: {out: 6, kernel: 3, padding: 1}}, batchnorm, relu, {conv2d: {out: 6, kernel: "
        "1}}]}}, "
        "relu6, dropout, {squeeze_excite: 2}, globalavgpool, {linear: 9}, tanh, {linear: 5}]",
        "[transpose, {conv2d: {out: 4, kernel: 3, stride: 2}}, hardswish, batchnorm, {dense: {layers: 2, growth: 3}}, "
        "{avgpool2d: 2}, flatten, {linear: 7}, batchnorm, relu, {linear: 5}]",
    };
    enum { COUNT = 200 };
    for (size_t n = 0; n < CV_COUNT(nets); n++) {
        char text[700];
        snprintf(text, sizeof text, "input: [2, 9, 8]\nmodel: %s", nets[n]);
        convo_model *model = make_model(text, 5);
        cv_program *p = program_of(model), *q;
        const size_t in = (size_t)cv_shape_size(model->net->input);
        cv_range *range = test_memory((size_t)p->values, sizeof *range);
        float *x = test_memory(COUNT * in, sizeof *x), *y = test_memory(COUNT * 5, sizeof *y), device[5];
        cv_net *fake;
        convo_error err = {0};
        void *memory = test_memory(p->memory, 1);
        for (size_t i = 0; i < COUNT * in; i++) x[i] = made_up(3, (uint32_t)i);
        for (size_t k = 0; k < COUNT; k++)
            cv_program_watch(p, &(cv_device_input){.values = x + k * in}, memory, widen, range);
        must(cv_program_quantize(p, range, &q, &err), &err);
        must(cv_program_fake(p, range, model->net, &fake, &err), &err);
        run_net(fake, x, COUNT, y);
        void *memory8 = test_memory(q->memory, 1);
        const double step = (double)q->value[q->made[q->mades - 1].i8].scale;
        int equal = 0;
        double worst = 0, plain = 0;
        for (size_t k = 0; k < COUNT; k++) {
            cv_program_run(q, &(cv_device_input){.values = x + k * in}, memory8, device, NULL);
            float exact[5];
            cv_program_run(p, &(cv_device_input){.values = x + k * in}, memory, exact, NULL);
            for (int c = 0; c < 5; c++) {
                const double off = fabs((double)(y[k * 5 + (size_t)c] - device[c])) / step;
                equal += off < 0.01;
                worst = fmax(worst, off);
                plain += fabs((double)(exact[c] - device[c])) / step > 0.5;
            }
        }
        print_message(
            "net %zu: %.1f %% of the outputs are the device's, the worst is %.0f steps off; %.1f %% in floats are "
            "not within half a step\n",
            n, 100.0 * equal / (COUNT * 5), worst, 100.0 * plain / (COUNT * 5));
        if (equal < 0.95 * COUNT * 5 || worst > 2.01) fail_msg("net %zu rounds otherwise", n);
        cv_program_free(p), cv_program_free(q);
        cv_net_free(fake);
        convo_model_free(model);
        free(x), free(y), free(range), free(memory), free(memory8);
    }
}

// --- training -----------------------------------------------------------------------------------------------------

#define MOONS           "data: {set: moons, examples: 600, noise: 0.3, split: {train: 0.5, validation: 0.25, test: 0.25}}\n"
#define HIDDEN          "model: [{linear: 16}, batchnorm, relu, {linear: 16}, relu, {linear: 1}]\n"
#define TRAIN(settings) MOONS HIDDEN "train: {loss: logistic, optimizer: {adam: {lr: 0.01}}, batch: 30, " settings "}\n"

typedef struct stopper {
    int epoch;
    volatile int stop;
} stopper;

static void stop_there(const convo_progress *p, void *user) {
    stopper *s = user;
    if (p->epoch == s->epoch && p->step == p->steps) s->stop = 1;
}

typedef struct how {
    const char *from, *in_floats;
    int threads, stop_after;
    bool resume;
} how;

static convo_status train(const char *text, const char *run, how h, convo_error *err) {
    char out[96], from[96] = "";
    stopper s = {.epoch = h.stop_after};
    snprintf(out, sizeof out, "%s/%s", test_folder, run);
    if (h.from) snprintf(from, sizeof from, "%s/%s", test_folder, h.from);
    convo_recipe *recipe = make_recipe(text);
    const convo_train_options options = {.out = out,
                                         .threads = h.threads ? h.threads : 1,
                                         .resume = h.resume,
                                         .from = h.from ? from : NULL,
                                         .in_floats = h.in_floats,
                                         .stop = &s.stop,
                                         .progress = stop_there,
                                         .user = &s};
    const convo_status status = convo_train(recipe, &options, NULL, NULL, err);
    convo_recipe_free(recipe);
    return status;
}

static convo_model *load(const char *run) {
    char path[96];
    convo_model *model;
    convo_error err = {0};
    snprintf(path, sizeof path, "%s/%s", test_folder, run);
    must(convo_model_load(path, &model, &err), &err);
    return model;
}

// What the device says in 8-bit numbers.
static convo_score score_int8(const char *run) {
    convo_model *model = load(run);
    convo_evaluation e;
    convo_error err = {0};
    must(convo_model_quantize(model, NULL, &err), &err);
    must(convo_model_run_on(model, CONVO_DEVICE_INT8, &err), &err);
    must(convo_evaluate(model, CONVO_TEST, NULL, &e, &err), &err);
    const convo_score score = e.score;
    convo_evaluation_free(&e);
    convo_model_free(model);
    return score;
}

// One unit of the first layer has large values, which the second layer makes small again: most of the 8-bit numbers of
// its map are spent on them.
static void make_lopsided(const char *run, const char *to) {
    char path[96];
    convo_model *model = load(run);
    convo_error err = {0};
    cv_net *net = model->net;
    snprintf(path, sizeof path, "%s/%s", test_folder, to);
    for (int t = 0; t < net->tensors; t++) {
        float *values = test_memory(net->tensor[t].size, sizeof *values);
        cv_net_read(net, t, values);
        const char *name = net->tensor[t].name;
        if (!strcmp(name, "1.weight") || !strcmp(name, "1.bias")) values[0] *= 400;
        for (size_t i = 0; !strcmp(name, "3.weight") && i < 16; i++) values[16 * i] /= 400;
        cv_net_write(net, t, values);
        free(values);
    }
    must(convo_model_save(model, path, &err), &err);
    convo_model_free(model);
}

static void training_for_8_bits_does_better_in_them(void **state) {
    (void)state;
    convo_error err = {0};
    must(train(TRAIN("epochs: 30"), "float", (how){0}, &err), &err);
    make_lopsided("float", "lopsided.safetensors");
    must(train(TRAIN("epochs: 15, keep: last"), "tuned", (how){.from = "lopsided.safetensors"}, &err), &err);
    must(train(TRAIN("epochs: 15, keep: last, quantize: int8"), "aware", (how){.from = "lopsided.safetensors"}, &err),
         &err);
    const convo_score plain = score_int8("lopsided.safetensors"), tuned = score_int8("tuned"),
                      aware = score_int8("aware");
    print_message("in 8-bit numbers: accuracy %.4f, loss %.4f; fine-tuned %.4f, %.4f; trained for them %.4f, %.4f\n",
                  plain.accuracy, plain.loss, tuned.accuracy, tuned.loss, aware.accuracy, aware.loss);
    assert_true(aware.accuracy >= tuned.accuracy);
    assert_true(aware.loss < plain.loss / 2);
}

static void check_same_model(const char *a, const char *b) {
    cv_bytes bytes[2];
    convo_error err = {0};
    for (int k = 0; k < 2; k++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s/best.safetensors", test_folder, k ? b : a);
        must(cv_file_read(path, SIZE_MAX / 2, &bytes[k], &err), &err);
    }
    if (bytes[0].size != bytes[1].size || memcmp(bytes[0].data, bytes[1].data, bytes[0].size) != 0)
        fail_msg("%s and %s differ", a, b);
    free(bytes[0].data), free(bytes[1].data);
}

static void it_has_the_same_bits_for_all_threads_and_when_resumed(void **state) {
    (void)state;
    static const char text[] = TRAIN("epochs: 4, quantize: int8");
    convo_error err = {0};
    const how one = {.from = "float", .in_floats = "5"};
    must(train(text, "one", one, &err), &err);
    for (int threads = 2; threads <= 3; threads++) {
        must(train(text, "more", (how){.from = "float", .in_floats = "5", .threads = threads}, &err), &err);
        check_same_model("one", "more");
    }
    must(train(text, "cut", (how){.from = "float", .in_floats = "5", .stop_after = 2}, &err), &err);
    must(train(text, "cut", (how){.resume = true}, &err), &err); // neither model nor layers are named again
    check_same_model("one", "cut");
}

static void what_it_needs_is_said(void **state) {
    (void)state;
    static const struct {
        const char *text;
        how h;
        const char *run, *says;
    } rows[] = {
        {TRAIN("epochs: 1, quantize: int8"), {0}, "refused", "--from"},
        {TRAIN("epochs: 1"), {.from = "float", .in_floats = "5"}, "refused", "all layers are in floats"},
        {TRAIN("epochs: 5, quantize: int8"), {.resume = true, .in_floats = "3"}, "one", "other layers in floats"},
        {TRAIN("epochs: 99, quantize: int8"), {.resume = true}, "float", "began without 'quantize: int8'"},
        {TRAIN("epochs: 1, quantize: int8, precision: bf16"), {.from = "float"}, "refused", "bf16"},
        {TRAIN("epochs: 1, quantize: int8"), {.from = "float", .in_floats = "9"}, "refused", "'9'"},
        {TRAIN("epochs: 1, quantize: int8"), {.from = "float", .in_floats = "1"}, "refused", "batch norm"},
    };
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        convo_error err = {0};
        const convo_status status = train(rows[k].text, rows[k].run, rows[k].h, &err);
        if (status != CONVO_ARGUMENT || !strstr(err.message, rows[k].says)) fail_msg("row %zu: '%s'", k, err.message);
    }
    convo_recipe *recipe;
    convo_error err = {0};
    static const char inserted[] = "input: [2]\nmodel: [fake_quantize]";
    assert_int_equal(convo_recipe_parse(inserted, strlen(inserted), "x", &recipe, &err), CONVO_ARGUMENT);
    assert_non_null(strstr(err.message, "unknown layer 'fake_quantize'"));
}

// --- what stays in floats -----------------------------------------------------------------------------------------

// The layers whose calls are in floats, "0 3".
static void list_floats(const convo_model *model, char *text, size_t size) {
    cv_program *q;
    convo_error err = {0};
    must(cv_model_program(model, true, &q, &err), &err);
    *text = 0;
    for (int i = 0; i < q->calls; i++)
        if (!q->call[i].i8 && q->call[i].y >= 0) cv_append(text, size, "%s%s", *text ? "|" : "", q->call[i].path);
    cv_program_free(q);
}

static void named_layers_stay_in_floats_and_the_file_says_so(void **state) {
    (void)state;
    static const struct {
        const char *in_floats, *floats;
    } rows[] = {{"", ""}, {"0", "input|0 2"}, {"2", "input|0 2"}, {"3-4", "3 4"}, {"3, 5", "3 4|5"}};
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char floats[256], path[96];
        convo_model *model = load("float");
        convo_error err = {0};
        must(convo_model_quantize(model, &(convo_train_options){.in_floats = rows[k].in_floats}, &err), &err);
        list_floats(model, floats, sizeof floats);
        if (strcmp(floats, rows[k].floats) != 0)
            fail_msg("'%s': in floats are '%s', not '%s'", rows[k].in_floats, floats, rows[k].floats);
        snprintf(path, sizeof path, "%s/mixed.safetensors", test_folder);
        must(convo_model_save(model, path, &err), &err);
        convo_model_free(model);
        model = load("mixed.safetensors");
        must(convo_model_quantize(model, NULL, &err), &err);
        list_floats(model, floats, sizeof floats);
        assert_string_equal(floats, rows[k].floats);
        char *kept;
        must(convo_model_in_floats(model, &kept, &err), &err);
        assert_string_equal(kept ? kept : "", rows[k].in_floats);
        free(kept);
        must(convo_model_quantize(model, &(convo_train_options){.in_floats = "5"}, &err), &err);
        list_floats(model, floats, sizeof floats);
        assert_string_equal(floats, "5");
        convo_model_free(model);
    }
}

// --- ranges in a file ---------------------------------------------------------------------------------------------

// Reads ranges as those of a model and, if they are accepted, runs it with them. says: of the refusal.
static bool are_accepted(convo_model *model, const char *text, convo_error *err) {
    free(model->ranges);
    model->ranges = cv_format("%s", text);
    if (convo_model_quantize(model, NULL, err)) return false;
    must(convo_model_run_on(model, CONVO_DEVICE_INT8, err), err);
    float probability[2];
    const float x[] = {0.5f, -0.25f};
    must(convo_model_predict_arrays(model, x, 1, probability, err), err);
    if (!(probability[0] >= 0 && probability[0] <= 1)) fail_msg("%s: probability %g", text, (double)probability[0]);
    return true;
}

static const char sound_ranges[] =
    "{\"input\":[-2,3],\"0\":[0,5.5],\"3\":[0,7],\"5\":[-9,8.25],\"float\":\"5\",\"unknown\":3}";

static void damaged_ranges_are_refused_with_a_sentence(void **state) {
    (void)state;
    static const struct {
        const char *was, *is, *says;
    } rows[] = {
        {"{", "", "'input'"},
        {"\"input\"", "\"Input\"", "'input'"},
        {"[0,5.5]", "[0]", "'0'"},
        {"[0,5.5]", "[0,5.5,6]", "'0'"},
        {"[0,5.5]", "[6,5.5]", "'0'"},
        {"[0,5.5]", "[0,\"5.5\"]", "'0'"},
        {"[0,5.5]", "[0,1e40]", "'0'"},
        {"[0,5.5]", "[0,1e30]", "'0'"},
        {"[0,5.5]", "[-1e999,0]", "'input'"},
        {"[0,5.5]", "5.5", "'0'"},
        {"[0,5.5]", "null", "'0'"},
        {"\"5\",", "5,", "'float'"},
        {"\"5\",", "\"6\",", "'6'"},
    };
    convo_model *model = load("float");
    convo_error err = {0};
    assert_true(are_accepted(model, sound_ranges, &err));
    for (size_t k = 0; k < CV_COUNT(rows); k++) {
        char text[256];
        const char *at = strstr(sound_ranges, rows[k].was);
        if (!at) fail_msg("'%s' is not there", rows[k].was);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - sound_ranges), sound_ranges, rows[k].is,
                 at + strlen(rows[k].was));
        if (are_accepted(model, text, &err)) fail_msg("%s is accepted", text);
        if (err.code != CONVO_FORMAT || !strstr(err.message, "convo.int8") || !strstr(err.message, rows[k].says))
            fail_msg("%s: '%s'", text, err.message);
    }
    convo_model_free(model);
}

static void no_damage_breaks_more(void **state) {
    (void)state;
    enum { ROUNDS = 4000 };
    convo_model *model = load("float");
    cv_random random;
    int accepted = 0;
    cv_random_seed(&random, 8);
    for (int k = 0; k < ROUNDS; k++) {
        static const char letters[] = "0123456789eE+-.,[]{}\":\\ a";
        char text[sizeof sound_ranges];
        convo_error err = {0};
        memcpy(text, sound_ranges, sizeof text);
        for (uint32_t n = 1 + cv_random_u32(&random) % 3; n; n--)
            text[cv_random_u32(&random) % (sizeof text - 1)] = letters[cv_random_u32(&random) % (sizeof letters - 1)];
        if (are_accepted(model, text, &err))
            accepted++;
        else if (err.code != CONVO_FORMAT || !strstr(err.message, "convo.int8"))
            fail_msg("%s: '%s'", text, err.message);
    }
    print_message("%d of %d are accepted\n", accepted, ROUNDS);
    assert_in_range(accepted, 10, ROUNDS - 10);
    convo_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_rounded_as_pytorch_does),
        cmocka_unit_test(the_net_that_is_trained_rounds_as_the_device),
        cmocka_unit_test(training_for_8_bits_does_better_in_them), // trains "float", which the next ones use
        cmocka_unit_test(it_has_the_same_bits_for_all_threads_and_when_resumed),
        cmocka_unit_test(what_it_needs_is_said),
        cmocka_unit_test(named_layers_stay_in_floats_and_the_file_says_so),
        cmocka_unit_test(damaged_ranges_are_refused_with_a_sentence),
        cmocka_unit_test(no_damage_breaks_more),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
