// ONNX in 8-bit numbers: onnxruntime, from the node_modules folder that CONVO_ORT names, computes what a device does.
//
//     build/tests/test_qdq RUN [DATA]     compares over the test part of a run's data instead
#include "models.h"

#include "exchange/export.h"
#include "model/on_device.h"
#include "folder.h"

#include <math.h>
#include <unistd.h>

enum { ROWS = 200, VALUES = 4242 };

static void widen(void *user, int value, const float *numbers, size_t count) {
    cv_range *r = (cv_range *)user + value;
    for (size_t i = 0; i < count; i++) {
        r->low = fminf(r->low, numbers[i]);
        r->high = fmaxf(r->high, numbers[i]);
    }
}

static void measure(convo_model *model, const float *values, int rows) {
    const cv_model_parts parts = cv_model_parts_of(model);
    const cv_ship ship = cv_ship_of(&parts);
    const size_t size = (size_t)cv_shape_size(model->net->input);
    convo_error err = {0};
    cv_program *p;
    must(cv_program_new(&ship, &p, &err), &err);
    void *memory = test_memory(p->memory, 1);
    model->range = test_memory((size_t)p->values, sizeof *model->range);
    for (int n = 0; n < rows; n++)
        cv_program_watch(p, &(cv_device_input){.values = values + (size_t)n * size}, memory, widen, model->range);
    free(memory);
    cv_program_free(p);
}

typedef struct counts {
    int rows, labels, values, steps;
} counts;

// What onnxruntime says to `rows` examples, [rows][size], beside what the device's form does.
static counts compare(convo_model *model, const float *features, int rows) {
    const size_t size = (size_t)cv_shape_size(model->net->input);
    const int outputs = (int)cv_shape_size(cv_net_output(model->net));
    float *logits = test_memory((size_t)(rows * outputs), sizeof *logits);
    convo_error err = {0};
    cv_program *p;
    char path[4][64], command[256];
    static const char *const endings[] = {"net.onnx", "in.npy", "out.npy", "list"};
    for (int k = 0; k < 4; k++) snprintf(path[k], sizeof path[k], "%s/%s", test_folder, endings[k]);
    must(cv_model_program(model, true, &p, &err), &err);
    void *memory = test_memory(p->memory, 1);
    for (int n = 0; n < rows; n++)
        cv_program_run(p, &(cv_device_input){.features = features + (size_t)n * size}, memory, logits + n * outputs,
                       NULL);
    const float scale = p->value[p->made[p->mades - 1].i8].scale;
    must(convo_export(model, path[0], &(convo_export_options){.int8 = true}, &err), &err);
    write_npy(path[1], features, rows, model->net->input);
    write_npy(path[2], logits, rows, (cv_shape){1, outputs, 1, 1});
    FILE *list = fopen(path[3], "w");
    assert_non_null(list);
    fprintf(list, "%s %s %s %.9g\n", path[0], path[1], path[2], (double)scale);
    fclose(list);
    snprintf(command, sizeof command, "node tests/onnx/steps.js %s", path[3]);
    FILE *said = popen(command, "r");
    counts c = {-1, -1, -1, -1};
    if (!said || fscanf(said, "%*s %d %d %d %d", &c.rows, &c.labels, &c.values, &c.steps) != 4)
        fail_msg("onnxruntime does not run the model");
    pclose(said);
    cv_program_free(p);
    free(memory), free(logits);
    return c;
}

// The file, read again, is the net in floats with weights of 8 bits. Returns the largest difference of an output, as a
// share of the largest output.
static double read_again(const convo_model *model, const float *features, int rows) {
    const size_t all = (size_t)rows * (size_t)cv_shape_size(cv_net_output(model->net));
    char path[64];
    convo_error err = {0};
    convo_model *again;
    double worst = 0, largest = 1e-30;
    snprintf(path, sizeof path, "%s/net.onnx", test_folder);
    must(convo_import(path, NULL, &again, &err), &err);
    float *want = model_outputs(model, features, rows), *got = model_outputs(again, features, rows);
    for (size_t i = 0; i < all; i++) {
        worst = fmax(worst, fabs((double)want[i] - (double)got[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    free(want), free(got);
    convo_model_free(again);
    return worst / largest;
}

// The sums are exact and the scales are chosen so that convolutions round alike; averages, sums and products of two
// values are floats in onnxruntime, which may lie on the other side of a half.
static const struct {
    const char *name, *text;
    double share; // of the numbers may differ
} nets[] = {
    {"convolutions",
     "input: [3, 9, 8]\nmodel: [{conv2d: {out: 9, kernel: 3, padding: 1}}, relu, {conv2d: {out: 5, kernel: [3, 2], "
     "stride: 2}}, "
     "{maxpool2d: 2}, flatten, {linear: 7}, relu, {linear: 4}]\n",
     0},
    {"a row",
     "input: [13, 74]\nmodel: [{conv1d: {out: 16, kernel: 3, padding: 1}}, relu, {avgpool1d: 2}, {conv1d: {out: 12, "
     "kernel: 3}}, relu6, "
     "flatten, {linear: 4}]\n",
     0.01},
    {"depthwise",
     "input: [4, 8, 9]\nmodel: [{conv2d: {out: 8, kernel: 3, padding: 1}}, batchnorm, relu, {conv2d: {out: 8, kernel: "
     "3, groups: 8}}, "
     "batchnorm, relu, {conv2d: {out: 6, kernel: 1}}, globalavgpool, {linear: 4}]\n",
     0.01},
    {"residual",
     "input: [4, 8, 9]\nmodel: [{residual: {body: [{conv2d: {out: 4, kernel: 3, padding: 1}}, batchnorm, relu]}}, "
     "hardswish, "
     "{squeeze_excite: 2}, {maxpool2d: 2}, flatten, {linear: 4}]\n",
     0.03},
    {"floats inside", "input: [6]\nmodel: [{linear: 12}, layernorm, {linear: 9}, tanh, {linear: 4}]\n", 0.02},
};

static void onnxruntime_computes_what_a_device_does(void **state) {
    (void)state;
    if (!getenv("CONVO_ORT")) {
        print_message("[  SKIPPED ] onnxruntime_computes_what_a_device_does: CONVO_ORT names no node_modules folder\n");
        skip();
    }
    for (size_t k = 0; k < sizeof nets / sizeof *nets; k++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "data: {set: arrays, path: x}\n%strain: {loss: cross_entropy, optimizer: {sgd: {lr: 0.1}}}\n",
                 nets[k].text);
        convo_model *model = make_model(text, 4);
        const size_t size = (size_t)cv_shape_size(model->net->input);
        float *values = test_memory(ROWS * size, sizeof *values);
        for (size_t i = 0; i < ROWS * size; i++) values[i] = made_up(VALUES, (uint32_t)i);
        measure(model, values, ROWS / 2);
        const counts c = compare(model, values, ROWS);
        const double all = ROWS * (double)cv_shape_size(cv_net_output(model->net));
        print_message("%s: %d of %.0f numbers differ, by %d; %d labels\n", nets[k].name, c.values, all, c.steps,
                      c.labels);
        if (c.values > nets[k].share * all || c.steps > 1) fail_msg("%s is not the same in onnxruntime", nets[k].name);
        const double off = read_again(model, values, ROWS);
        if (!(off < 0.03)) fail_msg("%s, read again, is off by %.2g of the largest output", nets[k].name, off);
        free(values);
        convo_model_free(model);
    }
}

static float *numbers_of(const char *path, size_t count) {
    float *values = test_memory(count, sizeof *values);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(values, sizeof *values, count, file), count);
    fclose(file);
    return values;
}

static void models_of_other_programs_are_read(void **state) {
    (void)state;
    enum { EXAMPLES = 7, INPUTS = 3 * 8 * 8, OUTPUTS = 5 }; // as quantized.py has them
    char path[3][64], command[320];
    static const char *const endings[] = {"other.onnx", "x.bin", "y.bin"};
    convo_error err = {0};
    convo_model *model;
    if (system("/usr/bin/python3 -c 'import onnx' 2>/dev/null") != 0) {
        print_message("[  SKIPPED ] models_of_other_programs_are_read: python3-onnx is not installed\n");
        skip();
    }
    for (int k = 0; k < 3; k++) snprintf(path[k], sizeof path[k], "%s/%s", test_folder, endings[k]);
    snprintf(command, sizeof command, "/usr/bin/python3 tests/onnx/quantized.py %s %s %s", path[0], path[1], path[2]);
    assert_int_equal(system(command), 0);
    must(convo_import(path[0], NULL, &model, &err), &err);
    float *x = numbers_of(path[1], EXAMPLES * INPUTS), *y = numbers_of(path[2], EXAMPLES * OUTPUTS);
    float *got = model_outputs(model, x, EXAMPLES);
    for (int i = 0; i < EXAMPLES * OUTPUTS; i++)
        if (!(fabs((double)got[i] - (double)y[i]) < 1e-3))
            fail_msg("output %d is %g, not %g", i, (double)got[i], (double)y[i]);
    free(x), free(y), free(got);
    convo_model_free(model);
}

// A run and its data.
static int compare_run(const char *run, const char *data) {
    convo_error err = {0};
    convo_model *model;
    cv_material m = {0};
    const convo_train_options options = {.data = data};
    must(convo_model_load(run, &model, &err), &err);
    must(convo_model_quantize(model, &options, &err), &err);
    must(cv_material_load(model->recipe, &options, CONVO_TEST, &m, &err), &err);
    const size_t size = (size_t)cv_shape_size(model->net->input), rows = m.split.count[CONVO_TEST];
    float *values = test_memory(rows * size, sizeof *values);
    for (size_t n = 0; n < rows; n++) {
        const float *row = cv_values_row(&m.values, (size_t)m.split.index[CONVO_TEST][n], size, values + n * size);
        if (row != values + n * size) memcpy(values + n * size, row, size * sizeof *row);
    }
    const counts c = compare(model, values, (int)rows);
    printf("%d examples: %d labels differ, %d of %lld numbers, by at most %d steps\n", c.rows, c.labels, c.values,
           (long long)rows * (long long)cv_shape_size(cv_net_output(model->net)), c.steps);
    free(values);
    cv_material_free(&m);
    convo_model_free(model);
    return 0;
}

int main(int argc, char **argv) {
#ifndef CONVO_HAVE_ONNX
    (void)argc, (void)argv, (void)compare_run, (void)onnxruntime_computes_what_a_device_does;
    (void)models_of_other_programs_are_read;
    puts("[  SKIPPED ] this build has no ONNX\n[  SKIPPED ] 2 test(s), listed below:");
    return 0;
#else
    static const struct CMUnitTest tests[] = {cmocka_unit_test(onnxruntime_computes_what_a_device_does),
                                              cmocka_unit_test(models_of_other_programs_are_read)};
    void *folder;
    if (argc < 2) return cmocka_run_group_tests(tests, make_folder, remove_folder);
    const int status = make_folder(&folder) || compare_run(argv[1], argc > 2 ? argv[2] : NULL);
    return remove_folder(&folder) || status;
#endif
}
