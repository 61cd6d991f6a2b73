// ONNX out: what is written passes the ONNX checker and says in onnxruntime what it says in convo. The two judges are
// not part of the build: python3-onnx, and onnxruntime-node in the node_modules folder that CONVO_ORT names.
#include "models.h"

#include "audio/sound.h"
#include "base/file.h"
#include "exchange/export.h"
#include "format/onnx.h"
#include "folder.h"

#include <unistd.h>

enum { MOST_FILES = 400 };

static int written; // models: FOLDER/k.onnx with k.in.npy and k.out.npy
static char what[MOST_FILES][160];

#ifdef CONVO_HAVE_ONNX
static void name_of(char path[64], const char *ending) {
    snprintf(path, 64, "%s/%d%s", test_folder, written, ending);
}

// Exports a model with inputs and what its net says to them. samples: of recordings; NULL: the inputs go in.
static void write_case(const char *text, const convo_model *model, const convo_export_options *options,
                       const float *inputs, int count, const float *samples, int64_t length) {
    char path[64];
    convo_error err = {0};
    assert_true(written < MOST_FILES);
    snprintf(what[written], sizeof what[written], "%s", text);
    name_of(path, ".onnx");
    must(convo_export(model, path, options, &err), &err);
    name_of(path, ".in.npy");
    write_npy(path, samples ? samples : inputs, count, samples ? (cv_shape){1, length, 1, 1} : model->net->input);
    float *y = model_outputs(model, inputs, count);
    const int outputs = (int)cv_shape_size(cv_net_output(model->net));
    float *p = test_memory((size_t)count * (size_t)model->classes, sizeof *p);
    for (int n = 0; options && options->probabilities && n < count; n++)
        model->recipe->loss->probabilities(y + n * outputs, outputs, p + n * model->classes);
    name_of(path, ".out.npy");
    if (options && options->probabilities)
        write_npy(path, p, count, (cv_shape){1, model->classes, 1, 1});
    else
        write_npy(path, y, count, (cv_shape){1, outputs, 1, 1});
    written++;
    free(p);
    free(y);
}

static void write_noise(const char *text, const convo_model *model, const convo_export_options *options, int count) {
    const size_t size = (size_t)cv_shape_size(model->net->input) * (size_t)count;
    float *inputs = test_memory(size, sizeof *inputs);
    for (size_t i = 0; i < size; i++) inputs[i] = made_up(9, (uint32_t)i);
    write_case(text, model, options, inputs, count, NULL, 0);
    free(inputs);
}

// --- layers -------------------------------------------------------------------------------------------------------

static void every_layer_can_be_exported(void **state) {
    (void)state;
    const cv_isa *isa = cv_isa_find(NULL);
    for (int k = 0; k < isa->op_count; k++) {
        const cv_op *op = isa->ops[k];
        if (op->kind != CV_LAYER) continue;
        if (!op->onnx && !op->say_onnx) fail_msg("%s has no ONNX form", op->name);
        for (const cv_case *c = op->cases; c->batch && op->inputs < 2; c++) {
            char text[512], shape[48];
            cv_shape_text(c->in, shape, sizeof shape);
            shape[0] = '[', shape[strlen(shape) - 1] = ']';
            snprintf(text, sizeof text, "input: %s\nmodel: [{%s: %s}, flatten, {linear: 3}]", shape, op->name,
                     c->options ? c->options : "{}");
            convo_model *model = make_model(text, 3);
            snprintf(text, sizeof text, "%s %s of %s", op->name, c->options ? c->options : "", shape);
            write_noise(text, model, NULL, c->batch);
            convo_model_free(model);
        }
    }
}

static const char nested[] = "input: [3, 8, 9]\n"
                             "features: {mean: [0.3, 0.1, -0.2], std: [0.25, 0.5, 2]}\n"
                             "data: {set: cifar-10}\n"
                             "model:\n"
                             "  - conv2d: {out: 4, kernel: 3, padding: 1, bias: false}\n"
                             "  - batchnorm\n"
                             "  - residual: {body: [{conv2d: {out: 4, kernel: 1}}, batchnorm, {batchnorm: {affine: "
                             "false, eps: 0.01}}, dropout]}\n"
                             "  - relu\n"
                             "  - residual:\n"
                             "      body: [{conv2d: {out: 6, kernel: 3, stride: 2}}, batchnorm]\n"
                             "      shortcut: [{residual: {body: [tanh]}}, {conv2d: {out: 6, kernel: 3, stride: 2}}]\n"
                             "  - batchnorm\n"
                             "  - globalavgpool\n"
                             "  - linear: 8\n"
                             "  - batchnorm\n"
                             "  - linear: 10\n"
                             "  - dropout\n";

static void branches_folding_and_probabilities(void **state) {
    (void)state;
    convo_model *model = make_model(nested, 10);
    write_noise("nested", model, NULL, 5);
    write_noise("nested, folded", model, &(convo_export_options){.fold = true}, 5);
    write_noise("nested, folded, probabilities", model, &(convo_export_options){.fold = true, .probabilities = true},
                5);
    convo_model_free(model);
    model = make_model(
        "input: [6]\nmodel: [{linear: 4}, sigmoid, {linear: 1}]\ntrain: {loss: logistic, optimizer: adam}", 2);
    write_noise("one output", model, NULL, 3);
    write_noise("one output, probabilities", model, &(convo_export_options){.probabilities = true}, 3);
    convo_model_free(model);
    static const char *const losses[] = {"binary_cross_entropy", "focal"};
    for (size_t k = 0; k < CV_COUNT(losses); k++)
        for (int outputs = 1 + (int)k; outputs < 4; outputs += 2) { // one output, of two classes
            char text[160];
            snprintf(text, sizeof text, "input: [6]\nmodel: [{linear: %d}]\ntrain: {loss: %s, optimizer: adam}",
                     outputs, losses[k]);
            model = make_model(text, outputs > 1 ? outputs : 2);
            write_noise(losses[k], model, &(convo_export_options){.probabilities = true}, 3);
            convo_model_free(model);
        }
}

static void folding_leaves_only_what_cannot_be_folded(void **state) {
    (void)state;
    convo_model *model = make_model(nested, 10);
    cv_graph graph;
    convo_error err = {0};
    must(cv_export_graph(model, &(convo_export_options){.fold = true}, &graph, &err), &err);
    int left = 0;
    for (size_t k = 0; k < graph.nodes; k++) left += !strcmp(graph.node[k].type, "BatchNormalization");
    assert_int_equal(left, 2); // the one behind another batch norm, the one behind a sum
    cv_graph_free(&graph);
    convo_model_free(model);
}

static void a_batch_norm_is_folded_into_a_transposed_convolution(void **state) {
    (void)state;
    convo_model *model = make_model("input: [6, 3, 4]\nmodel: [{convtranspose2d: {out: 4, kernel: [3, 2], stride: 2, "
                                    "groups: 2, bias: false}}, batchnorm, flatten, {linear: 3}]",
                                    3);
    cv_graph graph;
    convo_error err = {0};
    must(cv_export_graph(model, &(convo_export_options){.fold = true}, &graph, &err), &err);
    assert_int_equal(graph.nodes, 3);
    cv_graph_free(&graph);
    write_noise("transposed, folded", model, &(convo_export_options){.fold = true}, 5);
    convo_model_free(model);
}

// --- recordings ---------------------------------------------------------------------------------------------------

static const char *const clips[] = {"data/fsdd/0_george_1.flac", "data/fsdd/3_jackson_2.flac",
                                    "data/fsdd/7_theo_3.flac", "data/fsdd/9_nicolas_4.flac",
                                    "data/fsdd/5_lucas_0.flac"};

// The clips cut or filled up to one length.
static float *read_clips(int rate, int64_t length) {
    float *samples = test_memory(CV_COUNT(clips) * (size_t)length, sizeof *samples);
    for (size_t k = 0; k < CV_COUNT(clips); k++) {
        cv_sound sound;
        convo_error err = {0};
        must(cv_sound_read(clips[k], rate, &sound, &err), &err);
        const size_t used = sound.count < (size_t)length ? sound.count : (size_t)length;
        memcpy(samples + k * (size_t)length, sound.sample, used * sizeof *samples);
        cv_sound_free(&sound);
    }
    return samples;
}

static const struct {
    const char *name, *features;
    int64_t samples;
} fronts[] = {
    {"mfcc", "{kind: mfcc, samples: 6000}", 6000},
    {"mfcc, short clip", "{kind: mfcc, samples: 1203, mean: -3, std: 7.5, log_energy: false, lifter: 0, filters: 20}",
     1203},
    {"log-mel", "{kind: logmel, samples: 8000, mel: slaney, filters: 20}", 8000},
    {"log-mel, zeros, decibels", "{kind: logmel, samples: 5000, pad: zero, window: hamming, log: db, layout: channels}",
     5000},
    {"log-mel, not centred", "{kind: logmel, samples: 6000, center: false, power: 1, window: rectangular, fft: 512}",
     6000},
    {"log-mel, relative", "{kind: logmel, samples: 8000, log: db, range: 60}", 8000},
    {"waveform", "{kind: waveform, samples: 4000}", 4000},
    {"mfcc, normalised by coefficient", "{kind: mfcc, samples: 2000, cepstra: 3, mean: [-2, 3, 1], std: [8, 7.5, 6]}",
     2000},
    {"logmel, normalised by filter",
     "{kind: logmel, samples: 2000, filters: 4, mean: [-8, -7, -6, -5], std: [8, 7.5, 6, 5]}", 2000},
    {"log-mel, torch.stft's frames",
     "{kind: logmel, samples: 3000, center: false, align: transform, fft: 300, log: log10}", 3000},
    {"log-mel, in a range, deltas",
     "{kind: logmel, samples: 3000, filters: 20, log: db, range: 50, relative: false, offset: 0.001, deltas: 2}", 3000},
    {"log-mel, cmvn, deltas as channels",
     "{kind: logmel, samples: 3000, filters: 20, scale: cmvn, deltas: 2, delta_reach: 3, layout: channels}", 3000},
    {"mfcc, clip, a picture", "{kind: mfcc, samples: 3000, scale: clip, deltas: 1, layout: image}", 3000},
    {"mfcc as torchaudio's", "{kind: mfcc_torch, samples: 3000, fft: 200, filters: 20, cepstra: 12}", 3000},
    {"mfcc as librosa's, relative, cmn",
     "{kind: mfcc_torch, samples: 3000, mel: slaney, pad: zero, lifter: 22, relative: true, scale: cmn}", 3000},
    {"fbank", "{kind: fbank, samples: 3000}", 3000},
    {"fbank with energy, mirrored",
     "{kind: fbank, samples: 3000, snip_edges: false, energy: true, full_scale: 1, fft: 200, "
     "filters: 12}",
     3000},
    {"pcen", "{kind: pcen, samples: 3000, filters: 20, std: 3}", 3000},
    {"pcen from one",
     "{kind: pcen, samples: 3000, filters: 20, start: one, full_scale: 32768, bias: 1, time_constant: 0.05}", 3000},
    {"waveform, unit", "{kind: waveform, samples: 4000, scale: unit}", 4000},
    {"waveform, counts", "{kind: waveform, samples: 4000, scale: none, std: 8000}", 4000},
};

static void recordings_with_and_without_the_front_end(void **state) {
    (void)state;
    for (size_t f = 0; f < CV_COUNT(fronts); f++) {
        char text[512], name[128];
        snprintf(text, sizeof text, "data: fsdd\nfeatures: %s\nmodel: [flatten, {linear: 16}, tanh, {linear: 10}]\n",
                 fronts[f].features);
        convo_model *model = make_model(text, 10);
        const size_t size = (size_t)cv_shape_size(model->net->input), length = (size_t)fronts[f].samples;
        float *samples = read_clips(8000, fronts[f].samples);
        float *inputs = test_memory(CV_COUNT(clips) * size, sizeof *inputs);
        for (size_t k = 0; k < CV_COUNT(clips); k++) {
            convo_error err = {0};
            must(cv_front_compute(model->front, samples + k * length, length, inputs + k * size, &err), &err);
        }
        snprintf(name, sizeof name, "%s: features", fronts[f].name);
        write_case(name, model, NULL, inputs, CV_COUNT(clips), NULL, 0);
        snprintf(name, sizeof name, "%s: samples", fronts[f].name);
        write_case(name, model, &(convo_export_options){.features = true}, inputs, CV_COUNT(clips), samples,
                   fronts[f].samples);
        free(inputs);
        free(samples);
        convo_model_free(model);
    }
}

// --- the judges ---------------------------------------------------------------------------------------------------

static void the_onnx_checker_has_no_objection(void **state) {
    (void)state;
    char command[256];
    if (system("/usr/bin/python3 -c 'import onnx' 2>/dev/null") != 0) {
        print_message("[  SKIPPED ] the_onnx_checker_has_no_objection: python3-onnx is not installed\n");
        skip();
    }
    snprintf(command, sizeof command, "/usr/bin/python3 tests/onnx/check.py %s/*.onnx >%s/checked", test_folder,
             test_folder);
    assert_int_equal(system(command), 0);
    char path[64];
    cv_bytes text;
    snprintf(path, sizeof path, "%s/checked", test_folder);
    assert_int_equal(cv_file_read(path, 1 << 20, &text, NULL), CONVO_OK);
    int lines = 0;
    for (char *line = strtok((char *)text.data, "\n"); line; line = strtok(NULL, "\n"), lines++)
        if (!strstr(line, ".onnx 17 8")) fail_msg("not opset 17 and IR version 8: %s", line);
    assert_int_equal(lines, written);
    free(text.data);
}

static void onnxruntime_gives_the_same_scores(void **state) {
    (void)state;
    char path[64], command[256], model[128], same[16];
    double worst = 0, off;
    int lines = 0;
    if (!getenv("CONVO_ORT")) {
        print_message("[  SKIPPED ] onnxruntime_gives_the_same_scores: CONVO_ORT names no node_modules folder\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/list", test_folder);
    FILE *list = fopen(path, "w");
    assert_non_null(list);
    for (int k = 0; k < written; k++)
        fprintf(list, "%s/%d.onnx %s/%d.in.npy %s/%d.out.npy\n", test_folder, k, test_folder, k, test_folder, k);
    fclose(list);
    snprintf(command, sizeof command, "node tests/onnx/score.js %s", path);
    FILE *scores = popen(command, "r");
    char line[1024];
    assert_non_null(scores);
    for (; fgets(line, sizeof line, scores); lines++) {
        const char *name = what[atoi(line + strlen(test_folder) + 1)];
        if (sscanf(line, "%127s %lf %15s", model, &off, same) != 3) fail_msg("%s: %s", name, line);
        if (off > worst) worst = off;
        if (!(off <= 1e-5) || strcmp(same, "true") != 0) fail_msg("%s: %s", name, line);
    }
    pclose(scores);
    assert_int_equal(lines, written);
    print_message("%d models, the largest difference from onnxruntime is %.2g\n", written, worst);
}

// --- what is refused ----------------------------------------------------------------------------------------------

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *path, *says;
        convo_export_options options;
        convo_status status;
    } cases[] = {
        {"x.pt", "must be .onnx, .safetensors or .c", {0}, CONVO_ARGUMENT},
        {".onnx", "must be .onnx", {0}, CONVO_ARGUMENT},
        {"x.safetensors", "the model unchanged", {.fold = true}, CONVO_ARGUMENT},
        {"x.onnx", "no front end", {.features = true}, CONVO_ARGUMENT},
        {"/nowhere/x.onnx", "", {0}, CONVO_IO},
    };
    convo_model *model = make_model(nested, 10);
    for (size_t k = 0; k < CV_COUNT(cases); k++) {
        convo_error err = {0};
        assert_int_equal(convo_export(model, cases[k].path, &cases[k].options, &err), cases[k].status);
        if (!strstr(err.message, cases[k].says)) fail_msg("'%s' is not said, but '%s'", cases[k].says, err.message);
    }
    convo_model_free(model);
}
#endif

// --- the language -------------------------------------------------------------------------------------------------

static void without_none(const void *context, const char *name, char out[CV_GRAPH_NAME]) {
    (void)context;
    cv_print(out, CV_GRAPH_NAME, "%s", strcmp(name, "none") ? name : "");
}

static void nodes_are_read_from_text(void **state) {
    (void)state;
    cv_graph g = {0};
    const cv_graph_scope scope = {without_none, NULL};
    assert_true(cv_graph_parse(
        &g, "y = Conv(x, w) strides=[2, -1] group=1 eps=1e-05; z = Sum(#0.5, none, #[0, 3], #2d, none)", &scope));
    assert_int_equal(g.nodes, 2);
    assert_string_equal(g.node[0].type, "Conv");
    assert_int_equal(g.node[0].inputs, 2);
    const cv_attribute *strides = cv_graph_attribute(&g.node[0], "strides");
    assert_true(strides && strides->list && strides->count == 2 && strides->ints[1] == -1);
    assert_true(!cv_graph_attribute(&g.node[0], "group")->list);
    assert_int_equal(cv_graph_attribute(&g.node[0], "eps")->kind, CV_ATTRIBUTE_FLOAT);
    assert_int_equal(g.node[1].inputs, 4); // the one left out in the middle is written, the one at the end is not
    assert_string_equal(g.node[1].input[1], "");
    const cv_constant *list = cv_graph_constant(&g, "#[0, 3]"), *half = cv_graph_constant(&g, "#0.5");
    assert_true(list && list->type == CV_CONST_I64 && list->dims == 1 && ((int64_t *)list->data)[1] == 3);
    assert_true(half && half->dims == 0 && *(float *)half->data == 0.5f);
    assert_int_equal(cv_graph_constant(&g, "#2d")->type, CV_CONST_F64);
    cv_graph_free(&g);
}

static void text_that_is_wrong_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        "y",
                                        "y = ",
                                        "y = A",
                                        "y = A(",
                                        "y = A(x",
                                        "y = A(x) b",
                                        "y = A(x) b=",
                                        "y = A(x) b=[1",
                                        "y = A(x) b=+",
                                        "a, b, c = A(x)",
                                        "y = A(x);",
                                        "y = A(x) ; ; z = B(y)",
                                        "y = A(#)",
                                        "y = A(#z)",
                                        "y = A(#[1)",
                                        "y = A(x))",
                                        "y = A(x) b=[1, 2.5]"};
    for (size_t k = 0; k < CV_COUNT(wrong); k++) {
        cv_graph g = {0};
        if (cv_graph_parse(&g, wrong[k], NULL)) fail_msg("'%s' is read", wrong[k]);
        cv_graph_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_read_from_text),
        cmocka_unit_test(text_that_is_wrong_is_refused),
#ifdef CONVO_HAVE_ONNX
        cmocka_unit_test(every_layer_can_be_exported),
        cmocka_unit_test(branches_folding_and_probabilities),
        cmocka_unit_test(folding_leaves_only_what_cannot_be_folded),
        cmocka_unit_test(a_batch_norm_is_folded_into_a_transposed_convolution),
        cmocka_unit_test(recordings_with_and_without_the_front_end),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(the_onnx_checker_has_no_objection),
        cmocka_unit_test(onnxruntime_gives_the_same_scores),
#endif
    };
    (void)written, (void)what;
    return cmocka_run_group_tests_name("onnx", tests, make_folder, remove_folder);
}
